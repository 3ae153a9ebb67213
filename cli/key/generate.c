/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/key/fields.h"

/* Makes a new pair. */

struct generate_options {
	const char *name, *comment;
};

static const struct argument args[] = {
	ARG_ONE(struct generate_options, name, .name = "NAME",
		.help = "name for the key"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct generate_options, comment, .name = "comment",
		   .letter = 'C', .metavar = "TEXT",
		   .help = "what to write after the key", .fallback = "none"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl key generate work", "Make an Ed25519 pair named work." },
	{ "vmctl key show work --columns private_path,public_key",
	  "See where it is." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct generate_options *o = data;
	struct vmctl_key *key;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_key_generate(ctx, o->name, o->comment, &key, err);
	if (r < 0)
		return r;
	r = key_print_made(cli, key, err);
	vmctl_key_free(key);
	return r;
}

const struct command cmd_key_generate = {
	.path = "key generate",
	.aliases = (const char *const[]){ "key create", NULL },
	.summary = "make an ssh key pair",
	.group = GROUP_KEYS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct generate_options),
	.record = &key_fields,
	.examples = examples,
	.exits = (const int[]){ 4, 0 },
	.run = run,
};
