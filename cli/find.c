/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/find.h"

/* Finding a command by its words, and facts about it. */

const char *group_title(enum command_group group)
{
	switch (group) {
	case GROUP_INSTANCES:
		return "Instances";
	case GROUP_IMAGES:
		return "Images";
	case GROUP_NETWORKS:
		return "Networks";
	case GROUP_KEYS:
		return "Keys";
	case GROUP_HOST:
		return "Host";
	case GROUP_CONFIG:
		return "Settings";
	case GROUP_OTHER:
		return "Other";
	case GROUP_HIDDEN:
		break;
	}
	return NULL;
}

/* How many of the words `path` takes when they begin with it, else 0. */
static int path_match(const char *path, int n, const char *const *words)
{
	int used = 0;

	while (used < n) {
		size_t len = strcspn(path, " ");

		if (strlen(words[used]) != len ||
		    memcmp(words[used], path, len) != 0)
			return 0;
		used++;
		if (!path[len])
			return used;
		path += len + 1;
	}
	return 0;
}

static int command_match(const struct command *cmd, int n,
			 const char *const *words)
{
	int used = path_match(cmd->path, n, words);

	for (size_t i = 0; !used && cmd->aliases && cmd->aliases[i]; i++)
		used = path_match(cmd->aliases[i], n, words);
	return used;
}

/* The path or alias nearest to the words; it stays valid as they are all
 * static. A hidden command is never suggested. */
static const char *nearest_path(int n, const char *const *words)
{
	auto_str text = STR_INIT;
	const char *list[256];
	const char *found;
	size_t count = 0;

	for (size_t i = 0; commands[i]; i++) {
		const char *const *alias = commands[i]->aliases;

		if (commands[i]->group == GROUP_HIDDEN)
			continue;
		if (count < ARRAY_LEN(list) - 1)
			list[count++] = commands[i]->path;
		for (; alias && *alias && count < ARRAY_LEN(list) - 1; alias++)
			list[count++] = *alias;
	}
	list[count] = NULL;

	/* "image lst web1": two words first, then the first one alone. */
	for (int take = n < 2 ? n : 2; take > 0; take--) {
		str_done(&text);
		for (int i = 0; i < take; i++)
			str_addf(&text, "%s%s", i ? " " : "", words[i]);
		found = str_nearest(str_text(&text), list);
		if (found)
			return found;
	}
	return NULL;
}

const struct command *command_find(int n, const char *const *words,
				   int *ret_words, const char **ret_nearest)
{
	for (size_t i = 0; commands[i]; i++) {
		int used = command_match(commands[i], n, words);

		if (used) {
			*ret_words = used;
			return commands[i];
		}
	}
	if (ret_nearest)
		*ret_nearest = nearest_path(n, words);
	return NULL;
}

void hint_noun(const char *word, const char *before, const char *all,
	       struct vmctl_error *err)
{
	auto_strv char **nouns = strv_dup(NULL);

	for (size_t i = 0; nouns && commands[i]; i++) {
		const char *path = commands[i]->path;
		auto_free char *noun = strndup(path, strcspn(path, " "));

		if (noun && noun_next(noun, NULL))
			(void)strv_append(&nouns, noun);
	}
	fail_hint_nearest(err, word, (const char *const *)nouns, before, all);
}

int command_fail(int n, const char *const *words, const char *nearest,
		 struct vmctl_error *err)
{
	auto_str verbs = STR_INIT;
	const struct command *cmd = NULL;
	int rc;

	while ((cmd = noun_next(words[0], cmd)))
		str_addf(&verbs, "%s%s", verbs.len ? "|" : "",
			 strchr(cmd->path, ' ') + 1);
	if (n == 1 && verbs.len) {
		rc = fail(err, VMCTL_INVALID, 0, "%s needs a verb", words[0]);
		fail_hint(err, "vmctl %s %s", words[0], str_text(&verbs));
		return rc;
	}
	rc = fail(err, VMCTL_INVALID, 0, "there is no command '%s%s%s'",
		  words[0], verbs.len ? " " : "", verbs.len ? words[1] : "");
	if (nearest)
		fail_hint(err, "did you mean vmctl %s?", nearest);
	else if (verbs.len)
		fail_hint(err, "vmctl %s %s", words[0], str_text(&verbs));
	else
		hint_noun(words[0], "vmctl ", "vmctl --help lists the commands",
			  err);
	return rc;
}

const struct command *noun_next(const char *noun, const struct command *after)
{
	size_t len = strlen(noun), i = 0;

	while (after && commands[i] && commands[i++] != after)
		;
	for (; commands[i]; i++) {
		const char *path = commands[i]->path;

		if (strncmp(path, noun, len) == 0 && path[len] == ' ' &&
		    commands[i]->group != GROUP_HIDDEN)
			return commands[i];
	}
	return NULL;
}

size_t command_own_arguments(const struct command *cmd)
{
	size_t n = 0;

	for (const struct argument *a = cmd->args; a && a->name; a++)
		n += !a->after_dashes;
	return n;
}

size_t command_needed_arguments(const struct command *cmd)
{
	size_t n = 0;

	for (const struct argument *a = cmd->args; a && a->name; a++)
		n += !a->after_dashes && !a->optional;
	return n;
}

bool command_takes_guest_words(const struct command *cmd)
{
	for (const struct argument *a = cmd->args; a && a->name; a++) {
		if (a->after_dashes)
			return true;
	}
	return false;
}

bool command_has_short_form(const struct command *cmd)
{
	const struct argument *a = cmd->args;

	if (!(cmd->flags & COMMAND_STOPS_AT_ARGS))
		return false;
	for (; a && a->name; a++)
		if (a->many && !a->after_dashes)
			return command_takes_guest_words(cmd);
	return false;
}
