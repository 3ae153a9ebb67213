/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "cli/command.h"

/* Whether to colour: the value of --color, NO_COLOR, TERM=dumb. */
bool color_wanted(const char *when, bool tty);

/* The library's log callback; `data` is the struct cli. */
void cli_log(void *data, enum vmctl_log_level level, const char *text);

#endif
