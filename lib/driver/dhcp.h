/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_DHCP_H
#define DRIVER_DHCP_H

#include "base/error.h"

/*
 * Tells the DHCP server of a network of this host that an address is free
 * again, on behalf of a guest that is gone (DHCPRELEASE, RFC 2131 section
 * 4.4.6). There is no answer, and none is waited for: a lease that stays ends
 * by itself. `bridge` is the interface that the server listens on.
 */
int dhcp_release(const char *bridge, const char *server, const char *address,
		 const char *mac, struct vmctl_error *err);

#endif
