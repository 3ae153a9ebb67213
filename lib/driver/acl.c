/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <stdint.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"

#define READ_WRITE (ACL_READ | ACL_WRITE)
#define NOBODY ((uint32_t)ACL_UNDEFINED_ID)

struct list {
	struct posix_acl_xattr_header head;
	struct posix_acl_xattr_entry entries[5];
};

/* In the order that the kernel wants. */
static struct list make_list(uint16_t perm)
{
	const struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[] = {
		{ ACL_USER_OBJ, perm, NOBODY }, { ACL_USER, perm, geteuid() },
		{ ACL_GROUP_OBJ, 0, NOBODY },	{ ACL_MASK, perm, NOBODY },
		{ ACL_OTHER, 0, NOBODY },
	};
	struct list list = { .head.a_version =
				     htole32(POSIX_ACL_XATTR_VERSION) };

	_Static_assert(ARRAY_LEN(entries) == ARRAY_LEN(list.entries),
		       "each has its place");
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		list.entries[i] = (struct posix_acl_xattr_entry){
			htole16(entries[i].tag), htole16(entries[i].perm),
			htole32(entries[i].id)
		};
	return list;
}

static int fail_acl(const char *path, struct vmctl_error *err)
{
	return fail(err, errno == ENOTSUP ? VMCTL_UNSUPPORTED : VMCTL_FAILED,
		    errno, "cannot keep access to %s", path);
}

int acl_keep_access(const char *path, struct vmctl_error *err)
{
	const struct list list = make_list(READ_WRITE);

	return setxattr(path, XATTR_NAME_POSIX_ACL_ACCESS, &list, sizeof(list),
			0) == 0
		       ? 0
		       : fail_acl(path, err);
}

int acl_keep_reading(int fd, const char *path, struct vmctl_error *err)
{
	const struct list list = make_list(ACL_READ);

	return fsetxattr(fd, XATTR_NAME_POSIX_ACL_ACCESS, &list, sizeof(list),
			 0) == 0
		       ? 0
		       : fail_acl(path, err);
}
