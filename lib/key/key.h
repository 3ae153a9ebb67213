/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef KEY_KEY_H
#define KEY_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmctl/key.h>

#include "base/wire.h"
#include "driver/crypto.h"

/* Within lib/key only. */

/* --- blob.c -------------------------------------------------------------- */

/* Whether keys of that type are accepted; else VMCTL_BAD_DATA says why. */
int key_type_check(const char *type, struct vmctl_error *err);
bool key_type_known(const char *text, size_t len);

/* Checks a whole public key blob and counts its bits as ssh-keygen does. */
int key_blob_check(const char *type, const unsigned char *blob, size_t n,
		   int64_t *ret_bits, struct vmctl_error *err);

/* --- pubkey.c ------------------------------------------------------------ */

struct pubkey {
	char *type, *line, *comment; /* line: "type base64" */
	unsigned char *blob;
	size_t blob_len;
	int64_t bits;
};

void pubkey_done(struct pubkey *key);
#define auto_pubkey auto_cleanup(pubkey_done) struct pubkey

/* Parses the text of a .pub file: one key. VMCTL_BAD_DATA otherwise. */
int pubkey_parse(const char *text, size_t len, struct pubkey *ret,
		 struct vmctl_error *err);

/* Whether a line of it begins a private key, in any of the usual formats. */
bool pubkey_is_private(const char *text, size_t len);

/* Whether it holds several public keys, and the number of the first one's
 * line. */
bool pubkey_is_several(const char *text, size_t len, int *ret_first);

/* Fails with `code`: the fault is in a file, or in an argument. */
int key_comment_check(const char *comment, size_t len, enum vmctl_code code,
		      struct vmctl_error *err);

/* --- openssh.c ----------------------------------------------------------- */

/* The text of an openssh-key-v1 file, not encrypted. The caller wipes and
 * frees it. */
int openssh_write(const unsigned char seed[ED25519_SIZE],
		  const unsigned char pub[ED25519_SIZE], const char *comment,
		  char **ret, struct vmctl_error *err);

/* The public blob that an openssh-key-v1 file shows in clear, also when it is
 * encrypted. VMCTL_UNSUPPORTED when the file has another format. */
int openssh_public(const char *text, size_t len, unsigned char **ret,
		   size_t *ret_len, struct vmctl_error *err);

/* Whether such a file can be read without a passphrase. */
bool openssh_is_plain(const char *text, size_t len);

/* --- pair.c -------------------------------------------------------------- */

int key_fingerprints(const unsigned char *blob, size_t n, char **ret_sha256,
		     char **ret_md5, struct vmctl_error *err);

/* Wipes a text that holds a secret, and frees it. */
void secret_free(char *text);
DEFINE_CLEANUP(secret, char *, secret_free);
#define auto_secret auto_cleanup(secret_cleanup)

/* --- record.c ------------------------------------------------------------ */

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
#define auto_key auto_cleanup(key_cleanup)

int key_name_check(const char *name, struct vmctl_error *err);

/* Stores what is checked. `private_path` and `ret` may be NULL. */
int key_store(struct vmctl *ctx, const char *name, const struct pubkey *pub,
	      const char *private_path, struct vmctl_key **ret,
	      struct vmctl_error *err);

/* Fills a record from a parsed key. */
int key_record(const char *name, const struct pubkey *pub,
	       const char *private_path, struct vmctl_key **ret,
	       struct vmctl_error *err);

#endif
