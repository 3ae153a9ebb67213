/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "internal/key.h"
#include "key/key.h"

void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* "ssh-ed25519 AAAA…" */
static int public_line(const unsigned char *pub, char **ret,
		       struct vmctl_error *err)
{
	auto_str blob = STR_INIT;
	auto_free char *b64 = NULL;
	char *line;

	wire_put(&blob, "ssh-ed25519", 11);
	wire_put(&blob, pub, ED25519_SIZE);
	if (blob.oom)
		return fail_oom(err);
	b64 = base64_encode(blob.p, blob.len);
	line = b64 ? str_printf("ssh-ed25519 %s", b64) : NULL;
	if (!line)
		return fail_oom(err);
	*ret = line;
	return 0;
}

int key_pair_make(const char *comment, char **ret_private, char **ret_public,
		  struct vmctl_error *err)
{
	const struct crypto_ops *crypto;
	unsigned char seed[ED25519_SIZE], pub[ED25519_SIZE];
	auto_secret char *private = NULL;
	auto_free char *line = NULL;
	int r;

	r = key_comment_check(comment ? comment : "",
			      comment ? strlen(comment) : 0, VMCTL_INVALID,
			      err);
	if (r < 0)
		return r;
	r = crypto_load(&crypto, err);
	if (r < 0)
		return r;
	r = crypto->ed25519_generate(seed, pub, err);
	if (r == 0)
		r = openssh_write(seed, pub, comment ? comment : "", &private,
				  err);
	if (r == 0)
		r = public_line(pub, &line, err);
	explicit_bzero(seed, sizeof(seed));
	if (r < 0)
		return r;
	*ret_private = take_ptr(&private);
	*ret_public = take_ptr(&line);
	return 0;
}

int key_public_half(const char *private_text, char **ret_public,
		    struct vmctl_error *err)
{
	size_t len = strlen(private_text), n = 0;
	auto_free unsigned char *blob = NULL;
	auto_free char *b64 = NULL;
	struct wire w, type;
	char *line;
	int r = openssh_public(private_text, len, &blob, &n, err);

	if (r < 0)
		return r;
	if (!openssh_is_plain(private_text, len))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the private key has a passphrase");
	w = (struct wire){ blob, n };
	if (!wire_string(&w, &type))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the private key is damaged");
	b64 = base64_encode(blob, n);
	line = b64 ? str_printf("%.*s %s", (int)type.n, type.p, b64) : NULL;
	if (!line)
		return fail_oom(err);
	*ret_public = line;
	return 0;
}

/* "SHA256:" and base64 without its padding, as ssh-keygen -l -E sha256. */
static char *sha256_text(const unsigned char digest[SHA256_SIZE])
{
	auto_free char *b64 = base64_encode(digest, SHA256_SIZE);

	if (!b64)
		return NULL;
	return str_printf("SHA256:%.*s", (int)strcspn(b64, "="), b64);
}

/* "MD5:" and pairs of digits, as ssh-keygen -l -E md5. */
static char *md5_text(const unsigned char digest[MD5_SIZE])
{
	char text[4 + 3 * MD5_SIZE];
	char *p = text;

	memcpy(p, "MD5:", 4);
	p += 4;
	for (int i = 0; i < MD5_SIZE; i++, p += 3) {
		hex_encode(digest + i, 1, p); /* ends in NUL */
		p[2] = ':';
	}
	p[-1] = '\0';
	return strdup(text);
}

int key_fingerprints(const unsigned char *blob, size_t n, char **ret_sha256,
		     char **ret_md5, struct vmctl_error *err)
{
	const struct crypto_ops *crypto;
	unsigned char sha[SHA256_SIZE], md[MD5_SIZE];
	auto_free char *sha_text = NULL;
	auto_free char *md_text = NULL;
	int r, no_md5 = 0;

	r = crypto_load(&crypto, err);
	if (r == 0)
		r = crypto->sha256(blob, n, sha, err);
	if (r == 0)
		r = no_md5 = crypto->md5(blob, n, md, err);
	if (r < 0 && no_md5 != -VMCTL_UNSUPPORTED)
		return r;
	sha_text = sha256_text(sha);
	md_text = no_md5 ? strdup("") : md5_text(md);
	if (!sha_text || !md_text)
		return fail_oom(err);
	*ret_sha256 = take_ptr(&sha_text);
	*ret_md5 = take_ptr(&md_text);
	return 0;
}

int key_fingerprint(const char *public_key, char **ret_sha256,
		    struct vmctl_error *err)
{
	auto_pubkey key = { 0 };
	auto_free char *md5 = NULL;
	int r = pubkey_parse(public_key, strlen(public_key), &key, err);

	if (r < 0)
		return r;
	return key_fingerprints(key.blob, key.blob_len, ret_sha256, &md5, err);
}
