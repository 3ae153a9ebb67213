/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"
#include "cli/render/render.h"

/* Makes a network with NAT, DHCP and DNS. */

struct create_options {
	const char *name, *subnet, *range;
};

static const struct argument args[] = {
	ARG_ONE(struct create_options, name, .name = "NAME",
		.help = "name of the network: at most 15 letters, digits, '-' "
			"and '_'"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct create_options, subnet, .name = "subnet",
		   .metavar = "CIDR",
		   .help = "its IPv4 subnet, as in 10.20.30.0/24",
		   .fallback = "192.168.100.0/24"),
	OPT_STRING(struct create_options, range, .name = "range",
		   .metavar = "FIRST-LAST",
		   .help = "the addresses that its DHCP gives",
		   .fallback = "from the tenth to the last"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl network create lab --subnet 10.20.30.0/24 -c qemu:///system",
	  "Make a network with a subnet of its own." },
	{ "vmctl network create vmctl -c qemu:///system",
	  "Make the usual one, before anything needs it." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct create_options *o = data;
	struct vmctl_network_create spec = { .size = sizeof(spec),
					     .name = o->name,
					     .subnet = o->subnet,
					     .range = o->range };
	struct vmctl_network *made;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_network_create(ctx, &spec, &made, err);
	if (r < 0)
		return r;
	auto_free char *line = str_printf("%s\n", made->name);
	r = !str_eq(cli->globals.output, "table")
		    ? render_one(cli->out, &network_fields, made, err)
	    : line ? render_text(cli->out, line, false, err)
		   : fail_oom(err);
	vmctl_network_free(made);
	return r;
}

const struct command cmd_network_create = {
	.path = "network create",
	.summary = "make a network with NAT, DHCP and DNS",
	.group = GROUP_NETWORKS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct create_options),
	.record = &network_fields,
	.examples = examples,
	.exits = (const int[]){ 4, 7, 0 },
	.run = run,
};
