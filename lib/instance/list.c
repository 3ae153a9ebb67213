/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

/* What was last seen stands, and is said to be old. */
static int mark_stale(struct vmctl *ctx, struct vmctl_instance *row,
		      const char *reason, struct vmctl_error *err)
{
	row->stale = true;
	if (row->state != VMCTL_STATE_PENDING &&
	    row->state != VMCTL_STATE_TERMINATED &&
	    row->state != VMCTL_STATE_ERROR) {
		char *copy = strdup(reason);
		if (!copy)
			return fail_oom(err);
		free(row->reason);
		row->reason = copy;
		row->state = VMCTL_STATE_UNKNOWN;
	}
	return instance_complete(ctx, row, err);
}

static int by_uuid(const void *a, const void *b)
{
	return strcmp(((const struct hv_domain *)a)->uuid,
		      ((const struct hv_domain *)b)->uuid);
}

static int observe_all(struct vmctl *ctx, struct vmctl_instance_list *list,
		       struct hv_domain *domains, size_t n,
		       struct vmctl_error *err)
{
	qsort(domains, n, sizeof(*domains), by_uuid);
	for (size_t i = 0; i < list->count; i++) {
		struct vmctl_instance *row = list->items[i];
		struct hv_domain key = { 0 };
		int r;

		if (!str_eq(row->connection, ctx->uri)) {
			r = mark_stale(ctx, row, "it is on another connection",
				       err);
		} else {
			memcpy(key.uuid, row->uuid, sizeof(key.uuid) - 1);
			struct hv_domain *d =
				bsearch(&key, domains, n, sizeof(key), by_uuid);
			r = instance_observe(ctx, row, d ? d->state : HV_ABSENT,
					     err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int ask(struct vmctl *ctx, struct vmctl_instance_list *list,
	       struct vmctl_error *unreachable, struct vmctl_error *err)
{
	auto_free struct hv_domain *domains = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;
	int r = 0;

	if (!list->count) /* nothing to ask about */
		return 0;
	r = context_hv(ctx, &ops, &hv, unreachable);
	if (r == 0)
		r = ops->list(hv, &domains, &n, unreachable);
	if (r == 0)
		return observe_all(ctx, list, domains, n, err);
	for (size_t i = 0; i < list->count; i++) {
		r = mark_stale(ctx, list->items[i],
			       "the hypervisor cannot be reached", err);
		if (r < 0)
			return r;
	}
	return 0;
}

int vmctl_instance_list(struct vmctl *ctx, unsigned flags,
			struct vmctl_instance_list **ret,
			struct vmctl_error *unreachable,
			struct vmctl_error *err)
{
	auto_instance_list *list = NULL;
	struct vmctl_error why = { 0 };
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0 && !(flags & VMCTL_LIST_CACHED))
		r = instance_reap(ctx, err);
	if (r == 0)
		r = state_instance_list(db, flags & VMCTL_LIST_ALL_STATES,
					&list, err);
	if (r < 0)
		return r;
	if (!(flags & VMCTL_LIST_CACHED))
		r = ask(ctx, list, &why, err);
	for (size_t i = 0; (flags & VMCTL_LIST_CACHED) && i < list->count;
	     i++) {
		list->items[i]->stale = true;
		r = instance_complete(ctx, list->items[i], err);
		if (r < 0)
			break;
	}
	if (r < 0)
		return r;
	if (unreachable)
		*unreachable = why;
	*ret = take_ptr(&list);
	return 0;
}

int vmctl_instance_get(struct vmctl *ctx, const char *name, unsigned flags,
		       struct vmctl_instance **ret, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct vmctl_error why;
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	if (flags & VMCTL_LIST_CACHED)
		row->stale = true;
	else if (instance_refresh(ctx, row, &why) < 0)
		r = mark_stale(ctx, row, why.message, err);
	else if (row->state == VMCTL_STATE_RUNNING && !instance_forwarded(row))
		r = instance_reach(ctx, row, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&row);
	return 0;
}
