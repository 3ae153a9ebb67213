/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

/* NoCloud itself has no limit; this keeps a mistaken file out of memory. */
#define USER_DATA_MAX (16 << 20)

int user_data_check(const char *text, size_t len, struct vmctl_error *err)
{
	/* First lines that cloud-init knows and that make sense here
	 * (cloudinit.readthedocs.io, "User data formats"). */
	static const char *const starts[] = { "#cloud-config",
					      "#!",
					      "#include",
					      "#cloud-boothook",
					      "Content-Type: multipart/",
					      "MIME-Version:",
					      "## template:" };

	if (len > USER_DATA_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "the user data is larger than 16 MiB");
	if (!str_is_utf8(text, len)) {
		fail(err, VMCTL_INVALID, 0, "the user data is not UTF-8 text");
		fail_hint(err, "binary content goes into write_files with "
			       "encoding b64");
		return -VMCTL_INVALID;
	}
	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (len >= strlen(starts[i]) &&
		    memcmp(text, starts[i], strlen(starts[i])) == 0)
			return 0;
	fail(err, VMCTL_INVALID, 0,
	     "the user data is nothing that cloud-init knows");
	fail_hint(err, "begin it with the line #cloud-config, or with #! and "
		       "an interpreter");
	return -VMCTL_INVALID;
}
