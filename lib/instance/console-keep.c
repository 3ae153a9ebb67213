/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "instance/console.h"
#include "internal/config.h"

/* What is kept of the record: not more than was asked for, and for a while
 * longer than the machine. */

/* --- copying -----------------------------------------------------------------
 */

/* The last `size` bytes of a file as another one, whole or not at all. */
static int copy_end(int from, int64_t size, const char *to,
		    struct vmctl_error *err)
{
	auto_free char *temporary = str_printf("%s.new", to);
	char buf[65536];
	struct stat st;
	int r = 0;

	if (!temporary)
		return fail_oom(err);
	auto_close int fd = open(
		temporary,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(from, &st) < 0)
		return fail_sys(err, errno, "cannot write %s", temporary);
	off_t at = st.st_size > size ? st.st_size - size : 0;
	for (ssize_t n = 1; r == 0 && n != 0; at += n) {
		n = pread(from, buf, sizeof(buf), at);
		if (n < 0)
			r = fail_sys(err, errno, "cannot copy %s", to);
		else if (n > 0)
			r = fd_write_all(fd, buf, (size_t)n, err);
	}
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	if (r == 0)
		(void)futimens(fd, times);
	/* What it was copied from is cut or removed next. */
	if (r == 0 && (fsync(fd) < 0 || rename(temporary, to) < 0))
		r = fail_sys(err, errno, "cannot write %s", to);
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return dir_sync_of(to, err);
}

static int move_file(const char *from, const char *to, int64_t limit,
		     struct vmctl_error *err)
{
	auto_close int fd = -1;

	if (rename(from, to) == 0)
		return dir_sync_of(to, err);
	if (errno == ENOENT)
		return 0;
	if (errno != EXDEV)
		return fail_sys(err, errno, "cannot move %s", from);
	int r = file_open(from, &fd, err);
	if (r == 0)
		r = copy_end(fd, limit, to, err);
	if (r == 0 && unlink(from) < 0)
		r = fail_sys(err, errno, "cannot remove %s", from);
	return r;
}

/* --- bounds ------------------------------------------------------------------
 */

int console_shorten(const struct console_record *r, int64_t boot, int64_t limit,
		    struct vmctl_error *err)
{
	int64_t size = 0;

	for (size_t i = 0; i < r->part_count; i++)
		if (r->parts[i].boot == boot)
			size += r->parts[i].size;
	for (size_t i = 0; i < r->part_count && size > limit; i++) {
		const struct console_part *p = &r->parts[i];
		auto_close int fd = -1;

		if (p->boot != boot)
			continue;
		if (size - p->size >= limit) {
			if (unlink(p->path) < 0 && errno != ENOENT)
				return fail_sys(err, errno, "cannot remove %s",
						p->path);
			size -= p->size;
			continue;
		}
		int rc = file_open(p->path, &fd, err);
		if (rc == 0)
			rc = copy_end(fd, p->size - (size - limit), p->path,
				      err);
		return rc;
	}
	return 0;
}

/*
 * Where QEMU itself writes the file nobody begins a new one, and a guest may
 * write as it likes. So every command that looks at the machine does: the end
 * becomes the older file, and the writer, which appends, begins at the start.
 * What is written between the two is lost.
 */
void console_bound(struct vmctl *ctx, const char *id)
{
	auto_free char *path = instance_file(ctx, id, CONSOLE_LOG);
	auto_free char *older = instance_file(ctx, id, CONSOLE_LOG ".0");
	const struct config *config;
	struct vmctl_error why;
	struct stat st;

	if (!path || !older || stat(path, &st) < 0 ||
	    context_config(ctx, &config, NULL) < 0 ||
	    st.st_size <= config_number(config, "logs.size"))
		return;
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	/* Another command that does the same has it: that will do. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
	    st.st_size <= config_number(config, "logs.size"))
		return;
	if (copy_end(fd, config_number(config, "logs.size") / 2, older, &why) <
	    0) {
		log_warn(&ctx->ev, "%s", why.message);
		/* There may be room for it the next time; but a guest must not
		 * fill what is left. */
		if (st.st_size / 4 < config_number(config, "logs.size"))
			return;
	}
	if (ftruncate(fd, 0) < 0 &&
	    fail_sys(&why, errno, "cannot cut %s", path) < 0)
		log_warn(&ctx->ev, "%s", why.message);
}

/* --- after the end
 * ------------------------------------------------------------ */

static int64_t kept_size(struct vmctl *ctx)
{
	const struct config *config;

	return context_config(ctx, &config, NULL) < 0
		       ? INT64_MAX
		       : config_number(config, "logs.size");
}

