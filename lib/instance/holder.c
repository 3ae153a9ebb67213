/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/socket-at.h"
#include "driver/qemu-img.h"
#include "instance/holder.h"

/* The process that keeps a connection. */

#define LOOK_MS 1000 /* how late it sees that machine or socket is gone */

struct holder {
	const struct ssh_ops *ops;
	struct ssh_conn *conn;
	int folder, socket;
	char name[HOLD_NAME];
	struct stat own; /* of the socket's file */
	char *disk;	 /* of the machine; NULL: nothing can be told by it */
	const char *host_key; /* that the server of the connection proved */
	long hold_ms;
	int client;  /* the one that is served, or -1 */
	bool ending; /* nothing more is run */
};

static bool machine_gone(void *data)
{
	const struct holder *h = data;

	return h->disk && !qemu_disk_in_use(h->disk);
}

/* --- serving one command ------------------------------------------------- */

static bool client_gone(void *data)
{
	struct pollfd p = { .fd = ((struct holder *)data)->client,
			    .events = POLLIN | POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

static void take_fds(struct msghdr *m, uint32_t streams, int fds[3])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t got = 0, used = 0;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (int i = 0; i < 3; i++) {
		fds[i] = -1;
		if (streams & 1u << i && used < got)
			memcpy(&fds[i], CMSG_DATA(c) + used++ * sizeof(int),
			       sizeof(int));
	}
}

/* One message: false when it is none of ours. */
static bool receive(int fd, struct hold_request *q, char *command, int fds[3])
{
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec parts[] = { { q, sizeof(*q) },
				 { command, HOLD_COMMAND_MAX } };
	struct msghdr m = { .msg_iov = parts,
			    .msg_iovlen = 2,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	memset(q, 0, sizeof(*q));
	n = poll(&p, 1, 1000) > 0 ? recvmsg(fd, &m, MSG_CMSG_CLOEXEC) : -1;
	if (n < 0)
		return false;
	take_fds(&m, q->streams, fds);
	return n >= (ssize_t)sizeof(*q) && q->magic == HOLD_MAGIC &&
	       q->size == sizeof(*q) && !(m.msg_flags & MSG_TRUNC) &&
	       strncmp(q->version, VMCTL_VERSION, sizeof(q->version)) == 0 &&
	       !q->host_key[sizeof(q->host_key) - 1] &&
	       (size_t)n == sizeof(*q) + q->command &&
	       (!q->command || command[q->command - 1] == '\0');
}

static void reply(const struct holder *h, int r, bool begun,
		  const struct ssh_exit *exit, const struct vmctl_error *err)
{
	struct hold_reply a;

	/* Piece by piece: what is behind a text is nobody's business. */
	memset(&a, 0, sizeof(a));
	a.magic = HOLD_MAGIC;
	a.r = r;
	a.begun = begun;
	a.exit = *exit;
	a.error.code = err->code;
	a.error.sys_errno = err->sys_errno;
	snprintf(a.error.message, sizeof(a.error.message), "%s", err->message);
	snprintf(a.error.hint, sizeof(a.error.hint), "%s", err->hint);
	(void)send(h->client, &a, sizeof(a), MSG_NOSIGNAL);
}

static void refuse(const struct holder *h, const char *why)
{
	const struct ssh_exit none = { 0 };
	struct vmctl_error err = { 0 };
	int r = fail(&err, VMCTL_UNSUPPORTED, 0, "%s", why);

	reply(h, r, false, &none, &err);
}

/* false: the command had to be ended. What ends it is a command of its own over
 * this connection, and might meet the next one instead. */
static bool run(struct holder *h, const struct hold_request *q,
		const char *command, const int fds[3])
{
	struct events ev = { .cancelled = client_gone, .data = h };
	struct vmctl_error err = { 0 };
	struct ssh_exit exit;
	bool begun = false;
	struct ssh_exec what = {
		.command = q->command ? command : NULL,
		.in = fds[0],
		.out = fds[1],
		.err = fds[2],
		.timeout_ms = (long)q->timeout_ms,
		.begun = &begun,
		.gone = machine_gone,
		.data = h,
	};
	int r;

	memset(&exit, 0, sizeof(exit));
	r = h->ops->exec(h->conn, &what, &ev, &exit, &err);
	reply(h, r, begun, &exit, &err);
	return r == 0 && !exit.timed_out;
}

/* false: it is time to end. */
static bool answer(struct holder *h, int fds[3])
{
	static char command[HOLD_COMMAND_MAX];
	struct hold_request q;
	bool go_on;

	if (!receive(h->client, &q, command, fds)) {
		refuse(h, "another version of vmctl keeps it");
		return true;
	}
	if (q.verb == HOLD_END)
		return false;
	if (h->ending) {
		refuse(h, "the kept connection is being closed");
		return false;
	}
	/* Pinned anew meanwhile: this would be another server's answer. */
	if (!str_eq(q.host_key, h->host_key)) {
		refuse(h, "the server has another host key");
		return false;
	}
	go_on = run(h, &q, command, fds);
	explicit_bzero(command, sizeof(command));
	return go_on;
}

static bool serve(struct holder *h)
{
	int fds[3] = { -1, -1, -1 };
	bool go_on = true;

	h->client = accept4(h->socket, NULL, NULL, SOCK_CLOEXEC);
	if (h->client < 0)
		return true;
	if (socket_is_own(h->client))
		go_on = answer(h, fds);
	close(take_fd(&h->client));
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return go_on;
}

/* --- its life ------------------------------------------------------------ */

static bool still_there(const struct holder *h)
{
	struct stat st;

	return fstatat(h->folder, h->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == h->own.st_ino && st.st_dev == h->own.st_dev;
}

/* Somebody who is about to send a command has the lock: false then. */
static bool leave(const struct holder *h)
{
	auto_close int lock = hold_lock(h->folder, h->name);
	char file[HOLD_NAME + 8];

	if (lock < 0)
		return false;
	if (still_there(h)) {
		snprintf(file, sizeof(file), "%s.lock", h->name);
		unlinkat(h->folder, h->name, 0);
		unlinkat(h->folder, file, 0);
	}
	return true;
}

/* Somebody may be about to ask, and is told that it does not work any more. */
static void see_off(struct holder *h)
{
	struct pollfd p = { .fd = h->socket, .events = POLLIN };

	h->ending = true;
	while (still_there(h) && !leave(h))
		if (poll(&p, 1, 50) > 0)
			serve(h);
}

static void live(void *data)
{
	struct holder *h = data;
	int64_t end = clock_mono_ms() + h->hold_ms;

	for (;;) {
		int64_t left = end - clock_mono_ms();
		int r = h->ops->idle(h->conn, h->socket,
				     left < 0	      ? 0
				     : left < LOOK_MS ? (long)left
						      : LOOK_MS,
				     NULL);

		if (r < 0 || !still_there(h) || machine_gone(h))
			break;
		if (r == 1) {
			if (!serve(h))
				break;
			end = clock_mono_ms() + h->hold_ms;
		} else if (clock_mono_ms() >= end && leave(h)) {
			return;
		}
	}
	see_off(h);
}

/* -1: somebody else holds one already, or it cannot be made. */
static int listen_at(struct holder *h)
{
	auto_close int lock = hold_lock(h->folder, h->name), fd = -1;

	if (lock >= 0)
		fd = socket_at_listen(h->folder, h->name);
	if (fd < 0 ||
	    fstatat(h->folder, h->name, &h->own, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return take_fd(&fd);
}

void holder_begin(struct vmctl *ctx, const struct vmctl_instance *row,
		  const char *user, const struct ssh_ops *ops,
		  struct ssh_conn *conn, long hold_ms)
{
	auto_free char *disk = instance_file(ctx, row->id, "disk.qcow2");
	auto_close int folder = hold_folder(ctx, true), fd = -1;
	struct holder h = {
		.ops = ops,
		.conn = conn,
		.folder = folder,
		.host_key = row->host_key,
		.hold_ms = hold_ms,
		.client = -1,
	};
	struct vmctl_error why;
	int keep[3];

	hold_name(row->id, user, h.name);
	if (folder < 0 || !*h.name)
		return;
	h.disk = disk && qemu_disk_in_use(disk) ? disk : NULL;
	fd = h.socket = listen_at(&h);
	if (fd < 0)
		return;
	keep[0] = folder;
	keep[1] = fd;
	keep[2] = ops->fd(conn);
	if (proc_detach("vmctl-hold", keep, ARRAY_LEN(keep), live, &h, &why) <
	    0)
		log_info(&ctx->ev, "%s: the connection is not kept: %s",
			 row->name, why.message);
	else
		log_info(&ctx->ev, "%s: the connection is kept for %ld s",
			 row->name, hold_ms / 1000);
}
