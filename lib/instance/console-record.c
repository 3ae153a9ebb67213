/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"

#define NOTE "boot"

char *console_boots_dir(const struct vmctl *ctx, const char *id)
{
	return instance_file(ctx, id, "boots");
}

char *console_kept_dir(const struct vmctl *ctx, const char *id)
{
	auto_free char *logs = context_path(ctx, "logs");
	auto_free char *own = logs ? path_join(logs, id) : NULL;

	return own ? path_join(own, "boots") : NULL;
}

void console_record_done(struct console_record *r)
{
	for (size_t i = 0; i < r->part_count; i++)
		free(r->parts[i].path);
	free(r->parts);
	free(r->boots);
	*r = (struct console_record){ 0 };
}

/* --- the note --------------------------------------------------------------
 */

bool console_note_read(const char *dir, struct console_note *ret)
{
	auto_free char *path = path_join(dir, NOTE);
	auto_str text = STR_INIT;
	struct console_note n = { 0 };

	if (!path || file_read(path, 256, &text, NULL) < 0 ||
	    sscanf(str_text(&text), "%lld %lld %95[^\n]", &n.number,
		   &n.started_at, n.ended) < 2 ||
	    n.number < 1)
		return false;
	*ret = n;
	return true;
}

int console_note_write(const char *dir, const struct console_note *note,
		       struct vmctl_error *err)
{
	auto_free char *path = path_join(dir, NOTE);
	auto_free char *text = str_printf("%lld %lld %s\n", note->number,
					  note->started_at, note->ended);

	if (!path || !text)
		return fail_oom(err);
	return file_write_atomic(path, text, strlen(text), 0600, err);
}

/* --- finding ---------------------------------------------------------------
 */

int64_t console_age(const char *name)
{
	const size_t n = sizeof(CONSOLE_LOG) - 1;
	char *end;

	if (strncmp(name, CONSOLE_LOG, n) != 0)
		return -2;
	if (!name[n])
		return -1;
	size_t digits = strspn(name + n + 1, "0123456789");
	if (name[n] != '.' || !digits || digits > 9 || name[n + 1 + digits])
		return -2;
	return strtoll(name + n + 1, &end, 10);
}

static int add_part(struct console_record *r, int at, const char *dir,
		    const char *name, int64_t boot, bool live,
		    struct vmctl_error *err)
{
	struct console_part *more;
	struct stat st;

	/* virtlogd may just be renaming it: the next look finds it. */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	more = reallocarray(r->parts, r->part_count + 1, sizeof(*more));
	if (!more)
		return fail_oom(err);
	r->parts = more;
	more[r->part_count] = (struct console_part){
		.path = path_join(dir, name),
		.boot = boot,
		.live = live,
		.age = console_age(name),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = st.st_size,
		.written_at = st.st_mtime,
	};
	return more[r->part_count++].path ? 0 : fail_oom(err);
}

static struct console_boot *boot_of(struct console_record *r, int64_t number)
{
	struct console_boot *more;

	for (size_t i = 0; i < r->boot_count; i++)
		if (r->boots[i].number == number)
			return &r->boots[i];
	more = reallocarray(r->boots, r->boot_count + 1, sizeof(*more));
	if (!more)
		return NULL;
	r->boots = more;
	more[r->boot_count] = (struct console_boot){ .number = number };
	return &more[r->boot_count++];
}

/* The files of one boot; a folder that is not there has none. */
static int add_boot(struct console_record *r, const char *dir, int64_t number,
		    bool live, struct vmctl_error *err)
{
	auto_dir DIR *d = opendir(dir);
	struct console_note note;
	struct dirent *e;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : fail_sys(err, errno, "cannot read %s", dir);
	struct console_boot *b = boot_of(r, number);
	if (!b)
		return fail_oom(err);
	b->live |= live;
	if (console_note_read(dir, &note) && note.number == number) {
		b->started_at = note.started_at;
		memcpy(b->ended, note.ended, sizeof(b->ended));
	}
	while ((e = readdir(d))) {
		if (console_age(e->d_name) < -1)
			continue;
		int r2 = add_part(r, dirfd(d), dir, e->d_name, number, live,
				  err);
		if (r2 < 0)
			return r2;
	}
	return 0;
}

