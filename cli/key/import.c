/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "base/file.h"
#include "cli/key/fields.h"

/* Stores a public key that exists already. */

#define READ_MAX (64 * 1024)

struct import_options {
	const char *name, *source, *private;
	bool agent;
};

static const struct argument args[] = {
	ARG_ONE(struct import_options, name, .name = "NAME",
		.help = "name for the key"),
	ARG_ONE(struct import_options, source, .name = "FROM", .optional = true,
		.complete = complete_files,
		.help = "its public half, a .pub file; - reads standard input; "
			"an https:// address; without it your own in ~/.ssh"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct import_options, agent, .name = "agent", .letter = 'a',
		 .help = "take it from the ssh agent; FROM is then its comment "
			 "or fingerprint, if there are several"),
	OPT_STRING(struct import_options, private, .name = "private",
		   .metavar = "FILE", .complete = complete_files,
		   .help = "its private half, which stays where it is; ssh and "
			   "exec use it",
		   .fallback = "the file beside it without .pub"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl key import me",
	  "Let your own key into the instances made from now on." },
	{ "vmctl key import work ~/.ssh/work.pub", "A certain one." },
	{ "vmctl key import token --agent me@laptop",
	  "One that the ssh agent holds." },
	{ "vmctl key import ann https://git.example.com/ann.keys",
	  "The keys that somebody shows to the world." },
	{ NULL },
};

/* "https://…", or another scheme for the library to refuse. */
static bool is_url(const char *text)
{
	const char *p = text;

	while (isalnum((unsigned char)*p) ||
	       (p > text && *p && strchr("+.-", *p)))
		p++;
	return p > text && str_starts(p, "://");
}

/* Standard input, or a file whose private half is given by hand. */
static int import_text(struct vmctl *ctx, const struct import_options *o,
		       const char *file, struct vmctl_key **ret,
		       struct vmctl_error *err)
{
	bool from_stdin = str_eq(file, "-");
	auto_str text = STR_INIT;
	int r = file_read(file, READ_MAX, &text, err);

	if (r < 0)
		return r;
	r = vmctl_key_import(ctx, o->name, str_text(&text), text.len,
			     o->private, ret, err);
	if (text.p)
		explicit_bzero(text.p, text.len);
	if (r == -VMCTL_BAD_DATA)
		fail_prefix(err, "%s", from_stdin ? "standard input" : file);
	return r;
}

static int import_file(struct vmctl *ctx, const struct import_options *o,
		       const char *file, struct vmctl_key **ret,
		       struct vmctl_error *err)
{
	return str_eq(file, "-") || o->private
		       ? import_text(ctx, o, file, ret, err)
		       : vmctl_key_import_file(ctx, o->name, file, ret, err);
}

static int import_own(struct cli *cli, struct vmctl *ctx,
		      const struct import_options *o, struct vmctl_key **ret,
		      struct vmctl_error *err)
{
	auto_free char *file = NULL;
	int r = vmctl_key_own_file(ctx, &file, err);

	if (r == 0)
		r = import_file(ctx, o, file, ret, err);
	if (r == 0)
		cli_note(cli, "taken from %s", file);
	return r;
}

static int import_url(struct cli *cli, struct vmctl *ctx,
		      const struct import_options *o, struct vmctl_error *err)
{
	struct vmctl_key_list *list;
	int r = vmctl_key_import_url(ctx, o->name, o->source, &list, err);

	if (r < 0)
		return r;
	r = list->count == 1 ? key_print_made(cli, list->items[0], err)
			     : key_print_all_made(cli, list, err);
	vmctl_key_list_free(list);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct import_options *o = data;
	bool url = !o->agent && o->source && is_url(o->source);
	struct vmctl_key *key;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	if (o->private && (o->agent || url))
		return fail(err, VMCTL_INVALID, 0,
			    "--private goes with a file: the private half of a "
			    "key from %s is not known",
			    url ? "a web address" : "the ssh agent");
	if (url)
		return import_url(cli, ctx, o, err);
	if (o->agent)
		r = vmctl_key_import_agent(ctx, o->name, o->source, &key, err);
	else if (o->source)
		r = import_file(ctx, o, o->source, &key, err);
	else
		r = import_own(cli, ctx, o, &key, err);
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
	.exits = (const int[]){ 3, 4, 5, 0 },
	.run = run,
};
