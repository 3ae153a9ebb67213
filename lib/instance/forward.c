/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "driver/hostport.h"
#include "instance/port.h"
#include "instance/relay.h"

/*
 * The forwards of a running instance. They live in its QEMU process, or in the
 * relay of one that has an address of its own, so they outlive libvirt's
 * daemon but not a stop, and whoever finds one missing sets it again.
 */

#define PORT_TRIES 16

void forwards_done(struct forwards *f)
{
	free(f->items);
	*f = (struct forwards){ 0 };
}

/* Who forwards, and what is known to be set. */
struct session {
	struct vmctl *ctx;
	struct vmctl_instance *row;
	const struct hv_ops *ops; /* NULL: the relay does */
	struct hv *hv;
	struct relay_at relay;
	char guest[46];
	struct hv_forward *seen;
	size_t seen_count;
};

static void session_done(struct session *s)
{
	free(s->seen);
}
#define auto_session auto_cleanup(session_done) struct session

/* What the host gave it stands; else it is the guest that says. */
static int find_guest(struct session *s, struct vmctl_error *err)
{
	auto_free struct state_nic *nics = NULL;
	size_t n = 0;
	int r = state_nics(s->ctx->db, s->row->id, &nics, &n, err);
	bool given = r == 0 && n && nics[0].reserved && *nics[0].address;

	if (r == 0 && !given)
		r = instance_look_up(s->ctx, s->row, err);
	if (r < 0)
		return r;
	snprintf(s->guest, sizeof(s->guest), "%s",
		 given ? nics[0].address : s->row->address);
	/* What claims to be this host itself, or its loopback, is not a guest.
	 */
	if (hostport_is_own(s->guest))
		s->guest[0] = '\0';
	s->relay = (struct relay_at){ s->ctx, s->row->id, s->guest };
	return 0;
}

static int begin(struct session *s, struct vmctl_error *err)
{
	return instance_relayed(s->row) ? find_guest(s, err)
					: context_hv(s->ctx, s->row->connection,
						     &s->ops, &s->hv, err);
}

static int add(struct session *s, const struct hv_forward *fwd,
	       struct vmctl_error *err)
{
	return s->ops ? s->ops->forward_add(s->hv, s->row->uuid, fwd, err)
		      : relay_add(&s->relay, fwd, err);
}

static int end(struct session *s, const struct hv_forward *fwd,
	       struct vmctl_error *err)
{
	return s->ops ? s->ops->forward_remove(s->hv, s->row->uuid, fwd, err)
		      : relay_remove(&s->relay, fwd, err);
}

static int ask(struct session *s, struct vmctl_error *err)
{
	struct hv_forward *seen = NULL;
	size_t n = 0;
	int r = s->ops ? s->ops->forward_list(s->hv, s->row->uuid, &seen, &n,
					      err)
		       : relay_list(&s->relay, &seen, &n, err);

	if (r < 0)
		return r;
	free(s->seen);
	s->seen = seen;
	s->seen_count = n;
	return 0;
}

static const struct hv_forward *find(const struct session *s,
				     const struct hv_forward *fwd)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (s->seen[i].udp == fwd->udp &&
		    s->seen[i].host_port == fwd->host_port &&
		    str_eq(s->seen[i].host_addr, fwd->host_addr))
			return &s->seen[i];
	return NULL;
}

static bool is_set(const struct session *s, const struct hv_forward *fwd)
{
	const struct hv_forward *seen = find(s, fwd);

	return seen && seen->guest_port == fwd->guest_port;
}

/* 0, and it is set: by us, or by a command that did the same just now.
 * VMCTL_EXISTS: the port cannot be had. */
static int set(struct session *s, const struct hv_forward *fwd, bool *ret_ours,
	       struct vmctl_error *err)
{
	struct vmctl_error why = { 0 };
	int r = add(s, fwd, &why);

	if (r == -VMCTL_EXISTS) {
		int asked = ask(s, err);
		if (asked < 0)
			return asked;
		if (is_set(s, fwd)) {
			*ret_ours = false;
			return 0;
		}
		/* Who had it has ended just now: a killed relay may have. */
		if (hostport_check(fwd->udp, fwd->host_addr, fwd->host_port,
				   NULL) == 0)
			r = add(s, fwd, &why);
	}
	*ret_ours = r == 0;
	if (r < 0 && err)
		*err = why;
	return r;
}

