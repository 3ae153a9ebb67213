/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"
#include "state/db.h"
#include "state/state.h"

int state_check(struct state *db, char **ret, struct vmctl_error *err)
{
	auto_free char *first = NULL;
	bool any;
	int r = sql_exists(db, &any, &first, err, "PRAGMA quick_check(1)", "");

	if (r < 0)
		return r;
	*ret = first && !str_eq(first, "ok") ? take_ptr(&first) : NULL;
	return 0;
}
