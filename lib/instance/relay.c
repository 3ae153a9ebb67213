/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/socket-at.h"
#include "instance/instance.h"
#include "instance/relay.h"

/* The side of those who have something forwarded. */

#define ANSWER_MS 10000
#define LOCK_MS 10000
#define TRIES 4 /* when it ends just as it is spoken to */

/* The folder of the sockets, opened; -1: there is none. */
static int open_folder(const struct vmctl *ctx)
{
	auto_free char *dir = context_path(ctx, "relays");

	return dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* --- making one ----------------------------------------------------------- */

/* One at a time is made, or what a dead one left removed: the lock is the
 * folder's. */
static int lock_folder(int folder, struct vmctl_error *err)
{
	struct wait w = wait_begin(LOCK_MS, 50);

	while (flock(folder, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_sys(err, errno, "cannot take a lock");
		if (!wait_more(&w))
			return fail(err, VMCTL_BUSY, 0,
				    "another process is just starting to "
				    "forward ports");
	}
	return 0;
}

static int begin(int folder, const char *id, const char *disk,
		 struct vmctl_error *err)
{
	auto_close int fd = -1;
	struct relay_start s = {
		.folder = folder, .name = id, .id = id, .disk = disk
	};
	int keep[2] = { folder };

	if (!relay_machine_runs(&s))
		return fail(err, VMCTL_STATE, 0,
			    "the machine is not seen to run: neither is its "
			    "disk in use nor is there a process of it");
	if (socket_at_is_dead(folder, id))
		unlinkat(folder, id, 0);
	fd = keep[1] = s.socket = socket_at_listen(folder, id);
	/* Another one made it meanwhile. */
	if (fd < 0 && errno == EADDRINUSE)
		return 0;
	if (fd < 0)
		return fail_sys(err, errno, "cannot make a socket for %s", id);
	int r = proc_detach("vmctl-relay", keep, ARRAY_LEN(keep), relay_live,
			    &s, err);
	if (r < 0)
		unlinkat(folder, id, 0);
	return r;
}

static int make(const struct relay_at *at, struct vmctl_error *err)
{
	auto_free char *dir = context_path(at->ctx, "relays");
	auto_free char *disk = instance_file(at->ctx, at->id, "disk.qcow2");
	int r = dir && disk ? dir_make(dir, 0700, err) : fail_oom(err);

	if (r < 0)
		return r;
	auto_close int folder = open_folder(at->ctx);
	if (folder < 0)
		return fail_sys(err, errno, "cannot open %s", dir);
	r = lock_folder(folder, err);
	if (r == 0)
		r = begin(folder, at->id, disk, err);
	if (r == 0)
		log_info(&at->ctx->ev,
			 "%s: a process of its own forwards its ports", at->id);
	/* The process has the folder open too. */
	flock(folder, LOCK_UN);
	return r;
}

/* --- speaking to it ------------------------------------------------------- */

static struct relay_request request_of(enum relay_verb verb, const char *guest,
				       const struct hv_forward *fwd)
{
	struct relay_request q;

	/* Padding too: all of it is sent. */
	memset(&q, 0, sizeof(q));
	q.magic = RELAY_MAGIC;
	q.size = sizeof(q);
	q.verb = verb;
	snprintf(q.version, sizeof(q.version), "%s", VMCTL_VERSION);
	snprintf(q.guest, sizeof(q.guest), "%s", guest);
	if (fwd) {
		memcpy(q.forward.host_addr, fwd->host_addr,
		       sizeof(fwd->host_addr));
		q.forward.host_port = fwd->host_port;
		q.forward.guest_port = fwd->guest_port;
		q.forward.udp = fwd->udp;
	}
	return q;
}

static int fail_silent(const char *id, struct vmctl_error *err)
{
	fail(err, VMCTL_TIMEOUT, 0,
	     "the process that forwards the ports of %s does not answer", id);
	fail_hint(err, "pkill -KILL -x vmctl-relay ends all of them; "
		       "vmctl port list makes them anew");
	return -VMCTL_TIMEOUT;
}

/* Connects; *ret is -1 when there is none. */
static int reach(const struct relay_at *at, int *ret, struct vmctl_error *err)
{
	auto_close int folder = open_folder(at->ctx);
	struct wait w = wait_begin(ANSWER_MS, 100);
	int fd = -1;

	/* EAGAIN: more are waiting there than it lets in. */
	while (folder >= 0 && (fd = socket_at_connect(folder, at->id)) < 0 &&
	       errno == EAGAIN)
		if (!wait_more(&w))
			return fail_silent(at->id, err);
	*ret = fd;
	return 0;
}

/* 1: it has answered, 0: it is gone, or -code. */
static int exchange(const struct relay_at *at, int fd,
		    const struct relay_request *q, struct relay_reply *ret,
		    struct vmctl_error *err)
{
	const size_t head = offsetof(struct relay_reply, forwards);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct wait w = wait_begin(ANSWER_MS, 0);
	ssize_t n;

	if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) != (ssize_t)sizeof(*q))
		return 0;
	for (int ready = 0; ready <= 0;) {
		int64_t left = wait_left_ms(&w);

		if (cancelled(&at->ctx->ev))
			return fail_cancelled(err);
		if (!left)
			return fail_silent(at->id, err);
		ready = poll(&p, 1, left < 100 ? (int)left : 100);
	}
	n = recv(fd, ret, sizeof(*ret), 0);
	if (n < (ssize_t)head || ret->magic != RELAY_MAGIC ||
	    ret->count > VMCTL_PORTS_MAX ||
	    (size_t)n != head + ret->count * sizeof(ret->forwards[0]))
		return 0;
	return 1;
}

