/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "instance/instance.h"
#include "state/brief.h"

/* What was last seen stands, and is said to be old. */
static int mark_stale(struct vmctl_instance *row, const char *reason,
		      struct vmctl_error *err)
{
	row->stale = true;
	if (row->state != VMCTL_STATE_PENDING &&
	    row->state != VMCTL_STATE_TERMINATED &&
	    row->state != VMCTL_STATE_ERROR) {
		if (!state_row_set(row, &row->reason, reason))
			return fail_oom(err);
		row->state = VMCTL_STATE_UNKNOWN;
	}
	return instance_locate(row, err);
}

static int by_uuid(const void *a, const void *b)
{
	return strcmp(((const struct hv_domain *)a)->uuid,
		      ((const struct hv_domain *)b)->uuid);
}

/* A terminated one is on none any more. */
static bool on_connection(const struct vmctl_instance *row, const char *uri)
{
	return row->state != VMCTL_STATE_TERMINATED &&
	       str_eq(row->connection, uri);
}

/* What one connection's answer says of the rows that are on it. */
static int observe_all(struct vmctl *ctx, struct vmctl_instance_list *list,
		       const char *uri, struct hv_domain *domains, size_t n,
		       struct vmctl_error *err)
{
	qsort(domains, n, sizeof(*domains), by_uuid);
	for (size_t i = 0; i < list->count; i++) {
		struct vmctl_instance *row = list->items[i];
		struct hv_domain key = { 0 };

		if (!on_connection(row, uri))
			continue;
		snprintf(key.uuid, sizeof(key.uuid), "%s", row->uuid);
		struct hv_domain *d =
			bsearch(&key, domains, n, sizeof(key), by_uuid);
		int r = instance_observe(ctx, row, d ? d->state : HV_ABSENT,
					 err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mark_all_stale(struct vmctl_instance_list *list, const char *uri,
			  struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (on_connection(list->items[i], uri))
			r = mark_stale(list->items[i],
				       "the hypervisor cannot be reached", err);
	return r;
}

static int ask_one(struct vmctl *ctx, struct vmctl_instance_list *list,
		   const char *uri, struct vmctl_error *unreachable,
		   struct vmctl_error *err)
{
	auto_free struct hv_domain *domains = NULL;
	const struct hv_ops *ops;
	struct vmctl_error why;
	struct hv *hv;
	size_t n = 0;
	int r = context_hv(ctx, uri, &ops, &hv, &why);

	if (r == 0)
		r = ops->list(hv, &domains, &n, &why);
	if (r == 0)
		return observe_all(ctx, list, uri, domains, n, err);
	*unreachable = why;
	return mark_all_stale(list, uri, err);
}

/* One bulk call to each connection that has instances; one that fails does not
 * hide the others. */
static int ask(struct vmctl *ctx, struct vmctl_instance_list *list,
	       struct vmctl_error *unreachable, struct vmctl_error *err)
{
	auto_free const char **asked = calloc(list->count + 1, sizeof(*asked));
	size_t count = 0;
	int r = asked ? 0 : fail_oom(err);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		struct vmctl_instance *row = list->items[i];
		size_t j = 0;

		while (j < count && !on_connection(row, asked[j]))
			j++;
		if (row->state != VMCTL_STATE_TERMINATED && j == count)
			r = ask_one(ctx, list, asked[count++] = row->connection,
				    unreachable, err);
	}
	return r;
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
		r = flags & VMCTL_LIST_BRIEF
			    ? state_instance_brief(db,
						   !(flags & VMCTL_LIST_CACHED),
						   &list, err)
			    : state_instance_list(db,
						  flags & VMCTL_LIST_ALL_STATES,
						  &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		list->items[i]->stale = flags & VMCTL_LIST_CACHED;
		r = flags & VMCTL_LIST_BRIEF
			    ? instance_locate(list->items[i], err)
			    : instance_complete(ctx, list->items[i], err);
	}
	if (r == 0 && !(flags & VMCTL_LIST_CACHED))
		r = ask(ctx, list, &why, err);
	if (r < 0)
		return r;
	if (unreachable)
		*unreachable = why;
	*ret = take_ptr(&list);
	return 0;
}

/* What runs though it was stopped, when it was looked at last, was started by
 * other means, and has no forwards. */
static int reach(struct vmctl *ctx, struct vmctl_instance *row, bool news,
		 struct vmctl_error *err)
{
	struct vmctl_error why;

	if (!instance_forwarded(row))
		return instance_reach(ctx, row, err);
	if (news && instance_reach(ctx, row, &why) < 0)
		log_info(&ctx->ev, "%s: %s", row->name, why.message);
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
	enum vmctl_state before = row->state;
	if (flags & VMCTL_LIST_CACHED)
		row->stale = true;
	else if (instance_refresh(ctx, row, &why) < 0)
		r = mark_stale(row, why.message, err);
	else if (row->state == VMCTL_STATE_RUNNING)
		r = reach(ctx, row,
			  before == VMCTL_STATE_STOPPED ||
				  before == VMCTL_STATE_SUSPENDED ||
				  before == VMCTL_STATE_ERROR,
			  err);
	if (r < 0)
		return r;
	*ret = take_ptr(&row);
	return 0;
}
