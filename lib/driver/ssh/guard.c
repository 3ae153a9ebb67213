/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <time.h>

#include "driver/ssh/session.h"

/* libssh keeps level, callback and its argument for each thread. */
static void on_log(int priority, const char *function, const char *text,
		   void *userdata)
{
	if (userdata)
		log_debug(userdata, "libssh: %s", text);
}

void guard_enter(struct guard *g, const struct events *ev)
{
	sigset_t pipe_only, pending;

	ssh_set_log_callback(on_log);
	ssh_set_log_userdata((void *)ev);
	ssh_set_log_level(ev && ev->log ? SSH_LOG_PROTOCOL : SSH_LOG_NOLOG);

	/* Blocking is of the thread; ignoring would be of the process. */
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	g->pipe_pending = sigpending(&pending) == 0 &&
			  sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_only, &g->old_mask);
}

void guard_leave(struct guard *g)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	if (!g->pipe_pending)
		(void)sigtimedwait(&pipe_only, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &g->old_mask, NULL);
	ssh_set_log_level(SSH_LOG_NOLOG);
	ssh_set_log_userdata(NULL);
}
