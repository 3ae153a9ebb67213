/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_TURN_H
#define INSTANCE_TURN_H

#include "base/clock.h"
#include "instance/instance.h"

/*
 * Who may go in next. An ssh server turns away at random who comes while many
 * are on their way in (MaxStartups, sshd_config(5)), and a slow guest serves
 * all of them too late; the channel of the agent takes one session at a time.
 * So whoever wants in takes a turn, which is a lock (flock(2)) on a file of the
 * runtime folder, and ends with its process at the latest.
 */
enum turn {
	TURN_AGENT, /* one, as long as the session lasts */
	TURN_SSH,   /* a few, until they are in */
};

/* Never waits. false: others have all there are. *ret_fd is -1 where no file
 * can be had: better no order than no way in. */
bool turn_take(const struct vmctl *ctx, const char *id, enum turn kind,
	       int *ret_fd);
/* Gives it back; what fd is -1 of was none. `entered`: it was of use. */
void turn_give(int *fd, bool entered);

/* Waiting for a turn: for as long as others get in. */
struct turn_queue {
	const struct vmctl *ctx;
	char id[16];
	long limit_ms;		/* how long nobody else may get in */
	int64_t since;		/* of clock_mono_ms(): when somebody did */
	struct timespec newest; /* … by the files' times */
	struct wait pause;
};
void turn_queue_begin(struct turn_queue *q, const struct vmctl *ctx,
		      const char *id, long limit_ms);
/* Sleeps a little; then look again. VMCTL_BUSY: nobody got in within the limit;
 * VMCTL_CANCELLED. */
int turn_queue_wait(struct turn_queue *q, struct vmctl_error *err);

/* Removes what was left of an instance that is no more. */
void turn_forget(const struct vmctl *ctx, const char *id);

#endif
