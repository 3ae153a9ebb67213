/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Looks whether images are still what they were when they were stored. */

struct verify_options {
	struct strings names;
	bool all;
};

static const struct argument args[] = {
	ARG_MANY(struct verify_options, names, .name = "NAME", .optional = true,
		 .complete = complete_images, .help = "name of an image"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct verify_options, all, .name = "all", .letter = 'a',
		 .help = "all images"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl image verify debian-12", "Compute an image's digest again." },
	{ "vmctl image verify --all", "Look at all of them." },
	{ NULL },
};

static int verify_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_image_verify(ctx, name, err);
	if (r == 0)
		cli_note(cli, "%s is intact", name);
	return r;
}

static int verify_all(struct cli *cli, struct vmctl_error *err)
{
	struct vmctl_image_list *list;
	struct strings names = { 0 };
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_image_list(ctx, &list, err);
	if (r < 0)
		return r;
	names.items = calloc(list->count + 1, sizeof(*names.items));
	for (size_t i = 0; names.items && i < list->count; i++)
		names.items[names.count++] = list->items[i]->name;
	r = names.items ? cli_each(cli, &names, verify_one, NULL, err)
			: fail_oom(err);
	free(names.items);
	vmctl_image_list_free(list);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct verify_options *o = data;

	if (o->all && o->names.count)
		return fail(err, VMCTL_INVALID, 0,
			    "names and --all exclude each other");
	if (o->all)
		return verify_all(cli, err);
	if (!o->names.count) {
		fail(err, VMCTL_INVALID, 0, "no image is named");
		fail_hint(err, "name one, or give --all");
		return -VMCTL_INVALID;
	}
	return cli_each(cli, &o->names, verify_one, o, err);
}

const struct command cmd_image_verify = {
	.path = "image verify",
	.summary = "check that stored images are undamaged",
	.group = GROUP_IMAGES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct verify_options),
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
