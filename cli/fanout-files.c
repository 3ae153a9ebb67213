/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/fanout-files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"

/* What is no name of an instance is not the name of a file either. */
static char *file_of(const char *dir, const char *name, const char *suffix)
{
	if (vmctl_instance_name_check(name, NULL) < 0)
		return NULL;
	return str_printf("%s/%s%s", dir, name, suffix);
}

int fanout_dir(const char *dir, const char *const *names, size_t n,
	       struct vmctl_error *err)
{
	struct stat st;
	int r = 0;

	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return fail(err, VMCTL_INVALID, 0, "%s is no folder", dir);
	r = dir_make(dir, 0777, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = file_of(dir, names[i], ".status");

		if (path && unlink(path) < 0 && errno != ENOENT)
			return fail_sys(err, errno, "cannot remove %s", path);
	}
	return 0;
}

int fanout_open(const char *dir, const char *name, int *ret_fd,
		struct vmctl_error *err)
{
	static const char *const suffixes[] = { ".out", ".err" };

	for (int i = 0; i < 2; i++) {
		auto_free char *path = file_of(dir, name, suffixes[i]);

		if (!path) /* the library will have more to say of it */
			path = str_dup("/dev/null");
		ret_fd[i] = open(path ? path : "/dev/null",
				 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
					 O_CLOEXEC,
				 0666);
		if (ret_fd[i] < 0)
			return fail_sys(err, errno, "cannot write %s", path);
	}
	return 0;
}

int fanout_note(const char *dir, const struct outcome *o,
		struct vmctl_error *err)
{
	auto_free char *path = file_of(dir, o->name, ".status");
	auto_free char *text =
		str_printf("%lld%s%s%s%s\n", (long long)o->status,
			   o->code ? " " : "", o->code ? o->code : "",
			   o->message ? " " : "", o->message ? o->message : "");

	if (!path)
		return 0;
	if (!text)
		return fail_oom(err);
	return file_write_atomic(path, text, strlen(text), 0644, err);
}

/* A file that no name leads to; in memory where there is no other place. */
static int open_unnamed(void)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir && *dir ? dir : "/tmp",
		      O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? memfd_create("stdin", MFD_CLOEXEC) : fd;
}

int fanout_spool(int in, int *ret_fd, struct vmctl_error *err)
{
	auto_close int fd = open_unnamed();
	char buf[65536];
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return fail_sys(err, errno, "cannot keep standard input");
	while (r == 0 && (n = read(in, buf, sizeof(buf))) != 0) {
		if (n < 0 && cli_interrupted())
			return fail(err, VMCTL_CANCELLED, 0, "interrupted");
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail_sys(err, errno,
					"cannot read standard input");
		if (n > 0)
			r = fd_write_all(fd, buf, (size_t)n, err);
	}
	if (r < 0)
		return r;
	*ret_fd = take_fd(&fd);
	return 0;
}

int fanout_reopen(int fd, int *ret_fd, struct vmctl_error *err)
{
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return fail_sys(err, errno,
				"cannot read what was kept of "
				"standard input");
	*ret_fd = own;
	return 0;
}

int fanout_put(int fd, const char *bytes, size_t n, struct vmctl_error *err)
{
	while (n && !cli_interrupted()) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)poll(&p, 1, 1000);
			continue;
		}
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_sys(err, errno,
					"cannot write the output of the "
					"commands");
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}
