/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "instance/instance.h"
#include "internal/instance.h"

#define CONNECT_MS 30000

int instance_log_in(struct vmctl *ctx, const char *name, const char *user,
		    long timeout_ms, struct vmctl_instance **ret_row,
		    const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		    struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int64_t begun = clock_mono_ms();
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	r = instance_connect(ctx, row, user,
			     timeout_ms ? timeout_ms : CONNECT_MS, ret_ops, ret,
			     err);
	if (r == -VMCTL_TRANSPORT && !*row->address) {
		fail(err, VMCTL_STATE, 0, "%s has no address yet", row->name);
		fail_hint(err, "vmctl wait %s --for ssh", row->name);
		return -VMCTL_STATE;
	}
	/* Refused by the guest is a failure of the way in, not a matter of
	 * this host's permissions. */
	if (r == -VMCTL_DENIED || r == -VMCTL_BAD_DATA) {
		if (err)
			err->code = VMCTL_TRANSPORT;
		r = -VMCTL_TRANSPORT;
	}
	if (r < 0)
		return r;
	log_info(&ctx->ev, "%s: by ssh, port %lld, connected in %lld ms",
		 row->name, (long long)row->ssh_port,
		 (long long)(clock_mono_ms() - begun));
	*ret_row = take_ptr(&row);
	return 0;
}
