/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "driver/ssh.h"

/*
 * An ssh client without guests: the module ssh.so as tests of the command want
 * it. Every guest is this host, whose /bin/sh runs what it is sent, with its
 * number in FAKE_NUMBER: the line on which FAKE_PORTS has its port, counted
 * from 0. The one of the number FAKE_SSH_REFUSE refuses everybody.
 */
struct ssh_conn {
	int number;
};

static int number_of(int port)
{
	FILE *f = fopen(getenv("FAKE_PORTS"), "re");
	int n = 0, line;

	while (f && fscanf(f, "%d", &line) == 1 && line != port)
		n++;
	if (f)
		fclose(f);
	return n;
}

static bool refuses(int number)
{
	const char *refused = getenv("FAKE_SSH_REFUSE");

	return refused && strtol(refused, NULL, 10) == number;
}

static int fake_connect(const struct ssh_target *target,
			const struct events *ev, struct ssh_conn **ret,
			struct vmctl_error *err)
{
	int number = number_of(target->port);

	if (target->socket > 0)
		close(target->socket);
	if (refuses(number))
		return fail(err, VMCTL_BAD_DATA, 0, "another host key");
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return fail_oom(err);
	(*ret)->number = number;
	return 0;
}

static void run_command(const struct ssh_conn *conn,
			const struct ssh_exec *what)
{
	char number[16];
	int null = open("/dev/null", O_RDWR);

	snprintf(number, sizeof(number), "%d", conn->number);
	setenv("FAKE_NUMBER", number, 1);
	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	dup2(what->in >= 0 ? what->in : null, 0);
	dup2(what->out >= 0 ? what->out : null, 1);
	dup2(what->err >= 0 ? what->err : null, 2);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	execl("/bin/sh", "sh", "-c", what->command, (char *)NULL);
	_exit(127);
}

static int fake_exec(struct ssh_conn *conn, const struct ssh_exec *what,
		     const struct events *ev, struct ssh_exit *ret,
		     struct vmctl_error *err)
{
	struct wait w =
		wait_begin(what->timeout_ms ? what->timeout_ms : -1, 20);
	struct ssh_exit exit = { 0 };
	pid_t pid = fork();
	int status = 0, r = 0;

	if (pid < 0)
		return fail_sys(err, errno, "fork");
	if (pid == 0)
		run_command(conn, what);
	while (r == 0 && waitpid(pid, &status, WNOHANG) == 0) {
		if (cancelled(ev))
			r = fail_cancelled(err);
		else if (!wait_more(&w))
			exit.timed_out = true;
		/* It may not lead a group of its own yet. */
		if ((r < 0 || exit.timed_out) && kill(-pid, SIGKILL) < 0)
			kill(pid, SIGKILL);
	}
	if (r < 0) {
		waitpid(pid, NULL, 0);
		return r;
	}
	exit.status = exit.timed_out	  ? SSH_TIMEOUT_STATUS
		      : WIFEXITED(status) ? WEXITSTATUS(status)
					  : 128 + WTERMSIG(status);
	if (!exit.timed_out && WIFSIGNALED(status))
		exit.signal = WTERMSIG(status);
	*ret = exit;
	return 0;
}

/* No descriptor: such a connection cannot be kept. */
static int fd(struct ssh_conn *conn)
{
	return -1;
}

static int idle(struct ssh_conn *conn, int other, long timeout_ms,
		struct vmctl_error *err)
{
	return fail(err, VMCTL_TRANSPORT, 0, "nothing is kept");
}

static void fake_close(struct ssh_conn *conn)
{
	free(conn);
}

static void forget(struct ssh_keyring *ring)
{
	(void)ring;
}

extern const struct ssh_ops vmctl_module_ssh;
VMCTL_API const struct ssh_ops vmctl_module_ssh = {
	.abi = SSH_ABI,
	.connect = fake_connect,
	.exec = fake_exec,
	.fd = fd,
	.idle = idle,
	.close = fake_close,
	.forget = forget,
};
