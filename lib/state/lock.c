/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define HOLDER_MAX LOCK_COMMAND_MAX

/*
 * The file is unlinked by who gives the lock back, so a lock got may be on a
 * file that is no longer in the folder, while a third process locks the new
 * one of that name. Hence the comparison after flock, and another try.
 */
static bool same_file(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* O_CLOEXEC: the lock belongs to the open file, and a program started by us
 * would otherwise hold it for as long as it lives. */
static int lock_file_open(const char *dir, const char *path, int *ret_fd,
			  struct vmctl_error *err)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, flags, 0600);

	if (fd < 0 && errno == ENOENT) {
		int r = dir_make(dir, 0700, err);

		if (r < 0)
			return r;
		fd = open(path, flags, 0600);
	}
	if (fd < 0)
		return fail_sys(err, errno, "cannot lock %s", path);
	*ret_fd = fd;
	return 0;
}

/* For the message of who waits only: a full disk is no reason to fail. */
static void holder_write(int fd, const char *command)
{
	char text[HOLDER_MAX];
	int n = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(),
			 command ? command : "vmctl");

	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return;
}

/* 1: got it, 0: another process has it. */
static int try_once(const char *dir, const char *path, const char *command,
		    int *ret_fd, struct vmctl_error *err)
{
	for (;;) {
		auto_close int fd = -1;
		int r = lock_file_open(dir, path, &fd, err);

		if (r < 0)
			return r;
		while ((r = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EINTR)
			;
		if (r < 0 && errno == EWOULDBLOCK)
			return 0;
		if (r < 0)
			return fail_sys(err, errno, "cannot lock %s", path);
		if (!same_file(fd, path))
			continue;
		holder_write(fd, command);
		*ret_fd = take_fd(&fd);
		return 1;
	}
}

static int lock_path(const char *dir, const char *name, char **ret,
		     struct vmctl_error *err)
{
	char *path = path_join(dir, name);

	if (!path)
		return fail_oom(err);
	*ret = path;
	return 0;
}

int lock_try(const char *dir, const char *name, const char *command,
	     int *ret_fd, struct vmctl_error *err)
{
	auto_free char *path = NULL;
	int fd = -1, r;

	r = lock_path(dir, name, &path, err);
	if (r == 0)
		r = try_once(dir, path, command, &fd, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	return 0;
}

bool lock_holder(const char *dir, const char *name, long *ret_pid,
		 char ret_command[LOCK_COMMAND_MAX])
{
	auto_free char *path = path_join(dir, name);
	char text[HOLDER_MAX + 1] = "";
	auto_close int fd =
		path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	char *command = NULL;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	*ret_pid = strtol(text, &command, 10);
	if (*ret_pid <= 0 || *command != ' ')
		return false;
	snprintf(ret_command, LOCK_COMMAND_MAX, "%s", command + 1);
	return true;
}

static int fail_held(const char *dir, const char *name, struct vmctl_error *err)
{
	char command[LOCK_COMMAND_MAX];
	long pid;
	int r;

	if (lock_holder(dir, name, &pid, command))
		r = fail(err, VMCTL_BUSY, 0, "%s is locked by process %ld (%s)",
			 name, pid, command);
	else /* it was just giving it back, or could not write its name */
		r = fail(err, VMCTL_BUSY, 0, "%s is locked by another process",
			 name);
	fail_hint(err, "try again when it is done, or wait longer with "
		       "--timeout");
	return r;
}

int lock_take(const char *dir, const char *name, const char *command,
	      long timeout_ms, const struct events *ev, int *ret_fd,
	      struct vmctl_error *err)
{
	struct wait w = wait_begin(timeout_ms, 200);
	auto_free char *path = NULL;
	int fd = -1, r;

	r = lock_path(dir, name, &path, err);
	if (r < 0)
		return r;
	for (;;) {
		if (cancelled(ev))
			return fail_cancelled(err);
		r = try_once(dir, path, command, &fd, err);
		if (r < 0)
			return r;
		if (r == 1)
			break;
		if (!wait_more(&w))
			return fail_held(dir, name, err);
	}
	*ret_fd = fd;
	return 0;
}

void lock_release(const char *dir, const char *name, int fd)
{
	int saved = errno;
	auto_free char *path = NULL;

	if (fd < 0)
		return;
	path = path_join(dir, name);
	/* While it is still held: whoever opened the file before this sees in
	 * same_file() that it is gone. */
	if (path && same_file(fd, path))
		unlink(path);
	close(fd);
	errno = saved;
}

/* Held for a moment: whoever wants it just then tries again. */
static bool unheld(int folder, const char *name, bool remove)
{
	auto_close int fd =
		openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat mine, there;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    fstat(fd, &mine) < 0 ||
	    fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
	    mine.st_ino != there.st_ino || !S_ISREG(mine.st_mode))
		return false;
	return !remove || unlinkat(folder, name, 0) == 0;
}

int lock_sweep(const char *dir, bool remove, size_t *ret,
	       struct vmctl_error *err)
{
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	if (!d && errno != ENOENT)
		return fail_sys(err, errno, "cannot look into %s", dir);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' && unheld(dirfd(d), e->d_name, remove);
	*ret = n;
	return 0;
}
