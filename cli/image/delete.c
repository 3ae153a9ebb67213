/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Removes images. The file goes with the last of its names. */

struct delete_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct delete_options, names, .name = "NAME",
		 .complete = complete_images, .help = "name of an image"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl image delete debian-11", "Delete an image, after asking." },
	{ "vmctl image delete -y debian-11 debian-10",
	  "Delete two without asking." },
	{ NULL },
};

static int delete_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_image_delete(ctx, name, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	if (!cli_confirm(cli, "Delete the image %s%s?", o->names.items[0],
			 o->names.count > 1 ? " and the others" : ""))
		return fail(err, VMCTL_CANCELLED, 0, "nothing was deleted");
	return cli_each(cli, &o->names, delete_one, o, err);
}

const struct command cmd_image_delete = {
	.path = "image delete",
	.aliases = (const char *const[]){ "image rm", NULL },
	.summary = "delete images",
	.group = GROUP_IMAGES,
	.args = args,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 0 },
	.run = run,
};
