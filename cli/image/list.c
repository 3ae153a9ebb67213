/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/image/fields.h"
#include "cli/render/render.h"

/* Lists the images that are stored here. */

static const struct example examples[] = {
	{ "vmctl image list", "List the images." },
	{ "vmctl image list -o name", "Only their names." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_image_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_image_list(ctx, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &image_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_image_list_free(list);
	return r;
}

const struct command cmd_image_list = {
	.path = "image list",
	.aliases = (const char *const[]){ "image ls", NULL },
	.summary = "list the images",
	.group = GROUP_IMAGES,
	.flags = COMMAND_LISTS,
	.record = &image_record,
	.examples = examples,
	.run = run,
};
