/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "instance/instance.h"

int vmctl_instance_log_open(struct vmctl *ctx, const char *name, int *ret_fd,
			    struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r = instance_find(ctx, name, &row, err);

	if (r < 0)
		return r;
	auto_free char *path = instance_file(ctx, row->id, "console.log");
	if (!path)
		return fail_oom(err);
	r = file_open(path, ret_fd, err);
	if (r == -VMCTL_NOT_FOUND)
		return fail_state(row, "has no console record", err);
	return r;
}
