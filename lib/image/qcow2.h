/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IMAGE_QCOW2_H
#define IMAGE_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A reader of qcow2 headers (QEMU, docs/interop/qcow2.txt) for files that
 * nobody has vouched for: it only looks at bytes in memory, and says no to
 * everything that could make QEMU open another file.
 */

/* How much of the file's beginning is looked at: the header and all of its
 * extensions must lie within. */
#define QCOW2_LOOK (64 * 1024)

#define IMAGE_VIRTUAL_MAX ((int64_t)1 << 50)

struct qcow2_header {
	unsigned version, cluster_bits;
	int64_t virtual_size;
	uint64_t l1_offset;
	uint32_t l1_size;
	bool extended_l2;
};

/* Whether the bytes begin as a qcow2 file does. */
bool qcow2_magic(const unsigned char *bytes, size_t n);

/*
 * `bytes` are the first n = min(file_size, QCOW2_LOOK) of the file. `what`
 * names it in messages. VMCTL_BAD_DATA for a file that is not qcow2 of version
 * 2 or 3, has a backing file, an external data file or encryption, is marked
 * as damaged, uses features that we do not know, or contradicts itself or
 * file_size.
 */
int qcow2_parse(const unsigned char *bytes, size_t n, uint64_t file_size,
		const char *what, struct qcow2_header *ret,
		struct vmctl_error *err);

/*
 * Whether the file reaches to the end of each of its compressed clusters.
 * qemu-img check lets up to a cluster be missing at the end, because QEMU
 * leaves the last one short when it is not compressed; but compressed images
 * are what is downloaded, and so what arrives cut short. VMCTL_BAD_DATA.
 */
int qcow2_complete(int fd, uint64_t file_size, const char *what,
		   const struct qcow2_header *header, struct vmctl_error *err);

#endif
