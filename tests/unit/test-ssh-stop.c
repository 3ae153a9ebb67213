/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

/* What a time-out and a cancellation end in the guest. The commands note the
 * processes that they are in a file. */

/* The pids in the file, up to `n`. */
static size_t pids(const char *file, pid_t *out, size_t n)
{
	auto_file FILE *f = fopen(file, "re");
	size_t got = 0;
	int pid;

	while (f && got < n && fscanf(f, "%d", &pid) == 1)
		out[got++] = pid;
	return got;
}

static bool alive(pid_t pid)
{
	char path[64], state = 'Z';
	auto_file FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	/* Who is nobody's child any more may stay a zombie in a container. */
	return f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z';
}

static void wait_until_gone(const char *file, size_t n)
{
	struct wait w = wait_begin(15000, 100);
	pid_t list[8];

	assert_int_equal(pids(file, list, 8), n);
	for (size_t i = 0; i < n; i++)
		while (alive(list[i]))
			assert_true(wait_more(&w));
}

/* A family of three that ignores SIGTERM: the command, its child, and a job in
 * a process group of its own. (tail would end when the reader of a pipe that it
 * writes to does.) */
#define FAMILY                                                                 \
	"trap '' TERM; exec 3>%s; echo $$ >&3; "                               \
	"sh -c 'echo $$ >&3; exec tail -f /dev/null >&3' & "                   \
	"set -m; sh -c 'echo $$ >&3; exec tail -f /dev/null >&3' & "           \
	"exec tail -f /dev/null >&3"

static void a_timeout_ends_the_whole_family(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *file = path_join(d->dir, "family");
	auto_free char *command = str_printf(FAMILY, file);
	auto_outcome o;

	sshd_run_timed(d, command, file, 3, &o);
	wait_until_gone(file, 3);
}

/* Once all three are there. */
static void cancel_when_they_run(struct counting *c)
{
	pid_t list[8];

	if (pids(c->data, list, 8) == 3)
		c->limit = c->calls;
}

static void a_cancellation_ends_the_whole_family(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *file = path_join(d->dir, "cancelled");
	auto_free char *command = str_printf(FAMILY, file);
	struct counting c;
	auto_outcome o;

	counting_init(&c, 0);
	c.each = cancel_when_they_run;
	c.data = file;
	sshd_run(d, command, -1, 0, &c.ev, &o);
	assert_int_equal(o.r, -VMCTL_CANCELLED);
	wait_until_gone(file, 3);
}

/* The script by which it is ended is read by the login shell. */
static void a_cancellation_ends_it_whatever_the_login_shell(void **state)
{
	static const char *const shells[] = { "tcsh", "fish" };
	struct sshd *d = need_sshd(state);

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		auto_free char *file = path_join(d->dir, shells[i]);
		auto_free char *script = str_printf(FAMILY, file);
		const char *const argv[] = { "sh", "-c", script, NULL };
		auto_free char *command = ssh_command(argv, NULL, NULL);
		struct counting c;
		auto_outcome o;

		counting_init(&c, 0);
		c.each = cancel_when_they_run;
		c.data = file;
		sshd_login_shell(d, shells[i]);
		sshd_run(d, command, -1, 0, &c.ev, &o);
		sshd_login_shell(d, NULL);
		assert_int_equal(o.r, -VMCTL_CANCELLED);
		wait_until_gone(file, 3);
	}
}

static void what_ends_at_sigterm_may_say_goodbye(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run_timed(d,
		       "trap 'echo bye; echo gone >&2; exit 9' TERM; echo on; "
		       "tail -f /dev/null >/dev/null & wait",
		       NULL, 1, &o);
	assert_string_equal(str_text(&o.out), "on\nbye\n");
	assert_string_equal(str_text(&o.err), "gone\n");
}

/* As sudo(8) may run a command: in a session of its own, below this one. */
static void a_session_below_this_one_is_ended(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *file = path_join(d->dir, "below");
	auto_free char *command = str_printf(
		"setsid sh -c 'echo $$ >%s; exec tail -f /dev/null' "
		"</dev/null >/dev/null 2>&1 & exec tail -f /dev/null",
		file);
	auto_outcome o;

	sshd_run_timed(d, command, file, 1, &o);
	wait_until_gone(file, 1);
}

static void what_left_the_session_stays(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *file = path_join(d->dir, "daemon");
	auto_free char *command = str_printf(
		"(setsid sh -c 'echo $$ >%s; exec tail -f /dev/null' "
		"</dev/null >/dev/null 2>&1 &); exec tail -f /dev/null",
		file);
	pid_t pid = 0;
	auto_outcome o;

	sshd_run_timed(d, command, file, 1, &o);
	assert_int_equal(pids(file, &pid, 1), 1);
	assert_true(alive(pid));
	kill(pid, SIGKILL);
}

/* The script of the first goes on while the second runs. */
static void the_next_command_of_the_connection_is_spared(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .in = -1, .out = -1, .err = -1 };
	struct ssh_exit exit;

	what.command = "exec tail -f /dev/null";
	what.timeout_ms = 300;
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, SSH_TIMEOUT_STATUS);
	what.command = "timeout 2 tail -f /dev/null; exit 5";
	what.timeout_ms = 0;
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 5);
	d->ops->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_ends_the_whole_family),
		cmocka_unit_test(
			a_cancellation_ends_it_whatever_the_login_shell),
		cmocka_unit_test(a_cancellation_ends_the_whole_family),
		cmocka_unit_test(what_ends_at_sigterm_may_say_goodbye),
		cmocka_unit_test(a_session_below_this_one_is_ended),
		cmocka_unit_test(what_left_the_session_stays),
		cmocka_unit_test(the_next_command_of_the_connection_is_spared),
	};

	return cmocka_run_group_tests_name("ssh-stop", tests, sshd_setup,
					   sshd_teardown);
}
