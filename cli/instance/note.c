/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* Keeps a few words on an instance. */

struct note_options {
	const char *name;
	struct strings words;
};

static const struct argument args[] = {
	ARG_ONE(struct note_options, name, .name = "NAME",
		.complete = complete_instances,
		.help = "name or id of an instance"),
	ARG_MANY(struct note_options, words, .name = "TEXT", .optional = true,
		 .help = "the new note, '' for none; without it the note is "
			 "shown"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl note web1 \"Ann's, until the release\"",
	  "Write a note, in place of the one there is." },
	{ "vmctl note web1", "Show it." },
	{ "vmctl note web1 ''", "Take it away." },
	{ NULL },
};

static int show(struct cli *cli, struct vmctl *ctx, const char *name,
		struct vmctl_error *err)
{
	struct vmctl_instance *row;
	int r = vmctl_instance_get(ctx, name, VMCTL_LIST_CACHED, &row, err);

	if (r < 0)
		return r;
	if (*row->note) {
		auto_free char *line = str_printf("%s\n", row->note);

		r = line ? render_text(cli->out, line, true, err)
			 : -VMCTL_NO_MEMORY;
	}
	vmctl_instance_free(row);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct note_options *o = data;
	auto_str text = STR_INIT;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0 && !o->words.count)
		return show(cli, ctx, o->name, err);
	for (size_t i = 0; i < o->words.count; i++)
		str_addf(&text, "%s%s", i ? " " : "", o->words.items[i]);
	if (r == 0)
		r = str_check(&text, err);
	return r < 0 ? r
		     : vmctl_instance_note(ctx, o->name, str_text(&text), err);
}

const struct command cmd_note = {
	.path = "note",
	.summary = "keep a few words on an instance",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct note_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 0 },
	.run = run,
};
