/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_DIAL_H
#define DRIVER_DIAL_H

#include "base/error.h"
#include "base/log.h"

/*
 * A TCP connection to an ssh server, for a program that will speak ssh on it:
 * made by plain sockets, so that no ssh library has to be loaded.
 *
 * `address` is numeric. Succeeds once the server's first bytes are there, which
 * are left to be read: user-mode networking accepts a connection that nobody
 * in the guest listens for. The descriptor blocks, is closed on exec, sends
 * small packets at once and notices a dead peer.
 *
 * VMCTL_TRANSPORT: refused, closed, silent for timeout_ms, or no ssh server;
 * VMCTL_CANCELLED.
 */
int dial_ssh(const char *address, int port, long timeout_ms,
	     const struct events *ev, int *ret_fd, struct vmctl_error *err);

#endif
