/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/logfile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

#define DAY 86400

#define ROTATED_MAX 100 /* of one day; the last may grow */

/* "2026-01-31": the day of a time. */
static const char *day_of(int64_t when, char text[CLOCK_TEXT])
{
	clock_rfc3339(when, text);
	text[strcspn(text, "T")] = '\0';
	return text;
}

/* Whether the file that is open is still the one of that name. */
static bool is_current(const struct stat *opened, const char *path)
{
	struct stat named;

	return stat(path, &named) == 0 && opened->st_dev == named.st_dev &&
	       opened->st_ino == named.st_ino;
}

/* Removes the rotated files that are too old. Others' files have other names
 * than a day behind ours. */
static void remove_old(const char *path, int64_t now)
{
	const char *base = path_base(path);
	size_t n = strlen(base);
	auto_free char *folder = strndup(path, (size_t)(base - path));
	auto_dir DIR *dir = folder ? opendir(folder) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct stat st;

		if (strncmp(e->d_name, base, n) != 0 || e->d_name[n] != '.' ||
		    strspn(e->d_name + n, ".-0123456789") !=
			    strlen(e->d_name + n))
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    S_ISREG(st.st_mode) &&
		    st.st_mtime < now - LOGFILE_DAYS * DAY)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
}

/* Under the lock, so that nobody else takes the name in between. */
static void move_aside(const char *path, int64_t last_written)
{
	char day[CLOCK_TEXT];

	day_of(last_written, day);
	for (int i = 0; i < ROTATED_MAX; i++) {
		auto_free char *to = i ? str_printf("%s.%s.%d", path, day, i)
				       : str_printf("%s.%s", path, day);

		if (to && access(to, F_OK) == 0)
			continue;
		if (to)
			(void)rename(path, to);
		return;
	}
}

static bool is_due(const struct stat *st, size_t more, int64_t now)
{
	return st->st_size && (st->st_size + (off_t)more > LOGFILE_SIZE ||
			       st->st_mtime / DAY != now / DAY);
}

/* Opens the file, rotated before if it is due. Only who holds the lock, and
 * finds that the file has not been rotated meanwhile, does that; all others
 * append to what they have, which is then the file of yesterday. */
static int open_log(const char *path, size_t more, int64_t now)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
			  O_NOFOLLOW | O_NONBLOCK;
	auto_close int fd = open(path, flags, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	if (!is_due(&st, more, now) || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    !is_current(&st, path))
		return take_fd(&fd);
	move_aside(path, st.st_mtime);
	remove_old(path, now);
	return open(path, flags, 0600);
}

void logfile_add(const char *path, const char *level, const char *command,
		 const char *text)
{
	auto_free char *safe = str_printable(text, strlen(text), false);
	int64_t now = clock_now();
	char stamp[CLOCK_TEXT];
	auto_str line = STR_INIT;
	auto_close int fd = -1;

	str_addf(&line, "%s %ld %s %s: %s\n", clock_rfc3339(now, stamp),
		 (long)getpid(), level, command, safe ? safe : "");
	if (!path || !safe || str_check(&line, NULL) < 0)
		return;
	fd = open_log(path, line.len, now);
	if (fd < 0 && errno == ENOENT) {
		auto_free char *dir =
			strndup(path, (size_t)(path_base(path) - path));

		if (!dir || dir_make(dir, 0700, NULL) < 0)
			return;
		fd = open_log(path, line.len, now);
	}
	/* One write(2) with O_APPEND is not mixed with those of others. */
	if (fd >= 0 && write(fd, line.p, line.len) < 0)
		return;
}
