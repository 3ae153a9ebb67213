/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_TRANSPORT_H
#define INSTANCE_TRANSPORT_H

#include "instance/instance.h"

/*
 * The ways of running a command in a guest, as rungs of a ladder: exec.c tries
 * them in its order until one is there. A new way is a file with one of these
 * and an entry in the array of exec.c.
 */
struct transport {
	const char *name; /* "ssh": what --transport takes and -v shows */
	/* How long nobody may get in before who waits for a turn gives up. */
	long queue_ms;

	/*
	 * Runs what->argv (NULL: a login shell) with what->env, cwd and user,
	 * relays the three descriptors until it has ended, and holds to
	 * what->timeout_ms, which begins with the command. Fills *ret but for
	 * `transport`. As vmctl_instance_exec() has it:
	 *
	 * VMCTL_UNSUPPORTED, with a message why: this rung is not there, or
	 * cannot do what is asked for. Nothing of what->in was read and nothing
	 * was run, so that the next one can be tried. VMCTL_BUSY: the same, but
	 * it is worth trying again, as others have it now (turn.h). Every other
	 * failure is final. VMCTL_STATE: the instance does not run.
	 * VMCTL_TRANSPORT: the way in is there, and failed.
	 *
	 * `row` is as it was recorded; a rung may refresh it.
	 */
	int (*exec)(struct vmctl *ctx, struct vmctl_instance *row,
		    const struct vmctl_exec *what, struct vmctl_exit *ret,
		    struct vmctl_error *err);
};

extern const struct transport transport_agent; /* exec-agent.c */
extern const struct transport transport_ssh;   /* exec-ssh.c */

/* A session with vmctl's agent in the guest (driver/agent.h). Begins as zero.
 */
struct agent_link {
	bool has_turn;
	int turn; /* of turn.h */
	const struct hv_ops *ops;
	struct hv_pipe *pipe;
	struct agent_conn *conn;
};

/* VMCTL_UNSUPPORTED, with the reason, unless the agent answers; VMCTL_BUSY when
 * others have a session with it. timeout_ms 0: 5 s. */
int agent_link_open(struct vmctl *ctx, const struct vmctl_instance *row,
		    long timeout_ms, struct agent_link *ret,
		    struct vmctl_error *err);
void agent_link_close(struct agent_link *link);
#define auto_agent_link auto_cleanup(agent_link_close) struct agent_link

#endif
