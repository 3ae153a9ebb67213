/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket-at.h"
#include "instance/holder.h"

/* The side that has a command to run; and what both sides know. */

#define SLICE_MS 100	 /* how late the caller's wish to stop may be seen */
#define FAREWELL_MS 1500 /* for a command that was asked to end */

int hold_folder(const struct vmctl *ctx, bool make)
{
	auto_free char *dir = str_printf("%s/hold", ctx->runtime_dir);

	if (!dir || (make && dir_make(dir, 0700, NULL) < 0))
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void hold_name(const char *id, const char *user, char out[HOLD_NAME])
{
	static const char fit[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t len = strlen(user);

	out[0] = '\0';
	if (len && len <= 32 && strspn(user, fit) == len)
		snprintf(out, HOLD_NAME, "%s.%s", id, user);
}

int hold_lock(int folder, const char *name)
{
	char file[HOLD_NAME + 8];
	int fd;

	snprintf(file, sizeof(file), "%s.lock", name);
	fd = openat(folder, file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void remove_holder(int folder, const char *name)
{
	/* Under the lock: else somebody may be just making one anew. */
	auto_close int lock = hold_lock(folder, name);
	char file[HOLD_NAME + 8];

	if (lock < 0 || !socket_at_is_dead(folder, name))
		return;
	snprintf(file, sizeof(file), "%s.lock", name);
	unlinkat(folder, name, 0);
	unlinkat(folder, file, 0);
}

size_t instance_dead_holders(const struct vmctl *ctx, bool remove)
{
	int folder = hold_folder(ctx, false);
	auto_dir DIR *dir = folder < 0 ? NULL : fdopendir(folder);
	const struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || str_ends(e->d_name, ".lock") ||
		    strlen(e->d_name) >= HOLD_NAME ||
		    !socket_at_is_dead(folder, e->d_name))
			continue;
		n++;
		if (remove)
			remove_holder(folder, e->d_name);
	}
	return n;
}

/* -1: nobody is there. What a killed holder left is taken away. */
static int reach(int folder, const char *name)
{
	int fd = socket_at_connect(folder, name);

	if (fd < 0 && errno == ECONNREFUSED)
		unlinkat(folder, name, 0);
	return fd;
}

static struct hold_request request_of(enum hold_verb verb)
{
	struct hold_request q;

	/* Padding too: all of it is sent. */
	memset(&q, 0, sizeof(q));
	q.magic = HOLD_MAGIC;
	q.size = sizeof(q);
	q.verb = verb;
	snprintf(q.version, sizeof(q.version), "%s", VMCTL_VERSION);
	return q;
}

static bool send_request(int fd, const struct hold_request *q,
			 const struct ssh_exec *what)
{
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec parts[] = {
		{ (void *)(uintptr_t)q, sizeof(*q) },
		{ (void *)(uintptr_t)(what ? what->command : NULL),
		  q->command },
	};
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	int fds[3], n = 0;

	for (int i = 0; i < 3 && what; i++)
		if (q->streams & 1u << i)
			fds[n++] = i == 0   ? what->in
				   : i == 1 ? what->out
					    : what->err;
	if (n) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) ==
	       (ssize_t)(sizeof(*q) + q->command);
}

/* 1: the reply is there, 0: the holder went away, or -code. */
static int await(int fd, struct hold_reply *ret, const struct events *ev,
		 struct vmctl_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t give_up = -1;
	bool stop = false;

	while (poll(&p, 1, SLICE_MS) <= 0) {
		if (!stop && cancelled(ev)) {
			/* It ends the command, and says so. */
			stop = true;
			shutdown(fd, SHUT_WR);
			give_up = clock_mono_ms() + FAREWELL_MS;
		}
		if (stop && clock_mono_ms() > give_up)
			return fail_cancelled(err);
	}
	if (recv(fd, ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret) ||
	    ret->magic != HOLD_MAGIC)
		return stop ? fail_cancelled(err) : 0;
	return stop ? fail_cancelled(err) : 1;
}

static bool is_open(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

int holder_exec(struct vmctl *ctx, const struct vmctl_instance *row,
		const char *user, const struct ssh_exec *what,
		struct ssh_exit *ret, struct vmctl_error *err)
{
	auto_close int folder = hold_folder(ctx, false), fd = -1, lock = -1;
	struct hold_request q = request_of(HOLD_EXEC);
	struct hold_reply reply;
	char name[HOLD_NAME];
	int r;

	hold_name(row->id, user, name);
	if (folder < 0 || !*name || faccessat(folder, name, F_OK, 0) < 0)
		return fail(err, VMCTL_UNSUPPORTED, 0, "no connection is kept");
	/* A holder has no say in what job control makes of a terminal. */
	if (isatty(what->in))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "its input is a terminal");
	q.command = what->command ? (uint32_t)strlen(what->command) + 1 : 0;
	if (q.command > HOLD_COMMAND_MAX)
		return fail(err, VMCTL_UNSUPPORTED, 0, "the command is long");
	q.timeout_ms = what->timeout_ms;
	snprintf(q.host_key, sizeof(q.host_key), "%s", row->host_key);
	q.streams = (uint32_t)is_open(what->in) | is_open(what->out) << 1 |
		    is_open(what->err) << 2;
	lock = hold_lock(folder, name);
	if (lock >= 0)
		fd = reach(folder, name);
	if (fd < 0 || !send_request(fd, &q, what))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    lock < 0 ? "the kept connection is busy"
				     : "the kept connection is gone");
	r = await(fd, &reply, &ctx->ev, err);
	if (r < 0)
		return r;
	if (r == 0)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the connection that was kept was lost");
	if (reply.r == 0)
		*ret = reply.exit;
	else if (err)
		*err = reply.error;
	if (reply.r < 0 && !reply.begun)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the kept connection does not work any more: %s",
			    reply.error.message);
	return reply.r;
}

void holder_end(struct vmctl *ctx, const char *id)
{
	auto_close int folder = hold_folder(ctx, false);
	struct hold_request q = request_of(HOLD_END);
	auto_dir DIR *dir = NULL;
	struct dirent *e;
	int again = folder >= 0 ? dup(folder) : -1;

	dir = again >= 0 ? fdopendir(again) : NULL;
	while (dir && (e = readdir(dir))) {
		auto_close int fd = -1;

		if (!str_starts(e->d_name, id) || str_ends(e->d_name, ".lock"))
			continue;
		fd = reach(folder, e->d_name);
		if (fd >= 0)
			(void)send_request(fd, &q, NULL);
	}
}
