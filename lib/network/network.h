/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include <vmctl/network.h>

#include "context.h"
#include "network/subnet.h"

/* The inside of the subsystem. `uri` is the connection: NULL for the
 * context's own. */

#define NETWORK_DEFAULT "vmctl" /* NET-001 */

/* The subnet of the setting nat.subnet. */
int subnet_default(struct vmctl *ctx, const char *range, struct subnet *ret,
		   struct vmctl_error *err);

/* The hypervisor, when its connection may have networks; else
 * VMCTL_HYPERVISOR with what to do. */
int network_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err);

/* One network by name. VMCTL_NOT_FOUND names the nearest. */
int network_find(struct vmctl *ctx, const char *uri, const char *name,
		 struct hv_network *ret, struct vmctl_error *err);

/* Its subnet and range; false when it has none that vmctl can use. */
bool network_subnet(const struct hv_network *net, struct subnet *ret);

/* As state_network_users() has it, on the context's connection. */
int network_users(struct vmctl *ctx, const char *name, int64_t *ret,
		  char **ret_user, struct vmctl_error *err);

/* One process at a time removes a network or reserves an address in it: an
 * instance is recorded before it does, so whoever removes the network sees the
 * one, or the instance does not find the other. */
struct network_lock {
	char *dir, name[80];
	int fd;
};
int network_lock(struct vmctl *ctx, const char *name, struct network_lock *ret,
		 struct vmctl_error *err);
void network_unlock(struct network_lock *lock);
#define auto_network_lock auto_cleanup(network_unlock) struct network_lock

/* Makes a network after checking that it can be. */
int network_make(struct vmctl *ctx, const char *name, const struct subnet *s,
		 struct vmctl_error *err);

/* --- ports.c ------------------------------------------------------------- */

/* The failure of a network whose port somebody has, with who that is. */
int network_tell_holder(struct vmctl_error *err);

#endif
