/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "instance/instance.h"

/*
 * The system's libvirt runs QEMU as a user of its own and hands it the disks,
 * but the folders on the way it must be able to enter by itself. Said before
 * anything is made, because libvirt would only say "Permission denied".
 */
int instance_access_check(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_free char *path = strdup(context_storage(ctx));
	const struct hv_ops *ops;
	struct stat st;
	struct hv *hv;
	int r = context_hv(ctx, NULL, &ops, &hv, err);

	if (r < 0 || !ops->is_other_user(hv))
		return r;
	if (!path)
		return fail_oom(err);
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		/* What is not there yet is made so that it can be entered. */
		if (stat(path, &st) < 0 && errno == ENOENT)
			return 0;
		if (stat(path, &st) < 0)
			return fail_sys(err, errno, "cannot look at %s", path);
		if (!(st.st_mode & S_IXOTH)) {
			fail(err, VMCTL_DENIED, 0,
			     "the user that libvirt runs QEMU as cannot enter "
			     "%s",
			     path);
			fail_hint(err,
				  "chmod o+x %s, or set VMCTL_HOME to a "
				  "folder that all can enter",
				  path);
			return -VMCTL_DENIED;
		}
		*p = was;
		if (!was)
			return 0;
	}
}
