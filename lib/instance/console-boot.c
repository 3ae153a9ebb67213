/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "driver/acl.h"
#include "instance/console.h"
#include "internal/config.h"

/*
 * One record for each start of the machine. Nobody listens while it runs, so a
 * start is what can be told apart for sure: a guest that reboots goes on in
 * the same QEMU process and on the same record, and so does what another tool
 * starts. That nothing is lost comes before that: files are renamed.
 */

static const struct console_boot *live_boot(const struct console_record *r)
{
	for (size_t i = 0; i < r->boot_count; i++)
		if (r->boots[i].live)
			return &r->boots[i];
	return NULL;
}

static char *boot_dir(const struct vmctl *ctx, const char *id, int64_t number)
{
	auto_free char *boots = console_boots_dir(ctx, id);

	return boots ? str_printf("%s/%lld", boots, (long long)number) : NULL;
}

/* Whether a file of the live boot has there a namesake: of a process that was
 * killed while it moved them, before another tool started the machine. */
static bool has_namesakes(const struct console_record *r, const char *dir)
{
	for (size_t i = 0; i < r->part_count; i++) {
		const struct console_part *p = &r->parts[i];
		auto_free char *to = path_join(dir, path_base(p->path));

		if (p->live && p->size && to && access(to, F_OK) == 0)
			return true;
	}
	return false;
}

static int move_parts(const struct console_record *r, const char *dir,
		      struct vmctl_error *err)
{
	for (size_t i = 0; i < r->part_count; i++) {
		const struct console_part *p = &r->parts[i];
		auto_free char *to = path_join(dir, path_base(p->path));

		if (!to)
			return fail_oom(err);
		/* An empty one must not take another's place. */
		if (p->live &&
		    (p->size ? rename(p->path, to) : unlink(p->path)) < 0 &&
		    errno != ENOENT)
			return fail_sys(err, errno, "cannot move %s", p->path);
	}
	return 0;
}

/* First where they are now: a power cut may leave them in both places, and in
 * neither never. */
static int moved(const char *to, const char *from, struct vmctl_error *err)
{
	int r = dir_sync(to, err);

	return r < 0 ? r : dir_sync(from, err);
}

/* The number is that of the live boot until the next has begun: files of both
 * folders are one boot for whoever looks meanwhile. */
static int archive(const struct vmctl *ctx, const char *id,
		   const struct console_record *r, const char *ended,
		   int64_t *ret_number, struct vmctl_error *err)
{
	const struct console_boot *b = live_boot(r);
	struct console_note note = { b->number, b->started_at, "" };
	auto_free char *dir = boot_dir(ctx, id, note.number);
	auto_free char *live = instance_dir(ctx, id);

	while (dir && has_namesakes(r, dir)) {
		free(dir);
		note.started_at = 0;
		dir = boot_dir(ctx, id, ++note.number);
	}
	if (!dir || !live)
		return fail_oom(err);
	snprintf(note.ended, sizeof(note.ended), "%s",
		 *b->ended ? b->ended : ended);
	int rc = dir_make(dir, 0700, err);
	if (rc == 0)
		rc = console_note_write(dir, &note, err);
	if (rc == 0)
		rc = move_parts(r, dir, err);
	*ret_number = note.number;
	return rc < 0 ? rc : moved(dir, live, err);
}

/* --- how it ended -----------------------------------------------------------
 */

static const char *engine_says(struct vmctl *ctx,
			       const struct vmctl_instance *row,
			       struct hv_details *d)
{
	const struct hv_ops *ops;
	struct hv *hv;

	if (context_hv(ctx, row->connection, &ops, &hv, NULL) < 0 ||
	    ops->details(hv, row->uuid, d, NULL) < 0)
		return "";
	if (d->state == HV_RUNNING || d->state == HV_PAUSED ||
	    d->state == HV_STOPPING)
		return NULL;
	return d->why;
}

void console_how_ended(struct vmctl *ctx, const struct vmctl_instance *row,
		       char ret[96])
{
	struct hv_details d;
	const char *why = engine_says(ctx, row, &d);

	snprintf(ret, 96, "%s", why ? why : "");
}

void console_ended(struct vmctl *ctx, const struct vmctl_instance *row,
		   const char *otherwise)
{
	auto_free char *dir = instance_dir(ctx, row->id);
	struct console_note note;
	struct hv_details d;

	if (!dir || !console_note_read(dir, &note) || *note.ended)
		return;
	const char *why = engine_says(ctx, row, &d);
	if (!why)
		why = otherwise;
	if (!*why)
		return;
	snprintf(note.ended, sizeof(note.ended), "%s", why);
	(void)console_note_write(dir, &note, NULL);
}

/* --- a start -----------------------------------------------------------------
 */

