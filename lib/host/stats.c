/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "host/host.h"

/* What the host has and what of it is used. */

#define MEASURE_MS 250

void vmctl_host_stats_free(struct vmctl_host_stats *s)
{
	if (!s)
		return;
	free(s->hostname);
	free(s->storage);
	free(s);
}
DEFINE_CLEANUP(stats, struct vmctl_host_stats *, vmctl_host_stats_free);

/* The first line of proc_stat(5): user nice system idle iowait irq softirq
 * steal. Time given to guests is in user already. Waiting for a disk is idle;
 * stolen time was not ours to use, and counts as used. */
int host_ticks_read(const char *path, struct host_ticks *ret,
		    struct vmctl_error *err)
{
	auto_file FILE *f = fopen(path, "re");
	uint64_t t[8] = { 0 };

	if (!f)
		return fail_sys(err, errno, "cannot read %s", path);
	/* Old kernels have fewer columns; the first four are needed. */
	if (fscanf(f,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 4)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "%s does not begin with the processors' times",
			    path);
	*ret = (struct host_ticks){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ret->total += t[i];
		if (i != 3 && i != 4)
			ret->busy += t[i];
	}
	return 0;
}

double host_ticks_used(const struct host_ticks *before,
		       const struct host_ticks *after)
{
	/* proc(5): some of these have been seen to go back. */
	if (after->total <= before->total || after->busy <= before->busy)
		return 0;
	double used = (double)(after->busy - before->busy) * 100 /
		      (double)(after->total - before->total);
	return used > 100 ? 100 : used;
}

static int measure(struct vmctl *ctx, struct vmctl_host_stats *s,
		   struct vmctl_error *err)
{
	struct host_ticks before, after;
	struct wait w = wait_begin(MEASURE_MS, MEASURE_MS);
	int r = host_ticks_read(PROC_STAT, &before, err);

	while (r == 0 && wait_more(&w)) {
		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
	}
	if (r == 0)
		r = host_ticks_read(PROC_STAT, &after, err);
	if (r == 0)
		s->cpu_used = host_ticks_used(&before, &after);
	return r;
}

static int fill(struct vmctl *ctx, struct vmctl_host_stats *s,
		struct vmctl_error *err)
{
	const struct config *config;
	struct host_memory memory;
	struct host_disk disk;
	int r = context_config(ctx, &config, err);

	if (r == 0)
		r = host_meminfo_read(MEMINFO, &memory, err);
	if (r == 0)
		r = host_disk_read(context_storage(ctx), &disk, err);
	if (r == 0)
		r = measure(ctx, s, err);
	if (r < 0)
		return r;
	s->memory_total = memory.total;
	s->memory_available = memory.available;
	s->memory_used = memory.total - memory.available;
	s->disk_total = disk.total;
	s->disk_used = disk.used;
	s->disk_available = disk.available;
	s->storage = strdup(context_storage(ctx));
	return s->storage ? 0 : fail_oom(err);
}

int vmctl_host_stats(struct vmctl *ctx, struct vmctl_host_stats **ret,
		     struct vmctl_error *err)
{
	auto_cleanup(stats_cleanup) struct vmctl_host_stats *s =
		calloc(1, sizeof(*s));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double load[3] = { 0 };
	struct utsname u;

	if (!s)
		return fail_oom(err);
	if (uname(&u) < 0)
		return fail_sys(err, errno, "cannot ask the kernel");
	int r = fill(ctx, s, err);
	if (r < 0)
		return r;
	if (getloadavg(load, 3) == 3) {
		s->load1 = load[0];
		s->load5 = load[1];
		s->load15 = load[2];
	}
	s->cpus = cpus > 0 ? cpus : 1;
	s->hostname = strdup(u.nodename);
	if (!s->hostname)
		return fail_oom(err);
	*ret = take_ptr(&s);
	return 0;
}
