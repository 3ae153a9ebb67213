/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_IMAGE_H
#define INTERNAL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <vmctl/image.h>

/* What lib/image does for the other subsystems beside its public header. */

/*
 * An image to make an instance of: vmctl_image_get() and a look at the stored
 * file. When its size, time or inode are not those of the last verification,
 * the digest is computed again. NULL takes the only image there is. The caller
 * frees *ret.
 *
 * No lock is held afterwards: it is state_instance_add() that makes sure, in
 * its transaction, that the image has not been deleted since.
 *
 * VMCTL_BAD_DATA when the file is missing or differs, with the command that
 * mends it as hint (IMG-004). VMCTL_NOT_FOUND for an unknown name, or for NULL
 * when there is no image; VMCTL_INVALID for NULL when there are several.
 */
int image_use(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	      struct vmctl_error *err);

/*
 * Makes a stored file read-only, and readable by nobody but whoever may use it:
 * its owner, which the system's libvirt changes to QEMU's user when an instance
 * starts (it does so with all that a disk is based on, and never changes that
 * back), and the caller, who goes on verifying it and making disks on it. Where
 * the caller is not root and the file system has no access control lists, all
 * can read it, as nothing else would leave it to both.
 */
int image_shut(int fd, const char *path, struct vmctl_error *err);

/* Files of images that have no record, and records without a file. */
struct image_leftovers {
	size_t halves;	/* of processes that died in an import or deletion */
	char **missing; /* names of images whose file is gone */
	char **changed; /* … whose file is not as it was when it was verified */
	char **unknown; /* paths of files that no record names */
};
/* With `sweep` the first are removed. The caller frees *ret by
 * image_leftovers_done(). The database must be open. */
int image_leftovers(struct vmctl *ctx, bool sweep, struct image_leftovers *ret,
		    struct vmctl_error *err);
void image_leftovers_done(struct image_leftovers *left);

#endif
