/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_OUTFLOW_H
#define BASE_OUTFLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Bytes on their way to a local descriptor that may be slow. */
struct outflow {
	int fd; /* -1: thrown away */
	char *p;
	size_t off, len, cap; /* off..len are still to be written */
	size_t most; /* bytes that are taken, the rest is thrown away; 0: all */
	size_t taken; /* bytes so far, with `most` */
	bool regular, socket;
	bool refused; /* it turned out not to be open for writing */
};

void outflow_init(struct outflow *o, int fd);
void outflow_done(struct outflow *o);
size_t outflow_pending(const struct outflow *o);
bool outflow_add(struct outflow *o, const void *bytes, size_t n);

/* Writes what goes without blocking, the descriptor being ready. Fails with
 * the errno in err->sys_errno; EPIPE is for the caller to judge. */
int outflow_write(struct outflow *o, struct vmctl_error *err);

#endif
