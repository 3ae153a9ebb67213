/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "base/file.h"
#include "instance/console.h"

#define BLOCK 65536

/* --- whose record
 * ------------------------------------------------------------- */

static int find(struct vmctl *ctx, const char *name,
		struct vmctl_instance **ret, struct vmctl_error *err)
{
	struct vmctl_error why;
	int r = instance_find(ctx, name, ret, &why);

	if (r == -VMCTL_NOT_FOUND &&
	    state_instance_deleted(ctx->db, name, ret, NULL) == 0)
		return 0;
	if (r < 0 && err)
		*err = why;
	return r;
}

int vmctl_console_find(struct vmctl *ctx, const char *name, char **ret_id,
		       bool *ret_deleted, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r = find(ctx, name, &row, err);

	if (r < 0)
		return r;
	if (ret_deleted)
		*ret_deleted = row->state == VMCTL_STATE_TERMINATED;
	*ret_id = strdup(row->id);
	return *ret_id ? 0 : fail_oom(err);
}

static int fail_none(const struct vmctl_instance *row, struct vmctl_error *err)
{
	if (row->state != VMCTL_STATE_TERMINATED)
		return fail_state(row, "has no console record", err);
	return fail(err, VMCTL_STATE, 0,
		    "no console record of %s is kept: it is deleted", row->id);
}

/* --- the starts
 * ---------------------------------------------------------------- */

void vmctl_boot_list_free(struct vmctl_boot_list *list)
{
	for (size_t i = 0; list && i < list->count; i++)
		free(list->items[i].ended);
	if (list)
		free(list->items);
	free(list);
}

/* How the newest one ended, which nobody has noted yet. */
static void complete_live(struct vmctl *ctx, const struct vmctl_instance *row,
			  struct console_record *rec)
{
	for (size_t i = 0; i < rec->boot_count; i++) {
		struct console_boot *b = &rec->boots[i];

		if (b->live && row->state != VMCTL_STATE_STOPPED)
			b->ended[0] = '\0';
		else if (b->live && !*b->ended)
			console_how_ended(ctx, row, b->ended);
	}
}

int vmctl_console_boots(struct vmctl *ctx, const char *name,
			struct vmctl_boot_list **ret, struct vmctl_error *err)
{
	struct vmctl_boot_list *out = NULL;
	auto_instance *row = NULL;
	auto_record rec = { 0 };
	int r = find(ctx, name, &row, err);

	if (r == 0)
		r = console_record(ctx, row->id, &rec, err);
	if (r < 0)
		return r;
	if (!rec.boot_count)
		return fail_none(row, err);
	complete_live(ctx, row, &rec);
	out = calloc(1, sizeof(*out));
	if (out)
		out->items = calloc(rec.boot_count, sizeof(*out->items));
	for (size_t i = 0; out && out->items && i < rec.boot_count; i++) {
		const struct console_boot *b = &rec.boots[i];

		out->items[out->count++] = (struct vmctl_boot){
			.index = (int64_t)i + 1 - (int64_t)rec.boot_count,
			.number = b->number,
			.started_at = b->started_at,
			.written_at = b->written_at,
			.size = b->size,
			.ended = strdup(b->ended),
		};
		r = out->items[i].ended ? r : -VMCTL_NO_MEMORY;
	}
	if (r < 0 || !out || !out->items) {
		vmctl_boot_list_free(out);
		return fail_oom(err);
	}
	*ret = out;
	return 0;
}

static int choose(const struct vmctl_instance *row,
		  const struct console_record *rec, int64_t wanted,
		  int64_t *ret_number, struct vmctl_error *err)
{
	for (size_t i = 0; i < rec->boot_count; i++) {
		int64_t index = (int64_t)i + 1 - (int64_t)rec->boot_count;

		if (wanted > 0 ? rec->boots[i].number == wanted
			       : index == wanted) {
			*ret_number = rec->boots[i].number;
			return 0;
		}
	}
	fail(err, VMCTL_NOT_FOUND, 0,
	     "%s has no start %lld of which the console record is kept",
	     row->name, (long long)wanted);
	fail_hint(err, "vmctl logs --list-boots %s",
		  row->state == VMCTL_STATE_TERMINATED ? row->id : row->name);
	return -VMCTL_NOT_FOUND;
}

/* --- reading
 * --------------------------------------------------------------------- */

static int fail_denied(const char *path, struct vmctl_error *err)
{
	fail(err, VMCTL_DENIED, 0,
	     "the console record belongs to the system's libvirt: %s", path);
	fail_hint(err, "sudo setfacl -m u:%ld:r %s", (long)geteuid(), path);
	return -VMCTL_DENIED;
}

static const struct console_part *same_part(const struct console_record *rec,
					    const struct console_part *part)
{
	for (size_t i = 0; i < rec->part_count; i++)
		if (rec->parts[i].ino == part->ino &&
		    rec->parts[i].dev == part->dev)
			return &rec->parts[i];
	return NULL;
}

