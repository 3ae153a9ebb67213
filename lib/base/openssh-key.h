/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_OPENSSH_KEY_H
#define BASE_OPENSSH_KEY_H

#include "base/wire.h"

/* Private keys in OpenSSH's own format (its PROTOCOL.key). */

#define OPENSSH_KEY_MAGIC "openssh-key-v1" /* with its NUL */
#define OPENSSH_KEY_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_KEY_END "-----END OPENSSH PRIVATE KEY-----"

/* What such a file says in clear, also when it is encrypted. */
struct openssh_key {
	unsigned char *bytes; /* all of it */
	size_t n;
	struct wire cipher, kdf; /* "none" when it is not encrypted */
	struct wire public;
};

/* Of the first key in the text. VMCTL_UNSUPPORTED when there is none of this
 * format, VMCTL_BAD_DATA when it is damaged. */
int openssh_key_read(const char *text, size_t len, struct openssh_key *ret,
		     struct vmctl_error *err);
void openssh_key_done(struct openssh_key *key); /* wipes */
#define auto_openssh_key auto_cleanup(openssh_key_done) struct openssh_key

#endif
