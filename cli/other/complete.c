/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/completers.h"
#include "cli/render/render.h"

/* For the shells' completion scripts: see cli/complete.c. */

struct complete_options {
	struct strings words;
	const char *bash;
	int64_t width;
};

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct complete_options *o = opts;
	auto_str text = STR_INIT;

	cli->globals.quiet = true; /* nothing may disturb the line edited */
	cli->glance = true;
	if (!o->bash)
		complete_words(cli, (int)o->words.count, o->words.items, &text);
	else if (o->words.count)
		complete_bash(cli, o->words.items[0], o->bash, (int)o->width,
			      &text);
	return render_text(cli->out, str_text(&text), false, err);
}

static const struct option opts[] = {
	OPT_STRING(struct complete_options, bash, .name = "bash",
		   .metavar = "PART",
		   .help = "WORD is the line up to the cursor, at the end of "
			   "which bash replaces this"),
	OPT_INT(struct complete_options, width, .name = "width", .metavar = "N",
		.max = 10000,
		.help = "with --bash: list, in that many columns"),
	OPT_END,
};

const struct command cmd_complete = {
	.path = "__complete",
	.summary = "complete a command line",
	.group = GROUP_HIDDEN,
	.flags = COMMAND_NO_CONFIG,
	.args =
		(const struct argument[]){
			{ .name = "WORD",
			  .help = "the words after vmctl, the last one being "
				  "completed",
			  .offset = BIND(struct complete_options, words,
					 struct strings),
			  .after_dashes = true,
			  .optional = true },
			ARG_END,
		},
	.opts = opts,
	.opts_size = sizeof(struct complete_options),
	.run = run,
};
