/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_AGENT_H
#define DRIVER_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

/*
 * The host's side of vmctl's own agent (agent-protocol.h), over any stream
 * socket. What the guest sends is bounded and checked: a frame that is not what
 * it should be ends the session (VMCTL_TRANSPORT).
 */
struct agent_conn;

struct agent_info {
	uint32_t generation; /* which session of the agent this is */
	char version[32];
	char boot_id[40];
};

struct agent_exec {
	const char *const *argv; /* NULL-terminated, one at least */
	const char *const *env;	 /* "NAME=value"; or NULL */
	const char *cwd;	 /* NULL: the user's home */
	const char *user;
	/* in may be -1: /dev/null; output to one that is -1 or not open is
	 * thrown away */
	int in, out, err;
	/* 0: none. When it has passed all that the command started is sent
	 * SIGTERM and, a second later, SIGKILL: status 124. */
	long timeout_ms;
};

struct agent_exit {
	int status; /* exit status, 128 + signal, 124 on time-out */
	int signal; /* number, or 0 */
	bool timed_out;
	/* With timed_out: the command had ended by then, with own_status, and
	 * something that it left behind held its output. */
	bool held;
	int own_status;
	int64_t bytes_in, bytes_out, bytes_err;
};

/*
 * Begins a session. `fd`, a stream socket, is borrowed until agent_close().
 * VMCTL_UNSUPPORTED: nobody answers in time, or in another language.
 * VMCTL_CANCELLED.
 */
int agent_connect(int fd, long timeout_ms, const struct events *ev,
		  struct agent_conn **ret, struct vmctl_error *err);
void agent_close(struct agent_conn *conn); /* NULL is allowed */
const struct agent_info *agent_info(const struct agent_conn *conn);

/*
 * Runs a command and relays its streams until it has ended, as ssh_ops.exec()
 * does it: nothing is cut, the two outputs stay apart, a slow reader slows the
 * command down, one that goes away ends it as SIGPIPE would (status 141).
 * One at a time on a connection.
 *
 * VMCTL_UNSUPPORTED, with nothing read or run: the agent has no such user, or
 * runs too much already. VMCTL_TRANSPORT when the session ends before the
 * command does; VMCTL_CANCELLED; VMCTL_FAILED when output cannot be written. The
 * guest then ends all that the command started, as it does when the connection is
 * closed.
 */
int agent_exec(struct agent_conn *conn, const struct agent_exec *what,
	       const struct events *ev, struct agent_exit *ret,
	       struct vmctl_error *err);

#endif
