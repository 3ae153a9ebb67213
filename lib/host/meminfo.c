/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "host/host.h"

/* Memory and disk space of the host. */

int host_meminfo_read(const char *path, struct host_memory *ret,
		      struct vmctl_error *err)
{
	struct host_memory out = { -1, -1 };
	auto_file FILE *f = fopen(path, "re");
	char line[256];

	if (!f)
		return fail_sys(err, errno, "cannot read %s", path);
	while (fgets(line, sizeof(line), f)) {
		long long kib;

		if (sscanf(line, "MemTotal: %lld kB", &kib) == 1)
			out.total = kib << 10;
		else if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1)
			out.available = kib << 10;
	}
	if (out.total < 0 || out.available < 0)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "%s does not tell the available memory", path);
	*ret = out;
	return 0;
}

int host_disk_read(const char *folder, struct host_disk *ret,
		   struct vmctl_error *err)
{
	auto_free char *path = strdup(folder);
	struct statvfs vfs;

	if (!path)
		return fail_oom(err);
	/* What is not there yet will be made in the nearest folder that is. */
	while (statvfs(path, &vfs) < 0) {
		char *slash = strrchr(path, '/');

		if (errno == EINTR)
			continue;
		if (errno != ENOENT || !slash || !slash[1])
			return fail_sys(err, errno,
					"cannot tell the free space of %s",
					folder);
		slash[slash == path ? 1 : 0] = '\0';
	}
	*ret = (struct host_disk){
		.total = (int64_t)(vfs.f_blocks * vfs.f_frsize),
		.used = (int64_t)((vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize),
		/* What root alone may use is not free. */
		.available = (int64_t)(vfs.f_bavail * vfs.f_frsize),
	};
	return 0;
}
