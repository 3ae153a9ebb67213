/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"

/* Removes networks that vmctl made. */

struct delete_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct delete_options, names, .name = "NETWORK",
		 .complete = complete_networks, .help = "name of a network"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl network delete lab -c qemu:///system", "Remove a network." },
	{ "vmctl network delete lab test -c qemu:///system", "Remove two." },
	{ NULL },
};

static int delete_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_network_delete(ctx, name, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	return cli_each(cli, &o->names, delete_one, o, err);
}

const struct command cmd_network_delete = {
	.path = "network delete",
	.aliases = (const char *const[]){ "network rm", NULL },
	.summary = "remove networks",
	.group = GROUP_NETWORKS,
	.args = args,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
