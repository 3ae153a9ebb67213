/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/user-data.h"

#include <strings.h>

#include "driver/iso.h"
#include "instance/instance.h"

/*
 * MIME (RFC 2045, 2046), as much of it as cloud-init takes user data apart by:
 * Python's email package, and then the first line of what has no telling type.
 */

#define NESTED_MAX 16
#define PART_MAX (16 << 20)

struct walk {
	int (*each)(void *data, const char *type, const char *part, size_t len,
		    struct vmctl_error *err);
	void *data;
};

struct text {
	const char *p;
	size_t n;
};

/* The next line with its end. */
static bool next_line(struct text *rest, struct text *ret)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	ret->p = rest->p;
	ret->n = lf ? (size_t)(lf - rest->p) + 1 : rest->n;
	rest->p += ret->n;
	rest->n -= ret->n;
	return ret->n > 0;
}

static size_t without_end(struct text line)
{
	while (line.n > 0 && strchr("\r\n", line.p[line.n - 1]))
		line.n--;
	return line.n;
}

/* --- headers -------------------------------------------------------------- */

/* The header of that name, continuation lines joined; "": none. */
static int header(struct text headers, const char *name, char **ret,
		  struct vmctl_error *err)
{
	size_t n = strlen(name);
	struct text line;
	auto_str s = STR_INIT;
	bool on = false;

	while (next_line(&headers, &line)) {
		size_t len = without_end(line);

		if (len > 0 && !strchr(" \t", *line.p)) {
			if (s.len)
				break;
			on = len > n && line.p[n] == ':' &&
			     strncasecmp(line.p, name, n) == 0;
			line.p += on ? n + 1 : 0;
			len -= on ? n + 1 : 0;
		}
		if (on)
			str_addn(&s, line.p, len);
	}
	const char *value = str_text(&s);
	value += strspn(value, " \t");
	*ret = strdup(value);
	return *ret && !s.oom ? 0 : fail_oom(err);
}

/* "multipart/mixed; boundary=x": a parameter, or without a name what is before
 * them; in lower case then. NULL only when memory is short. */
static char *value_of(const char *header_text, const char *name)
{
	size_t len = strcspn(header_text, "; \t");

	if (!name) {
		char *type = strndup(header_text, len);
		for (char *p = type; p && *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p;
		return type;
	}
	for (const char *p = header_text; (p = strchr(p, ';'));) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, strlen(name)) != 0)
			continue;
		p += strlen(name);
		p += strspn(p, " \t");
		if (*p != '=')
			continue;
		p += 1 + strspn(p + 1, " \t");
		return *p == '"' ? strndup(p + 1, strcspn(p + 1, "\""))
				 : strndup(p, strcspn(p, "; \t"));
	}
	return strdup("");
}

/* --- contents ------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static void add_printable_quoted(struct str *s, struct text body)
{
	struct text line;

	while (next_line(&body, &line)) {
		size_t len = without_end(line);
		bool soft = len > 0 && line.p[len - 1] == '=';

		for (size_t i = 0; i < len - soft; i++) {
			int high = i + 2 < len && line.p[i] == '='
					   ? hex_digit(line.p[i + 1])
					   : -1;
			int low = high < 0 ? -1 : hex_digit(line.p[i + 2]);

			str_addc(s,
				 low < 0 ? line.p[i] : (char)(high << 4 | low));
			i += low < 0 ? 0 : 2;
		}
		if (!soft)
			str_addn(s, line.p + len, line.n - len);
	}
}

/* What cannot be decoded stays as it is, as with Python. */
static int decode(struct text body, const char *encoding, struct str *ret,
		  struct vmctl_error *err)
{
	auto_free unsigned char *bytes = NULL;
	auto_str packed = STR_INIT;
	size_t n = 0;

	if (strcasecmp(encoding, "quoted-printable") == 0) {
		add_printable_quoted(ret, body);
		return str_check(ret, err);
	}
	if (strcasecmp(encoding, "base64") == 0) {
		for (size_t i = 0; i < body.n; i++)
			if (!strchr(" \t\r\n", body.p[i]))
				str_addc(&packed, body.p[i]);
		if (str_check(&packed, err) < 0)
			return -VMCTL_NO_MEMORY;
		if (base64_decode(str_text(&packed), packed.len, &bytes, &n,
				  NULL) == 0) {
			str_addn(ret, bytes, n);
			return str_check(ret, err);
		}
	}
	str_addn(ret, body.p, body.n);
	return str_check(ret, err);
}

static bool is_one_of(const char *type, const char *const *list)
{
	while (*list && !str_eq(type, *list))
		list++;
	return *list;
}

