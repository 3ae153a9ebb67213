/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/ssh.h"
#include "instance/transport.h"

#define CONNECT_MS 30000

static int enter(struct vmctl *ctx, struct vmctl_instance *row,
		 const struct vmctl_exec *what, const struct ssh_ops **ret_ops,
		 struct ssh_conn **ret, struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms();
	int r = instance_connect(ctx, row, what->user,
				 what->connect_timeout_ms
					 ? what->connect_timeout_ms
					 : CONNECT_MS,
				 ret_ops, ret, err);

	if (r == -VMCTL_TRANSPORT && !*row->address) {
		fail(err, VMCTL_STATE, 0, "%s has no address yet", row->name);
		fail_hint(err, "vmctl wait %s --for ssh", row->name);
		return -VMCTL_STATE;
	}
	/* Refused by the guest is a failure of the way in, not a matter of
	 * this host's permissions. The same goes for a module that is not
	 * there, as no rung is below this one. */
	if (r == -VMCTL_DENIED || r == -VMCTL_BAD_DATA ||
	    r == -VMCTL_UNSUPPORTED) {
		if (err)
			err->code = VMCTL_TRANSPORT;
		r = -VMCTL_TRANSPORT;
	}
	if (r == 0)
		log_info(&ctx->ev,
			 "%s: by ssh, port %lld, connected in %lld ms",
			 row->name, (long long)row->ssh_port,
			 (long long)(clock_mono_ms() - begun));
	return r;
}

static int exec_ssh(struct vmctl *ctx, struct vmctl_instance *row,
		    const struct vmctl_exec *what, struct vmctl_exit *ret,
		    struct vmctl_error *err)
{
	auto_free char *command = NULL;
	const struct ssh_ops *ops = NULL;
	struct ssh_conn *conn = NULL;
	struct ssh_exit exit = { 0 };
	int64_t begun;
	int r;

	if (what->argv) {
		command = ssh_quote_argv(what->argv);
		if (!command)
			return fail_oom(err);
	}
	r = enter(ctx, row, what, &ops, &conn, err);
	if (r < 0)
		return r;
	struct ssh_exec exec = {
		.command = command,
		.tty = what->tty,
		.in = what->in,
		.out = what->out,
		.err = what->err,
		.timeout_ms = what->timeout_ms,
	};
	begun = clock_mono_ms();
	r = ops->exec(conn, &exec, &ctx->ev, &exit, err);
	ops->close(conn);
	if (r < 0) {
		fail_prefix(err, "%s", row->name);
		return r;
	}
	*ret = (struct vmctl_exit){
		.status = exit.status,
		.signal = exit.signal,
		.timed_out = exit.timed_out,
		.bytes_in = exit.bytes_in,
		.bytes_out = exit.bytes_out,
		.bytes_err = exit.bytes_err,
		.duration_ms = clock_mono_ms() - begun,
	};
	return 0;
}

const struct transport transport_ssh = { "ssh", exec_ssh };
