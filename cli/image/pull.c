/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/image/fields.h"

/* Downloads an image, verifies and stores it. */

struct pull_options {
	const char *what;
	const char *name, *arch, *digest, *description, *os, *user;
};

static const struct argument args[] = {
	ARG_ONE(struct pull_options, what, .name = "IMAGE",
		.complete = complete_catalogue,
		.help = "name of an image in the catalogue, or the address of "
			"one"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct pull_options, name, .name = "name", .letter = 'n',
		   .metavar = "NAME", .help = "name for the image",
		   .fallback = "that of the catalogue, or of the file"),
	OPT_STRING(struct pull_options, arch, .name = "arch", .metavar = "ARCH",
		   .help = "the architecture it runs on, as uname -m says it",
		   .fallback = "this host's"),
	OPT_STRING(struct pull_options, digest, .name = "digest",
		   .metavar = "SHA256",
		   .help = "digest that the file must have; an address that is "
			   "not in the catalogue needs one"),
	OPT_STRING(struct pull_options, description, .name = "description",
		   .letter = 'd', .metavar = "TEXT", .help = "what it is",
		   .fallback = "what the catalogue says"),
	OPT_STRING(struct pull_options, os, .name = "os", .metavar = "TEXT",
		   .help = "the operating system in it, as in 'debian 12'",
		   .fallback = "what the catalogue says"),
	OPT_STRING(struct pull_options, user, .name = "user", .letter = 'u',
		   .metavar = "USER",
		   .help = "the account in it that gets the ssh keys",
		   .fallback = "what the catalogue says, else root"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl image pull debian:13", "Get an image of the catalogue." },
	{ "vmctl image pull debian:13 --name base --arch aarch64",
	  "For another architecture, under a name of one's own." },
	{ "vmctl image pull https://example.org/disk.qcow2 --digest SHA256",
	  "Get any other image, whose digest is known." },
	{ NULL },
};

void complete_catalogue(struct cli *cli, const char *prefix, struct str *out)
{
	struct vmctl_catalogue *c;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) < 0 ||
	    vmctl_catalogue_list(ctx, "", &c, NULL) < 0)
		return;
	for (size_t i = 0; i < c->count; i++)
		completion_add(out, c->items[i]->name,
			       c->items[i]->description);
	vmctl_catalogue_free(c);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct pull_options *o = data;
	struct vmctl_image_pull what = {
		.size = sizeof(what),
		.what = o->what,
		.name = o->name,
		.arch = o->arch,
		.digest = o->digest,
		.description = o->description,
		.os = o->os,
		.user = o->user,
		.stall_ms = cli_timeout(cli, 0),
	};
	struct vmctl_image *image;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_image_pull(ctx, &what, &image, err);
	if (r < 0)
		return r;
	r = image_print_made(cli, image, o->user, err);
	vmctl_image_free(image);
	return r;
}

const struct command cmd_image_pull = {
	.path = "image pull",
	.summary = "download, verify and store an image",
	.group = GROUP_IMAGES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct pull_options),
	.record = &image_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 8, 0 },
	.run = run,
};
