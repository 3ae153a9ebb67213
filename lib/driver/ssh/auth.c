/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/ssh/session.h"

#define AGENT_PROBE_MS 2000

static void key_free(ssh_key key)
{
	ssh_key_free(key);
}
DEFINE_CLEANUP(key, ssh_key, key_free);
#define auto_key auto_cleanup(key_cleanup)
DEFINE_CLEANUP(keyring, struct ssh_keyring *, keyring_free);
#define auto_keyring auto_cleanup(keyring_cleanup)

/* How far authentication has come. */
struct attempt {
	struct ssh_conn *conn;
	const struct ssh_target *target;
	const struct events *ev;
	int64_t deadline;
	struct ssh_keyring *ring;
	const struct ssh_agent *agent; /* NULL: the usual one */
	char **agent_keys; /* that may be used; NULL: no agent answers */
	int offered;
	bool accepted;
	const struct identity *locked; /* wanted, but locked */
	const struct identity *token;  /* for the agent alone */
};

/* Of the identity with that number; NULL when it is not known. */
static const char *public_key(const struct attempt *a, size_t i)
{
	return a->target->public_keys ? a->target->public_keys[i] : NULL;
}

/* A server that has lost patience hangs up, which is not a failure of the
 * connection. */
static int fail_gave_up(const struct attempt *a, struct vmctl_error *err)
{
	const char *why = ssh_get_error(a->conn->session);

	if (!why || !strstr(why, "oo many authentication failures"))
		return fail_broken(a->conn, err);
	return fail(err, VMCTL_DENIED, 0,
		    "the ssh server at %s refused so many keys for user %s "
		    "that it gave up",
		    a->conn->peer, a->target->user);
}

/* Gives one answer of the server the form of a result of ours. */
static int judge(struct attempt *a, int rc, struct vmctl_error *err)
{
	a->offered++;
	if (rc == SSH_AUTH_SUCCESS) {
		a->accepted = true;
		return 0;
	}
	return rc == SSH_AUTH_ERROR && conn_broken(a->conn)
		       ? fail_gave_up(a, err)
		       : 0;
}

/* Until libssh may be called again. */
static int await(struct attempt *a, struct vmctl_error *err)
{
	return conn_broken(a->conn)
		       ? fail_gave_up(a, err)
		       : conn_wait(a->conn, a->deadline, a->ev, err);
}

static int try_open(struct attempt *a, const struct identity *id,
		    struct vmctl_error *err)
{
	int rc, r;

	log_debug(a->ev, "offering the key %s", id->path);
	while ((rc = ssh_userauth_publickey(a->conn->session, NULL, id->key)) ==
	       SSH_AUTH_AGAIN) {
		r = await(a, err);
		if (r < 0)
			return r;
	}
	return judge(a, rc, err);
}

/* Keys of the files that need nothing to be used. */
static int try_open_ones(struct attempt *a, struct vmctl_error *err)
{
	const char *const *paths = a->target->identities;
	int r = 0;

	for (size_t i = 0; r == 0 && !a->accepted && paths && paths[i]; i++) {
		const char *public = public_key(a, i);
		struct identity *id =
			keyring_get(a->ring, paths[i],
				    public && str_starts(public, "sk-"), a->ev);

		if (!id)
			return fail_oom(err);
		if (id->state == IDENTITY_OPEN)
			r = try_open(a, id, err);
		if (id->state == IDENTITY_TOKEN)
			a->token = id;
	}
	return r;
}

/* Whether the server would take the key. Taken for granted when the public
 * half is not known. */
static int probe(struct attempt *a, const char *public, bool *ret,
		 struct vmctl_error *err)
{
	const char *space = public ? strchr(public, ' ') : NULL;
	auto_free char *type = NULL;
	auto_key ssh_key key = NULL;
	int rc, r;

	*ret = true;
	if (!space)
		return 0;
	type = strndup(public, (size_t)(space - public));
	if (!type)
		return fail_oom(err);
	if (ssh_pki_import_pubkey_base64(
		    space + 1, ssh_key_type_from_name(type), &key) != SSH_OK)
		return 0;
	while ((rc = ssh_userauth_try_publickey(a->conn->session, NULL, key)) ==
	       SSH_AUTH_AGAIN) {
		r = await(a, err);
		if (r < 0)
			return r;
	}
	*ret = rc == SSH_AUTH_SUCCESS;
	return *ret ? 0 : judge(a, rc, err);
}

static int unlock(struct attempt *a, struct identity *id,
		  struct vmctl_error *err)
{
	int64_t begin = clock_mono_ms();

	if (id->state == IDENTITY_LOCKED) {
		/* Nothing else may stand on the line of the question. */
		progress_at(a->ev, NULL, 0, 0);
		identity_unlock(id, a->ev);
	}
	/* A person's time is not the server's. */
	if (a->deadline >= 0)
		a->deadline += clock_mono_ms() - begin;
	if (cancelled(a->ev))
		return fail_cancelled(err);
	if (id->state == IDENTITY_OPEN)
		return try_open(a, id, err);
	a->locked = id;
	return 0;
}

static int try_locked_ones(struct attempt *a, struct vmctl_error *err)
{
	const char *const *paths = a->target->identities;
	int r = 0;

	for (size_t i = 0; r == 0 && !a->accepted && paths && paths[i]; i++) {
		struct identity *id =
			keyring_get(a->ring, paths[i], false, a->ev);
		bool wanted;

		if (!id)
			return fail_oom(err);
		if (id->state != IDENTITY_LOCKED &&
		    id->state != IDENTITY_STAYS_LOCKED &&
		    id->state != IDENTITY_FOREIGN)
			continue;
		r = probe(a, public_key(a, i), &wanted, err);
		if (r == 0 && wanted)
			r = unlock(a, id, err);
	}
	return r;
}

