/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
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
	long hold_ms;
	int client; /* the one that is served, or -1 */
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
	       (size_t)n == sizeof(*q) + q->command &&
	       (!q->command || command[q->command - 1] == '\0');
}

static void run(struct holder *h, const struct hold_request *q,
		const char *command, const int fds[3])
{
	struct events ev = { .cancelled = client_gone, .data = h };
	struct vmctl_error err = { 0 };
	struct hold_reply reply;
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

	memset(&reply, 0, sizeof(reply));
	reply.magic = HOLD_MAGIC;
	reply.r = h->ops->exec(h->conn, &what, &ev, &reply.exit, &err);
	reply.begun = begun;
	/* Piece by piece: what is behind a text is nobody's business. */
	reply.error.code = err.code;
	reply.error.sys_errno = err.sys_errno;
	snprintf(reply.error.message, sizeof(reply.error.message), "%s",
		 err.message);
	snprintf(reply.error.hint, sizeof(reply.error.hint), "%s", err.hint);
	(void)send(h->client, &reply, sizeof(reply), MSG_NOSIGNAL);
}

/* false: it is time to end. */
static bool serve(struct holder *h)
{
	static char command[HOLD_COMMAND_MAX];
	auto_close int fd = accept4(h->socket, NULL, NULL, SOCK_CLOEXEC);
	int fds[3] = { -1, -1, -1 };
	struct hold_request q;
	bool go_on = true;

	if (fd < 0 || !hold_is_own(fd))
		return true;
	if (receive(fd, &q, command, fds)) {
		h->client = fd;
		if (q.verb == HOLD_END)
			go_on = false;
		else
			run(h, &q, command, fds);
		h->client = -1;
	}
	explicit_bzero(command, sizeof(command));
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

	while (still_there(h) && !leave(h))
		if (poll(&p, 1, 50) > 0)
			serve(h);
}

static void live(struct holder *h)
{
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

/* All that belonged to the command that was run is let go: its streams, or
 * their readers would wait; its locks; the database. */
static void let_go(const struct holder *h)
{
	auto_dir DIR *dir = opendir("/proc/self/fd");
	int null = open("/dev/null", O_RDWR), kept = h->ops->fd(h->conn);
	struct dirent *e;

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	while (dir && (e = readdir(dir))) {
		int fd = 0;

		for (const char *p = e->d_name; *p >= '0' && *p <= '9'; p++)
			fd = fd * 10 + (*p - '0');
		if (fd > 2 && fd != kept && fd != h->folder &&
		    fd != h->socket && fd != dirfd(dir))
			close(fd);
	}
}

static void become_holder(struct holder *h)
{
	static const int defaults[] = { SIGINT,	 SIGTERM, SIGHUP,
					SIGQUIT, SIGALRM, SIGCHLD };

	alarm(0);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		signal(defaults[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "vmctl-hold");
	(void)!chdir("/");
	let_go(h);
	live(h);
	_exit(0);
}

/* -1: somebody else holds one already, or it cannot be made. */
static int listen_at(struct holder *h)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_close int lock = hold_lock(h->folder, h->name);
	struct sockaddr_un address;

	hold_address(h->folder, h->name, &address);
	if (fd < 0 || lock < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(h->folder, h->name, 0600, 0) < 0 || listen(fd, 8) < 0 ||
	    fstatat(h->folder, h->name, &h->own, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return take_fd(&fd);
}

void holder_begin(struct vmctl *ctx, const struct vmctl_instance *row,
		  const char *user, const struct ssh_ops *ops,
		  struct ssh_conn *conn, long hold_ms)
{
	auto_close int folder = hold_folder(ctx, true), fd = -1;
	struct holder h = {
		.ops = ops,
		.conn = conn,
		.folder = folder,
		.hold_ms = hold_ms,
		.client = -1,
	};
	pid_t pid;

	auto_free char *disk = instance_file(ctx, row->id, "disk.qcow2");
	hold_name(row->id, user, h.name);
	if (folder < 0 || !*h.name)
		return;
	h.disk = disk && qemu_disk_in_use(disk) ? disk : NULL;
	fd = h.socket = listen_at(&h);
	if (fd < 0)
		return;
	/* Twice, so that it is nobody's child to be waited for. */
	pid = fork();
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			become_holder(&h);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	log_info(&ctx->ev, "%s: the connection is kept for %ld s", row->name,
		 hold_ms / 1000);
}
