/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "driver/acl.h"
#include "driver/crypto.h"
#include "internal/image.h"

#define FOLDER "images"

char *image_path(const struct vmctl *ctx, const char *digest)
{
	auto_free char *dir = context_path(ctx, FOLDER);

	return dir ? str_printf("%s/%s.qcow2", dir, digest) : NULL;
}

/* QEMU may run as another user and has to pass through. What protects the
 * files of an ordinary user is the folder above (0700). */
int image_folder(struct vmctl *ctx, char **ret, struct vmctl_error *err)
{
	auto_free char *dir = context_path(ctx, FOLDER);
	struct stat st;
	int r;

	if (!dir)
		return fail_oom(err);
	r = context_storage_claim(ctx, err);
	if (r == 0)
		r = dir_make(dir, 0711, err);
	if (r < 0)
		return r;
	if (stat(dir, &st) == 0 && (st.st_mode & 0711) != 0711 &&
	    chmod(dir, 0711) < 0) /* the umask took them away */
		return fail_sys(err, errno, "cannot use %s", dir);
	*ret = take_ptr(&dir);
	return 0;
}

/* --- locks -------------------------------------------------------------- */

int image_lock(struct vmctl *ctx, const char *digest, struct image_lock *ret,
	       struct vmctl_error *err)
{
	auto_free char *dir = context_path(ctx, "locks");
	struct image_lock lock = { .ctx = ctx, .fd = -1 };
	int r;

	if (!dir)
		return fail_oom(err);
	/* Enough of it to be read in a message; two digests that begin the
	 * same just wait for each other. */
	snprintf(lock.name, sizeof(lock.name), "image-%.12s", digest);
	r = lock_take(dir, lock.name, ctx->command, ctx->lock_timeout_ms,
		      &ctx->ev, &lock.fd, err);
	if (r < 0)
		return r;
	*ret = lock;
	return 0;
}

void image_unlock(struct image_lock *lock)
{
	int saved = errno;

	if (lock->fd >= 0) {
		auto_free char *dir = context_path(lock->ctx, "locks");

		if (dir)
			lock_release(dir, lock->name, lock->fd);
		else
			close(lock->fd);
		lock->fd = -1;
	}
	errno = saved;
}

/* --- temporary files ---------------------------------------------------- */

static int temp_try(const char *dir, struct image_temp *ret,
		    struct vmctl_error *err)
{
	auto_free char *path = path_join(dir, IMAGE_TEMP_PREFIX "XXXXXX");
	auto_close int fd = -1;
	struct stat st;

	if (!path)
		return fail_oom(err);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return fail_sys(err, errno, "cannot make a file in %s", dir);
	/* Between these two calls a sweep of another process may have taken
	 * it for one left over: then it has no name any more. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
	    st.st_nlink == 0)
		return 0;
	ret->path = take_ptr(&path);
	ret->fd = take_fd(&fd);
	return 1;
}

int image_temp_make(struct vmctl *ctx, struct image_temp *ret,
		    struct vmctl_error *err)
{
	auto_free char *dir = NULL;
	int r = image_folder(ctx, &dir, err);

	while (r == 0)
		r = temp_try(dir, ret, err);
	return r < 0 ? r : 0;
}

void image_temp_done(struct image_temp *temp)
{
	int saved = errno;

	if (temp->path)
		unlink(temp->path);
	free(take_ptr(&temp->path));
	if (temp->fd >= 0)
		close(take_fd(&temp->fd));
	errno = saved;
}

/* A temporary file whose process lives is locked by it. */
static void sweep_temp(int dir, const char *name)
{
	auto_close int fd = openat(
		dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
}

static void sweep_temps(const char *dir)
{
	auto_dir DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (str_starts(e->d_name, IMAGE_TEMP_PREFIX))
			sweep_temp(dirfd(d), e->d_name);
	}
}

/* A file without a name, unless somebody is just giving or taking it. */
static int sweep_file(struct vmctl *ctx, struct state *db, const char *digest,
		      struct vmctl_error *err)
{
	auto_image_lock lock = { .fd = -1 };
	auto_strv char **now = NULL;
	auto_free char *path = image_path(ctx, digest);
	auto_free char *dir = context_path(ctx, "locks");
	bool unnamed = false;
	int r;

	if (!path || !dir)
		return fail_oom(err);
	lock.ctx = ctx;
	snprintf(lock.name, sizeof(lock.name), "image-%.12s", digest);
	r = lock_try(dir, lock.name, ctx->command, &lock.fd, err);
	if (r < 0 || lock.fd < 0)
		return r;
	r = state_image_unnamed(db, &now, err);
	if (r < 0)
		return r;
	for (size_t i = 0; now[i]; i++)
		unnamed = unnamed || str_eq(now[i], digest);
	if (!unnamed)
		return 0;
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_sys(err, errno, "cannot remove %s", path);
	return state_image_forget(db, digest, err);
}

int image_sweep(struct vmctl *ctx, struct state *db, struct vmctl_error *err)
{
	auto_free char *dir = context_path(ctx, FOLDER);
	auto_strv char **unnamed = NULL;
	int r;

	if (!dir)
		return fail_oom(err);
	sweep_temps(dir);
	partial_sweep(ctx, dir);
	r = state_image_unnamed(db, &unnamed, err);
	for (size_t i = 0; r == 0 && unnamed[i]; i++)
		r = sweep_file(ctx, db, unnamed[i], err);
	return r;
}

/* --- stored files ------------------------------------------------------- */

int image_shut(int fd, const char *path, struct vmctl_error *err)
{
	bool root = geteuid() == 0;

	if (!root && acl_keep_reading(fd, path, NULL) == 0)
		return 0;
	return fchmod(fd, root ? 0400 : 0444) == 0
		       ? 0
		       : fail_sys(err, errno, "cannot change the mode of %s",
				  path);
}

/* --- looking at files --------------------------------------------------- */

struct state_file_mark image_mark(const struct stat *st)
{
	return (struct state_file_mark){
		.size = st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
			    st->st_mtim.tv_nsec,
		.inode = (int64_t)st->st_ino,
	};
}

bool image_intact(const char *path, const struct state_file_mark *mark)
{
	struct state_file_mark now;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	now = image_mark(&st);
	return now.size == mark->size && now.mtime_ns == mark->mtime_ns &&
	       now.inode == mark->inode;
}

int image_hash(struct vmctl *ctx, int fd, const char *text,
	       char digest[SHA256_TEXT], struct vmctl_error *err)
{
	unsigned char bytes[SHA256_SIZE];
	const struct crypto_ops *crypto;
	struct stat st;
	int r = crypto_load(&crypto, err);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail_sys(err, errno, "cannot read the image");
	r = crypto->sha256_copy(fd, -1, (uint64_t)st.st_size, text, &ctx->ev,
				bytes, err);
	if (r == 0)
		hex_encode(bytes, sizeof(bytes), digest);
	return r;
}

int image_get(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	      struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = state_image_get(db, name, &image, mark, err);
	if (r < 0)
		return r;
	image->path = image_path(ctx, image->digest);
	if (!image->path)
		return fail_oom(err);
	*ret = take_ptr(&image);
	return 0;
}

int image_find(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	       struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	int r = image_get(ctx, name, &image, mark, err);

	if (r == -VMCTL_NOT_FOUND || r == -VMCTL_INVALID)
		return 0;
	if (r < 0)
		return r;
	/* A name may look like the digest of another image. */
	if (!str_eq(image->name, name))
		return 0;
	*ret = take_ptr(&image);
	return 1;
}
