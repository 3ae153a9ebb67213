/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "base/file.h"
#include "instance/console.h"

/* What a person is shown of the console in a message: lines without what moves
 * a terminal's cursor. */

#define TAIL_BYTES 65536
#define LINE_BYTES 1024

/* The length of the escape sequence that begins at p (ECMA-48, 5.3 and 5.4;
 * ESC ] and its kind end at BEL or ESC \). */
static size_t escape_length(const char *p, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return n;
	if (p[1] == '[') {
		while (i < n && (unsigned char)p[i] >= 0x20 &&
		       (unsigned char)p[i] < 0x40)
			i++;
		return i < n ? i + 1 : n;
	}
	if (p[1] && strchr("]PX^_", p[1])) {
		while (i < n && p[i] != '\a' && p[i] != '\033')
			i++;
		return i < n && p[i] == '\033' ? i + 2 < n ? i + 2 : n
		       : i < n		       ? i + 1
					       : n;
	}
	while (i < n + 1 && (unsigned char)p[i - 1] >= 0x20 &&
	       (unsigned char)p[i - 1] < 0x30)
		i++;
	return i < n ? i : n;
}

/* One line as it would stand there: what a carriage return begins anew covers
 * what was before. NULL when memory is short. */
static char *line_text(const char *p, size_t n)
{
	auto_str out = STR_INIT;
	size_t i = 0;

	while (n && (p[n - 1] == '\r' || p[n - 1] == '\0'))
		n--;
	while (i < n) {
		if (p[i] == '\033') {
			i += escape_length(p + i, n - i);
			continue;
		}
		if (p[i] == '\r' && i + 1 < n)
			out.len = 0;
		else if (p[i] == '\t')
			str_addc(&out, ' ');
		else if ((unsigned char)p[i] >= 0x20)
			str_addc(&out, p[i]);
		i++;
	}
	if (out.oom)
		return NULL;
	while (out.len && out.p[out.len - 1] == ' ')
		out.len--;
	size_t shown = out.len < LINE_BYTES ? out.len : LINE_BYTES;
	return str_printable(out.p ? out.p : "", shown, false);
}

/* The last bytes of the newest boot, over its files. */
static int read_end(const struct console_record *r, struct str *ret,
		    struct vmctl_error *err)
{
	const struct console_boot *last = &r->boots[r->boot_count - 1];
	int64_t skip = last->size > TAIL_BYTES ? last->size - TAIL_BYTES : 0;

	for (size_t i = 0; i < r->part_count; i++) {
		const struct console_part *p = &r->parts[i];
		auto_close int fd = -1;
		ssize_t n = 1;

		if (p->boot != last->number)
			continue;
		if (p->size <= skip) {
			skip -= p->size;
			continue;
		}
		int rc = file_open(p->path, &fd, err);
		if (rc == -VMCTL_NOT_FOUND) /* renamed just now */
			continue;
		if (rc < 0)
			return rc;
		while (n > 0 && ret->len < TAIL_BYTES + 4096 &&
		       str_reserve(ret, 4096)) {
			n = pread(fd, ret->p + ret->len, 4096, skip);
			if (n > 0)
				ret->len += (size_t)n, skip += n;
		}
		skip = 0;
	}
	return str_check(ret, err);
}

/* Puts the last lines that have text at the end of `list`, which has room for
 * `most`; how many there are, or -VMCTL_NO_MEMORY. From the end, because a
 * guest may write nothing but short lines. */
static int last_lines(const char *text, size_t len, char **list, size_t most)
{
	size_t n = 0;

	while (len && n < most) {
		const char *nl = memrchr(text, '\n', len);
		size_t begin = nl ? (size_t)(nl - text) + 1 : 0;
		auto_free char *line = line_text(text + begin, len - begin);

		if (!line)
			return -VMCTL_NO_MEMORY;
		if (*line)
			list[most - ++n] = take_ptr(&line);
		len = nl ? begin - 1 : 0;
	}
	return (int)n;
}

int console_tail(const struct vmctl *ctx, const char *id, size_t lines,
		 char ***ret, struct vmctl_error *err)
{
	auto_record record = { 0 };
	auto_str text = STR_INIT;
	int r = console_record(ctx, id, &record, err);

	if (r == 0 && record.boot_count)
		r = read_end(&record, &text, err);
	if (r < 0)
		return r;
	/* A byte is a line at most. */
	if (lines > text.len)
		lines = text.len;
	char **list = calloc(lines + 1, sizeof(*list));
	int n = list ? last_lines(str_text(&text), text.len, list, lines)
		     : -VMCTL_NO_MEMORY;
	if (n < 0) {
		for (size_t i = 0; list && i < lines; i++)
			free(list[i]);
		free(list);
		return fail_oom(err);
	}
	memmove(list, list + lines - n, ((size_t)n + 1) * sizeof(*list));
	*ret = list;
	return 0;
}
