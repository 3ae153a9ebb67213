/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/units.h"
#include "host/host.h"
#include "internal/config.h"

/*
 * What a creation has to leave to the host. Guests that were just started have
 * not touched their memory yet, so this keeps the host from being overcommitted
 * by one request; it is no bookkeeping.
 */

/* As little as a guest can have: below that no smaller size is suggested. */
#define MEMORY_LEAST (INT64_C(64) << 20)

int limit_memory_check(const struct host_memory *have, int64_t wanted,
		       int64_t reserve, struct vmctl_error *err)
{
	char want[SIZE_TEXT], available[SIZE_TEXT], total[SIZE_TEXT],
		kept[SIZE_TEXT];
	int64_t room = have->available - reserve;

	if (!reserve || wanted <= room)
		return 0;
	fail(err, VMCTL_LIMIT, 0,
	     "%s of memory are asked for, but of the host's %s only %s are "
	     "available and %s stay in reserve",
	     format_size(wanted, want), format_size(have->total, total),
	     format_size(have->available, available),
	     format_size(reserve, kept));
	if (room >= MEMORY_LEAST)
		fail_hint(err, "--memory %lldM or less, or --force",
			  (long long)(room >> 20));
	else
		fail_hint(err, "stop an instance, or use --force; "
			       "vmctl config get reserve.memory");
	return -VMCTL_LIMIT;
}

int limit_disk_check(const struct host_disk *have, const char *folder,
		     int64_t reserve, struct vmctl_error *err)
{
	char available[SIZE_TEXT], total[SIZE_TEXT], kept[SIZE_TEXT];

	if (!reserve || have->available >= reserve)
		return 0;
	fail(err, VMCTL_LIMIT, 0,
	     "of the %s of disk that hold %s only %s are free, and %s have to "
	     "stay free for instances to grow",
	     format_size(have->total, total), folder,
	     format_size(have->available, available),
	     format_size(reserve, kept));
	fail_hint(err, "delete instances or images, or use --force; "
		       "vmctl config get reserve.disk");
	return -VMCTL_LIMIT;
}

int host_limits_check(struct vmctl *ctx, int64_t memory, bool force,
		      struct vmctl_error *err)
{
	const struct config *config;
	struct host_memory have;
	struct host_disk disk;
	int r = force ? 0 : context_config(ctx, &config, err);

	if (force || r < 0)
		return r;
	r = host_meminfo_read(MEMINFO, &have, err);
	if (r == 0)
		r = limit_memory_check(&have, memory,
				       config_number(config, "reserve.memory"),
				       err);
	if (r == 0)
		r = host_disk_read(context_storage(ctx), &disk, err);
	if (r == 0)
		r = limit_disk_check(&disk, context_storage(ctx),
				     config_number(config, "reserve.disk"),
				     err);
	return r;
}
