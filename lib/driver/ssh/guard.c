/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
	ssh_set_log_callback(on_log);
	ssh_set_log_userdata((void *)ev);
	ssh_set_log_level(ev && ev->log ? SSH_LOG_PROTOCOL : SSH_LOG_NOLOG);
	sigpipe_block(&g->sigpipe);
}

void guard_leave(struct guard *g)
{
	sigpipe_restore(&g->sigpipe);
	ssh_set_log_level(SSH_LOG_NOLOG);
	ssh_set_log_userdata(NULL);
}
