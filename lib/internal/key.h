/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_KEY_H
#define INTERNAL_KEY_H

#include <vmctl/context.h>

#include "base/error.h"

/* What lib/key does for the other subsystems beside its public header. */

/* A new Ed25519 pair in the forms that files want: the text of an OpenSSH
 * private key file (openssh-key-v1, not encrypted) and "ssh-ed25519 AAAA…",
 * without comment or line feed. `comment` goes into the private half and may
 * be NULL. The caller frees both, the private one after explicit_bzero(3). */
int key_pair_make(const char *comment, char **ret_private, char **ret_public,
		  struct vmctl_error *err);

/* "TYPE AAAA…" of an OpenSSH private key file without a passphrase.
 * VMCTL_UNSUPPORTED in another format or with a passphrase, VMCTL_BAD_DATA when
 * it is damaged. */
int key_public_half(const char *private_text, char **ret_public,
		    struct vmctl_error *err);

/* "SHA256:…" of a public key line, as ssh-keygen -l prints it. The caller
 * frees it. VMCTL_BAD_DATA when the line is not an acceptable key. */
int key_fingerprint(const char *public_key, char **ret_sha256,
		    struct vmctl_error *err);

/* Removes a private file that vmctl_key_generate() made, and the public one
 * beside it, unless a key or a live instance still names it. For when the last
 * instance that was made with a deleted key goes. Any other path, or NULL, is
 * left alone. */
int key_file_release(struct vmctl *ctx, const char *private_path,
		     struct vmctl_error *err);

#endif
