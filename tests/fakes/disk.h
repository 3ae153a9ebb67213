/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FAKES_DISK_H
#define TESTS_FAKES_DISK_H

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Holds an open disk as QEMU does with that of a machine which runs, or lets it
 * go. */
static inline bool disk_hold(int fd, bool on)
{
	struct flock lock = { .l_type = on ? F_RDLCK : F_UNLCK,
			      .l_whence = SEEK_SET,
			      .l_start = 100,
			      .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* *slot is its descriptor + 1, of this process; 0: not held. */
static inline void disk_take(int *slot, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		disk_hold(fd, true);
	*slot = fd + 1;
}

static inline void disk_drop(int *slot)
{
	if (*slot)
		close(*slot - 1);
	*slot = 0;
}

#endif