static int unpack(struct str *s, struct vmctl_error *err)
{
	const struct iso_ops *iso;
	auto_str plain = STR_INIT;
	int r = iso_load(&iso, err);

	if (r == 0)
		r = iso->gunzip(s->p, s->len, PART_MAX, &plain, err);
	if (r < 0)
		return r;
	str_done(s);
	*s = plain;
	plain = STR_INIT;
	return 0;
}

static int give(const struct walk *w, const char *type, struct str *s,
		struct vmctl_error *err)
{
	static const char *const packed[] = { "application/gzip",
					      "application/gzip-compressed",
					      "application/gzipped",
					      "application/x-compress",
					      "application/x-compressed",
					      "application/x-gunzip",
					      "application/x-gzip",
					      "application/x-gzip-compressed",
					      NULL };
	static const char *const vague[] = { "text/plain",
					     "text/x-not-multipart",
					     "text/x-shellscript",
					     "application/octet-stream", NULL };

	if (is_one_of(type, packed)) {
		struct vmctl_error why;
		int r = unpack(s, &why);

		/* Damaged: cloud-init says so, and takes the others. */
		if (r < 0 && r != -VMCTL_NO_MEMORY)
			return 0;
		if (r < 0)
			return fail_oom(err);
		type = "text/plain";
	}
	const char *text = str_text(s);
	size_t len = s->len;
	str_skip_mark(&text, &len);
	if (is_one_of(type, vague)) {
		const char *seen =
			user_data_type(text + strspn(text, " \t\r\n"));
		type = seen ? seen : type;
	}
	return w->each(w->data, type, text, len, err);
}

/* --- parts ---------------------------------------------------------------- */

/* Whether it is a delimiter of these parts; *last: that after the last one. */
static bool delimits(struct text line, const char *boundary, bool *last)
{
	size_t n = strlen(boundary), len = without_end(line);

	if (len < n + 2 || strncmp(line.p, "--", 2) != 0 ||
	    strncmp(line.p + 2, boundary, n) != 0)
		return false;
	line.p += n + 2;
	len -= n + 2;
	*last = len >= 2 && strncmp(line.p, "--", 2) == 0;
	for (size_t i = *last ? 2 : 0; i < len; i++)
		if (!strchr(" \t", line.p[i]))
			return false;
	return true;
}

static int read_entity(const struct walk *w, struct text all, int depth,
		       struct vmctl_error *err);

static int read_parts(const struct walk *w, struct text body,
		      const char *boundary, int depth, struct vmctl_error *err)
{
	struct text line, part = { 0 };
	bool last = false;
	int r = 0;

	while (r == 0 && !last && next_line(&body, &line)) {
		if (!delimits(line, boundary, &last)) {
			part.n += part.p ? line.n : 0;
			continue;
		}
		if (part.p)
			r = read_entity(w, part, depth + 1, err);
		part = (struct text){ line.p + line.n, 0 };
	}
	/* One that is not closed ends where all does. */
	return r == 0 && !last && part.p ? read_entity(w, part, depth + 1, err)
					 : r;
}

static int read_body(const struct walk *w, struct text headers,
		     struct text body, const char *type,
		     struct vmctl_error *err)
{
	auto_free char *encoding = NULL;
	auto_str s = STR_INIT;
	int r = header(headers, "Content-Transfer-Encoding", &encoding, err);

	if (r < 0)
		return r;
	encoding[strcspn(encoding, "; \t")] = '\0';
	r = decode(body, encoding, &s, err);
	return r < 0 ? r : give(w, *type ? type : "text/plain", &s, err);
}

static int read_entity(const struct walk *w, struct text all, int depth,
		       struct vmctl_error *err)
{
	struct text headers = { all.p, 0 }, line;
	auto_free char *value = NULL;

	if (depth > NESTED_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "the user data has parts that are too deeply "
			    "nested");
	while (next_line(&all, &line) && without_end(line) > 0)
		headers.n += line.n;
	int r = header(headers, "Content-Type", &value, err);
	if (r < 0)
		return r;
	auto_free char *type = value_of(value, NULL);
	auto_free char *boundary = value_of(value, "boundary");
	if (!type || !boundary)
		return fail_oom(err);
	return str_starts(type, "multipart/") && *boundary
		       ? read_parts(w, all, boundary, depth, err)
		       : read_body(w, headers, all, type, err);
}

int user_parts_each(const char *text,
		    int (*each)(void *data, const char *type, const char *part,
				size_t len, struct vmctl_error *err),
		    void *data, struct vmctl_error *err)
{
	const struct walk w = { each, data };
	const char *message = user_data_message(text);
	const char *type = user_data_type(text);

	if (message)
		return read_entity(
			&w, (struct text){ message, strlen(message) }, 0, err);
	return each(data, type ? type : "text/cloud-config", text, strlen(text),
		    err);
}
