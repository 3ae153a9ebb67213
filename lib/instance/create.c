/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/undo.h"
#include "driver/acl.h"
#include "driver/qemu-img.h"
#include "instance/console.h"
#include "internal/network.h"

/*
 * Creation. The record and the intent come first, in one transaction; then
 * every outside effect is named after the instance's id, so that whoever finds
 * the intent of a dead process can take all of it back (reap.c).
 */
struct creation {
	struct vmctl *ctx;
	struct state *db;
	struct draft draft;
	struct seed seed;
	struct undo undo;
	char *dir, *lock_dir;
	int lock;
};

static void creation_done(struct creation *c)
{
	if (c->lock >= 0)
		lock_release(c->lock_dir, c->draft.row->id, c->lock);
	seed_done(&c->seed);
	draft_done(&c->draft);
	free(c->dir);
	free(c->lock_dir);
}

/* --- taking back ---------------------------------------------------------- */

static int undo_files(void *data, struct vmctl_error *err)
{
	struct creation *c = data;

	console_keep(c->ctx, c->draft.row, "its creation failed");
	return dir_remove(c->dir, err);
}

static int undo_domain(void *data, struct vmctl_error *err)
{
	struct creation *c = data;

	return instance_remove_domain(c->ctx, c->draft.row, err);
}

static int undo_addresses(void *data, struct vmctl_error *err)
{
	struct creation *c = data;

	return instance_give_back(c->ctx, c->draft.row, err);
}

/* --- the steps ------------------------------------------------------------ */

/* Each try but the last is lost to another creation that drew the same
 * address: all take the first free one. */
#define DRAWS 64

/* What another process took, or took away, since the draft was made. */
static int draft_again(struct creation *c, enum state_clash clash,
		       struct vmctl_error *err)
{
	return clash == STATE_CLASH_KEY
		       ? draft_keys_again(c->ctx, &c->draft, err)
		       : draft_identity(c->ctx, &c->draft, err);
}

/* The lock, then the row: from its first moment the row is seen to belong to a
 * process at work. An id that is taken is drawn again. */
static int step_record(struct creation *c, struct vmctl_error *err)
{
	for (int tries = 0;; tries++) {
		struct vmctl_instance *row = c->draft.row;
		enum state_clash clash = STATE_CLASH_NONE;
		int r = lock_take(c->lock_dir, row->id, c->ctx->command, 0,
				  NULL, &c->lock, err);

		if (r == 0)
			r = state_instance_add(
				c->db, row, c->draft.keys, c->draft.key_count,
				c->draft.nics, c->draft.nic_count,
				c->draft.ports, c->draft.port_count,
				c->ctx->command, &clash, err);
		if (r == 0 || clash == STATE_CLASH_NONE ||
		    clash == STATE_CLASH_NAME || tries == DRAWS)
			return r;
		lock_release(c->lock_dir, row->id, c->lock);
		c->lock = -1;
		r = draft_again(c, clash, err);
		if (r < 0)
			return r;
	}
}

/* The system's libvirt makes QEMU's user the owner of what a guest uses, and
 * root after that: the caller could not read the console any more. Where that
 * cannot be prevented everything else works. */
static int keep_access(struct creation *c, const char *const files[],
		       struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct vmctl_error why;
	struct hv *hv;
	int r = context_hv(c->ctx, NULL, &ops, &hv, err);

	if (r < 0 || geteuid() == 0 || !ops->is_other_user(hv))
		return r;
	for (size_t i = 0; files[i]; i++)
		if (acl_keep_access(files[i], &why) < 0)
			log_info(&c->ctx->ev, "%s", why.message);
	return 0;
}

static int step_files(struct creation *c, struct vmctl_error *err)
{
	const struct vmctl_instance *row = c->draft.row;
	auto_free char *disk = instance_file(c->ctx, row->id, "disk.qcow2");
	auto_free char *iso = instance_file(c->ctx, row->id, "seed.iso");

	c->dir = instance_dir(c->ctx, row->id);
	if (!disk || !iso || !c->dir)
		return fail_oom(err);
	int r = undo_push(&c->undo, "the instance's folder", undo_files, c,
			  err);
	if (r == 0)
		r = context_storage_claim(c->ctx, err);
	if (r == 0)
		r = dir_make(c->dir, context_dir_mode(c->ctx), err);
	if (r == 0)
		r = qemu_img_overlay(c->draft.image_path, row->disk, disk,
				     &c->ctx->ev, err);
	if (r == 0)
		r = seed_make(&c->draft, &c->seed, err);
	if (r == 0)
		r = seed_write(&c->seed, iso, err);
	if (r == 0)
		r = dir_sync(c->dir, err);
	return r < 0 ? r
		     : keep_access(c, (const char *const[]){ disk, iso, NULL },
				   err);
}

