/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_NETWORK_H
#define VMCTL_NETWORK_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Networks of the hypervisor: a private IPv4 subnet with NAT to the outside,
 * DHCP, and DNS for the names of its instances. They need a connection with
 * the privilege to make them (qemu:///system); without it instances have
 * user-mode networking and forwarded ports (NET-009).
 *
 * The network named "vmctl" is made when it is first needed.
 */

struct vmctl_network {
	char *name;
	char *subnet;  /* "192.168.100.0/24" */
	char *address; /* of the host in it */
	char *range;   /* of DHCP, "192.168.100.10-192.168.100.254" */
	char *bridge;  /* the host's interface, "virbr1" */
	char *mode;    /* "nat", or "other" for what vmctl does not make */
	bool active;
	bool managed;	    /* made by vmctl: only such are deleted by it */
	int64_t addresses;  /* how many DHCP can give */
	int64_t used;	    /* how many instances hold */
	int64_t created_at; /* seconds since the epoch; 0: not made by vmctl */
};

struct vmctl_network_list {
	size_t count;
	struct vmctl_network **items;
};

struct vmctl_lease {
	char *network;
	char *address;
	char *mac;
	char *hostname;	    /* as the guest or its reservation says */
	char *instance;	    /* name of the instance, or empty */
	int64_t expires_at; /* seconds since the epoch; 0: never */
};

struct vmctl_lease_list {
	size_t count;
	struct vmctl_lease **items;
};

VMCTL_API void vmctl_network_free(struct vmctl_network *network);
VMCTL_API void vmctl_network_list_free(struct vmctl_network_list *list);
VMCTL_API void vmctl_lease_list_free(struct vmctl_lease_list *list);

struct vmctl_network_create {
	size_t size;
	const char *name;   /* 1 to 15 letters, digits, '-', '_' */
	const char *subnet; /* IPv4 in CIDR form, /16 to /29; NULL: from the
			     * configuration, or 192.168.100.0/24 */
	const char *range;  /* "FIRST-LAST"; NULL: from .10 to the last */
};

/* Defines and starts a network. VMCTL_EXISTS for a name that is taken,
 * VMCTL_IN_USE for a subnet that overlaps one of the host's interfaces or
 * another network, VMCTL_INVALID, VMCTL_UNSUPPORTED on a connection without
 * networks, VMCTL_HYPERVISOR. */
VMCTL_API int vmctl_network_create(struct vmctl *ctx,
				   const struct vmctl_network_create *spec,
				   struct vmctl_network **ret,
				   struct vmctl_error *err);

/* What the interfaces of instances are connected to: "user", "vmctl",
 * "bridge=br0", each once. Asks the database only. The caller frees the texts
 * of *ret, which a NULL ends, and *ret with free(3). */
VMCTL_API int vmctl_network_used(struct vmctl *ctx, char ***ret,
				 struct vmctl_error *err);

/* All networks of the connection, by name. */
VMCTL_API int vmctl_network_list(struct vmctl *ctx,
				 struct vmctl_network_list **ret,
				 struct vmctl_error *err);
VMCTL_API int vmctl_network_get(struct vmctl *ctx, const char *name,
				struct vmctl_network **ret,
				struct vmctl_error *err);

/* VMCTL_IN_USE, naming an instance, while one has an address of it;
 * VMCTL_UNSUPPORTED for a network that vmctl did not make. */
VMCTL_API int vmctl_network_delete(struct vmctl *ctx, const char *name,
				   struct vmctl_error *err);

/* The leases of one network, or of all for NULL. */
VMCTL_API int vmctl_network_leases(struct vmctl *ctx, const char *name,
				   struct vmctl_lease_list **ret,
				   struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
