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

/* Makes a network after checking that it can be. */
int network_make(struct vmctl *ctx, const char *name, const struct subnet *s,
		 struct vmctl_error *err);

#endif
