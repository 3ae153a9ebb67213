/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <sys/stat.h>

#include <vmctl/image.h>

#include "base/cleanup.h"
#include "context.h"

/*
 * Private to lib/image: the folder of stored files.
 *
 *	images/<sha256>.qcow2	a stored image, see image_shut()
 *	images/.import-XXXXXX	one being imported; its process holds a flock
 *
 * Lock order: the lock of a digest, then the database's own transactions. No
 * process holds the locks of two digests.
 */
#define SHA256_TEXT 65
#define IMAGE_TEMP_PREFIX ".import-"

DEFINE_CLEANUP(image, struct vmctl_image *, vmctl_image_free);
#define auto_image auto_cleanup(image_cleanup)
DEFINE_CLEANUP(image_list, struct vmctl_image_list *, vmctl_image_list_free);
#define auto_image_list auto_cleanup(image_list_cleanup)

/* --- store.c ------------------------------------------------------------ */

/* The path of the stored file. NULL only when memory is short. */
char *image_path(const struct vmctl *ctx, const char *digest);

/* The folder of the stored files, made if need be. The caller frees it. */
int image_folder(struct vmctl *ctx, char **ret, struct vmctl_error *err);

/* Serialises who publishes or removes the file of that digest. */
struct image_lock {
	struct vmctl *ctx;
	char name[32];
	int fd; /* -1: not held */
};
int image_lock(struct vmctl *ctx, const char *digest, struct image_lock *ret,
	       struct vmctl_error *err);
void image_unlock(struct image_lock *lock);
#define auto_image_lock auto_cleanup(image_unlock) struct image_lock

/* A file in the images folder that is removed unless it is published. */
struct image_temp {
	char *path;
	int fd;
};
int image_temp_make(struct vmctl *ctx, struct image_temp *ret,
		    struct vmctl_error *err);
void image_temp_done(struct image_temp *temp);
#define auto_image_temp auto_cleanup(image_temp_done) struct image_temp

/* Removes what killed processes left: temporary files, and files that the
 * database knows as not published or as deleted. */
int image_sweep(struct vmctl *ctx, struct state *db, struct vmctl_error *err);

struct state_file_mark image_mark(const struct stat *st);

/* Whether the file is there and looks as it did when it was verified. */
bool image_intact(const char *path, const struct state_file_mark *mark);

/* SHA-256 of an open file from its beginning, as text. */
int image_hash(struct vmctl *ctx, int fd, const char *text,
	       char digest[SHA256_TEXT], struct vmctl_error *err);

/* state_image_get() with the path filled in. `mark` may be NULL. */
int image_get(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	      struct state_file_mark *mark, struct vmctl_error *err);

/* The image of exactly that name, as image_get() does: 1, or 0 when there is
 * none. */
int image_find(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	       struct state_file_mark *mark, struct vmctl_error *err);

/* --- source.c ----------------------------------------------------------- */

/* A file to import: opened, of a format known or told. */
struct image_source {
	const char *file; /* as given; borrowed */
	int fd;
	int64_t size;
	struct timespec mtime;
	bool raw;
	int64_t virtual_size;
};
/* VMCTL_BUSY when somebody writes to it. No QEMU does until it is closed. */
int image_source_open(const char *file, const char *format,
		      struct image_source *ret, struct vmctl_error *err);
/* Of a file that is open already; messages call it `shown`. */
int image_source_fd(int fd, const char *shown, const char *format,
		    struct image_source *ret, struct vmctl_error *err);
void image_source_close(struct image_source *src);
#define auto_image_source auto_cleanup(image_source_close) struct image_source

/* Looks at the header of a copy once more: it was the file of another that
 * was looked at before, and may have changed while it was copied. */
int image_source_recheck(struct image_source *src, int fd,
			 struct vmctl_error *err);

/* VMCTL_BUSY when it has changed since it was opened: not every program that
 * writes to a file takes QEMU's locks. */
int image_source_unchanged(const struct image_source *src,
			   struct vmctl_error *err);

/* --- formats.c ---------------------------------------------------------- */

/*
 * VMCTL_BAD_DATA for what is known to be something else than a qcow2 or raw
 * disk, with its name and how to make one of it; 0 for everything else. `head`
 * are the first bytes of the file, whose last ones are looked at, too.
 */
int image_format_check(int fd, const unsigned char *head, size_t n,
		       int64_t size, const char *file, bool may_be_iso,
		       struct vmctl_error *err);

/* --- check.c ------------------------------------------------------------ */

/* VMCTL_INVALID unless what is given of name, arch, user, digest and the
 * texts has the right form. */
int image_check_request(const struct vmctl_image_import *what,
			struct vmctl_error *err);

/* A name made of the file's: without folder and suffix. VMCTL_INVALID when it
 * does not make one. The caller frees it. */
int image_name_of_file(const char *file, char **ret, struct vmctl_error *err);

#endif
