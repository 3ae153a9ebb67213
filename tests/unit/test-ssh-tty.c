/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>

#include "base/clock.h"

#define PATIENCE_MS 30000

/*
 * A person at a terminal: this process holds the one end, and a child, for
 * which the other end is its controlling terminal, runs the session. It exits
 * with the command's status, or 200 + the code of a failure.
 */
struct seat {
	int master, slave;
	pid_t pid;
	struct termios before;
	struct str seen; /* what came on the screen */
	bool gone;
	int status; /* of the child that is gone */
};

static struct sshd *need_tty(void **state)
{
	static int has = -1;
	struct sshd *d = need_sshd(state);

	if (has < 0)
		has = sshd_has_tty(d);
	if (!has)
		skip_because("an ordinary user's sshd gives no terminal here");
	return d;
}

static int session(struct sshd *d, const char *command)
{
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = {
		.command = command, .tty = true, .out = 1, .err = 2
	};
	struct ssh_exit exit = { 0 };
	int r = d->ops->exec(conn, &what, NULL, &exit, &d->err);

	d->ops->close(conn);
	return r < 0 ? 200 - r : exit.status;
}

static void sit_down(struct sshd *d, struct seat *s, const char *command)
{
	const struct winsize size = { .ws_row = 33, .ws_col = 101 };

	*s = (struct seat){ 0 };
	assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(s->slave, &s->before), 0);
	s->pid = fork();
	if (s->pid == 0) {
		close(s->master);
		login_tty(s->slave);
		_exit(session(d, command));
	}
	fcntl(s->master, F_SETFL, O_NONBLOCK);
}

static void look(struct seat *s)
{
	struct pollfd p = { .fd = s->master, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	poll(&p, 1, 50);
	while ((n = read(s->master, buf, sizeof(buf))) > 0)
		str_addn(&s->seen, buf, (size_t)n);
}

static bool is_gone(struct seat *s)
{
	if (!s->gone)
		s->gone = waitpid(s->pid, &s->status, WNOHANG) == s->pid;
	return s->gone;
}

static void look_for(struct seat *s, const char *text)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (!strstr(str_text(&s->seen), text)) {
		bool last = is_gone(s) || clock_mono_ms() > end;

		look(s);
		if (last && !strstr(str_text(&s->seen), text)) {
			print_error("status %x, on the screen: %s\n",
				    (unsigned)s->status, str_text(&s->seen));
			assert_true(false);
		}
	}
}

static void type(struct seat *s, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(write(s->master, text, n), (ssize_t)n);
}

static bool is_raw(const struct seat *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

/* Waits for the child; its wait status. */
static int stand_up(struct seat *s)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;
	struct termios after;

	while (!is_gone(s)) {
		assert_true(clock_mono_ms() < end);
		look(s);
	}
	look(s);
	assert_int_equal(tcgetattr(s->slave, &after), 0);
	assert_int_equal(after.c_iflag, s->before.c_iflag);
	assert_int_equal(after.c_oflag, s->before.c_oflag);
	assert_int_equal(after.c_cflag, s->before.c_cflag);
	assert_int_equal(after.c_lflag, s->before.c_lflag);
	assert_memory_equal(after.c_cc, s->before.c_cc, sizeof(after.c_cc));
	close(s->master);
	close(s->slave);
	str_done(&s->seen);
	return s->status;
}

static void term_001_the_terminal_is_raw_and_restored(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;
	int status;

	sit_down(d, &s, "echo ready; read x; echo got:$x; exit 5");
	look_for(&s, "ready\r\n");
	assert_true(is_raw(&s));
	type(&s, "word\r");
	look_for(&s, "got:word\r\n");
	status = stand_up(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 5);
}

static void term_004_the_size_and_type_arrive(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;

	setenv("TERM", "vt220", 1);
	sit_down(d, &s, "stty size; echo $TERM");
	look_for(&s, "33 101\r\n");
	look_for(&s, "vt220\r\n");
	assert_int_equal(stand_up(&s), 0);
}

