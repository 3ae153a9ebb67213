/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "driver/ssh/session.h"

DEFINE_CLEANUP(addrinfo, struct addrinfo *, freeaddrinfo);
#define auto_addrinfo auto_cleanup(addrinfo_cleanup)

static int resolve(const char *host, int port, struct addrinfo **ret,
		   struct vmctl_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	char service[16];
	int e;

	snprintf(service, sizeof(service), "%d", port);
	e = getaddrinfo(host, service, &hints, ret);
	if (e == EAI_NONAME) {
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		e = getaddrinfo(host, service, &hints, ret);
	}
	if (e == EAI_MEMORY)
		return fail_oom(err);
	if (e != 0)
		return fail(err, VMCTL_TRANSPORT, 0, "cannot look up %s: %s",
			    host, gai_strerror(e));
	return 0;
}

/* A socket that is none of 0, 1 and 2, even when these are closed: what is
 * meant for standard output must never end up in the connection. */
static int socket_above_stdio(int family)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	auto_close int fd = socket(family, type, 0);

	if (fd < 0 || fd > 2)
		return take_fd(&fd);
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* On loopback, connecting to a free port of the ephemeral range can, by
 * chance, connect the socket to itself (simultaneous open, RFC 9293). */
static bool is_self(int fd)
{
	struct sockaddr_storage here, there;
	socklen_t n = sizeof(here), m = sizeof(there);

	return getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &m) == 0 && n == m &&
	       memcmp(&here, &there, n) == 0;
}

/* 0, or the errno of what went wrong; -1 when cancelled. */
static int await(int fd, int64_t deadline, const struct events *ev)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int e = 0;
	socklen_t n = sizeof(e);

	for (;;) {
		int64_t left = deadline - clock_mono_ms();

		if (cancelled(ev))
			return -1;
		if (left <= 0)
			return ETIMEDOUT;
		if (left > WAIT_SLICE_MS)
			left = WAIT_SLICE_MS;
		if (poll(&p, 1, (int)left) > 0)
			break;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		return errno;
	if (e == 0 && is_self(fd))
		e = ECONNREFUSED;
	return e;
}

int tcp_connect(const char *host, int port, int64_t deadline,
		const struct events *ev, int *ret_fd, struct vmctl_error *err)
{
	auto_addrinfo struct addrinfo *list = NULL;
	int e = 0, one = 1;
	int r = resolve(host, port, &list, err);

	if (r < 0)
		return r;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		auto_close int fd = socket_above_stdio(a->ai_family);

		if (fd < 0)
			return fail_sys(err, errno, "cannot make a socket");
		e = 0;
		if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
			e = errno;
		if (e == 0 || e == EINPROGRESS || e == EINTR)
			e = await(fd, deadline, ev);
		if (e < 0)
			return fail_cancelled(err);
		if (e == 0) {
			/* What is typed goes out at once. */
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
					 sizeof(one));
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
	return fail(err, VMCTL_TRANSPORT, e, "cannot connect to %s port %d",
		    host, port);
}
