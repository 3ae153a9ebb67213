/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"
#include "cli/render/render.h"

/* Lists the networks of the connection. */

static const struct example examples[] = {
	{ "vmctl network list -c qemu:///system", "List the networks." },
	{ "vmctl network list -c qemu:///system --filter managed -o name",
	  "The names of those that vmctl made." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_network_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_network_list(ctx, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &network_fields, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_network_list_free(list);
	return r;
}

const struct command cmd_network_list = {
	.path = "network list",
	.aliases = (const char *const[]){ "network ls", NULL },
	.summary = "list the networks",
	.group = GROUP_NETWORKS,
	.flags = COMMAND_LISTS,
	.record = &network_fields,
	.examples = examples,
	.exits = (const int[]){ 7, 0 },
	.run = run,
};
