/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Forgets keys. Instances that were made with them keep working. */

struct delete_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct delete_options, names, .name = "NAME",
		 .complete = complete_keys, .help = "name of a key"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl key delete work", "Forget a key, after asking." },
	{ "vmctl key delete -y work home", "Forget two without asking." },
	{ NULL },
};

static int delete_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_key_delete(ctx, name, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	if (!cli_confirm(cli,
			 "Delete the key %s%s? A private half that vmctl made "
			 "is deleted too.",
			 o->names.items[0],
			 o->names.count > 1 ? " and the others" : ""))
		return fail(err, VMCTL_CANCELLED, 0, "nothing was deleted");
	return cli_each(cli, &o->names, delete_one, o, err);
}

const struct command cmd_key_delete = {
	.path = "key delete",
	.aliases = (const char *const[]){ "key rm", NULL },
	.summary = "forget ssh keys",
	.group = GROUP_KEYS,
	.args = args,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