/* A boot's folder, file by file: what was moved before stays. */
static int move_boot(struct vmctl *ctx, const char *from, const char *to,
		     struct vmctl_error *err)
{
	auto_dir DIR *d = NULL;
	struct dirent *e;
	int r = 0;

	if (rename(from, to) == 0)
		return dir_sync_of(to, err);
	r = dir_make(to, 0700, err);
	d = opendir(from);
	while (r == 0 && d && (e = readdir(d))) {
		auto_free char *a = path_join(from, e->d_name);
		auto_free char *b = path_join(to, e->d_name);

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		r = a && b ? move_file(a, b, kept_size(ctx), err)
			   : fail_oom(err);
	}
	return r;
}

static int keep(struct vmctl *ctx, const char *id, const char *ended,
		struct vmctl_error *err)
{
	auto_free char *boots = console_boots_dir(ctx, id);
	auto_free char *kept = console_kept_dir(ctx, id);
	auto_record r = { 0 };
	int rc = boots && kept ? console_archive(ctx, id, ended, err)
			       : fail_oom(err);

	if (rc == 0)
		rc = console_record(ctx, id, &r, err);
	for (size_t i = 0; rc == 0 && i < r.boot_count; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%lld",
			 (long long)r.boots[i].number);
		auto_free char *from = path_join(boots, number);
		auto_free char *to = path_join(kept, number);
		if (!from || !to)
			return fail_oom(err);
		if (access(from, F_OK) < 0)
			continue;
		rc = dir_make(kept, 0700, err);
		if (rc == 0)
			rc = move_boot(ctx, from, to, err);
	}
	/* The folder that they were in goes next. */
	return rc == 0 && access(kept, F_OK) == 0 ? dir_sync(kept, err) : rc;
}

void console_keep(struct vmctl *ctx, const struct vmctl_instance *row,
		  const char *ended)
{
	struct vmctl_error why;

	/* Its disk is to go in any case, on a full one first of all. */
	if (keep(ctx, row->id, ended, &why) < 0)
		log_warn(&ctx->ev, "%s: the console record is not kept: %s",
			 row->name, why.message);
}

/* --- pruning --- */

#define ID_LENGTH 10 /* what storage_is_instance() has seen to */

struct kept {
	char id[ID_LENGTH + 1];
	int64_t at, size;
};

static int64_t size_of(const char *path)
{
	auto_dir DIR *d = opendir(path);
	int64_t size = 0;
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		auto_free char *sub = path_join(path, e->d_name);
		if (!sub || lstat(sub, &st) < 0)
			continue;
		size += S_ISDIR(st.st_mode) ? size_of(sub) : st.st_size;
	}
	return size;
}

static int by_time(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return x->at == y->at ? 0 : x->at > y->at ? -1 : 1;
}

static size_t find_kept(const char *logs, struct kept **ret)
{
	auto_dir DIR *d = opendir(logs);
	struct kept *all = NULL;
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		struct stat st;
		struct kept *more;

		if (!storage_is_instance(e->d_name) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			    0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		more = reallocarray(all, n + 1, sizeof(*all));
		if (!more)
			break;
		all = more;
		auto_free char *path = path_join(logs, e->d_name);
		all[n] = (struct kept){ .at = st.st_mtime,
					.size = path ? size_of(path) : 0 };
		memcpy(all[n++].id, e->d_name, ID_LENGTH + 1);
	}
	if (n)
		qsort(all, n, sizeof(*all), by_time);
	*ret = all;
	return n;
}

/* The newest stay. Without a record is what its record has outlived; or its
 * database was lost, which is no reason to throw it away at once. */
void console_prune(struct vmctl *ctx, int64_t before)
{
	auto_free char *logs = context_path(ctx, "logs");
	auto_free struct kept *all = NULL;
	const struct config *config;
	int64_t total = 0;

	if (!logs || context_config(ctx, &config, NULL) < 0)
		return;
	int64_t limit = config_number(config, "logs.deleted");
	size_t n = find_kept(logs, &all);
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = path_join(logs, all[i].id);
		auto_instance *row = NULL;
		struct vmctl_error why;

		total += all[i].size;
		int r = state_instance_get(ctx->db, all[i].id, &row, &why);
		bool orphan = r == -VMCTL_NOT_FOUND && all[i].at < before;
		bool much = r == 0 && row->state == VMCTL_STATE_TERMINATED &&
			    total > limit;
		if ((orphan || much) && path && dir_remove(path, &why) < 0)
			log_warn(&ctx->ev, "%s", why.message);
	}
}
