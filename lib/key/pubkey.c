/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key/key.h"

#define COMMENT_MAX 1024

void pubkey_done(struct pubkey *key)
{
	free(key->type);
	free(key->line);
	free(key->comment);
	free(key->blob);
	*key = (struct pubkey){ 0 };
}

/* One line of the text, without its line end. */
struct line {
	const char *p;
	size_t n;
};

static bool next_line(struct line *rest, struct line *ret)
{
	const char *lf;

	if (rest->n == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->n);
	ret->p = rest->p;
	ret->n = lf ? (size_t)(lf - rest->p) : rest->n;
	rest->p += ret->n + (lf ? 1 : 0);
	rest->n -= ret->n + (lf ? 1 : 0);
	if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct line trim(struct line l)
{
	while (l.n > 0 && is_space(*l.p)) {
		l.p++;
		l.n--;
	}
	while (l.n > 0 && is_space(l.p[l.n - 1]))
		l.n--;
	return l;
}

/* The next word of a trimmed line, which loses it. */
static struct line next_word(struct line *l)
{
	struct line word = { l->p, 0 };

	while (word.n < l->n && !is_space(l->p[word.n]))
		word.n++;
	l->p += word.n;
	l->n -= word.n;
	*l = trim(*l);
	return word;
}

static bool line_starts(struct line l, const char *text)
{
	return l.n >= strlen(text) && memcmp(l.p, text, strlen(text)) == 0;
}

static bool line_has(struct line l, const char *text)
{
	return memmem(l.p, l.n, text, strlen(text)) != NULL;
}

bool pubkey_is_private(const char *text, size_t len)
{
	struct line rest = { text, len }, l;

	while (next_line(&rest, &l)) {
		l = trim(l);
		if (line_starts(l, "-----BEGIN") && line_has(l, "PRIVATE KEY"))
			return true;
		if (line_starts(l, "---- BEGIN") && line_has(l, "PRIVATE KEY"))
			return true;
		if (line_starts(l, "PuTTY-User-Key-File-") ||
		    line_starts(l, "SSH PRIVATE KEY FILE FORMAT"))
			return true;
	}
	return false;
}

/* Public keys in formats that OpenSSH can convert. */
static int refuse_other_format(struct line l, struct vmctl_error *err)
{
	const char *how = NULL;

	if (line_starts(l, "---- BEGIN SSH2 PUBLIC KEY"))
		how = "ssh-keygen -i -f FILE > FILE.pub";
	else if (line_starts(l, "-----BEGIN PUBLIC KEY"))
		how = "ssh-keygen -i -m PKCS8 -f FILE > FILE.pub";
	else if (line_starts(l, "-----BEGIN RSA PUBLIC KEY"))
		how = "ssh-keygen -i -m PEM -f FILE > FILE.pub";
	if (!how)
		return 0;
	fail(err, VMCTL_BAD_DATA, 0,
	     "it is a public key, but not in OpenSSH's one-line format");
	fail_hint(err, "%s", how);
	return -VMCTL_BAD_DATA;
}

/* What is wrong with the text as a whole, before anything is parsed. */
static int text_check(const char *text, size_t len, struct vmctl_error *err)
{
	static const char secret[] =
		"it is a private key, which must stay secret; give the public "
		"half, the .pub file";

	if (len == 0)
		return fail(err, VMCTL_BAD_DATA, 0, "it is empty");
	if (pubkey_is_private(text, len)) {
		fail(err, VMCTL_BAD_DATA, 0, "%s", secret);
		fail_hint(err, "ssh-keygen -y -f FILE > FILE.pub");
		return -VMCTL_BAD_DATA;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		fail(err, VMCTL_BAD_DATA, 0,
		     "it begins with a byte order mark, which an OpenSSH key "
		     "must not");
		fail_hint(err, "save it as plain text without a byte order "
			       "mark");
		return -VMCTL_BAD_DATA;
	}
	if (!str_is_utf8(text, len))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "it is not text, so not an OpenSSH public key");
	return 0;
}

/* The first line that is not blank. *ret_second becomes the number of another
 * one, if there is one. */
static int find_line(const char *text, size_t len, struct line *ret,
		     int *ret_second, struct vmctl_error *err)
{
	struct line rest = { text, len }, l;
	bool found = false;

	for (int number = 1; next_line(&rest, &l); number++) {
		l = trim(l);
		if (l.n == 0)
			continue;
		if (found) {
			*ret_second = number;
			break;
		}
		*ret = l;
		found = true;
	}
	if (!found)
		return fail(err, VMCTL_BAD_DATA, 0, "there is no key in it");
	return refuse_other_format(*ret, err);
}

int key_comment_check(const char *comment, size_t len, enum vmctl_code code,
		      struct vmctl_error *err)
{
	if (len > COMMENT_MAX)
		return fail(err, code, 0, "the comment is longer than %d bytes",
			    COMMENT_MAX);
	if (!str_is_utf8(comment, len))
		return fail(err, code, 0, "the comment is not UTF-8 text");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)comment[i];
		unsigned char next =
			i + 1 < len ? (unsigned char)comment[i + 1] : 0;

		/* C0, DEL, and C1, which are two bytes in UTF-8. */
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
			return fail(err, code, 0,
				    "the comment has a control character");
	}
	return 0;
}

/* "no-pty,command=\"…\" ssh-rsa AAAA…" is a line of authorized_keys. */
static int options_check(const char *type, struct line rest,
			 struct vmctl_error *err)
{
	if (key_type_known(type, strlen(type)))
		return 0;
	while (rest.n > 0) {
		struct line word = next_word(&rest);

		if (key_type_known(word.p, word.n))
			return fail(err, VMCTL_BAD_DATA, 0,
				    "options stand before the key (\"%.40s\"), "
				    "which are not accepted; give the line "
				    "from %.*s on",
				    type, (int)word.n, word.p);
	}
	return 0;
}

static int decode(struct line b64, const char *type, struct pubkey *key,
		  struct vmctl_error *err)
{
	int r;

	if (b64.n == 0)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the %s key has no data after its type", type);
	r = base64_decode(b64.p, b64.n, &key->blob, &key->blob_len, err);
	if (r == -VMCTL_BAD_DATA)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the data of the %s key are not proper base64",
			    type);
	if (r < 0)
		return r;
	return key_blob_check(type, key->blob, key->blob_len, &key->bits, err);
}

int pubkey_parse(const char *text, size_t len, struct pubkey *ret,
		 struct vmctl_error *err)
{
	auto_pubkey key = { 0 };
	struct line l, type, b64;
	int second = 0, r;

	r = text_check(text, len, err);
	if (r == 0)
		r = find_line(text, len, &l, &second, err);
	if (r < 0)
		return r;
	type = next_word(&l);
	key.type = strndup(type.p, type.n);
	if (!key.type)
		return fail_oom(err);
	r = options_check(key.type, l, err);
	if (r == 0)
		r = key_type_check(key.type, err);
	if (r < 0)
		return r;
	if (second)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "it holds two keys or more: line %d follows the "
			    "first; give one at a time",
			    second);
	b64 = next_word(&l);
	r = decode(b64, key.type, &key, err);
	if (r == 0)
		r = key_comment_check(l.p, l.n, VMCTL_BAD_DATA, err);
	if (r < 0)
		return r;
	key.line = str_printf("%s %.*s", key.type, (int)b64.n, b64.p);
	key.comment = strndup(l.p, l.n);
	if (!key.line || !key.comment)
		return fail_oom(err);
	*ret = key;
	key = (struct pubkey){ 0 };
	return 0;
}
