/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/targets.h"

/* Deletes instances with their disks. */

struct delete_options {
	struct targets targets;
};

static const struct argument args[] = {
	ARG_TARGETS(struct delete_options, complete_instances),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct delete_options),
	OPT_END,
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

static bool is_meant(struct cli *cli, char **names)
{
	size_t n = strv_len((const char *const *)names);
	bool many = n > 1;

	if (n > 2)
		return cli_confirm(cli,
				   "Delete %s and %zu others, and all that is "
				   "on their disks?",
				   names[0], n - 1);
	return cli_confirm(cli, "Delete %s%s%s and all that is on %s?",
			   names[0], many ? " and " : "", many ? names[1] : "",
			   many ? "their disks" : "its disk");
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;
	auto_bound meant = { 0 };
	int r;

	/* A namesake that is made while the question stands is not meant. */
	o->targets.bind = true;
	r = targets_expand(cli, &o->targets, &meant, err);
	if (r < 0)
		return r;
	if (!is_meant(cli, meant.names))
		return fail(err, VMCTL_FAILED, 0, "nothing was deleted");
	return bound_each(cli, &meant, delete_one, o, err);
}

const struct command cmd_delete = {
	.path = "delete",
	.aliases = (const char *const[]){ "rm", "terminate", NULL },
	.summary = "delete instances with their disks",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
