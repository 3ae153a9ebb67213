/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "driver/iso.h"
#include "instance/instance.h"

/* NoCloud itself has no limit; this keeps a mistaken file out of memory. */
#define USER_DATA_MAX (16 << 20)

/*
 * First lines that cloud-init knows and that make sense here, in any case
 * (cloudinit.readthedocs.io, "User data formats"). What is longer comes first.
 * It goes on its way as a part with that type, which is believed: nothing looks
 * at its first line again.
 */
static const char *const kinds[][2] = {
	{ "#!", "text/x-shellscript" },
	{ "#include-once", "text/x-include-once-url" },
	{ "#include", "text/x-include-url" },
	{ "#cloud-boothook", "text/cloud-boothook" },
	{ "#cloud-config-archive", "text/cloud-config-archive" },
	{ "#cloud-config-jsonp", "text/cloud-config-jsonp" },
	{ "#cloud-config", "text/cloud-config" },
	{ "## template:", "text/jinja2" },
};

const char *user_data_type(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncasecmp(text, kinds[i][0], strlen(kinds[i][0])) == 0)
			return kinds[i][1];
	return NULL;
}

static bool is_header(const char *line, size_t n)
{
	size_t name = 0;

	while (name < n && line[name] > ' ' && line[name] < 0x7f &&
	       line[name] != ':')
		name++;
	return name > 0 && name < n && line[name] == ':';
}

static bool begins(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0;
}

/* "Content-Type: multipart/…" alone is enough where it is a part of a message
 * already. */
static bool says_mime(const char *line)
{
	static const char type[] = "Content-Type:";

	if (!begins(line, type))
		return begins(line, "MIME-Version:");
	line += strlen(type);
	return begins(line + strspn(line, " \t"), "multipart/");
}

/* A first line "From …" is a mailbox's, not the message's. */
const char *user_data_message(const char *text)
{
	size_t first = str_starts(text, "From ") ? strcspn(text, "\n") : 0;
	const char *message = text + first + (text[first] == '\n' && first);
	bool mime = false;

	for (const char *p = message; *p;) {
		size_t n = strcspn(p, "\n");
		size_t text_n = n > 0 && p[n - 1] == '\r' ? n - 1 : n;

		if (text_n == 0)
			break;
		if (*p != ' ' && *p != '\t') {
			if (!is_header(p, text_n))
				return NULL;
			mime |= says_mime(p);
		}
		p += n + (p[n] == '\n');
	}
	return mime ? message : NULL;
}

static int fail_encoding(const char *encoding, struct vmctl_error *err)
{
	if (encoding) {
		fail(err, VMCTL_INVALID, 0,
		     "the user data is text in %s, not in UTF-8", encoding);
		fail_hint(err, "iconv -f %s -t UTF-8 FILE", encoding);
		return -VMCTL_INVALID;
	}
	fail(err, VMCTL_INVALID, 0, "the user data is not UTF-8 text");
	fail_hint(err, "binary content goes into write_files with "
		       "encoding b64");
	return -VMCTL_INVALID;
}

static int check(const char *text, size_t len, struct vmctl_error *err)
{
	const char *encoding = str_other_encoding(text, len);

	if (len > USER_DATA_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "the user data is larger than 16 MiB");
	if (encoding || !str_is_utf8(text, len))
		return fail_encoding(encoding, err);
	return 0;
}

/* cloud-init unpacks it as well; but this has to know what it is. */
static int unpack(const char *text, size_t len, struct str *ret,
		  struct vmctl_error *err)
{
	const struct iso_ops *iso;
	int r = iso_load(&iso, err);

	if (r == 0)
		r = iso->gunzip(text, len, USER_DATA_MAX, ret, err);
	if (r == -VMCTL_BAD_DATA) {
		fail_prefix(err, "the user data");
		if (err)
			err->code = VMCTL_INVALID;
		r = -VMCTL_INVALID;
	}
	return r;
}

int user_data_read(const char *text, size_t len, char **ret,
		   struct vmctl_error *err)
{
	auto_str plain = STR_INIT;
	int r = 0;

	if (len >= 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
		r = unpack(text, len, &plain, err);
		text = str_text(&plain);
		len = plain.len;
	}
	if (r == 0)
		r = check(text, len, err);
	if (r < 0)
		return r;
	/* cloud-init does not know a text behind a mark, and passes over blanks
	 * when it looks for the kind; a script would not start. */
	str_skip_mark(&text, &len);
	while (len > 0 && strchr(" \t\r\n", *text)) {
		text++;
		len--;
	}
	auto_free char *copy = strndup(text, len);
	if (!copy)
		return fail_oom(err);
	if (!user_data_type(copy) && !user_data_message(copy)) {
		fail(err, VMCTL_INVALID, 0,
		     "the user data is nothing that cloud-init knows");
		fail_hint(err, "begin it with the line #cloud-config, or with "
			       "#! and an interpreter");
		return -VMCTL_INVALID;
	}
	*ret = take_ptr(&copy);
	return 0;
}
