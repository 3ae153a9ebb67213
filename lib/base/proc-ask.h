/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PROC_ASK_H
#define BASE_PROC_ASK_H

#include <stddef.h>

#include "base/log.h"

/*
 * A question that may never be answered, asked by a copy of this process
 * (fork(2)): it is killed when the time is up, and with it goes whatever it had
 * opened. `body` fills the `size` bytes at `answer`, which become the caller's
 * when it returns, and may use nothing that another thread may have been using,
 * nor an open database.
 *
 * VMCTL_TIMEOUT, VMCTL_CANCELLED; VMCTL_FAILED when the copy dies before.
 */
int proc_ask(void (*body)(void *data, void *answer), void *data, void *answer,
	     size_t size, long timeout_ms, const struct events *ev,
	     struct vmctl_error *err);

#endif
