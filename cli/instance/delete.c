/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Deletes instances with their disks. */

struct delete_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct delete_options, names, .name = "NAME",
		 .complete = complete_instances,
		 .help = "name or id of an instance"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl delete web1", "Delete an instance after asking." },
	{ "vmctl delete -y web1 web2", "Delete two without asking." },
	{ NULL },
};

static int delete_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_instance_delete(ctx, name, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	if (!cli_confirm(cli, "Delete %s%s and all that is on %s?",
			 o->names.items[0],
			 o->names.count > 1 ? " and the others" : "",
			 o->names.count > 1 ? "their disks" : "its disk"))
		return fail(err, VMCTL_FAILED, 0, "nothing was deleted");
	return cli_each(cli, &o->names, delete_one, o, err);
}

const struct command cmd_delete = {
	.path = "delete",
	.aliases = (const char *const[]){ "rm", "terminate", NULL },
	.summary = "delete instances with their disks",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
