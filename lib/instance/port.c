/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/port.h"

/* What users see of forwarded ports, and do with them. */

#define DRAWS 64

const char *vmctl_port_state_name(enum vmctl_port_state state)
{
	static const char *const names[] = {
		[VMCTL_PORT_ACTIVE] = "active",
		[VMCTL_PORT_INACTIVE] = "inactive",
		[VMCTL_PORT_UNKNOWN] = "unknown",
	};

	return (unsigned)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

static void port_free(struct vmctl_port *p)
{
	if (!p)
		return;
	free(p->text);
	free(p->instance);
	free(p->protocol);
	free(p->address);
	free(p->reason);
	free(p);
}

void vmctl_port_list_free(struct vmctl_port_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		port_free(list->items[i]);
	free(list->items);
	free(list);
}
DEFINE_CLEANUP(ports, struct vmctl_port_list *, vmctl_port_list_free);
#define auto_ports auto_cleanup(ports_cleanup) struct vmctl_port_list

/* --- listing ----------------------------------------------------------------
 */

static int append(struct vmctl_port_list *list, const char *name,
		  const struct state_port *port, enum vmctl_port_state state,
		  const char *reason, struct vmctl_error *err)
{
	struct vmctl_port *one = calloc(1, sizeof(*one));
	void *more = reallocarray(list->items, list->count + 1,
				  sizeof(*list->items));
	char text[PORT_TEXT];

	if (more)
		list->items = more;
	if (!one || !more) {
		free(one);
		return fail_oom(err);
	}
	list->items[list->count++] = one;
	one->text = strdup(state_port_text(port, text));
	one->instance = strdup(name);
	one->protocol = strdup(port->udp ? "udp" : "tcp");
	one->address = strdup(port->address);
	one->host_port = port->host_port;
	one->guest_port = port->guest_port;
	one->state = state;
	one->reason = strdup(reason);
	return one->text && one->instance && one->protocol && one->address &&
			       one->reason
		       ? 0
		       : fail_oom(err);
}

/* Those of one that does not run, or cannot be asked. */
static int append_all(struct vmctl *ctx, const struct vmctl_instance *row,
		      enum vmctl_port_state state, const char *reason,
		      struct vmctl_port_list *list, struct vmctl_error *err)
{
	auto_free struct state_port *ports = NULL;
	size_t n = 0;
	int r = state_ports(ctx->db, row->id, &ports, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = append(list, row->name, &ports[i], state, reason, err);
	return r;
}

/* This host listens there, and whoever comes is sent away. */
#define WAITS "the guest has no address yet"

static int append_set(const struct vmctl_instance *row,
		      const struct forwards *f, struct vmctl_port_list *list,
		      struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->count; i++) {
		const char *reason = *f->items[i].reason ? f->items[i].reason
				     : f->waits		 ? WAITS
							 : "";

		r = append(list, row->name, &f->items[i].port,
			   *reason ? VMCTL_PORT_INACTIVE : VMCTL_PORT_ACTIVE,
			   reason, err);
	}
	return r;
}

static int look(struct vmctl *ctx, struct vmctl_instance *row,
		struct vmctl_port_list *list, struct vmctl_error *unreachable,
		struct vmctl_error *err)
{
	auto_forwards f = { 0 };
	struct vmctl_error why = { 0 };
	auto_free char *state = NULL;

	if (!row->ports || !row->ports[0])
		return 0;
	switch (row->state) {
	case VMCTL_STATE_RUNNING:
	case VMCTL_STATE_STOPPING:
	case VMCTL_STATE_PAUSED:
		break;
	case VMCTL_STATE_UNKNOWN:
		return append_all(ctx, row, VMCTL_PORT_UNKNOWN, row->reason,
				  list, err);
	default:
		state = str_printf("%s is %s", row->name,
				   vmctl_state_name(row->state));
		return state ? append_all(ctx, row, VMCTL_PORT_INACTIVE, state,
					  list, err)
			     : fail_oom(err);
	}
	if (forwards_end_idle(ctx, row, &why) == 0 &&
	    forwards_set(ctx, row, &f, &why) == 0)
		return append_set(row, &f, list, err);
	*unreachable = why;
	return append_all(ctx, row, VMCTL_PORT_UNKNOWN, why.message, list, err);
}

static int look_at_all(struct vmctl *ctx, struct vmctl_port_list *list,
		       struct vmctl_error *unreachable, struct vmctl_error *err)
{
	auto_instance_list *rows = NULL;
	int r = vmctl_instance_list(ctx, 0, &rows, unreachable, err);

	for (size_t i = 0; r == 0 && i < rows->count; i++)
		r = look(ctx, rows->items[i], list, unreachable, err);
	return r;
}

static int look_at_one(struct vmctl *ctx, const char *name,
		       struct vmctl_port_list *list,
		       struct vmctl_error *unreachable, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct vmctl_error why;
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	if (row->state == VMCTL_STATE_TERMINATED)
		return fail_state(row, "has no ports", err);
	if (instance_refresh(ctx, row, &why) == 0)
		return look(ctx, row, list, unreachable, err);
	*unreachable = why;
	return append_all(ctx, row, VMCTL_PORT_UNKNOWN, why.message, list, err);
}

int vmctl_port_list(struct vmctl *ctx, const char *name,
		    struct vmctl_port_list **ret,
		    struct vmctl_error *unreachable, struct vmctl_error *err)
{
	auto_ports *list = calloc(1, sizeof(*list));
	struct vmctl_error why = { 0 };
	int r = list ? 0 : fail_oom(err);

	if (r == 0)
		r = name ? look_at_one(ctx, name, list, &why, err)
			 : look_at_all(ctx, list, &why, err);
	if (r < 0)
		return r;
	if (unreachable)
		*unreachable = why;
	*ret = take_ptr(&list);
	return 0;
}

/* --- adding -----------------------------------------------------------------
 */

/* Which of them were not set; the first one's reason. */
static const struct forward *
find_missing(const struct forwards *f, const struct state_port *ports, size_t n)
{
	for (size_t i = 0; i < f->count; i++)
		for (size_t j = 0; j < n && *f->items[i].reason; j++)
			if (state_ports_overlap(&f->items[i].port, &ports[j]))
				return &f->items[i];
	return NULL;
}

/* What could not be ended now is by reap.c, once the hypervisor is there. */
static void end_intent(struct vmctl *ctx, const char *id, int r)
{
	auto_free struct state_port *going = NULL;
	size_t n = 0;

	if (r != -VMCTL_HYPERVISOR &&
	    state_ports_going(ctx->db, id, &going, &n, NULL) == 0 && !n)
		state_intent_end(ctx->db, id, NULL);
}

/* Ends them; what cannot be ended now is by whoever sets forwards next. */
static int take_back(struct vmctl *ctx, struct vmctl_instance *row,
		     const struct state_port *ports, size_t n,
		     struct vmctl_error *err)
{
	int r = state_ports_let_go(ctx->db, row->id, ports, n, err);

	return r < 0 ? r : forwards_end(ctx, row, err);
}

/* Sets what was recorded; when that cannot be, it is not recorded any more. */
static int apply(struct vmctl *ctx, struct vmctl_instance *row,
		 const struct state_port *ports, size_t n, const char **ret_why,
		 struct vmctl_error *err)
{
	auto_forwards f = { 0 };
	struct vmctl_error later;
	int r = forwards_set(ctx, row, &f, err);
	const struct forward *missing =
		r == 0 ? find_missing(&f, ports, n) : NULL;

	if (missing)
		r = fail(err, VMCTL_EXISTS, 0, "%s", missing->reason);
	if (r < 0 && take_back(ctx, row, ports, n, &later) < 0)
		log_warn(&ctx->ev, "%s: %s", row->name, later.message);
	*ret_why = f.waits ? WAITS : "";
	return r;
}

/* A port that was drawn may be somebody else's by now: it is drawn again. */
static int record(struct vmctl *ctx, const struct vmctl_instance *row,
		  struct state_port *ports, size_t n, struct vmctl_error *err)
{
	for (int tries = 0;; tries++) {
		bool drawn = false;
		int r = ports_settle(ctx, ports, n, err);

		if (r == 0)
			r = state_ports_add(ctx->db, row->id, ports, n, &drawn,
					    err);
		if (r != -VMCTL_EXISTS || !drawn || tries == DRAWS)
			return r;
	}
}

/* *ret_why is static: what keeps them from being active. */
static int add(struct vmctl *ctx, struct vmctl_instance *row,
	       struct state_port *ports, size_t n, const char **ret_why,
	       struct vmctl_error *err)
{
	size_t have = strv_len((const char *const *)row->ports);
	bool runs = row->state == VMCTL_STATE_RUNNING ||
		    row->state == VMCTL_STATE_PAUSED;

	if (!runs && row->state != VMCTL_STATE_STOPPED &&
	    row->state != VMCTL_STATE_SUSPENDED)
		return fail_state(row, "cannot be given ports", err);
	int r = ports_require_way(row->name, instance_has_user(row),
				  row->connection, err);
	if (r == 0 && have + n > VMCTL_PORTS_MAX)
		r = fail(err, VMCTL_LIMIT, 0,
			 "%s would have more than %d forwarded ports",
			 row->name, VMCTL_PORTS_MAX);
	if (r == 0)
		r = forwards_end(ctx, row, err);
	if (r == 0)
		r = state_intent_begin(ctx->db, row->id, "port", ctx->command,
				       err);
	if (r < 0)
		return r;
	r = record(ctx, row, ports, n, err);
	if (r == 0 && runs)
		r = apply(ctx, row, ports, n, ret_why, err);
	end_intent(ctx, row->id, r);
	return r;
}

int vmctl_port_add(struct vmctl *ctx, const char *name,
		   const char *const *specs, struct vmctl_port_list **ret,
		   struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	auto_free struct state_port *ports = NULL;
	auto_ports *list = calloc(1, sizeof(*list));
	const char *why = "";
	size_t n = 0;
	int r = list ? port_specs_parse(specs, &ports, &n, err) : fail_oom(err);

	if (r == 0 && !n)
		r = fail(err, VMCTL_INVALID, 0, "no port is given");
	if (r == 0)
		r = instance_lock(ctx, name, &l, err);
	if (r == 0)
		r = instance_refresh(ctx, l.row, err);
	if (r == 0)
		r = add(ctx, l.row, ports, n, &why, err);
	bool runs = r == 0 && l.row->state != VMCTL_STATE_STOPPED &&
		    l.row->state != VMCTL_STATE_SUSPENDED;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = append(list, l.row->name, &ports[i],
			   runs && !*why ? VMCTL_PORT_ACTIVE
					 : VMCTL_PORT_INACTIVE,
			   why, err);
	if (r < 0)
		return r;
	if (ret)
		*ret = take_ptr(&list);
	return 0;
}

/* --- removing ----------------------------------------------------------------
 */

/* From the record on they are going, whatever happens. */
static int drop_chosen(struct vmctl *ctx, struct vmctl_instance *row,
		       struct state_port *ports, const bool *chosen, size_t n,
		       struct vmctl_error *err)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (chosen[i])
			ports[count++] = ports[i];
	int r = state_intent_begin(ctx->db, row->id, "port", ctx->command, err);
	if (r == 0)
		r = take_back(ctx, row, ports, count, err);
	end_intent(ctx, row->id, r);
	return r;
}

