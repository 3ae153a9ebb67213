/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"
#include "instance/waiting.h"

/* A look at everything takes no longer than this, also at a guest's server. */
#define ONCE_MS 5000
#define CONSOLE_MS 500
#define LINE_MAX_BYTES 200

void waited_done(struct waited *t)
{
	if (t->conn)
		t->openers.ops->close(t->conn);
	ssh_search_done(&t->search);
	openers_done(&t->openers);
	t->conn = NULL;
}

void waited_reached(struct waited *t, enum vmctl_wait what)
{
	t->missing &= ~WAIT_BIT(what);
	if (!t->missing)
		t->over = true;
}

void waited_failed(struct waited *t, const struct vmctl_error *why)
{
	t->why = *why;
	t->over = true;
}

int64_t waiting_left(const struct waiting *w)
{
	int64_t left = w->deadline - clock_mono_ms();

	return w->deadline < 0 ? INT64_MAX : left > 0 ? left : 0;
}

/* --- what is told -----------------------------------------------------------
 */

/* The one that comes last is named last. */
static const struct phase {
	enum vmctl_wait what;
	const char *doing, *undone;
} phases[] = {
	{ VMCTL_WAIT_RUNNING, "waiting for it to run", "is not running" },
	{ VMCTL_WAIT_STOPPED, "waiting for it to stop", "is not stopped" },
	{ VMCTL_WAIT_IP, "waiting for an address", "has no address" },
	{ VMCTL_WAIT_AGENT, "waiting for the guest agent",
	  "has no guest agent that answers" },
	{ VMCTL_WAIT_SSH, "waiting for ssh", "cannot be entered by ssh" },
	{ VMCTL_WAIT_CLOUD_INIT, "waiting for cloud-init",
	  "has not finished cloud-init" },
};

static const struct phase *phase_of(const struct waited *t)
{
	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		if (t->missing & WAIT_BIT(phases[i].what))
			return &phases[i];
	return &phases[0];
}

static const char *doing(const struct waited *t)
{
	if (t->lost)
		return "waiting for libvirt";
	if (t->row->state == VMCTL_STATE_PENDING)
		return "waiting for its creation";
	if (t->missing & WAIT_BY_SSH && waited_runs(t) && !*t->row->address)
		return "waiting for an address";
	return phase_of(t)->doing;
}

static void read_console(struct waiting *w, const struct waited *t)
{
	auto_strv char **lines = NULL;

	if (clock_mono_ms() < w->console_at)
		return;
	w->console_at = clock_mono_ms() + CONSOLE_MS;
	free(take_ptr(&w->console));
	if (t->seen_running &&
	    console_tail(w->ctx, t->row->id, 1, &lines, NULL) == 0 && lines[0])
		w->console = strndup(lines[0], LINE_MAX_BYTES);
}

/* "waiting for ssh: web2, web3 (1 of 3 done)" and, in a second line, what the
 * guest of the first of them shows. */
void waiting_progress(struct waiting *w)
{
	const struct waited *first = w->busy;
	auto_str text = STR_INIT;
	size_t done = 0, named = 0;

	if (!w->ctx->ev.progress)
		return;
	for (size_t i = 0; i < w->count && !first; i++)
		if (!w->targets[i].over)
			first = &w->targets[i];
	if (!first)
		return;
	str_add(&text, doing(first));
	for (size_t i = 0; i < w->count && w->count > 1; i++) {
		const struct waited *t = &w->targets[i];

		done += t->over;
		if (!t->over && named++ < 4)
			str_addf(&text, "%s%s", named == 1 ? ": " : ", ",
				 t->row->name);
	}
	if (w->count > 1)
		str_addf(&text, "%s (%zu of %zu done)", named > 4 ? ", …" : "",
			 done, w->count);
	read_console(w, first);
	if (w->console)
		str_addf(&text, "\n%s", w->console);
	if (!text.oom)
		progress_at(&w->ctx->ev, str_text(&text), 0, 0);
}

