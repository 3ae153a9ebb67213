/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"
#include "driver/ssh/session.h"

#define IDENTITY_MAX (64 * 1024)
#define AGENT_PROBE_MS 2000

static void key_free(ssh_key key)
{
	ssh_key_free(key);
}
DEFINE_CLEANUP(key, ssh_key, key_free);
#define auto_key auto_cleanup(key_cleanup)

/* How far authentication has come. */
struct attempt {
	struct ssh_conn *conn;
	const struct ssh_target *target;
	const struct events *ev;
	int64_t deadline;
	int offered;
	bool accepted;
};

/* Asked only for a key with a passphrase, which nobody is there to type. */
static int no_passphrase(const char *prompt, char *buf, size_t len, int echo,
			 int verify, void *userdata)
{
	*(bool *)userdata = true;
	return -1;
}

/* NULL, and a line in the log, when it cannot be used. */
static ssh_key load_identity(const char *path, const struct events *ev)
{
	auto_str text = STR_INIT;
	struct vmctl_error why = { 0 };
	bool encrypted = false;
	ssh_key key = NULL;

	if (file_read(path, IDENTITY_MAX, &text, &why) < 0) {
		log_warn(ev, "a private key is left out: %s", why.message);
		return NULL;
	}
	if (ssh_pki_import_privkey_base64(str_text(&text), NULL, no_passphrase,
					  &encrypted, &key) != SSH_OK) {
		log_warn(ev, "the private key %s is left out: %s", path,
			 encrypted ? "it has a passphrase (ssh-add it to use "
				     "it by the agent)"
				   : "it cannot be read");
		key = NULL;
	}
	if (text.p)
		explicit_bzero(text.p, text.len);
	return key;
}

/* Gives one answer of the server the form of a result of ours. */
static int judge(struct attempt *a, int rc, struct vmctl_error *err)
{
	const char *why = ssh_get_error(a->conn->session);

	a->offered++;
	if (rc == SSH_AUTH_SUCCESS) {
		a->accepted = true;
		return 0;
	}
	if (rc != SSH_AUTH_ERROR)
		return 0;
	/* A server that lost patience is no failure of the connection. */
	if (why && strstr(why, "oo many authentication failures"))
		return fail(err, VMCTL_DENIED, 0,
			    "the ssh server at %s refused %d keys for user %s "
			    "and gave up",
			    a->conn->peer, a->offered, a->target->user);
	if (conn_broken(a->conn))
		return fail_broken(a->conn, err);
	return 0;
}

static int try_identity(struct attempt *a, const char *path,
			struct vmctl_error *err)
{
	auto_key ssh_key key = load_identity(path, a->ev);
	int rc, r;

	if (!key)
		return 0;
	log_debug(a->ev, "offering the key %s", path);
	while ((rc = ssh_userauth_publickey(a->conn->session, NULL, key)) ==
	       SSH_AUTH_AGAIN) {
		r = conn_wait(a->conn, a->deadline, a->ev, err);
		if (r < 0)
			return r;
	}
	return judge(a, rc, err);
}

/* Waits for what poll(2) calls readiness, for at most AGENT_PROBE_MS. */
static bool agent_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, AGENT_PROBE_MS) == 1;
}

/*
 * Whether an agent answers. libssh waits for one without limit, and sockets of
 * agents long gone or stopped are common. (What takes time later is a person
 * who is asked to confirm.)
 */
static bool agent_answers(void)
{
	/* SSH_AGENTC_REQUEST_IDENTITIES (draft-miller-ssh-agent, 3.5) */
	static const unsigned char request[] = { 0, 0, 0, 1, 11 };
	const char *path = getenv("SSH_AUTH_SOCK");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	unsigned char reply[4];
	auto_close int fd = -1;

	if (!path || !*path || strlen(path) >= sizeof(sun.sun_path))
		return false;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd >= 0 &&
	       connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	       send(fd, request, sizeof(request), MSG_NOSIGNAL) ==
		       (ssize_t)sizeof(request) &&
	       agent_ready(fd, POLLIN) &&
	       recv(fd, reply, sizeof(reply), 0) == (ssize_t)sizeof(reply);
}

static int try_agent(struct attempt *a, struct vmctl_error *err)
{
	int rc, r;

	if (!agent_answers()) {
		log_debug(a->ev, "no ssh agent answers");
		return 0;
	}
	while ((rc = ssh_userauth_agent(a->conn->session, NULL)) ==
	       SSH_AUTH_AGAIN) {
		r = conn_wait(a->conn, a->deadline, a->ev, err);
		if (r < 0)
			return r;
	}
	return judge(a, rc, err);
}

int conn_authenticate(struct ssh_conn *conn, const struct ssh_target *target,
		      int64_t deadline, const struct events *ev,
		      struct vmctl_error *err)
{
	struct attempt a = { conn, target, ev, deadline };
	const char *const *path = target->identities;
	int r = 0;

	for (; r == 0 && !a.accepted && path && *path; path++)
		r = try_identity(&a, *path, err);
	if (r == 0 && !a.accepted && target->use_agent)
		r = try_agent(&a, err);
	if (r < 0 || a.accepted)
		return r;
	if (a.offered == 0)
		return fail(err, VMCTL_DENIED, 0,
			    "there is no usable private key to enter %s with",
			    conn->peer);
	return fail(err, VMCTL_DENIED, 0,
		    "the ssh server at %s refused every key for user %s",
		    conn->peer, target->user);
}
