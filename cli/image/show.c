/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/image/fields.h"
#include "cli/render/render.h"

/* All there is to know of images. */

struct show_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct show_options, names, .name = "NAME",
		 .complete = complete_images,
		 .help = "name of an image, or the first 8 or more digits of "
			 "its digest"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl image show debian-12", "Show an image." },
	{ "vmctl image show debian-12 -o json", "The same for a program." },
	{ NULL },
};

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const struct show_options *o = data;
	struct vmctl_image *image;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_image_get(ctx, name, &image, err);
	if (r < 0)
		return r;
	r = o->names.count == 1
		    ? render_one(cli->out, &image_record, image, err)
		    : render_row(cli->out, image, err);
	vmctl_image_free(image);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct show_options *o = data;
	bool many = o->names.count > 1;
	int r = many ? render_begin(cli->out, &image_record, err) : 0;

	if (r == 0)
		r = cli_each(cli, &o->names, show_one, o, err);
	if (many && (r == 0 || r == -VMCTL_PARTIAL)) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);

		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_image_show = {
	.path = "image show",
	.aliases = (const char *const[]){ "image info", NULL },
	.summary = "show all there is to know of images",
	.group = GROUP_IMAGES,
	.args = args,
	.opts_size = sizeof(struct show_options),
	.record = &image_record,
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
