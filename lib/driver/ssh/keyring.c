/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/file.h"
#include "base/openssh-key.h"
#include "driver/ssh/session.h"

#define IDENTITY_MAX (64 * 1024)
#define PASSPHRASE_MAX 1024
#define CIPHER_MAX 64
#define TRIES 3 /* as OpenSSH's NumberOfPasswordPrompts */

/*
 * Private keys as far as they have been read. One ring serves all attempts of a
 * connection, so that nothing is asked or complained of twice.
 */
struct ssh_keyring {
	struct identity *items[IDENTITIES_MAX];
	size_t count;
};

static void identity_free(struct identity *id)
{
	ssh_key_free(id->key); /* wipes */
	secret_str_done(&id->text);
	free(id->cipher);
	free(id->path);
	free(id);
}

void keyring_free(struct ssh_keyring *ring)
{
	for (size_t i = 0; ring && i < ring->count; i++)
		identity_free(ring->items[i]);
	free(ring);
}

struct ssh_keyring *keyring_new(void)
{
	return calloc(1, sizeof(struct ssh_keyring));
}

/* Tells a passphrase from a file that is no key. */
static int nothing_to_type(const char *prompt, char *buf, size_t len, int echo,
			   int verify, void *userdata)
{
	*(bool *)userdata = true;
	return -1;
}

static bool is_known(const struct openssh_key *key)
{
	static const char *const ciphers[] = {
		"3des-cbc",   "aes128-cbc", "aes128-ctr", "aes192-cbc",
		"aes192-ctr", "aes256-cbc", "aes256-ctr",
	};

	if (wire_is(&key->cipher, "none"))
		return true;
	if (!wire_is(&key->kdf, "bcrypt"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (wire_is(&key->cipher, ciphers[i]))
			return true;
	return false;
}

/*
 * libssh takes the ciphers of sessions for those of files, too, and calls what
 * some of them do not have: with a passphrase, one that authenticates
 * (aes256-gcm@openssh.com) is the end of the process. What it is not known to
 * manage is never given to it.
 */
static int look_at_cipher(struct identity *id, struct vmctl_error *err)
{
	const char *text = str_text(&id->text);
	auto_openssh_key key = { 0 };
	/* To its first NUL, as libssh reads it. */
	int r = openssh_key_read(text, strlen(text), &key, err);

	if (r == -VMCTL_UNSUPPORTED) /* PEM, or nothing */
		return strstr(text, OPENSSH_KEY_BEGIN)
			       ? fail(err, VMCTL_BAD_DATA, 0, "it is cut short")
			       : 0;
	if (r < 0 || is_known(&key))
		return r;
	id->cipher = str_printable(
		(const char *)key.cipher.p,
		key.cipher.n < CIPHER_MAX ? key.cipher.n : CIPHER_MAX, false);
	if (!id->cipher)
		return fail_oom(err);
	id->state = IDENTITY_FOREIGN;
	return 0;
}

static void load(struct identity *id, const struct events *ev)
{
	struct vmctl_error why = { 0 };
	bool locked = false;

	id->state = IDENTITY_LEFT_OUT;
	if (file_read(id->path, IDENTITY_MAX, &id->text, &why) < 0) {
		log_warn(ev, "a private key is left out: %s", why.message);
		return;
	}
	if (look_at_cipher(id, &why) < 0) {
		log_warn(ev, "the private key %s is left out: %s", id->path,
			 why.message);
		return;
	}
	if (id->state == IDENTITY_FOREIGN)
		return;
	if (ssh_pki_import_privkey_base64(str_text(&id->text), NULL,
					  nothing_to_type, &locked,
					  &id->key) == SSH_OK) {
		id->state = IDENTITY_OPEN;
		return;
	}
	id->key = NULL;
	if (locked)
		id->state = IDENTITY_LOCKED;
	else
		log_warn(ev,
			 "the private key %s is left out: it cannot be read",
			 id->path);
}

struct identity *keyring_get(struct ssh_keyring *ring, const char *path,
			     bool token, const struct events *ev)
{
	struct identity *id;

	for (size_t i = 0; i < ring->count; i++)
		if (str_eq(ring->items[i]->path, path))
			return ring->items[i];
	id = ring->count < IDENTITIES_MAX ? calloc(1, sizeof(*id)) : NULL;
	if (!id)
		return NULL;
	id->path = strdup(path);
	if (!id->path) {
		free(id);
		return NULL;
	}
	ring->items[ring->count++] = id;
	/* Half of it is in the device, which only the agent can speak to. */
	if (token)
		id->state = IDENTITY_TOKEN;
	else
		load(id, ev);
	return id;
}

static bool try_passphrase(struct identity *id, const char *passphrase)
{
	if (ssh_pki_import_privkey_base64(str_text(&id->text), passphrase, NULL,
					  NULL, &id->key) != SSH_OK) {
		id->key = NULL;
		return false;
	}
	id->state = IDENTITY_OPEN;
	return true;
}

void identity_unlock(struct identity *id, const struct events *ev)
{
	char passphrase[PASSPHRASE_MAX];
	const char *wrong = "";

	for (int i = 0; i < TRIES && id->state == IDENTITY_LOCKED; i++) {
		auto_free char *prompt =
			str_printf("%sPassphrase for %s: ", wrong, id->path);

		if (!prompt ||
		    !ask_secret(ev, prompt, passphrase, sizeof(passphrase)) ||
		    !*passphrase)
			break;
		id->asked = true;
		if (!try_passphrase(id, passphrase))
			wrong = "That is not it. ";
		explicit_bzero(passphrase, sizeof(passphrase));
	}
	if (id->state == IDENTITY_LOCKED)
		id->state = IDENTITY_STAYS_LOCKED;
}
