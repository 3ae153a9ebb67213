/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "driver/libvirt/event.h"

/*
 * A stream of libvirt has no descriptor: a thread carries its bytes to and from
 * a socket, whose other end is the caller's. libvirt's loop, in a thread of its
 * own, only says when there is something to be carried.
 */
#define CHUNK (256 * 1024)
/* A connection that breaks is not always told of as an event. */
#define LOOK_MS 1000

struct carrier {
	struct hv_pipe pipe; /* first: it is what the caller has */
	virStreamPtr stream;
	pthread_t thread;
	int fd;	    /* our end */
	int wake;   /* of stream_watch() */
	bool ended; /* the stream is */
	struct flow {
		char bytes[CHUNK];
		size_t off, len;
	} in, out; /* to the guest, from it */
};

/* --- the carrier's thread
 * ------------------------------------------------------ */

static void from_guest(struct carrier *c)
{
	struct flow *f = &c->out;

	for (;;) {
		if (f->off == f->len) {
			int n = virStreamRecv(c->stream, f->bytes, CHUNK);

			if (n == -2)
				return;
			if (n <= 0) {
				c->ended = true;
				return;
			}
			f->off = 0;
			f->len = (size_t)n;
		}
		ssize_t n = send(c->fd, f->bytes + f->off, f->len - f->off,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return;
		f->off += (size_t)n;
	}
}

static void to_guest(struct carrier *c)
{
	struct flow *f = &c->in;

	for (;;) {
		if (f->off == f->len) {
			ssize_t n = recv(c->fd, f->bytes, CHUNK, MSG_DONTWAIT);

			if (n < 0)
				return;
			if (n == 0) {
				c->ended = true;
				return;
			}
			f->off = 0;
			f->len = (size_t)n;
		}
		int n = virStreamSend(c->stream, f->bytes + f->off,
				      f->len - f->off);
		if (n == -2)
			return;
		if (n < 0) {
			c->ended = true;
			return;
		}
		f->off += (size_t)n;
	}
}

static void *carry(void *data)
{
	struct carrier *c = data;

	while (!c->ended) {
		bool in = c->in.off < c->in.len, out = c->out.off < c->out.len;
		struct pollfd p[] = {
			{ c->wake, POLLIN, 0 },
			{ c->fd, (in ? 0 : POLLIN) | (out ? POLLOUT : 0), 0 },
		};

		if (virStreamEventUpdateCallback(
			    c->stream,
			    (out ? 0 : VIR_STREAM_EVENT_READABLE) |
				    (in ? VIR_STREAM_EVENT_WRITABLE : 0)) < 0)
			break;
		poll(p, 2, LOOK_MS);
		if (p[0].revents && !stream_woke(c->wake))
			continue;
		from_guest(c);
		if (!c->ended)
			to_guest(c);
		/* The caller has gone, and a guest that does not read cannot be
		 * waited for: it might never. */
		if (p[1].revents & (POLLHUP | POLLERR) && c->in.off < c->in.len)
			c->ended = true;
	}
	stream_unwatch(c->stream, c->wake);
	virStreamAbort(c->stream);
	virStreamFree(c->stream);
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

/* --- the caller's
 * ----------------------------------------------------------------- */

void channel_close(struct hv_pipe *pipe)
{
	struct carrier *c = (struct carrier *)pipe;

	if (!pipe)
		return;
	close(pipe->fd); /* which ends the thread */
	pthread_join(c->thread, NULL);
	close(c->fd);
	free(c);
}

static int start(struct carrier *c, struct vmctl_error *err)
{
	sigset_t all, old;
	int fds[2], e, r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fail_sys(err, errno, "cannot make a socket");
	c->pipe.fd = fds[0];
	c->fd = fds[1];
	r = stream_watch(c->stream, "cannot watch the channel", &c->wake, err);
	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&c->thread, NULL, carry, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!e)
		return 0;
	stream_unwatch(c->stream, c->wake);
	return fail(err, VMCTL_FAILED, e, "cannot start a thread");
}

static int fail_open(struct vmctl_error *err)
{
	const virError *e = virGetLastError();

	/* libvirt has no code of its own for it. */
	if (e && e->code == VIR_ERR_OPERATION_FAILED && e->message &&
	    strstr(e->message, "stream exists"))
		return fail(err, VMCTL_BUSY, 0, "the channel is in use");
	return libvirt_fail(err, "cannot open the channel");
}

static int check(struct hv *hv, const char *uuid, const char *name,
		 struct vmctl_error *err)
{
	struct hv_details d;
	int r = domain_details(hv, uuid, &d, err);

	if (r < 0)
		return r;
	if (d.state != HV_RUNNING && d.state != HV_STOPPING)
		return fail(err, VMCTL_STATE, 0, "it is not running");
	for (size_t i = 0; i < d.channel_count; i++)
		if (str_eq(d.channels[i].name, name))
			return d.channels[i].up
				       ? 0
				       : fail(err, VMCTL_UNSUPPORTED, 0,
					      "nothing in the guest has the "
					      "channel %s open",
					      name);
	return fail(err, VMCTL_UNSUPPORTED, 0, "it has no channel %s", name);
}

int channel_open(struct hv *hv, const char *uuid, const char *name,
		 struct hv_pipe **ret, struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	int r = check(hv, uuid, name, err);

	if (r == 0)
		r = domain_find(hv, uuid, &dom, err);
	if (r < 0)
		return r;
	struct carrier *c = calloc(1, sizeof(*c));
	if (!c)
		return fail_oom(err);
	c->pipe.fd = c->fd = -1;
	c->stream = virStreamNew(hv->conn, VIR_STREAM_NONBLOCK);
	if (!c->stream)
		r = libvirt_fail(err, "cannot open the channel");
	else if (virDomainOpenChannel(dom, name, c->stream, 0) < 0)
		r = fail_open(err);
	else
		r = start(c, err);
	if (r == 0) {
		*ret = &c->pipe;
		return 0;
	}
	if (c->fd >= 0)
		close(c->fd);
	if (c->pipe.fd >= 0)
		close(c->pipe.fd);
	if (c->stream) {
		virStreamAbort(c->stream);
		virStreamFree(c->stream);
	}
	free(c);
	return r;
}
