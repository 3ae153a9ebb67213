/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/openssh-key.h"

void openssh_key_done(struct openssh_key *key)
{
	if (key->bytes)
		explicit_bzero(key->bytes, key->n);
	free(key->bytes);
	*key = (struct openssh_key){ 0 };
}

/* The base64 between the marks, without its line ends. */
static bool unarmour(const char *text, size_t len, struct str *ret)
{
	const char *p =
		memmem(text, len, OPENSSH_KEY_BEGIN, strlen(OPENSSH_KEY_BEGIN));
	const char *end;

	if (!p)
		return false;
	p += strlen(OPENSSH_KEY_BEGIN);
	end = memmem(p, len - (size_t)(p - text), OPENSSH_KEY_END,
		     strlen(OPENSSH_KEY_END));
	if (!end)
		return false;
	str_reserve(ret, (size_t)(end - p));
	for (; p < end; p++)
		if (!strchr(" \t\r\n", *p))
			str_addc(ret, *p);
	return !ret->oom;
}

static bool parse(struct openssh_key *key)
{
	struct wire w = { key->bytes, key->n }, options;
	uint32_t keys;

	if (w.n < sizeof(OPENSSH_KEY_MAGIC) ||
	    memcmp(w.p, OPENSSH_KEY_MAGIC, sizeof(OPENSSH_KEY_MAGIC)) != 0)
		return false;
	w.p += sizeof(OPENSSH_KEY_MAGIC);
	w.n -= sizeof(OPENSSH_KEY_MAGIC);
	return wire_string(&w, &key->cipher) && wire_string(&w, &key->kdf) &&
	       wire_string(&w, &options) && wire_u32(&w, &keys) && keys == 1 &&
	       wire_string(&w, &key->public) && key->public.n > 0;
}

int openssh_key_read(const char *text, size_t len, struct openssh_key *ret,
		     struct vmctl_error *err)
{
	auto_secret_str b64 = STR_INIT;
	auto_openssh_key key = { 0 };
	int r;

	if (!unarmour(text, len, &b64))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the private key is not in OpenSSH format");
	r = base64_decode(str_text(&b64), b64.len, &key.bytes, &key.n, err);
	if (r < 0)
		return r;
	if (!parse(&key))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the private key is damaged");
	*ret = key;
	key = (struct openssh_key){ 0 };
	return 0;
}
