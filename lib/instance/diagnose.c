/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/diagnose.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/units.h"
#include "driver/host-log.h"

/* Why an instance cannot be used. Nothing here fails: what cannot be found out
 * is left out, and what has no answer within its time too. */

#define CONSOLE_LINES 5
#define LOG_LINES 3
#define CONSOLE_SEARCHED 400
#define LITTLE_DISK (64LL << 20)
#define LITTLE_MEMORY (128LL << 20)

void vmctl_diagnosis_free(struct vmctl_diagnosis *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].topic);
		free(d->items[i].text);
	}
	free(d->items);
	free(d->next);
	free(d);
}
DEFINE_CLEANUP(diagnosis, struct vmctl_diagnosis *, vmctl_diagnosis_free);

void find_text(struct findings *f, const char *topic, const char *fmt, ...)
{
	struct vmctl_diagnosis *d = f->out;
	auto_free char *safe = NULL;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = str_printable(text, strlen(text), false);
	struct vmctl_finding *more =
		safe ? reallocarray(d->items, d->count + 1, sizeof(*more))
		     : NULL;
	if (!more)
		return;
	d->items = more;
	more[d->count] = (struct vmctl_finding){ strdup(topic), NULL };
	if (more[d->count].topic)
		more[d->count++].text = take_ptr(&safe);
}

/* --- state ------------------------------------------------------------------
 */

static pid_t find_process(const struct findings *f, long *ret_seconds)
{
	auto_free char *disk = instance_file(f->ctx, f->row->id, "disk.qcow2");

	return disk ? host_qemu_process(f->row->id, disk, ret_seconds) : 0;
}

static void find_state(struct findings *f)
{
	struct vmctl_instance *row = f->row;
	char since[DURATION_TEXT];
	struct vmctl_error why;
	long seconds = 0;
	int r = row->state == VMCTL_STATE_TERMINATED
			? 0
			: context_hv(f->ctx, row->connection, &f->ops, &f->hv,
				     &why);

	if (r == 0)
		r = instance_refresh(f->ctx, row, &why);
	if (r < 0) {
		f->hv = NULL;
		find_text(f, "libvirt", "%s", why.message);
	}
	f->has_details = f->hv && f->ops->details(f->hv, row->uuid, &f->details,
						  NULL) == 0;
	pid_t pid = find_process(f, &seconds);
	f->runs = row->state == VMCTL_STATE_RUNNING ||
		  row->state == VMCTL_STATE_STOPPING;
	const char *why_so = f->has_details ? f->details.why : row->reason;
	find_text(f, "state", "%s%s%s%s", vmctl_state_name(row->state),
		  *why_so ? (row->state == VMCTL_STATE_PAUSED ? " " : ": ")
			  : "",
		  why_so, r < 0 ? " (as last seen)" : "");
	if (pid)
		find_text(f, "process", "QEMU is process %ld, for %s",
			  (long)pid, format_duration(seconds * 1000LL, since));
	else if (f->runs)
		find_text(f, "process", "no QEMU process of it is to be seen");
	if (f->has_details && *f->details.control)
		find_text(f, "libvirt", "%s", f->details.control);
}

/* --- guest and host ---------------------------------------------------------
 */

static void find_agent(struct findings *f)
{
	for (size_t i = 0; f->runs && i < f->details.channel_count; i++) {
		const struct hv_channel *c = &f->details.channels[i];

		find_text(f, "agent", "%s is %s",
			  str_eq(c->name, HV_QEMU_AGENT)
				  ? "the QEMU guest agent"
			  : str_eq(c->name, HV_AGENT) ? "vmctl's agent"
						      : c->name,
			  c->up ? "connected" : "not connected");
	}
}

/* cloud-init tells of its stages on the console. */
static void find_cloud_init(struct findings *f, char **lines)
{
	const char *last = NULL;

	for (size_t i = 0; lines[i]; i++) {
		const char *at = strstr(lines[i], "Cloud-init v.");

		last = at ? at : last;
	}
	if (last)
		find_text(f, "cloud-init", "%s", last);
}

