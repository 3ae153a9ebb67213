/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_OPENSSH_H
#define DRIVER_OPENSSH_H

#include "base/error.h"
#include "base/log.h"

/* Has the ssh that is installed read a configuration, without connecting to
 * anything. VMCTL_UNSUPPORTED, with its complaint, when it does not understand
 * it; VMCTL_NOT_FOUND when no ssh is installed. */
int openssh_check(const char *file, const struct events *ev,
		  struct vmctl_error *err);

/* "OpenSSH_9.2p1 Debian-2"; NULL when no ssh is installed. The caller frees
 * it. */
char *openssh_version(void);

#endif