static int limit_boots(const struct vmctl *ctx, const char *id, size_t max,
		       int64_t size, struct vmctl_error *err)
{
	auto_record r = { 0 };
	int rc = console_record(ctx, id, &r, err);

	for (size_t i = 0; rc == 0 && i + max < r.boot_count; i++) {
		auto_free char *dir = boot_dir(ctx, id, r.boots[i].number);

		rc = dir ? dir_remove(dir, err) : fail_oom(err);
	}
	for (size_t i = 0; rc == 0 && i < r.boot_count; i++)
		if (!r.boots[i].live && r.boots[i].size > size)
			rc = console_shorten(&r, r.boots[i].number, size, err);
	return rc;
}

/* There from the first byte on, also when the guest says nothing. The system's
 * libvirt makes root its owner: the caller shall read it all the same. */
static int make_file(struct vmctl *ctx, const struct vmctl_instance *row,
		     struct vmctl_error *err)
{
	auto_free char *path = instance_file(ctx, row->id, CONSOLE_LOG);
	const struct hv_ops *ops;
	struct vmctl_error why;
	struct hv *hv;
	int r = path ? context_hv(ctx, row->connection, &ops, &hv, err)
		     : fail_oom(err);

	if (r < 0)
		return r;
	auto_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST
			       ? 0
			       : fail_sys(err, errno, "cannot write %s", path);
	if (geteuid() != 0 && ops->is_other_user(hv) &&
	    acl_keep_access(path, &why) < 0)
		log_info(&ctx->ev, "%s", why.message);
	return 0;
}

static int begin(struct vmctl *ctx, const struct vmctl_instance *row,
		 bool *ret_moved, struct vmctl_error *err)
{
	struct console_note note = { 1, clock_now(), "" };
	auto_free char *dir = instance_dir(ctx, row->id);
	const struct config *config;
	auto_record r = { 0 };
	int rc = dir ? context_config(ctx, &config, err) : fail_oom(err);

	if (rc == 0)
		rc = console_record(ctx, row->id, &r, err);
	const struct console_boot *live = live_boot(&r);
	if (rc < 0 || !live)
		return rc;
	note.number = live->number;
	/* A start that failed before the guest said a word does not count. */
	if (live->size) {
		console_ended(ctx, row, "");
		console_record_done(&r);
		rc = console_record(ctx, row->id, &r, err);
		int64_t number = note.number;
		if (rc == 0 && live_boot(&r))
			rc = archive(ctx, row->id, &r, "", &number, err);
		*ret_moved = rc == 0;
		note.number = number + 1;
	}
	if (rc == 0)
		rc = make_file(ctx, row, err);
	if (rc == 0)
		rc = console_note_write(dir, &note, err);
	if (rc == 0)
		rc = limit_boots(ctx, row->id,
				 (size_t)config_number(config, "logs.boots"),
				 config_number(config, "logs.size"), err);
	return rc;
}

bool console_begin(struct vmctl *ctx, const struct vmctl_instance *row)
{
	struct vmctl_error why;
	bool moved = false;

	/* What its memory was saved of goes on where it was. */
	if (row->state != VMCTL_STATE_SUSPENDED &&
	    begin(ctx, row, &moved, &why) < 0)
		log_warn(&ctx->ev, "%s: the console record: %s", row->name,
			 why.message);
	return moved;
}

/* --- a start that was none ---------------------------------------------------
 */

/* Somebody else started it meanwhile, and it may write to what was moved. */
static int take_back(const struct vmctl *ctx, const char *id,
		     struct vmctl_error *err)
{
	auto_free char *live = instance_dir(ctx, id);
	auto_free char *dir = NULL;
	struct console_note note;
	auto_record r = { 0 };
	int rc = live ? console_record(ctx, id, &r, err) : fail_oom(err);

	if (rc < 0 || r.boot_count < 2)
		return rc;
	const struct console_boot *last = &r.boots[r.boot_count - 1];
	const struct console_boot *before = last - 1;
	if (!last->live || last->size)
		return 0;
	dir = boot_dir(ctx, id, before->number);
	if (!dir)
		return fail_oom(err);
	for (size_t i = 0; i < r.part_count; i++) {
		const struct console_part *p = &r.parts[i];
		auto_free char *to = path_join(live, path_base(p->path));

		if (p->boot != before->number)
			continue;
		if (!to)
			return fail_oom(err);
		if (rename(p->path, to) < 0)
			return fail_sys(err, errno, "cannot move %s", p->path);
	}
	note = (struct console_note){ before->number, before->started_at, "" };
	rc = console_note_write(live, &note, err);
	return rc < 0 ? rc : moved(live, dir, err);
}

void console_take_back(struct vmctl *ctx, const struct vmctl_instance *row)
{
	struct vmctl_error why;

	if (take_back(ctx, row->id, &why) < 0)
		log_warn(&ctx->ev, "%s: %s", row->name, why.message);
}

/* --- the end -----------------------------------------------------------------
 */

int console_archive(const struct vmctl *ctx, const char *id, const char *ended,
		    struct vmctl_error *err)
{
	auto_record r = { 0 };
	int64_t number;
	int rc = console_record(ctx, id, &r, err);
	const struct console_boot *live = live_boot(&r);

	return rc < 0 || !live || !live->size
		       ? rc
		       : archive(ctx, id, &r, ended, &number, err);
}
