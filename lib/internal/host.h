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

/* Bytes of memory that the host has. 0 when it cannot be told. */
int64_t host_memory(void);

#endif
