/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SSH_H
#define DRIVER_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "driver/sftp.h"

/* An ssh client (module ssh.so, libssh). */

#define SSH_ABI 5
#define SSH_TIMEOUT_STATUS 124 /* as timeout(1) has it */

struct ssh_conn;
struct ssh_keyring;

/* The agent that ssh(1) asks where its configuration says which (IdentityAgent
 * of ssh_config(5)); see openssh_agent(). Wherever NULL stands for one of
 * these, or its `setting` is NULL, it is the one in SSH_AUTH_SOCK. */
struct ssh_agent {
	char *setting; /* as it stands there */
	char *path;    /* its socket; NULL: none is to be asked */
	char *prefix;  /* of hints to type ssh-add: "SSH_AUTH_SOCK=… " */
};

struct ssh_target {
	const char *host; /* address; never looked up in ~/.ssh/config */
	int port;
	const char *user;
	const char *host_key; /* "type base64": the only key accepted */
	bool any_host_key;    /* any is: see ssh_ops.host_key */
	const char *const *identities;	/* private key files, NULL-terminated */
	const char *const *public_keys; /* theirs, in the same order, each
					 * "type base64"; or NULL */
	/* Public keys, "type base64", for which the agent may sign, and none
	 * but these; an empty list: whatever it holds; NULL: it is not asked.
	 */
	const char *const *agent_keys;
	/* Which agent: called as soon as it is to be asked, because the answer
	 * takes its time. Borrowed until connect() returns. NULL: the one in
	 * SSH_AUTH_SOCK. */
	const struct ssh_agent *(*agent)(void *data);
	void *agent_data;
	/* What was read and unlocked, kept for the next attempt so that nobody
	 * is asked twice: begins as NULL, ends with ops->forget(). Or NULL. */
	struct ssh_keyring **keyring;
	long timeout_ms; /* for one attempt; 0: 15 s */
	/* How long the other side may say nothing at first; 0: timeout_ms.
	 * User-mode networking accepts a connection that nobody listens for,
	 * while a server that has begun to speak deserves patience. */
	long silence_ms;
	/* Silence after which the other side is asked whether it is there;
	 * three unanswered end the connection. 0: 15 s; negative: never. */
	long keepalive_ms;
	/* A socket connected to host and port, above 2, which is used and taken
	 * over, whatever comes of it. 0: a new one. */
	int socket;
};

/* Connections to a socket of this host are made at the other side anew. */
struct ssh_forward {
	int listener;	  /* listens already; not blocking */
	const char *host; /* as the other side knows it */
	int port;
};

struct ssh_exec {
	const char *command; /* for the remote shell; NULL: login shell */
	bool tty;
	int in, out, err; /* in may be -1: closed at once; output to one that
			   * is -1 or not open is thrown away */
	/* 0: none. When it has passed, the command and all that it started,
	 * short of what left its session, are sent SIGTERM and, a second later,
	 * SIGKILL, also when root runs it or it is on another's account by sudo
	 * (see ssh/stop.c), and its streams are closed: status 124. The same is
	 * done when the call is cancelled, unless there is a terminal. */
	long timeout_ms;

	/* No command at all, `forwards` alone, until cancelled. */
	bool no_command;
	/* The other side may use the agent. That there is none is a warning. */
	bool forward_agent;
	const struct ssh_agent *agent;
	const struct ssh_forward *forwards; /* borrowed */
	size_t forward_count;
	/* Asked while the other side is silent, once a second at most, when not
	 * NULL: true says that it will be for ever, which is VMCTL_TRANSPORT.
	 */
	bool (*gone)(void *data);
	void *data;
	/* Bytes of standard output, and of standard error, that are written:
	 * the rest is thrown away. 0: all. */
	size_t output_max;
	/* Set before the command is asked for: when it stays false, a call
	 * that failed has run nothing and read nothing. May be NULL. */
	bool *begun;
};

struct ssh_exit {
	int status; /* exit status, 128 + signal, 124 on time-out */
	int signal; /* number, or 0 */
	bool timed_out;
	/* With timed_out: the command had ended by then, with own_status, and
	 * something that it left behind held its output. */
	bool held;
	int own_status;
	int64_t bytes_in, bytes_out, bytes_err; /* sent and received */
};

struct ssh_ops {
	unsigned abi;

