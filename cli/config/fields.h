/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_CONFIG_FIELDS_H
#define CLI_CONFIG_FIELDS_H

#include "cli/command.h"

/* struct vmctl_config_entry, as every config command shows it. */
extern const struct record config_record;

/* Completers: keys, and the values of the key in front of the cursor. */
void complete_settings(struct cli *cli, const char *prefix, struct str *out);
void complete_setting_values(struct cli *cli, const char *prefix,
			     struct str *out);

#endif