static void term_005_a_change_of_size_is_followed(void **state)
{
	struct sshd *d = need_tty(state);
	const struct winsize size = { .ws_row = 50, .ws_col = 160 };
	struct seat s;
	int status;

	sit_down(d, &s,
		 "trap 'stty size; kill $!; exit 5' WINCH; stty size;"
		 "tail -f /dev/null & wait");
	look_for(&s, "33 101\r\n");
	assert_int_equal(ioctl(s.master, TIOCSWINSZ, &size), 0);
	look_for(&s, "50 160\r\n");
	status = stand_up(&s);
	assert_int_equal(WEXITSTATUS(status), 5);
}

static void control_characters_go_to_the_other_side(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;
	int status;

	sit_down(d, &s, "trap 'echo caught; exit 6' INT; echo ready; read x");
	look_for(&s, "ready\r\n");
	type(&s, "\x03");
	look_for(&s, "caught\r\n");
	status = stand_up(&s);
	assert_int_equal(WEXITSTATUS(status), 6);
}

static void term_009_the_end_of_the_other_side_ends_the_session(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;
	int status;

	sit_down(d, &s, NULL); /* a login shell */
	type(&s, "echo a$((40+2))b\r");
	look_for(&s, "a42b\r\n");
	type(&s, "exit 7\r");
	status = stand_up(&s);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void term_010_signals_restore_the_terminal(void **state)
{
	struct sshd *d = need_tty(state);
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct seat s;
		int status;

		sit_down(d, &s, "echo ready; read x");
		look_for(&s, "ready\r\n");
		assert_true(is_raw(&s));
		kill(s.pid, signals[i]);
		status = stand_up(&s); /* compares the modes */
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
}

static void the_escape_disconnects(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;
	int status;

	sit_down(d, &s, "stty -echo; echo ready; read x; echo got:$x; read y");
	look_for(&s, "ready\r\n");
	type(&s, "a~.~~b\r"); /* not at the start of the line */
	look_for(&s, "got:a~.~~b\r\n");
	type(&s, "~.");
	status = stand_up(&s);
	assert_int_equal(WEXITSTATUS(status), 200 + VMCTL_TRANSPORT);
}

static void a_doubled_escape_is_one_character(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;

	sit_down(d, &s, "stty -echo; echo ready; read x; echo got:$x");
	look_for(&s, "ready\r\n");
	type(&s, "~~x\r");
	look_for(&s, "got:~x\r\n");
	assert_int_equal(stand_up(&s), 0);
}

static void a_killed_connection_restores_the_terminal(void **state)
{
	struct sshd *d = need_tty(state);
	struct seat s;
	int status;

	sit_down(d, &s, "echo ready; read x; kill -9 $PPID; read x");
	look_for(&s, "ready\r\n");
	type(&s, "\r");
	status = stand_up(&s);
	assert_int_equal(WEXITSTATUS(status), 200 + VMCTL_TRANSPORT);
}

static void term_010_closing_the_terminal_ends_the_session(void **state)
{
	struct sshd *d = need_tty(state);
	struct wait w = wait_begin(PATIENCE_MS, 100);
	struct seat s;
	int status;

	sit_down(d, &s, "echo ready; read x");
	look_for(&s, "ready\r\n");
	close(s.slave);
	close(s.master);
	while (waitpid(s.pid, &status, WNOHANG) == 0)
		assert_true(wait_more(&w));
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) >= 200);
	str_done(&s.seen);
}

static void without_a_local_terminal_there_is_one_all_the_same(void **state)
{
	struct sshd *d = need_tty(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .command = "tty >/dev/null || exit 9",
				 .tty = true,
				 .in = -1,
				 .out = -1,
				 .err = -1 };
	struct ssh_exit exit = { .status = -1 };

	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 0);
	d->ops->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(term_001_the_terminal_is_raw_and_restored),
		cmocka_unit_test(term_004_the_size_and_type_arrive),
		cmocka_unit_test(term_005_a_change_of_size_is_followed),
		cmocka_unit_test(control_characters_go_to_the_other_side),
		cmocka_unit_test(
			term_009_the_end_of_the_other_side_ends_the_session),
		cmocka_unit_test(term_010_signals_restore_the_terminal),
		cmocka_unit_test(the_escape_disconnects),
		cmocka_unit_test(a_doubled_escape_is_one_character),
		cmocka_unit_test(a_killed_connection_restores_the_terminal),
		cmocka_unit_test(
			term_010_closing_the_terminal_ends_the_session),
		cmocka_unit_test(
			without_a_local_terminal_there_is_one_all_the_same),
	};

	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
