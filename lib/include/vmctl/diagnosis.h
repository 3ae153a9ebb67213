/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_DIAGNOSIS_H
#define VMCTL_DIAGNOSIS_H

#include <stddef.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why an instance cannot be used: what can be found out from here about it, of
 * which every part may be missing. */
struct vmctl_finding {
	char *topic; /* "state", "process", "libvirt", "interface", "forward",
		      * "ssh", "agent", "cloud-init", "host", "denied",
		      * "qemu", "console"; more may come */
	char *text;  /* one line, printable; of the console several findings
		      * follow each other */
};

struct vmctl_diagnosis {
	size_t count;
	struct vmctl_finding *items; /* in the order to be read in */
	char *next;		     /* the next command to type, or NULL */
};

VMCTL_API void vmctl_diagnosis_free(struct vmctl_diagnosis *diagnosis);

/*
 * Looks at an instance from all sides, for at most about two seconds; also when
 * the hypervisor does not answer. The caller frees *ret. VMCTL_NOT_FOUND for an
 * unknown name. What is shown of logs of the host is what the caller may read
 * there and what names this instance; console lines come from the guest.
 */
VMCTL_API int vmctl_instance_diagnose(struct vmctl *ctx, const char *name,
				      struct vmctl_diagnosis **ret,
				      struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
