/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* Files, descriptors and paths. */

/* "a/b", with one slash between. NULL only when memory is short. */
char *path_join(const char *a, const char *b);
const char *path_base(const char *path); /* after the last slash; borrowed */

/* mkdir -p; folders it makes get `mode`, and are there after a power cut. */
int dir_make(const char *path, mode_t mode, struct vmctl_error *err);

/* rm -r: symbolic links are removed, not followed, and no other file system
 * is entered. Not existing is success. */
int dir_remove(const char *path, struct vmctl_error *err);

/* Opens a regular file for reading, never blocking on a FIFO or device.
 * VMCTL_NOT_FOUND, VMCTL_BAD_DATA when it is not a regular file. */
int file_open(const char *path, int *ret_fd, struct vmctl_error *err);

/* Reads all of a descriptor, or of a file ("-" is standard input). More than
 * `max` bytes fails with VMCTL_BAD_DATA. `what` names it in messages. */
int fd_read_all(int fd, size_t max, const char *what, struct str *ret,
		struct vmctl_error *err);
int file_read(const char *path, size_t max, struct str *ret,
	      struct vmctl_error *err);

int fd_write_all(int fd, const void *bytes, size_t n,
		 struct vmctl_error *err); /* waits on EAGAIN */

/* Writes a file so that it either has all of the new contents or none, also
 * after a power cut: a temporary file beside it, fsync, rename, and fsync of
 * the directory. A file that something is mounted on cannot be replaced: that
 * is written in place, with the temporary file beside it until it is done. */
int file_write_atomic(const char *path, const void *bytes, size_t n,
		      mode_t mode, struct vmctl_error *err);

/* Gives the file of that name in the open directory `dir` (or AT_FDCWD) all
 * that `from` has. For what something is mounted on, as containers have their
 * settings, which is not replaced by any rename. A full disk is met before a
 * byte is changed. */
int file_fill(int dir, const char *name, int from, struct vmctl_error *err);

/* Makes sure of a rename or unlink in this folder: fsync of the folder. The
 * second is of the folder that a path is in. */
int dir_sync(const char *path, struct vmctl_error *err);
int dir_sync_of(const char *path, struct vmctl_error *err);

/* n random bytes from the kernel (getrandom(2)). */
int random_bytes(void *out, size_t n, struct vmctl_error *err);

/* A random UUID: version 4, RFC 9562 section 5.4. */
#define UUID_TEXT 37
int random_uuid(char ret[UUID_TEXT], struct vmctl_error *err);

#endif
