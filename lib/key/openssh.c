/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/file.h"
#include "key/key.h"

/* The file format is OpenSSH's PROTOCOL.key. libssh 0.10 writes Ed25519 keys
 * in it only with some of its crypto back ends, so it is written here. */

#define MAGIC "openssh-key-v1" /* with its NUL */
#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define LINE 70

/* struct str, wiped before it is freed. Reserve room for all of the secret at
 * once: growing would leave copies behind. */
static void secret_str_done(struct str *s)
{
	if (s->p)
		explicit_bzero(s->p, s->cap);
	str_done(s);
}
#define auto_secret_str auto_cleanup(secret_str_done) struct str

static void put_public(struct str *s, const unsigned char *pub)
{
	wire_put(s, "ssh-ed25519", 11);
	wire_put(s, pub, ED25519_SIZE);
}

/* The section that would be encrypted if there were a passphrase. */
static int put_private(struct str *s, const unsigned char *seed,
		       const unsigned char *pub, const char *comment,
		       struct vmctl_error *err)
{
	unsigned char both[2 * ED25519_SIZE];
	uint32_t check;
	int r = random_bytes(&check, sizeof(check), err);

	if (r < 0)
		return r;
	wire_put_u32(s, check);
	wire_put_u32(s, check);
	put_public(s, pub);
	memcpy(both, seed, ED25519_SIZE);
	memcpy(both + ED25519_SIZE, pub, ED25519_SIZE);
	wire_put(s, both, sizeof(both));
	explicit_bzero(both, sizeof(both));
	wire_put(s, comment, strlen(comment));
	/* Padding to the block size of the cipher "none", which is 8. */
	for (char pad = 1; s->len % 8 != 0; pad++)
		str_addc(s, pad);
	return str_check(s, err);
}

static int armour(const struct str *bytes, char **ret, struct vmctl_error *err)
{
	auto_secret_str text = STR_INIT;
	auto_secret char *b64 = base64_encode(bytes->p, bytes->len);
	size_t n;

	if (!b64)
		return fail_oom(err);
	n = strlen(b64);
	str_reserve(&text, n + n / LINE + 128);
	str_add(&text, BEGIN "\n");
	for (size_t i = 0; i < n; i += LINE) {
		str_addn(&text, b64 + i, n - i < LINE ? n - i : LINE);
		str_addc(&text, '\n');
	}
	str_add(&text, END "\n");
	return str_take(&text, ret, err);
}

int openssh_write(const unsigned char seed[ED25519_SIZE],
		  const unsigned char pub[ED25519_SIZE], const char *comment,
		  char **ret, struct vmctl_error *err)
{
	auto_secret_str all = STR_INIT;
	auto_secret_str section = STR_INIT;
	auto_str blob = STR_INIT;
	int r;

	str_reserve(&section, 256 + strlen(comment));
	r = put_private(&section, seed, pub, comment, err);
	if (r < 0)
		return r;
	put_public(&blob, pub);

	str_reserve(&all, 512 + section.len);
	str_addn(&all, MAGIC, sizeof(MAGIC));
	wire_put(&all, "none", 4); /* cipher */
	wire_put(&all, "none", 4); /* key derivation, and its options */
	wire_put(&all, "", 0);
	wire_put_u32(&all, 1); /* number of keys */
	wire_put(&all, str_text(&blob), blob.len);
	wire_put(&all, section.p, section.len);
	if (blob.oom || all.oom)
		return fail_oom(err);
	return armour(&all, ret, err);
}

/* The base64 between the marks, without its line ends. */
static bool unarmour(const char *text, size_t len, struct str *ret)
{
	const char *p = memmem(text, len, BEGIN, strlen(BEGIN));
	const char *end;

	if (!p)
		return false;
	p += strlen(BEGIN);
	end = memmem(p, len - (size_t)(p - text), END, strlen(END));
	if (!end)
		return false;
	str_reserve(ret, (size_t)(end - p));
	for (; p < end; p++)
		if (!strchr(" \t\r\n", *p))
			str_addc(ret, *p);
	return !ret->oom;
}

int openssh_public(const char *text, size_t len, unsigned char **ret,
		   size_t *ret_len, struct vmctl_error *err)
{
	auto_secret_str b64 = STR_INIT;
	auto_free unsigned char *bytes = NULL;
	unsigned char *copy;
	struct wire w, skip, pub;
	uint32_t keys;
	size_t n;
	int r;

	if (!unarmour(text, len, &b64))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the private key is not in OpenSSH format");
	r = base64_decode(str_text(&b64), b64.len, &bytes, &n, err);
	if (r < 0)
		return r;
	w = (struct wire){ bytes, n };
	r = 0;
	if (n < sizeof(MAGIC) || memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
		r = -1;
	w.p += r == 0 ? sizeof(MAGIC) : 0;
	w.n -= r == 0 ? sizeof(MAGIC) : 0;
	if (r < 0 || !wire_string(&w, &skip) || !wire_string(&w, &skip) ||
	    !wire_string(&w, &skip) || !wire_u32(&w, &keys) || keys != 1 ||
	    !wire_string(&w, &pub) || pub.n == 0) {
		explicit_bzero(bytes, n);
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the private key is damaged");
	}
	copy = malloc(pub.n);
	if (copy)
		memcpy(copy, pub.p, pub.n);
	*ret_len = copy ? pub.n : *ret_len;
	explicit_bzero(bytes, n);
	if (!copy)
		return fail_oom(err);
	*ret = copy;
	return 0;
}
