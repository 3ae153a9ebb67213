/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "driver/ssh/relay.h"

#define ATTEMPT_MS 15000
#define KEEPALIVE_MS 15000

static void key_free(ssh_key key)
{
	ssh_key_free(key);
}
DEFINE_CLEANUP(key, ssh_key, key_free);
#define auto_key auto_cleanup(key_cleanup)

void conn_close(struct ssh_conn *conn)
{
	if (!conn)
		return;
	ssh_event_free(conn->event);
	/* Not ssh_disconnect(): it forgets the socket without closing it when
	 * the descriptor was given. ssh_free() closes it in every case. */
	ssh_free(conn->session);
	free(conn->peer);
	free(conn);
}
DEFINE_CLEANUP(conn, struct ssh_conn *, conn_close);
#define auto_conn auto_cleanup(conn_cleanup)

bool conn_broken(struct ssh_conn *conn)
{
	return ssh_get_fd(conn->session) == SSH_INVALID_SOCKET ||
	       ssh_get_status(conn->session) & (SSH_CLOSED | SSH_CLOSED_ERROR);
}

int fail_broken(struct ssh_conn *conn, struct vmctl_error *err)
{
	const char *why = ssh_get_error(conn->session);

	return fail(err, VMCTL_TRANSPORT, 0,
		    "the ssh connection to %s broke: %s", conn->peer,
		    why && *why ? why : "closed by the other side");
}

int conn_wait(struct ssh_conn *conn, int64_t deadline, const struct events *ev,
	      struct vmctl_error *err)
{
	struct pollfd p = { .fd = ssh_get_fd(conn->session), .events = POLLIN };
	int64_t left = WAIT_SLICE_MS;

	if (p.fd == SSH_INVALID_SOCKET)
		return fail_broken(conn, err);
	if (cancelled(ev))
		return fail_cancelled(err);
	if (deadline >= 0) {
		left = deadline - clock_mono_ms();
		if (left <= 0)
			return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
				    "no answer from %s", conn->peer);
		if (left > WAIT_SLICE_MS)
			left = WAIT_SLICE_MS;
	}
	if (ssh_get_poll_flags(conn->session) & SSH_WRITE_PENDING)
		p.events |= POLLOUT;
	(void)poll(&p, 1, (int)left);
	return 0;
}

/* "type base64" into its halves. */
static int split_host_key(const char *text, char **ret_type, const char **b64,
			  struct vmctl_error *err)
{
	const char *space = text ? strchr(text, ' ') : NULL;

	if (!space || space == text || !space[1])
		return fail(err, VMCTL_INVALID, 0,
			    "no host key is pinned for this connection");
	*ret_type = strndup(text, (size_t)(space - text));
	if (!*ret_type)
		return fail_oom(err);
	*b64 = space + 1;
	return 0;
}

/* The algorithms of the pinned type (NULL: none) come first, so that the server
 * shows that key if it has it; the others follow so that the fingerprint of a
 * wrong key can be told. */
static int set_algorithms(ssh_session s, const char *type,
			  struct vmctl_error *err)
{
	static const char all[] = "ssh-ed25519,ecdsa-sha2-nistp256,"
				  "ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
				  "rsa-sha2-512,rsa-sha2-256";
	const char *first = !type		      ? "ssh-ed25519"
			    : str_eq(type, "ssh-rsa") ? "rsa-sha2-512,"
							"rsa-sha2-256"
						      : type;
	auto_free char *list = str_printf("%s,%s", first, all);

	if (!list)
		return fail_oom(err);
	if (ssh_options_set(s, SSH_OPTIONS_HOSTKEYS, list) < 0)
		return fail(err, VMCTL_INVALID, 0,
			    "a host key of the type %s cannot be used",
			    type ? type : "ssh-ed25519");
	return 0;
}

/* Nothing of the user's own ssh configuration takes part. */
static int set_options(ssh_session s, const struct ssh_target *t, int fd,
		       struct vmctl_error *err)
{
	auto_free char *type = NULL;
	const char *b64;
	bool config = false;
	unsigned port = (unsigned)t->port;
	int r = t->any_host_key ? 0
				: split_host_key(t->host_key, &type, &b64, err);

	if (r == 0)
		r = set_algorithms(s, type, err);
	if (r < 0)
		return r;
	if (ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &config) < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_SSH_DIR, "/nonexistent") < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") <
		    0 ||
	    ssh_options_set(s, SSH_OPTIONS_HOST, t->host) < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_PORT, &port) < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_USER, t->user) < 0 ||
	    ssh_options_set(s, SSH_OPTIONS_FD, &fd) < 0)
		return fail(err, VMCTL_INVALID, 0, "cannot set up ssh: %s",
			    ssh_get_error(s));
	ssh_set_blocking(s, 0);
	return 0;
}

/* Banner and key exchange. */
static int handshake(struct ssh_conn *conn, const struct ssh_target *target,
		     int64_t deadline, const struct events *ev,
		     struct vmctl_error *err)
{
	int64_t first = clock_mono_ms() + target->silence_ms;
	int rc, fd, r;

