/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "driver/crypto.h"
#include "driver/qemu-img.h"
#include "internal/host.h"
#include "internal/image.h"

/* One import under way. */
struct import {
	struct vmctl *ctx;
	struct state *db;
	struct vmctl_image_import what; /* with the defaults filled in */
	struct image_source src;
	struct image_temp temp; /* what is going to be published */
	bool own;		/* it is the source itself */
	const char *source, *checksum, *verified_by, *signed_by; /* origin */
	char source_digest[SHA256_TEXT], digest[SHA256_TEXT];
};

static int check_expected(const struct import *im, struct vmctl_error *err)
{
	const char *expected = im->what.digest;

	if (!expected || strcasecmp(expected, im->source_digest) == 0)
		return 0;
	return fail(err, VMCTL_BAD_DATA, 0,
		    "%s has the SHA-256 digest %s, not the expected %s",
		    im->src.file, im->source_digest, expected);
}

static int fail_other(const char *name, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_EXISTS, 0,
		     "an image named %s exists already and has other contents",
		     name);

	fail_hint(err,
		  "choose another name with --name, or first: vmctl image "
		  "delete %s",
		  name);
	return r;
}

/*
 * A name that is there already is decided by reading the file, without a
 * copy: 1 when it has the same contents and nothing is left to do. When the
 * stored file is missing or damaged, the import goes on and mends it.
 */
static int known_already(struct import *im, struct vmctl_image **ret,
			 struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	struct state_file_mark mark;
	int r = image_find(im->ctx, im->what.name, &image, &mark, err);

	if (r <= 0)
		return r;
	if (!im->own)
		r = image_hash(im->ctx, im->src.fd, "reading",
			       im->source_digest, err);
	if (r >= 0)
		r = check_expected(im, err);
	if (r < 0)
		return r;
	if (!str_eq(image->source_digest, im->source_digest))
		return fail_other(im->what.name, err);
	if (!image_intact(image->path, &mark))
		return 0;
	*ret = take_ptr(&image);
	return 1;
}

static int copy_in(struct import *im, struct vmctl_error *err)
{
	unsigned char bytes[SHA256_SIZE];
	const struct crypto_ops *crypto;
	int r = crypto_load(&crypto, err);

	if (r == 0)
		r = image_temp_make(im->ctx, &im->temp, err);
	if (r < 0)
		return r;
	if (lseek(im->src.fd, 0, SEEK_SET) < 0)
		return fail_sys(err, errno, "cannot read %s", im->src.file);
	r = crypto->sha256_copy(im->src.fd, im->temp.fd, (uint64_t)im->src.size,
				"copying", &im->ctx->ev, bytes, err);
	if (r < 0) {
		if (r == -VMCTL_LIMIT)
			fail_hint(err, "free some disk space and import it "
				       "again");
		return r;
	}
	hex_encode(bytes, sizeof(bytes), im->source_digest);
	r = image_source_unchanged(&im->src, err);
	return r < 0 ? r : check_expected(im, err);
}

/* The messages are about the file that was given, not about our copy. */
static int name_source(const struct import *im, int r, struct vmctl_error *err)
{
	if (r == -VMCTL_BAD_DATA)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is damaged or cut "
			    "short: qemu-img cannot read all of it",
			    im->src.file);
	return r;
}

static int check_copy(struct import *im, struct vmctl_error *err)
{
	const struct events *ev = &im->ctx->ev;
	int r = image_source_recheck(&im->src, im->temp.fd, err);

	if (r < 0)
		return r;
	progress_at(ev, "checking", 0, 0);
	r = qemu_img_check(im->temp.path, ev, err);
	memcpy(im->digest, im->source_digest, sizeof(im->digest));
	return name_source(im, r, err);
}

static int convert_copy(struct import *im, struct vmctl_error *err)
{
	auto_image_temp made = { .fd = -1 };
	int r = image_source_recheck(&im->src, im->temp.fd, err);

	if (r == 0)
		r = image_temp_make(im->ctx, &made, err);
	if (r < 0)
		return r;
	progress_at(&im->ctx->ev, "converting", 0, 0);
	r = qemu_img_convert(im->temp.path, made.path, &im->ctx->ev, err);
	if (r == 0)
		r = image_hash(im->ctx, made.fd, "reading", im->digest, err);
	if (r < 0)
		return r;
	image_temp_done(&im->temp);
	im->temp = made;
	made = (struct image_temp){ .fd = -1 };
	return 0;
}

/* --- publishing: under the lock of the digest ---------------------------- */

static int put_file(struct import *im, struct vmctl_image *row,
		    struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_free char *dir = context_path(im->ctx, "images");
	struct stat st;
	int r;

	if (!dir)
		return fail_oom(err);
	r = image_shut(im->temp.fd, im->temp.path, err);
	if (r < 0)
		return r;
	if (fsync(im->temp.fd) < 0 || fstat(im->temp.fd, &st) < 0)
		return fail_sys(err, errno, "cannot write %s", im->temp.path);
	*mark = image_mark(&st);
	row->size = st.st_size;
	/* First the record, so that the file has an owner at every moment. */
	r = state_image_reserve(im->db, row, mark, err);
	if (r < 0)
		return r;
	if (rename(im->temp.path, row->path) < 0)
		return fail_sys(err, errno, "cannot make %s", row->path);
	free(take_ptr(&im->temp.path));
	return dir_sync(dir, err);
}

/* The stored file of that digest, if it is there and as it was: 1, else 0. */
static int have_file(struct import *im, struct vmctl_image *row,
		     struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	int r = image_get(im->ctx, im->digest, &image, mark, err);

	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	row->size = image->size;
	return image_intact(image->path, mark);
}

