/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"
#include "cli/render/render.h"

/* Lists which addresses DHCP has given to whom. */

struct leases_options {
	const char *name;
};

static const struct argument args[] = {
	ARG_ONE(struct leases_options, name, .name = "NETWORK",
		.optional = true, .complete = complete_networks,
		.help = "name of a network; all of them when it is not given"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl network leases -c qemu:///system", "List all leases." },
	{ "vmctl network leases vmctl -o json -c qemu:///system",
	  "Those of one network, for a program." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct leases_options *o = data;
	struct vmctl_lease_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_network_leases(ctx, o->name, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &lease_fields, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_lease_list_free(list);
	return r;
}

const struct command cmd_network_leases = {
	.path = "network leases",
	.summary = "list the DHCP leases",
	.group = GROUP_NETWORKS,
	.flags = COMMAND_LISTS,
	.args = args,
	.opts_size = sizeof(struct leases_options),
	.record = &lease_fields,
	.examples = examples,
	.exits = (const int[]){ 3, 7, 0 },
	.run = run,
};
