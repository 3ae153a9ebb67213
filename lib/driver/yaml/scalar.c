/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/yaml/scalar.h"

#include <errno.h>

/* yaml.org/type, as far as PyYAML goes: not y and n, and 0o7 is text. */
static const struct {
	const char *word;
	enum { IS_NULL, IS_TRUE, IS_FALSE } is;
} words[] = {
	{ "", IS_NULL },       { "~", IS_NULL },      { "null", IS_NULL },
	{ "Null", IS_NULL },   { "NULL", IS_NULL },   { "true", IS_TRUE },
	{ "True", IS_TRUE },   { "TRUE", IS_TRUE },   { "yes", IS_TRUE },
	{ "Yes", IS_TRUE },    { "YES", IS_TRUE },    { "on", IS_TRUE },
	{ "On", IS_TRUE },     { "ON", IS_TRUE },     { "false", IS_FALSE },
	{ "False", IS_FALSE }, { "FALSE", IS_FALSE }, { "no", IS_FALSE },
	{ "No", IS_FALSE },    { "NO", IS_FALSE },    { "off", IS_FALSE },
	{ "Off", IS_FALSE },   { "OFF", IS_FALSE },
};

/* The digits of a whole number without its underscores, and their base; false:
 * it is something else. */
static bool digits_of(const char *p, char *out, size_t size, int *ret_base)
{
	const char *allowed = "0123456789_";
	size_t n = 0;
	int base = 10;

	if (p[0] == '0' && p[1]) {
		base = p[1] == 'x' ? 16 : p[1] == 'b' ? 2 : 8;
		allowed = base == 16  ? "0123456789abcdefABCDEF_"
			  : base == 2 ? "01_"
				      : "01234567_";
		p += base == 8 ? 1 : 2;
	} else if (*p == '_') {
		return false;
	}
	if (!*p || p[strspn(p, allowed)])
		return false;
	for (; *p && n + 1 < size; p++)
		if (*p != '_')
			out[n++] = *p;
	out[n] = '\0';
	*ret_base = base;
	return n > 0 && !*p;
}

static json_t *whole_number(const char *text)
{
	bool negative = *text == '-';
	char digits[66]; /* one that is longer is too large for anything */
	int base;

	if (!digits_of(text + (*text == '-' || *text == '+'), digits,
		       sizeof(digits), &base))
		return NULL;
	errno = 0;
	long long n = strtoll(digits, NULL, base);
	return errno ? NULL : json_integer(negative ? -n : n);
}

json_t *scalar_plain(const char *text, size_t len)
{
	json_t *number = strlen(text) == len ? whole_number(text) : NULL;

	if (number)
		return number;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i].word) != len ||
		    !str_eq(words[i].word, text))
			continue;
		return words[i].is == IS_NULL
			       ? json_null()
			       : json_boolean(words[i].is == IS_TRUE);
	}
	return json_stringn(text, len);
}

bool tag_is(const char *tag, const char *const *names)
{
	static const char own[] = "tag:yaml.org,2002:";

	if (!str_starts(tag, own))
		return false;
	while (*names && !str_eq(tag + strlen(own), *names))
		names++;
	return *names;
}
