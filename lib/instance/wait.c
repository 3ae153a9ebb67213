/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "driver/ssh.h"
#include "instance/instance.h"

/* The record as it is now: who creates or deletes it is another process. */
static int look(struct vmctl *ctx, struct vmctl_instance *row,
		struct vmctl_error *err)
{
	auto_instance *now = NULL;
	int r = instance_find(ctx, row->id, &now, err);

	if (r < 0)
		return r;
	struct vmctl_instance old = *row;
	*row = *now;
	*now = old;
	return instance_refresh(ctx, row, err);
}

static int check_hope(const struct vmctl_instance *row, struct vmctl_error *err)
{
	switch (row->state) {
	case VMCTL_STATE_TERMINATED:
		return fail(err, VMCTL_STATE, 0, "%s is deleted", row->name);
	case VMCTL_STATE_ERROR:
		return fail(err, VMCTL_STATE, 0, "%s is in error: %s",
			    row->name, row->reason);
	default:
		return 0;
	}
}

/* Nothing makes it start or come back but another command: waiting for that is
 * what was asked for, except of a failed or deleted one. */
static int wait_state(struct vmctl *ctx, struct vmctl_instance *row,
		      enum vmctl_state want, long timeout_ms,
		      struct vmctl_error *err)
{
	struct wait w = wait_begin(timeout_ms, 250);
	char limit[DURATION_TEXT];

	for (;;) {
		int r = look(ctx, row, err);
		if (r < 0 || row->state == want)
			return r;
		r = check_hope(row, err);
		if (r < 0)
			return r;
		progress_at(&ctx->ev,
			    want == VMCTL_STATE_STOPPED
				    ? "waiting for it to stop"
				    : "waiting for it to run",
			    0, 0);
		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
		if (!wait_more(&w))
			return fail(err, VMCTL_TIMEOUT, 0,
				    "%s is not %s after %s", row->name,
				    vmctl_state_name(want),
				    format_duration(timeout_ms, limit));
	}
}

/* For calls to which 0 means no limit. */
static long left(const struct wait *w, long timeout_ms)
{
	int64_t ms = wait_left_ms(w);

	return timeout_ms < 0 ? timeout_ms : ms > 0 ? (long)ms : 1;
}

static int wait_ssh(struct vmctl *ctx, struct vmctl_instance *row,
		    long timeout_ms, const struct ssh_ops **ret_ops,
		    struct ssh_conn **ret, struct vmctl_error *err)
{
	struct wait w = wait_begin(timeout_ms, 0);
	int r = 0;

	/* Another process is still making it. */
	if (row->state == VMCTL_STATE_PENDING)
		r = wait_state(ctx, row, VMCTL_STATE_RUNNING, timeout_ms, err);
	if (r < 0)
		return r;
	r = instance_connect(ctx, row, NULL, left(&w, timeout_ms), ret_ops, ret,
			     err);
	/* What was given up before its time will not come true. */
	if ((r != -VMCTL_TRANSPORT && r != -VMCTL_DENIED) || wait_left_ms(&w))
		return r;
	if (err)
		err->code = VMCTL_TIMEOUT;
	return -VMCTL_TIMEOUT;
}

#define ANSWER_MAX (1 << 20)

/* Runs a command in the guest and keeps what it writes. */
static int capture(const struct ssh_ops *ops, struct ssh_conn *conn,
		   const char *command, long timeout_ms,
		   const struct events *ev, struct ssh_exit *ret_exit,
		   struct str *ret_out, struct vmctl_error *err)
{
	auto_close int fd =
		memfd_create("vmctl-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ssh_exec what = { .command = command,
				 .in = -1,
				 .out = fd,
				 .err = fd,
				 .timeout_ms = timeout_ms };

	/* A guest may say as much as it likes: what is beyond the size cannot
	 * be written. What it does not fill reads as zeros. */
	if (fd < 0 || ftruncate(fd, ANSWER_MAX) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return fail_sys(err, errno, "cannot make a buffer");
	int r = ops->exec(conn, &what, ev, ret_exit, err);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = fail_sys(err, errno, "cannot read a buffer");
	return r < 0 ? r
		     : fd_read_all(fd, ANSWER_MAX, "the guest's answer",
				   ret_out, err);
}

static int ask_cloud_init(struct vmctl *ctx, struct vmctl_instance *row,
			  const char *command, const struct wait *w,
			  long timeout_ms, struct ssh_exit *ret_exit,
			  struct str *ret, struct vmctl_error *err)
{
	const struct ssh_ops *ops;
	struct ssh_conn *conn;
	int r = wait_ssh(ctx, row, left(w, timeout_ms), &ops, &conn, err);

	if (r < 0)
		return r;
	r = capture(ops, conn, command, left(w, timeout_ms), &ctx->ev, ret_exit,
		    ret, err);
	ops->close(conn);
	return r;
}

static int wait_cloud_init(struct vmctl *ctx, struct vmctl_instance *row,
			   long timeout_ms, struct vmctl_error *err)
{
	const char *const argv[] = { "sh", "-c", cloud_init_question, NULL };
	auto_free char *command = ssh_quote_argv(argv);
	auto_str out = STR_INIT;
	struct ssh_exit exit = { 0 };
	struct wait w = wait_begin(timeout_ms, 500);
	char limit[DURATION_TEXT];
	int r;

	if (!command)
		return fail_oom(err);
	/* A first boot may end in another: a session that breaks proves
	 * nothing. */
	do {
		str_done(&out);
		r = ask_cloud_init(ctx, row, command, &w, timeout_ms, &exit,
				   &out, err);
	} while (r == -VMCTL_TRANSPORT && wait_more(&w));
	if (r < 0 && r != -VMCTL_TRANSPORT)
		return r;
	if (r < 0 || exit.timed_out)
		return fail(err, VMCTL_TIMEOUT, 0,
			    "%s: cloud-init is not done after %s", row->name,
			    format_duration(timeout_ms, limit));
	return cloud_init_verdict(&ctx->ev, row->name, exit.status,
				  str_text(&out), err);
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