/* *ret_none (may be NULL): there is no relay; else one is made. */
static int ask(const struct relay_at *at, enum relay_verb verb,
	       const struct hv_forward *fwd, struct relay_reply *ret,
	       bool *ret_none, struct vmctl_error *err)
{
	const struct relay_request q = request_of(verb, at->guest, fwd);

	for (int tries = 0; tries < TRIES; tries++) {
		auto_close int fd = -1;
		int r = reach(at, &fd, err);

		if (r == 0 && fd < 0 && ret_none) {
			*ret_none = true;
			return 0;
		}
		if (r == 0)
			r = fd < 0 ? make(at, err)
				   : exchange(at, fd, &q, ret, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (ret->r < 0 && err)
			*err = ret->error;
		return ret->r;
	}
	return fail(err, VMCTL_FAILED, 0,
		    "the process that forwards the ports of %s ends at once",
		    at->id);
}

int relay_list(const struct relay_at *at, struct hv_forward **ret,
	       size_t *ret_n, struct vmctl_error *err)
{
	auto_free struct relay_reply *a = calloc(1, sizeof(*a));
	bool none = false;
	int r = a ? ask(at, RELAY_LIST, NULL, a, &none, err) : fail_oom(err);

	if (r < 0)
		return r;
	*ret = calloc(a->count + 1, sizeof(**ret));
	if (!*ret)
		return fail_oom(err);
	memcpy(*ret, a->forwards, a->count * sizeof(**ret));
	*ret_n = a->count;
	return 0;
}

int relay_add(const struct relay_at *at, const struct hv_forward *fwd,
	      struct vmctl_error *err)
{
	auto_free struct relay_reply *a = calloc(1, sizeof(*a));

	return a ? ask(at, RELAY_ADD, fwd, a, NULL, err) : fail_oom(err);
}

int relay_remove(const struct relay_at *at, const struct hv_forward *fwd,
		 struct vmctl_error *err)
{
	auto_free struct relay_reply *a = calloc(1, sizeof(*a));
	bool none = false;
	int r = a ? ask(at, RELAY_REMOVE, fwd, a, &none, err) : fail_oom(err);

	return r == 0 && none ? fail(err, VMCTL_NOT_FOUND, 0,
				     "port %d of %s is not forwarded",
				     fwd->host_port, fwd->host_addr)
			      : r;
}

/* --- ending it ------------------------------------------------------------ */

void relay_end(struct vmctl *ctx, const char *id)
{
	const struct relay_at at = { ctx, id, "" };
	const struct relay_request q = request_of(RELAY_END, "", NULL);
	auto_free struct relay_reply *unused = calloc(1, sizeof(*unused));
	auto_close int folder = open_folder(ctx), fd = -1;
	struct vmctl_error why;

	if (folder < 0 || !unused)
		return;
	if (reach(&at, &fd, &why) < 0 ||
	    (fd >= 0 && exchange(&at, fd, &q, unused, &why) < 0))
		log_warn(&ctx->ev, "%s", why.message);
	/* With that it ends too, when it comes to itself again. */
	unlinkat(folder, id, 0);
}

size_t instance_dead_relays(const struct vmctl *ctx, bool remove)
{
	int folder = open_folder(ctx);
	auto_dir DIR *dir = folder < 0 ? NULL : fdopendir(folder);
	const struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 64 ||
		    !socket_at_is_dead(folder, e->d_name))
			continue;
		n++;
		if (remove && lock_folder(folder, NULL) == 0 &&
		    socket_at_is_dead(folder, e->d_name))
			unlinkat(folder, e->d_name, 0);
	}
	return n;
}
