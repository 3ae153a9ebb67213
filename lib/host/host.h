/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <vmctl/host.h>

#include "internal/host.h"

/* The inside of the subsystem. Paths are arguments so that a test can have its
 * own. */

#define MEMINFO "/proc/meminfo"
#define PROC_STAT "/proc/stat"

struct host_memory {
	int64_t total, available; /* bytes */
};

/* proc_meminfo(5). */
int host_meminfo_read(const char *path, struct host_memory *ret,
		      struct vmctl_error *err);

struct host_disk {
	int64_t total, used, available; /* bytes */
};

/* The file system that the folder is or would be on. */
int host_disk_read(const char *folder, struct host_disk *ret,
		   struct vmctl_error *err);

/* Time that all processors have had since boot, in clock ticks. */
struct host_ticks {
	uint64_t busy, total;
};
int host_ticks_read(const char *path, struct host_ticks *ret,
		    struct vmctl_error *err);

/* How much of the time between the two was busy, 0 to 100. */
double host_ticks_used(const struct host_ticks *before,
		       const struct host_ticks *after);

int limit_memory_check(const struct host_memory *have, int64_t wanted,
		       int64_t reserve, struct vmctl_error *err);
int limit_disk_check(const struct host_disk *have, const char *folder,
		     int64_t reserve, struct vmctl_error *err);

#endif
