/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"

/* Changes a setting in the file. */

struct set_options {
	const char *key;
	struct strings values;
};

static const struct argument args[] = {
	ARG_ONE(struct set_options, key, .name = "KEY",
		.complete = complete_settings, .help = "name of a setting"),
	ARG_MANY(struct set_options, values, .name = "VALUE",
		 .complete = complete_setting_values,
		 .help = "its value; several for a list"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl config set connect qemu:///system",
	  "Use the system's hypervisor unless told otherwise." },
	{ "vmctl config set key work home",
	  "Let two keys into instances made from now on." },
	{ "vmctl config set types.big.memory 16G",
	  "Add an instance type, or change it." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct set_options *o = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_config_set(ctx, o->key, o->values.items, err);
}

const struct command cmd_config_set = {
	.path = "config set",
	.summary = "change a setting",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG,
	.args = args,
	.opts_size = sizeof(struct set_options),
	.examples = examples,
	.exits = (const int[]){ 4, 0 },
	.run = run,
};