	/*
	 * Connects, checks the host key, authenticates: with the keys that are
	 * at hand, with the agent when it has one of `agent_keys`, with those
	 * that are locked by a passphrase, which is asked for (struct events)
	 * when the server would take the key, and then with the agent where
	 * whatever it holds will do. A server lets a client try six keys.
	 *
	 * VMCTL_TRANSPORT: no connection, or it broke. This is the code that
	 * a caller may retry while a guest boots: refused, closed before the
	 * banner, reset, timed out.
	 * VMCTL_DENIED: the server refused every key. May be retried too
	 * while cloud-init has not installed the keys yet.
	 * VMCTL_BAD_DATA: the host key is another one: never retried. The
	 * message has both fingerprints. Likewise when the one key that the
	 * server would take stays locked, and when there is none to offer.
	 */
	int (*connect)(const struct ssh_target *target, const struct events *ev,
		       struct ssh_conn **ret, struct vmctl_error *err);

	/*
	 * Runs a command and relays its streams until it has ended, in one
	 * poll loop: end of input is passed on as end of file, standard
	 * output and error stay apart, nothing is cut, partial writes and
	 * EAGAIN on the local side are waited for, a closed local reader
	 * (EPIPE) ends the session as SIGPIPE would: status 141; output to a
	 * descriptor that is not open for writing is lost with a warning.
	 * Keep-alive as the target has it (TERM-011). With tty: the terminal
	 * modes and size of `in` are sent,
	 * raw mode for the time of the call and restored on every way out
	 * including SIGHUP, SIGTERM, SIGINT and SIGQUIT (TERM-010), which are
	 * raised again after that; SIGWINCH is followed; "~." at the start of
	 * a line disconnects, "~?" lists what else there is.
	 *
	 * Forwarded connections are relayed meanwhile, each at its own pace;
	 * what cannot be reached closes its connection, with a warning. Those
	 * that are open when the command has ended are waited for, with the
	 * terminal restored; being cancelled then only ends the wait.
	 *
	 * VMCTL_TRANSPORT when the connection ends without an exit status, or
	 * output cannot be written; VMCTL_CANCELLED.
	 */
	int (*exec)(struct ssh_conn *conn, const struct ssh_exec *what,
		    const struct events *ev, struct ssh_exit *ret,
		    struct vmctl_error *err);

	/* The descriptor of the connection's socket. Borrowed. */
	int (*fd)(struct ssh_conn *conn);

	/* Keeps a connection between two calls of exec: answers the server
	 * until `fd` can be read (1) or the time is over (0), with keep-alives
	 * as in exec. VMCTL_TRANSPORT when the connection has ended. */
	int (*idle)(struct ssh_conn *conn, int fd, long timeout_ms,
		    struct vmctl_error *err);

	/* Says nothing to the server: a connection that a child process has
	 * too, after fork(2), goes on there. NULL is allowed. */
	void (*close)(struct ssh_conn *conn);

	void (*forget)(struct ssh_keyring *ring); /* NULL is allowed */

	/* What the agent holds: lines "type base64 comment", NULL-terminated,
	 * also of types that nobody knows. VMCTL_NOT_FOUND when no agent
	 * answers, VMCTL_CANCELLED. The caller frees *ret with strv_free(). */
	int (*agent_keys)(const struct ssh_agent *agent,
			  const struct events *ev, char ***ret,
			  struct vmctl_error *err);
	/* The key that the server of this connection proved to have, "type
	 * base64". The caller frees *ret. */
	int (*host_key)(struct ssh_conn *conn, char **ret,
			struct vmctl_error *err);

	const struct sftp_ops *sftp; /* files by such a connection */
};

int ssh_load(const struct ssh_ops **ret, struct vmctl_error *err);

/*
 * ssh-forward.c: listens for "[ADDRESS:]PORT:HOST:HOSTPORT", an address or HOST
 * with colons in brackets; without ADDRESS on the loopback addresses, for an
 * empty one or "*" on all. Nothing is connected yet: who connects meanwhile
 * waits.
 *
 * VMCTL_INVALID for another form or an address that this host has not,
 * VMCTL_EXISTS when a port is taken, VMCTL_DENIED when it may not be used.
 */
struct ssh_forwards {
	struct ssh_forward *items;
	size_t count;
};
int ssh_forwards_open(const char *const *specs, struct ssh_forwards *ret,
		      struct vmctl_error *err);
/* Their form alone. */
int ssh_forwards_check(const char *const *specs, struct vmctl_error *err);
void ssh_forwards_close(struct ssh_forwards *f);

/* The argument list as one command for a POSIX shell, each argument quoted so
 * that it arrives byte for byte. NULL only when memory is short. */
char *ssh_quote_argv(const char *const *argv);

/* The same for whatever login shell, in ASCII without control characters, run
 * in the folder `cwd` with the variables `env` ("NAME=value"), either of which
 * may be NULL. A folder that cannot be entered is said on its standard error,
 * and is status 126. */
char *ssh_command(const char *const *argv, const char *const *env,
		  const char *cwd);

#endif
