/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/file.h"

/* This host: all but the contents of files. Below the folder that the user
 * named everything is reached from the descriptor of the folder it is in, and
 * no link is followed: a guest may have had us make it a moment ago. */

int local_fail(struct vmctl_error *err, int sys_errno, const char *fmt, ...)
{
	char what[LABEL_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (sys_errno == ENOENT)
		return fail(err, VMCTL_NOT_FOUND, ENOENT, "%s", what);
	if (sys_errno == EEXIST)
		return fail(err, VMCTL_EXISTS, EEXIST, "%s", what);
	return fail_sys(err, sys_errno, "%s", what);
}

struct meta local_meta(const struct stat *st)
{
	return (struct meta){
		.kind = S_ISREG(st->st_mode)   ? KIND_FILE
			: S_ISDIR(st->st_mode) ? KIND_DIR
			: S_ISLNK(st->st_mode) ? KIND_LINK
					       : KIND_OTHER,
		.mode = st->st_mode & 07777,
		.size = st->st_size,
		.id = st->st_ino,
		.allocated = (int64_t)st->st_blocks * 512,
		.atime = st->st_atim,
		.mtime = st->st_mtim,
		.has_times = true,
		.has_owner = true,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

static int look(struct folder *at, const char *name, bool follow,
		struct meta *ret, struct vmctl_error *err)
{
	char label[LABEL_MAX];
	struct stat st;

	if (fstatat(at->fd, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return local_fail(err, errno, "cannot look at %s",
				  folder_label(at, name, label));
	*ret = local_meta(&st);
	return 0;
}

/* Only for what the user typed. */
static int real(struct folder *at, const char *name, char **ret,
		struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	char label[LABEL_MAX];

	if (!path)
		return fail_oom(err);
	*ret = realpath(path, NULL);
	return *ret ? 0
		    : local_fail(err, errno, "cannot find out where %s is",
				 folder_label(at, name, label));
}

static int enter(struct folder *at, const char *name, bool follow,
		 struct folder **ret, struct vmctl_error *err)
{
	auto_folder *f = folder_root(at->end);
	char label[LABEL_MAX];

	if (!f)
		return fail_oom(err);
	f->fd = openat(at->fd, name,
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			       (follow ? 0 : O_NOFOLLOW));
	if (f->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(err, VMCTL_EXISTS, 0, "%s is no folder",
			    folder_label(at, name, label));
	if (f->fd < 0)
		return local_fail(err, errno, "cannot open the folder %s",
				  folder_label(at, name, label));
	free(f->path);
	f->path = folder_path(at, name);
	if (!f->path)
		return fail_oom(err);
	*ret = take_ptr(&f);
	return 0;
}

static int make(struct folder *at, const char *name, mode_t mode,
		struct vmctl_error *err)
{
	char label[LABEL_MAX];

	if (mkdirat(at->fd, name, mode) < 0)
		return local_fail(err, errno, "cannot make the folder %s",
				  folder_label(at, name, label));
	return 0;
}

int local_apply(int fd, const struct final *final, const char *label,
		struct vmctl_error *err)
{
	const struct timespec times[2] = { final->atime, final->mtime };

	/* Before the mode: a change of owner takes bits away. */
	if (final->has_owner)
		(void)!fchown(fd, final->uid, final->gid);
	if (final->has_mode && fchmod(fd, final->mode) < 0)
		return fail_sys(err, errno, "cannot set the mode of %s", label);
	if (final->has_times && futimens(fd, times) < 0)
		return fail_sys(err, errno, "cannot set the times of %s",
				label);
	return 0;
}

static int set(struct folder *dir, const struct final *final,
	       struct vmctl_error *err)
{
	return local_apply(dir->fd, final, dir->path, err);
}

/* --- a folder's entries -------------------------------------------------- */

struct listing {
	struct folder *dir; /* borrowed */
	DIR *stream;
};

static int list(struct folder *dir, struct listing **ret,
		struct vmctl_error *err)
{
	struct listing *l = calloc(1, sizeof(*l));
	/* Not a duplicate, which would share its position with dir->fd. */
	auto_close int fd =
		openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!l)
		return fail_oom(err);
	if (fd >= 0)
		l->stream = fdopendir(fd);
	if (!l->stream) {
		free(l);
		return local_fail(err, errno, "cannot read the folder %s",
				  dir->path);
	}
	take_fd(&fd);
	l->dir = dir;
	*ret = l;
	return 0;
}

static int next(struct listing *l, struct entry *ret, struct vmctl_error *err)
{
	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(l->stream);
		if (!e && errno)
			return fail_sys(err, errno, "cannot read the folder %s",
					l->dir->path);
		if (!e)
			return 0;
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		*ret = (struct entry){ .name = strdup(e->d_name) };
		return ret->name ? 1 : fail_oom(err);
	}
}

static void end_list(struct listing *l)
{
	closedir(l->stream);
	free(l);
}

/* --- names --------------------------------------------------------------- */

static int read_link(struct folder *at, const char *name, char **ret,
		     struct vmctl_error *err)
{
	char text[PATH_MAX], label[LABEL_MAX];
	ssize_t n = readlinkat(at->fd, name, text, sizeof(text) - 1);

	if (n < 0)
		return local_fail(err, errno, "cannot read the link %s",
				  folder_label(at, name, label));
	*ret = strndup(text, (size_t)n);
	return *ret ? 0 : fail_oom(err);
}

static int make_link(struct folder *at, const char *name, const char *to,
		     struct vmctl_error *err)
{
	char label[LABEL_MAX];

	if (symlinkat(to, at->fd, name) < 0)
		return local_fail(err, errno, "cannot make the link %s",
				  folder_label(at, name, label));
	return 0;
}

/* What something is mounted on is not replaced, but has contents as well. It
 * is the old file still, which may be another user's. */
static int publish_mounted(struct folder *at, const char *from, const char *to,
			   struct vmctl_error *err)
{
	auto_close int fd =
		openat(at->fd, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0
			? fail_sys(err, errno, "cannot read %s", from)
			: file_fill(at->fd, to, fd, err);

	if (r < 0)
		return r;
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	(void)utimensat(at->fd, to, times, AT_SYMLINK_NOFOLLOW);
	(void)unlinkat(at->fd, from, 0);
	return 0;
}

int local_publish(struct folder *at, const char *from, const char *to,
		  struct vmctl_error *err)
{
	char label[LABEL_MAX];

	if (renameat(at->fd, from, at->fd, to) == 0)
		return 0;
	if (errno == EBUSY)
		return publish_mounted(at, from, to, err);
	return local_fail(err, errno,
			  "cannot put its new contents in the place of %s",
			  folder_label(at, to, label));
}

static int remove_file(struct folder *at, const char *name,
		       struct vmctl_error *err)
{
	char label[LABEL_MAX];

	if (unlinkat(at->fd, name, 0) < 0)
		return local_fail(err, errno, "cannot remove %s",
				  folder_label(at, name, label));
	return 0;
}

static int64_t space(struct folder *at)
{
	struct statvfs v;

	if ((at->fd >= 0 ? fstatvfs(at->fd, &v) : statvfs(".", &v)) < 0)
		return -1;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

static int tend(struct end *end, struct vmctl_error *err)
{
	return 0;
}

const struct end_ops local_ops = {
	.look = look,
	.real = real,
	.enter = enter,
	.make = make,
	.set = set,
	.list = list,
	.next = next,
	.end_list = end_list,
	.read_link = read_link,
	.make_link = make_link,
	.publish = local_publish,
	.remove = remove_file,
	.open = local_open,
	.create = local_create,
	.reopen = local_reopen,
	.open_as_is = local_open_as_is,
	.rewrite = local_rewrite,
	.read = local_read,
	.write = local_write,
	.finish = local_finish,
	.close = local_close,
	.space = space,
	.fetch = local_fetch,
	.store = local_store,
	.tend = tend,
};
