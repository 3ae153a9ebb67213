/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/pass-fd.h"
#include "driver/dial.h"

/* Connections for somebody else's ssh. */

static int listen_on(int *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* A process that takes one connection, says that and waits for its end. */
static pid_t serve(int fd, const char *say)
{
	pid_t pid = fork();
	char c;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	int conn = accept(fd, NULL, NULL);
	if (conn >= 0 && *say &&
	    write(conn, say, strlen(say)) == (ssize_t)strlen(say))
		(void)!read(conn, &c, 1);
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_greeting_is_waited_for_and_left_to_be_read(void **state)
{
	static const char hello[] = "SSH-2.0-x\r\n";
	auto_close int fd = -1;
	char got[64] = "";
	int port, server = listen_on(&port);
	pid_t pid = serve(server, hello);

	must(dial_ssh("127.0.0.1", port, 10000, NULL, &fd, err));
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(recv(fd, got, strlen(hello), MSG_WAITALL),
			 strlen(hello));
	assert_string_equal(got, hello);
	end(pid);
	close(server);
}

static void silence_is_given_up(void **state)
{
	int64_t begin = clock_mono_ms();
	int fd = -1, port, server = listen_on(&port);

	/* The kernel accepts it. */
	must_fail(VMCTL_TRANSPORT,
		  dial_ssh("127.0.0.1", port, 200, NULL, &fd, err));
	assert_true(clock_mono_ms() - begin >= 200);
	assert_true(clock_mono_ms() - begin < 60000);
	assert_int_equal(fd, -1);
	close(server);
}

static void what_hangs_up_or_refuses_is_told_at_once(void **state)
{
	int fd = -1, port, server = listen_on(&port);
	pid_t pid = serve(server, "");

	must_fail(VMCTL_TRANSPORT,
		  dial_ssh("127.0.0.1", port, 60000, NULL, &fd, err));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(server);
	must_fail(VMCTL_TRANSPORT,
		  dial_ssh("127.0.0.1", port, 60000, NULL, &fd, err));
	/* Names are not looked up. */
	must_fail(VMCTL_INTERNAL,
		  dial_ssh("localhost", port, 60000, NULL, &fd, err));
}

static bool yes(void *data)
{
	return true;
}

static void dialling_can_be_cancelled(void **state)
{
	const struct events ev = { .cancelled = yes };
	int fd = -1, port, server = listen_on(&port);

	must_fail(VMCTL_CANCELLED,
		  dial_ssh("127.0.0.1", port, 60000, &ev, &fd, err));
	close(server);
}

static void a_descriptor_goes_through_a_socket(void **state)
{
	char byte = 1, space[CMSG_SPACE(sizeof(int))];
	struct iovec io = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &io,
			      .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	int pair[2], pipes[2], got;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	must(pass_fd(pair[0], pipes[1], err));
	/* What OpenSSH's mm_receive_fd() wants. */
	assert_int_equal(recvmsg(pair[1], &msg, 0), 1);
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	must_fail(VMCTL_INVALID, pass_fd(pipes[1], pipes[1], err));
	close(pair[1]);
	must_fail(VMCTL_FAILED, pass_fd(pair[0], pipes[1], err));
	close(pair[0]);
	close(pipes[0]);
	close(pipes[1]);
	close(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_waited_for_and_left_to_be_read),
		cmocka_unit_test(silence_is_given_up),
		cmocka_unit_test(what_hangs_up_or_refuses_is_told_at_once),
		cmocka_unit_test(dialling_can_be_cancelled),
		cmocka_unit_test(a_descriptor_goes_through_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
