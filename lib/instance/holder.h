/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_HOLDER_H
#define INSTANCE_HOLDER_H

#include "driver/ssh.h"
#include "instance/instance.h"

/*
 * An ssh connection kept for the next command: the process that made it leaves
 * a copy of itself behind (fork(2)), which has the connection and a socket in
 * the runtime folder, named after instance and account. Who runs the next
 * command hands its descriptors over there (SCM_RIGHTS, unix(7)) and waits for
 * the status, so that what the command reads and writes takes no detour.
 *
 * A holder serves one command at a time; whoever finds it busy connects anew.
 * It ends after a time without commands, with a command that had to be ended,
 * when the connection ends, when its socket is gone, and when the instance is
 * stopped or deleted.
 */

/* Runs a command over a kept connection. VMCTL_UNSUPPORTED, with nothing read
 * and nothing run: there is none, it is busy, or it could not begin. Every
 * other failure is final. `what` must be for no terminal. */
int holder_exec(struct vmctl *ctx, const struct vmctl_instance *row,
		const char *user, const struct ssh_exec *what,
		struct ssh_exit *ret, struct vmctl_error *err);

/* Leaves a holder with this connection behind, for so long after the last
 * command; the caller goes on and closes its own copy. Failing is no failure
 * of the command that was run, and is only logged. */
void holder_begin(struct vmctl *ctx, const struct vmctl_instance *row,
		  const char *user, const struct ssh_ops *ops,
		  struct ssh_conn *conn, long hold_ms);

/* Ends the holders of an instance, those of all accounts. */
void holder_end(struct vmctl *ctx, const char *id);

/* --- between holder.c and held.c ----------------------------------------- */

#define HOLD_MAGIC 0x686f6c64  /* "hold" */
#define HOLD_COMMAND_MAX 65536 /* longer ones make a connection of their own   \
				*/

enum hold_verb { HOLD_EXEC, HOLD_END };

/* One message (SOCK_SEQPACKET), followed by the command. Both ends are the
 * same program: another one's is refused. */
struct hold_request {
	uint32_t magic, size; /* size of this struct */
	char version[16];
	char host_key[1024]; /* the one that is pinned */
	uint32_t verb;
	uint32_t streams; /* bit 0, 1, 2: in, out, err come with it */
	int64_t timeout_ms;
	uint32_t command; /* bytes, with the zero byte; 0: a login shell */
};

struct hold_reply {
	uint32_t magic;
	int32_t r;  /* 0 or -code */
	bool begun; /* false: nothing was run */
	struct ssh_exit exit;
	struct vmctl_error error;
};

/* The folder of the sockets, opened; made with `make`. -1: there is none. */
int hold_folder(const struct vmctl *ctx, bool make);

/* "i-0123abcd.vm", "" when the account's name is not fit for a file's. */
#define HOLD_NAME 64
void hold_name(const char *id, const char *user, char out[HOLD_NAME]);

/* Holds the right to speak to the holder, or for it to end: -1 when another
 * process has it. */
int hold_lock(int folder, const char *name);

#endif
