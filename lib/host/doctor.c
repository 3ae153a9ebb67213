/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

/* All the checks, in the order that they are made and shown in. What was left
 * is looked for after the connections were asked. */
static const struct doctor_check checks[] = {
	{ "programs", "qemu", 0, check_qemu },
	{ "programs", "qemu-img", 0, check_qemu_img },
	{ "programs", "libraries", 0, check_modules },
	{ "programs", "gpgv", 0, check_gpgv },
	{ "records", "settings", 0, check_settings },
	{ "records", "database", 0, check_database },
	{ "libvirt", "daemons", 0, check_daemons },
	{ "libvirt", "connection", NEEDS_SETTINGS, check_connections },
	{ "host", "kvm", 0, check_kvm },
	{ "host", "memory", NEEDS_SETTINGS, check_memory },
	{ "host", "disk", NEEDS_SETTINGS, check_disk },
	{ "host", "groups", 0, check_groups },
	{ "host", "data-folder", 0, check_data_folder },
	{ "host", "storage", NEEDS_SETTINGS, check_storage_folder },
	{ "host", "denials", 0, check_denials },
	{ "network", "subnet", NEEDS_SETTINGS, check_subnet },
	{ "network", "networks", NEEDS_LIBVIRT, check_networks },
	{ "ssh", "openssh", 0, check_openssh },
	{ "ssh", "ssh-config", NEEDS_RECORDS, check_ssh_config },
	{ "instances", "instances", NEEDS_RECORDS, check_instances },
	{ "instances", "images", NEEDS_RECORDS, check_images },
	{ "leftovers", "unfinished", NEEDS_RECORDS, check_intents },
	{ "leftovers", "domains", NEEDS_RECORDS | NEEDS_LIBVIRT,
	  check_domains },
	{ "leftovers", "folders", NEEDS_RECORDS, check_instance_folders },
	{ "leftovers", "reservations", NEEDS_RECORDS | NEEDS_LIBVIRT,
	  check_reservations },
	{ "leftovers", "locks", 0, check_locks },
	{ "leftovers", "connections", 0, check_holders },
	{ "leftovers", "forwards", 0, check_relays },
	{ "leftovers", "set-aside", NEEDS_SETTINGS, check_lost },
};

#define TIMEOUT_MS 20000

const char *vmctl_verdict_name(enum vmctl_verdict verdict)
{
	static const char *const names[] = { "ok", "note", "warning", "problem",
					     "fixed" };

	return (size_t)verdict < ARRAY_LEN(names) ? names[verdict] : "problem";
}

void vmctl_doctor_free(struct vmctl_doctor *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->count; i++) {
		free(o->items[i].group);
		free(o->items[i].check);
		free(o->items[i].text);
		free(o->items[i].fix);
	}
	free(o->items);
	free(o);
}
DEFINE_CLEANUP(doctor_out, struct vmctl_doctor *, vmctl_doctor_free);

/* --- what checks say ------------------------------------------------------ */

