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
	char *accel;	    /* what accel=auto chooses: "kvm" or "tcg" */
	char *accel_reason; /* how that was decided */
	int64_t probe_ns;   /* time of the KVM probe, 0: no probe ran */
	int64_t instances, running;
	char *database;		  /* its file */
	bool database_ok;	  /* it opens and its check finds nothing */
	char *database_problem;	  /* what it finds, or empty */
	char *data_dir, *storage; /* folders: records; images, instances */
	int64_t disk_free;	  /* bytes that the storage folder can take */
	int64_t memory_available; /* bytes; 0: not known */
};

VMCTL_API void vmctl_host_free(struct vmctl_host *host);

/* Never fails because the hypervisor or the database does: see `reachable` and
 * `database_ok`. */
VMCTL_API int vmctl_host_health(struct vmctl *ctx, struct vmctl_host **ret,
				struct vmctl_error *err);

/* What the host has and what of it is used (LIM-003). Sizes in bytes. */
struct vmctl_host_stats {
	char *hostname;
	int64_t cpus;	 /* processors that are online */
	double cpu_used; /* percent of them all, while it was measured */
	double load1, load5, load15;
	int64_t memory_total, memory_used, memory_available;
	char *storage; /* the folder that the disk's figures are of */
	int64_t disk_total, disk_used, disk_available;
};

VMCTL_API void vmctl_host_stats_free(struct vmctl_host_stats *stats);

/* Measures the processors for a quarter of a second. */
VMCTL_API int vmctl_host_stats(struct vmctl *ctx, struct vmctl_host_stats **ret,
			       struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
