/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* The table, in a file of its own so that a test can have another. */

#define COMMAND(symbol) &cmd_##symbol,
const struct command *const commands[] = {
#include "cli/commands.def"
	NULL
};
#undef COMMAND

#define COMMAND(symbol) "cmd_" #symbol,
const char *const command_symbols[] = {
#include "cli/commands.def"
	NULL
};
#undef COMMAND
