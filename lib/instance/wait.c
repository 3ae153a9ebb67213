/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/file.h"
#include "driver/ssh.h"
#include "instance/instance.h"

static int wait_state(struct vmctl *ctx, struct vmctl_instance *row,
		      enum vmctl_state want, long timeout_ms,
		      struct vmctl_error *err)
{
	struct wait w = wait_begin(timeout_ms, 250);

	for (;;) {
		int r = instance_refresh(ctx, row, err);
		if (r < 0 || row->state == want)
			return r;
		/* Nothing makes it start or come back but another command:
		 * waiting for that is what was asked for, except of a failed
		 * one. */
		if (row->state == VMCTL_STATE_ERROR)
			return fail(err, VMCTL_STATE, 0, "%s is in error: %s",
				    row->name, row->reason);
		progress_at(&ctx->ev,
			    want == VMCTL_STATE_STOPPED
				    ? "waiting for it to stop"
				    : "waiting for it to run",
			    0, 0);
		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
		if (!wait_more(&w))
			return fail(err, VMCTL_TIMEOUT, 0,
				    "%s is not %s after %ld s", row->name,
				    vmctl_state_name(want), timeout_ms / 1000);
	}
}

static int wait_ssh(struct vmctl *ctx, struct vmctl_instance *row,
		    long timeout_ms, const struct ssh_ops **ret_ops,
		    struct ssh_conn **ret, struct vmctl_error *err)
{
	int r = instance_connect(ctx, row, NULL, timeout_ms, ret_ops, ret, err);

	if (r != -VMCTL_TRANSPORT && r != -VMCTL_DENIED)
		return r;
	if (err)
		err->code = VMCTL_TIMEOUT;
	return -VMCTL_TIMEOUT;
}

/* Runs a command in the guest and keeps what it writes. */
static int capture(const struct ssh_ops *ops, struct ssh_conn *conn,
		   const char *command, long timeout_ms,
		   const struct events *ev, struct ssh_exit *ret_exit,
		   struct str *ret_out, struct vmctl_error *err)
{
	auto_close int fd = memfd_create("vmctl-output", MFD_CLOEXEC);
	struct ssh_exec what = { .command = command,
				 .in = -1,
				 .out = fd,
				 .err = fd,
				 .timeout_ms = timeout_ms };

	if (fd < 0)
		return fail_sys(err, errno, "cannot make a buffer");
	int r = ops->exec(conn, &what, ev, ret_exit, err);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = fail_sys(err, errno, "cannot read a buffer");
	return r < 0 ? r
		     : fd_read_all(fd, 1 << 20, "the guest's answer", ret_out,
				   err);
}

/* The guest's own words about what went wrong, in one line. */
static void fold(struct str *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->p[i] == '\n' || s->p[i] == '\r')
			s->p[i] = ' ';
	while (s->len && s->p[s->len - 1] == ' ')
		s->p[--s->len] = '\0';
}

static int wait_cloud_init(struct vmctl *ctx, struct vmctl_instance *row,
			   long timeout_ms, struct vmctl_error *err)
{
	auto_str out = STR_INIT;
	const struct ssh_ops *ops;
	struct ssh_conn *conn;
	struct ssh_exit exit = { 0 };
	struct wait w = wait_begin(timeout_ms, 500);
	int r = wait_ssh(ctx, row, timeout_ms, &ops, &conn, err);

	if (r < 0)
		return r;
	/* Waits without dots on its output, then says all there is to say. */
	r = capture(ops, conn,
		    "cloud-init status --wait >/dev/null 2>&1; "
		    "cloud-init status --long",
		    (long)wait_left_ms(&w), &ctx->ev, &exit, &out, err);
	ops->close(conn);
	if (r < 0)
		return r;
	fold(&out);
	if (exit.timed_out)
		return fail(err, VMCTL_TIMEOUT, 0,
			    "%s: cloud-init is not done after %ld s", row->name,
			    timeout_ms / 1000);
	if (exit.status == 127)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "%s: the guest has no cloud-init", row->name);
	/* 2: done, with errors that it recovered from (cloud-init 23.4). */
	if (exit.status == 0 || exit.status == 2)
		return 0;
	fail(err, VMCTL_FAILED, 0, "%s: cloud-init failed: %s", row->name,
	     str_text(&out));
	fail_hint(err, "vmctl exec %s -- cat /var/log/cloud-init-output.log",
		  row->name);
	return -VMCTL_FAILED;
}

int vmctl_instance_wait(struct vmctl *ctx, const char *name,
			enum vmctl_wait what, long timeout_ms,
			struct vmctl_error *err)
{
	auto_instance *row = NULL;
	const struct ssh_ops *ops = NULL;
	struct ssh_conn *conn = NULL;
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	switch (what) {
	case VMCTL_WAIT_RUNNING:
		r = wait_state(ctx, row, VMCTL_STATE_RUNNING, timeout_ms, err);
		break;
	case VMCTL_WAIT_STOPPED:
		r = wait_state(ctx, row, VMCTL_STATE_STOPPED, timeout_ms, err);
		break;
	case VMCTL_WAIT_SSH:
		r = wait_ssh(ctx, row, timeout_ms, &ops, &conn, err);
		if (r == 0)
			ops->close(conn);
		break;
	case VMCTL_WAIT_CLOUD_INIT:
		r = wait_cloud_init(ctx, row, timeout_ms, err);
		break;
	default:
		return fail(err, VMCTL_INVALID, 0, "unknown thing to wait for");
	}
	if (r == -VMCTL_TIMEOUT)
		instance_diagnose(ctx, row, err);
	return r;
}
