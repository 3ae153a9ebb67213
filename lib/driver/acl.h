/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_ACL_H
#define DRIVER_ACL_H

#include "base/error.h"

/* Lets the caller go on reading and writing a file of its own when somebody
 * else becomes its owner: an entry in its access control list. Group and others
 * get nothing. Not every file system has these (VMCTL_UNSUPPORTED). */
int acl_keep_access(const char *path, struct vmctl_error *err);

/* The same for a file that is only read, from now on by nobody but its owner
 * and the caller. `path` is for messages. */
int acl_keep_reading(int fd, const char *path, struct vmctl_error *err);

#endif
