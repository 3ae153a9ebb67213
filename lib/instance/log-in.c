/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "instance/turn.h"
#include "internal/instance.h"

#define CONNECT_MS 30000

/* In the words of who wants to get in. */
static int not_in(const struct vmctl_instance *row, int r,
		  struct vmctl_error *err)
{
	if (r == -VMCTL_TRANSPORT && !*row->address) {
		fail(err, VMCTL_STATE, 0, "%s has no address yet", row->name);
		fail_hint(err, "vmctl wait %s --for ssh", row->name);
		return -VMCTL_STATE;
	}
	/* Refused by the guest is a failure of the way in, not a matter of
	 * this host's permissions. The same goes for a module that is not
	 * there, as there is no other way. */
	if (r == -VMCTL_DENIED || r == -VMCTL_BAD_DATA ||
	    r == -VMCTL_UNSUPPORTED) {
		if (err)
			err->code = VMCTL_TRANSPORT;
		return -VMCTL_TRANSPORT;
	}
	return r;
}

int instance_enter(struct vmctl *ctx, struct vmctl_instance *row,
		   const char *user, long timeout_ms,
		   const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		   struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms();
	int turn = -1;

	if (!turn_take(ctx, row->id, TURN_SSH, &turn))
		return fail(err, VMCTL_BUSY, 0,
			    "as many as may are on their way in by ssh");
	int r = instance_connect(ctx, row, user,
				 timeout_ms ? timeout_ms : CONNECT_MS, ret_ops,
				 ret, err);
	turn_give(&turn, r == 0);
	if (r < 0)
		return not_in(row, r, err);
	log_info(&ctx->ev, "%s: by ssh, port %lld, connected in %lld ms",
		 row->name, (long long)row->ssh_port,
		 (long long)(clock_mono_ms() - begun));
	return 0;
}

int instance_log_in(struct vmctl *ctx, const char *name, const char *user,
		    long timeout_ms, struct vmctl_instance **ret_row,
		    const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		    struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct turn_queue queue;
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	turn_queue_begin(&queue, ctx, row->id,
			 timeout_ms ? timeout_ms : CONNECT_MS);
	while ((r = instance_enter(ctx, row, user, timeout_ms, ret_ops, ret,
				   err)) == -VMCTL_BUSY)
		if ((r = turn_queue_wait(&queue, err)) < 0) {
			fail_prefix(err, "%s", row->name);
			return r;
		}
	if (r < 0)
		return r;
	*ret_row = take_ptr(&row);
	return 0;
}
