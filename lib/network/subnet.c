/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/str.h"
#include "base/units.h"

#define RANGE_FROM 10 /* NET-002 */

const char *ipv4_text(uint32_t address, char buf[IPV4_TEXT])
{
	snprintf(buf, IPV4_TEXT, "%u.%u.%u.%u", address >> 24,
		 address >> 16 & 255, address >> 8 & 255, address & 255);
	return buf;
}

bool ipv4_parse(const char *text, uint32_t *ret)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*ret = ntohl(a.s_addr);
	return true;
}

uint32_t subnet_mask(int prefix)
{
	return prefix ? ~UINT32_C(0) << (32 - prefix) : 0;
}

bool subnet_overlaps(const struct subnet *s, uint32_t base, int prefix)
{
	uint32_t mask = subnet_mask(prefix < s->prefix ? prefix : s->prefix);

	return (s->base & mask) == (base & mask);
}

bool subnet_has(const struct subnet *s, uint32_t address)
{
	return address >= s->first && address <= s->last;
}

static int fail_cidr(const char *cidr, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "'%s' is not a subnet", cidr);
	fail_hint(err, "a subnet is an IPv4 address and a prefix length from "
		       "16 to 29, as in 192.168.100.0/24");
	return -VMCTL_INVALID;
}

/* Blocks that are not for hosts (RFC 6890). */
static bool special(const struct subnet *s)
{
	static const struct {
		uint32_t base;
		int prefix;
	} blocks[] = { { 0, 8 },
		       { UINT32_C(127) << 24, 8 },
		       { UINT32_C(169) << 24 | 254 << 16, 16 },
		       { UINT32_C(224) << 24, 3 } };

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (subnet_overlaps(s, blocks[i].base, blocks[i].prefix))
			return true;
	return false;
}

static int parse_cidr(const char *cidr, struct subnet *s,
		      struct vmctl_error *err)
{
	const char *slash = strchr(cidr, '/');
	auto_free char *head =
		slash ? strndup(cidr, (size_t)(slash - cidr)) : NULL;
	int64_t prefix;

	if (!head || !ipv4_parse(head, &s->base) ||
	    parse_int(slash + 1, "prefix", 16, 29, &prefix, NULL) < 0)
		return fail_cidr(cidr, err);
	s->prefix = (int)prefix;
	if (s->base & ~subnet_mask(s->prefix)) {
		char want[IPV4_TEXT];

		fail(err, VMCTL_INVALID, 0,
		     "%s is an address in a subnet, not a subnet", cidr);
		fail_hint(err, "%s/%d",
			  ipv4_text(s->base & subnet_mask(s->prefix), want),
			  s->prefix);
		return -VMCTL_INVALID;
	}
	if (special(s))
		return fail(err, VMCTL_INVALID, 0,
			    "%s is not for networks of hosts (RFC 6890)", cidr);
	return 0;
}

static int parse_range(const char *range, struct subnet *s,
		       struct vmctl_error *err)
{
	uint32_t top = s->base | ~subnet_mask(s->prefix);
	const char *dash = strchr(range, '-');
	auto_free char *head =
		dash ? strndup(range, (size_t)(dash - range)) : NULL;

	if (!head || !ipv4_parse(head, &s->first) ||
	    !ipv4_parse(dash + 1, &s->last) || s->first > s->last)
		return fail(err, VMCTL_INVALID, 0,
			    "'%s' is not a range of addresses, FIRST-LAST",
			    range);
	/* The first address is the host's, the last one broadcast. */
	if (s->first < s->base + 2 || s->last >= top)
		return fail(err, VMCTL_INVALID, 0,
			    "the range %s does not lie within the subnet",
			    range);
	return 0;
}

int subnet_parse(const char *cidr, const char *range, struct subnet *ret,
		 struct vmctl_error *err)
{
	struct subnet s = { 0 };
	int r = parse_cidr(cidr, &s, err);

	if (r == 0 && range) {
		r = parse_range(range, &s, err);
	} else if (r == 0) {
		/* A small subnet has no tenth address to begin with. */
		s.first = s.base + (s.prefix <= 27 ? RANGE_FROM : 2);
		s.last = (s.base | ~subnet_mask(s.prefix)) - 1;
	}
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

static int prefix_of(const struct sockaddr *mask)
{
	return mask ? __builtin_popcount(((const struct sockaddr_in *)mask)
						 ->sin_addr.s_addr)
		    : 32;
}

int subnet_check_host(const struct subnet *s, const char *own,
		      struct vmctl_error *err)
{
	struct ifaddrs *all, *i;
	int r = 0;

	if (getifaddrs(&all) < 0)
		return fail_sys(err, errno, "cannot list the interfaces");
	for (i = all; i && r == 0; i = i->ifa_next) {
		char base[IPV4_TEXT], addr[IPV4_TEXT];

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    i->ifa_flags & IFF_LOOPBACK ||
		    (own && str_eq(i->ifa_name, own)))
			continue;
		uint32_t a = ntohl(((const struct sockaddr_in *)i->ifa_addr)
					   ->sin_addr.s_addr);
		if (!subnet_overlaps(s, a, prefix_of(i->ifa_netmask)))
			continue;
		r = fail(err, VMCTL_IN_USE, 0,
			 "the subnet %s/%d overlaps that of this host's "
			 "interface %s (%s/%d)",
			 ipv4_text(s->base, base), s->prefix, i->ifa_name,
			 ipv4_text(a, addr), prefix_of(i->ifa_netmask));
		fail_hint(err, "choose another with --subnet");
	}
	freeifaddrs(all);
	return r;
}

bool subnet_is_beside(const char *interface, uint32_t address)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (!*interface || getifaddrs(&all) < 0)
		return false;
	for (i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    !str_eq(i->ifa_name, interface))
			continue;
		uint32_t own = ntohl(((const struct sockaddr_in *)i->ifa_addr)
					     ->sin_addr.s_addr);
		uint32_t mask = subnet_mask(prefix_of(i->ifa_netmask));

		found = (own & mask) == (address & mask);
	}
	freeifaddrs(all);
	return found;
}
