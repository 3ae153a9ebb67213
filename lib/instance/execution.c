/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/execution.h"

#include <time.h>

#include "base/clock.h"
#include "internal/config.h"
#include "state/execution.h"

/* Old rows go with every so many new ones. */
#define FORGET_EACH 64

DEFINE_CLEANUP(list, struct vmctl_execution_list *, vmctl_execution_list_free);

void vmctl_execution_free(struct vmctl_execution *e)
{
	if (!e)
		return;
	free(e->instance);
	free(e->name);
	free(e->user);
	strv_free(e->argv);
	free(e->transport);
	free(e->error);
	free(e);
}

void vmctl_execution_list_free(struct vmctl_execution_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_execution_free(list->items[i]);
	free(list->items);
	free(list);
}

/* --- writing ------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_wanted(struct vmctl *ctx, const struct vmctl_exec *what)
{
	const struct config *config;

	if (what->no_record || what->no_command)
		return false;
	return context_config(ctx, &config, NULL) < 0 ||
	       str_eq(config_text(config, "exec.record"), "on");
}

static void forget_names(struct recording *rec)
{
	free(take_ptr(&rec->instance));
	free(take_ptr(&rec->name));
	free(take_ptr(&rec->user));
}

void recording_begin(struct recording *rec, struct vmctl *ctx,
		     const struct vmctl_instance *row,
		     const struct vmctl_exec *what)
{
	struct vmctl_error why;

	*rec = (struct recording){ .ctx = ctx };
	rec->off = !is_wanted(ctx, what);
	if (rec->off)
		return;
	/* Of its own, as the row may be read anew before the end. */
	rec->instance = strdup(row->id);
	rec->name = strdup(row->name);
	rec->user = strdup(what->user ? what->user : row->user);
	if (!rec->instance || !rec->name || !rec->user) {
		log_warn(&ctx->ev, "this execution is not recorded: no memory");
		forget_names(rec);
		rec->off = true;
		return;
	}
	rec->row = (struct vmctl_execution){
		.instance = rec->instance,
		.name = rec->name,
		.user = rec->user,
		.argv = (char **)what->argv,
		.started_at_ms = now_ms(),
		.status = -1,
	};
	/* It is tried once more at the end. */
	if (state_execution_begin(ctx->db, &rec->row, &rec->row.id, &why) < 0)
		log_debug(&ctx->ev, "%s: not recorded yet: %s", row->name,
			  why.message);
}

static void forget_old(struct vmctl *ctx, int64_t id)
{
	const struct config *config;
	int64_t days;

	if (id % FORGET_EACH || context_config(ctx, &config, NULL) < 0)
		return;
	days = config_number(config, "keep-days");
	if (days > 0)
		state_execution_forget(ctx->db, clock_now() - days * 86400,
				       NULL);
}

void recording_end(struct recording *rec, int r, const struct vmctl_exit *exit,
		   const struct vmctl_error *why)
{
	struct vmctl_execution *e = &rec->row;
	struct vmctl_error not ;

	if (rec->off)
		return;
	if (r == 0) {
		e->status = exit->status;
		e->signal = exit->signal;
		e->timed_out = exit->timed_out;
		e->bytes_in = exit->bytes_in;
		e->bytes_out = exit->bytes_out;
		e->bytes_err = exit->bytes_err;
		e->duration_ms = exit->duration_ms;
		e->transport = (char *)exit->transport;
	} else {
		e->duration_ms = now_ms() - e->started_at_ms;
		e->error = (char *)why->message;
	}
	if (e->duration_ms < 0) /* the clock was set */
		e->duration_ms = 0;
	if (state_execution_end(rec->ctx->db, e, &not ) < 0)
		log_warn(&rec->ctx->ev, "this execution is not recorded: %s",
			 not .message);
	else
		forget_old(rec->ctx, e->id);
	forget_names(rec);
}

/* --- reading ------------------------------------------------------------- */

struct collecting {
	struct vmctl_execution_list *list;
	const struct vmctl_execution_filter *filter;
	bool oom;
};

static bool is_failure(const struct vmctl_execution *e)
{
	return e->state != VMCTL_EXECUTION_RUNNING &&
	       (e->state != VMCTL_EXECUTION_DONE || e->status != 0);
}

static bool collect(struct vmctl_execution *e, void *data)
{
	struct collecting *c = data;
	struct vmctl_execution_list *l = c->list;
	struct vmctl_execution **more;

	if (c->filter->failed && !is_failure(e)) {
		vmctl_execution_free(e);
		return true;
	}
	more = reallocarray(l->items, l->count + 1, sizeof(*more));
	if (!more) {
		vmctl_execution_free(e);
		c->oom = true;
		return false;
	}
	l->items = more;
	l->items[l->count++] = e;
	return !c->filter->limit || (int64_t)l->count < c->filter->limit;
}

static void turn_round(struct vmctl_execution_list *l)
{
	for (size_t i = 0; i < l->count / 2; i++) {
		struct vmctl_execution *e = l->items[i];

		l->items[i] = l->items[l->count - 1 - i];
		l->items[l->count - 1 - i] = e;
	}
}

/* One that is there is looked up by its id, as it may have had other names;
 * one that is gone, by its last name. */
static int gather(struct vmctl *ctx, struct collecting *c,
		  struct vmctl_error *err)
{
	const char *name = c->filter->instance;
	struct vmctl_error unknown;
	auto_instance *row = NULL;
	int r, found = 0;

	if (name)
		found = state_instance_get(ctx->db, name, &row, &unknown);
	r = state_execution_each(ctx->db, row ? row->id : NULL,
				 row ? NULL : name, collect, c, err);
	if (r == 0 && found < 0 && !c->list->count) {
		if (err)
			*err = unknown;
		r = found;
	}
	return r;
}

int vmctl_execution_list(struct vmctl *ctx,
			 const struct vmctl_execution_filter *asked,
			 struct vmctl_execution_list **ret,
			 struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_execution_list *list =
		calloc(1, sizeof(*list));
	struct vmctl_execution_filter filter = { 0 };
	struct collecting c = { .list = list, .filter = &filter };
	struct state *db;
	int r = list ? context_state(ctx, &db, err) : fail_oom(err);

	if (r < 0)
		return r;
	if (asked)
		memcpy(&filter, asked,
		       asked->size < sizeof(filter) ? asked->size
						    : sizeof(filter));
	r = gather(ctx, &c, err);
	if (r == 0 && c.oom)
		r = fail_oom(err);
	if (r < 0)
		return r;
	turn_round(list);
	*ret = take_ptr(&list);
	return 0;
}
