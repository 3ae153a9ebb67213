/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

char *path_join(const char *a, const char *b)
{
	struct str path = STR_INIT;

	while (*b == '/')
		b++;
	str_add(&path, a);
	if (!str_ends(a, "/"))
		str_addc(&path, '/');
	str_add(&path, b);
	if (path.oom)
		str_done(&path);
	return path.p;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int dir_sync(const char *path, struct vmctl_error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* EINVAL: a file system that has no such thing. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return fail_sys(err, errno, "cannot write %s", path);
	return 0;
}

int dir_sync_of(const char *path, struct vmctl_error *err)
{
	const char *base = path_base(path);
	size_t n = (size_t)(base - path);
	auto_free char *dir = n > 1    ? strndup(path, n - 1)
			      : n == 1 ? strdup("/")
				       : strdup(".");

	return dir ? dir_sync(dir, err) : fail_oom(err);
}

int dir_make(const char *path, mode_t mode, struct vmctl_error *err)
{
	struct stat st;

	/* The common case costs one system call. */
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		return fail_sys(err, ENOTDIR, "cannot use %s", path);
	}
	auto_free char *copy = strdup(path);
	if (!copy)
		return fail_oom(err);
	for (char *p = copy + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		/* Whatever the umask is: a folder that its owner cannot enter
		 * would be of no use. */
		if (mkdir(copy, mode) == 0) {
			chmod(copy, mode);
			/* One may make a folder where one may not look. */
			(void)dir_sync_of(copy, NULL);
		} else if (errno != EEXIST) {
			return fail_sys(err, errno, "cannot make folder %s",
					copy);
		}
		*p = was;
		if (!was)
			break;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail_sys(err, ENOTDIR, "cannot use %s", path);
	return 0;
}

/* Removes the contents of an open folder. Takes the descriptor. */
static int empty_dir(int take_fd, dev_t dev, const char *path,
		     struct vmctl_error *err)
{
	auto_dir DIR *dir = fdopendir(take_fd);

	if (!dir) {
		close(take_fd);
		return fail_sys(err, errno, "cannot read %s", path);
	}
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e)
			return errno ? fail_sys(err, errno, "cannot read %s",
						path)
				     : 0;
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		/* Linux says EISDIR, POSIX EPERM, of a folder. */
		if (errno != EISDIR && errno != EPERM)
			return fail_sys(err, errno, "cannot remove %s/%s", path,
					e->d_name);
		int fd =
			openat(dirfd(dir), e->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		if (fd < 0)
			return fail_sys(err, errno, "cannot remove %s/%s", path,
					e->d_name);
		if (fstat(fd, &st) < 0 || st.st_dev != dev) {
			close(fd);
			return fail_sys(err, EXDEV, "cannot remove %s/%s", path,
					e->d_name);
		}
		int r = empty_dir(fd, dev, path, err);
		if (r < 0)
			return r;
		if (unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR) < 0)
			return fail_sys(err, errno, "cannot remove %s/%s", path,
					e->d_name);
	}
}

int dir_remove(const char *path, struct vmctl_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		return fail_sys(err, errno, "cannot remove %s", path);
	}
	if (fstat(fd, &st) < 0) {
		int saved = errno;
		close(fd);
		return fail_sys(err, saved, "cannot remove %s", path);
	}
	int r = empty_dir(fd, st.st_dev, path, err);
	if (r < 0)
		return r;
	if (rmdir(path) < 0 && errno != ENOENT)
		return fail_sys(err, errno, "cannot remove %s", path);
	return 0;
}

