/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "cli/command.h"

/* VMCTL_INVALID: no command has these words, one or two, for its name.
 * `nearest` is what command_find() suggests, or NULL. */
int command_fail(int n, const char *const *words, const char *nearest,
		 struct vmctl_error *err);

/* Also a noun without its verb may be mistyped: fail_hint_nearest() of them. */
void hint_noun(const char *word, const char *before, const char *all,
	       struct vmctl_error *err);

#endif
