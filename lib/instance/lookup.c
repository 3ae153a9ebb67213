/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"
#include "state/brief.h"

/* The lock files' folder and an instance's own name in it. */
static char *lock_dir(const struct vmctl *ctx)
{
	return context_path(ctx, "locks");
}

int instance_find(struct vmctl *ctx, const char *name,
		  struct vmctl_instance **ret, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = instance_reap(ctx, err);
	if (r < 0)
		return r;
	r = state_instance_get(db, name, &row, err);
	if (r == -VMCTL_NOT_FOUND) {
		fail(err, VMCTL_NOT_FOUND, 0, "there is no instance '%s'",
		     name);
		state_hint_nearest(db, STATE_WORDS_INSTANCES, name, err);
	}
	if (r < 0)
		return r;
	r = instance_complete(ctx, row, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&row);
	return 0;
}

void locked_done(struct locked *l)
{
	if (l->fd >= 0) {
		auto_free char *dir = lock_dir(l->ctx);
		if (dir)
			lock_release(dir, l->row->id, l->fd);
		else
			close(l->fd);
	}
	vmctl_instance_free(l->row);
	*l = LOCKED_INIT;
}

int instance_lock(struct vmctl *ctx, const char *name, struct locked *ret,
		  struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	auto_instance *first = NULL;
	auto_free char *dir = lock_dir(ctx);
	int r = instance_find(ctx, name, &first, err);

	if (r < 0)
		return r;
	if (!dir)
		return fail_oom(err);
	l.ctx = ctx;
	l.row = take_ptr(&first);
	r = lock_take(dir, l.row->id, ctx->command, ctx->lock_timeout_ms,
		      &ctx->ev, &l.fd, err);
	if (r < 0) {
		fail_prefix(err, "%s", l.row->name);
		return r;
	}
	/* Who held it may have changed anything: read again, by id. */
	struct vmctl_instance *row;
	r = instance_find(ctx, l.row->id, &row, err);
	if (r < 0)
		return r;
	vmctl_instance_free(l.row);
	l.row = row;
	*ret = l;
	l = LOCKED_INIT;
	return 0;
}
