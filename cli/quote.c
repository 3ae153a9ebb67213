/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/quote.h"

static bool is_plain(const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-./,:+@%=";

	return *word && word[strspn(word, safe)] == '\0';
}

/* Whether it can be shown to a terminal as it is. */
static bool is_printable(const char *word)
{
	auto_free char *safe = str_printable(word, strlen(word), false);

	return str_is_utf8(word, strlen(word)) && safe && str_eq(safe, word);
}

static void add_single(const char *word, struct str *out)
{
	str_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			str_add(out, "'\\''");
		else
			str_addc(out, *word);
	}
	str_addc(out, '\'');
}

static void add_escaped(const char *word, struct str *out)
{
	static const char named[] = "\n\r\t\033\\'", letters[] = "nrte\\'";

	str_add(out, "$'");
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;
		const char *name = strchr(named, c);

		if (name)
			str_addf(out, "\\%c", letters[name - named]);
		else if (c < 0x20 || c >= 0x7f)
			/* Three digits always: more cannot be added to it. */
			str_addf(out, "\\%03o", c);
		else
			str_addc(out, *word);
	}
	str_addc(out, '\'');
}

void add_quoted_words(const char *const *words, struct str *out)
{
	for (size_t i = 0; words && words[i]; i++) {
		if (i)
			str_addc(out, ' ');
		/* The first would set a variable. */
		if (is_plain(words[i]) && !(i == 0 && strchr(words[i], '=')))
			str_add(out, words[i]);
		else if (is_printable(words[i]))
			add_single(words[i], out);
		else
			add_escaped(words[i], out);
	}
}
