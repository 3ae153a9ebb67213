/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/prefix.h"

/* Cyan, yellow, green, magenta, blue; not red, which is for errors. */
static const int colors[] = { 36, 33, 32, 35, 34, 96, 93, 92, 95, 94 };

int prefixer_init(struct prefixer *p, const char *name, int width, int number,
		  bool color, bool terminal, struct vmctl_error *err)
{
	int code = colors[(size_t)number % ARRAY_LEN(colors)];

	*p = (struct prefixer){ .terminal = terminal };
	p->label =
		color ? str_printf("\033[%dm%-*s |\033[0m ", code, width, name)
		      : str_printf("%-*s | ", width, name);
	return p->label ? 0 : fail_oom(err);
}

void prefixer_done(struct prefixer *p)
{
	free(p->label);
	str_done(&p->line);
	p->label = NULL;
}

static void add_safe(const char *bytes, size_t n, struct str *out)
{
	auto_free char *safe = str_printable(bytes, n, true);

	if (!safe)
		out->oom = true;
	str_add(out, safe);
}

/* On a terminal, where a carriage return goes over the name. */
static void add_for_terminal(const struct prefixer *p, const char *bytes,
			     size_t n, struct str *out)
{
	while (n && bytes[n - 1] == '\r')
		n--;
	str_add(out, p->label);
	for (;;) {
		const char *cr = memchr(bytes, '\r', n);
		size_t len = cr ? (size_t)(cr - bytes) : n;

		add_safe(bytes, len, out);
		if (!cr)
			break;
		str_addc(out, '\r');
		str_add(out, p->label);
		bytes += len + 1;
		n -= len + 1;
	}
	str_addc(out, '\n');
}

/* `bytes` without the line feed. */
static void add_line(const struct prefixer *p, const char *bytes, size_t n,
		     struct str *out)
{
	if (p->terminal) {
		add_for_terminal(p, bytes, n, out);
		return;
	}
	str_add(out, p->label);
	str_addn(out, bytes, n);
	str_addc(out, '\n');
}

static void flush(struct prefixer *p, struct str *out)
{
	add_line(p, str_text(&p->line), p->line.len, out);
	p->line.len = 0;
}

void prefixer_feed(struct prefixer *p, const char *bytes, size_t n,
		   struct str *out)
{
	while (n) {
		/* The end of a line that is just full is no further line. */
		if (p->line.len == PREFIX_LINE_MAX && *bytes != '\n')
			flush(p, out);
		size_t room = PREFIX_LINE_MAX - p->line.len;
		const char *lf = memchr(bytes, '\n', n <= room ? n : room + 1);
		size_t len = lf ? (size_t)(lf - bytes) : n < room ? n : room;

		if (lf && !p->line.len) {
			add_line(p, bytes, len, out);
		} else {
			str_addn(&p->line, bytes, len);
			if (lf)
				flush(p, out);
		}
		bytes += len + (lf != NULL);
		n -= len + (lf != NULL);
	}
	out->oom |= p->line.oom;
}

void prefixer_end(struct prefixer *p, struct str *out)
{
	if (p->line.len)
		flush(p, out);
}
