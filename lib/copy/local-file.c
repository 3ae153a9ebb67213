/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/local.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

/* The contents of this host's files, and streams. */

#define SLICE_MS 100

static int opened(struct folder *at, const char *name, int flags, mode_t mode,
		  struct file **ret, struct vmctl_error *err)
{
	auto_copyfile *f = file_new(at, name);

	if (!f)
		return fail_oom(err);
	f->fd = openat(at->fd, name, flags | O_CLOEXEC | O_NOCTTY, mode);
	if (f->fd < 0)
		return local_fail(err, errno, "cannot %s %s",
				  flags & O_CREAT ? "make" : "open", f->label);
	f->buf = malloc(CHUNK_BYTES);
	if (!f->buf)
		return fail_oom(err);
	*ret = take_ptr(&f);
	return 0;
}

int local_open(struct folder *at, const char *name, bool follow,
	       struct file **ret, struct meta *ret_meta,
	       struct vmctl_error *err)
{
	auto_copyfile *f = NULL;
	struct stat st;
	struct meta meta;
	int r = local_ops.look(at, name, follow, &meta, err);

	if (r < 0)
		return r;
	if (meta.kind != KIND_FILE) {
		*ret_meta = meta;
		return 0;
	}
	/* It may have become something else since. */
	r = opened(at, name, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW),
		   0, &f, err);
	if (r < 0)
		return r;
	if (fstat(f->fd, &st) < 0)
		return fail_sys(err, errno, "cannot look at %s", f->label);
	*ret_meta = local_meta(&st);
	if (ret_meta->kind != KIND_FILE)
		return 0;
	f->holes = ret_meta->allocated < st.st_size;
	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = take_ptr(&f);
	return 0;
}

int local_create(struct folder *at, const char *name, mode_t mode,
		 struct file **ret, struct vmctl_error *err)
{
	int r = opened(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode,
		       ret, err);

	/* A copy that wants to resume sees that somebody is at it. */
	if (r == 0)
		(void)flock((*ret)->fd, LOCK_EX | LOCK_NB);
	return r;
}

int local_reopen(struct folder *at, const char *name, int64_t size,
		 struct file **ret, struct vmctl_error *err)
{
	auto_copyfile *f = NULL;
	struct stat st;
	int r = opened(at, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, &f, err);

	if (r < 0)
		return r;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail(err, VMCTL_EXISTS, 0, "%s is no file", f->label);
	/* Its name can be told in advance. In a folder that others write in, it
	 * may be theirs, to be changed afterwards; or a second name of a file
	 * of ours, which is not to be cut. */
	if (st.st_uid != geteuid() || st.st_nlink != 1)
		return fail(err, VMCTL_DENIED, 0,
			    "%s was not left by a copy of ours", f->label);
	if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
		return fail(err, VMCTL_BUSY, 0,
			    "another process is writing to %s", f->label);
	if (ftruncate(f->fd, size) < 0)
		return fail_sys(err, errno, "cannot cut %s", f->label);
	*ret = take_ptr(&f);
	return 0;
}

int local_open_as_is(struct folder *at, const char *name, struct file **ret,
		     struct vmctl_error *err)
{
	int r = opened(at, name, O_WRONLY, 0, ret, err);

	if (r == 0)
		(*ret)->stream = true;
	return r;
}

int local_rewrite(struct folder *at, const char *name, struct file **ret,
		  struct vmctl_error *err)
{
	auto_copyfile *f = NULL;
	struct stat st;
	int r = opened(at, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0, &f,
		       err);

	if (r < 0)
		return r;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail(err, VMCTL_EXISTS, 0, "%s is not a regular file",
			    f->label);
	if (ftruncate(f->fd, 0) < 0)
		return fail_sys(err, errno, "cannot write %s", f->label);
	*ret = take_ptr(&f);
	return 0;
}

struct file *local_stream(struct end *here, int fd, const char *label)
{
	auto_folder *root = folder_root(here);
	auto_copyfile *f = root ? file_new(root, label) : NULL;

