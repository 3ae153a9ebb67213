/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/undo.h"

#include "base/cleanup.h"

int undo_push(struct undo *u, const char *what,
	      int (*back)(void *data, struct vmctl_error *err), void *data,
	      struct vmctl_error *err)
{
	if (u->count == ARRAY_LEN(u->entries))
		return fail(err, VMCTL_INTERNAL, 0, "too many steps to undo");
	u->entries[u->count++] = (struct undo_entry){ what, back, data };
	return 0;
}

void undo_disarm(struct undo *u)
{
	u->count = 0;
}

size_t undo_run(struct undo *u, struct vmctl_error *err)
{
	size_t failed = 0;

	while (u->count) {
		const struct undo_entry *e = &u->entries[--u->count];
		struct vmctl_error first;

		if (e->back(e->data, &first) == 0)
			continue;
		if (!failed++ && err) {
			*err = first;
			fail_prefix(err, "cannot undo %s", e->what);
		}
	}
	return failed;
}
