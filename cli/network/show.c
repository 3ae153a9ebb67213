/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"
#include "cli/render/render.h"

/* All there is to know of a network. */

struct show_options {
	const char *name;
};

static const struct argument args[] = {
	ARG_ONE(struct show_options, name, .name = "NETWORK",
		.complete = complete_networks, .help = "name of a network"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl network show vmctl -c qemu:///system", "Show a network." },
	{ "vmctl network show vmctl -c qemu:///system -o json | jq -r .subnet",
	  "Its subnet, for a script." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct show_options *o = data;
	struct vmctl_network *network;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_network_get(ctx, o->name, &network, err);
	if (r < 0)
		return r;
	r = render_one(cli->out, &network_fields, network, err);
	vmctl_network_free(network);
	return r;
}

const struct command cmd_network_show = {
	.path = "network show",
	.summary = "show all there is to know of a network",
	.group = GROUP_NETWORKS,
	.args = args,
	.opts_size = sizeof(struct show_options),
	.record = &network_fields,
	.examples = examples,
	.exits = (const int[]){ 3, 7, 0 },
	.run = run,
};