static int try_agent(struct attempt *a, struct vmctl_error *err)
{
	struct few *few = NULL;
	int rc, r = 0;

	if (!a->agent_keys || !*a->agent_keys)
		return 0;
	r = few_begin(a->conn, a->agent, a->agent_keys, &few, err);
	while (r == 0 && (rc = ssh_userauth_agent(a->conn->session, NULL)) ==
				 SSH_AUTH_AGAIN)
		r = await(a, err);
	few_end(few);
	return r < 0 ? r : judge(a, rc, err);
}

static bool is_key(const char *line, const char *public)
{
	size_t n = strlen(public);

	return strncmp(line, public, n) == 0 && (!line[n] || line[n] == ' ');
}

/* One that was refused is not better from the agent, and a server counts. */
static bool was_tried(const struct attempt *a, const char *line)
{
	const char *const *paths = a->target->identities;

	for (size_t i = 0; paths && paths[i] && public_key(a, i); i++) {
		const struct identity *id =
			keyring_get(a->ring, paths[i], false, a->ev);

		if (id && id->state == IDENTITY_OPEN &&
		    is_key(line, public_key(a, i)))
			return true;
	}
	return false;
}

static bool may_be_used(const struct attempt *a, const char *line)
{
	const char *const *keys = a->target->agent_keys;
	bool wanted = !*keys;

	for (; !wanted && *keys; keys++)
		wanted = is_key(line, *keys);
	return wanted && !was_tried(a, line);
}

/* Whether it might have a key that was not tried. */
static bool may_help(const struct attempt *a)
{
	const char *const *keys = a->target->agent_keys;

	if (!keys || !*keys)
		return keys != NULL;
	while (*keys && was_tried(a, *keys))
		keys++;
	return *keys != NULL;
}

/* An agent that does not answer now is left alone: libssh would wait for it
 * without limit. (What takes time later is a person who is asked to confirm.)
 */
static int ask_agent(struct attempt *a, struct vmctl_error *err)
{
	auto_strv char **lines = NULL;
	struct vmctl_error why;
	int r;

	if (a->target->agent)
		a->agent = a->target->agent(a->target->agent_data);
	r = agent_list(a->agent, AGENT_PROBE_MS, a->ev, &lines, &why);
	if (r == -VMCTL_CANCELLED)
		return fail_cancelled(err);
	if (r < 0) {
		log_debug(a->ev, "%s", why.message);
		return 0;
	}
	a->agent_keys = strv_dup(NULL);
	r = a->agent_keys ? 0 : fail_oom(err);
	for (char **line = lines; r == 0 && *line; line++)
		if (may_be_used(a, *line) &&
		    strv_append(&a->agent_keys, *line) < 0)
			r = fail_oom(err);
	return r;
}

static int try_all(struct attempt *a, struct vmctl_error *err)
{
	const char *const *wanted = a->target->agent_keys;
	int r = try_open_ones(a, err);

	if (r == 0 && !a->accepted && may_help(a))
		r = ask_agent(a, err);
	/* Nobody likes to be asked for what the agent knows. */
	if (r == 0 && !a->accepted && wanted && *wanted)
		r = try_agent(a, err);
	if (r == 0 && !a->accepted)
		r = try_locked_ones(a, err);
	if (r == 0 && !a->accepted && wanted && !*wanted)
		r = try_agent(a, err);
	return r;
}

static int fail_refused(const struct attempt *a, struct vmctl_error *err)
{
	const char *peer = a->conn->peer;
	const char *before =
		a->agent && a->agent->prefix ? a->agent->prefix : "";
	const struct identity *id = a->locked;
	int r;

	/* What the guest has no part in is no better later. */
	if (id && id->state == IDENTITY_FOREIGN) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "the private key %s is encrypted with %s, which only "
			 "OpenSSH can read",
			 id->path, id->cipher);
		fail_hint(err,
			  "%sssh-add %s, or: ssh-keygen -p -Z aes256-ctr -f %s",
			  before, id->path, id->path);
		return r;
	}
	if (id) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "the private key %s is locked by a passphrase, %s",
			 id->path,
			 id->asked ? "and what was typed is not it"
				   : "which was not given");
	} else if (a->offered == 0) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "there is no usable private key to enter %s with",
			 peer);
		fail_hint(err,
			  "%sssh-add FILE, with one that the instance was made "
			  "with (vmctl show)",
			  before);
	} else {
		r = fail(err, VMCTL_DENIED, 0,
			 "the ssh server at %s refused every key for user %s",
			 peer, a->target->user);
	}
	if (!id)
		id = a->token;
	if (id)
		fail_hint(err, "%sssh-add %s", before, id->path);
	return r;
}

int conn_authenticate(struct ssh_conn *conn, const struct ssh_target *target,
		      int64_t deadline, const struct events *ev,
		      struct vmctl_error *err)
{
	auto_keyring struct ssh_keyring *own = NULL;
	struct ssh_keyring **ring = target->keyring ? target->keyring : &own;
	struct attempt a = { conn, target, ev, deadline };
	int r;

	if (!*ring)
		*ring = keyring_new();
	if (!*ring)
		return fail_oom(err);
	a.ring = *ring;
	r = try_all(&a, err);
	strv_free(a.agent_keys);
	if (r < 0 || a.accepted)
		return r;
	return fail_refused(&a, err);
}
