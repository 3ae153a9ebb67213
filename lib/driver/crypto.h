/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_CRYPTO_H
#define DRIVER_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

/* Digests and key pairs (module crypto.so, OpenSSL's libcrypto). */

#define CRYPTO_ABI 2
#define SHA256_SIZE 32
#define SHA512_SIZE 64
#define MD5_SIZE 16
#define ED25519_SIZE 32 /* of the seed and of the public key, RFC 8032 */

struct crypto_ops {
	unsigned abi;

	int (*sha256)(const void *bytes, size_t n,
		      unsigned char out[SHA256_SIZE], struct vmctl_error *err);
	/* VMCTL_UNSUPPORTED where OpenSSL has none, as in FIPS mode. */
	int (*md5)(const void *bytes, size_t n, unsigned char out[MD5_SIZE],
		   struct vmctl_error *err);

	/* Copies `in` to `out` (-1: only reads) from the current offset to the
	 * end and gives the digest of what went by. Holes in the input stay
	 * holes. Progress out of `total` bytes is reported with `text`. */
	int (*sha256_copy)(int in, int out, uint64_t total, const char *text,
			   const struct events *ev,
			   unsigned char digest[SHA256_SIZE],
			   struct vmctl_error *err);

	/* Both digests of what is left of a file, read once. */
	int (*sha_both)(int in, uint64_t total, const char *text,
			const struct events *ev,
			unsigned char sha256[SHA256_SIZE],
			unsigned char sha512[SHA512_SIZE],
			struct vmctl_error *err);

	int (*ed25519_generate)(unsigned char seed[ED25519_SIZE],
				unsigned char pub[ED25519_SIZE],
				struct vmctl_error *err);

	/* Whether an uncompressed point (SEC 1, section 2.3.3) lies on the
	 * curve "nistp256", "nistp384" or "nistp521". */
	bool (*ec_point_check)(const char *curve, const void *point, size_t n);
};

/* The table, loading the module at first. */
int crypto_load(const struct crypto_ops **ret, struct vmctl_error *err);

#endif
