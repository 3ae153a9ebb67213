/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/delete.h"

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

static int find(struct vmctl *ctx, const char *word, char **ret_name,
		char **ret_mark, struct vmctl_error *err)
{
	struct vmctl_image *image;
	int r = vmctl_image_get(ctx, word, &image, err);

	if (r < 0)
		return r;
	*ret_name = take_ptr(&image->name);
	*ret_mark = take_ptr(&image->digest);
	vmctl_image_free(image);
	return 0;
}

static const struct deletion image = {
	.noun = "image",
	.notes = "",
	.find = find,
	.delete = vmctl_image_delete,
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	return cli_delete(cli, &image, &o->names, err);
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
