/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/diagnose.h"
#include "cli/targets.h"

/* Waits until instances are in a wanted condition. */

struct wait_options {
	struct targets targets;
	struct strings what;
};

static const char *const conditions[] = { "running", "ip",	   "ssh",
					  "agent",   "cloud-init", "stopped",
					  NULL };
static const enum vmctl_wait codes[] = {
	VMCTL_WAIT_RUNNING, VMCTL_WAIT_IP,	   VMCTL_WAIT_SSH,
	VMCTL_WAIT_AGENT,   VMCTL_WAIT_CLOUD_INIT, VMCTL_WAIT_STOPPED
};

static const struct argument args[] = {
	ARG_TARGETS(struct wait_options, complete_instances),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct wait_options),
	OPT_STRINGS(struct wait_options, what, .name = "for",
		    .metavar = "CONDITION", .choices = conditions,
		    .help = "what to wait for; several joined by commas, all "
			    "of which are wanted",
		    .fallback = "ssh"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl wait web1", "Wait until ssh works." },
	{ "vmctl wait web1 --for cloud-init --timeout 10m",
	  "Wait until the first boot's work is done; fails when it failed." },
	{ "vmctl wait web1 web2 --for agent,ssh --timeout 2m",
	  "Wait two minutes at most until both can be used." },
	{ "vmctl wait web1 --for stopped --timeout 0",
	  "Ask whether it is stopped; status 5 says that it is not." },
	{ NULL },
};

static unsigned wanted(const struct strings *what)
{
	unsigned all = 0;

	for (size_t i = 0; i < what->count; i++)
		for (size_t j = 0; conditions[j]; j++)
			if (str_eq(what->items[i], conditions[j]))
				all |= 1u << codes[j];
	return all ? all : 1u << VMCTL_WAIT_SSH;
}

static int usage(const struct strings *what, struct vmctl_error *err)
{
	unsigned stopped = 1u << VMCTL_WAIT_STOPPED;

	if (!(wanted(what) & stopped) || wanted(what) == stopped)
		return 0;
	fail(err, VMCTL_INVALID, 0,
	     "--for stopped cannot be wanted together with another condition");
	fail_hint(err, "one after the other: two commands");
	return -VMCTL_INVALID;
}

struct several {
	struct cli *cli;
	const struct bound *b;
};

/* Of several, each failure is told as it comes. */
static void on_done(void *data, const char *id, const struct vmctl_error *why)
{
	const struct several *s = data;

	if (!why)
		return;
	struct vmctl_error err = *why;
	bound_explain(s->b, id, &err);
	cli_diagnose(s->cli, id, &err);
	cli_error(s->cli, &err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct wait_options *o = data;
	auto_bound b = { 0 };
	struct vmctl *ctx;
	int r = usage(&o->what, err);

	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = targets_expand(cli, &o->targets, &b, err);
	if (r < 0)
		return r;
	bool several = b.ids[0] && b.ids[1];
	struct several all = { cli, &b };
	const struct vmctl_wait_spec spec = {
		.size = sizeof(spec),
		.names = (const char *const *)b.ids,
		.conditions = wanted(&o->what),
		.timeout_ms = cli_timeout_of(cli, "timeout.ssh"),
		.done = several ? on_done : NULL,
		.data = &all,
	};
	r = vmctl_instance_wait_all(ctx, &spec, err);
	if (r < 0 && !several) {
		bound_explain(&b, b.ids[0], err);
		cli_diagnose(cli, b.ids[0], err);
	}
	return r;
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
