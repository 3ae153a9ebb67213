/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IMAGE_PULL_H
#define IMAGE_PULL_H

#include "image/image.h"

#include "base/str.h"

/*
 * Private to lib/image: what a pull is made of.
 *
 *	images/.pull-<key>	what has arrived of a file
 *	images/.pull-<key>.tag	which answer these bytes are of
 *
 * The key stands for the address and the checksum, so what is there of another
 * file at the same address is not taken for it. Lock order: the lock of the
 * key, then that of the digest.
 */

/* --- catalogue.c -------------------------------------------------------- */

DEFINE_CLEANUP(catalogue, struct vmctl_catalogue *, vmctl_catalogue_free);
#define auto_catalogue auto_cleanup(catalogue_cleanup)

/* The entry of that name, or address, and architecture. Borrowed from the
 * catalogue. VMCTL_NOT_FOUND, with the nearest name. */
int catalogue_find(const struct vmctl_catalogue *c, const char *what,
		   const char *arch, const struct vmctl_catalogue_entry **ret,
		   struct vmctl_error *err);

/* Whether `what` is an address and not a name. */
bool pull_is_url(const char *what);

/* The command that pulls that name of the catalogue as the hint, if it is
 * there for this host; does nothing else. */
void catalogue_hint(struct vmctl *ctx, const char *name,
		    struct vmctl_error *err);

/* The command that gets a damaged image again. */
void image_hint_mend(struct vmctl *ctx, const struct vmctl_image *image,
		     struct vmctl_error *err);

/* --- checksum.c --------------------------------------------------------- */

#define CHECKSUM_TEXT 136 /* "sha512:", 128 digits and a NUL */

/*
 * The strongest checksum of a file in a list as sha256sum(1) makes it, with
 * --tag or without, or in a file of nothing but the digits. `only`: the list is
 * about this one file, whatever it calls it. As "sha256:…" or "sha512:…".
 * VMCTL_BAD_DATA when there is none, or it contradicts itself.
 */
int checksum_find(const char *text, size_t len, const char *file, bool only,
		  char ret[CHECKSUM_TEXT], struct vmctl_error *err);

/* --- signature.c -------------------------------------------------------- */

#define SIGNER_TEXT 65

/*
 * Checks the signature of a checksum file that was read. `text` becomes what is
 * really signed; `signer` the fingerprint, or "" when the entry has no
 * signature or there is nothing here to check it with, which is told.
 * VMCTL_BAD_DATA when it is wrong.
 */
int signature_check(struct vmctl *ctx, const struct vmctl_catalogue_entry *e,
		    struct str *text, char signer[SIGNER_TEXT],
		    struct vmctl_error *err);

/* A small file from the web. Messages begin with the address. */
int pull_text(struct vmctl *ctx, const char *url, struct str *ret,
	      struct vmctl_error *err);

/* --- partial.c ---------------------------------------------------------- */

struct partial {
	struct vmctl *ctx;
	char *path, *tag;
	int fd;
	char lock_name[32];
	int lock; /* -1: not held */
};

/* Opens or makes it, and holds its lock: VMCTL_BUSY when another process pulls
 * the same. */
int partial_open(struct vmctl *ctx, const char *url, const char *checksum,
		 struct partial *ret, struct vmctl_error *err);

/* Downloads what is missing of it. */
int partial_fill(struct partial *p, const char *url, const char *text,
		 long stall_ms, struct vmctl_error *err);

void partial_remove(struct partial *p); /* its files */
void partial_done(struct partial *p);	/* gives back lock and memory */
#define auto_partial auto_cleanup(partial_done) struct partial

/* Removes those that nobody went on with for a week. `dir` is the folder. */
void partial_sweep(struct vmctl *ctx, const char *dir);

/* --- import.c ----------------------------------------------------------- */

/* A file in the images folder that is to become an image without a copy. */
struct image_own {
	const char *path;
	int fd;
	const char *shown;  /* what messages call it */
	const char *sha256; /* of its contents: has been computed */
	const char *source, *checksum, *verified_by, *signed_by;
};

/* As vmctl_image_import(). The file has gone on success, and when it can never
 * be one (VMCTL_BAD_DATA). */
int image_import_own(struct vmctl *ctx, const struct vmctl_image_import *what,
		     const struct image_own *own, struct vmctl_image **ret,
		     struct vmctl_error *err);

#endif
