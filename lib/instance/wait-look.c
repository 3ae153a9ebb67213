/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "instance/transport.h"
#include "instance/waiting.h"

/* What is looked at, and how often where nobody reports it. */

#define PENDING_MS 100	 /* a record that another process is writing */
#define COVERED_MS 5000	 /* a state whose changes are reported */
#define UNCOVERED_MS 250 /* … are not */
#define LOST_MS 500	 /* a hypervisor that does not answer */
#define ADDRESS_MS 250
#define AGENT_MS 500
#define PING_MS 2000 /* an agent that is there */
#define BUSY_MS 6000 /* longer than anybody waits for its answer */

bool waited_runs(const struct waited *t)
{
	/* One that is asked to shut down runs until it does. */
	return t->row->state == VMCTL_STATE_RUNNING ||
	       t->row->state == VMCTL_STATE_STOPPING;
}

/* The record as it is now: who creates or deletes it is another process. In a
 * session its strings are in use, and only the state counts. */
static int read_again(struct vmctl *ctx, struct vmctl_instance *row,
		      bool in_use, struct vmctl_error *err)
{
	auto_instance *now = NULL;
	int r = instance_find(ctx, row->id, &now, err);

	if (r == 0)
		r = instance_refresh(ctx, now, err);
	if (r < 0)
		return r;
	if (in_use) {
		row->state = now->state;
		return state_row_set(row, &row->reason, now->reason)
			       ? 0
			       : fail_oom(err);
	}
	/* Borrowed over the whole wait: see wait_link. */
	char *connection = now->connection;
	now->connection = row->connection;
	row->connection = connection;
	struct vmctl_instance old = *row;
	*row = *now;
	*now = old;
	return 0;
}

static void fail_stopped(struct waiting *w, struct waited *t)
{
	const struct hv_ops *ops;
	struct vmctl_error why;
	struct hv_details d;
	struct hv *hv;

	/* It may be seen before it is reported. */
	if (!*t->ended &&
	    context_hv(w->ctx, t->row->connection, &ops, &hv, NULL) == 0 &&
	    ops->details(hv, t->row->uuid, &d, NULL) == 0)
		snprintf(t->ended, sizeof(t->ended), "%s", d.why);

	if (t->row->state == VMCTL_STATE_PAUSED)
		fail(&why, VMCTL_STATE, 0, "%s was paused%s%s", t->row->name,
		     *t->ended ? " " : "", t->ended);
	else
		fail(&why, VMCTL_STATE, 0,
		     "%s stopped while it was waited for%s%s", t->row->name,
		     *t->ended ? ": " : "", t->ended);
	fail_hint(&why, "vmctl logs %s", t->row->name);
	why.sys_errno = ESHUTDOWN;
	waited_failed(t, &why);
}

/* Its domain is gone before the record of a deletion is. */
static bool is_at_work(const struct vmctl *ctx, const char *id)
{
	auto_free char *dir = context_path(ctx, "locks");
	int fd = -1;
	int r = dir ? lock_take(dir, id, ctx->command, 0, NULL, &fd, NULL) : 0;

	if (r == 0 && fd >= 0)
		lock_release(dir, id, fd);
	return r == -VMCTL_BUSY;
}

/* What can never come true. Nothing makes it start or come back but another
 * command: waiting for that is what was asked for, except of a failed or
 * deleted one. */
static void check_hope(struct waiting *w, struct waited *t)
{
	const struct vmctl_instance *row = t->row;
	struct vmctl_error why;

	if (row->state == VMCTL_STATE_PENDING || !t->missing)
		return;
	if (row->state == VMCTL_STATE_TERMINATED) {
		fail(&why, VMCTL_STATE, 0, "%s is deleted", row->name);
		waited_failed(t, &why);
	} else if (row->state == VMCTL_STATE_ERROR) {
		bool busy = is_at_work(w->ctx, row->id);

		/* What was at work may have ended since the record was read. */
		if (!w->once && (busy || !t->doubted)) {
			t->doubted = !busy;
			t->look_at = clock_mono_ms() + (busy ? PENDING_MS : 0);
			return;
		}
		fail(&why, VMCTL_STATE, 0, "%s is in error: %s", row->name,
		     row->reason);
		fail_hint(&why, "vmctl start %s", row->name);
		waited_failed(t, &why);
	} else if (t->missing & WAIT_IN_GUEST && !waited_runs(t) &&
		   !(t->missing & WAIT_BIT(VMCTL_WAIT_RUNNING))) {
		/* It may have stopped just before the first look. */
		watch_take(w);
		if (t->seen_running || *t->ended) {
			fail_stopped(w, t);
		} else {
			fail_state(row, "is not running", &why);
			waited_failed(t, &why);
		}
	}
}

