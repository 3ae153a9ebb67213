/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/*
 * Completion. The shells' scripts are generic: they run
 *	vmctl __complete -- WORDS…
 * with the words after "vmctl" up to the cursor, the last being completed
 * (perhaps empty), and get one candidate for each line, "value" or
 * "value<TAB>about". The line ":files" in front asks the shell to complete
 * file names.
 */

struct completion {
	struct cli *cli;
	const struct command *cmd;
	const struct option *pending; /* whose value comes next */
	const char *name[2];	      /* words of the command's name so far */
	int name_count;
	size_t positional; /* words given to the command */
	size_t guest;	   /* of these, after "--" */
	bool dashes;
	struct str found;
};

void completion_add(struct str *out, const char *value, const char *about)
{
	auto_free char *safe = str_printable(value, strlen(value), false);
	auto_free char *text = NULL;

	if (about && *about)
		text = str_printable(about, strlen(about), false);
	if (safe) {
		str_add(out, safe);
		str_add(out, text ? "\t" : "");
		str_add(out, text ? text : "");
		str_addc(out, '\n');
	}
}

static const struct option *find(const struct completion *c, const char *name,
				 size_t len, char letter)
{
	const struct option *lists[] = { c->cmd ? c->cmd->opts : NULL,
					 global_options };
	const struct option *opt = NULL;

	for (size_t i = 0; i < ARRAY_LEN(lists) && !opt; i++)
		opt = name ? option_by_name(lists[i], name, len)
			   : option_by_letter(lists[i], letter);
	return opt;
}

/* Notes whether an option before the cursor still wants its value. */
static void read_option(struct completion *c, const char *word)
{
	const struct option *opt;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		opt = find(c, word + 2, len, 0);
		if (opt && option_takes_value(opt) && !opt->bare &&
		    !word[2 + len])
			c->pending = opt;
		return;
	}
	for (word++; *word; word++) {
		opt = find(c, NULL, 0, *word);
		if (!opt || !option_takes_value(opt))
			continue;
		if (!word[1] && !opt->bare)
			c->pending = opt;
		return;
	}
}

static void read_positional(struct completion *c, const char *word)
{
	int used;

	if (c->cmd) {
		if (c->dashes)
			c->guest++;
		c->positional++;
		if (c->cmd->flags & COMMAND_STOPS_AT_ARGS &&
		    !command_has_short_form(c->cmd) &&
		    c->positional > command_own_arguments(c->cmd))
			c->dashes = true;
	} else if (c->name_count < (int)ARRAY_LEN(c->name)) {
		c->name[c->name_count++] = word;
		c->cmd = command_find(c->name_count, c->name, &used, NULL);
	}
}

static void read_word(struct completion *c, const char *word)
{
	if (c->pending)
		c->pending = NULL;
	else if (!c->dashes && str_eq(word, "--"))
		c->dashes = true;
	else if (!c->dashes && word[0] == '-' && word[1])
		read_option(c, word);
	else
		read_positional(c, word);
}

static void add_value_candidates(struct completion *c, const struct option *opt,
				 const char *prefix)
{
	const char *comma = strrchr(prefix, ',');
	int head = opt->type == VALUE_STRINGS && comma
			   ? (int)(comma + 1 - prefix)
			   : 0;

	for (size_t i = 0; opt->choices && opt->choices[i]; i++) {
		auto_free char *word =
			str_printf("%.*s%s", head, prefix, opt->choices[i]);

		if (word)
			completion_add(&c->found, word, NULL);
	}
	if (!opt->choices && opt->complete)
		opt->complete(c->cli, prefix, &c->found);
}

static void add_option_names(struct completion *c)
{
	const struct option *lists[] = { c->cmd ? c->cmd->opts : NULL,
					 global_options };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (const struct option *o = lists[i]; o && o->name; o++) {
			auto_free char *name = str_printf("--%s", o->name);

			if (name && option_applies(o, c->cmd))
				completion_add(&c->found, name, o->help);
		}
	}
}

static void add_command_words(struct completion *c)
{
	c->cli->word_count = c->name_count;
	c->cli->words = c->name;
	complete_commands(c->cli, "", &c->found);
}

static void add_arguments(struct completion *c, const char *prefix)
{
	const struct argument *a = c->cmd->args;
	bool stops = c->cmd->flags & COMMAND_STOPS_AT_ARGS &&
		     !command_has_short_form(c->cmd);
	size_t at = c->positional - c->guest;

	/* After "--" only the guest's; before it only our own. */
	for (; a && a->name; a++) {
		if (a->after_dashes) {
			if (c->dashes || (stops && at == 0))
				break;
			continue;
		}
		if (c->dashes && !stops)
			continue;
		if (a->many || at == 0)
			break;
		at--;
	}
	if (a && a->name && a->complete)
		a->complete(c->cli, prefix, &c->found);
}

/* Copies the lines that begin with `prefix`, with `before` in front, and the
 * directives. */
static void filter(const struct str *found, const char *prefix,
		   const char *before, size_t before_len, struct str *out)
{
	const char *line = str_text(found);

	while (*line) {
		size_t len = strcspn(line, "\n");

		if (line[0] == ':') {
			str_addn(out, line, len + 1);
		} else if (str_starts(line, prefix)) {
			str_addn(out, before, before_len);
			str_addn(out, line, len + 1);
		}
		line += len + (line[len] != 0);
	}
}

void complete_words(struct cli *cli, int n, const char *const *words,
		    struct str *out)
{
	struct completion c = { .cli = cli, .found = STR_INIT };
	const char *word = n ? words[n - 1] : "", *before = "";
	const struct option *opt = NULL;
	size_t before_len = 0;

	for (int i = 0; i < n - 1; i++)
		read_word(&c, words[i]);
	cli->command = c.cmd;
	cli->word_count = n ? n - 1 : 0;
	cli->words = words;

	if (c.pending) {
		opt = c.pending;
	} else if (!c.dashes && str_starts(word, "--") && strchr(word, '=')) {
		before = word;
		before_len = strcspn(word, "=") + 1;
		opt = find(&c, word + 2, before_len - 3, 0);
		word += before_len;
	}
	if (opt)
		add_value_candidates(&c, opt, word);
	else if (!before_len && !c.dashes && word[0] == '-')
		add_option_names(&c);
	else if (!before_len && !c.cmd)
		add_command_words(&c);
	else if (!before_len)
		add_arguments(&c, word);
	filter(&c.found, word, before, before_len, out);
	str_done(&c.found);
}
