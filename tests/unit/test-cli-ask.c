/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "base/clock.h"
#include "cli/ask.h"

#define PATIENCE_MS 30000

/*
 * A person at a terminal, which is the controlling one of a child that asks.
 * The child's standard streams are none. It ends with 0 when the answer is
 * "secret", 1 for another, 2 for none.
 */
struct seat {
	int master, slave;
	pid_t pid;
	struct termios before;
	char seen[1024];
	size_t n;
};

static int question(const char *prompt)
{
	struct cli cli = { 0 };
	char answer[16];

	memset(answer, 'x', sizeof(answer));
	if (!ask_person(&cli, prompt, answer, sizeof(answer))) {
		for (size_t i = 0; i < sizeof(answer); i++)
			if (answer[i])
				return 9; /* not wiped */
		return 2;
	}
	return strcmp(answer, "secret") == 0 ? 0 : 1;
}

static void sit_down(struct seat *s, const char *prompt)
{
	*s = (struct seat){ 0 };
	assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(s->slave, &s->before), 0);
	s->pid = fork();
	if (s->pid == 0) {
		close(s->master);
		login_tty(s->slave);
		for (int fd = 0; fd < 3; fd++)
			dup2(open("/dev/null", O_RDWR), fd);
		_exit(question(prompt));
	}
	fcntl(s->master, F_SETFL, O_NONBLOCK);
}

static void look(struct seat *s, int ms)
{
	struct pollfd p = { .fd = s->master, .events = POLLIN };
	ssize_t got;

	poll(&p, 1, ms);
	got = read(s->master, s->seen + s->n, sizeof(s->seen) - 1 - s->n);
	s->n += got > 0 ? (size_t)got : 0;
}

static void look_for(struct seat *s, const char *text)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (!strstr(s->seen, text)) {
		assert_true(clock_mono_ms() < end);
		look(s, 50);
	}
	s->n = 0;
	memset(s->seen, 0, sizeof(s->seen));
}

static bool echoes(const struct seat *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	return now.c_lflag & ECHO;
}

static void type(const struct seat *s, const char *text)
{
	assert_int_equal(write(s->master, text, strlen(text)),
			 (ssize_t)strlen(text));
}

/* Its wait status; nothing of what was typed came on the screen, and the
 * terminal is as it was. */
static int stand_up(struct seat *s)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;
	struct termios after;
	int status;

	while (waitpid(s->pid, &status, WNOHANG) == 0) {
		assert_true(clock_mono_ms() < end);
		look(s, 20);
	}
	look(s, 0);
	assert_null(strstr(s->seen, "secret"));
	assert_int_equal(tcgetattr(s->slave, &after), 0);
	assert_int_equal(after.c_lflag, s->before.c_lflag);
	assert_int_equal(after.c_iflag, s->before.c_iflag);
	close(s->master);
	close(s->slave);
	return status;
}

#define EXITED(n) ((n) << 8)

static void term_012_an_answer_is_read_unseen(void **state)
{
	struct seat s;

	sit_down(&s, "Passphrase for \x1b[2Jx: ");
	look_for(&s, "Passphrase for ?[2Jx: ");
	assert_false(echoes(&s));
	type(&s, "secret\n");
	assert_int_equal(stand_up(&s), EXITED(0));
}

static void what_is_too_long_or_no_line_is_no_answer(void **state)
{
	static const char *const typed[] = {
		"\x04",		      /* end of file */
		"secretsecretsecr\n", /* one too long */
		"secretsecretsecretsecretsecret\n",
	};
	struct seat s;

	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		sit_down(&s, "? ");
		look_for(&s, "? ");
		type(&s, typed[i]);
		assert_int_equal(stand_up(&s), EXITED(2));
	}
	sit_down(&s, "? ");
	look_for(&s, "? ");
	type(&s, "secretsecretsec\n");
	assert_int_equal(stand_up(&s), EXITED(1));
}

static void every_signal_restores_the_terminal_and_then_acts(void **state)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
				       SIGALRM };
	struct seat s;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sit_down(&s, "? ");
		look_for(&s, "? ");
		type(&s, "secr");
		kill(s.pid, signals[i]);
		int status = stand_up(&s);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
	sit_down(&s, "? ");
	look_for(&s, "? ");
	type(&s, "\x03"); /* of the terminal itself */
	assert_int_equal(WTERMSIG(stand_up(&s)), SIGINT);
}

static void stopped_and_continued_it_asks_again(void **state)
{
	struct seat s;
	int status;

	sit_down(&s, "? ");
	look_for(&s, "? ");
	/* SIGTSTP would be thrown away: the group has no shell above it. */
	kill(s.pid, SIGSTOP);
	assert_int_equal(waitpid(s.pid, &status, WUNTRACED), s.pid);
	assert_true(WIFSTOPPED(status));
	kill(s.pid, SIGCONT);
	type(&s, "secret\n");
	assert_int_equal(stand_up(&s), EXITED(0));
	sit_down(&s, "? ");
	look_for(&s, "? ");
	kill(s.pid, SIGTSTP);
	look_for(&s, "? ");
	assert_false(echoes(&s));
	type(&s, "secret\n");
	assert_int_equal(stand_up(&s), EXITED(0));
}

static void without_a_terminal_nobody_is_asked(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		_exit(question("? "));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, EXITED(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(term_012_an_answer_is_read_unseen),
		cmocka_unit_test(what_is_too_long_or_no_line_is_no_answer),
		cmocka_unit_test(
			every_signal_restores_the_terminal_and_then_acts),
		cmocka_unit_test(stopped_and_continued_it_asks_again),
		cmocka_unit_test(without_a_terminal_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