int console_part_open(const struct vmctl *ctx, const char *id,
		      const struct console_part *part, int *ret_fd,
		      struct vmctl_error *err)
{
	for (int tries = 0; tries < 8; tries++) {
		auto_record rec = { 0 };
		auto_close int fd = -1;
		struct stat st;
		int r = tries ? console_record(ctx, id, &rec, err) : 0;
		const struct console_part *now =
			tries ? same_part(&rec, part) : part;

		if (r < 0)
			return r;
		if (!now)
			return 1;
		r = file_open(now->path, &fd, err);
		if (r < 0 && r != -VMCTL_NOT_FOUND)
			return access(now->path, R_OK) < 0 && errno == EACCES
				       ? fail_denied(now->path, err)
				       : r;
		if (r == 0 && fstat(fd, &st) == 0 && st.st_ino == part->ino &&
		    st.st_dev == part->dev) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
	return 1;
}

int console_pass(struct console_place *place,
		 const struct vmctl_console_log *what, struct vmctl_error *err)
{
	char buf[BLOCK];
	ssize_t n;

	while ((n = pread(place->fd, buf, sizeof(buf), place->at)) != 0) {
		if (n < 0)
			return fail_sys(err, errno,
					"cannot read the console record");
		place->at += n;
		int r = what->put(what->data, buf, (size_t)n, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Where the last lines begin in a file, of which *lines are wanted; what it
 * does not have is wanted of the file before. */
static int64_t find_lines(int fd, int64_t size, bool last, int64_t *lines)
{
	char buf[4096];

	for (int64_t at = size; at > 0;) {
		int64_t n =
			at < (int64_t)sizeof(buf) ? at : (int64_t)sizeof(buf);

		if (pread(fd, buf, (size_t)n, at - n) != n)
			return 0;
		for (int64_t i = n; i-- > 0;) {
			/* The end of the last line begins none. */
			if (buf[i] != '\n' || (last && at - n + i == size - 1))
				continue;
			if (--*lines == 0)
				return at - n + i + 1;
		}
		at -= n;
	}
	return 0;
}

/* *ret_part and *ret_at: where to begin. */
static int find_start(struct vmctl *ctx, const char *id,
		      const struct console_record *rec, size_t from, size_t to,
		      int64_t lines, size_t *ret_part, int64_t *ret_at,
		      struct vmctl_error *err)
{
	bool last = true;

	*ret_part = from;
	*ret_at = 0;
	for (size_t i = to; lines > 0 && i-- > from;) {
		auto_close int fd = -1;
		int r = console_part_open(ctx, id, &rec->parts[i], &fd, err);

		if (r < 0)
			return r;
		if (r > 0 || !rec->parts[i].size)
			continue;
		*ret_part = i;
		*ret_at = find_lines(fd, rec->parts[i].size, last, &lines);
		last = false;
	}
	if (lines > 0)
		*ret_part = from;
	return 0;
}

static int read_parts(struct vmctl *ctx, const char *id,
		      const struct console_record *rec, size_t from, size_t to,
		      struct console_place *place,
		      const struct vmctl_console_log *what,
		      struct vmctl_error *err)
{
	size_t first;
	int64_t at;
	int r = find_start(ctx, id, rec, from, to, what->lines, &first, &at,
			   err);

	for (size_t i = first; r == 0 && i < to; i++, at = 0) {
		const struct console_part *p = &rec->parts[i];
		int fd = -1;

		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
		r = console_part_open(ctx, id, p, &fd, err);
		if (r > 0) { /* gone meanwhile: what is left is shown */
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		if (place->fd >= 0)
			close(place->fd);
		*place = (struct console_place){ fd, at, p->boot, p->dev,
						 p->ino };
		r = console_pass(place, what, err);
	}
	return r;
}

int vmctl_console_log(struct vmctl *ctx, const char *name,
		      const struct vmctl_console_log *what, bool *ret_gone,
		      struct vmctl_error *err)
{
	struct console_place place = { .fd = -1 };
	auto_instance *row = NULL;
	auto_record rec = { 0 };
	int64_t first = 0, last = 0;
	bool gone = false;
	int r = find(ctx, name, &row, err);

	if (r == 0)
		r = console_record(ctx, row->id, &rec, err);
	if (r == 0 && !rec.boot_count)
		r = fail_none(row, err);
	if (r == 0)
		r = choose(row, &rec, what->first, &first, err);
	if (r == 0)
		r = choose(row, &rec, what->follow ? 0 : what->last, &last,
			   err);
	if (r < 0)
		return r;
	size_t from = 0, to = rec.part_count;
	place.boot = first;
	while (from < to && rec.parts[from].boot < first)
		from++;
	while (to > from && rec.parts[to - 1].boot > last)
		to--;
	r = read_parts(ctx, row->id, &rec, from, to, &place, what, err);
	if (r == 0)
		r = what->put(what->data, "", 0, err);
	if (r == 0 && what->follow)
		r = console_follow(ctx, row->id, &place, what, &gone, err);
	if (place.fd >= 0)
		close(place.fd);
	if (ret_gone)
		*ret_gone = gone;
	return r < 0 ? r : 0;
}
