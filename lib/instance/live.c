/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/qemu-img.h"
#include "instance/console.h"

/*
 * The hypervisor is the truth about what runs; the record says what was meant.
 * Only states in which a domain is expected follow the hypervisor.
 */
static enum vmctl_state combine(const struct vmctl_instance *row,
				enum hv_state seen, const char **reason)
{
	*reason = "";
	if (row->state == VMCTL_STATE_PENDING ||
	    row->state == VMCTL_STATE_TERMINATED) {
		*reason = row->reason;
		return row->state;
	}
	switch (seen) {
	case HV_RUNNING:
		/* Asked to shut down by a command that is still at it. */
		return row->state == VMCTL_STATE_STOPPING ? VMCTL_STATE_STOPPING
							  : VMCTL_STATE_RUNNING;
	case HV_STOPPING:
		return VMCTL_STATE_STOPPING;
	case HV_PAUSED:
		return VMCTL_STATE_PAUSED;
	case HV_SAVED:
		return VMCTL_STATE_SUSPENDED;
	case HV_CRASHED:
	case HV_STOPPED:
		return VMCTL_STATE_STOPPED;
	case HV_ABSENT:
		break;
	}
	/* A failed creation has its reason already. */
	*reason = row->state == VMCTL_STATE_ERROR && *row->reason
			  ? row->reason
			  : "its domain is gone; start defines it again";
	return VMCTL_STATE_ERROR;
}

#define ELSEWHERE                                                              \
	"its disk is in use by a machine that this libvirt daemon does not "   \
	"know; is XDG_RUNTIME_DIR another one than when it was started?"

bool instance_runs_elsewhere(struct vmctl *ctx,
			     const struct vmctl_instance *row)
{
	auto_free char *disk = instance_file(ctx, row->id, "disk.qcow2");

	return disk && qemu_disk_in_use(disk);
}

int fail_elsewhere(const struct vmctl_instance *row, struct vmctl_error *err)
{
	fail(err, VMCTL_HYPERVISOR, 0, "%s: " ELSEWHERE, row->name);
	fail_hint(err, "set XDG_RUNTIME_DIR as it was, or unset it");
	return -VMCTL_HYPERVISOR;
}

/* A user may have two session daemons, told apart by XDG_RUNTIME_DIR. They
 * share the definitions, but only one knows what runs. */
static int observe_elsewhere(struct vmctl_instance *row,
			     struct vmctl_error *err)
{
	if (!state_row_set(row, &row->reason, ELSEWHERE))
		return fail_oom(err);
	row->state = VMCTL_STATE_UNKNOWN;
	row->stale = true;
	return instance_locate(row, err);
}

int instance_observe(struct vmctl *ctx, struct vmctl_instance *row,
		     enum hv_state seen, struct vmctl_error *err)
{
	const char *reason;
	enum vmctl_state now = combine(row, seen, &reason);

	if (now == VMCTL_STATE_RUNNING)
		console_bound(ctx, row->id);
	if ((now == VMCTL_STATE_STOPPED || now == VMCTL_STATE_ERROR) &&
	    row->state == VMCTL_STATE_RUNNING &&
	    instance_runs_elsewhere(ctx, row))
		return observe_elsewhere(row, err);
	if (now != row->state || !str_eq(reason, row->reason)) {
		/* Being news, it is recorded; not being able to is no reason
		 * to hide it. That a domain is just going down passes by
		 * itself. */
		if (ctx->db && now != VMCTL_STATE_STOPPING)
			state_instance_set(ctx->db, row->id, now, reason, NULL);
		row->state = now;
		if (!state_row_set(row, &row->reason, reason))
			return fail_oom(err);
	}
	return instance_locate(row, err);
}

int instance_refresh(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err)
{
	const struct hv_ops *ops;
	enum hv_state seen;
	struct hv *hv;

	/* Nothing is left to ask about. */
	if (row->state == VMCTL_STATE_TERMINATED)
		return instance_locate(row, err);
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	if (r == 0)
		r = ops->state(hv, row->uuid, &seen, err);
	return r < 0 ? r : instance_observe(ctx, row, seen, err);
}