static int step_network(struct creation *c, struct vmctl_error *err)
{
	int r = undo_push(&c->undo, "the reserved addresses", undo_addresses, c,
			  err);

	for (size_t i = 0; r == 0 && i < c->draft.nic_count; i++)
		r = network_hold(c->ctx, c->draft.row->connection,
				 &c->draft.nics[i], c->draft.row->name, err);
	return r;
}

static int step_domain(struct creation *c, struct vmctl_error *err)
{
	auto_cleanup(spec_paths_done) struct spec_paths paths = { 0 };
	const struct hv_ops *ops;
	struct hv_spec spec;
	struct hv *hv;
	int r = context_hv(c->ctx, NULL, &ops, &hv, err);

	if (r == 0)
		r = instance_spec(c->ctx, c->draft.row, &paths, &spec, err);
	if (r == 0)
		r = spec_nics(&paths, c->draft.nics, c->draft.nic_count, &spec,
			      err);
	if (r < 0)
		return r;
	r = undo_push(&c->undo, "the domain", undo_domain, c, err);
	return r < 0 ? r : ops->define(hv, &spec, err);
}

static int step_start(struct creation *c, struct vmctl_error *err)
{
	int r = instance_boot(c->ctx, c->draft.row, err);

	/* What was free a moment ago is taken: nothing is made by half. */
	if (r == -VMCTL_PARTIAL) {
		r = -VMCTL_EXISTS;
		err->code = VMCTL_EXISTS;
		err->hint[0] = '\0';
	}
	return r;
}

static const struct step {
	const char *name;
	int (*run)(struct creation *c, struct vmctl_error *err);
} steps[] = {
	{ "disk and seed", step_files },
	{ "network", step_network },
	{ "domain", step_domain },
	{ "start", step_start },
};

static int run_steps(struct creation *c, struct vmctl_error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const char *id = c->draft.row->id;

		if (cancelled(&c->ctx->ev))
			return fail_cancelled(err);
		log_info(&c->ctx->ev, "%s: %s", c->draft.row->name,
			 steps[i].name);
		progress_at(&c->ctx->ev, steps[i].name, i, 0);
		int r = state_intent_step(c->db, id, steps[i].name, err);
		if (r == 0)
			r = steps[i].run(c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes everything back and says so in the record. When that is not possible
 * now, record and intent stay as they are and the next command tries again. */
static void give_up(struct creation *c, const struct vmctl_error *why)
{
	const char *id = c->draft.row->id;
	struct vmctl_error err;

	if (undo_run(&c->undo, &err)) {
		log_warn(&c->ctx->ev, "%s", err.message);
		state_instance_set(c->db, id, VMCTL_STATE_PENDING, why->message,
				   NULL);
		return;
	}
	/* An interrupted creation is not wanted any more: its name is free. */
	enum vmctl_state state = why->code == VMCTL_CANCELLED
					 ? VMCTL_STATE_TERMINATED
					 : VMCTL_STATE_ERROR;
	if (instance_record_failure(c->ctx, id, state, why->message, &err) <
		    0 ||
	    state_intent_end(c->db, id, &err) < 0)
		log_warn(&c->ctx->ev, "%s", err.message);
}

static int create(struct creation *c, struct vmctl_error *err)
{
	struct vmctl_instance *row = c->draft.row;
	struct vmctl_error why;
	int r = step_record(c, err);

	if (r < 0)
		return r;
	r = run_steps(c, &why);
	if (r == 0)
		r = state_instance_set(c->db, row->id, VMCTL_STATE_RUNNING, "",
				       &why);
	if (r < 0) {
		give_up(c, &why);
		if (err)
			*err = why;
		fail_prefix(err, "%s", row->name);
		return r;
	}
	undo_disarm(&c->undo);
	/* It runs and is recorded so. An intent that stays is no reason to take
	 * that back: the next command ends it. */
	if (state_intent_end(c->db, row->id, &why) < 0)
		log_warn(&c->ctx->ev, "%s", why.message);
	return 0;
}

int vmctl_instance_create(struct vmctl *ctx,
			  const struct vmctl_instance_create *spec,
			  struct vmctl_instance **ret, struct vmctl_error *err)
{
	auto_cleanup(creation_done) struct creation c = { .ctx = ctx,
							  .lock = -1 };

	c.lock_dir = context_path(ctx, "locks");
	if (!c.lock_dir)
		return fail_oom(err);
	int r = context_state(ctx, &c.db, err);
	if (r == 0)
		r = instance_reap(ctx, err);
	if (r == 0)
		r = draft_make(ctx, spec, true, &c.draft, err);
	if (r == 0)
		r = create(&c, err);
	if (r < 0)
		return r;
	return vmctl_instance_get(ctx, c.draft.row->id, 0, ret, err);
}
