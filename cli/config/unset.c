/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"

/* Takes settings out of the file. */

struct unset_options {
	struct strings keys;
};

static const struct argument args[] = {
	ARG_MANY(struct unset_options, keys, .name = "KEY",
		 .complete = complete_settings, .help = "name of a setting"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl config unset image", "Go back to what is built in." },
	{ "vmctl config unset types.big", "Remove an instance type." },
	{ NULL },
};

static int unset_one(struct cli *cli, const char *key, void *data,
		     struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_config_unset(ctx, key, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct unset_options *o = data;

	return cli_each(cli, &o->keys, unset_one, o, err);
}

const struct command cmd_config_unset = {
	.path = "config unset",
	.summary = "go back to what is built in",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG,
	.args = args,
	.opts_size = sizeof(struct unset_options),
	.examples = examples,
	.exits = (const int[]){ 4, 6, 0 },
	.run = run,
};
