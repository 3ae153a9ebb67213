/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

void str_done(struct str *s)
{
	free(s->p);
	*s = STR_INIT;
}

void secret_str_done(struct str *s)
{
	if (s->p)
		explicit_bzero(s->p, s->cap);
	str_done(s);
}

bool str_grow(struct str *s, size_t more)
{
	if (s->oom)
		return false;

	/* Doubled, or what is asked for where that is more. */
	size_t want = s->cap ? 2 * s->cap : 64;
	bool fits = more < SIZE_MAX / 2 - s->len;

	if (fits && want <= s->len + more)
		want = s->len + more + 1;
	char *p = fits ? realloc(s->p, want) : NULL;
	if (!p) {
		s->oom = true;
		return false;
	}
	s->p = p;
	s->cap = want;
	s->p[s->len] = '\0';
	return true;
}

void str_addn(struct str *s, const void *bytes, size_t n)
{
	if (!str_reserve(s, n))
		return;
	if (n)
		memcpy(s->p + s->len, bytes, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	if (text)
		str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	if (!str_reserve(s, 1))
		return;
	s->p[s->len++] = c;
	s->p[s->len] = '\0';
}

void str_addi(struct str *s, int64_t n)
{
	char digits[INT_TEXT];

	str_addn(s, digits, (size_t)(int_encode(n, digits) - digits));
}

void str_fill(struct str *s, char c, size_t n)
{
	if (!n || !str_reserve(s, n))
		return;
	memset(s->p + s->len, c, n);
	s->len += n;
	s->p[s->len] = '\0';
}

static void add_va(struct str *s, const char *fmt, va_list ap)
{
	va_list again;

	if (!str_reserve(s, 0))
		return;
	va_copy(again, ap);
	/* Mostly there is room already. */
	int n = vsnprintf(s->p + s->len, s->cap - s->len, fmt, ap);
	if (n < 0)
		s->oom = true;
	else if ((size_t)n >= s->cap - s->len && str_reserve(s, (size_t)n))
		vsnprintf(s->p + s->len, s->cap - s->len, fmt, again);
	if (s->oom)
		s->p[s->len] = '\0';
	else
		s->len += (size_t)n;
	va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_va(s, fmt, ap);
	va_end(ap);
}

int str_check(const struct str *s, struct vmctl_error *err)
{
	return s->oom ? fail_oom(err) : 0;
}

int str_take(struct str *s, char **ret, struct vmctl_error *err)
{
	if (!s->p)
		str_addn(s, "", 0);
	if (s->oom)
		return fail_oom(err);
	*ret = take_ptr(&s->p);
	*s = STR_INIT;
	return 0;
}

char *str_printf(const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	add_va(&s, fmt, ap);
	va_end(ap);
	if (s.oom)
		str_done(&s);
	return s.p;
}

char *str_dup(const char *text)
{
	return strdup(text ? text : "");
}

bool str_line(const char **text, char *line, size_t size)
{
	const char *begin = *text;
	size_t n = strcspn(begin, "\n"), kept = n < size ? n : size - 1;

	if (!*begin)
		return false;
	memcpy(line, begin, kept);
	line[kept] = '\0';
	*text = begin + n + (begin[n] == '\n');
	return true;
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

/* The length of the well-formed UTF-8 sequence at p (RFC 3629, section 4), or
 * 0; its code point in *cp. */
static size_t utf8_step(const unsigned char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, *cp = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3, *cp = p[0] & 0x0f;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, *cp = p[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff ||
	    (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

bool str_is_utf8(const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
	uint32_t cp;

	for (size_t i = 0; i < n;) {
		size_t step = utf8_step(p + i, n - i, &cp);
		if (!step || cp == 0)
			return false;
		i += step;
	}
	return true;
}

void str_add_printable(struct str *s, const char *bytes, size_t n,
		       bool keep_newlines)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t len = 0;

	if (!str_reserve(s, n)) /* it never becomes longer */
		return;
	char *out = s->p + s->len;
	while (len < n && p[len] >= 0x20 && p[len] < 0x7f)
		len++; /* as a rule that is all of it */
	if (len)
		memcpy(out, p, len);
	for (size_t i = len; i < n;) {
		uint32_t cp = 0;
		size_t step = utf8_step(p + i, n - i, &cp);
		bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
		/* U+2028… and the marks that reorder text on the screen */
		bool moves = (cp >= 0x2028 && cp <= 0x202e) ||
			     (cp >= 0x2066 && cp <= 0x2069);

		if (step && keep_newlines && (cp == '\n' || cp == '\t'))
			control = false;
		if (!step || control || moves) {
			out[len++] = '?';
			i += step ? step : 1;
			continue;
		}
		memcpy(out + len, p + i, step);
		len += step;
		i += step;
	}
	out[len] = '\0';
	s->len += len;
}

char *str_printable(const char *bytes, size_t n, bool keep_newlines)
{
	struct str s = STR_INIT;

	str_add_printable(&s, bytes, n, keep_newlines);
	return s.p;
}

void str_skip_mark(const char **text, size_t *len)
{
	if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*len -= 3;
	}
}

const char *str_other_encoding(const char *text, size_t len)
{
	if (len >= 4 && (memcmp(text, "\xff\xfe\0", 4) == 0 ||
			 memcmp(text, "\0\0\xfe\xff", 4) == 0))
		return "UTF-32";
	if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 ||
			 memcmp(text, "\xfe\xff", 2) == 0))
		return "UTF-16";
	return NULL;
}
