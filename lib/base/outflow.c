/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/outflow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void outflow_init(struct outflow *o, int fd)
{
	struct stat st;

	*o = (struct outflow){ .fd = fd };
	if (fd < 0 || fstat(fd, &st) < 0)
		o->fd = -1;
	o->regular = o->fd >= 0 && S_ISREG(st.st_mode);
	o->socket = o->fd >= 0 && S_ISSOCK(st.st_mode);
}

void outflow_done(struct outflow *o)
{
	free(o->p);
	*o = (struct outflow){ .fd = -1 };
}

size_t outflow_pending(const struct outflow *o)
{
	return o->len - o->off;
}

bool outflow_add(struct outflow *o, const void *bytes, size_t n)
{
	if (o->fd < 0)
		return true;
	if (o->most) {
		n = n < o->most - o->taken ? n : o->most - o->taken;
		o->taken += n;
	}
	if (o->off == o->len)
		o->off = o->len = 0;
	if (o->cap - o->len < n && o->off > 0) {
		memmove(o->p, o->p + o->off, o->len - o->off);
		o->len -= o->off;
		o->off = 0;
	}
	if (o->cap - o->len < n) {
		size_t cap = (o->len + n) * 2;
		char *p = realloc(o->p, cap);

		if (!p)
			return false;
		o->p = p;
		o->cap = cap;
	}
	memcpy(o->p + o->len, bytes, n);
	o->len += n;
	return true;
}

/*
 * The descriptor is the caller's and may be shared with other processes, so
 * it is not made non-blocking. A pipe or terminal that poll(2) calls writable
 * takes PIPE_BUF bytes at least; a socket can be asked not to wait.
 */
static ssize_t write_some(const struct outflow *o)
{
	const char *p = o->p + o->off;
	size_t n = o->len - o->off;

	if (o->socket)
		return send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(o->fd, p, o->regular || n < PIPE_BUF ? n : PIPE_BUF);
}

int outflow_write(struct outflow *o, struct vmctl_error *err)
{
	ssize_t n = write_some(o);

	if (n >= 0) {
		o->off += (size_t)n;
		return 0;
	}
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	if (errno == EBADF) {
		outflow_done(o);
		o->refused = true;
		return 0;
	}
	return fail_sys(err, errno, "cannot write the output of the command");
}
