/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key/key.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 16384 /* OpenSSH's SSHBUF_MAX_BIGNUM */

/*
 * The public key blobs of RFC 4253 section 6.6 (RSA), RFC 5656 section 3.1
 * (ECDSA), RFC 8709 section 4 (Ed25519) and OpenSSH's PROTOCOL.u2f. Each
 * reader gets what follows the inner type; the caller refuses what is left.
 */
struct key_type {
	const char *name;
	const char *curve; /* of ECDSA */
	size_t coordinate; /* bytes of one */
	int64_t bits;
	bool (*read)(const struct key_type *t, struct wire *w,
		     int64_t *ret_bits);
};

/* A positive mpint in its only permitted form; *ret loses the sign byte. */
static bool read_mpint(struct wire *w, struct wire *ret)
{
	struct wire m;

	if (!wire_string(w, &m) || m.n == 0 || m.p[0] & 0x80)
		return false;
	if (m.p[0] == 0) {
		if (m.n < 2 || !(m.p[1] & 0x80))
			return false;
		m.p++;
		m.n--;
	}
	*ret = m;
	return true;
}

static bool read_rsa(const struct key_type *t, struct wire *w,
		     int64_t *ret_bits)
{
	struct wire e, n;
	int64_t bits;

	if (!read_mpint(w, &e) || !read_mpint(w, &n))
		return false;
	/* An even exponent or modulus, or the exponent 1, is no RSA key. */
	if (!(e.p[e.n - 1] & 1) || !(n.p[n.n - 1] & 1) ||
	    (e.n == 1 && e.p[0] == 1))
		return false;
	bits = (int64_t)n.n * 8;
	for (unsigned char top = n.p[0]; !(top & 0x80); top <<= 1)
		bits--;
	*ret_bits = bits;
	return true;
}

static bool read_ed25519(const struct key_type *t, struct wire *w,
			 int64_t *ret_bits)
{
	struct wire key;

	*ret_bits = t->bits;
	return wire_string(w, &key) && key.n == 32;
}

static bool read_ecdsa(const struct key_type *t, struct wire *w,
		       int64_t *ret_bits)
{
	const struct crypto_ops *crypto;
	struct wire curve, point;

	*ret_bits = t->bits;
	if (!wire_string(w, &curve) || !wire_is(&curve, t->curve) ||
	    !wire_string(w, &point) || point.n != 1 + 2 * t->coordinate ||
	    point.p[0] != 0x04) /* SEC 1: not compressed */
		return false;
	/* Loaded already, by key_blob_check(). */
	return crypto_load(&crypto, NULL) == 0 &&
	       crypto->ec_point_check(t->curve, point.p, point.n);
}

/* The application that the token was enrolled for, as "ssh:". */
static bool read_application(struct wire *w)
{
	struct wire app;

	if (!wire_string(w, &app) || app.n == 0 || app.n > 255 ||
	    !str_is_utf8((const char *)app.p, app.n))
		return false;
	for (size_t i = 0; i < app.n; i++)
		if (app.p[i] < 0x20 || app.p[i] == 0x7f)
			return false;
	return true;
}

static bool read_sk_ed25519(const struct key_type *t, struct wire *w,
			    int64_t *ret_bits)
{
	return read_ed25519(t, w, ret_bits) && read_application(w);
}

static bool read_sk_ecdsa(const struct key_type *t, struct wire *w,
			  int64_t *ret_bits)
{
	return read_ecdsa(t, w, ret_bits) && read_application(w);
}

static const struct key_type types[] = {
	{ "ssh-ed25519", NULL, 0, 256, read_ed25519 },
	{ "ssh-rsa", NULL, 0, 0, read_rsa },
	{ "ecdsa-sha2-nistp256", "nistp256", 32, 256, read_ecdsa },
	{ "ecdsa-sha2-nistp384", "nistp384", 48, 384, read_ecdsa },
	{ "ecdsa-sha2-nistp521", "nistp521", 66, 521, read_ecdsa },
	{ "sk-ssh-ed25519@openssh.com", NULL, 0, 256, read_sk_ed25519 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 32, 256,
	  read_sk_ecdsa },
};

static const struct key_type *find_type(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i].name) == len &&
		    memcmp(types[i].name, text, len) == 0)
			return &types[i];
	return NULL;
}

bool key_type_known(const char *text, size_t len)
{
	return find_type(text, len) != NULL;
}

int key_type_check(const char *type, struct vmctl_error *err)
{
	if (find_type(type, strlen(type)))
		return 0;
	if (str_eq(type, "ssh-dss")) {
		fail(err, VMCTL_BAD_DATA, 0,
		     "it is a DSA key (ssh-dss), which is too weak and which "
		     "ssh servers no longer accept");
		fail_hint(err, "vmctl key generate NAME");
		return -VMCTL_BAD_DATA;
	}
	if (str_ends(type, "-cert-v01@openssh.com")) {
		fail(err, VMCTL_BAD_DATA, 0,
		     "it is a certificate (%s), not a public key", type);
		fail_hint(err, "give the key that was certified: the .pub "
			       "file without -cert in its name");
		return -VMCTL_BAD_DATA;
	}
	fail(err, VMCTL_BAD_DATA, 0,
	     "it is not an OpenSSH public key: the type \"%.64s\" is unknown",
	     type);
	fail_hint(err, "a public key is one line that begins with ssh-ed25519, "
		       "ssh-rsa, ecdsa-sha2-… or sk-…");
	return -VMCTL_BAD_DATA;
}

int key_blob_check(const char *type, const unsigned char *blob, size_t n,
		   int64_t *ret_bits, struct vmctl_error *err)
{
	const struct key_type *t = find_type(type, strlen(type));
	struct wire w = { blob, n };
	const struct crypto_ops *crypto;
	struct wire inner;
	int64_t bits;
	int r = crypto_load(&crypto, err);

	if (r < 0)
		return r;
	if (!wire_string(&w, &inner))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the key is cut short or damaged");
	if (!t || !wire_is(&inner, type))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the key says %s, but its data are of the type "
			    "\"%.*s\"",
			    type, inner.n < 64 ? (int)inner.n : 64, inner.p);
	if (!t->read(t, &w, &bits))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the data of the %s key are cut short or damaged",
			    type);
	if (w.n > 0)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%zu bytes follow the data of the %s key", w.n,
			    type);
	if (t->read == read_rsa && (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the RSA key has %lld bits; %d to %d are accepted",
			    (long long)bits, RSA_MIN_BITS, RSA_MAX_BITS);
	*ret_bits = bits;
	return 0;
}
