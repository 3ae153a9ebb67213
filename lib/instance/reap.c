/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/port.h"

/* A program that the dead process was just starting holds its lock until that
 * is killed too, or has been executed. */
#define LINGER_MS 300

/*
 * What a process left half done when it was killed: its intent names the
 * instance, and everything made for an instance is named after it.
 */

int instance_record_failure(struct vmctl *ctx, const char *id,
			    enum vmctl_state state, const char *reason,
			    struct vmctl_error *err)
{
	int r = state_instance_set_port(ctx->db, id, 0, err);

	if (r == 0)
		r = state_nics_drop_addresses(ctx->db, id, err);
	if (r == 0)
		r = state_ports_drop(ctx->db, id, err);
	return r < 0 ? r : state_instance_set(ctx->db, id, state, reason, err);
}

/* A creation that failed and could not be taken back then has its reason. */
static int undo_creation(struct vmctl *ctx, struct vmctl_instance *row,
			 const struct state_intent *in, struct vmctl_error *err)
{
	auto_free char *reason =
		*row->reason ? strdup(row->reason)
			     : str_printf("its creation was interrupted at the "
					  "step '%s' (process %ld)",
					  *in->step ? in->step : "record",
					  (long)in->pid);

	if (!reason)
		return fail_oom(err);
	int r = instance_remove_effects(ctx, row, err);
	if (r == 0)
		r = instance_record_failure(ctx, row->id, VMCTL_STATE_ERROR,
					    reason, err);
	if (r == 0)
		log_warn(&ctx->ev, "%s: %s; what it had made is removed",
			 row->name, reason);
	return r;
}

static int finish_deletion(struct vmctl *ctx, struct vmctl_instance *row,
			   struct vmctl_error *err)
{
	int r = instance_terminate(ctx, row, err);

	if (r == 0 && row->state != VMCTL_STATE_TERMINATED)
		log_warn(&ctx->ev, "%s: finished an interrupted deletion",
			 row->name);
	return r;
}

static int settle(struct vmctl *ctx, const struct state_intent *in,
		  struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r = state_instance_get(ctx->db, in->id, &row, err);

	if (r == -VMCTL_NOT_FOUND)
		return state_intent_end(ctx->db, in->id, err);
	if (r < 0)
		return r;
	/* A process that died after its last step left only the intent. */
	if (str_eq(in->verb, "create") && row->state == VMCTL_STATE_PENDING)
		r = undo_creation(ctx, row, in, err);
	else if (str_eq(in->verb, "stop") && row->state == VMCTL_STATE_STOPPING)
		/* Until the hypervisor is asked. */
		r = state_instance_set(ctx->db, row->id, VMCTL_STATE_RUNNING,
				       "", err);
	else if (str_eq(in->verb, "delete"))
		r = finish_deletion(ctx, row, err);
	else if (str_eq(in->verb, "start") || str_eq(in->verb, "port"))
		r = forward_settle(ctx, row, err);
	return r < 0 ? r : state_intent_end(ctx->db, in->id, err);
}

/* Looked up again under the lock: another process may have settled it since,
 * and begun something else on the same instance. */
static int settle_again(struct vmctl *ctx, const char *id,
			struct vmctl_error *err)
{
	auto_free struct state_intent *dead = NULL;
	size_t n = 0;
	int r = state_intent_dead(ctx->db, &dead, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_eq(dead[i].id, id))
			return settle(ctx, &dead[i], err);
	return r;
}

int instance_reap(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_free struct state_intent *dead = NULL;
	auto_free char *dir = context_path(ctx, "locks");
	size_t n = 0;
	int r = dir ? state_intent_dead(ctx->db, &dead, &n, err)
		    : fail_oom(err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct vmctl_error why;
		int fd = -1;

		/* Whoever holds the lock for longer sees to it. */
		if (lock_take(dir, dead[i].id, ctx->command, LINGER_MS,
			      &ctx->ev, &fd, &why) < 0)
			continue;
		if (settle_again(ctx, dead[i].id, &why) < 0)
			log_warn(&ctx->ev, "%s: %s", dead[i].id, why.message);
		lock_release(dir, dead[i].id, fd);
	}
	return 0;
}
