/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

struct help_options {
	struct strings words;
};

static int fail_topic(const struct strings *words, const char *nearest,
		      struct vmctl_error *err)
{
	auto_str topic = STR_INIT;
	int rc;

	for (size_t i = 0; i < words->count; i++)
		str_addf(&topic, "%s%s", i ? " " : "", words->items[i]);
	rc = fail(err, VMCTL_INVALID, 0, "there is no command '%s'",
		  str_text(&topic));
	if (nearest)
		fail_hint(err, "did you mean vmctl help %s?", nearest);
	else
		fail_hint(err, "vmctl --help lists the commands");
	return rc;
}

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct strings *words = &((struct help_options *)opts)->words;
	const struct command *cmd = NULL;
	const char *nearest = NULL;
	auto_str text = STR_INIT;
	int used = 0, n = (int)words->count;

	if (n)
		cmd = command_find(n, words->items, &used, &nearest);
	if (n == 1 && !cmd && noun_next(words->items[0], NULL))
		noun_help(words->items[0], help_width(), &text);
	else if (used == n)
		command_help(cmd, help_width(), &text);
	else
		return fail_topic(words, nearest, err);
	if (text.oom)
		return fail_oom(err);
	return render_text(cli->out, str_text(&text), false, err);
}

const struct command cmd_help = {
	.path = "help",
	.summary = "show help on a command",
	.group = GROUP_OTHER,
	.flags = COMMAND_NO_CONFIG,
	.args =
		(const struct argument[]){
			ARG_MANY(struct help_options, words, .name = "COMMAND",
				 .help = "the command; without one, all are "
					 "listed",
				 .optional = true,
				 .complete = complete_commands),
			ARG_END,
		},
	.opts_size = sizeof(struct help_options),
	.examples =
		(const struct example[]){
			{ "vmctl help", "List all commands." },
			{ "vmctl help image import", "Explain one." },
			{ NULL },
		},
	.run = run,
};