static int put_name(struct import *im, const struct vmctl_image *row,
		    const struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_image struct vmctl_image *same = NULL;
	int r = image_find(im->ctx, im->what.name, &same, NULL, err);

	if (r < 0)
		return r;
	if (r == 0)
		return state_image_add(im->db, row, mark, err);
	if (!str_eq(same->digest, im->digest))
		return fail_other(im->what.name, err);
	return state_image_verified(im->db, im->digest, row->verified_at, mark,
				    err);
}

static int publish(struct import *im, struct vmctl_image **ret,
		   struct vmctl_error *err)
{
	auto_image_lock lock = { .fd = -1 };
	auto_free char *path = image_path(im->ctx, im->digest);
	struct vmctl_image row = {
		.name = (char *)im->what.name,
		.description = (char *)im->what.description,
		.os = (char *)im->what.os,
		.arch = (char *)im->what.arch,
		.user = (char *)im->what.user,
		.host_keys = (char *)im->what.host_keys,
		.agent = (char *)im->what.agent,
		.digest = im->digest,
		.source_digest = im->source_digest,
		.path = path,
		.virtual_size = im->src.virtual_size,
		.source = (char *)im->source,
		.checksum = (char *)im->checksum,
		.verified_by = (char *)im->verified_by,
		.signed_by = (char *)im->signed_by,
		.created_at = clock_now(),
		.verified_at = clock_now(),
	};
	struct state_file_mark mark;
	int r;

	if (!path)
		return fail_oom(err);
	r = image_lock(im->ctx, im->digest, &lock, err);
	if (r == 0)
		r = have_file(im, &row, &mark, err);
	if (r == 0)
		r = put_file(im, &row, &mark, err);
	if (r >= 0)
		r = put_name(im, &row, &mark, err);
	/* Under the lock: later somebody may have deleted it. */
	return r < 0 ? r : image_get(im->ctx, im->what.name, ret, NULL, err);
}

static int import_new(struct import *im, struct vmctl_image **ret,
		      struct vmctl_error *err)
{
	int r = im->own ? check_expected(im, err) : copy_in(im, err);

	if (r == 0)
		r = im->src.raw ? convert_copy(im, err) : check_copy(im, err);
	if (r == 0 && cancelled(&im->ctx->ev))
		r = fail_cancelled(err);
	return r < 0 ? r : publish(im, ret, err);
}

static void import_done(struct import *im)
{
	image_source_close(&im->src);
	image_temp_done(&im->temp);
}
#define auto_import auto_cleanup(import_done) struct import

/* A caller built against an older header has a shorter struct. */
static int take_request(struct import *im,
			const struct vmctl_image_import *what,
			struct vmctl_error *err)
{
	memcpy(&im->what, what,
	       what->size < sizeof(im->what) ? what->size : sizeof(im->what));
	return image_check_request(&im->what, err);
}

/* With the source open and the name known. */
static int import_source(struct import *im, struct vmctl_image **ret,
			 struct vmctl_error *err)
{
	int r = context_state(im->ctx, &im->db, err);

	if (r < 0)
		return r;
	im->what.arch = im->what.arch ? im->what.arch : host_arch();
	im->what.user = im->what.user ? im->what.user : "root";
	/* What it cannot clean up now is no reason not to import. */
	if (image_sweep(im->ctx, im->db, NULL) < 0)
		log_debug(&im->ctx->ev, "cannot clean up the images folder");
	r = known_already(im, ret, err);
	if (r == 0)
		r = import_new(im, ret, err);
	return r < 0 ? r : 0;
}

int vmctl_image_import(struct vmctl *ctx, const struct vmctl_image_import *what,
		       struct vmctl_image **ret, struct vmctl_error *err)
{
	auto_import im = { .ctx = ctx, .src.fd = -1, .temp.fd = -1 };
	auto_free char *name = NULL;
	int r = take_request(&im, what, err);

	if (r == 0)
		r = image_source_open(im.what.file, im.what.format, &im.src,
				      err);
	if (r == 0 && !im.what.name) {
		r = image_name_of_file(im.what.file, &name, err);
		im.what.name = name;
	}
	im.verified_by = im.what.digest ? "digest" : "none";
	return r < 0 ? r : import_source(&im, ret, err);
}

int image_import_own(struct vmctl *ctx, const struct vmctl_image_import *what,
		     const struct image_own *own, struct vmctl_image **ret,
		     struct vmctl_error *err)
{
	auto_import im = { .ctx = ctx,
			   .src.fd = -1,
			   .temp.fd = -1,
			   .own = true,
			   .source = own->source,
			   .checksum = own->checksum,
			   .verified_by = own->verified_by,
			   .signed_by = own->signed_by };
	int r = take_request(&im, what, err);

	if (r < 0)
		return r;
	memcpy(im.source_digest, own->sha256, sizeof(im.source_digest));
	im.temp.path = strdup(own->path);
	im.temp.fd = fcntl(own->fd, F_DUPFD_CLOEXEC, 0);
	if (!im.temp.path)
		r = fail_oom(err);
	else if (im.temp.fd < 0)
		r = fail_sys(err, errno, "cannot read %s", own->path);
	if (r == 0)
		r = image_source_fd(own->fd, own->shown, im.what.format,
				    &im.src, err);
	if (r == 0)
		r = import_source(&im, ret, err);
	/* Downloading it again would not make it better. */
	if (r < 0 && r != -VMCTL_BAD_DATA)
		free(take_ptr(&im.temp.path));
	return r;
}
