/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/targets.h"

/* Waits until instances are in a wanted condition. */

struct wait_options {
	struct targets targets;
	const char *what;
};

static const char *const conditions[] = { "running", "ssh", "cloud-init",
					  "stopped", NULL };
static const enum vmctl_wait codes[] = { VMCTL_WAIT_RUNNING, VMCTL_WAIT_SSH,
					 VMCTL_WAIT_CLOUD_INIT,
					 VMCTL_WAIT_STOPPED };

static const struct argument args[] = {
	ARG_TARGETS(struct wait_options, complete_instances),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct wait_options),
	OPT_CHOICE(struct wait_options, what, .name = "for",
		   .metavar = "CONDITION", .choices = conditions,
		   .help = "what to wait for", .fallback = "ssh"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl wait web1", "Wait until ssh works." },
	{ "vmctl wait web1 --for cloud-init --timeout 10m",
	  "Wait until the first boot's work is done; fails when it failed." },
	{ NULL },
};

static int wait_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const struct wait_options *o = data;
	enum vmctl_wait what = VMCTL_WAIT_SSH;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	for (size_t i = 0; o->what && conditions[i]; i++)
		if (str_eq(o->what, conditions[i]))
			what = codes[i];
	return r < 0 ? r
		     : vmctl_instance_wait(ctx, name, what,
					   cli_timeout_of(cli, "timeout.ssh"),
					   err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct wait_options *o = data;

	return targets_each(cli, &o->targets, wait_one, o, err);
}

const struct command cmd_wait = {
	.path = "wait",
	.summary = "wait until instances can be used",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct wait_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 6, 7, 0 },
	.run = run,
};
