/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_KEY_FIELDS_H
#define CLI_KEY_FIELDS_H

#include "cli/command.h"

extern const struct record key_fields;

/* Prints the name of a key just made, or with -o json and the like all of it.
 */
int key_print_made(struct cli *cli, const struct vmctl_key *key,
		   struct vmctl_error *err);

/* Several: a name on each line, or a list. */
int key_print_all_made(struct cli *cli, const struct vmctl_key_list *list,
		       struct vmctl_error *err);

#endif
