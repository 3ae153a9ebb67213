/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/socket-at.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define BACKLOG 64

struct sockaddr_un socket_at(int folder, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", folder,
		 name);
	return a;
}

bool socket_is_own(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.uid == geteuid();
}

int socket_at_connect(int folder, const char *name)
{
	const struct sockaddr_un a = socket_at(folder, name);
	/* Of a full queue it is told at once, and nothing is waited for. */
	auto_close int fd = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	if (!socket_is_own(fd)) {
		errno = EPERM;
		return -1;
	}
	return take_fd(&fd);
}

int socket_at_listen(int folder, const char *name)
{
	const struct sockaddr_un a = socket_at(folder, name);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fchmodat(folder, name, 0600, 0) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return take_fd(&fd);
}

bool socket_at_is_dead(int folder, const char *name)
{
	int fd = socket_at_connect(folder, name);
	bool dead = fd < 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return dead;
}
