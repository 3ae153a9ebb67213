/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "instance/instance.h"

/* libvirt is told of files in XML, which has room for neither. Without a
 * connection, as no hypervisor is needed to know. */
static int check_path(const char *path, struct vmctl_error *err)
{
	auto_free char *shown = str_printable(path, strlen(path), false);
	bool control = false;

	for (const char *p = path; *p; p++)
		control |= (unsigned char)*p < ' ' || *p == '\x7f';
	if (!control && str_is_utf8(path, strlen(path)))
		return 0;
	fail(err, VMCTL_INVALID, 0, "libvirt takes no file in %s: the name %s",
	     shown ? shown : "it",
	     control ? "has a control character" : "is not UTF-8");
	fail_hint(err, "set VMCTL_HOME, or the setting storage, to a directory "
		       "of another name");
	return -VMCTL_INVALID;
}

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
	int r = check_path(context_storage(ctx), err);

	if (r == 0)
		r = check_path(ctx->data_dir, err);
	if (r == 0)
		r = context_hv(ctx, NULL, &ops, &hv, err);
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
