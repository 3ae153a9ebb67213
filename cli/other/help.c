/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/find.h"
#include "cli/page.h"
#include "cli/render/render.h"

/* The manual: of all commands in short, of one, of a noun's, of a topic. */

struct help_options {
	struct strings words;
};

static const char *nearest_topic(const struct strings *words)
{
	const char *names[16];
	size_t n = 0;

	for (const struct topic *t = topics; t->name && n < 15; t++)
		names[n++] = t->name;
	names[n] = NULL;
	return words->count == 1 ? str_nearest(words->items[0], names) : NULL;
}

static int fail_topic(const struct strings *words, const char *nearest,
		      struct vmctl_error *err)
{
	auto_str topic = STR_INIT;
	int rc;

	for (size_t i = 0; i < words->count; i++)
		str_addf(&topic, "%s%s", i ? " " : "", words->items[i]);
	rc = fail(err, VMCTL_INVALID, 0, "there is no command or topic '%s'",
		  str_text(&topic));
	if (!nearest)
		nearest = nearest_topic(words);
	if (nearest)
		fail_hint(err, "did you mean vmctl help %s?", nearest);
	else
		hint_noun(words->items[0], "vmctl help ",
			  "vmctl help lists the commands and topics", err);
	return rc;
}

static void add_topics(struct str *out)
{
	str_add(out, "\nTopics (vmctl help TOPIC):\n");
	for (const struct topic *t = topics; t->name; t++)
		str_addf(out, "  %-10s  %s\n", t->name, t->about);
}

/* The page, or what --help says where no manual was installed. */
static int show_command(struct cli *cli, const struct command *cmd,
			struct vmctl_error *err)
{
	auto_free char *page = page_of(cmd);
	auto_str text = STR_INIT;
	int r = page ? page_show(cli, page, 1, err) : fail_oom(err);

	if (r != -VMCTL_NOT_FOUND)
		return r;
	if (command_help(cmd, help_width(), &text))
		return fail_oom(err);
	return render_text(cli->out, str_text(&text), false, err);
}

/* The command of a page's name, "vmctl-image-import". */
static const struct command *command_of(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		auto_free char *page = page_of(commands[i]);

		if (page && str_eq(page, name))
			return commands[i];
	}
	return NULL;
}

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct strings *words = &((struct help_options *)opts)->words;
	const char *nearest = NULL,
		   *first = words->items ? words->items[0] : "";
	const struct command *cmd = NULL;
	const struct topic *topic = NULL;
	auto_str text = STR_INIT;
	int used = 0, n = (int)words->count;

	if (n)
		cmd = command_find(n, words->items, &used, &nearest);
	if (n == 1 && !cmd) {
		topic = topic_find(first);
		cmd = command_of(first);
		used = n;
	}
	if (topic)
		return page_show(cli, topic->page, topic->section, err);
	if (cmd && used == n)
		return show_command(cli, cmd, err);
	if (n == 1 && noun_next(first, NULL))
		noun_help(first, help_width(), &text);
	else if (n)
		return fail_topic(words, nearest, err);
	else if (command_help(NULL, help_width(), &text) == 0)
		add_topics(&text);
	if (text.oom)
		return fail_oom(err);
	return render_text(cli->out, str_text(&text), false, err);
}

/* A topic that is a noun too stands among these. */
static void complete(struct cli *cli, const char *prefix, struct str *out)
{
	complete_commands(cli, prefix, out);
	for (const struct topic *t = topics; t->name; t++) {
		if (cli->word_count < 2 && !noun_next(t->name, NULL))
			completion_add(out, t->name, t->about);
	}
}

const struct command cmd_help = {
	.path = "help",
	.summary = "show the manual of a command or on a topic",
	.group = GROUP_OTHER,
	.flags = COMMAND_NO_CONFIG,
	.args =
		(const struct argument[]){
			ARG_MANY(struct help_options, words, .name = "TOPIC",
				 .help = "a command or a topic; without one, "
					 "all are listed",
				 .optional = true, .complete = complete),
			ARG_END,
		},
	.opts_size = sizeof(struct help_options),
	.exits = (const int[]){ 3, 0 },
	.examples =
		(const struct example[]){
			{ "vmctl help", "List all commands and topics." },
			{ "vmctl help image import", "Explain one command." },
			{ "vmctl help tutorial", "Begin at the beginning." },
			{ "vmctl help create | grep -n -- --label",
			  "Look for something." },
			{ NULL },
		},
	.run = run,
};
