/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_IMAGE_H
#define VMCTL_IMAGE_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Base images: qcow2 files stored by digest, read-only, never copied for an
 * instance. An instance's disk is an overlay whose backing file is the image.
 */

struct vmctl_image {
	char *name;
	char *description;
	char *os;	      /* "debian 12", or empty */
	char *arch;	      /* as uname -m says it: "x86_64" */
	char *user;	      /* account that cloud-init gives the keys to */
	char *digest;	      /* SHA-256 of the stored file, 64 hex digits */
	char *source_digest;  /* SHA-256 of the file that was imported */
	char *path;	      /* the stored file */
	int64_t size;	      /* bytes on disk */
	int64_t virtual_size; /* bytes the guest sees */
	int64_t created_at;   /* seconds since the epoch */
	int64_t verified_at;  /* when the digest was last computed */
	int64_t instances;    /* how many instances stand on it */
	char *source;	      /* address that it was pulled from, or empty */
	char *checksum;	      /* "sha512:…" as the source tells it, or empty */
	char *verified_by;    /* how it was verified when it arrived: "none",
			       * "digest" (one given by the user), "checksum"
			       * (the source's), "signature" (that of the
			       * checksum); empty where it was not recorded */
	char *signed_by;      /* fingerprint of the key, or empty */
	char *host_keys;      /* "seed": its guests take the host key that they
			       * are given; "guest": they make their own */
	char *agent;	      /* where vmctl's agent in its guests comes from:
			       * "seed", "image" or "none" */
};

struct vmctl_image_list {
	size_t count;
	struct vmctl_image **items;
};

VMCTL_API void vmctl_image_free(struct vmctl_image *image);
VMCTL_API void vmctl_image_list_free(struct vmctl_image_list *list);

struct vmctl_image_import {
	size_t size;
	const char *file; /* path of a qcow2 or raw disk image */
	const char *name; /* NULL: the file's name without its suffix */
	const char *description, *os;
	const char *arch;   /* NULL: the host's */
	const char *user;   /* NULL: "root" */
	const char *digest; /* expected SHA-256 of the file, or NULL */
	const char *format; /* "qcow2", "raw", or NULL to look at the file;
			     * a raw image is only accepted unasked when it
			     * begins with a boot sector (0x55aa at 510) */
	const char *host_keys; /* "seed" or "guest"; NULL: "seed" */
	const char *agent;     /* "seed", "image" or "none"; NULL: "seed" */
};

/*
 * Imports a disk image. The file is copied while its SHA-256 is computed,
 * stored read-only under its digest, and published by rename; a killed
 * import leaves nothing listed. A raw image is converted to qcow2.
 *
 * Refused with VMCTL_BAD_DATA: anything but a regular file, an image with a
 * backing file, an external data file or encryption, a truncated or corrupt
 * one, a digest other than the expected, whatever else is known not to be a
 * qcow2 or raw disk. VMCTL_EXISTS: the name belongs to an image of other
 * contents. VMCTL_BUSY: another process writes to the file. Importing the same
 * contents again under the same name succeeds and changes nothing.
 */
VMCTL_API int vmctl_image_import(struct vmctl *ctx,
				 const struct vmctl_image_import *what,
				 struct vmctl_image **ret,
				 struct vmctl_error *err);

/*
 * The catalogue of images that can be pulled: the one that is installed, or
 * the file that VMCTL_CATALOGUE names, and the user's own, catalogue.json
 * beside the settings, whose entries replace those of the same name. The form
 * is in vmctl-image-catalogue(1).
 */
struct vmctl_catalogue_entry {
	char *name; /* "debian:13" */
	char *arch, *os, *user, *description;
	char *url;	     /* of the image */
	char *checksum_url;  /* of the file with its checksum */
	char *signature_url; /* of that file's signature: empty when it has
			      * none, the file itself when it is in there */
	char **keyrings;     /* files of which the first that exists counts;
			      * NULL-terminated */
	char *file;	     /* which catalogue says so */
};

struct vmctl_catalogue {
	size_t count;
	struct vmctl_catalogue_entry **items;
};

VMCTL_API void vmctl_catalogue_free(struct vmctl_catalogue *c);

/* By name, one entry for each architecture. `arch` NULL is every one, "" that
 * of the host. VMCTL_NOT_FOUND without any catalogue, VMCTL_BAD_DATA for one
 * that is not well-formed. */
VMCTL_API int vmctl_catalogue_list(struct vmctl *ctx, const char *arch,
				   struct vmctl_catalogue **ret,
				   struct vmctl_error *err);

/* The keyring that counts, NULL when none exists. Borrowed from the entry. */
VMCTL_API const char *
vmctl_catalogue_keyring(const struct vmctl_catalogue_entry *entry);

struct vmctl_image_pull {
	size_t size;
	const char *what; /* name of the catalogue, or an address */
	const char *name; /* NULL: the name in the catalogue, with "-ARCH" when
			   * that is not the host's; of an address its last
			   * part without suffix */
	const char *arch; /* NULL: the host's */
	/* Expected SHA-256 of the file, or NULL; must be given for an address
	 * that is not in the catalogue. */
	const char *digest;
	/* For such an address; the catalogue knows them of its own. */
	const char *description, *os, *user;
	long stall_ms; /* give up when nothing arrives for so long; 0: 60 s */
};

/*
 * Downloads an image, verifies it, and stores it as vmctl_image_import() does.
 * What arrived of a download that failed or was killed is kept, unlisted, and
 * the next pull of the same file goes on from there. Nothing that was not
 * verified is ever listed. A pull of what is here already downloads nothing.
 *
 * VMCTL_NOT_FOUND: not in the catalogue, or not on the server. VMCTL_EXISTS:
 * the name belongs to an image of other contents. VMCTL_BAD_DATA: the checksum
 * or the signature is wrong. VMCTL_LIMIT: no room. VMCTL_BUSY: another process
 * is pulling it. VMCTL_TIMEOUT: the server stopped sending.
 */
VMCTL_API int vmctl_image_pull(struct vmctl *ctx,
			       const struct vmctl_image_pull *what,
			       struct vmctl_image **ret,
			       struct vmctl_error *err);

/* By name, or by a digest prefix of at least 8 digits. VMCTL_NOT_FOUND. */
VMCTL_API int vmctl_image_get(struct vmctl *ctx, const char *name,
			      struct vmctl_image **ret,
			      struct vmctl_error *err);

/* All images, by name. */
VMCTL_API int vmctl_image_list(struct vmctl *ctx, struct vmctl_image_list **ret,
			       struct vmctl_error *err);

/* Computes the digest of the stored file again and has qemu-img check its
 * structure. VMCTL_BAD_DATA when it is missing or differs. */
VMCTL_API int vmctl_image_verify(struct vmctl *ctx, const char *name,
				 struct vmctl_error *err);

/* Removes the record, and the file when no other name refers to it.
 * VMCTL_IN_USE while an instance stands on it. `digest` may be NULL:
 * VMCTL_STATE when the name belongs to an image of another one. */
VMCTL_API int vmctl_image_delete(struct vmctl *ctx, const char *name,
				 const char *digest, struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
