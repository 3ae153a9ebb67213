/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_KEY_H
#define VMCTL_KEY_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SSH public keys known by name, and where the private half of those that
 * vmctl generated is kept. */

struct vmctl_key {
	char *name;
	char *type;   /* "ssh-ed25519", "ssh-rsa", … (RFC 8709, RFC 4253) */
	int64_t bits; /* as ssh-keygen -l counts them */
	char *public_key; /* "type base64", without the comment */
	char *comment;	  /* may be empty */
	char *sha256;	  /* "SHA256:…", as ssh-keygen -l -E sha256 */
	char *md5;	  /* "MD5:aa:bb:…", as ssh-keygen -l -E md5; "" where
			     OpenSSL has no MD5 */
	char *private_path; /* file with the private key, or NULL */
	int64_t created_at; /* seconds since the epoch */
};

struct vmctl_key_list {
	size_t count;
	struct vmctl_key **items;
};

VMCTL_API void vmctl_key_free(struct vmctl_key *key);
VMCTL_API void vmctl_key_list_free(struct vmctl_key_list *list);

/*
 * Stores a public key given as the text of an OpenSSH .pub file: exactly one
 * key. The format is validated strictly (type, base64, inner type, lengths,
 * no trailing data; RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH
 * PROTOCOL.u2f). VMCTL_BAD_DATA otherwise; a private key given by mistake is
 * named as such and never stored. VMCTL_EXISTS when the name is taken or the
 * same key is stored under another name.
 */
VMCTL_API int vmctl_key_import(struct vmctl *ctx, const char *name,
			       const char *text, size_t len,
			       const char *private_path, struct vmctl_key **ret,
			       struct vmctl_error *err);

/* Reads at most 64 KiB from `path` and imports it. When `path` ends in .pub
 * and the file without that suffix exists, it is recorded as the private
 * half. */
VMCTL_API int vmctl_key_import_file(struct vmctl *ctx, const char *name,
				    const char *path, struct vmctl_key **ret,
				    struct vmctl_error *err);

/*
 * Imports a key that the ssh agent holds, which is that of IdentityAgent in
 * ssh_config(5) or else of SSH_AUTH_SOCK: the one whose comment or fingerprint
 * ("SHA256:…", "MD5:…") is `which`, or the only one for NULL.
 * VMCTL_INVALID, naming them, when there are several; VMCTL_NOT_FOUND when
 * there is none, or no agent answers. The private half is used by the agent
 * alone. This is how keys of security tokens are used.
 */
VMCTL_API int vmctl_key_import_agent(struct vmctl *ctx, const char *name,
				     const char *which, struct vmctl_key **ret,
				     struct vmctl_error *err);

/*
 * Imports the keys that a web address gives, one on each line, as
 * "https://host/user.keys": the first under `name`, the next under "name-2" and
 * so on; all of them or, when one is not acceptable, known or its name taken,
 * none. A fragment, "#SHA256:…", chooses the one with that fingerprint.
 *
 * Only https, and http to this machine itself; at most 64 KiB. VMCTL_INVALID
 * for another address, VMCTL_NOT_FOUND when the server says so, VMCTL_TIMEOUT,
 * VMCTL_BAD_DATA for an answer that holds anything else. ret may be NULL.
 */
VMCTL_API int vmctl_key_import_url(struct vmctl *ctx, const char *name,
				   const char *url, struct vmctl_key_list **ret,
				   struct vmctl_error *err);

/* The user's own public key, for vmctl_key_import_file(): the first that is
 * there of id_ed25519.pub, id_ed25519_sk.pub, id_ecdsa.pub, id_ecdsa_sk.pub and
 * id_rsa.pub in ~/.ssh. VMCTL_NOT_FOUND. The caller frees *ret. */
VMCTL_API int vmctl_key_own_file(struct vmctl *ctx, char **ret,
				 struct vmctl_error *err);

/* Makes an Ed25519 pair: the private file in the keys folder of the data
 * directory (mode 0600, OpenSSH format), the public half stored. */
VMCTL_API int vmctl_key_generate(struct vmctl *ctx, const char *name,
				 const char *comment, struct vmctl_key **ret,
				 struct vmctl_error *err);

VMCTL_API int vmctl_key_get(struct vmctl *ctx, const char *name,
			    struct vmctl_key **ret, struct vmctl_error *err);
VMCTL_API int vmctl_key_list(struct vmctl *ctx, struct vmctl_key_list **ret,
			     struct vmctl_error *err);

/* Forgets the key; a private half that vmctl generated is removed too.
 * Instances that were made with it keep working: they hold their own copy of
 * the public half (KEY-006), and when one of them still needs the generated
 * private half to be entered, the private file stays until the last is gone.
 *
 * `sha256` may be NULL. VMCTL_STATE when the name belongs to a key with another
 * fingerprint than that. */
VMCTL_API int vmctl_key_delete(struct vmctl *ctx, const char *name,
			       const char *sha256, struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
