/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/dial.h"

#include "base/clock.h"
#include "instance/instance.h"

/* As in connect.c: the first attempts are short, for a guest that boots. */
#define SILENCE_MS 1500
#define SILENCE_MAX_MS 10000

static bool runs(const struct vmctl_instance *row)
{
	return row->state == VMCTL_STATE_RUNNING ||
	       row->state == VMCTL_STATE_STOPPING;
}

/* What the hypervisor says of it now, and its forward set again where that was
 * lost. */
static int look_again(struct vmctl *ctx, struct vmctl_instance *row,
		      struct vmctl_error *err)
{
	int r = instance_refresh(ctx, row, err);

	if (r == 0 && !runs(row))
		return fail_state(row, "is not running", err);
	if (r == 0)
		r = instance_reach(ctx, row, err);
	if (r < 0)
		fail_prefix(err, "%s", row->name);
	return r;
}

static int attempt(struct vmctl *ctx, const struct vmctl_instance *row,
		   long patience_ms, int *ret_fd, struct vmctl_error *err)
{
	if (!*row->address)
		return fail(err, VMCTL_TRANSPORT, 0, "it has no address yet");
	return dial_ssh(row->address, (int)row->ssh_port, patience_ms, &ctx->ev,
			ret_fd, err);
}

static int fail_late(const struct vmctl_instance *row,
		     const struct vmctl_error *why, struct vmctl_error *err)
{
	if (err)
		*err = *why;
	fail_prefix(err, "%s", row->name);
	fail_hint(err, "vmctl wait %s", row->name);
	return -(int)why->code;
}

int vmctl_instance_dial(struct vmctl *ctx, const char *name, long timeout_ms,
			int *ret_fd, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct wait w = wait_begin(timeout_ms, 500);
	struct vmctl_error why;
	long patience = SILENCE_MS;
	int r = instance_find(ctx, name, &row, err);

	/* Running is taken from the record: the attempt itself is the test. */
	if (r == 0 && row->state != VMCTL_STATE_RUNNING)
		r = look_again(ctx, row, err);
	while (r == 0) {
		int64_t left = wait_left_ms(&w);

		r = attempt(ctx, row,
			    left < patience ? (long)left + 1 : patience, ret_fd,
			    &why);
		if (r == 0)
			return 0;
		if (r != -VMCTL_TRANSPORT)
			return fail_late(row, &why, err);
		r = look_again(ctx, row, err);
		if (r < 0)
			return r;
		progress_at(&ctx->ev, "waiting for ssh", 0, 0);
		if (!wait_more(&w))
			return fail_late(row, &why, err);
		patience = patience * 3 / 2 < SILENCE_MAX_MS ? patience * 3 / 2
							     : SILENCE_MAX_MS;
	}
	return r;
}
