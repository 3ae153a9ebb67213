/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "cli/command.h"

/* Ends the process by the signal that was caught, if one was: only so does a
 * shell's loop around vmctl end at an interrupt too. */
void die_of_signal(void);

/* The signal that was caught, or 0. */
int caught_signal(void);

/* A renderer as the global options want it: now, and for a terminal as wide as
 * it is now. */
int cli_render(const struct cli *cli, struct render **ret,
	       struct vmctl_error *err);

#endif
