/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/units.h"
#include "instance/console.h"
#include "instance/holder.h"
#include "instance/relay.h"
#include "internal/network.h"

/* A guest that is still booting does not hear the power button. */
#define SHUTDOWN_AGAIN_MS 5000

int instance_look_up(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err)
{
	auto_free struct state_nic *nics = NULL;
	const char *source = "";
	char address[46];
	size_t n = 0;
	int r = state_nics(ctx->db, row->id, &nics, &n, err);

	if (r < 0 || !n ||
	    network_look_up(ctx, row->connection, row->uuid, &nics[0], address,
			    &source, NULL) < 0)
		return r;
	if (!nics[0].reserved)
		state_nic_seen(ctx->db, row->id, nics[0].mac, address, NULL);
	return instance_set_address(row, address, source, err);
}

int instance_reach(struct vmctl *ctx, struct vmctl_instance *row,
		   struct vmctl_error *err)
{
	bool own = !instance_forwarded(row);
	struct vmctl_error why;
	int r = own ? instance_look_up(ctx, row, err) : 0;

	if (r < 0 || (own && (!row->ports || !row->ports[0])))
		return r;
	r = instance_forward(ctx, row, &why);
	if (r == -VMCTL_PARTIAL || (r < 0 && own)) {
		/* The way in is there. */
		log_info(&ctx->ev, "%s: %s", row->name, why.message);
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

static int networks_up(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err)
{
	auto_free struct state_nic *nics = NULL;
	size_t n = 0;
	int r = state_nics(ctx->db, row->id, &nics, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = network_hold(ctx, row->connection, &nics[i], row->name,
				 err);
	return r;
}

int instance_boot(struct vmctl *ctx, struct vmctl_instance *row,
		  struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct hv *hv;
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	if (r == 0)
		r = networks_up(ctx, row, err);
	if (r < 0)
		return r;
	bool moved = console_begin(ctx, row);
	r = ops->start(hv, row->uuid, err);
	if (r == -VMCTL_STATE && moved)
		console_take_back(ctx, row);
	return r < 0 ? r : instance_forward(ctx, row, err);
}

/* A domain that was undefined behind our back is defined again: record, disk
 * and seed have all that it takes. */
static int define_again(struct vmctl *ctx, struct vmctl_instance *row,
			struct vmctl_error *err)
{
	auto_cleanup(spec_paths_done) struct spec_paths paths = { 0 };
	const struct hv_ops *ops;
	struct hv_spec spec;
	struct hv *hv;
	size_t n = 0;
	int r = instance_spec(ctx, row, &paths, &spec, err);

	if (r == 0)
		r = state_nics(ctx->db, row->id, &paths.nics, &n, err);
	if (r == 0)
		r = spec_nics(&paths, paths.nics, n, &spec, err);
	if (r == 0)
		r = context_hv(ctx, row->connection, &ops, &hv, err);
	if (r < 0)
		return r;
	if (access(spec.disk, F_OK) < 0) {
		/* What was never launched has the reason for that. */
		if (row->launched_at || !*row->reason)
			fail(err, VMCTL_STATE, 0, "its disk is gone");
		else
			fail(err, VMCTL_STATE, 0, "it has no disk: %s",
			     row->reason);
		fail_hint(err, "vmctl delete %s", row->name);
		return -VMCTL_STATE;
	}
	log_warn(&ctx->ev, "%s: the domain is gone, defining it again",
		 row->name);
	return ops->define(hv, &spec, err);
}

static int set_state(struct vmctl *ctx, struct vmctl_instance *row,
		     enum vmctl_state state, struct vmctl_error *err)
{
	row->state = state;
	return state_instance_set(ctx->db, row->id, state, "", err);
}

/* Says whose failure it was, for a command that has several targets. */
static int named(const struct vmctl_instance *row, int r,
		 struct vmctl_error *err)
{
	if (r < 0)
		fail_prefix(err, "%s", row->name);
	return hint_silent(row, r, err);
}

/* Should this process die in the middle, the intent has reap.c see to the
 * forwards. What cannot be forwarded does not keep it from running. */
static int boot(struct vmctl *ctx, struct vmctl_instance *row,
		struct vmctl_error *err)
{
	struct vmctl_error why;
	int r = state_intent_begin(ctx->db, row->id, "start", ctx->command,
				   err);

	if (r < 0)
		return r;
	r = instance_boot(ctx, row, &why);
	if (r == 0 || r == -VMCTL_PARTIAL) {
		int recorded = set_state(ctx, row, VMCTL_STATE_RUNNING, err);
		if (recorded < 0)
			return recorded;
	}
	state_intent_end(ctx->db, row->id, NULL);
	if (r < 0 && err)
		*err = why;
	return r;
}

int vmctl_instance_start(struct vmctl *ctx, const char *name,
			 struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	int r = instance_lock(ctx, name, &l, err);

	if (r == 0)
		r = instance_refresh(ctx, l.row, err);
	if (r < 0)
		return r;
	switch (l.row->state) {
	case VMCTL_STATE_RUNNING:
		return named(l.row, instance_forward(ctx, l.row, err), err);
	case VMCTL_STATE_ERROR:
		r = define_again(ctx, l.row, err);
		break;
	case VMCTL_STATE_STOPPED:
	case VMCTL_STATE_SUSPENDED:
		break;
	default:
		return fail_state(l.row, "cannot be started", err);
	}
	if (r == 0)
		r = boot(ctx, l.row, err);
	return named(l.row, r, err);
}

/* Waits for the guest to go down; asks it again from time to time. */
static int wait_stopped(struct vmctl *ctx, struct vmctl_instance *row,
			long timeout_ms, struct vmctl_error *err)
{
	const struct hv_ops *ops;
	enum hv_state seen = HV_RUNNING;
	int64_t asked = clock_mono_ms();
	char limit[DURATION_TEXT];
	struct hv *hv;
	struct wait w = wait_begin(timeout_ms, 200);
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	while (r == 0) {
		r = ops->state(hv, row->uuid, &seen, err);
		if (r < 0 || seen == HV_STOPPED || seen == HV_SAVED ||
		    seen == HV_ABSENT)
			return r;
		progress_at(&ctx->ev, "waiting for the guest to shut down", 0,
			    0);
		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
		if (!wait_more(&w))
			break;
		if (clock_mono_ms() - asked > SHUTDOWN_AGAIN_MS) {
			ops->shutdown(hv, row->uuid, NULL);
			asked = clock_mono_ms();
		}
	}
	if (r < 0)
		return r;
	fail(err, VMCTL_TIMEOUT, 0, "it did not shut down within %s",
	     format_duration(timeout_ms, limit));
	fail_hint(err, "vmctl stop --force %s", row->name);
	return -VMCTL_TIMEOUT;
}

static int stop(struct vmctl *ctx, struct vmctl_instance *row,
		enum vmctl_state seen, long timeout_ms, bool force,
		struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct hv *hv;
	int r = context_hv(ctx, row->connection, &ops, &hv, err);

	if (r < 0)
		return r;
	/* A paused guest hears nothing. */
	if (seen == VMCTL_STATE_PAUSED && !force) {
		fail(err, VMCTL_STATE, 0, "it is paused");
		fail_hint(err, "vmctl stop --force %s", row->name);
		return -VMCTL_STATE;
	}
	r = -VMCTL_TIMEOUT;
	if (seen != VMCTL_STATE_PAUSED && (timeout_ms > 0 || !force)) {
		r = ops->shutdown(hv, row->uuid, err);
		if (r == 0)
			r = wait_stopped(ctx, row, timeout_ms, err);
	}
	/* Also when it could not be asked: that is what force is for. */
	if (r < 0 && r != -VMCTL_CANCELLED && force)
		r = ops->destroy(hv, row->uuid, err);
	/* It may have gone down by itself between two calls. */
	return r == -VMCTL_STATE ? wait_stopped(ctx, row, 1000, err) : r;
}

/* Others see that it is stopping. Should this process die, or not be able to
 * say how it ended, the intent has reap.c see to it. */
static int stop_seen(struct vmctl *ctx, struct vmctl_instance *row,
		     long timeout_ms, bool force, struct vmctl_error *err)
{
	enum vmctl_state seen = row->state;
	int r = state_intent_begin(ctx->db, row->id, "stop", ctx->command, err);

	if (r == 0)
		r = set_state(ctx, row, VMCTL_STATE_STOPPING, err);
	if (r == 0)
		r = stop(ctx, row, seen, timeout_ms, force, err);
	int recorded;
	if (r == 0) {
		holder_end(ctx, row->id);
		relay_end(ctx, row->id);
	}
	if (r == 0)
		recorded = r = set_state(ctx, row, VMCTL_STATE_STOPPED, err);
	else
		recorded = set_state(
			ctx, row,
			seen == VMCTL_STATE_PAUSED ? seen : VMCTL_STATE_RUNNING,
			NULL);
	if (recorded == 0)
		state_intent_end(ctx->db, row->id, NULL);
	return r;
}

int vmctl_instance_stop(struct vmctl *ctx, const char *name, long timeout_ms,
			bool force, struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	int r = instance_lock(ctx, name, &l, err);

	if (r == 0)
		r = instance_refresh(ctx, l.row, err);
	if (r < 0)
		return r;
	switch (l.row->state) {
	case VMCTL_STATE_STOPPED:
	case VMCTL_STATE_SUSPENDED:
		return 0;
	case VMCTL_STATE_RUNNING:
	case VMCTL_STATE_STOPPING:
	case VMCTL_STATE_PAUSED:
		break;
	default:
		return fail_state(l.row, "cannot be stopped", err);
	}
	return named(l.row, stop_seen(ctx, l.row, timeout_ms, force, err), err);
}

int vmctl_instance_reboot(struct vmctl *ctx, const char *name, bool force,
			  struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	const struct hv_ops *ops;
	struct hv *hv;
	int r = instance_lock(ctx, name, &l, err);

	if (r == 0)
		r = instance_refresh(ctx, l.row, err);
	if (r == 0)
		r = context_hv(ctx, l.row->connection, &ops, &hv, err);
	if (r < 0)
		return r;
	if (l.row->state != VMCTL_STATE_RUNNING)
		return fail_state(l.row, "is not running", err);
	r = force ? ops->reset(hv, l.row->uuid, err)
		  : ops->reboot(hv, l.row->uuid, err);
	if (r == 0)
		r = instance_forward(ctx, l.row, err);
	return named(l.row, r, err);
}
