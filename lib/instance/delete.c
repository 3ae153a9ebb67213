/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/file.h"
#include "instance/console.h"
#include "instance/holder.h"
#include "instance/relay.h"
#include "instance/turn.h"
#include "internal/config.h"
#include "internal/key.h"
#include "internal/network.h"
#include "state/execution.h"

#define REMOVE_MS 10000
#define ELSEWHERE_MS 2000

/*
 * Cutting the power and undefining are tried whatever the state is said to be,
 * and until the domain is gone: a start that a dead process asked for may still
 * be going on in the daemon. What is undefined meanwhile comes up all the same,
 * and runs without a definition.
 */
static int remove_once(const struct hv_ops *ops, struct hv *hv,
		       const char *uuid, struct vmctl_error *err)
{
	int r = ops->destroy(hv, uuid, err);

	if (r < 0 && r != -VMCTL_STATE && r != -VMCTL_NOT_FOUND)
		return r;
	r = ops->undefine(hv, uuid, err);
	return r == -VMCTL_STATE || r == -VMCTL_NOT_FOUND ? 0 : r;
}

int instance_remove_domain(struct vmctl *ctx, const struct vmctl_instance *row,
			   struct vmctl_error *err)
{
	struct wait w = wait_begin(REMOVE_MS, 200);
	const struct hv_ops *ops;
	enum hv_state seen;
	struct hv *hv;
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	if (r == 0) {
		holder_end(ctx, row->id);
		relay_end(ctx, row->id);
		turn_forget(ctx, row->id);
	}
	for (bool tried = false; r == 0; tried = true) {
		r = ops->state(hv, row->uuid, &seen, err);
		if (r < 0 || seen == HV_ABSENT)
			return r;
		if (tried && !wait_more(&w))
			return fail(err, VMCTL_BUSY, 0,
				    "the domain does not go away");
		r = remove_once(ops, hv, row->uuid, err);
	}
	return r;
}

int instance_give_back(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err)
{
	auto_free struct state_nic *nics = NULL;
	size_t n = 0;
	int r = state_nics(ctx->db, row->id, &nics, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = network_give_back(ctx, row->connection, &nics[i], err);
	return r;
}

int instance_remove_effects(struct vmctl *ctx, const struct vmctl_instance *row,
			    struct vmctl_error *err)
{
	auto_free char *dir = instance_dir(ctx, row->id);
	int r;

	if (!dir)
		return fail_oom(err);
	console_ended(ctx, row, "it was deleted");
	r = instance_remove_domain(ctx, row, err);
	/* Disk and address go after the domain: a running guest never loses
	 * them. */
	if (r == 0 && instance_runs_elsewhere(ctx, row))
		return fail_elsewhere(row, err);
	if (r == 0)
		r = instance_give_back(ctx, row, err);
	if (r < 0)
		return r;
	console_keep(ctx, row, "it was deleted");
	return dir_remove(dir, err);
}

/* Private files of keys that were deleted while it still needed them. */
static void release_keys(struct vmctl *ctx, const char *id)
{
	struct state_instance_key *keys = NULL;
	struct vmctl_error err;
	size_t n = 0;

	if (state_instance_keys(ctx->db, id, &keys, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (key_file_release(ctx, keys[i].private_path, &err) < 0)
			log_warn(&ctx->ev, "%s", err.message);
	state_instance_keys_free(keys, n);
}

int instance_terminate(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err)
{
	bool done = row->state == VMCTL_STATE_TERMINATED;
	int r = done ? 0 : instance_remove_effects(ctx, row, err);

	if (r == 0)
		r = state_instance_set(ctx->db, row->id, VMCTL_STATE_TERMINATED,
				       "", err);
	if (r == 0)
		release_keys(ctx, row->id);
	return r;
}

/* Old records go when new ones come; that it fails is no matter. */
static void forget_old(struct vmctl *ctx)
{
	const struct config *config;

	if (context_config(ctx, &config, NULL) < 0)
		return;
	int64_t days = config_number(config, "keep-days");
	int64_t before = clock_now() - days * 86400;
	if (days > 0) {
		state_instance_forget(ctx->db, before, NULL);
		state_execution_forget(ctx->db, before, NULL);
	}
	console_prune(ctx, days > 0 ? before : 0);
}

/* A machine that runs where this connection does not see it is left alone:
 * before its definition is taken away. A start that is going on just now looks
 * the same for a moment. */
static int refuse_elsewhere(struct vmctl *ctx, const struct vmctl_instance *row,
			    struct vmctl_error *err)
{
	struct wait w = wait_begin(ELSEWHERE_MS, 200);
	const struct hv_ops *ops;
	enum hv_state seen;
	struct hv *hv;
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	while (r == 0) {
		r = ops->state(hv, row->uuid, &seen, err);
		if (r < 0 || (seen != HV_STOPPED && seen != HV_ABSENT) ||
		    !instance_runs_elsewhere(ctx, row))
			return r;
		if (!wait_more(&w))
			return fail_elsewhere(row, err);
	}
	return r;
}

int vmctl_instance_delete(struct vmctl *ctx, const char *name,
			  struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	int r = instance_lock(ctx, name, &l, err);

	if (r < 0)
		return r;
	if (l.row->state == VMCTL_STATE_TERMINATED)
		return fail(err, VMCTL_NOT_FOUND, 0, "%s is deleted already",
			    l.row->id);
	const char *id = l.row->id;
	/* What is half made has never run for long. */
	if (l.row->state != VMCTL_STATE_PENDING)
		r = refuse_elsewhere(ctx, l.row, err);
	if (r < 0)
		return r;
	/* From here on it is going, whatever happens: reap.c finishes it. */
	r = state_intent_begin(ctx->db, id, "delete", ctx->command, err);
	/* On a full disk it is the deletion that makes room for its record. */
	if (r < 0 && r != -VMCTL_LIMIT)
		return r;
	r = instance_terminate(ctx, l.row, err);
	if (r < 0) {
		/* A creation's intent was taken over for what is half made:
		 * without any it would stay pending for ever. */
		if (l.row->state != VMCTL_STATE_PENDING)
			state_intent_end(ctx->db, id, NULL);
		fail_prefix(err, "%s", l.row->name);
		return r;
	}
	forget_old(ctx);
	return state_intent_end(ctx->db, id, err);
}
