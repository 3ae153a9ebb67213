/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_RELAY_H
#define INSTANCE_RELAY_H

#include <vmctl/port.h>

#include "context.h"

/*
 * Forwards to an instance that has an address of its own: a process of the same
 * user, one for each instance, listens at the ports of this host and passes on
 * to the guest's address what comes there. Where there is a user-mode
 * interface QEMU does that instead.
 *
 * Commands speak to it by a socket named after the instance. That is in the
 * folder of the data, not in the runtime folder: whoever has another
 * XDG_RUNTIME_DIR, or none, would not find it there and would take its ports
 * for somebody else's; and the folder goes when the user logs out, while the
 * machine goes on.
 *
 * It ends when the machine is off, when the instance is stopped or deleted,
 * when the socket is gone, when another version of vmctl speaks to it, and when
 * it has nothing to forward any more. Nothing is lost with it: whoever sets the
 * forwards next makes another.
 */

struct relay_at {
	struct vmctl *ctx;
	const char *id;
	const char *guest; /* its address now; "": not known */
};

/* What it forwards; none when there is no relay. It learns the address. The
 * caller frees *ret. */
int relay_list(const struct relay_at *at, struct hv_forward **ret,
	       size_t *ret_n, struct vmctl_error *err);

/* VMCTL_EXISTS when it cannot listen there; VMCTL_STATE when the machine does
 * not run. Makes the relay. */
int relay_add(const struct relay_at *at, const struct hv_forward *fwd,
	      struct vmctl_error *err);

/* What is connected stays so. VMCTL_NOT_FOUND. */
int relay_remove(const struct relay_at *at, const struct hv_forward *fwd,
		 struct vmctl_error *err);

/* Ends it, with all connections, and waits until its ports are free. */
void relay_end(struct vmctl *ctx, const char *id);

/* --- between relay.c and relay-process.c ---------------------------------- */

#define RELAY_MAGIC 0x72656c61 /* "rela" */

enum relay_verb { RELAY_LIST, RELAY_ADD, RELAY_REMOVE, RELAY_END };

/* One message (SOCK_SEQPACKET) each. Both ends are the same program: at what
 * another one sends the relay ends, and the caller makes its own. */
struct relay_request {
	uint32_t magic, size;
	char version[16];
	uint32_t verb;
	char guest[16]; /* "": the address that is known stays */
	struct hv_forward forward;
};

struct relay_reply {
	uint32_t magic;
	int32_t r;
	struct vmctl_error error;
	uint32_t count;
	struct hv_forward forwards[VMCTL_PORTS_MAX]; /* `count` are sent */
};

/* What the process is begun with. */
struct relay_start {
	int folder, socket;
	const char *name; /* of the socket in the folder */
	const char *id;
	const char *disk; /* of the machine */
	pid_t pid;	  /* of QEMU, where the disk does not tell; or 0 */
	uint64_t pid_start;
};

/* Whether the machine runs that this one is for. */
bool relay_machine_runs(struct relay_start *s);

/* The process; returns when it ends. */
void relay_live(void *relay_start);

#endif