/* --- ssh --------------------------------------------------------------------
 */

static int set_ssh(struct session *s, struct vmctl_instance *row,
		   struct vmctl_error *err)
{
	struct vmctl *ctx = s->ctx;
	int r = 0;

	for (int tries = 0; r == 0; tries++) {
		struct hv_forward fwd = { .host_addr = "127.0.0.1",
					  .host_port = (int)row->ssh_port,
					  .guest_port = 22 };
		bool ours;

		if (row->ssh_port) {
			if (is_set(s, &fwd))
				return 0;
			r = set(s, &fwd, &ours, err);
			if (r != -VMCTL_EXISTS || tries == PORT_TRIES)
				return r;
			log_warn(&ctx->ev,
				 "%s: port %lld is taken on this host, "
				 "choosing another",
				 row->name, (long long)row->ssh_port);
		}
		r = port_draw(ctx, false, fwd.host_addr, NULL, 0,
			      &row->ssh_port, err);
		if (r == 0)
			r = state_instance_set_port(ctx->db, row->id,
						    row->ssh_port, err);
		/* Another command took it between the two lines above. */
		if (r == -VMCTL_EXISTS && tries < PORT_TRIES) {
			row->ssh_port = 0;
			r = 0;
		}
	}
	return r;
}

/* --- the others --------------------------------------------------------------
 */

static struct hv_forward as_hv(const struct state_port *port)
{
	struct hv_forward fwd = { .host_port = port->host_port,
				  .guest_port = port->guest_port,
				  .udp = port->udp };

	snprintf(fwd.host_addr, sizeof(fwd.host_addr), "%s", port->address);
	return fwd;
}

/* QEMU does not say why it cannot listen; this host may. */
static void explain(struct forward *f, struct vmctl_error *why)
{
	struct vmctl_error host;

	if (why->code == VMCTL_EXISTS &&
	    hostport_check(f->port.udp, f->port.address, f->port.host_port,
			   &host) < 0)
		*why = host;
	snprintf(f->reason, sizeof(f->reason), "%.*s",
		 (int)sizeof(f->reason) - 1, why->message);
}

/* Removed from the records while it was being set: it must not stay. */
static int drop_unknown(struct session *s, const char *id, struct forward *f,
			const struct hv_forward *fwd, struct vmctl_error *err)
{
	bool known;
	int r = state_port_known(s->ctx->db, id, &f->port, &known, err);

	if (r < 0 || known)
		return r;
	snprintf(f->reason, sizeof(f->reason), "it was removed");
	r = end(s, fwd, err);
	return r == -VMCTL_NOT_FOUND ? 0 : r;
}

static int set_one(struct session *s, const char *id, struct forward *f,
		   struct vmctl_error *err)
{
	struct hv_forward fwd = as_hv(&f->port);
	struct vmctl_error why = { 0 };
	bool ours = false;
	int r = 0;

	if (is_set(s, &fwd))
		return 0;
	/* To another port of the guest: not as it is recorded. */
	if (find(s, &fwd))
		r = end(s, &fwd, &why);
	if (r == 0 || r == -VMCTL_NOT_FOUND)
		r = set(s, &fwd, &ours, &why);
	if (r == 0)
		return ours ? drop_unknown(s, id, f, &fwd, err) : 0;
	/* These say that nothing can be set at all. */
	if (r == -VMCTL_HYPERVISOR || r == -VMCTL_NOT_FOUND ||
	    r == -VMCTL_STATE || r == -VMCTL_NO_MEMORY || r == -VMCTL_TIMEOUT) {
		if (err)
			*err = why;
		return r;
	}
	explain(f, &why);
	return 0;
}

static bool runs(const struct vmctl_instance *row)
{
	return row->state == VMCTL_STATE_RUNNING ||
	       row->state == VMCTL_STATE_STOPPING ||
	       row->state == VMCTL_STATE_PAUSED;
}

int forwards_end(struct vmctl *ctx, struct vmctl_instance *row,
		 struct vmctl_error *err)
{
	auto_free struct state_port *going = NULL;
	auto_session s = { .ctx = ctx, .row = row };
	bool set = runs(row);
	size_t n = 0;
	int r = state_ports_going(ctx->db, row->id, &going, &n, err);

