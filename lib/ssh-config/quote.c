/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "ssh-config/ssh-config.h"

bool quote_possible(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+=@:,%";

	return *text && !text[strspn(text, plain)];
}

/* Between double quotes a backslash stands before a quote or itself
 * (argv_split() of OpenSSH since 8.7). */
static void add_word(struct str *out, const char *text, bool percent)
{
	bool plain = is_plain(text);

	if (!plain)
		str_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_addc(out, '\\');
		if (*text == '%' && percent)
			str_addc(out, '%');
		str_addc(out, *text);
	}
	if (!plain)
		str_addc(out, '"');
}

void quote_word(struct str *out, const char *text)
{
	add_word(out, text, false);
}

void quote_word_percent(struct str *out, const char *text)
{
	add_word(out, text, true);
}

void quote_shell_percent(struct str *out, const char *text)
{
	bool plain = is_plain(text);

	if (!plain)
		str_addc(out, '\'');
	/* Fish takes a backslash between quotes for something, and csh a
	 * history mark: outside of them all shells agree. */
	for (; *text; text++) {
		if (strchr("'\\!", *text))
			str_addf(out, "'\\%c'", *text);
		else if (*text == '%')
			str_add(out, "%%");
		else
			str_addc(out, *text);
	}
	if (!plain)
		str_addc(out, '\'');
}

void quote_include(struct str *out, const char *path)
{
	auto_str pattern = STR_INIT;

	for (; *path; path++) {
		if (*path == '%') /* one of "$%&" */
			str_add(&pattern, "[$-&]");
		else if (*path == '$')
			str_add(&pattern, "[$]");
		else if (strchr("*?[]\\", *path))
			str_addf(&pattern, "\\%c", *path);
		else
			str_addc(&pattern, *path);
	}
	out->oom |= pattern.oom;
	add_word(out, str_text(&pattern), false);
}

void quote_pin(struct str *out, const char *name, const char *value)
{
	str_addf(out, "%s=", name);
	for (; *value; value++) {
		if (isalnum((unsigned char)*value) || strchr("/._-", *value))
			str_addc(out, *value);
		else
			str_addf(out, "+%02x", (unsigned char)*value);
	}
}
