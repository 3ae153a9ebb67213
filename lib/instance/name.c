/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/host-name.h"
#include "instance/instance.h"

/* A hostname label (RFC 1123, section 2.1). isalnum() would follow the
 * locale. */
static bool label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-';
}

int vmctl_instance_name_check(const char *name, struct vmctl_error *err)
{
	static const char rule[] =
		"a name is 1 to 63 letters, digits and hyphens, with a letter "
		"or digit at both ends";
	size_t n = strlen(name);
	const char *problem = NULL;

	if (n == 0)
		problem = "the name is empty";
	else if (n > INSTANCE_NAME_MAX)
		problem = "the name is longer than 63 characters";
	else if (str_is_id(name, 'i', true))
		problem = "the name has the form of an instance id";
	if (problem) {
		fail(err, VMCTL_INVALID, 0, "%s", problem);
		fail_hint(err, "%s", rule);
		return -VMCTL_INVALID;
	}
	if (host_name_is_own(name)) {
		fail(err, VMCTL_INVALID, 0,
		     "%s is a name of this host itself, where ssh and others "
		     "would not find it any more",
		     name);
		fail_hint(err, "take another name");
		return -VMCTL_INVALID;
	}
	for (size_t i = 0; i < n; i++) {
		if (label_char(name[i]) &&
		    !(name[i] == '-' && (i == 0 || i == n - 1)))
			continue;
		fail(err, VMCTL_INVALID, 0, "'%s' cannot be a name", name);
		fail_hint(err, "%s", rule);
		return -VMCTL_INVALID;
	}
	return 0;
}