	if (r == 0 && n && set)
		r = begin(&s, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct hv_forward fwd = as_hv(&going[i]);

		if (set)
			r = end(&s, &fwd, err);
		/* It was not set, or the instance has just stopped. */
		if (r == 0 || r == -VMCTL_NOT_FOUND || r == -VMCTL_STATE)
			r = state_port_gone(ctx->db, row->id, &going[i], err);
	}
	return r;
}

/* Whoever has the lock may be adding one again that was going a moment ago. */
int forwards_end_idle(struct vmctl *ctx, struct vmctl_instance *row,
		      struct vmctl_error *err)
{
	auto_free struct state_port *going = NULL;
	auto_free char *dir = context_path(ctx, "locks");
	size_t n = 0;
	int fd = -1, r = state_ports_going(ctx->db, row->id, &going, &n, err);

	if (r < 0 || !n)
		return r;
	r = dir ? lock_try(dir, row->id, ctx->command, &fd, err)
		: fail_oom(err);
	if (r < 0 || fd < 0)
		return r;
	r = forwards_end(ctx, row, err);
	lock_release(dir, row->id, fd);
	return r < 0 ? hint_silent(row, r, err) : 0;
}

static int read_ports(struct vmctl *ctx, const struct vmctl_instance *row,
		      struct forwards *ret, struct vmctl_error *err)
{
	auto_free struct state_port *ports = NULL;
	size_t n = 0;
	int r = state_ports(ctx->db, row->id, &ports, &n, err);

	if (r < 0)
		return r;
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return fail_oom(err);
	for (size_t i = 0; i < n; i++)
		ret->items[i].port = ports[i];
	ret->count = n;
	return 0;
}

int forwards_set(struct vmctl *ctx, struct vmctl_instance *row,
		 struct forwards *ret, struct vmctl_error *err)
{
	auto_forwards f = { 0 };
	auto_session s = { .ctx = ctx, .row = row };
	bool ssh = instance_forwarded(row);
	int r = read_ports(ctx, row, &f, err);

	if (r == 0 && (ssh || f.count))
		r = begin(&s, err);
	if (r == 0 && (ssh || f.count))
		r = ask(&s, err);
	f.waits = !s.ops && !*s.guest;
	if (r == 0 && ssh)
		r = set_ssh(&s, row, err);
	for (size_t i = 0; r == 0 && i < f.count; i++) {
		r = set_one(&s, row->id, &f.items[i], err);
		f.missing += *f.items[i].reason != '\0';
	}
	if (r < 0)
		return hint_silent(row, r, err);
	*ret = f;
	f = (struct forwards){ 0 };
	return 0;
}

int forwards_verdict(const struct forwards *f, const char *name,
		     struct vmctl_error *err)
{
	char text[PORT_TEXT];
	size_t i = 0;

	if (!f->missing)
		return 0;
	while (!*f->items[i].reason)
		i++;
	if (f->missing == 1)
		fail(err, VMCTL_PARTIAL, 0, "%s is not forwarded: %s",
		     state_port_text(&f->items[i].port, text),
		     f->items[i].reason);
	else
		fail(err, VMCTL_PARTIAL, 0,
		     "%zu of %zu ports are not forwarded; the first is %s: %s",
		     f->missing, f->count,
		     state_port_text(&f->items[i].port, text),
		     f->items[i].reason);
	fail_hint(err, "vmctl port list %s tries again", name);
	return -VMCTL_PARTIAL;
}

int instance_forward(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err)
{
	auto_forwards f = { 0 };
	int r = forwards_end(ctx, row, err);

	r = r < 0 ? hint_silent(row, r, err) : forwards_set(ctx, row, &f, err);
	return r < 0 ? r : forwards_verdict(&f, row->name, err);
}

/* For what a process left that died while it was adding or starting. */
int forward_settle(struct vmctl *ctx, struct vmctl_instance *row,
		   struct vmctl_error *err)
{
	int r = instance_refresh(ctx, row, err);

	if (r == 0 && row->state == VMCTL_STATE_RUNNING)
		r = instance_forward(ctx, row, err);
	return r == -VMCTL_PARTIAL ? 0 : r;
}
