/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh-search.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* How soon a silent attempt is followed by another, at first and at most: a
 * guest under load may take longer to answer at all. */
#define PATIENCE_MS 250
#define PATIENCE_MAX_MS 2000
/* … and one that has reached the guest. */
#define REACHED_MS 15000
/* Between two attempts that were turned away. */
#define PAUSE_MS 25
#define PAUSE_MAX_MS 250

static void drop(struct ssh_attempt *a)
{
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct ssh_attempt){ .fd = -1 };
}

void ssh_search_done(struct ssh_search *s)
{
	for (size_t i = 0; i < SSH_SEARCH_SOCKETS; i++)
		drop(&s->attempts[i]);
}

void ssh_search_begin(struct ssh_search *s, const char *host, int port)
{
	ssh_search_done(s);
	snprintf(s->host, sizeof(s->host), "%s", host);
	s->port = port;
	s->stage = SSH_STAGE_NONE;
	s->patience_ms = PATIENCE_MS;
	s->pause_ms = PAUSE_MS;
	s->next = clock_mono_ms();
}

bool ssh_search_at(const struct ssh_search *s, const char *host, int port)
{
	return s->port == port && str_eq(s->host, host);
}

int ssh_search_fds(const struct ssh_search *s, struct pollfd *out)
{
	int n = 0;

	for (size_t i = 0; i < SSH_SEARCH_SOCKETS; i++) {
		const struct ssh_attempt *a = &s->attempts[i];

		if (a->fd >= 0)
			out[n++] = (struct pollfd){
				.fd = a->fd,
				.events = a->connected ? POLLIN : POLLOUT
			};
	}
	return n;
}

/* None of 0, 1 and 2, even when these are closed: what is meant for standard
 * output must never end up in the connection. */
static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || fd > 2)
		return fd;
	int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return above;
}

static enum ssh_stage stage_of(int error)
{
	return error == ECONNREFUSED ? SSH_STAGE_REFUSED
	       : error == ECONNRESET ? SSH_STAGE_CLOSED
				     : SSH_STAGE_UNREACHABLE;
}

static int dial(const struct ssh_search *s, int *ret_fd)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST |
						    AI_NUMERICSERV };
	struct addrinfo *to = NULL;
	char port[16];
	const int one = 1;
	int e = 0;

	snprintf(port, sizeof(port), "%d", s->port);
	if (getaddrinfo(s->host, port, &hints, &to) != 0)
		return EADDRNOTAVAIL;
	int fd = open_socket(to->ai_family);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		e = errno;
	freeaddrinfo(to);
	if (e && e != EINPROGRESS && e != EINTR) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	/* What is typed goes out at once. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_fd = fd;
	return 0;
}

/* One that was turned away: another soon, and ever less so. */
static void turned_away(struct ssh_search *s, enum ssh_stage stage, int64_t now)
{
	/* Being turned away is news after silence: the network is up, and the
	 * server will be. */
	if (s->stage != stage)
		s->pause_ms = PAUSE_MS;
	s->stage = stage;
	s->next = now + s->pause_ms;
	s->pause_ms = s->pause_ms * 3 / 2 < PAUSE_MAX_MS ? s->pause_ms * 3 / 2
							 : PAUSE_MAX_MS;
}

static void begin_attempt(struct ssh_search *s, int64_t now)
{
	struct ssh_attempt a = { .fd = -1, .begun = now };
	int e = dial(s, &a.fd);

	if (e) {
		turned_away(s, stage_of(e), now);
		return;
	}
	drop(&s->attempts[1]);
	s->attempts[1] = s->attempts[0];
	s->attempts[0] = a;
	s->next = now + s->patience_ms;
	s->patience_ms = s->patience_ms * 5 / 4 < PATIENCE_MAX_MS
				 ? s->patience_ms * 5 / 4
				 : PATIENCE_MAX_MS;
}

/* On loopback, connecting to a free port of the ephemeral range can, by
 * chance, connect the socket to itself (simultaneous open, RFC 9293). */
static bool is_self(int fd)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t n = sizeof(here), m = sizeof(there);

	return getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &m) == 0 && n == m &&
	       memcmp(&here, &there, n) == 0;
}

/* 0: nothing new; else the errno of its end. */
static int connected(const struct ssh_search *s, struct ssh_attempt *a)
{
	struct pollfd p = { .fd = a->fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int e = 0;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		return errno;
	if (e == 0 && is_self(a->fd))
		return ECONNREFUSED;
	a->connected = e == 0;
	/* Accepted on this host, by user-mode networking, says nothing. */
	a->reached = a->connected && !str_starts(s->host, "127.");
	return e;
}

/* Whether it speaks; an attempt that has ended is dropped. */
static bool look(struct ssh_search *s, struct ssh_attempt *a, int64_t now)
{
	char c;
	int e = a->connected ? 0 : connected(s, a);

	if (e == 0 && a->connected) {
		ssize_t n = recv(a->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

		if (n > 0)
			return true;
		if (n == 0)
			e = ECONNRESET;
		else if (errno != EAGAIN && errno != EINTR)
			e = errno;
		else
			s->stage = SSH_STAGE_SILENT;
	}
	if (e) {
		drop(a);
		turned_away(s, stage_of(e), now);
	}
	return false;
}

enum ssh_stage ssh_search_step(struct ssh_search *s, int64_t *ret_due)
{
	int64_t now = clock_mono_ms();

	/* The older one first: what the newer one says counts. */
	for (size_t i = SSH_SEARCH_SOCKETS; i-- > 0;) {
		if (s->attempts[i].fd < 0 || !look(s, &s->attempts[i], now))
			continue;
		s->stage = SSH_STAGE_SPOKE;
		struct ssh_attempt first = s->attempts[i];
		s->attempts[i] = s->attempts[0];
		s->attempts[0] = first;
		*ret_due = now;
		return s->stage;
	}
	if (s->attempts[0].fd >= 0 && s->attempts[0].reached)
		s->next = s->attempts[0].begun + REACHED_MS;
	if (now >= s->next)
		begin_attempt(s, now);
	*ret_due = s->next;
	return s->stage;
}

bool ssh_search_unsure(const struct ssh_search *s)
{
	const struct ssh_attempt *a = &s->attempts[0];

	return a->fd >= 0 && a->connected && !a->reached &&
	       clock_mono_ms() >= s->next;
}

void ssh_search_reached(struct ssh_search *s)
{
	s->attempts[0].reached = true;
}

int ssh_search_take(struct ssh_search *s)
{
	int fd = s->attempts[0].fd;

	s->attempts[0].fd = -1;
	ssh_search_done(s);
	return fd;
}
