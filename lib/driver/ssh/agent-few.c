/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/wire.h"
#include "driver/ssh/session.h"

/*
 * libssh 0.10 offers every key that an agent holds, until the server has had
 * enough, and stops at the first one of a type that it does not know. So it is
 * given another agent, which knows the keys that are meant and passes on what
 * it is to sign. It waits for answers where it stands, so this is a thread.
 */
struct few {
	pthread_t thread;
	const struct ssh_agent *agent;
	int fd;		  /* libssh has the other end */
	struct str names; /* the answer to what there is */
};

static bool answer(int fd, const struct str *message)
{
	auto_str all = STR_INIT;

	wire_put(&all, message->p, message->len);
	return !all.oom && fd_write_all(fd, all.p, all.len, NULL) == 0;
}

/* Nobody waits for a person who is asked to confirm with less patience than
 * libssh, which has no limit. */
static int ask_agent(const struct few *few, const struct str *request,
		     struct str *reply)
{
	auto_close int fd = -1;
	int r = agent_open(few->agent, &fd, NULL);

	if (r == 0 && !answer(fd, request))
		r = -VMCTL_NOT_FOUND;
	return r < 0 ? r : agent_read(fd, INT64_MAX, NULL, reply, NULL);
}

static void *serve(void *data)
{
	struct few *few = data;
	bool goes_on = true;

	while (goes_on) {
		auto_str request = STR_INIT, reply = STR_INIT;

		if (agent_read(few->fd, INT64_MAX, NULL, &request, NULL) < 0)
			break;
		if (request.p[0] == AGENT_REQUEST_IDENTITIES) {
			goes_on = answer(few->fd, &few->names);
			continue;
		}
		if (request.p[0] != AGENT_SIGN ||
		    ask_agent(few, &request, &reply) < 0) {
			str_done(&reply);
			str_addc(&reply, AGENT_FAILURE);
		}
		goes_on = answer(few->fd, &reply);
	}
	/* libssh, should it still wait, hears that nobody is here. */
	shutdown(few->fd, SHUT_RDWR);
	return NULL;
}

/* The part of "type base64…" that an agent knows a key by. */
static int put_key(struct str *out, const char *line, struct vmctl_error *err)
{
	auto_free unsigned char *blob = NULL;
	const char *b64 = strchr(line, ' ');
	size_t n;
	int r = base64_decode(b64 ? b64 + 1 : "",
			      b64 ? strcspn(b64 + 1, " ") : 0, &blob, &n, err);

	if (r < 0)
		return r;
	wire_put(out, blob, n);
	wire_put(out, "", 0); /* its comment */
	return 0;
}

static int put_names(struct str *out, char **keys, struct vmctl_error *err)
{
	int r = 0;

	str_addc(out, AGENT_IDENTITIES);
	wire_put_u32(out, (uint32_t)strv_len((const char *const *)keys));
	for (; r == 0 && *keys; keys++)
		r = put_key(out, *keys, err);
	return r < 0 ? r : str_check(out, err);
}

/* Signals are for the thread that called. */
static int start(struct few *few, struct vmctl_error *err)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&few->thread, NULL, serve, few);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? fail_sys(err, r, "cannot start a thread") : 0;
}

static void few_free(struct few *few)
{
	if (!few)
		return;
	if (few->fd >= 0)
		close(few->fd);
	str_done(&few->names);
	free(few);
}
DEFINE_CLEANUP(few, struct few *, few_free);

int few_begin(struct ssh_conn *conn, const struct ssh_agent *agent, char **keys,
	      struct few **ret, struct vmctl_error *err)
{
	auto_cleanup(few_cleanup) struct few *few = calloc(1, sizeof(*few));
	auto_close int other = -1;
	int pair[2];
	int r;

	if (!few)
		return fail_oom(err);
	few->agent = agent;
	few->fd = -1;
	r = put_names(&few->names, keys, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_sys(err, errno, "cannot make a socket");
	few->fd = pair[0];
	other = pair[1];
	/* It closes it with the session. */
	if (ssh_set_agent_socket(conn->session, other) != SSH_OK)
		return fail_oom(err);
	take_fd(&other);
	r = start(few, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&few);
	return 0;
}

void few_end(struct few *few)
{
	if (!few)
		return;
	shutdown(few->fd, SHUT_RDWR);
	pthread_join(few->thread, NULL);
	few_free(few);
}
