/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/port/fields.h"
#include "cli/render/render.h"

/* Forwards ports of this host to an instance. */

struct add_options {
	const char *name;
	struct strings ports;
};

static const struct argument args[] = {
	ARG_ONE(struct add_options, name, .name = "NAME",
		.complete = complete_instances,
		.help = "name or id of an instance"),
	ARG_MANY(struct add_options, ports, .name = "PORT",
		 .help = "what to forward: "
			 "[[ADDRESS:]HOSTPORT:]GUESTPORT[/udp]"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl port add web1 8080:80",
	  "Forward port 8080 of loopback to the guest's port 80." },
	{ "vmctl port add web1 80",
	  "Let a free port be chosen, and print it." },
	{ "vmctl port add dns1 0.0.0.0:5353:53/udp",
	  "Forward a UDP port of all of this host's addresses." },
	{ NULL },
};

static int print(struct cli *cli, const struct vmctl_port_list *list,
		 struct vmctl_error *err)
{
	bool plain = str_eq(cli->globals.output, "table");
	int r = plain ? 0 : render_begin(cli->out, &port_record, err);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		auto_free char *line =
			plain ? str_printf("%s\n", list->items[i]->text) : NULL;

		if (!plain)
			r = render_row(cli->out, list->items[i], err);
		else
			r = line ? render_text(cli->out, line, false, err)
				 : fail_oom(err);
	}
	return r < 0 || plain ? r : render_end(cli->out, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct add_options *o = data;
	struct vmctl_port_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_port_add(ctx, o->name, o->ports.items, &list, err);
	if (r < 0)
		return r;
	r = print(cli, list, err);
	vmctl_port_list_free(list);
	return r;
}

const struct command cmd_port_add = {
	.path = "port add",
	.summary = "forward ports of this host to an instance",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct add_options),
	.record = &port_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 7, 8, 0 },
	.run = run,
};
