/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_SIGPIPE_H
#define BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

/* For the time of a call into a library that writes to sockets: a reader that
 * went away is an error instead of the death of the process. */
struct sigpipe {
	sigset_t old_mask;
	bool pending;
};

void sigpipe_block(struct sigpipe *s);
void sigpipe_restore(struct sigpipe *s);

#endif
