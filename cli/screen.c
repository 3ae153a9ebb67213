/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>

#include "base/file.h"
#include "base/tty.h"

/* The alternate screen without a cursor; lines that are too long are cut. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

/* Of the process, as handlers of signals get no argument. */
static struct {
	volatile sig_atomic_t on;
	bool keys; /* standard input is the terminal too */
	bool ended;
	struct termios saved;
	int signals[2]; /* pipe: numbers of the signals that came */
	struct sigaction old[3];
} screen;

static const int caught[] = { SIGWINCH, SIGTSTP, SIGCONT };

static void on_signal(int number)
{
	int saved = errno;
	unsigned char byte = (unsigned char)number;
	ssize_t n = write(screen.signals[1], &byte, 1);

	(void)n; /* a full pipe has enough to wake us */
	errno = saved;
}

static void take_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &sa, &screen.old[i]);
}

static void leave_signals(void)
{
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &screen.old[i], NULL);
}

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && !str_eq(term, "dumb");
}

static void enter(void)
{
	struct termios tio = screen.saved;

	/* Keys come one by one and unseen; ^C and ^Z are signals as ever. ^\\
	 * would leave the terminal as it is now. */
	tio.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	tio.c_cc[VQUIT] = _POSIX_VDISABLE;
	if (screen.keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &tio);
	screen.on = 1;
	(void)fd_write_all(STDOUT_FILENO, ENTER, strlen(ENTER), NULL);
}

/* Nothing here that a handler of a signal may not call. */
void screen_restore(void)
{
	static const char leave[] = LEAVE;

	if (!screen.on)
		return;
	screen.on = 0;
	(void)!write(STDOUT_FILENO, leave, sizeof(leave) - 1);
	if (screen.keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen.saved);
}

int screen_begin(struct vmctl_error *err)
{
	if (pipe2(screen.signals, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail_sys(err, errno, "cannot make a pipe");
	screen.keys = tcgetattr(STDIN_FILENO, &screen.saved) == 0;
	screen.ended = false;
	take_signals();
	enter();
	return 0;
}

void screen_end(void)
{
	screen_restore();
	leave_signals();
	close(screen.signals[0]);
	close(screen.signals[1]);
}

size_t screen_fds(int fds[2])
{
	fds[0] = screen.signals[0];
	fds[1] = STDIN_FILENO;
	return screen.keys ? 2 : 1;
}

/* As ^Z is meant, with the terminal as it was; returns when continued. */
static void suspend(void)
{
	screen_restore();
	leave_signals();
	(void)raise(SIGTSTP);
	take_signals();
	enter();
}

static void take_keys(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char typed[64];
	ssize_t n;

	if (!screen.keys || poll(&in, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, typed, sizeof(typed));
	if (n <= 0) /* the terminal is gone */
		screen.ended |= n == 0 || errno != EINTR;
	for (ssize_t i = 0; i < n; i++)
		screen.ended |= typed[i] == 'q' || typed[i] == 'Q';
}

bool screen_take(void)
{
	unsigned char numbers[64];
	ssize_t n = read(screen.signals[0], numbers, sizeof(numbers));
	bool stop = false, again = false;

	for (ssize_t i = 0; i < n; i++) {
		stop |= numbers[i] == SIGTSTP;
		again |= numbers[i] == SIGCONT;
	}
	if (stop)
		suspend();
	else if (again) /* a shell had the terminal meanwhile */
		enter();
	take_keys();
	return screen.ended;
}

void screen_size(int *ret_columns, int *ret_rows)
{
	tty_size(STDOUT_FILENO, ret_columns, ret_rows);
}

int screen_draw(const char *lines, int rows, struct vmctl_error *err)
{
	auto_str out = STR_INIT;

	str_add(&out, "\033[H");
	for (int row = 0; row < rows; row++) {
		size_t len = strcspn(lines, "\n");

		/* No line feed after the last row: it would scroll. */
		str_add(&out, row ? "\r\n\033[K" : "\033[K");
		str_addn(&out, lines, len);
		lines += len + (lines[len] == '\n');
	}
	int r = str_check(&out, err);
	return r < 0 ? r : fd_write_all(STDOUT_FILENO, out.p, out.len, err);
}