int vmctl_port_remove(struct vmctl *ctx, const char *name,
		      const char *const *specs, struct vmctl_error *err)
{
	auto_locked l = LOCKED_INIT;
	auto_free struct state_port *ports = NULL;
	auto_free bool *chosen = NULL;
	size_t n = 0;
	int r = instance_lock(ctx, name, &l, err);

	if (r == 0 && l.row->state == VMCTL_STATE_TERMINATED)
		return fail_state(l.row, "has no ports", err);
	if (r == 0)
		r = instance_refresh(ctx, l.row, err);
	if (r == 0 && (l.row->state == VMCTL_STATE_PENDING ||
		       l.row->state == VMCTL_STATE_UNKNOWN))
		r = fail_state(l.row, "cannot lose ports", err);
	if (r == 0)
		r = state_ports(ctx->db, l.row->id, &ports, &n, err);
	if (r < 0)
		return r;
	chosen = calloc(n + 1, sizeof(*chosen));
	if (!chosen)
		return fail_oom(err);
	for (size_t i = 0; r == 0 && specs[i]; i++)
		r = port_spec_match(specs[i], ports, n, chosen, err);
	if (r == -VMCTL_NOT_FOUND) {
		fail_prefix(err, "%s", l.row->name);
		fail_hint(err, "vmctl port list %s", l.row->name);
	}
	return r < 0 ? r : drop_chosen(ctx, l.row, ports, chosen, n, err);
}