int file_open(const char *path, int *ret_fd, struct vmctl_error *err)
{
	/* Without O_NONBLOCK, opening a FIFO waits for a writer. */
	auto_close int fd =
		open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return fail(err, VMCTL_NOT_FOUND, errno, "cannot open %s",
			    path);
	if (fd < 0 && (errno == ENXIO || errno == ENODEV))
		return fail(err, VMCTL_BAD_DATA, 0, "%s is not a regular file",
			    path);
	if (fd < 0)
		return fail_sys(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return fail_sys(err, errno, "cannot read %s", path);
	if (S_ISDIR(st.st_mode))
		return fail(err, VMCTL_BAD_DATA, 0, "%s is a folder", path);
	if (!S_ISREG(st.st_mode))
		return fail(err, VMCTL_BAD_DATA, 0, "%s is not a regular file",
			    path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int fd_read_all(int fd, size_t max, const char *what, struct str *ret,
		struct vmctl_error *err)
{
	auto_str s = STR_INIT;

	for (;;) {
		if (!str_reserve(&s, 65536))
			return fail_oom(err);
		ssize_t n = read(fd, s.p + s.len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(err, errno, "cannot read %s", what);
		if (n == 0)
			break;
		s.len += (size_t)n;
		s.p[s.len] = '\0';
		if (s.len > max)
			return fail(err, VMCTL_BAD_DATA, 0,
				    "%s is larger than %zu KiB", what,
				    max / 1024);
	}
	*ret = s;
	s = STR_INIT;
	return 0;
}

int file_read(const char *path, size_t max, struct str *ret,
	      struct vmctl_error *err)
{
	auto_close int fd = -1;
	int end = 0;

	if (str_eq(path, "-"))
		return fd_read_all(STDIN_FILENO, max, "standard input", ret,
				   err);
	/* What a shell makes of <(command): a pipe that has its writer. */
	if (sscanf(path, "/dev/fd/%d%n", &fd, &end) == 1 && !path[end]) {
		int given = take_fd(&fd); /* not ours to close */
		return fd_read_all(given, max, path, ret, err);
	}
	fd = -1;
	int r = file_open(path, &fd, err);
	return r < 0 ? r : fd_read_all(fd, max, path, ret, err);
}

int fd_write_all(int fd, const void *bytes, size_t n, struct vmctl_error *err)
{
	const char *p = bytes;

	while (n) {
		ssize_t wrote = write(fd, p, n);
		if (wrote < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			poll(&pfd, 1, -1);
			continue;
		}
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return fail_sys(err, errno, "cannot write");
		p += wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

static int fill(int from, int to, off_t size)
{
	char buf[65536];
	off_t at = 0;

	while (at < size) {
		ssize_t n = pread(from, buf, sizeof(buf), at);

		if (n == 0)
			errno = EIO; /* somebody has cut it */
		if (n <= 0 || fd_write_all(to, buf, (size_t)n, NULL) < 0)
			return -1;
		at += n;
	}
	return ftruncate(to, size) < 0 || fsync(to) < 0 ? -1 : 0;
}

int file_fill(int dir, const char *name, int from, struct vmctl_error *err)
{
	auto_close int fd = openat(
		dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st, new;

	if (fd < 0 || fstat(fd, &st) < 0 || fstat(from, &new) < 0)
		return fail_sys(err, errno, "cannot write %s", name);
	if (!S_ISREG(st.st_mode))
		return fail(err, VMCTL_FAILED, EBUSY, "cannot write %s", name);
	off_t more = new.st_size - st.st_size;
	int full = more > 0 ? posix_fallocate(fd, st.st_size, more) : 0;
	if (full) {
		(void)!ftruncate(fd, st.st_size);
		return fail_sys(err, full, "cannot write %s", name);
	}
	return fill(from, fd, new.st_size) < 0
		       ? fail_sys(err, errno, "cannot write %s", name)
		       : 0;
}

/* The temporary file has all of it, should we be killed half-way. */
static int put_in_place(const char *tmp, int fd, const char *path,
			struct vmctl_error *err)
{
	if (rename(tmp, path) == 0)
		return 0;
	if (errno != EBUSY)
		return fail_sys(err, errno, "cannot write %s", path);
	int r = file_fill(AT_FDCWD, path, fd, err);
	if (r == 0)
		unlink(tmp);
	return r;
}

int file_write_atomic(const char *path, const void *bytes, size_t n,
		      mode_t mode, struct vmctl_error *err)
{
	auto_free char *tmp = str_printf("%s.XXXXXX", path);

	if (!tmp)
		return fail_oom(err);
	auto_close int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return fail_sys(err, errno, "cannot write %s", path);
	int r = fd_write_all(fd, bytes, n, err);
	if (r < 0)
		fail_prefix(err, "%s", path);
	else if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		r = fail_sys(err, errno, "cannot write %s", path);
	else
		r = put_in_place(tmp, fd, path, err);
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	/* All of it is there; whether that lasts cannot be made sure of in a
	 * folder that may be written and not read. */
	r = dir_sync_of(path, err);
	return r == -VMCTL_DENIED ? 0 : r;
}

int random_bytes(void *out, size_t n, struct vmctl_error *err)
{
	/* Up to 256 bytes come whole (getrandom(2)). */
	if (getrandom(out, n, 0) != (ssize_t)n)
		return fail_sys(err, errno, "cannot get random bytes");
	return 0;
}

int random_uuid(char ret[UUID_TEXT], struct vmctl_error *err)
{
	unsigned char u[16];
	int r = random_bytes(u, sizeof(u), err);

	if (r < 0)
		return r;
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	snprintf(ret, UUID_TEXT,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
	return 0;
}
