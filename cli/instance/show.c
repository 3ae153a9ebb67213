/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/instance/fields.h"
#include "cli/render/render.h"

/* All there is to know of instances. */

struct show_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct show_options, names, .name = "NAME",
		 .complete = complete_instances,
		 .help = "name or id of an instance"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl show web1", "Show an instance." },
	{ "vmctl show web1 -o json", "The same for a program." },
	{ NULL },
};

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const struct show_options *o = data;
	struct vmctl_instance *row;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_get(ctx, name, 0, &row, err);
	if (r < 0)
		return r;
	r = o->names.count == 1
		    ? render_one(cli->out, &instance_record, row, err)
		    : render_row(cli->out, row, err);
	vmctl_instance_free(row);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct show_options *o = data;
	int r = o->names.count > 1
			? render_begin(cli->out, &instance_record, err)
			: 0;

	if (r == 0)
		r = cli_each(cli, &o->names, show_one, o, err);
	if (o->names.count > 1 && (r == 0 || r == -VMCTL_PARTIAL)) {
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
	.opts_size = sizeof(struct show_options),
	.record = &instance_record,
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
