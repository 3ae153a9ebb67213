/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>

#include <vmctl/error.h>

/* Root may write anywhere, and what it leaves in somebody's home directory (as
 * with `sudo -E`) that user's own programs cannot use any more. */

/* Whether this process is root's, and `path`, which need not exist, is in a
 * directory of somebody else. */
bool owner_differs(const char *path);

/* Whether it is a directory of this user, in which no other may write, as
 * XDG_RUNTIME_DIR is to be: who else may can put something in the place of
 * sockets. su(1) passes on that of another user, and some name /tmp. */
bool owner_is_us(const char *dir);

/* VMCTL_DENIED where owner_differs(), with what to type instead. */
int owner_check(const char *path, struct vmctl_error *err);

#endif