static char *printable(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static char *printable(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	return str_printable(text, strlen(text), false);
}

void doctor_say(struct doctor *d, enum vmctl_verdict verdict, const char *fmt,
		...)
{
	struct vmctl_doctor *o = d->out;
	struct vmctl_check c = { .verdict = verdict };
	struct vmctl_check *more =
		reallocarray(o->items, o->count + 1, sizeof(*more));
	va_list ap;

	if (!more)
		return;
	o->items = more;
	va_start(ap, fmt);
	c.text = printable(fmt, ap);
	va_end(ap);
	c.group = strdup(d->now->group);
	c.check = strdup(d->now->name);
	c.fix = strdup("");
	more[o->count] = c;
	o->count++;
	o->problems += verdict == VMCTL_VERDICT_PROBLEM;
	/* Half of one is shown by nobody. */
	if (!c.text || !c.group || !c.check || !c.fix) {
		free(c.text);
		free(c.group);
		free(c.check);
		free(c.fix);
		o->count--;
	}
}

/* Root needs none, and where there is only root there is none. */
static void drop_sudo(char *text)
{
	static const char word[] = "sudo ";
	const size_t n = sizeof(word) - 1;

	for (char *at = text; (at = strstr(at, word));)
		memmove(at, at + n, strlen(at + n) + 1);
}

void doctor_type(struct doctor *d, const char *fmt, ...)
{
	struct vmctl_doctor *o = d->out;
	va_list ap;

	va_start(ap, fmt);
	char *text = o->count ? printable(fmt, ap) : NULL;
	va_end(ap);
	if (!text)
		return;
	if (geteuid() == 0)
		drop_sudo(text);
	free(o->items[o->count - 1].fix);
	o->items[o->count - 1].fix = text;
}

void doctor_say_error(struct doctor *d, enum vmctl_verdict verdict,
		      const struct vmctl_error *why)
{
	doctor_say(d, verdict, "%s", why->message);
	if (why->hint[0])
		doctor_type(d, "%s", why->hint);
}

bool doctor_silent(const struct doctor *d, size_t before)
{
	return d->out->count == before;
}

const struct doctor_link *doctor_answers(const struct doctor *d,
					 const char *uri)
{
	for (size_t i = 0; uri && i < d->link_count; i++)
		if (str_eq(d->links[i].uri, uri))
			return d->links[i].answers ? &d->links[i] : NULL;
	return NULL;
}

/* --- making them ----------------------------------------------------------
 */

static bool is_stopped(struct doctor *d)
{
	d->stopped = d->stopped || cancelled(&d->ev);
	return d->stopped;
}

/* A check that takes too long is cancelled as the caller would do it. */
static bool on_cancelled(void *data)
{
	struct doctor *d = data;

	return clock_mono_ms() > d->deadline || is_stopped(d);
}

static void on_log(void *data, enum vmctl_log_level level, const char *text)
{
	const struct doctor *d = data;

	d->ev.log(d->ev.data, level, text);
}

static void on_progress(void *data, const char *text, unsigned long long done,
			unsigned long long total)
{
	const struct doctor *d = data;

	d->ev.progress(d->ev.data, text, done, total);
}

static void no_state(struct doctor *d, const struct vmctl_error *why)
{
	d->db = NULL;
	d->foreign = why->code == VMCTL_STATE;
	if (d->foreign) {
		d->no_db = "the storage cannot be used";
		d->foreign_why = *why;
		return;
	}
	d->no_db = "the database cannot be used";
	d->health_r = -(int)why->code;
	d->health_why = *why;
}

/* What must be known before any check; reports nothing. */
static void begin(struct doctor *d)
{
	struct vmctl *ctx = d->ctx;
	struct vmctl_error why;
	bool old;

	if (context_config(ctx, &d->config, &d->config_why) < 0)
		d->config = NULL;
	d->health_r = state_inspect(ctx->data_dir, d->timeout_ms, &d->health,
				    &d->health_why);
	old = d->health.version < d->health.newest;
	if (d->health_r < 0 || d->health.finding)
		d->no_db = "the database is not sound";
	else if (!d->config)
		d->no_db = "the settings cannot be read";
	else if (!d->health.exists)
		d->no_db = "there are no records yet";
	else if (old && !d->fix)
		d->no_db = "the database is of an older vmctl";
	else if (context_state(ctx, &d->db, &why) < 0)
		no_state(d, &why);
	/* Whose the storage is can be seen by its mark alone, too. */
	if (d->config && !d->health.exists)
		d->foreign =
			context_storage_check(ctx, NULL, &d->foreign_why) < 0;
}

static const char *missing(const struct doctor *d, unsigned needs)
{
	if ((needs & NEEDS_SETTINGS) && !d->config)
		return "the settings cannot be read";
	if ((needs & NEEDS_RECORDS) && !d->db)
		return d->no_db;
	if ((needs & NEEDS_LIBVIRT) && !doctor_answers(d, d->ctx->uri))
		return "libvirt does not answer";
	return NULL;
}

static void make(struct doctor *d, const struct doctor_check *check)
{
	const char *why = missing(d, check->needs);
	size_t before = d->out->count;

	d->now = check;
	d->deadline = clock_mono_ms() + d->timeout_ms;
	progress_at(&d->ev, check->name, 0, 0);
	if (why)
		say_note(d, "not looked at: %s", why);
	else
		check->run(d);
	if (doctor_silent(d, before))
		say_ok(d, "nothing to mend");
}

static void end(struct doctor *d)
{
	d->ctx->ev = d->ev;
	for (size_t i = 0; i < d->link_count; i++)
		free(d->links[i].uri);
	strv_free(d->kept);
	state_health_done(&d->health);
}

int vmctl_host_doctor(struct vmctl *ctx, bool fix, long timeout_ms,
		      struct vmctl_doctor **ret, struct vmctl_error *err)
{
	auto_cleanup(doctor_out_cleanup) struct vmctl_doctor *out =
		calloc(1, sizeof(*out));
	struct doctor d = {
		.ctx = ctx,
		.out = out,
		.fix = fix,
		.timeout_ms = timeout_ms > 0 ? timeout_ms : TIMEOUT_MS,
		.ev = ctx->ev,
		.kept = strv_dup(NULL),
	};
	int r = out && d.kept ? 0 : fail_oom(err);

	if (r < 0)
		return r;
	ctx->ev = (struct events){
		.log = d.ev.log ? on_log : NULL,
		.progress = d.ev.progress ? on_progress : NULL,
		.cancelled = on_cancelled,
		.data = &d,
	};
	d.deadline = clock_mono_ms() + d.timeout_ms;
	begin(&d);
	for (size_t i = 0; i < ARRAY_LEN(checks) && !is_stopped(&d); i++)
		make(&d, &checks[i]);
	end(&d);
	if (d.stopped)
		return fail_cancelled(err);
	*ret = take_ptr(&out);
	return 0;
}
