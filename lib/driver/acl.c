/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"

#define READ_WRITE (ACL_READ | ACL_WRITE)
#define NOBODY ((uint32_t)ACL_UNDEFINED_ID)

int acl_keep_access(const char *path, struct vmctl_error *err)
{
	/* In the order that the kernel wants. */
	const struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[] = {
		{ ACL_USER_OBJ, READ_WRITE, NOBODY },
		{ ACL_USER, READ_WRITE, geteuid() },
		{ ACL_GROUP_OBJ, 0, NOBODY },
		{ ACL_MASK, READ_WRITE, NOBODY },
		{ ACL_OTHER, 0, NOBODY },
	};
	struct {
		struct posix_acl_xattr_header head;
		struct posix_acl_xattr_entry list[ARRAY_LEN(entries)];
	} acl = { .head.a_version = htole32(POSIX_ACL_XATTR_VERSION) };

	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		acl.list[i] = (struct posix_acl_xattr_entry){
			htole16(entries[i].tag), htole16(entries[i].perm),
			htole32(entries[i].id)
		};
	if (setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0) ==
	    0)
		return 0;
	return fail(err, errno == ENOTSUP ? VMCTL_UNSUPPORTED : VMCTL_FAILED,
		    errno, "cannot keep access to %s", path);
}
