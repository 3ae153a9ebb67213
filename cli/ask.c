/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>

#include "base/file.h"
#include "cli/progress.h"

/*
 * Questions, also such whose answer is not shown, in the manner of
 * readpassphrase(3). The terminal echoes again on every way out that leaves a
 * choice: a signal waits until it does.
 */

static const int held[] = { SIGALRM, SIGHUP,  SIGINT,  SIGPIPE, SIGQUIT,
			    SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU };

static volatile sig_atomic_t came;

static void on_signal(int number)
{
	came = number;
}

/* One asking: the terminal and what it and the signals were before. */
struct question {
	int fd, out; /* the terminal, and where the question is shown on it */
	bool hidden; /* the answer is not shown */
	struct termios modes;
	struct sigaction old[ARRAY_LEN(held)];
	sigset_t mask;
};

/* Signals come while we wait in ppoll(2) and at no other time: one between a
 * look at `came` and a read would be forgotten until somebody types. Those of
 * job control answer our own calls, and must come at once. */
static void hold_signals(struct question *q)
{
	/* No SA_RESTART: the wait for an answer shall end. */
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t block;

	came = 0;
	sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		if (held[i] != SIGTTIN && held[i] != SIGTTOU)
			sigaddset(&block, held[i]);
	sigprocmask(SIG_BLOCK, &block, &q->mask);
	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		sigaction(held[i], &act, &q->old[i]);
		/* What nohup or a shell's "&" ignores stays ignored. */
		if (q->old[i].sa_handler == SIG_IGN)
			sigaction(held[i], &q->old[i], NULL);
	}
}

/* What is still pending comes to our own handlers first. */
static void release_signals(const struct question *q)
{
	sigprocmask(SIG_SETMASK, &q->mask, NULL);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		sigaction(held[i], &q->old[i], NULL);
}

static bool hide(struct question *q)
{
	struct termios silent;

	if (!q->hidden)
		return true;
	if (tcgetattr(q->fd, &q->modes) < 0)
		return false;
	silent = q->modes;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	/* In the background this raises SIGTTOU, and that is held. */
	return tcsetattr(q->fd, TCSAFLUSH, &silent) == 0;
}

static void show(const struct question *q)
{
	sigset_t ttou, old;

	if (!q->hidden)
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	while (tcsetattr(q->fd, TCSAFLUSH, &q->modes) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* One byte, unless a signal came. */
static bool read_byte(const struct question *q, char *ret)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	return !came && ppoll(&p, 1, NULL, &q->mask) == 1 && !came &&
	       read(q->fd, ret, 1) == 1;
}

/* A line, without its end. One that is too long is no answer. */
static bool read_line(const struct question *q, char *answer, size_t size)
{
	size_t n = 0;
	char c;

	while (read_byte(q, &c)) {
		if (c == '\n' || c == '\r') {
			answer[n < size ? n : 0] = '\0';
			return n < size;
		}
		if (n + 1 < size)
			answer[n++] = c;
		else
			n = size;
	}
	return false;
}

/* Asks once; the signal that came is in `came`. */
static bool ask_once(struct question q, const char *prompt, char *answer,
		     size_t size)
{
	bool answered = false;

	hold_signals(&q);
	if (hide(&q)) {
		(void)fd_write_all(q.out, prompt, strlen(prompt), NULL);
		answered = read_line(&q, answer, size);
		show(&q);
		/* The end of the line was not shown, or there was none. */
		if (q.hidden || !answered)
			(void)fd_write_all(q.out, "\n", 1, NULL);
	}
	release_signals(&q);
	return answered && !came;
}

static bool ask(struct cli *cli, struct question q, const char *prompt,
		char *answer, size_t size)
{
	auto_free char *safe = str_printable(prompt, strlen(prompt), false);
	bool answered;

	explicit_bzero(answer, size);
	if (q.fd < 0 || !safe || !size || cli_interrupted())
		return false;
	progress_clear(cli);
	for (;;) {
		answered = ask_once(q, safe, answer, size);
		if (!came)
			break;
		/* Now to whom it was meant for. */
		(void)raise(came);
		if (came != SIGTSTP && came != SIGTTIN && came != SIGTTOU)
			break;
		/* Stopped and continued: once more. */
	}
	if (!answered)
		explicit_bzero(answer, size);
	return answered;
}

bool ask_person(void *data, const char *prompt, char *answer, size_t size)
{
	auto_close int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	const struct question q = { .fd = fd, .out = fd, .hidden = true };

	return ask(data, q, prompt, answer, size);
}

bool ask_line(struct cli *cli, const char *prompt, char *answer, size_t size)
{
	const struct question q = { .fd = STDIN_FILENO, .out = STDERR_FILENO };

	return ask(cli, q, prompt, answer, size);
}
