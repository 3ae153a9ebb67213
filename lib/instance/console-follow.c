/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/file.h"
#include "instance/console.h"

/*
 * Follows the record through all that becomes of it: more is written; virtlogd
 * begins a new file and renames this one; it is cut, as QEMU's own is when it
 * grows too large; the next start moves it aside; the instance is deleted.
 * The file that is being read stays open meanwhile, so that its end is read
 * whatever it is called by then, and its inode is nobody else's.
 */

/* Where changes are not told, as on network file systems, they are looked
 * for; and in case one was missed. */
#define LOOK_MS 1000
#define SLICE_MS 100 /* how late a cancellation may be seen */

struct follow {
	struct vmctl *ctx;
	const char *id;
	char *dir;
	struct console_place *place;
	const struct vmctl_console_log *what;
	int inotify, watch;
};

/* That of a part of the file system where it cannot be is no failure. */
static void watch(struct follow *f)
{
	if (f->inotify >= 0 && f->watch < 0)
		f->watch = inotify_add_watch(
			f->inotify, f->dir,
			IN_MODIFY | IN_CREATE | IN_MOVE | IN_DELETE |
				IN_DELETE_SELF | IN_ONLYDIR);
}

static int next_file(struct follow *f, const struct console_record *rec,
		     size_t i, struct vmctl_error *err)
{
	const struct console_part *p = &rec->parts[i];
	int fd = -1, r = console_part_open(f->ctx, f->id, p, &fd, err);

	if (r != 0)
		return r;
	if (f->place->fd >= 0)
		close(f->place->fd);
	*f->place = (struct console_place){ fd, 0, p->boot, p->dev, p->ino };
	return 0;
}

/* The part behind the one that is being read; where that was removed, as who
 * reads was too slow, the oldest of those that came after it. */
static size_t part_behind(const struct follow *f,
			  const struct console_record *rec)
{
	size_t n = rec->part_count, i = 0;

	for (; i < n && f->place->fd >= 0; i++)
		if (rec->parts[i].ino == f->place->ino &&
		    rec->parts[i].dev == f->place->dev)
			return i + 1;
	for (i = 0; i < n && rec->parts[i].boot < f->place->boot; i++)
		;
	return i;
}

/* Reads all there is, in this file and those behind it. 1: the caller has
 * enough. */
static int catch_up(struct follow *f, struct vmctl_error *err)
{
	for (;;) {
		auto_record rec = { 0 };
		struct stat st;
		int r;

		/* First what there is, then this file to its end: what is
		 * written to it in between cannot be in the one behind it. */
		r = console_record(f->ctx, f->id, &rec, err);
		if (r < 0)
			return r;
		if (f->place->fd >= 0) {
			if (fstat(f->place->fd, &st) == 0 &&
			    st.st_size < f->place->at)
				f->place->at = 0; /* it was cut */
			r = console_pass(f->place, f->what, err);
			if (r != 0)
				return r;
		}
		size_t i = part_behind(f, &rec);
		if (i >= rec.part_count)
			return 0;
		r = next_file(f, &rec, i, err);
		if (r < 0)
			return r;
	}
}

/* Its folder goes last, after the record was moved. */
static bool is_gone(const struct follow *f)
{
	auto_instance *row = NULL;

	if (access(f->dir, F_OK) == 0)
		return false;
	int r = state_instance_get(f->ctx->db, f->id, &row, NULL);
	return r == -VMCTL_NOT_FOUND ||
	       (r == 0 && (row->state == VMCTL_STATE_TERMINATED ||
			   row->state == VMCTL_STATE_ERROR));
}

/* 1: nobody reads any more. Also when nothing has changed it returns, after a
 * while. */
static int wait_change(struct follow *f, struct vmctl_error *err)
{
	const int slices = f->ctx->ev.cancelled ? LOOK_MS / SLICE_MS : 1;
	char events[4096]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	struct pollfd p[] = {
		{ .fd = f->inotify, .events = POLLIN },
		{ .fd = f->what->out },
	};

	for (int i = 0; i < slices; i++) {
		if (cancelled(&f->ctx->ev))
			return fail_cancelled(err);
		if (poll(p, ARRAY_LEN(p), LOOK_MS / slices) <= 0)
			continue;
		if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return 1;
		while (read(f->inotify, events, sizeof(events)) > 0)
			;
		return 0;
	}
	return 0;
}

static int run(struct follow *f, bool *ret_gone, struct vmctl_error *err)
{
	for (;;) {
		int r;

		watch(f);
		bool gone = is_gone(f);
		r = catch_up(f, err);
		if (r == 0)
			r = f->what->put(f->what->data, "", 0, err);
		if (r == 0 && gone)
			*ret_gone = true;
		if (r == 0 && !gone)
			r = wait_change(f, err);
		if (r != 0 || gone)
			return r < 0 ? r : 0;
	}
}

int console_follow(struct vmctl *ctx, const char *id,
		   struct console_place *place,
		   const struct vmctl_console_log *what, bool *ret_gone,
		   struct vmctl_error *err)
{
	auto_free char *dir = instance_dir(ctx, id);
	struct follow f = {
		.ctx = ctx,
		.id = id,
		.dir = dir,
		.place = place,
		.what = what,
		.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.watch = -1,
	};
	int r = dir ? run(&f, ret_gone, err) : fail_oom(err);

	if (f.inotify >= 0)
		close(f.inotify);
	return r;
}
