/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/targets.h"

/* Asks guests to shut down; cuts the power when told to. */

struct stop_options {
	struct targets targets;
	bool force;
};

static const struct argument args[] = {
	ARG_TARGETS(struct stop_options, complete_running),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct stop_options),
	OPT_FLAG(struct stop_options, force, .name = "force", .letter = 'f',
		 .help = "cut the power: at once, or after --timeout when "
			 "that is given"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl stop web1", "Ask the guest to shut down, and wait for it." },
	{ "vmctl stop --force --timeout 30s web1",
	  "The same, but cut the power when 30 seconds were not enough." },
	{ NULL },
};

static int stop_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const struct stop_options *o = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	return vmctl_instance_stop(
		ctx, name,
		o->force ? cli_timeout(cli, 0)
			 : cli_timeout_of(cli, "timeout.stop"),
		o->force, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct stop_options *o = data;

	return targets_each(cli, &o->targets, stop_one, o, err);
}

const struct command cmd_stop = {
	.path = "stop",
	.aliases = (const char *const[]){ "halt", NULL },
	.summary = "shut instances down",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct stop_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 6, 7, 0 },
	.run = run,
};
