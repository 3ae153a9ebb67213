/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/network/fields.h"

#define AT(member) offsetof(struct vmctl_network, member)

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "its name" },
	{ "mode", "MODE", FIELD_STRING, AT(mode), FIELD_ALWAYS,
	  .help = "nat, or other for what vmctl does not make" },
	{ "subnet", "SUBNET", FIELD_STRING, AT(subnet), 0,
	  .help = "its IPv4 subnet" },
	{ "range", "RANGE", FIELD_STRING, AT(range), 0,
	  .help = "the addresses that its DHCP gives" },
	{ "addresses", "ADDRESSES", FIELD_INT, AT(addresses), FIELD_WIDE,
	  .help = "how many they are" },
	{ "used", "USED", FIELD_INT, AT(used), 0,
	  .help = "how many instances have an interface in it" },
	{ "active", "ACTIVE", FIELD_BOOL, AT(active), 0,
	  .help = "whether it is up" },
	{ "address", "ADDRESS", FIELD_STRING, AT(address), FIELD_WIDE,
	  .help = "the host's own address in it" },
	{ "bridge", "BRIDGE", FIELD_STRING, AT(bridge), FIELD_WIDE,
	  .help = "the host's interface" },
	{ "managed", "MANAGED", FIELD_BOOL, AT(managed), FIELD_WIDE,
	  .help = "whether vmctl made it" },
	{ "created_at", "AGE", FIELD_TIME, AT(created_at), FIELD_WIDE,
	  .help = "when vmctl made it" },
	{ .key = NULL },
};

const struct record network_fields = { "network", fields };

#define LEASE(member) offsetof(struct vmctl_lease, member)

static const struct field leases[] = {
	{ "address", "ADDRESS", FIELD_STRING, LEASE(address), FIELD_NAME,
	  .help = "the address that was given" },
	{ "mac", "MAC", FIELD_STRING, LEASE(mac), 0,
	  .help = "the interface that has it" },
	{ "hostname", "HOSTNAME", FIELD_STRING, LEASE(hostname), 0,
	  .help = "the name that goes with it in DNS" },
	{ "instance", "INSTANCE", FIELD_STRING, LEASE(instance), 0,
	  .help = "the instance whose interface that is" },
	{ "expires_at", "EXPIRES", FIELD_TIME, LEASE(expires_at), FIELD_AHEAD,
	  .help = "when it ends, unless it is renewed" },
	{ "network", "NETWORK", FIELD_STRING, LEASE(network), FIELD_ALWAYS,
	  .help = "the network" },
	{ .key = NULL },
};

const struct record lease_fields = { "lease", leases };
