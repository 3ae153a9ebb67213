/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ssh-config/ssh-config.h"

/* For a guest that was given a new host key. */

struct forget_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct forget_options, names, .name = "NAME",
		 .complete = complete_instances,
		 .help = "name or id of an instance"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl ssh-config forget web1",
	  "Accept the host key that is met next." },
	{ "vmctl ssh-config forget web1 && vmctl wait web1 --for ssh",
	  "Meet it now, and see its fingerprint." },
	{ NULL },
};

static int forget_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_instance_forget_host_key(ctx, name, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct forget_options *o = data;

	return cli_each(cli, &o->names, forget_one, o, err);
}

const struct command cmd_ssh_config_forget = {
	.path = "ssh-config forget",
	.summary = "forget the host key of an instance",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct forget_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 0 },
	.run = run,
};
