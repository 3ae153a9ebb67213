/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_NETWORK_H
#define INTERNAL_NETWORK_H

#include "context.h"

/* What lib/network does for instances. `uri` is the connection that the
 * instance is on. */

/*
 * Turns a wish into an interface. `wish` is "user", "nat", "bridge=NAME" or
 * the name of a network; NULL is "user" on a connection without networks and
 * "nat" elsewhere. `nic->mac` is given; kind, source, address and reserved are
 * filled. The network of "nat" is made when it is not there yet.
 *
 * An interface in a network that gives addresses gets one: `ip`, or the first
 * that is free of reservations and of leases (NET-006). `taken` are the
 * interfaces drawn for the same instance before.
 *
 * VMCTL_HYPERVISOR for a network on a connection that may have none, with what
 * to do; VMCTL_NOT_FOUND for an unknown network or bridge; VMCTL_INVALID for
 * an address outside the range; VMCTL_EXISTS for one that is taken;
 * VMCTL_LIMIT when the range is exhausted (NET-007). With `dry` nothing is
 * made.
 */
int network_choose(struct vmctl *ctx, const char *wish, const char *ip,
		   bool dry, const struct state_nic *taken, size_t taken_count,
		   struct state_nic *nic, struct vmctl_error *err);

/* Sets the reservation of an interface, with the instance's name for DNS; and
 * gives it back with the lease. Nothing for one without. */
int network_hold(struct vmctl *ctx, const char *uri,
		 const struct state_nic *nic, const char *hostname,
		 struct vmctl_error *err);
int network_give_back(struct vmctl *ctx, const char *uri,
		      const struct state_nic *nic, struct vmctl_error *err);

/* Makes sure that the networks of an instance are up before it starts. */
int network_up(struct vmctl *ctx, const char *uri, const struct state_nic *nic,
	       struct vmctl_error *err);

/* Whether an interface or a route of this host is in the subnet of the network
 * "vmctl", or would be when that is made: VMCTL_IN_USE with what to do. */
int network_conflict(struct vmctl *ctx, struct vmctl_error *err);

/*
 * Where the interface of a running domain is reached now, looked up in the
 * order lease, guest agent, ARP. *ret_source is "lease", "agent" or "arp",
 * static. VMCTL_NOT_FOUND when nobody knows.
 */
int network_look_up(struct vmctl *ctx, const char *uri, const char *uuid,
		    const struct state_nic *nic, char ret[46],
		    const char **ret_source, struct vmctl_error *err);

#endif
