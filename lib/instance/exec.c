/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/ssh.h"
#include "instance/instance.h"

#define CONNECT_MS 30000

int vmctl_instance_exec(struct vmctl *ctx, const char *name,
			const struct vmctl_exec *what, struct vmctl_exit *ret,
			struct vmctl_error *err)
{
	auto_instance *row = NULL;
	auto_free char *command = NULL;
	const struct ssh_ops *ops = NULL;
	struct ssh_conn *conn = NULL;
	struct ssh_exit exit = { 0 };
	int64_t begun = clock_mono_ms();
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	if (what->argv) {
		command = ssh_quote_argv(what->argv);
		if (!command)
			return fail_oom(err);
	}
	r = instance_connect(ctx, row, what->user,
			     what->connect_timeout_ms ? what->connect_timeout_ms
						      : CONNECT_MS,
			     &ops, &conn, err);
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
	struct ssh_exec exec = {
		.command = command,
		.tty = what->tty,
		.in = what->in,
		.out = what->out,
		.err = what->err,
		.timeout_ms = what->timeout_ms,
	};
	r = ops->exec(conn, &exec, &ctx->ev, &exit, err);
	ops->close(conn);
	if (r < 0) {
		fail_prefix(err, "%s", row->name);
		return r;
	}
	*ret = (struct vmctl_exit){ exit.status, exit.signal, exit.timed_out };
	return 0;
}