static void judge_state(struct waiting *w, struct waited *t)
{
	switch (t->row->state) {
	case VMCTL_STATE_RUNNING:
		waited_reached(t, VMCTL_WAIT_RUNNING);
		t->seen_running = true;
		break;
	case VMCTL_STATE_STOPPED:
	case VMCTL_STATE_SUSPENDED:
	case VMCTL_STATE_TERMINATED: /* nothing of it runs */
		waited_reached(t, VMCTL_WAIT_STOPPED);
		break;
	default:
		break;
	}
	check_hope(w, t);
}

/* A record that is gone, or a hypervisor that does not answer. */
static void look_failed(struct waiting *w, struct waited *t, int r,
			const struct vmctl_error *why)
{
	if (r == -VMCTL_HYPERVISOR && t->known && !w->once) {
		/* It is restarted: the time that is left is its. */
		t->lost = true;
		t->no_ssh = *why;
		t->look_at = clock_mono_ms() + LOST_MS;
		return;
	}
	if (r == -VMCTL_HYPERVISOR && t->search.stage >= SSH_STAGE_SILENT &&
	    clock_mono_ms() < t->trusted_until) {
		t->look_at = t->trusted_until;
		return;
	}
	waited_failed(t, why);
}

void look_at_state(struct waiting *w, struct waited *t)
{
	struct vmctl_error why;

	if (clock_mono_ms() < t->look_at)
		return;
	/* What happens from here on is reported. */
	watch_target(w, t);
	int r = read_again(w->ctx, t->row, w->busy == t, &why);
	if (r < 0) {
		look_failed(w, t, r, &why);
		return;
	}
	bool pending = t->row->state == VMCTL_STATE_PENDING ||
		       t->row->state == VMCTL_STATE_STOPPING;
	t->known = true;
	t->lost = false;
	t->look_at = clock_mono_ms() + (pending		     ? PENDING_MS
					: watch_covers(w, t) ? COVERED_MS
							     : UNCOVERED_MS);
	judge_state(w, t);
}

/* A reservation alone says nothing of the guest; a forward is there as soon as
 * it runs. */
void look_at_address(struct waiting *w, struct waited *t)
{
	struct vmctl_error why;
	int64_t port = t->row->ssh_port;

	if (clock_mono_ms() < t->address_at)
		return;
	int r = instance_reach(w->ctx, t->row, &why);
	if (r < 0) {
		/* The state says it better: it may just have stopped. */
		t->no_ssh = why;
		t->look_at = 0;
		t->address_at = clock_mono_ms() + ADDRESS_MS;
		return;
	}
	t->moved |= t->row->ssh_port != port;
	t->address_at = clock_mono_ms() +
			(instance_forwarded(t->row) ? COVERED_MS : ADDRESS_MS);
	const char *source = t->row->address_source;
	if (*t->row->address && !str_eq(source, "reservation") &&
	    !str_eq(source, "last seen"))
		waited_reached(t, VMCTL_WAIT_IP);
}

static long ping_ms(const struct waiting *w)
{
	int64_t left = waiting_left(w);

	return left > PING_MS ? PING_MS : left > 0 ? (long)left : 1;
}

static bool own_agent_answers(struct waiting *w, struct waited *t)
{
	auto_agent_link link = { 0 };
	int64_t now = clock_mono_ms();
	int r = agent_link_open(w->ctx, t->row, ping_ms(w), &link, NULL);

	if (r != -VMCTL_BUSY) {
		t->agent_busy = 0;
		return r == 0;
	}
	/* Nobody stays for so long who gets no answer. */
	if (!t->agent_busy)
		t->agent_busy = now;
	return w->once || now - t->agent_busy >= BUSY_MS;
}

/* That it has its channel open does not mean that it is there to answer. */
void look_at_agent(struct waiting *w, struct waited *t)
{
	const struct hv_ops *ops;
	struct hv_details d;
	bool answers = false;
	struct hv *hv;

	if (clock_mono_ms() < t->agent_at)
		return;
	if (context_hv(w->ctx, t->row->connection, &ops, &hv, NULL) < 0 ||
	    ops->details(hv, t->row->uuid, &d, NULL) < 0)
		d.channel_count = 0;
	for (size_t i = 0; i < d.channel_count && !answers; i++) {
		if (!d.channels[i].up)
			continue;
		if (str_eq(d.channels[i].name, HV_AGENT))
			answers = own_agent_answers(w, t);
		else if (str_eq(d.channels[i].name, HV_QEMU_AGENT))
			answers = ops->agent_ping(hv, t->row->uuid, ping_ms(w),
						  NULL) == 0;
	}
	if (answers)
		waited_reached(t, VMCTL_WAIT_AGENT);
	t->agent_at = clock_mono_ms() + AGENT_MS;
}
