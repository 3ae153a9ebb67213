/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh.h"
#include "instance/execution.h"
#include "instance/transport.h"
#include "instance/turn.h"

/* The ladder: the first rung that is there takes the command. */
static const struct transport *const ladder[] = {
	&transport_agent,
	&transport_ssh,
};

static bool is_auto(const char *name)
{
	return !name || str_eq(name, "auto");
}

static int check_transport(const char *name, struct vmctl_error *err)
{
	auto_str names = STR_INIT;
	const char *list[ARRAY_LEN(ladder) + 1] = { 0 };
	int r;

	if (is_auto(name))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(ladder); i++) {
		list[i] = ladder[i]->name;
		if (str_eq(list[i], name))
			return 0;
		str_addf(&names, ", %s", list[i]);
	}
	r = fail(err, VMCTL_INVALID, 0, "there is no transport '%s': auto%s",
		 name, str_text(&names));
	fail_hint_nearest(err, name, list, "", NULL);
	return r;
}

/* Terminals and forwarding are ssh's trade. */
static bool needs_ssh(const struct vmctl_exec *what)
{
	return what->tty || what->local_forwards || what->forward_agent ||
	       what->no_command;
}

/* Whether the rung is to be tried. */
static bool is_wanted(const struct transport *rung,
		      const struct vmctl_exec *what)
{
	if (!is_auto(what->transport))
		return str_eq(what->transport, rung->name);
	return !needs_ssh(what) || rung == &transport_ssh;
}

/* One try of all rungs. VMCTL_BUSY when one may do at another time, of which
 * `why` tells then; VMCTL_UNSUPPORTED when none ever will. What will not is
 * noted in `gone`. */
static int try_rungs(struct vmctl *ctx, struct vmctl_instance *row,
		     const struct vmctl_exec *what, bool first, bool *gone,
		     struct vmctl_exit *ret, struct vmctl_error *why)
{
	struct vmctl_error busy = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(ladder); i++) {
		const struct transport *rung = ladder[i];
		int r;

		if (gone[i] || !is_wanted(rung, what))
			continue;
		r = rung->exec(ctx, row, what, ret, why);
		ret->transport = rung->name;
		if (r != -VMCTL_UNSUPPORTED && r != -VMCTL_BUSY)
			return r;
		if (first || r == -VMCTL_UNSUPPORTED)
			log_info(&ctx->ev, "%s: not by %s: %s", row->name,
				 rung->name, why->message);
		if (r == -VMCTL_BUSY)
			busy = *why;
		else
			gone[i] = true;
	}
	if (!busy.code)
		return -VMCTL_UNSUPPORTED;
	*why = busy;
	return -VMCTL_BUSY;
}

static long queue_ms(const struct vmctl_exec *what)
{
	long ms = what->connect_timeout_ms;

	for (size_t i = 0; i < ARRAY_LEN(ladder) && !what->connect_timeout_ms;
	     i++)
		if (is_wanted(ladder[i], what) && ladder[i]->queue_ms > ms)
			ms = ladder[i]->queue_ms;
	return ms;
}

static int climb(struct vmctl *ctx, struct vmctl_instance *row,
		 const struct vmctl_exec *what, struct vmctl_exit *ret,
		 struct vmctl_error *err)
{
	bool gone[ARRAY_LEN(ladder)] = { false };
	struct vmctl_error why = { 0 }, late;
	struct vmctl_exit exit = { 0 };
	struct turn_queue queue;
	int r;

	turn_queue_begin(&queue, ctx, row->id, queue_ms(what));
	for (bool first = true; (r = try_rungs(ctx, row, what, first, gone,
					       &exit, &why)) == -VMCTL_BUSY;
	     first = false) {
		r = turn_queue_wait(&queue, &late);
		if (r == -VMCTL_BUSY) /* what it waited for says more */
			r = -VMCTL_UNSUPPORTED;
		else if (r < 0)
			why = late;
		if (r < 0)
			break;
	}
	if (r == 0)
		*ret = exit;
	else if (r == -VMCTL_UNSUPPORTED)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "%s cannot be entered%s%s: %s", row->name,
			    is_auto(what->transport) ? "" : " by ",
			    is_auto(what->transport) ? "" : what->transport,
			    why.message);
	else if (err)
		*err = why;
	return r;
}

static int run(struct vmctl *ctx, struct vmctl_instance *row,
	       const struct vmctl_exec *what, struct vmctl_exit *ret,
	       struct vmctl_error *err)
{
	struct vmctl_error why;
	struct vmctl_exit exit;
	struct recording rec;
	int r;

	recording_begin(&rec, ctx, row, what);
	r = climb(ctx, row, what, &exit, &why);
	recording_end(&rec, r, &exit, &why);
	if (r == 0)
		*ret = exit;
	else if (err)
		*err = why;
	return r;
}

static bool is_variable(const char *text)
{
	size_t n = strcspn(text, "=");

	if (n == 0 || !text[n] || (text[0] >= '0' && text[0] <= '9'))
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static int check(const struct vmctl_exec *what, struct vmctl_error *err)
{
	for (size_t i = 0; what->env && what->env[i]; i++) {
		if (is_variable(what->env[i]))
			continue;
		fail(err, VMCTL_INVALID, 0, "'%.100s' sets no variable",
		     what->env[i]);
		fail_hint(err, "NAME=value, where NAME is letters, digits and "
			       "underscores and begins with no digit");
		return -VMCTL_INVALID;
	}
	if (what->cwd && !*what->cwd)
		return fail(err, VMCTL_INVALID, 0,
			    "the folder to run in has an empty name");
	if (!what->argv && (what->cwd || what->env))
		return fail(err, VMCTL_INVALID, 0,
			    "a login shell chooses folder and variables by "
			    "itself");
	if (what->argv && !what->argv[0])
		return fail(err, VMCTL_INVALID, 0, "the command is empty");
	return check_transport(what->transport, err);
}

int vmctl_instance_exec(struct vmctl *ctx, const char *name,
			const struct vmctl_exec *asked, struct vmctl_exit *ret,
			struct vmctl_error *err)
{
	auto_instance *row = NULL;
	struct vmctl_exec what = { 0 };
	int r;

	/* A caller built against an older header has a shorter struct. */
	memcpy(&what, asked,
	       asked->size < sizeof(what) ? asked->size : sizeof(what));
	r = check(&what, err);
	if (r == 0)
		r = ssh_forwards_check(what.local_forwards, err);
	if (r == 0)
		r = instance_find(ctx, name, &row, err);
	return r < 0 ? r : run(ctx, row, &what, ret, err);
}