	if (!f)
		return NULL;
	f->buf = malloc(CHUNK_BYTES);
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	f->stream = true;
	/* Not open: reading or writing it says so. */
	return f->buf ? take_ptr(&f) : NULL;
}

/* --- reading ------------------------------------------------------------- */

/* The other end's connection is kept alive meanwhile. */
static int await(struct file *f, short events, struct vmctl_error *err)
{
	struct pollfd p = { .fd = f->fd, .events = events };

	for (;;) {
		int r;

		if (cancelled(f->end->ev))
			return fail_cancelled(err);
		if (poll(&p, 1, SLICE_MS) != 0)
			return 0;
		r = f->other ? f->other->ops->tend(f->other, err) : 0;
		if (r < 0)
			return r;
	}
}

/* Where the data goes on, and how far. *ret_n 0: only a hole is left. */
static size_t data_at(struct file *f, size_t n)
{
	off_t data, hole;

	if (!f->holes)
		return n;
	if (f->pos >= f->data_end) {
		data = lseek(f->fd, f->pos, SEEK_DATA);
		if (data < 0 && errno == ENXIO) {
			f->pos = f->stop;
			return 0;
		}
		hole = data < 0 ? -1 : lseek(f->fd, data, SEEK_HOLE);
		if (hole < 0) { /* not known here */
			f->holes = false;
			return n;
		}
		f->pos = data;
		f->data_end = hole;
	}
	if (f->pos >= f->stop)
		return 0;
	if (f->data_end - f->pos < (int64_t)n)
		n = (size_t)(f->data_end - f->pos);
	return n;
}

int local_read(struct file *f, struct chunk *ret, struct vmctl_error *err)
{
	size_t n = CHUNK_BYTES;
	ssize_t got;
	int r;

	*ret = (struct chunk){ .off = f->pos };
	if (f->stop >= 0) {
		n = data_at(f, n);
		ret->off = f->pos;
		if ((int64_t)n > f->stop - f->pos)
			n = (size_t)(f->stop - f->pos);
		if (n == 0)
			return 0;
	}
	do {
		r = f->stream ? await(f, POLLIN, err) : 0;
		if (r < 0)
			return r;
		got = f->stream ? read(f->fd, f->buf, n)
				: pread(f->fd, f->buf, n, f->pos);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got < 0)
		return fail_sys(err, errno, "cannot read %s", f->label);
	if (got == 0 && f->stop >= 0)
		return fail(err, VMCTL_FAILED, 0,
			    "%s became shorter while it was copied", f->label);
	ret->p = f->buf;
	ret->n = (size_t)got;
	f->pos += got;
	return 0;
}

/* --- writing ------------------------------------------------------------- */

/* The descriptor may be shared, so that it is left blocking: what a pipe takes
 * for certain is given to it at once. */
static ssize_t write_some(struct file *f, const char *p, size_t n, int64_t off)
{
	if (!f->stream)
		return pwrite(f->fd, p, n, off);
	return write(f->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

int local_write(struct file *f, int64_t off, const void *p, size_t n,
		struct vmctl_error *err)
{
	const char *at = p;

	while (n > 0) {
		int r = f->stream ? await(f, POLLOUT, err) : 0;
		ssize_t done;

		if (r < 0)
			return r;
		done = write_some(f, at, n, off);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0)
			return fail_sys(err, errno, "cannot write %s",
					f->label);
		at += done;
		n -= (size_t)done;
		off += done;
	}
	return 0;
}

int local_finish(struct file *f, const struct final *final,
		 struct vmctl_error *err)
{
	int fd, r = 0;

	if (final->size >= 0 && ftruncate(f->fd, final->size) < 0)
		return fail_sys(err, errno, "cannot write %s", f->label);
	if (!f->stream)
		r = local_apply(f->fd, final, f->label, err);
	if (r < 0)
		return r;
	/* Network file systems tell of a full disk only now. */
	fd = take_fd(&f->fd);
	if (close(fd) < 0 && errno != EINTR)
		return fail_sys(err, errno, "cannot write %s", f->label);
	return 0;
}

void local_close(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->buf);
	free(f->label);
	free(f);
}
