/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "driver/ssh/relay.h"

/* Connections to ports of this host that go on at the other side: RFC 4254,
 * section 7.2. */

#define NO_FILES_MS 500

/* --- opening ------------------------------------------------------------- */

/* One step of opening; the first sends the request. */
static int open_step(struct stream *s)
{
	return ssh_channel_open_forward(s->channel, s->forward->host,
					s->forward->port, s->origin,
					s->origin_port);
}

/* Why libssh says that a channel was not opened: "… channel 44 error (2)
 * Connection refused". Borrowed. */
static const char *reason(const struct relay *x)
{
	const char *text = ssh_get_error(x->conn->session);
	const char *code = text ? strstr(text, "error (") : NULL;
	const char *end = code ? strchr(code, ')') : NULL;

	if (!end)
		return "it was refused";
	if (strtol(code + strlen("error ("), NULL, 10) == 1)
		return "its ssh server does not allow it";
	return end[1] == ' ' && end[2] ? end + 2 : "it was refused";
}

/* libssh has the reason of the last refusal only. */
static void refused(struct stream *s, bool alone)
{
	const struct ssh_forward *f = s->forward;

	s->over = true;
	log_warn(s->relay->ev,
		 "a forwarded connection from %s port %d cannot go on to %s "
		 "port %d%s%s",
		 s->origin, s->origin_port, f->host, f->port, alone ? ": " : "",
		 alone ? reason(s->relay) : "");
}

void forwards_settle(struct relay *x)
{
	unsigned long long seen = x->conn->traffic.in_bytes;
	size_t opening = 0;

	if (seen == x->seen_opening || x->broken)
		return;
	x->seen_opening = seen;
	for (const struct stream *s = x->streams; s; s = s->next)
		opening += s->kind == STREAM_FORWARD && !s->open && !s->over;
	for (struct stream *s = x->streams; s && opening; s = s->next) {
		int rc;

		if (s->kind != STREAM_FORWARD || s->open || s->over)
			continue;
		rc = open_step(s);
		s->open = rc == SSH_OK;
		if (rc == SSH_ERROR && !conn_broken(x->conn))
			refused(s, opening == 1);
	}
}

/* --- accepting ----------------------------------------------------------- */

static void set_origin(struct stream *s, const struct sockaddr_storage *a,
		       socklen_t n)
{
	char port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)a, n, s->origin,
			sizeof(s->origin), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(s->origin, sizeof(s->origin), "127.0.0.1");
		return;
	}
	s->origin_port = (int)strtol(port, NULL, 10);
}

static void begin(struct relay *x, const struct ssh_forward *f, int fd,
		  const struct sockaddr_storage *a, socklen_t n)
{
	auto_close int socket = fd;
	ssh_channel channel = ssh_channel_new(x->conn->session);
	struct stream *s;
	int rc;

	if (!channel)
		return;
	s = stream_new(x, STREAM_FORWARD, channel, socket);
	if (!s) {
		ssh_channel_free(channel);
		return;
	}
	take_fd(&socket);
	s->forward = f;
	set_origin(s, a, n);
	log_debug(x->ev, "forwarding a connection from %s port %d", s->origin,
		  s->origin_port);
	rc = open_step(s);
	s->open = rc == SSH_OK;
	if (rc == SSH_ERROR)
		refused(s, true);
}

static void take_connections(struct relay *x, const struct ssh_forward *f,
			     int64_t now)
{
	while (x->stream_count < STREAMS_MAX) {
		struct sockaddr_storage a;
		socklen_t n = sizeof(a);
		int one = 1;
		int fd = accept4(f->listener, (struct sockaddr *)&a, &n,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				x->accept_pause = now + NO_FILES_MS;
			return;
		}
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one));
		begin(x, f, fd, &a, n);
	}
}

void forwards_watch(struct relay *x, int64_t now)
{
	x->at_listener = -1;
	if (x->ended || x->broken || now < x->accept_pause ||
	    x->stream_count >= STREAMS_MAX)
		return;
	for (size_t i = 0; i < x->what->forward_count; i++) {
		int at = relay_watch(x, x->what->forwards[i].listener, POLLIN);

		if (i == 0)
			x->at_listener = at;
	}
}

void forwards_handle(struct relay *x, int64_t now)
{
	for (size_t i = 0; i < x->what->forward_count; i++)
		if (x->at_listener >= 0 &&
		    relay_seen(x, x->at_listener + (int)i))
			take_connections(x, &x->what->forwards[i], now);
}

size_t forwards_open(const struct relay *x)
{
	size_t n = 0;

	for (const struct stream *s = x->streams; s; s = s->next)
		n += s->kind == STREAM_FORWARD;
	return n;
}
