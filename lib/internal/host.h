/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_HOST_H
#define INTERNAL_HOST_H

#include "context.h"

/* What lib/host gives to other subsystems. */

struct host_accel {
	const char *accel; /* "kvm" or "tcg": static */
	char reason[160];
	int64_t probe_ns;
};

/* What `want` ("auto", "kvm", "tcg"; NULL is auto) means on this host. The
 * verdict on KVM is remembered in the database for this boot and kernel.
 * "kvm" is taken at its word. VMCTL_INVALID for another word. */
int host_accel(struct vmctl *ctx, const char *want, struct host_accel *ret,
	       struct vmctl_error *err);

/* The host's architecture in the form that images carry: uname's machine. */
const char *host_arch(void);

/* Whether the host can give an instance so much memory and the disk space to
 * grow, and keep what the settings reserve (LIM-001, LIM-002). VMCTL_LIMIT with
 * the figures; never with `force`. */
int host_limits_check(struct vmctl *ctx, int64_t memory, bool force,
		      struct vmctl_error *err);

#endif
