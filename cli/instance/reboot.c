/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/targets.h"

/* Asks guests to reboot; resets them when told to. */

struct reboot_options {
	struct targets targets;
	bool force;
};

static const struct argument args[] = {
	ARG_TARGETS(struct reboot_options, complete_running),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct reboot_options),
	OPT_FLAG(struct reboot_options, force, .name = "force", .letter = 'f',
		 .help = "reset it without asking the guest"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl reboot web1", "Ask the guest to reboot." },
	{ "vmctl reboot --force web1", "Press its reset button." },
	{ NULL },
};

static int reboot_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	const struct reboot_options *o = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_instance_reboot(ctx, name, o->force, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct reboot_options *o = data;

	return targets_each(cli, &o->targets, reboot_one, o, err);
}

const struct command cmd_reboot = {
	.path = "reboot",
	.aliases = (const char *const[]){ "restart", NULL },
	.summary = "reboot instances",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct reboot_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