static int add_boots(struct console_record *r, const char *folder,
		     struct vmctl_error *err)
{
	auto_dir DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *end;
		int64_t number = strtoll(e->d_name, &end, 10);
		if (number < 1 || *end)
			continue;
		auto_free char *dir = path_join(folder, e->d_name);
		int r2 = dir ? add_boot(r, dir, number, false, err)
			     : fail_oom(err);
		if (r2 < 0)
			return r2;
	}
	return 0;
}

/* --- order -----------------------------------------------------------------
 */

static int by_age(const void *a, const void *b)
{
	const struct console_part *x = a, *y = b;

	if (x->boot != y->boot)
		return x->boot < y->boot ? -1 : 1;
	if (x->live != y->live)
		return x->live ? 1 : -1;
	return x->age == y->age ? 0 : x->age > y->age ? -1 : 1;
}

static int by_number(const void *a, const void *b)
{
	const struct console_boot *x = a, *y = b;

	return x->number == y->number ? 0 : x->number < y->number ? -1 : 1;
}

static void put_in_order(struct console_record *r)
{
	if (r->part_count)
		qsort(r->parts, r->part_count, sizeof(*r->parts), by_age);
	if (r->boot_count)
		qsort(r->boots, r->boot_count, sizeof(*r->boots), by_number);
	for (size_t i = 0; i < r->part_count; i++) {
		const struct console_part *p = &r->parts[i];
		struct console_boot *b = boot_of(r, p->boot);

		b->size += p->size;
		if (p->size && p->written_at > b->written_at)
			b->written_at = p->written_at;
	}
}

static int look(const struct vmctl *ctx, const char *id,
		struct console_record *ret, struct vmctl_error *err)
{
	auto_free char *dir = instance_dir(ctx, id);
	auto_free char *over = console_boots_dir(ctx, id);
	auto_free char *kept = console_kept_dir(ctx, id);
	auto_record r = { 0 };
	struct console_note note = { .number = 1 };

	if (!dir || !over || !kept)
		return fail_oom(err);
	int rc = add_boots(&r, kept, err);
	if (rc == 0)
		rc = add_boots(&r, over, err);
	/* Records of before boots were told apart have no note. */
	if (rc == 0 && !console_note_read(dir, &note))
		for (size_t i = 0; i < r.boot_count; i++)
			if (r.boots[i].number >= note.number)
				note.number = r.boots[i].number + 1;
	if (rc == 0)
		rc = add_boot(&r, dir, note.number, true, err);
	if (rc < 0)
		return rc;
	put_in_order(&r);
	*ret = r;
	r = (struct console_record){ 0 };
	return 0;
}

static bool same(const struct console_record *a, const struct console_record *b)
{
	if (a->part_count != b->part_count || a->boot_count != b->boot_count)
		return false;
	for (size_t i = 0; i < a->part_count; i++)
		if (a->parts[i].ino != b->parts[i].ino ||
		    a->parts[i].boot != b->parts[i].boot ||
		    !str_eq(a->parts[i].path, b->parts[i].path))
			return false;
	return true;
}

/* Folders in which files are just being renamed can be seen without one of
 * them: they have to look the same twice. */
int console_record(const struct vmctl *ctx, const char *id,
		   struct console_record *ret, struct vmctl_error *err)
{
	auto_record before = { 0 };
	int r = look(ctx, id, &before, err);

	for (int tries = 0; r == 0 && tries < 100; tries++) {
		auto_record now = { 0 };

		r = look(ctx, id, &now, err);
		if (r == 0 && same(&before, &now))
			break;
		console_record_done(&before);
		before = now;
		now = (struct console_record){ 0 };
	}
	if (r < 0)
		return r;
	*ret = before;
	before = (struct console_record){ 0 };
	return 0;
}
