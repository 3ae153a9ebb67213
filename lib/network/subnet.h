/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETWORK_SUBNET_H
#define NETWORK_SUBNET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* IPv4 subnets. Addresses are in host byte order. */
struct subnet {
	uint32_t base; /* of the subnet: host bits are 0 */
	int prefix;
	uint32_t first, last; /* what DHCP gives, both included */
};

#define IPV4_TEXT 16
const char *ipv4_text(uint32_t address, char buf[IPV4_TEXT]);
bool ipv4_parse(const char *text, uint32_t *ret);

/* "192.168.100.0/24" and an optional "FIRST-LAST". The host takes the first
 * address; the default range begins at the tenth and ends before the
 * broadcast address (NET-002). VMCTL_INVALID. */
int subnet_parse(const char *cidr, const char *range, struct subnet *ret,
		 struct vmctl_error *err);

uint32_t subnet_mask(int prefix);
bool subnet_overlaps(const struct subnet *s, uint32_t base, int prefix);
bool subnet_has(const struct subnet *s, uint32_t address); /* in the range */

/* Whether an interface of this host, other than `own` (may be NULL), is in it:
 * VMCTL_IN_USE naming it. */
int subnet_check_host(const struct subnet *s, const char *own,
		      struct vmctl_error *err);

/* Whether it lies in a subnet that this host itself has on that interface. */
bool subnet_is_beside(const char *interface, uint32_t address);

#endif
