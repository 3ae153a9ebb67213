/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* For the shells' completion scripts: see cli/complete.c. */

struct complete_options {
	struct strings words;
};

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct strings *words = &((struct complete_options *)opts)->words;
	auto_str text = STR_INIT;

	cli->globals.quiet = true; /* nothing may disturb the line edited */
	cli->glance = true;
	complete_words(cli, (int)words->count, words->items, &text);
	return render_text(cli->out, str_text(&text), false, err);
}

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
	.opts_size = sizeof(struct complete_options),
	.run = run,
};
