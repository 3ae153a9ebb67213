/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"

#define SLICE_MS 100 /* how late a cancellation may be seen */

static int fail_peer(const char *address, int port, int e, const char *what,
		     struct vmctl_error *err)
{
	return fail(err, VMCTL_TRANSPORT, e, "%s %s port %d", what, address,
		    port);
}

/* 0: ready, 1: the time is up, or -code. */
static int await(int fd, short events, int64_t deadline,
		 const struct events *ev, struct vmctl_error *err)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline - clock_mono_ms();

		if (cancelled(ev))
			return fail_cancelled(err);
		if (left <= 0)
			return 1;
		if (poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0)
			return 0;
	}
}

static int begin(const char *address, int port, int *ret_fd,
		 struct vmctl_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *a = NULL;
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &a))
		return fail(err, VMCTL_INTERNAL, 0, "%s is not an address",
			    address);
	auto_close int fd = socket(
		a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e = fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0
								      : errno;
	freeaddrinfo(a);
	if (fd < 0)
		return fail_sys(err, errno, "cannot make a socket");
	if (e && e != EINPROGRESS && e != EINTR)
		return fail_peer(address, port, e, "cannot connect to", err);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* On loopback, connecting to a free port can, by chance, connect the socket to
 * itself (simultaneous open, RFC 9293). */
static bool is_self(int fd)
{
	struct sockaddr_storage here, there;
	socklen_t n = sizeof(here), m = sizeof(there);

	return getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &m) == 0 && n == m &&
	       memcmp(&here, &there, n) == 0;
}

static int connected(int fd, const char *address, int port,
		     struct vmctl_error *err)
{
	socklen_t n = sizeof(int);
	int e = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		e = errno;
	if (!e && is_self(fd))
		e = ECONNREFUSED;
	return e ? fail_peer(address, port, e, "cannot connect to", err) : 0;
}

/* A server may send lines of text before its version (RFC 4253 section 4.2),
 * so that its first bytes need not be "SSH-". */
static int greeted(int fd, const char *address, int port,
		   struct vmctl_error *err)
{
	char first;
	ssize_t n = recv(fd, &first, 1, MSG_PEEK);

	if (n < 0)
		return fail_peer(address, port, errno, "no answer from", err);
	if (n == 0)
		return fail_peer(address, port, 0, "nothing listens at", err);
	return 0;
}

int dial_ssh(const char *address, int port, long timeout_ms,
	     const struct events *ev, int *ret_fd, struct vmctl_error *err)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	auto_close int fd = -1;
	const int one = 1;
	int r = begin(address, port, &fd, err);

	if (r == 0)
		r = await(fd, POLLOUT, deadline, ev, err);
	if (r == 0)
		r = connected(fd, address, port, err);
	if (r == 0)
		r = await(fd, POLLIN, deadline, ev, err);
	if (r == 1)
		return fail_peer(address, port, 0, "no answer from", err);
	if (r == 0)
		r = greeted(fd, address, port, err);
	if (r < 0)
		return r;
	/* Not being able to set these is no reason to fail. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		return fail_sys(err, errno, "cannot set up a connection");
	*ret_fd = take_fd(&fd);
	return 0;
}