static void find_console(struct findings *f)
{
	auto_strv char **lines = NULL;
	struct vmctl_error why;

	if (console_tail(f->ctx, f->row->id, CONSOLE_SEARCHED, &lines, &why) <
	    0) {
		find_text(f, "console", "%s", why.message);
		return;
	}
	size_t n = strv_len((const char *const *)lines);
	find_cloud_init(f, lines);
	if (!n)
		find_text(f, "console", "the guest has written nothing");
	for (size_t i = n > CONSOLE_LINES ? n - CONSOLE_LINES : 0; i < n; i++)
		find_text(f, "console", "| %s", lines[i]);
}

/* A guest whose disk cannot grow is paused, or finds errors on it. */
static void find_host(struct findings *f)
{
	auto_free char *dir = instance_dir(f->ctx, f->row->id);
	auto_str meminfo = STR_INIT;
	char size[SIZE_TEXT];
	struct statvfs fs;
	long long kib;

	if (dir && statvfs(dir, &fs) == 0) {
		int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;

		f->disk_full = left < LITTLE_DISK;
		if (f->disk_full)
			find_text(f, "host", "only %s are left in %s",
				  format_size(left, size), dir);
	}
	if (file_read("/proc/meminfo", 1 << 16, &meminfo, NULL) < 0)
		return;
	const char *at = strstr(str_text(&meminfo), "MemAvailable:");
	if (at && sscanf(at, "MemAvailable: %lld", &kib) == 1 &&
	    kib * 1024 < LITTLE_MEMORY)
		find_text(f, "host", "only %s of memory are available",
			  format_size(kib * 1024, size));
}

static void find_logs(struct findings *f)
{
	const struct vmctl_instance *row = f->row;
	long unused;
	pid_t pid = find_process(f, &unused);
	auto_free char *by_pid = str_printf("pid=%ld", (long)pid);
	const char *words[] = { row->id, row->uuid, pid ? by_pid : NULL, NULL };
	const struct host_log_names names = { words };
	auto_strv char **denied = host_log_denials(&names, LOG_LINES);
	auto_strv char **qemu = host_log_qemu(
		row->id,
		str_ends(row->connection, "/session") && geteuid() != 0,
		LOG_LINES);

	for (size_t i = 0; denied && denied[i]; i++)
		find_text(f, "denied", "%s", denied[i]);
	for (size_t i = 0; qemu && qemu[i]; i++)
		find_text(f, "qemu", "%s", qemu[i]);
}

/* --- what to do --------------------------------------------------------------
 */

static char *next_command(const struct findings *f)
{
	const struct vmctl_instance *row = f->row;

	if (row->state == VMCTL_STATE_TERMINATED)
		return NULL;
	if (!f->hv)
		return strdup("vmctl host doctor");
	if (f->details.silent)
		return str_printf("vmctl stop --force %s", row->name);
	if (row->state == VMCTL_STATE_PAUSED)
		return str_printf("%svirsh -c %s resume %s",
				  f->disk_full ? "make room on the disk, then "
					       : "",
				  row->connection, row->id);
	if (row->state == VMCTL_STATE_ERROR || f->no_forward)
		return str_printf("vmctl start %s", row->name);
	/* Somebody is there, and lets us not in: the error says why. */
	if (f->runs && f->ssh == SSH_STAGE_SPOKE)
		return NULL;
	return str_printf("vmctl logs %s", row->name);
}

int vmctl_instance_diagnose(struct vmctl *ctx, const char *name,
			    struct vmctl_diagnosis **ret,
			    struct vmctl_error *err)
{
	auto_cleanup(diagnosis_cleanup) struct vmctl_diagnosis *d =
		calloc(1, sizeof(*d));
	auto_instance *row = NULL;
	int r = d ? instance_find(ctx, name, &row, err) : fail_oom(err);

	if (r < 0)
		return r;
	struct findings f = { .ctx = ctx, .row = row, .out = d };
	find_state(&f);
	find_interfaces(&f);
	find_ssh(&f);
	find_agent(&f);
	find_host(&f);
	find_logs(&f);
	find_console(&f);
	d->next = next_command(&f);
	*ret = take_ptr(&d);
	return 0;
}
