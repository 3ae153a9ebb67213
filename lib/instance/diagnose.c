/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

void instance_diagnose(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err)
{
	auto_strv char **lines = NULL;

	if (!err)
		return;
	const char *line = console_tail(ctx, row->id, 1, &lines, NULL) < 0
				   ? NULL
				   : lines[0];
	/* The message so far is an argument: fail() copies before it writes. */
	fail(err, err->code, 0, "%s (state: %s; console: %s%s%s)", err->message,
	     vmctl_state_name(row->state), line ? "'" : "",
	     line ? line : "nothing yet", line ? "'" : "");
	fail_hint(err, "vmctl logs %s", row->name);
}
