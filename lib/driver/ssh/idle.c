/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libssh/server.h> /* ssh_send_keepalive */
#include <poll.h>

#include "base/clock.h"
#include "driver/ssh/session.h"

/* A connection without a channel: the server may ask for new keys or for a sign
 * of life, and it may end. */

#define UNANSWERED_MAX 3

static int take_packets(struct ssh_conn *conn, struct vmctl_error *err)
{
	for (int i = 0; i < 64; i++) {
		int rc = ssh_event_dopoll(conn->event, 0);

		if (rc == SSH_ERROR || conn_broken(conn))
			return fail_broken(conn, err);
		if (rc == SSH_AGAIN)
			break;
	}
	return 0;
}

/* Silence is broken by asking; *unanswered counts. */
static int ask_alive(struct ssh_conn *conn, int *unanswered,
		     struct vmctl_error *err)
{
	if (*unanswered >= UNANSWERED_MAX)
		return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
			    "%s does not answer", conn->peer);
	/* Twice, as in relay.c: the first takes an older answer. */
	ssh_send_keepalive(conn->session);
	ssh_send_keepalive(conn->session);
	++*unanswered;
	return take_packets(conn, err);
}

int conn_idle(struct ssh_conn *conn, int fd, long timeout_ms,
	      struct vmctl_error *err)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	int64_t pause = conn->keepalive_ms ? conn->keepalive_ms : INT32_MAX;
	int64_t ask = clock_mono_ms() + pause;
	unsigned long long seen = conn->traffic.in_bytes;
	int unanswered = 0;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = ssh_get_fd(conn->session), .events = POLLIN },
		};
		int64_t now = clock_mono_ms();
		int64_t until = end < ask ? end : ask;
		int r = 0;

		if (conn_broken(conn))
			return fail_broken(conn, err);
		if (poll(p, 2, until > now ? (int)(until - now) : 0) < 0 &&
		    errno != EINTR)
			return fail_sys(err, errno, "cannot wait");
		if (p[1].revents)
			r = take_packets(conn, err);
		if (r < 0 || p[0].revents)
			return r < 0 ? r : 1;
		now = clock_mono_ms();
		if (now >= end)
			return 0;
		if (conn->traffic.in_bytes != seen) {
			seen = conn->traffic.in_bytes;
			ask = now + pause;
			unanswered = 0;
		} else if (now >= ask) {
			r = ask_alive(conn, &unanswered, err);
			ask = now + pause;
		}
		if (r < 0)
			return r;
	}
}
