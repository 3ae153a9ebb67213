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

char *ssh_quote_argv(const char *const *argv)
{
	auto_str s = STR_INIT;
	char *text = NULL;

	for (size_t i = 0; argv[i]; i++) {
		if (i > 0)
			str_addc(&s, ' ');
		if (is_plain(argv[i]))
			str_add(&s, argv[i]);
		else
			add_quoted(&s, argv[i]);
	}
	if (str_take(&s, &text, NULL) < 0)
		return NULL;
	return text;
}
