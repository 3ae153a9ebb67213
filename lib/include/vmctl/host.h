/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_HOST_H
#define VMCTL_HOST_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The machine that vmctl runs on. */
struct vmctl_host {
	char *hostname, *arch, *kernel;
	char *connection;	  /* URI */
	bool reachable;		  /* the hypervisor answered */
	char *problem;		  /* why it did not, or empty */
	char *hint;		  /* what to type about it, or empty */
	char *hypervisor;	  /* "QEMU" */
	char *hypervisor_version; /* "7.2.22" */
	char *libvirt_version;
	char *accel;		  /* what accel=auto chooses: "kvm" or "tcg" */
	char *accel_reason;	  /* how that was decided */
	int64_t probe_ns;	  /* time of the KVM probe, 0: no probe ran */
	int64_t instances, running;
};

VMCTL_API void vmctl_host_free(struct vmctl_host *host);

/* Never fails because the hypervisor does: see `reachable`. */
VMCTL_API int vmctl_host_health(struct vmctl *ctx, struct vmctl_host **ret,
				struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
