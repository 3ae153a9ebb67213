/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PROC_WORKER_H
#define BASE_PROC_WORKER_H

#include <sys/types.h>

#include "base/error.h"

/*
 * A part of the work in a process of its own: a copy of this one runs
 * body(data) and ends with what that returns as its exit status, without the
 * handlers of exit(3). It is sent SIGTERM when its parent ends. What cannot be
 * carried across fork(2), as an open database, must be closed before.
 * The caller waits for *ret with worker_reap().
 */
int worker_start(int (*body)(void *data), void *data, pid_t *ret,
		 struct vmctl_error *err);

/* Waits for it; its exit status, or 128 + signal. */
int worker_reap(pid_t pid);

#endif
