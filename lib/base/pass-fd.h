/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PASS_FD_H
#define BASE_PASS_FD_H

#include "base/error.h"

/* Hands an open descriptor to the process at the other end of the UNIX socket
 * `socket` (SCM_RIGHTS with one zero byte, as ProxyUseFdpass of ssh_config(5)
 * takes it). VMCTL_INVALID when that is no such socket. */
int pass_fd(int socket, int fd, struct vmctl_error *err);

#endif
