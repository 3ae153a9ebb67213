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

/* VMCTL_DENIED where that is so, with what to type instead. */
int owner_check(const char *path, struct vmctl_error *err);

#endif
