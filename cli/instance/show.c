/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/instance/fields.h"
#include "cli/render/render.h"
#include "cli/targets.h"

/* All there is to know of instances. */

struct show_options {
	struct targets targets;
};

static const struct argument args[] = {
	ARG_TARGETS(struct show_options, complete_instances),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct show_options),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl show web1", "Show an instance." },
	{ "vmctl show web1 -o json", "The same for a program." },
	{ NULL },
};

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const bool *one = data;
	struct vmctl_instance *row;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_get(ctx, name, 0, &row, err);
	if (r < 0)
		return r;
	r = *one ? render_one(cli->out, &instance_record, row, err)
		 : render_row(cli->out, row, err);
	vmctl_instance_free(row);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct show_options *o = data;
	/* What is selected is a list, however long, as programs expect. */
	bool one = o->targets.names.count == 1 && !o->targets.selectors.count;
	int r = one ? 0 : render_begin(cli->out, &instance_record, err);

	if (r == 0)
		r = targets_each(cli, &o->targets, show_one, &one, err);
	if (!one && (r == 0 || r == -VMCTL_PARTIAL)) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);
		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_show = {
	.path = "show",
	.aliases = (const char *const[]){ "info", NULL },
	.summary = "show all there is to know of instances",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct show_options),
	.record = &instance_record,
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
