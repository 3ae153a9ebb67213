/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HOSTPORT_H
#define DRIVER_HOSTPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Ports of this host, as the kernel gives them to this user now. */

/*
 * Whether a program could listen at this IPv4 address and port, with the socket
 * options that QEMU sets: connections that linger after their server has ended
 * (TIME_WAIT) are not in its way. Nothing stays open: who listens next may find
 * the port taken all the same.
 *
 * VMCTL_EXISTS when somebody has the port, whom the message names where that
 * can be seen; VMCTL_INVALID for an address that this host does not have and
 * for a port that this user may not have, with what to do.
 */
int hostport_check(bool udp, const char *address, int port,
		   struct vmctl_error *err);

/* Whether that IPv4 address is this host's own, on whichever interface, or its
 * loopback. That one can listen there proves nothing: net.ipv4.ip_nonlocal_bind
 * allows it anywhere. true when it cannot be told. */
bool hostport_is_own(const char *address);

/* As hostport_check(), and the socket: of TCP it listens. The caller closes
 * it. */
int hostport_open(bool udp, const char *address, int port, int *ret,
		  struct vmctl_error *err);

/* An address that no host has (RFC 5737): only a socket that listens at all
 * addresses has a port of it. */
#define HOSTPORT_NOBODYS "192.0.2.1"

/* Who has it: "nginx (process 812)", or "a process of uid 0". Only processes of
 * the own user can be told, so false may mean either. */
bool hostport_holder(bool udp, const char *address, int port, char *out,
		     size_t size);

/* A socket's inode and user from the text of /proc/net/tcp, udp, tcp6 or udp6
 * (proc(5)): of one that listens there. */
bool hostport_find_in(const char *table, bool udp, const char *address,
		      int port, unsigned long *ret_inode, unsigned *ret_uid);

#endif
