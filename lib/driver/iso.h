/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_ISO_H
#define DRIVER_ISO_H

#include <stddef.h>

#include "base/str.h"

/* Writing ISO 9660 images, and what else is libarchive's (module iso.so). */

#define ISO_ABI 2

struct iso_file {
	const char *name;
	const void *bytes;
	size_t n;
};

struct iso_ops {
	unsigned abi;

	/* Writes an image with Rock Ridge and Joliet names to `fd`, a regular
	 * file open for reading and writing. Reproducible: all times are
	 * `epoch`. `volume` is kept as written, lower case too; at most 16
	 * bytes. */
	int (*write)(int fd, const char *volume, const struct iso_file *files,
		     size_t count, long epoch, struct vmctl_error *err);

	/* Unpacks gzip, also of several members. VMCTL_BAD_DATA when it is
	 * damaged, or more than `max` bytes come out. */
	int (*gunzip)(const void *bytes, size_t n, size_t max, struct str *ret,
		      struct vmctl_error *err);
};

int iso_load(const struct iso_ops **ret, struct vmctl_error *err);

#endif