static void time_is_up(struct waiting *w, struct waited *t)
{
	char limit[DURATION_TEXT];
	struct vmctl_error why;
	bool ssh = t->missing & WAIT_BY_SSH && waited_runs(t);
	const char *tried =
		t->lost || (ssh && *t->no_ssh.message) ? t->no_ssh.message : "";

	fail(&why, VMCTL_TIMEOUT, 0, "%s %s%s%s%s%s", t->row->name,
	     phase_of(t)->undone, w->once ? "" : " after ",
	     w->once ? "" : format_duration(w->deadline - w->begun, limit),
	     *tried ? ": " : "", tried);
	fail_hint(&why, "vmctl logs %s", t->row->name);
	waited_failed(t, &why);
}

/* --- the loop ---------------------------------------------------------------
 */

/* Asked in a session: whether it became pointless. */
static bool is_cancelled(void *data)
{
	struct waiting *w = data;

	if (cancelled(&w->ctx->ev))
		return true;
	waiting_progress(w);
	watch_take(w);
	if (w->busy)
		look_at_state(w, w->busy);
	return w->busy && (w->busy->over || !waited_runs(w->busy));
}

static void on_log(void *data, enum vmctl_log_level level, const char *text)
{
	const struct waiting *w = data;

	w->ctx->ev.log(w->ctx->ev.data, level, text);
}

static bool on_ask(void *data, const char *prompt, char *answer, size_t size)
{
	const struct waiting *w = data;

	return w->ctx->ev.ask(w->ctx->ev.data, prompt, answer, size);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void advance(struct waiting *w, struct waited *t)
{
	look_at_state(w, t);
	t->due = t->look_at;
	if (t->over || t->lost || !waited_runs(t))
		return;
	if (t->missing & (WAIT_BIT(VMCTL_WAIT_IP) | WAIT_BY_SSH)) {
		look_at_address(w, t);
		t->due = earliest(t->due, t->address_at);
	}
	if (!t->over && t->missing & WAIT_BIT(VMCTL_WAIT_AGENT)) {
		look_at_agent(w, t);
		t->due = earliest(t->due, t->agent_at);
	}
	if (!t->over && t->missing & WAIT_BY_SSH) {
		look_at_ssh(w, t);
		t->due = earliest(t->due, t->ssh_at);
	}
}

/* In a single look, only what may yet be a server's answer is waited for. */
static bool looked_once(const struct waiting *w, const struct waited *t)
{
	bool asked = waited_runs(t) && !(t->missing & ~WAIT_BY_SSH) &&
		     t->search.attempts[0].fd >= 0;

	return w->once && !asked;
}

/* All that can be done now; returns when there is more to do, or -1: never. */
static int64_t round_of(struct waiting *w)
{
	int64_t due = -1;

	for (size_t i = 0; i < w->count; i++) {
		struct waited *t = &w->targets[i];

		if (t->over)
			continue;
		if (t->due <= clock_mono_ms())
			advance(w, t);
		if (!t->over && (waiting_left(w) == 0 || looked_once(w, t)))
			time_is_up(w, t);
		if (t->over && w->over)
			w->over(w->data, i);
		else if (!t->over)
			due = due < 0 ? t->due : earliest(due, t->due);
	}
	return due;
}

int waiting_run(struct waiting *w, long timeout_ms, struct vmctl_error *err)
{
	int64_t due;

	w->once = timeout_ms == 0;
	w->begun = clock_mono_ms();
	w->deadline = timeout_ms < 0
			      ? -1
			      : w->begun + (w->once ? ONCE_MS : timeout_ms);
	w->ev = (struct events){ .log = w->ctx->ev.log ? on_log : NULL,
				 .cancelled = is_cancelled,
				 .data = w,
				 .ask = w->ctx->ev.ask ? on_ask : NULL };
	for (size_t i = 0; i < w->count; i++)
		w->targets[i].search = SSH_SEARCH_INIT;
	while ((due = round_of(w)) >= 0) {
		if (cancelled(&w->ctx->ev))
			break;
		waiting_progress(w);
		watch_sleep(w,
			    w->deadline < 0 ? due : earliest(due, w->deadline));
		watch_take(w);
	}
	free(take_ptr(&w->console));
	return due < 0 ? 0 : fail_cancelled(err);
}
