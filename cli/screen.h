/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

/*
 * The terminal on standard output as a screen on which one frame is drawn over
 * the last. It is the alternate one: what stood on the terminal is there again
 * afterwards, also after ^Z, a kill, and while somebody else stops us. There is
 * one for the process.
 */

/* Whether standard output can be one. */
bool screen_possible(void);

int screen_begin(struct vmctl_error *err);

/* Gives the terminal back; also what a handler of a fatal signal calls. Without
 * a screen it does nothing. */
void screen_restore(void);
void screen_end(void);

/* What polls readable when there is something for screen_take(): at most two.
 */
size_t screen_fds(int fds[2]);

/* Takes the keys and signals that came; stops the process where that is asked
 * for. True when the screen is to be left: q was typed, or nobody can type any
 * more. */
bool screen_take(void);

void screen_size(int *ret_columns, int *ret_rows);

/* The lines, which may be less than there are rows. */
int screen_draw(const char *lines, int rows, struct vmctl_error *err);

#endif
