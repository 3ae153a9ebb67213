/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"
#include "driver/ssh.h"

/* What every shell leaves alone in every position of a word. (A percent sign
 * is a process to fish and a job to csh.) */
static bool is_plain(const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-./,:+@";

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
 * What stands for itself between single quotes in every shell. A backslash does
 * not in fish, a history mark and the end of a line do not in csh, and other
 * control characters and bytes that are not ASCII are left out for the sake of
 * shells of which nobody here has thought.
 */
static bool is_literal(char c)
{
	return c >= ' ' && c <= '~' && !strchr("'\\!", c);
}

/* A command of literal words. Its name is without quotes, as some shells would
 * take those for an expression. */
static bool is_literal_command(const char *const *argv)
{
	if (*argv && !is_plain(*argv))
		return false;
	for (; *argv; argv++)
		for (const char *p = *argv; *p; p++)
			if (!is_literal(*p))
				return false;
	return true;
}

/*
 * A POSIX script for whatever login shell: that only starts /bin/sh, with the
 * script as a format of printf(1), in which a byte that is not literal is a
 * backslash and three digits. Such a backslash is literal everywhere. The blank
 * keeps the format from being an option, and the script is not lost without a
 * word where printf cannot be started.
 */
static void add_script(struct str *s, const struct str *script)
{
	str_add(s, "exec /bin/sh -c 'set -- \"$(printf \" $1\")\"; "
		   "eval \"${1:?}\"' sh '");
	for (size_t i = 0; i < script->len; i++) {
		char c = script->p[i];

		if (c == '%')
			str_add(s, "%%");
		else if (is_literal(c))
			str_addc(s, c);
		else
			str_addf(s, "\\%03o", (unsigned char)c);
	}
	str_addc(s, '\'');
	s->oom |= script->oom;
}

/*
 * Variables are set by env(1), which takes any name, also of one that a shell
 * gives a meaning to, and the command is then started by another sh, since its
 * first word may have an equals sign. "$@" without exec, so that it may begin
 * with a hyphen.
 */
char *ssh_command(const char *const *argv, const char *const *env,
		  const char *cwd)
{
	auto_str script = STR_INIT;
	auto_str s = STR_INIT;

	if (cwd)
		add_cd(&script, cwd);
	if (env && *env) {
		str_add(&script, "exec env");
		add_words(&script, env);
		str_add(&script, " /bin/sh -c '\"$@\"' sh");
	}
	if (!script.len && is_literal_command(argv))
		return ssh_quote_argv(argv);
	add_words(&script, argv);
	add_script(&s, &script);
	return finish(&s);
}
