/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SSH_SESSION_H
#define DRIVER_SSH_SESSION_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdint.h>
#include <unistd.h>

#include "base/outflow.h"
#include "base/sigpipe.h"
#include "base/str.h"
#include "base/tty.h"
#include "driver/ssh.h"

/*
 * Within the module ssh. libssh is used without blocking throughout: it is
 * called, and when it answers SSH_AGAIN, conn_wait() waits for the socket, the
 * deadline and the caller's wish to stop. libssh's own connectors are not
 * used: they lose end of file and spin when only one stream is in use.
 */

#define WAIT_SLICE_MS 100 /* how late a cancellation may be seen */
#define INPUT_MAX 16384	  /* read at once from a local descriptor */

struct ssh_conn {
	ssh_session session;
	ssh_event event; /* drives the session's socket once connected */
	struct ssh_counter_struct traffic;
	long keepalive_ms; /* 0: none */
	char *peer;	   /* "127.0.0.1:2222", for messages */
	struct ssh_callbacks_struct callbacks;
	struct relay *relay; /* what is under way on it, or NULL */
};

/* --- tcp.c --------------------------------------------------------------- */

/* Connects within the deadline (of clock_mono_ms()). VMCTL_TRANSPORT. */
int tcp_connect(const char *host, int port, int64_t deadline,
		const struct events *ev, int *ret_fd, struct vmctl_error *err);

/* --- connect.c ----------------------------------------------------------- */

int conn_open(const struct ssh_target *target, const struct events *ev,
	      struct ssh_conn **ret, struct vmctl_error *err);
void conn_close(struct ssh_conn *conn);
int conn_host_key(struct ssh_conn *conn, char **ret, struct vmctl_error *err);

/* Waits until libssh may be called again. VMCTL_TRANSPORT when the deadline
 * has passed (negative: none) or the connection broke, VMCTL_CANCELLED. */
int conn_wait(struct ssh_conn *conn, int64_t deadline, const struct events *ev,
	      struct vmctl_error *err);

/* Whether the connection is beyond use, and the failure to return then. */
bool conn_broken(struct ssh_conn *conn);
int fail_broken(struct ssh_conn *conn, struct vmctl_error *err);

/* --- keyring.c ----------------------------------------------------------- */

#define IDENTITIES_MAX 256

/* One private key. */
struct identity {
	char *path;
	struct str text; /* of the file */
	ssh_key key;	 /* when IDENTITY_OPEN */
	enum {
		IDENTITY_LEFT_OUT, /* not to be read; that was logged */
		IDENTITY_OPEN,
		IDENTITY_LOCKED,       /* by a passphrase */
		IDENTITY_STAYS_LOCKED, /* nobody gave it */
		IDENTITY_FOREIGN,      /* … by a cipher that libssh has not */
		IDENTITY_TOKEN,	       /* a security key's */
	} state;
	char *cipher; /* when IDENTITY_FOREIGN; else NULL */
	bool asked; /* and an answer was given, which was wrong */
};

/* NULL when memory is short. */
struct ssh_keyring *keyring_new(void);
void keyring_free(struct ssh_keyring *ring); /* NULL is allowed */

/* Reads the file when it is met for the first time. NULL when memory is short
 * or there are too many. */
struct identity *keyring_get(struct ssh_keyring *ring, const char *path,
			     bool token, const struct events *ev);

/* Asks for the passphrase of an IDENTITY_LOCKED. */
void identity_unlock(struct identity *id, const struct events *ev);

/* --- agent.c ------------------------------------------------------------- */

/* See struct ssh_ops. */
int agent_list(const struct ssh_agent *agent, long timeout_ms,
	       const struct events *ev, char ***ret, struct vmctl_error *err);

/* Connects to it, without blocking. VMCTL_NOT_FOUND. */
int agent_open(const struct ssh_agent *agent, int *ret,
	       struct vmctl_error *err);

/* Messages of the protocol. */
#define AGENT_FAILURE 5
#define AGENT_REQUEST_IDENTITIES 11
#define AGENT_IDENTITIES 12
#define AGENT_SIGN 13
#define AGENT_MESSAGE_MAX (256 * 1024) /* as OpenSSH's own client */

/* Reads a message without its length. VMCTL_NOT_FOUND when none comes in time,
 * VMCTL_CANCELLED. */
int agent_read(int fd, int64_t deadline, const struct events *ev,
	       struct str *ret, struct vmctl_error *err);

/* --- agent-few.c ---------------------------------------------------------- */

/* An agent that has no more than some keys (lines "type base64…") of another,
 * for the session to use until the end. VMCTL_NOT_FOUND. */
struct few;
int few_begin(struct ssh_conn *conn, const struct ssh_agent *agent, char **keys,
	      struct few **ret, struct vmctl_error *err);
void few_end(struct few *few); /* NULL is allowed */

/* --- auth.c -------------------------------------------------------------- */

int conn_authenticate(struct ssh_conn *conn, const struct ssh_target *target,
		      int64_t deadline, const struct events *ev,
		      struct vmctl_error *err);

/* --- guard.c ------------------------------------------------------------- */

/*
 * For the time of a call: libssh's messages go to the caller's log, and a
 * reader that went away is an error instead of the death of the process.
 */
struct guard {
	struct sigpipe sigpipe;
};

void guard_enter(struct guard *g, const struct events *ev);
void guard_leave(struct guard *g);

/* --- escape.c ------------------------------------------------------------ */

/* What is typed behind a tilde at the start of a line, as ssh(1) has it. */
enum {
	ESCAPE_END = 1 << 0,	 /* "~." */
	ESCAPE_HELP = 1 << 1,	 /* "~?" */
	ESCAPE_LIST = 1 << 2,	 /* "~#" */
	ESCAPE_SUSPEND = 1 << 3, /* "~^Z" */
};

struct escape {
	bool line_start, tilde; /* begins with the former */
};

/* Takes such out of what was typed. *n changes; `bytes` has room for one more
 * than *n. What follows an ESCAPE_END is not looked at. */
unsigned escape_take(struct escape *e, char *bytes, size_t *n);

/* --- idle.c: see struct ssh_ops. */
int conn_idle(struct ssh_conn *conn, int fd, long timeout_ms,
	      struct vmctl_error *err);

/* --- exec.c -------------------------------------------------------------- */

int conn_exec(struct ssh_conn *conn, const struct ssh_exec *what,
	      const struct events *ev, struct ssh_exit *ret,
	      struct vmctl_error *err);

/* --- tty-modes.c --------------------------------------------------------- */

/* RFC 4254 section 8. Returns the number of bytes. */
#define TTY_MODES_MAX 512
size_t tty_modes(const struct termios *tio, unsigned char out[TTY_MODES_MAX]);

#endif