	if (!target->silence_ms || first > deadline)
		first = deadline;
	while ((rc = ssh_connect(conn->session)) == SSH_AGAIN) {
		r = conn_wait(conn, conn->traffic.in_bytes ? deadline : first,
			      ev, err);
		if (r < 0)
			return r;
	}
	if (rc != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "no ssh session with %s: %s", conn->peer,
			    ssh_get_error(conn->session));
	/* libssh makes it block again, and a send of more than fits would then
	 * hold up everything. It waits for POLLOUT before each one. */
	fd = ssh_get_fd(conn->session);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

static char *fingerprint(ssh_key key)
{
	unsigned char *hash = NULL;
	char *text = NULL, *copy;
	size_t n;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n) <
	    0)
		return NULL;
	text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
	ssh_clean_pubkey_hash(&hash);
	copy = text ? strdup(text) : NULL;
	ssh_string_free_char(text);
	return copy;
}

static int fail_host_key(struct ssh_conn *conn, ssh_key got, const char *type,
			 const char *b64, struct vmctl_error *err)
{
	auto_key ssh_key want = NULL;
	auto_free char *is = fingerprint(got);
	auto_free char *should = NULL;

	if (ssh_pki_import_pubkey_base64(b64, ssh_key_type_from_name(type),
					 &want) == SSH_OK)
		should = fingerprint(want);
	return fail(err, VMCTL_BAD_DATA, 0,
		    "the host key at %s is %s, but %s is expected: another "
		    "machine answers there",
		    conn->peer, is ? is : "unknown",
		    should ? should : "another one");
}

static int check_host_key(struct ssh_conn *conn, const char *pinned,
			  struct vmctl_error *err)
{
	auto_key ssh_key key = NULL;
	auto_free char *type = NULL;
	const char *b64;
	char *got = NULL;
	bool same;
	int r = split_host_key(pinned, &type, &b64, err);

	if (r < 0)
		return r;
	if (ssh_get_server_publickey(conn->session, &key) != SSH_OK ||
	    ssh_pki_export_pubkey_base64(key, &got) != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "%s showed no usable host key", conn->peer);
	/* The type is inside the blob too. */
	same = str_eq(got, b64);
	ssh_string_free_char(got);
	if (!same)
		return fail_host_key(conn, key, type, b64, err);
	return 0;
}

int conn_host_key(struct ssh_conn *conn, char **ret, struct vmctl_error *err)
{
	auto_key ssh_key key = NULL;
	char *b64 = NULL, *text;
	/* Of the key, not of the signature: "ssh-rsa". */
	const char *type;

	if (ssh_get_server_publickey(conn->session, &key) != SSH_OK ||
	    ssh_pki_export_pubkey_base64(key, &b64) != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "%s showed no usable host key", conn->peer);
	type = ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P256 ||
			       ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P384 ||
			       ssh_key_type(key) == SSH_KEYTYPE_ECDSA_P521
		       ? ssh_pki_key_ecdsa_name(key)
		       : ssh_key_type_to_char(ssh_key_type(key));
	text = type ? str_printf("%s %s", type, b64) : NULL;
	ssh_string_free_char(b64);
	if (!text)
		return fail_oom(err);
	*ret = text;
	return 0;
}

static int conn_new(const struct ssh_target *t, struct ssh_conn **ret,
		    struct vmctl_error *err)
{
	auto_conn struct ssh_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return fail_oom(err);
	conn->keepalive_ms = t->keepalive_ms ? t->keepalive_ms : KEEPALIVE_MS;
	if (t->keepalive_ms < 0)
		conn->keepalive_ms = 0;
	conn->peer = str_printf("%s:%d", t->host, t->port);
	conn->session = ssh_new();
	conn->event = ssh_event_new();
	if (!conn->peer || !conn->session || !conn->event)
		return fail_oom(err);
	ssh_set_counters(conn->session, &conn->traffic, NULL);
	agent_callbacks(conn);
	*ret = take_ptr(&conn);
	return 0;
}

int conn_open(const struct ssh_target *target, const struct events *ev,
	      struct ssh_conn **ret, struct vmctl_error *err)
{
	auto_conn struct ssh_conn *conn = NULL;
	auto_close int fd = target->socket > 2 ? target->socket : -1;
	int64_t deadline =
		clock_mono_ms() +
		(target->timeout_ms > 0 ? target->timeout_ms : ATTEMPT_MS);
	int r;

	r = conn_new(target, &conn, err);
	if (r == 0 && fd < 0)
		r = tcp_connect(target->host, target->port, deadline, ev, &fd,
				err);
	if (r == 0)
		r = set_options(conn->session, target, fd, err);
	if (r < 0)
		return r;
	take_fd(&fd); /* ssh_connect() takes it, also when it fails */
	r = handshake(conn, target, deadline, ev, err);
	if (r == 0 && !target->any_host_key)
		r = check_host_key(conn, target->host_key, err);
	if (r == 0)
		r = conn_authenticate(conn, target, deadline, ev, err);
	if (r < 0)
		return r;
	if (ssh_event_add_session(conn->event, conn->session) != SSH_OK)
		return fail_oom(err);
	*ret = take_ptr(&conn);
	return 0;
}
