/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/diagnose.h"
#include "cli/targets.h"

/* Starts instances that are stopped. */

struct start_options {
	struct targets targets;
	bool wait;
};

static const struct argument args[] = {
	ARG_TARGETS(struct start_options, complete_stopped),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct start_options),
	OPT_FLAG(struct start_options, wait, .name = "wait", .letter = 'w',
		 .help = "wait until ssh works"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl start web1 web2", "Start two instances." },
	{ "vmctl start web1 --wait --timeout 2m",
	  "Start one, and wait at most two minutes until it can be "
	  "entered." },
	{ NULL },
};

static int start_one(struct cli *cli, const char *name, void *data,
		     struct vmctl_error *err)
{
	const struct start_options *o = data;
	struct vmctl_error partial;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_start(ctx, name, err);
	/* It runs, and that not all ports are forwarded is told at the end. */
	bool runs = r == -VMCTL_PARTIAL;
	if (runs)
		partial = *err;
	if ((r == 0 || runs) && o->wait)
		r = vmctl_instance_wait(ctx, name, VMCTL_WAIT_SSH,
					cli_timeout_of(cli, "timeout.ssh"),
					err);
	else if (runs)
		return r;
	if (r == 0 && runs) {
		*err = partial;
		r = -VMCTL_PARTIAL;
	}
	if (r < 0)
		cli_diagnose(cli, name, err);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct start_options *o = data;

	o->targets.bind = o->wait;
	return targets_each(cli, &o->targets, start_one, o, err);
}

const struct command cmd_start = {
	.path = "start",
	.summary = "start instances",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct start_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 6, 7, 0 },
	.run = run,
};
