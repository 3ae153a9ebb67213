/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/key/fields.h"
#include "cli/render/render.h"

/* Lists the keys that are known. */

static const struct example examples[] = {
	{ "vmctl key list", "List the keys." },
	{ "vmctl key list -o wide", "With fingerprints and private files." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_key_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_key_list(ctx, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &key_fields, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_key_list_free(list);
	return r;
}

const struct command cmd_key_list = {
	.path = "key list",
	.aliases = (const char *const[]){ "key ls", NULL },
	.summary = "list the ssh keys",
	.group = GROUP_KEYS,
	.flags = COMMAND_LISTS,
	.record = &key_fields,
	.examples = examples,
	.run = run,
};
