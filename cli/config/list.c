/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"
#include "cli/render/render.h"

/* Lists the settings. */

static const struct example examples[] = {
	{ "vmctl config list", "See what is set and what is built in." },
	{ "vmctl config list -o wide", "See also what each is for." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_config_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_config_list(ctx, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &config_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_config_list_free(list);
	return r;
}

const struct command cmd_config_list = {
	.path = "config list",
	.aliases = (const char *const[]){ "config ls", NULL },
	.summary = "list the settings",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG | COMMAND_LISTS,
	.record = &config_record,
	.examples = examples,
	.run = run,
};
