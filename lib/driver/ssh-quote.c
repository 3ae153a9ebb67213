/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"
#include "driver/ssh.h"

/* What a POSIX shell leaves alone in every position of a word. */
static bool is_plain(const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-./,:+@%";

	return *word && word[strspn(word, safe)] == '\0';
}

/* Between single quotes every byte stands for itself, except the quote. */
static void add_quoted(struct str *s, const char *word)
{
	str_addc(s, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			str_add(s, "'\\''");
		else
			str_addc(s, *word);
	}
	str_addc(s, '\'');
}

static void add_word(struct str *s, const char *word)
{
	if (s->len)
		str_addc(s, ' ');
	if (is_plain(word))
		str_add(s, word);
	else
		add_quoted(s, word);
}

static void add_words(struct str *s, const char *const *words)
{
	for (; words && *words; words++)
		add_word(s, *words);
}

static char *finish(struct str *s)
{
	char *text = NULL;

	return str_take(s, &text, NULL) < 0 ? NULL : text;
}

char *ssh_quote_argv(const char *const *argv)
{
	auto_str s = STR_INIT;

	add_words(&s, argv);
	return finish(&s);
}

/* A name that is not absolute is below the home directory: not an option of
 * cd, not "-", and not looked for on CDPATH. */
static void add_cd(struct str *s, const char *cwd)
{
	auto_str path = STR_INIT;

	str_addf(&path, "%s%s", cwd[0] == '/' ? "" : "./", cwd);
	str_add(s, "cd");
	add_word(s, str_text(&path));
	str_add(s, " || exit 126; ");
	s->oom |= path.oom;
}

/*
 * The login shell may be of any kind, so it only starts /bin/sh. Variables are
 * set by env(1), which takes any name, also of one that a shell gives a meaning
 * to, and the command is started by another sh for that one's sake: its first
 * word may have an equals sign. "$@" without exec, so that it may begin with
 * a hyphen.
 */
char *ssh_command(const char *const *argv, const char *const *env,
		  const char *cwd)
{
	auto_str script = STR_INIT;
	auto_str s = STR_INIT;

	if (!cwd && (!env || !*env))
		return ssh_quote_argv(argv);
	if (cwd)
		add_cd(&script, cwd);
	if (env && *env) {
		auto_str set = STR_INIT;

		add_words(&set, env);
		str_addf(&script, "exec env %s /bin/sh -c '\"$@\"' sh ",
			 str_text(&set));
		script.oom |= set.oom;
	}
	str_add(&script, "\"$@\"");
	str_add(&s, "exec /bin/sh -c");
	add_word(&s, str_text(&script));
	add_word(&s, "sh");
	add_words(&s, argv);
	s.oom |= script.oom;
	return finish(&s);
}
