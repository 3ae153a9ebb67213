/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/port/fields.h"
#include "cli/render/render.h"

/* Lists forwarded ports, as they are set now. */

struct list_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct list_options, names, .name = "NAME", .optional = true,
		 .complete = complete_instances,
		 .help = "name or id of an instance; all of them when none is "
			 "given"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl port list", "List all forwarded ports." },
	{ "vmctl port list web1 -o json", "Those of one, for a program." },
	{ NULL },
};

static int list_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	struct vmctl_error unreachable = { 0 };
	struct vmctl_port_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_port_list(ctx, name, &list, &unreachable, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	vmctl_port_list_free(list);
	/* The rows are shown, and the status says that they are old. */
	if (r == 0 && unreachable.code) {
		*err = unreachable;
		err->code = VMCTL_HYPERVISOR;
		r = -VMCTL_HYPERVISOR;
	}
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct list_options *o = data;
	int r = render_begin(cli->out, &port_record, err);

	if (r < 0)
		return r;
	r = o->names.count ? cli_each(cli, &o->names, list_one, o, err)
			   : list_one(cli, NULL, o, err);
	if (r == 0 || r == -VMCTL_PARTIAL || r == -VMCTL_HYPERVISOR) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);
		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_port_list = {
	.path = "port list",
	.aliases = (const char *const[]){ "port ls", NULL },
	.summary = "list the forwarded ports",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct list_options),
	.record = &port_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
