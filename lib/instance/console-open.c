/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/console.h>

#include "base/clock.h"
#include "instance/instance.h"

/* How long it may take until the hypervisor has seen that a machine went off
 * whose console closed, and until who was cut off has given its lock back. */
#define SETTLE_MS 5000

/* The session and its lock, which is there to say who has the console. */
struct session {
	struct vmctl *ctx;
	struct vmctl_instance *row;
	char *dir, *lock;
	int fd;
	const struct vmctl_console *what;
};

static void session_done(struct session *s)
{
	if (s->fd >= 0)
		lock_release(s->dir, s->lock, s->fd);
	free(s->dir);
	free(s->lock);
	vmctl_instance_free(s->row);
}
#define auto_session auto_cleanup(session_done) struct session

static int fail_in_use(const struct session *s, const char *how,
		       struct vmctl_error *err)
{
	char command[LOCK_COMMAND_MAX];
	long pid;

	if (lock_holder(s->dir, s->lock, &pid, command) && pid != getpid())
		fail(err, VMCTL_BUSY, 0,
		     "the console of %s %s process %ld (%s)", s->row->name, how,
		     pid, command);
	else
		fail(err, VMCTL_BUSY, 0, "the console of %s %s another program",
		     s->row->name, how);
	fail_hint(err, "vmctl console --force %s takes it over", s->row->name);
	return -VMCTL_BUSY;
}

/* Now it is ours: who had it gives its lock back. */
static void on_open(void *data)
{
	struct session *s = data;

	if (s->fd < 0)
		(void)lock_take(s->dir, s->lock, s->ctx->command, SETTLE_MS,
				&s->ctx->ev, &s->fd, NULL);
	progress_at(&s->ctx->ev, NULL, 0, 0);
	if (s->what->opened)
		s->what->opened(s->what->data);
}

/* The stream was closed from over there. */
static int closed(struct session *s, const struct hv_ops *ops, struct hv *hv,
		  enum vmctl_console_end *ret, struct vmctl_error *err)
{
	struct wait w = wait_begin(SETTLE_MS, 200);
	char command[LOCK_COMMAND_MAX];
	enum hv_state seen;
	long pid;

	lock_release(s->dir, s->lock, s->fd);
	s->fd = -1;
	do {
		int r = ops->state(hv, s->row->uuid, &seen, err);

		if (r < 0)
			return r;
		if (seen != HV_RUNNING && seen != HV_PAUSED &&
		    seen != HV_STOPPING) {
			*ret = VMCTL_CONSOLE_OFF;
			return 0;
		}
		if (lock_holder(s->dir, s->lock, &pid, command))
			break;
		if (cancelled(&s->ctx->ev))
			return fail_cancelled(err);
	} while (wait_more(&w));
	return fail_in_use(s, "was taken over by", err);
}

static int prepare(struct session *s, const char *name, struct vmctl_error *err)
{
	struct vmctl *ctx = s->ctx;
	int r = instance_find(ctx, name, &s->row, err);

	if (r == 0)
		r = instance_refresh(ctx, s->row, err);
	if (r < 0)
		return r;
	if (s->row->state != VMCTL_STATE_RUNNING &&
	    s->row->state != VMCTL_STATE_STOPPING &&
	    s->row->state != VMCTL_STATE_PAUSED)
		return fail_state(s->row, "is not running", err);
	s->dir = context_path(ctx, "locks");
	s->lock = str_printf("%s.console", s->row->id);
	return s->dir && s->lock ? 0 : fail_oom(err);
}

int vmctl_console_open(struct vmctl *ctx, const char *name,
		       const struct vmctl_console *what,
		       enum vmctl_console_end *ret, struct vmctl_error *err)
{
	auto_session s = { .ctx = ctx, .fd = -1, .what = what };
	struct hv_console to = {
		.in = what->in,
		.out = what->out,
		.escape = what->escape,
		.force = what->force,
		.timeout_ms = what->timeout_ms,
		.linger_ms = what->linger_ms,
		.opened = on_open,
		.data = &s,
	};
	enum hv_console_end end = HV_CONSOLE_LEFT;
	const struct hv_ops *ops;
	struct hv *hv;
	int r = prepare(&s, name, err);

	if (r == 0)
		r = context_hv(ctx, s.row->connection, &ops, &hv, err);
	if (r == 0)
		r = lock_try(s.dir, s.lock, ctx->command, &s.fd, err);
	if (r < 0)
		return r;
	if (s.fd < 0 && !what->force)
		return fail_in_use(&s, "is in use by", err);
	struct vmctl_error why;
	r = ops->console(hv, s.row->uuid, &to, &end, &why);
	if (r == -VMCTL_BUSY)
		return fail_in_use(&s, "is in use by", err);
	if (r < 0) {
		if (err)
			*err = why;
		fail_prefix(err, "%s", s.row->name);
		return r;
	}
	*ret = VMCTL_CONSOLE_LEFT;
	return end == HV_CONSOLE_CLOSED ? closed(&s, ops, hv, ret, err) : 0;
}
