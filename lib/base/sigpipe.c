/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sigpipe.h"

#include <time.h>

/* Blocking is of the thread; ignoring would be of the process. */
void sigpipe_block(struct sigpipe *s)
{
	sigset_t pipe_only, pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	s->pending = sigpending(&pending) == 0 &&
		     sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_only, &s->old_mask);
}

void sigpipe_restore(struct sigpipe *s)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	if (!s->pending)
		(void)sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
}
