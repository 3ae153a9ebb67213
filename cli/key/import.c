/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "cli/key/fields.h"

/* Stores a public key that exists already. */

#define READ_MAX (64 * 1024)

struct import_options {
	const char *name, *file, *private;
};

static const struct argument args[] = {
	ARG_ONE(struct import_options, name, .name = "NAME",
		.help = "name for the key"),
	ARG_ONE(struct import_options, file, .name = "FILE",
		.complete = complete_files,
		.help = "its public half, a .pub file; - reads standard input"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct import_options, private, .name = "private",
		   .metavar = "FILE", .complete = complete_files,
		   .help = "its private half, which stays where it is; ssh and "
			   "exec use it",
		   .fallback = "the file beside it without .pub"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl key import me ~/.ssh/id_ed25519.pub",
	  "Let your own key into the instances made from now on." },
	{ "ssh-add -L | head -n 1 | vmctl key import agent -",
	  "Take a key from the ssh agent." },
	{ NULL },
};

/* Standard input, or a file whose private half is given by hand. */
static int import_text(struct vmctl *ctx, const struct import_options *o,
		       struct vmctl_key **ret, struct vmctl_error *err)
{
	bool from_stdin = str_eq(o->file, "-");
	auto_str text = STR_INIT;
	int r = file_read(o->file, READ_MAX, &text, err);

	if (r < 0)
		return r;
	r = vmctl_key_import(ctx, o->name, str_text(&text), text.len,
			     o->private, ret, err);
	if (text.p)
		explicit_bzero(text.p, text.len);
	if (r == -VMCTL_BAD_DATA)
		fail_prefix(err, "%s", from_stdin ? "standard input" : o->file);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct import_options *o = data;
	struct vmctl_key *key;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	if (str_eq(o->file, "-") || o->private)
		r = import_text(ctx, o, &key, err);
	else
		r = vmctl_key_import_file(ctx, o->name, o->file, &key, err);
	if (r < 0)
		return r;
	r = key_print_made(cli, key, err);
	vmctl_key_free(key);
	return r;
}

const struct command cmd_key_import = {
	.path = "key import",
	.summary = "store a public ssh key",
	.group = GROUP_KEYS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct import_options),
	.record = &key_fields,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 0 },
	.run = run,
};
