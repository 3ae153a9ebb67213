/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Automatic cleanup at the end of scope. Initialise at declaration; hand over
 * with take_ptr() or take_fd(). errno is kept.
 */
#define auto_cleanup(f) __attribute__((cleanup(f)))

/* Defines NAME_cleanup for a `void f(T *)` that accepts NULL. */
#define DEFINE_CLEANUP(name, type, f)                                          \
	static inline void name##_cleanup(type *p)                             \
	{                                                                      \
		int saved = errno;                                             \
		if (*p)                                                        \
			f(*p);                                                 \
		errno = saved;                                                 \
	}                                                                      \
	struct dummy_##name

static inline void free_cleanup(void *p)
{
	int saved = errno;
	free(*(void **)p);
	errno = saved;
}

static inline void close_cleanup(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

DEFINE_CLEANUP(file, FILE *, fclose);
DEFINE_CLEANUP(dir, DIR *, closedir);

#define auto_free auto_cleanup(free_cleanup)
#define auto_close auto_cleanup(close_cleanup)
#define auto_file auto_cleanup(file_cleanup)
#define auto_dir auto_cleanup(dir_cleanup)

/* The value of *p, leaving NULL behind. */
#define take_ptr(p)                                                            \
	({                                                                     \
		__typeof__(*(p)) took_ = *(p);                                 \
		*(p) = NULL;                                                   \
		took_;                                                         \
	})

static inline int take_fd(int *fd)
{
	int took = *fd;
	*fd = -1;
	return took;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
