/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/file.h"
#include "base/openssh-key.h"
#include "key/key.h"

/* The file format is OpenSSH's PROTOCOL.key. libssh 0.10 writes Ed25519 keys
 * in it only with some of its crypto back ends, so it is written here. */

#define LINE 70

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
	str_add(&text, OPENSSH_KEY_BEGIN "\n");
	for (size_t i = 0; i < n; i += LINE) {
		str_addn(&text, b64 + i, n - i < LINE ? n - i : LINE);
		str_addc(&text, '\n');
	}
	str_add(&text, OPENSSH_KEY_END "\n");
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
	str_addn(&all, OPENSSH_KEY_MAGIC, sizeof(OPENSSH_KEY_MAGIC));
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

int openssh_public(const char *text, size_t len, unsigned char **ret,
		   size_t *ret_len, struct vmctl_error *err)
{
	auto_openssh_key key = { 0 };
	unsigned char *copy;
	int r = openssh_key_read(text, len, &key, err);

	if (r < 0)
		return r;
	copy = malloc(key.public.n);
	if (!copy)
		return fail_oom(err);
	memcpy(copy, key.public.p, key.public.n);
	*ret = copy;
	*ret_len = key.public.n;
	return 0;
}

bool openssh_is_plain(const char *text, size_t len)
{
	auto_openssh_key key = { 0 };

	return openssh_key_read(text, len, &key, NULL) == 0 &&
	       wire_is(&key.cipher, "none");
}
