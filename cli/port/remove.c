/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Ends the forwarding of ports. */

struct remove_options {
	const char *name;
	struct strings ports;
};

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);

/* The ports of the instance that is named before. */
static void complete_ports(struct cli *cli, const char *prefix, struct str *out)
{
	auto_cleanup(instance_cleanup) struct vmctl_instance *row = NULL;
	struct vmctl *ctx;

	if (!cli->word_count || cli_context(cli, &ctx, NULL) ||
	    vmctl_instance_get(ctx, cli->words[0], VMCTL_LIST_CACHED, &row,
			       NULL))
		return;
	for (char **p = row->ports; p && *p; p++) {
		/* Without what a shell would take for a redirection. */
		char *arrow = strstr(*p, "->"), *slash = strrchr(*p, '/');

		if (!arrow || !slash)
			continue;
		*arrow = '\0';
		auto_free char *value = str_printf("%s%s", *p, slash);
		if (value)
			completion_add(out, value, NULL);
	}
}

static const struct argument args[] = {
	ARG_ONE(struct remove_options, name, .name = "NAME",
		.complete = complete_instances,
		.help = "name or id of an instance"),
	ARG_MANY(struct remove_options, ports, .name = "PORT",
		 .complete = complete_ports,
		 .help = "which port of this host: [ADDRESS:]HOSTPORT[/udp]"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl port remove web1 8080",
	  "End the forwarding of port 8080 of this host." },
	{ "vmctl port remove dns1 0.0.0.0:5353/udp",
	  "Say more where several forwards have that port." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct remove_options *o = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_port_remove(ctx, o->name, o->ports.items, err);
}

const struct command cmd_port_remove = {
	.path = "port remove",
	.aliases = (const char *const[]){ "port rm", NULL },
	.summary = "end the forwarding of ports",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct remove_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 7, 0 },
	.run = run,
};
