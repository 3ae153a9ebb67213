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

	str_skip_mark(&rest.p, &rest.n);
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

/* What is not in OpenSSH's one-line format, and can be converted. */
static int refuse_other_format(struct line l, struct vmctl_error *err)
{
	static const struct {
		const char *start, *what, *how;
	} formats[] = {
		{ "---- BEGIN SSH2 PUBLIC KEY", "a public key",
		  "ssh-keygen -i -f FILE > FILE.pub" },
		{ "-----BEGIN PUBLIC KEY", "a public key",
		  "ssh-keygen -i -m PKCS8 -f FILE > FILE.pub" },
		{ "-----BEGIN RSA PUBLIC KEY", "a public key",
		  "ssh-keygen -i -m PEM -f FILE > FILE.pub" },
		{ "-----BEGIN CERTIFICATE", "an X.509 certificate",
		  "openssl x509 -in FILE -noout -pubkey > FILE.pem; "
		  "ssh-keygen -i -m PKCS8 -f FILE.pem > FILE.pub" },
		{ "-----BEGIN PGP PUBLIC KEY", "an OpenPGP key",
		  "gpg --export-ssh-key USER > FILE.pub" },
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!line_starts(l, formats[i].start))
			continue;
		fail(err, VMCTL_BAD_DATA, 0,
		     "it is %s, but not in OpenSSH's one-line format",
		     formats[i].what);
		fail_hint(err, "%s", formats[i].how);
		return -VMCTL_BAD_DATA;
	}
	return 0;
}

static int fail_not_text(struct vmctl_error *err)
{
	return fail(err, VMCTL_BAD_DATA, 0,
		    "it is not text, so not an OpenSSH public key");
}

/* What is wrong with the text as a whole, before anything is parsed. */
static int text_check(const char *text, size_t len, struct vmctl_error *err)
{
	static const char secret[] =
		"it is a private key, which must stay secret; give the public "
		"half, the .pub file";
	const char *encoding = str_other_encoding(text, len);

	if (len == 0)
		return fail(err, VMCTL_BAD_DATA, 0, "it is empty");
	if (pubkey_is_private(text, len)) {
		fail(err, VMCTL_BAD_DATA, 0, "%s", secret);
		fail_hint(err, "ssh-keygen -y -f FILE > FILE.pub");
		return -VMCTL_BAD_DATA;
	}
	if (encoding) {
		fail(err, VMCTL_BAD_DATA, 0, "it is text in %s, not in UTF-8",
		     encoding);
		fail_hint(err, "iconv -f %s -t UTF-8 FILE > FILE.pub",
			  encoding);
		return -VMCTL_BAD_DATA;
	}
	/* Comments are in any encoding. */
	return memchr(text, '\0', len) ? fail_not_text(err) : 0;
}

/* Lines that have something in them, but for comments, as ssh-keygen -l reads
 * them: the first, and the number of it and the next one. */
struct lines {
	struct line first, second;
	int first_number, second_number; /* 0: there is none */
};

static void find_lines(const char *text, size_t len, struct lines *ret)
{
	struct line rest = { text, len }, l;

	*ret = (struct lines){ 0 };
	str_skip_mark(&rest.p, &rest.n);
	for (int number = 1; next_line(&rest, &l); number++) {
		l = trim(l);
		if (l.n == 0 || *l.p == '#')
			continue;
		if (ret->first_number) {
			ret->second = l;
			ret->second_number = number;
			return;
		}
		ret->first = l;
		ret->first_number = number;
	}
}

/* Whether one of the words, behind options perhaps, is a key's type. */
static bool has_key(struct line l)
{
	while (l.n > 0) {
		struct line word = next_word(&l);

		if (key_type_known(word.p, word.n))
			return true;
	}
	return false;
}

bool pubkey_is_several(const char *text, size_t len, int *ret_first)
{
	struct lines lines;

	find_lines(text, len, &lines);
	*ret_first = lines.first_number;
	return lines.second_number && has_key(lines.second);
}

static int refuse_second(const struct lines *lines, struct vmctl_error *err)
{
	if (!lines->second_number)
		return 0;
	if (!has_key(lines->second))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "line %d, after the key, is not a key; a key is "
			    "one line",
			    lines->second_number);
	fail(err, VMCTL_BAD_DATA, 0,
	     "it holds two keys or more: line %d follows the first; give one "
	     "at a time",
	     lines->second_number);
	fail_hint(err, "sed -n %dp FILE | vmctl key import NAME -",
		  lines->first_number);
	return -VMCTL_BAD_DATA;
}

/* A comment in UTF-8. Where it is in no encoding that can be known, it is taken
 * for Latin-1, in which each byte is its own character. */
static char *comment_text(struct line l)
{
	auto_str s = STR_INIT;
	char *text;

	if (str_is_utf8(l.p, l.n))
		return strndup(l.p, l.n);
	for (size_t i = 0; i < l.n; i++) {
		unsigned char c = (unsigned char)l.p[i];

		if (c >= 0xa0) {
			str_addc(&s, (char)(0xc0 | c >> 6));
			str_addc(&s, (char)(0x80 | (c & 0x3f)));
		} else {
			str_addc(&s, c < 0x80 ? (char)c : '?');
		}
	}
	return str_take(&s, &text, NULL) == 0 ? text : NULL;
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
	struct lines lines;
	struct line l, type, b64;
	int r = text_check(text, len, err);

	if (r < 0)
		return r;
	find_lines(text, len, &lines);
	if (!lines.first_number)
		return fail(err, VMCTL_BAD_DATA, 0, "there is no key in it");
	l = lines.first;
	r = refuse_other_format(l, err);
	if (r < 0)
		return r;
	type = next_word(&l);
	if (!str_is_utf8(text, len) && !has_key(lines.first))
		return fail_not_text(err);
	key.type = strndup(type.p, type.n);
	if (!key.type)
		return fail_oom(err);
	r = options_check(key.type, l, err);
	if (r == 0)
		r = key_type_check(key.type, err);
	if (r == 0)
		r = refuse_second(&lines, err);
	if (r < 0)
		return r;
	b64 = next_word(&l);
	key.comment = comment_text(l);
	if (!key.comment)
		return fail_oom(err);
	r = decode(b64, key.type, &key, err);
	if (r == 0)
		r = key_comment_check(key.comment, strlen(key.comment),
				      VMCTL_BAD_DATA, err);
	if (r < 0)
		return r;
	key.line = str_printf("%s %.*s", key.type, (int)b64.n, b64.p);
	if (!key.line)
		return fail_oom(err);
	*ret = key;
	key = (struct pubkey){ 0 };
	return 0;
}
