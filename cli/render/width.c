/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/width.h"

#include <limits.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

/* mbrtowc and wcwidth work in the locale that is set. The C locale knows ASCII
 * only, and setlocale() costs more than the rest of the start-up, so a UTF-8
 * locale is made when the first other character comes. It is never freed: the
 * process ends soon. (locale_t)0 when there is none: then each byte counts. */
static locale_t utf8_locale(void)
{
	static locale_t locale;
	static int tried;

	if (!tried) {
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		tried = 1;
	}
	return locale;
}

static size_t cut_utf8(const char *text, int columns, int *ret_width)
{
	size_t len = strlen(text), at = 0;
	mbstate_t state = { 0 };
	int width = 0;

	while (at < len) {
		wchar_t c;
		size_t step = mbrtowc(&c, text + at, len - at, &state);
		int cols = 1;

		if (step == 0 || step > len - at) {
			step = 1; /* not UTF-8: one odd byte */
			state = (mbstate_t){ 0 };
		} else {
			cols = wcwidth(c);
		}
		if (cols < 0)
			cols = 1;
		if (width + cols > columns)
			break;
		width += cols;
		at += step;
	}
	*ret_width = width;
	return at;
}

static int is_ascii(char c)
{
	return (signed char)c > 0;
}

size_t width_cut(const char *text, int columns, int *ret_width)
{
	size_t n = 0;
	int width;

	while (n < (size_t)columns && is_ascii(text[n]))
		n++;
	/* ASCII throughout, and no mark may follow what is cut. */
	if (!text[n] || (n == (size_t)columns && is_ascii(text[n]))) {
		width = (int)n;
	} else {
		locale_t utf8 = utf8_locale(), old;

		old = utf8 ? uselocale(utf8) : (locale_t)0;
		n = cut_utf8(text, columns, &width);
		if (utf8)
			uselocale(old);
	}
	if (ret_width)
		*ret_width = width;
	return n;
}

int width_of(const char *text)
{
	int width;

	width_cut(text, INT_MAX, &width);
	return width;
}
