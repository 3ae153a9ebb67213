/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/command.h"

/* The library's callback for secrets: asks on the process's terminal, whatever
 * standard input and output are. `data` is the struct cli. */
bool ask_person(void *data, const char *prompt, char *answer, size_t size);

/* Asks for a line on standard error and reads it, shown as it is typed, from
 * standard input; both are terminals. False: interrupted, or the end of input,
 * or more than fits. */
bool ask_line(struct cli *cli, const char *prompt, char *answer, size_t size);

#endif
