/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/crypto.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define COPY_CHUNK (256 * 1024)

DEFINE_CLEANUP(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_CLEANUP(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
#define auto_md_ctx auto_cleanup(md_ctx_cleanup)
#define auto_pkey auto_cleanup(pkey_cleanup)
#define auto_pkey_ctx auto_cleanup(pkey_ctx_cleanup)

static int fail_openssl(struct vmctl_error *err, const char *what)
{
	char why[256];
	unsigned long e = ERR_peek_last_error();

	ERR_error_string_n(e, why, sizeof(why));
	ERR_clear_error();
	return fail(err, VMCTL_FAILED, 0, "%s: %s", what,
		    e ? why : "libcrypto gave no reason");
}

static int crypto_sha256(const void *bytes, size_t n,
			 unsigned char out[SHA256_SIZE],
			 struct vmctl_error *err)
{
	if (EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL) != 1)
		return fail_openssl(err, "cannot compute a SHA-256 digest");
	return 0;
}

/* Not a failure of OpenSSL's: a host in FIPS mode has none. */
static int fail_md5(struct vmctl_error *err)
{
	ERR_clear_error();
	return fail(err, VMCTL_UNSUPPORTED, 0,
		    "OpenSSL has no MD5 on this host");
}

static int crypto_md5(const void *bytes, size_t n, unsigned char out[MD5_SIZE],
		      struct vmctl_error *err)
{
	if (EVP_Digest(bytes, n, out, NULL, EVP_md5(), NULL) != 1)
		return fail_md5(err);
	return 0;
}

/* One copy under way. Offsets count from where each descriptor stood. */
struct copy {
	int in, out;
	EVP_MD_CTX *md;
	EVP_MD_CTX *also; /* a second digest, or NULL */
	unsigned char *buf;
	uint64_t done;	/* bytes hashed */
	uint64_t total; /* for progress */
	const char *text;
	const struct events *ev;
};

static int copy_bytes(struct copy *c, const unsigned char *p, size_t n,
		      struct vmctl_error *err)
{
	if (EVP_DigestUpdate(c->md, p, n) != 1 ||
	    (c->also && EVP_DigestUpdate(c->also, p, n) != 1))
		return fail_openssl(err, "cannot compute a digest");
	c->done += n;
	progress_at(c->ev, c->text, c->done, c->total);
	if (cancelled(c->ev))
		return fail_cancelled(err);
	return 0;
}

/* `n` zero bytes that are a hole in the input. */
static int copy_hole(struct copy *c, uint64_t n, struct vmctl_error *err)
{
	if (c->out >= 0 && lseek(c->out, (off_t)n, SEEK_CUR) < 0)
		return fail_sys(err, errno, "cannot write");
	memset(c->buf, 0, COPY_CHUNK);
	while (n > 0) {
		size_t part = n < COPY_CHUNK ? (size_t)n : COPY_CHUNK;
		int r = copy_bytes(c, c->buf, part, err);

		if (r < 0)
			return r;
		n -= part;
	}
	return 0;
}

/* At most `limit` bytes of data; *ret_eof when the input ended before. */
static int copy_data(struct copy *c, uint64_t limit, bool *ret_eof,
		     struct vmctl_error *err)
{
	while (limit > 0) {
		size_t want = limit < COPY_CHUNK ? (size_t)limit : COPY_CHUNK;
		ssize_t n = read(c->in, c->buf, want);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(err, errno, "cannot read");
		if (n == 0) {
			*ret_eof = true;
			return 0;
		}
		if (c->out >= 0) {
			r = fd_write_all(c->out, c->buf, (size_t)n, err);
			if (r < 0)
				return r;
		}
		r = copy_bytes(c, c->buf, (size_t)n, err);
		if (r < 0)
			return r;
		limit -= (uint64_t)n;
	}
	*ret_eof = false;
	return 0;
}

/* Steps over the hole at the current offset, if there is one, and tells how
 * much data follows it. */
static int next_extent(struct copy *c, uint64_t *ret_data,
		       struct vmctl_error *err)
{
	off_t at = lseek(c->in, 0, SEEK_CUR);
	off_t data, hole;
	struct stat st;
	int r;

	/* A pipe has no offset, and some file systems know no holes. */
	*ret_data = UINT64_MAX;
	if (at < 0)
		return 0;
	data = lseek(c->in, at, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		if (fstat(c->in, &st) < 0)
			return fail_sys(err, errno, "cannot read");
		data = st.st_size > at ? st.st_size : at;
	}
	if (data < 0)
		return 0;
	hole = lseek(c->in, data, SEEK_HOLE);
	if (lseek(c->in, data, SEEK_SET) < 0)
		return fail_sys(err, errno, "cannot read");
	if (data > at) {
		r = copy_hole(c, (uint64_t)(data - at), err);
		if (r < 0)
			return r;
	}
	if (hole > data)
		*ret_data = (uint64_t)(hole - data);
	return 0;
}

/* Gives the output its length, which a hole at the end does not. */
static int copy_finish(const struct copy *c, struct vmctl_error *err)
{
	off_t end;
	struct stat st;

	if (c->out < 0)
		return 0;
	end = lseek(c->out, 0, SEEK_CUR);
	if (end < 0 || fstat(c->out, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size >= end)
		return 0;
	if (ftruncate(c->out, end) < 0)
		return fail_sys(err, errno, "cannot write");
	return 0;
}

/* From the current offset to the end. */
static int copy_all(struct copy *c, struct vmctl_error *err)
{
	auto_free unsigned char *buf = malloc(COPY_CHUNK);
	bool eof = false;

	if (!buf)
		return fail_oom(err);
	c->buf = buf;
	(void)posix_fadvise(c->in, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (!eof) {
		uint64_t data;
		int r = next_extent(c, &data, err);

		if (r == 0)
			r = copy_data(c, data, &eof, err);
		if (r < 0)
			return r;
	}
	return copy_finish(c, err);
}

static int crypto_sha256_copy(int in, int out, uint64_t total, const char *text,
			      const struct events *ev,
			      unsigned char digest[SHA256_SIZE],
			      struct vmctl_error *err)
{
	auto_md_ctx EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct copy c = { .in = in,
			  .out = out,
			  .md = md,
			  .total = total,
			  .text = text,
			  .ev = ev };
	int r;

	if (!md)
		return fail_oom(err);
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return fail_openssl(err, "cannot compute a SHA-256 digest");
	r = copy_all(&c, err);
	if (r == 0 && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		r = fail_openssl(err, "cannot compute a SHA-256 digest");
	return r;
}

static int crypto_sha_both(int in, uint64_t total, const char *text,
			   const struct events *ev,
			   unsigned char sha256[SHA256_SIZE],
			   unsigned char sha512[SHA512_SIZE],
			   struct vmctl_error *err)
{
	auto_md_ctx EVP_MD_CTX *md = EVP_MD_CTX_new();
	auto_md_ctx EVP_MD_CTX *also = EVP_MD_CTX_new();
	struct copy c = { .in = in,
			  .out = -1,
			  .md = md,
			  .also = also,
			  .total = total,
			  .text = text,
			  .ev = ev };
	int r;

	if (!md || !also)
		return fail_oom(err);
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestInit_ex(also, EVP_sha512(), NULL) != 1)
		return fail_openssl(err, "cannot compute a digest");
	r = copy_all(&c, err);
	if (r == 0 && (EVP_DigestFinal_ex(md, sha256, NULL) != 1 ||
		       EVP_DigestFinal_ex(also, sha512, NULL) != 1))
		r = fail_openssl(err, "cannot compute a digest");
	return r;
}

static int crypto_ed25519_generate(unsigned char seed[ED25519_SIZE],
				   unsigned char pub[ED25519_SIZE],
				   struct vmctl_error *err)
{
	auto_pkey_ctx EVP_PKEY_CTX *ctx = NULL;
	auto_pkey EVP_PKEY *key = NULL;
	size_t seed_len = ED25519_SIZE, pub_len = ED25519_SIZE;

	ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_keygen(ctx, &key) != 1 ||
	    EVP_PKEY_get_raw_private_key(key, seed, &seed_len) != 1 ||
	    EVP_PKEY_get_raw_public_key(key, pub, &pub_len) != 1)
		return fail_openssl(err, "cannot make an Ed25519 key");
	return 0;
}

static bool crypto_ec_point_check(const char *curve, const void *point,
				  size_t n)
{
	char group[8] = "";
	auto_pkey_ctx EVP_PKEY_CTX *from = NULL;
	auto_pkey_ctx EVP_PKEY_CTX *check = NULL;
	auto_pkey EVP_PKEY *key = NULL;
	bool good;

	/* OpenSSL names them P-256 and so on. */
	if (!str_starts(curve, "nistp") || strlen(curve) != 8)
		return false;
	snprintf(group, sizeof(group), "P-%s", curve + 5);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)point, n),
		OSSL_PARAM_construct_end(),
	};
	from = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	good = from && EVP_PKEY_fromdata_init(from) == 1 &&
	       EVP_PKEY_fromdata(from, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
	if (good) {
		check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
		good = check && EVP_PKEY_public_check(check) == 1;
	}
	ERR_clear_error();
	return good;
}

extern const struct crypto_ops vmctl_module_crypto;
VMCTL_API const struct crypto_ops vmctl_module_crypto = {
	.abi = CRYPTO_ABI,
	.sha256 = crypto_sha256,
	.md5 = crypto_md5,
	.sha256_copy = crypto_sha256_copy,
	.sha_both = crypto_sha_both,
	.ed25519_generate = crypto_ed25519_generate,
	.ec_point_check = crypto_ec_point_check,
};
