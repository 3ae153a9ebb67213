/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/key/fields.h"
#include "cli/render/render.h"

/* All there is to know of keys. */

struct show_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct show_options, names, .name = "NAME",
		 .complete = complete_keys, .help = "name of a key"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl key show work", "Show a key." },
	{ "vmctl key show work -o tsv --no-header --columns public_key",
	  "The public half alone, as authorized_keys takes it." },
	{ NULL },
};

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	const struct show_options *o = data;
	struct vmctl_key *key;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_key_get(ctx, name, &key, err);
	if (r < 0)
		return r;
	r = o->names.count == 1 ? render_one(cli->out, &key_fields, key, err)
				: render_row(cli->out, key, err);
	vmctl_key_free(key);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct show_options *o = data;
	bool many = o->names.count > 1;
	int r = many ? render_begin(cli->out, &key_fields, err) : 0;

	if (r == 0)
		r = cli_each(cli, &o->names, show_one, o, err);
	if (many && (r == 0 || r == -VMCTL_PARTIAL)) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);

		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_key_show = {
	.path = "key show",
	.aliases = (const char *const[]){ "key info", NULL },
	.summary = "show all there is to know of ssh keys",
	.group = GROUP_KEYS,
	.args = args,
	.opts_size = sizeof(struct show_options),
	.record = &key_fields,
	.examples = examples,
	.exits = (const int[]){ 3, 6, 0 },
	.run = run,
};
