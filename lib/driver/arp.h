/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_ARP_H
#define DRIVER_ARP_H

#include "base/error.h"

/* The IPv4 address that this host's table of neighbours has for a MAC, on the
 * interface `device`. VMCTL_NOT_FOUND when they have not spoken lately. */
int arp_find(const char *mac, const char *device, char ret[46],
	     struct vmctl_error *err);

/* The same of the text of a table, as in /proc/net/arp; for tests. */
int arp_find_in(const char *table, const char *mac, const char *device,
		char ret[46], struct vmctl_error *err);

#endif
