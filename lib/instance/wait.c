/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "instance/waiting.h"

struct group {
	const struct vmctl_wait_spec *spec;
	struct waited *targets;
	const char **names;
	size_t count, failed;
	struct vmctl_error first; /* failure; its code is VMCTL_FAILED when
				   * others failed otherwise */
};

static void group_done(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		waited_done(&g->targets[i]);
		vmctl_instance_free(g->targets[i].row);
	}
	free(g->targets);
	free(g->names);
}

static void tell(struct group *g, const char *name,
		 const struct vmctl_error *why)
{
	if (why && !g->failed++)
		g->first = *why;
	else if (why && why->code != g->first.code)
		g->first.code = VMCTL_FAILED;
	if (g->spec->done)
		g->spec->done(g->spec->data, name, why);
}

static void on_over(void *data, size_t index)
{
	struct group *g = data;
	const struct waited *t = &g->targets[index];

	tell(g, g->names[index], t->why.code ? &t->why : NULL);
}

static int check(const struct vmctl_wait_spec *spec, struct vmctl_error *err)
{
	unsigned all = (1u << VMCTL_WAIT_COUNT) - 1;

	if (!spec->conditions || spec->conditions & ~all)
		return fail(err, VMCTL_INVALID, 0, "unknown thing to wait for");
	if (spec->conditions & WAIT_BIT(VMCTL_WAIT_STOPPED) &&
	    spec->conditions != WAIT_BIT(VMCTL_WAIT_STOPPED))
		return fail(err, VMCTL_INVALID, 0,
			    "what is stopped can be waited for only by itself");
	return 0;
}

/* Names that are not known are told of, and the others waited for. */
static int find_all(struct vmctl *ctx, struct group *g, size_t n,
		    struct vmctl_error *err)
{
	g->targets = calloc(n + 1, sizeof(*g->targets));
	g->names = calloc(n + 1, sizeof(*g->names));
	if (!g->targets || !g->names)
		return fail_oom(err);
	for (size_t i = 0; i < n; i++) {
		struct waited *t = &g->targets[g->count];
		struct vmctl_error why;
		int r = instance_find(ctx, g->spec->names[i], &t->row, &why);

		if (r == -VMCTL_NOT_FOUND) {
			tell(g, g->spec->names[i], &why);
			continue;
		}
		if (r < 0) {
			if (err)
				*err = why;
			return r;
		}
		t->missing = g->spec->conditions;
		g->names[g->count++] = g->spec->names[i];
	}
	return 0;
}

int vmctl_instance_wait_all(struct vmctl *ctx,
			    const struct vmctl_wait_spec *spec,
			    struct vmctl_error *err)
{
	auto_cleanup(group_done) struct group g = { .spec = spec };
	size_t n = strv_len(spec->names);
	int r = check(spec, err);

	if (r == 0)
		r = find_all(ctx, &g, n, err);
	if (r < 0)
		return r;
	struct waiting w = {
		.ctx = ctx,
		.targets = g.targets,
		.count = g.count,
		.over = on_over,
		.data = &g,
	};
	r = waiting_run(&w, spec->timeout_ms, err);
	progress_at(&ctx->ev, NULL, 0, 0);
	if (r < 0 || !g.failed)
		return r;
	if (n == 1) {
		if (err)
			*err = g.first;
		return -(int)g.first.code;
	}
	return fail(err, g.failed < n ? VMCTL_PARTIAL : g.first.code, 0,
		    "%zu of %zu failed", g.failed, n);
}

int vmctl_instance_wait(struct vmctl *ctx, const char *name,
			enum vmctl_wait what, long timeout_ms,
			struct vmctl_error *err)
{
	const char *const names[] = { name, NULL };
	const struct vmctl_wait_spec spec = {
		.size = sizeof(spec),
		.names = names,
		.conditions =
			(unsigned)what < VMCTL_WAIT_COUNT ? WAIT_BIT(what) : 0,
		.timeout_ms = timeout_ms,
	};

	return vmctl_instance_wait_all(ctx, &spec, err);
}
