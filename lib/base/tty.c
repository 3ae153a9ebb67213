/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

static const int caught[] = { SIGHUP,  SIGINT,	 SIGQUIT,
			      SIGTERM, SIGWINCH, SIGCONT };

/* Where the handler writes to: handlers get no argument of ours. */
static volatile sig_atomic_t handler_fd = -1;

static void on_signal(int number)
{
	int saved = errno;
	unsigned char byte = (unsigned char)number;
	ssize_t n = write(handler_fd, &byte, 1);

	(void)n; /* a full pipe has enough to wake us */
	errno = saved;
}

void tty_size(int fd, int *ret_columns, int *ret_rows)
{
	struct winsize w = { 0 };

	if (fd >= 0)
		(void)ioctl(fd, TIOCGWINSZ, &w);
	*ret_columns = w.ws_col ? w.ws_col : 80;
	*ret_rows = w.ws_row ? w.ws_row : 24;
}

bool tty_in_background(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group >= 0 && group != getpgrp();
}

static void take_signals(struct tty *t)
{
	struct sigaction sa = { .sa_handler = on_signal };

	_Static_assert(ARRAY_LEN(caught) <= ARRAY_LEN(t->old), "all fit");
	sigfillset(&sa.sa_mask);
	handler_fd = t->signals[1];
	for (size_t i = 0; i < ARRAY_LEN(caught); i++) {
		sigaction(caught[i], &sa, &t->old[i]);
		/* nohup(1) stays in force. */
		if (t->old[i].sa_handler == SIG_IGN)
			sigaction(caught[i], &t->old[i], NULL);
	}
	t->handling = true;
}

int tty_begin(struct tty *t, int fd, struct vmctl_error *err)
{
	*t = (struct tty){ .fd = fd };
	if (tcgetattr(fd, &t->saved) < 0)
		return fail_sys(err, errno, "cannot read the terminal's modes");
	if (pipe2(t->signals, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail_sys(err, errno, "cannot make a pipe");
	take_signals(t);
	return 0;
}

/* Changing the modes from the background would stop the process. */
static void set_modes(const struct tty *t, const struct termios *tio)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &old);
	while (tcsetattr(t->fd, TCSADRAIN, tio) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void tty_raw(struct tty *t)
{
	struct termios tio = t->saved;

	/* As OpenSSH's enter_raw_mode(): all is left to the other side. */
	tio.c_iflag |= IGNPAR;
	tio.c_iflag &= ~(tcflag_t)(ISTRIP | INLCR | IGNCR | ICRNL | IXON |
				   IXANY | IXOFF | IUCLC);
	tio.c_lflag &= ~(tcflag_t)(ISIG | ICANON | ECHO | ECHOE | ECHOK |
				   ECHONL | IEXTEN);
	tio.c_oflag &= ~(tcflag_t)OPOST;
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	t->raw = true;
	set_modes(t, &tio);
}

/* Gives the signal that ended the session to whom it was meant for, now that
 * the terminal is as it was. */
static void raise_again(const struct tty *t)
{
	if (t->ended_by)
		(void)raise(t->ended_by);
}

void tty_end(struct tty *t)
{
	if (t->raw)
		set_modes(t, &t->saved);
	t->raw = false;
	if (!t->handling)
		return;
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &t->old[i], NULL);
	handler_fd = -1;
	close(t->signals[0]);
	close(t->signals[1]);
	t->handling = false;
	raise_again(t);
}

bool tty_signals(struct tty *t, bool *ret_size)
{
	unsigned char numbers[64];
	ssize_t n = read(t->signals[0], numbers, sizeof(numbers));

	*ret_size = false;
	for (ssize_t i = 0; i < n; i++) {
		if (numbers[i] == SIGWINCH)
			*ret_size = true;
		else if (numbers[i] == SIGCONT && t->raw)
			tty_raw(t); /* a shell had it meanwhile */
		else if (numbers[i] != SIGCONT)
			t->ended_by = numbers[i];
	}
	return t->ended_by != 0;
}

void tty_suspend(struct tty *t)
{
	set_modes(t, &t->saved);
	(void)raise(SIGTSTP);
	tty_raw(t);
}
