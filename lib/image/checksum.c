/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <ctype.h>

/* A digest and the file that it is of, in one line of a list. */
struct line {
	const char *digits;
	size_t digit_count;
	const char *name;
	size_t name_len; /* 0: it names none */
};

static bool digits_at(struct line *l, const char *p, const char *end)
{
	l->digits = p;
	l->digit_count = 0;
	while (p < end && isxdigit((unsigned char)*p)) {
		p++;
		l->digit_count++;
	}
	return l->digit_count == 64 || l->digit_count == 128;
}

/* "SHA256 (FILE) = digits": sha256sum --tag. The weak ones are passed over. */
static bool read_tagged(struct line *l, const char *p, const char *end)
{
	const char *name, *close;
	size_t want;

	if (end - p <= 8)
		return false;
	if (strncmp(p, "SHA256 (", 8) == 0)
		want = 64;
	else if (strncmp(p, "SHA512 (", 8) == 0)
		want = 128;
	else
		return false;
	name = p + 8;
	close = memrchr(name, ')', (size_t)(end - name));
	if (!close || end - close < 4 || strncmp(close, ") = ", 4))
		return false;
	l->name = name;
	l->name_len = (size_t)(close - name);
	return digits_at(l, close + 4, end) && l->digit_count == want &&
	       l->digits + want == end;
}

/* "digits  FILE", "digits *FILE", or only the digits. */
static bool read_plain(struct line *l, const char *p, const char *end)
{
	if (!digits_at(l, p, end))
		return false;
	p += l->digit_count;
	if (p < end && *p != ' ' && *p != '\t')
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p < end && *p == '*')
		p++;
	if (end - p > 2 && strncmp(p, "./", 2) == 0)
		p += 2;
	l->name = p;
	l->name_len = (size_t)(end - p);
	return true;
}

static bool read_line(struct line *l, const char *p, const char *end)
{
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	return read_tagged(l, p, end) || read_plain(l, p, end);
}

/* Takes a line that is of the file. Two of the same kind must agree. */
static int take(const struct line *l, const char *file, char ret[CHECKSUM_TEXT],
		struct vmctl_error *err)
{
	char text[CHECKSUM_TEXT];
	int n = snprintf(text, sizeof(text), "sha%s:%.*s",
			 l->digit_count == 128 ? "512" : "256",
			 (int)l->digit_count, l->digits);

	for (int i = 0; i < n; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	if (*ret && strlen(ret) == strlen(text) && !str_eq(ret, text))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "it has two different checksums of %s", file);
	if (strlen(text) >= strlen(ret))
		memcpy(ret, text, sizeof(text));
	return 0;
}

int checksum_find(const char *text, size_t len, const char *file, bool only,
		  char ret[CHECKSUM_TEXT], struct vmctl_error *err)
{
	char found[CHECKSUM_TEXT] = "";
	size_t n = strlen(file);

	str_skip_mark(&text, &len);
	const char *limit = text + len;
	while (text < limit) {
		const char *lf = memchr(text, '\n', (size_t)(limit - text));
		const char *end = lf ? lf : limit;
		struct line l;
		int r = 0;

		if (read_line(&l, text, end) &&
		    (only || (l.name_len == n && !memcmp(l.name, file, n))))
			r = take(&l, file, found, err);
		if (r < 0)
			return r;
		text = end + 1;
	}
	if (!*found)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "it has no SHA-256 or SHA-512 checksum of %s",
			    file);
	memcpy(ret, found, sizeof(found));
	return 0;
}
