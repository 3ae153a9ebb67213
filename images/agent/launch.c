/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

#define PIPE_SIZE AGENT_WINDOW

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* One end is the command's, the other ours: close-on-exec, and not waited for.
 */
static int make_stream(int stream, bool wanted, int *ret_ours, int *ret_theirs)
{
	int fds[2], ours = stream == AGENT_S_IN;

	*ret_ours = -1;
	if (!wanted) {
		*ret_theirs = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *ret_theirs < 0 ? -1 : 0;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ret_ours = fds[ours];
	*ret_theirs = fds[!ours];
	(void)fcntl(*ret_ours, F_SETPIPE_SZ, PIPE_SIZE);
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
}

/* The streams, the socket, the keeper; -1 with errno, and all is closed. */
int command_launch(struct command *c, const struct request *r,
		   const struct user *u, char **env)
{
	int theirs[AGENT_STREAMS] = { -1, -1, -1 }, pair[2] = { -1, -1 };
	bool good = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			       pair) == 0;
	int saved;
	pid_t pid;

	c->ctl = pair[0];
	for (int i = 0; good && i < AGENT_STREAMS; i++)
		good = make_stream(i, r->flags & 1 << i, &c->fd[i],
				   &theirs[i]) == 0;
	if (good && c->fd[AGENT_S_IN] >= 0)
		good = (c->in = malloc(AGENT_WINDOW));
	pid = good ? fork() : -1;
	if (pid == 0)
		keeper_run(r, u, env, pair[1], theirs);
	saved = errno;
	close_fd(&pair[1]);
	for (int i = 0; i < AGENT_STREAMS; i++)
		close_fd(&theirs[i]);
	errno = saved;
	return pid < 0 ? -1 : 0;
}

bool command_is_held(const struct command *c)
{
	bool held = false;

	/* Nothing but a hang-up is asked for: output that waits to be read is
	 * no sign of somebody who holds the other end. */
	for (int i = AGENT_S_OUT; i <= AGENT_S_ERR; i++) {
		struct pollfd p = { .fd = c->fd[i] };

		if (p.fd >= 0 && poll(&p, 1, 0) == 0)
			held = true;
	}
	return c->ended && held;
}
