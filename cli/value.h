/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "cli/command.h"

/* Appends; the strings themselves stay the caller's. */
int strings_add(struct strings *list, const char *text,
		struct vmctl_error *err);

/* Stores the value of an option in the struct it is bound to. `text` is kept,
 * not copied, where the member is a string; unused for flags. */
int value_store(const struct option *opt, const char *text, void *base,
		struct vmctl_error *err);

#endif
