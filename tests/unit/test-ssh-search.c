/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/ssh-search.h"

/* When a server begins to speak: against sockets of this process. */

#define BANNER "SSH-2.0-test\r\n"
#define LONG_MS 60000

/* Bound to a free port, and not listening yet. */
static int make_socket(int *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* Steps as the loop of a caller does, for so long or until that stage. */
static enum ssh_stage search(struct ssh_search *s, enum ssh_stage until,
			     int64_t ms)
{
	int64_t deadline = clock_mono_ms() + ms, due = 0;
	enum ssh_stage stage = SSH_STAGE_NONE;

	while (clock_mono_ms() < deadline && stage != until) {
		struct pollfd p[SSH_SEARCH_SOCKETS];

		stage = ssh_search_step(s, &due);
		if (stage == until)
			break;
		int64_t left = due - clock_mono_ms();
		poll(p, (nfds_t)ssh_search_fds(s, p),
		     left < 0	  ? 0
		     : left > 100 ? 100
				  : (int)left);
	}
	return stage;
}

static void a_server_is_found_soon_after_it_begins_to_listen(void **state)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	char buf[32];
	int port, listener = make_socket(&port);
	struct pollfd none[SSH_SEARCH_SOCKETS];
	int64_t due;

	ssh_search_begin(&s, "127.0.0.1", port);
	assert_true(ssh_search_at(&s, "127.0.0.1", port));
	assert_false(ssh_search_at(&s, "127.0.0.2", port));
	assert_int_equal(search(&s, SSH_STAGE_REFUSED, LONG_MS),
			 SSH_STAGE_REFUSED);
	/* However long it has been refused, the next attempt is never far. */
	search(&s, SSH_STAGE_SPOKE, 600);
	while (ssh_search_step(&s, &due) == SSH_STAGE_REFUSED &&
	       ssh_search_fds(&s, none))
		poll(none, 1, 100);
	assert_true(due - clock_mono_ms() <= 300);
	/* From here on, it gets through. */
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(search(&s, SSH_STAGE_SILENT, LONG_MS),
			 SSH_STAGE_SILENT);
	int server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(write(server, BANNER, sizeof(BANNER) - 1),
			 sizeof(BANNER) - 1);
	assert_int_equal(search(&s, SSH_STAGE_SPOKE, LONG_MS), SSH_STAGE_SPOKE);
	/* What it said is still there, for who takes the socket. */
	int fd = ssh_search_take(&s);
	assert_true(fd > 2);
	assert_int_equal(read(fd, buf, sizeof(buf)), sizeof(BANNER) - 1);
	assert_memory_equal(buf, BANNER, sizeof(BANNER) - 1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(ssh_search_fds(&s, none), 0);
	close(fd);
	close(server);
	close(listener);
}

/* How many connections came so far. */
static int accepted(int listener, int fds[], int most)
{
	int n = 0;

	fcntl(listener, F_SETFL, O_NONBLOCK);
	while (n < most && (fds[n] = accept(listener, NULL, NULL)) >= 0)
		n++;
	return n;
}

/* User-mode networking takes everything: what came too early is lost. */
static void a_silent_attempt_is_followed_by_another(void **state)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	int fds[16], port, listener = make_socket(&port), n = 0;
	int64_t begun = clock_mono_ms();

	assert_int_equal(listen(listener, 16), 0);
	ssh_search_begin(&s, "127.0.0.1", port);
	while (n < 3 && clock_mono_ms() - begun < LONG_MS) {
		search(&s, SSH_STAGE_SPOKE, 20);
		n += accepted(listener, fds + n, 16 - n);
	}
	assert_true(n >= 3);
	/* Each was given some time: a quarter of a second, and then more. */
	assert_true(clock_mono_ms() - begun >= 500);
	/* The one before the last is still listened to. */
	assert_int_equal(write(fds[n - 2], BANNER, sizeof(BANNER) - 1),
			 sizeof(BANNER) - 1);
	assert_int_equal(search(&s, SSH_STAGE_SPOKE, LONG_MS), SSH_STAGE_SPOKE);
	char buf[32];
	int fd = ssh_search_take(&s);
	assert_int_equal(read(fd, buf, sizeof(buf)), sizeof(BANNER) - 1);
	close(fd);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
}

/* More connections would only slow a server down. */
static void one_that_has_reached_the_guest_is_given_time(void **state)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	int fds[16], port, listener = make_socket(&port), n;

	assert_int_equal(listen(listener, 16), 0);
	ssh_search_begin(&s, "127.0.0.1", port);
	assert_int_equal(search(&s, SSH_STAGE_SILENT, LONG_MS),
			 SSH_STAGE_SILENT);
	struct wait w = wait_begin(LONG_MS, 10);
	while (!ssh_search_unsure(&s) && wait_more(&w))
		;
	assert_true(ssh_search_unsure(&s));
	ssh_search_reached(&s);
	assert_false(ssh_search_unsure(&s));
	search(&s, SSH_STAGE_SPOKE, 1500);
	n = accepted(listener, fds, 16);
	assert_int_equal(n, 1);
	close(fds[0]);
	ssh_search_done(&s);
	close(listener);
}

static void one_that_is_closed_is_tried_again_at_a_pace(void **state)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	int port, listener = make_socket(&port), n = 0;
	int64_t begun = clock_mono_ms(), due;

	assert_int_equal(listen(listener, 16), 0);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	ssh_search_begin(&s, "127.0.0.1", port);
	while (n < 6 && clock_mono_ms() - begun < LONG_MS) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		int fd;

		ssh_search_step(&s, &due);
		poll(&p, 1, 5);
		while ((fd = accept(listener, NULL, NULL)) >= 0) {
			n++;
			close(fd);
		}
	}
	assert_int_equal(s.stage, SSH_STAGE_CLOSED);
	assert_true(n >= 6);
	/* 25 ms between the first two, and half as much again each time. */
	assert_true(clock_mono_ms() - begun >= 300);
	ssh_search_done(&s);
	close(listener);
}

static void no_address_is_no_reason_to_spin(void **state)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	int64_t due;

	ssh_search_begin(&s, "no address", 22);
	assert_int_equal(ssh_search_step(&s, &due), SSH_STAGE_UNREACHABLE);
	assert_true(due > clock_mono_ms());
	ssh_search_done(&s);
	/* And again, for nothing. */
	ssh_search_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_server_is_found_soon_after_it_begins_to_listen),
		cmocka_unit_test(a_silent_attempt_is_followed_by_another),
		cmocka_unit_test(one_that_has_reached_the_guest_is_given_time),
		cmocka_unit_test(one_that_is_closed_is_tried_again_at_a_pace),
		cmocka_unit_test(no_address_is_no_reason_to_spin),
	};

	return cmocka_run_group_tests_name("ssh-search", tests, NULL, NULL);
}
