/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_SOCKET_AT_H
#define BASE_SOCKET_AT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Local sockets (SOCK_SEQPACKET) that have a name in an open folder, by which
 * processes of the same user find each other. */

/* The address of that name, however long the folder's path is. */
struct sockaddr_un socket_at(int folder, const char *name);

/* Connects. -1 with errno: ECONNREFUSED when the process that listened there
 * has died, EPERM when another user's is at the other end. */
int socket_at_connect(int folder, const char *name);

/* Listens there, for this user alone; -1 with errno. */
int socket_at_listen(int folder, const char *name);

/* Whether nobody listens there any more. */
bool socket_at_is_dead(int folder, const char *name);

/* Whether the other end is the same user's. */
bool socket_is_own(int fd);

#endif
