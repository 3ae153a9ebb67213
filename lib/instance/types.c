/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static const struct vmctl_type types[] = {
	{ "t2.nano", 1, 512 * MIB, 8 * GIB },
	{ "t2.micro", 1, 1 * GIB, 8 * GIB },
	{ "t2.small", 1, 2 * GIB, 20 * GIB },
	{ "t2.medium", 2, 4 * GIB, 30 * GIB },
	{ "t2.large", 2, 8 * GIB, 30 * GIB },
	{ .name = NULL },
};

const struct vmctl_type *vmctl_types(void)
{
	return types;
}
