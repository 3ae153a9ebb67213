/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_UNDO_H
#define BASE_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * What to take back when a sequence of outside effects fails half way. Push an
 * entry after each effect; undo_run() calls them in reverse; undo_disarm()
 * forgets them once the whole has succeeded.
 */
struct undo_entry {
	const char *what; /* borrowed; for the log */
	int (*back)(void *data, struct vmctl_error *err);
	void *data; /* borrowed: must outlive the stack */
};

struct undo {
	struct undo_entry entries[16];
	size_t count;
};

/* VMCTL_INTERNAL when there is no place for another. */
int undo_push(struct undo *u, const char *what,
	      int (*back)(void *data, struct vmctl_error *err), void *data,
	      struct vmctl_error *err);
void undo_disarm(struct undo *u);

/* Runs all, also after one of them failed. Returns how many failed; the first
 * failure is in *err. */
size_t undo_run(struct undo *u, struct vmctl_error *err);

#endif
