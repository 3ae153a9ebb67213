/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_AGENT_HELP_H
#define TESTS_AGENT_HELP_H

#include "base/str.h"
#include "driver/agent-wire.h"
#include "unit.h"

/* The agent for guests, run on this host at a socket, as the user of the test. */
struct agent {
	char dir[64], socket[80];
	char *program, *user;
	int pid;
};

int agent_setup(void **state);
int agent_teardown(void **state);

/* Connects; a session when `ret` is not NULL. */
int agent_dial(const struct agent *a);
struct agent_conn *agent_session(const struct agent *a, int *ret_fd);

struct ran {
	int r;
	struct vmctl_error error;
	struct agent_exit exit;
	struct str out, err;
};
void ran_done(struct ran *r);
#define auto_ran auto_cleanup(ran_done) struct ran

/* Runs it in a session of its own; `what` needs but argv. What it leaves out, or
 * -1, is made: output goes to memory. */
void agent_run(const struct agent *a, struct agent_exec what,
	       const struct events *ev, struct ran *ret);

/* Whether a process with that argument runs. */
bool runs(const char *argument);
#define eventually(condition)                                                  \
	do {                                                                   \
		struct wait w_ = wait_begin(20000, 50);                        \
		while (!(condition))                                           \
			assert_true(wait_more(&w_));                           \
	} while (0)

#endif
