/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_TTY_H
#define BASE_TTY_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

#include "base/error.h"

/* A local terminal in raw mode. Handlers of signals are of the process: one
 * terminal at a time. */
struct tty {
	int fd;
	int signals[2]; /* pipe: numbers of the signals that came */
	struct termios saved;
	bool raw, handling;
	int ended_by; /* signal that asked for the end, or 0 */
	struct sigaction old[8];
};

void tty_size(int fd, int *ret_columns, int *ret_rows);

/* Whether reading from it would stop the process: it has the terminal, and
 * another job has it now. */
bool tty_in_background(int fd);

/* Signals are taken from here on, raw mode comes with tty_raw(). */
int tty_begin(struct tty *t, int fd, struct vmctl_error *err);
void tty_raw(struct tty *t);

/* Puts all back, and raises the signal in ended_by again. */
void tty_end(struct tty *t);

/* Takes the signals that came. True when one asks for the end; *ret_size when
 * the size of the terminal may have changed. */
bool tty_signals(struct tty *t, bool *ret_size);

/* Stops the process as ^Z would, with the terminal as it was before; returns
 * when it is continued. */
void tty_suspend(struct tty *t);

#endif
