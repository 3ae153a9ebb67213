/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include "base/clock.h"

/* How much there is to copy, for the time that is left. A guess: whatever
 * cannot be looked at counts nothing, and who would have to wait for it does
 * without. */

#define MEASURE_MS 2000
#define MEASURE_DEPTH 64

struct measuring {
	uint64_t bytes;
	int64_t deadline;
	bool late;
};

static void add_tree(struct folder *dir, unsigned depth, struct measuring *m)
{
	const struct end_ops *ops = dir->end->ops;
	struct listing *list = NULL;
	struct entry e = { 0 };

	if (depth > MEASURE_DEPTH || ops->list(dir, &list, NULL) < 0)
		return;
	while (!m->late && ops->next(list, &e, NULL) > 0) {
		auto_free char *name = e.name;
		auto_folder *sub = NULL;

		m->late = clock_mono_ms() > m->deadline ||
			  cancelled(dir->end->ev);
		if (ops->look(dir, name, false, &e.meta, NULL) < 0)
			continue;
		if (e.meta.kind == KIND_FILE)
			m->bytes += (uint64_t)e.meta.size;
		else if (e.meta.kind == KIND_DIR &&
			 ops->enter(dir, name, false, &sub, NULL) == 0)
			add_tree(sub, depth + 1, m);
	}
	ops->end_list(list);
}

uint64_t measure_tree(struct folder *dir)
{
	struct measuring m = { .deadline = clock_mono_ms() + MEASURE_MS };

	/* Of a guest's it would take as long as copying small files does. */
	if (!dir->end->sftp)
		add_tree(dir, 0, &m);
	return m.late ? 0 : m.bytes;
}
