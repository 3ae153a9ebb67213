/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/openssh.h"
#include "driver/qemu-img.h"
#include "driver/ssh.h"
#include "instance/holder.h"
#include "instance/transport.h"

/* The server gives the command to a shell as one argument, and Linux limits
 * those: MAX_ARG_STRLEN, 32 pages. */
#define COMMAND_MAX (128 * 1024)

/* Where to look, without asking anybody who might not answer, whether the
 * machine runs: as long as it does, its disk is locked. */
struct watch {
	char *disk; /* NULL: nothing can be told by that */
};

static void watch_begin(struct watch *w, const struct vmctl *ctx,
			const struct vmctl_instance *row)
{
	w->disk = instance_file(ctx, row->id, "disk.qcow2");
	if (w->disk && !qemu_disk_in_use(w->disk)) {
		free(w->disk);
		w->disk = NULL;
	}
}

static bool machine_gone(void *data)
{
	const struct watch *w = data;

	return w->disk && !qemu_disk_in_use(w->disk);
}

/* A guest's last connection ends a little before its machine has. */
#define ENDING_MS 300

/* The session failed: because the machine is no more? */
static int tell_of_machine(struct vmctl *ctx, struct vmctl_instance *row,
			   struct watch *w, struct vmctl_error *err)
{
	struct wait ending = wait_begin(ENDING_MS, 20);
	struct vmctl_error unused;
	bool stopped;

	while (!(stopped = machine_gone(w)) && w->disk && wait_more(&ending))
		;
	if (!w->disk && instance_refresh(ctx, row, &unused) == 0)
		stopped = row->state == VMCTL_STATE_STOPPED ||
			  row->state == VMCTL_STATE_SUSPENDED;
	if (!stopped)
		return -VMCTL_TRANSPORT;
	fail(err, VMCTL_TRANSPORT, 0, "%s has stopped, and the session with it",
	     row->name);
	/* Or was it deleted? */
	if (!w->disk || access(w->disk, F_OK) == 0)
		fail_hint(err, "vmctl start %s", row->name);
	return -VMCTL_TRANSPORT;
}

/* A connection of its own, kept for the next command where that is wanted. */
static int run_anew(struct vmctl *ctx, struct vmctl_instance *row,
		    const struct vmctl_exec *what, struct ssh_exec *exec,
		    long hold_ms, struct ssh_exit *ret, int64_t *ret_begun,
		    struct vmctl_error *err)
{
	const struct ssh_ops *ops = NULL;
	struct ssh_conn *conn = NULL;
	struct watch watch;
	int r = instance_enter(ctx, row, what->user, what->connect_timeout_ms,
			       &ops, &conn, err);

	if (r < 0)
		return r;
	watch_begin(&watch, ctx, row);
	exec->gone = machine_gone;
	exec->data = &watch;
	*ret_begun = clock_mono_ms();
	r = ops->exec(conn, exec, &ctx->ev, ret, err);
	if (r == 0 && !ret->timed_out && hold_ms > 0)
		holder_begin(ctx, row, what->user ? what->user : row->user, ops,
			     conn, hold_ms);
	ops->close(conn);
	if (r < 0)
		fail_prefix(err, "%s", row->name);
	if (r == -VMCTL_TRANSPORT)
		r = tell_of_machine(ctx, row, &watch, err);
	free(watch.disk);
	return r;
}

static int run(struct vmctl *ctx, struct vmctl_instance *row,
	       const struct vmctl_exec *what, struct ssh_exec *exec,
	       struct vmctl_exit *ret, struct vmctl_error *err)
{
	bool plain = !exec->tty && !exec->no_command && !exec->forward_agent &&
		     !exec->forward_count;
	long hold_ms = plain ? what->hold_ms : 0;
	struct ssh_exit exit = { 0 };
	struct vmctl_error why;
	int64_t begun = clock_mono_ms();
	int r = -VMCTL_UNSUPPORTED;

	if (hold_ms > 0) {
		r = holder_exec(ctx, row, what->user ? what->user : row->user,
				exec, &exit, &why);
		log_info(&ctx->ev, "%s: %s", row->name,
			 r == -VMCTL_UNSUPPORTED
				 ? why.message
				 : "by the ssh connection that was kept");
	}
	if (r == -VMCTL_UNSUPPORTED)
		r = run_anew(ctx, row, what, exec, hold_ms, &exit, &begun, err);
	else if (r < 0 && err)
		*err = why;
	if (r < 0)
		return r;
	*ret = (struct vmctl_exit){
		.status = exit.status,
		.signal = exit.signal,
		.timed_out = exit.timed_out,
		.held = exit.held,
		.own_status = exit.own_status,
		.bytes_in = exit.bytes_in,
		.bytes_out = exit.bytes_out,
		.bytes_err = exit.bytes_err,
		.duration_ms = clock_mono_ms() - begun,
	};
	return 0;
}

static int fail_long(const char *command, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0,
	     "the command is too long: with its quotes it has %zu bytes, and "
	     "ssh takes %d",
	     strlen(command), COMMAND_MAX - 1);
	fail_hint(err, "give it by standard input: sh -s, or xargs -0");
	return -VMCTL_INVALID;
}

static int exec_ssh(struct vmctl *ctx, struct vmctl_instance *row,
		    const struct vmctl_exec *what, struct vmctl_exit *ret,
		    struct vmctl_error *err)
{
	auto_free char *command = NULL;
	struct ssh_forwards forwards = { 0 };
	struct ssh_agent agent = { 0 };
	int r;

	if (what->argv) {
		command = ssh_command(what->argv, what->env, what->cwd);
		if (!command)
			return fail_oom(err);
		if (strlen(command) >= COMMAND_MAX)
			return fail_long(command, err);
	}
	/* A port that is taken is told of before anything else is begun. */
	r = ssh_forwards_open(what->local_forwards, &forwards, err);
	if (r < 0)
		return r;
	if (what->forward_agent)
		openssh_agent(row->name, &ctx->ev, &agent);
	struct ssh_exec exec = {
		.command = command,
		.tty = what->tty,
		.in = what->in,
		.out = what->out,
		.err = what->err,
		.timeout_ms = what->timeout_ms,
		.no_command = what->no_command,
		.forward_agent = what->forward_agent,
		.agent = &agent,
		.forwards = forwards.items,
		.forward_count = forwards.count,
	};
	r = run(ctx, row, what, &exec, ret, err);
	ssh_forwards_close(&forwards);
	openssh_agent_done(&agent);
	return r;
}

const struct transport transport_ssh = { "ssh", 30000, exec_ssh };
