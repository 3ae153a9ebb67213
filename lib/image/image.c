/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "driver/qemu-img.h"
#include "internal/image.h"

void vmctl_image_free(struct vmctl_image *image)
{
	if (!image)
		return;
	free(image->name);
	free(image->description);
	free(image->os);
	free(image->arch);
	free(image->user);
	free(image->digest);
	free(image->source_digest);
	free(image->path);
	free(image->source);
	free(image->checksum);
	free(image->verified_by);
	free(image->signed_by);
	free(image->host_keys);
	free(image->agent);
	free(image);
}

void vmctl_image_list_free(struct vmctl_image_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_image_free(list->items[i]);
	free(list->items);
	free(list);
}

int vmctl_image_get(struct vmctl *ctx, const char *name,
		    struct vmctl_image **ret, struct vmctl_error *err)
{
	return image_get(ctx, name, ret, NULL, err);
}

int vmctl_image_list(struct vmctl *ctx, struct vmctl_image_list **ret,
		     struct vmctl_error *err)
{
	auto_image_list struct vmctl_image_list *list = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = state_image_list(db, &list, err);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		list->items[i]->path = image_path(ctx, list->items[i]->digest);
		if (!list->items[i]->path)
			r = fail_oom(err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

/* --- verifying ---------------------------------------------------------- */

/* Computes the digest anew; on success the mark of the very file that was
 * read is recorded. */
static int verify_digest(struct vmctl *ctx, const struct vmctl_image *image,
			 struct vmctl_error *err)
{
	struct state_file_mark mark;
	auto_close int fd = -1;
	char digest[SHA256_TEXT];
	struct state *db;
	struct stat st;
	int r = file_open(image->path, &fd, err);

	if (r == -VMCTL_NOT_FOUND || r == -VMCTL_BAD_DATA) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "the file of image %s is missing: %s", image->name,
			 image->path);
		image_hint_mend(ctx, image, err);
	}
	if (r < 0)
		return r;
	/* Before reading: what changes it meanwhile shows afterwards. */
	if (fstat(fd, &st) < 0)
		return fail_sys(err, errno, "cannot read %s", image->path);
	mark = image_mark(&st);
	r = image_hash(ctx, fd, "verifying", digest, err);
	if (r < 0)
		return r;
	if (!str_eq(digest, image->digest)) {
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "image %s is damaged: its file has the SHA-256 digest "
			 "%s",
			 image->name, digest);
		image_hint_mend(ctx, image, err);
		return r;
	}
	r = context_state(ctx, &db, err);
	return r < 0 ? r
		     : state_image_verified(db, digest, clock_now(), &mark,
					    err);
}

int vmctl_image_verify(struct vmctl *ctx, const char *name,
		       struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	int r = image_get(ctx, name, &image, NULL, err);

	if (r == 0)
		r = verify_digest(ctx, image, err);
	return r < 0 ? r : qemu_img_check(image->path, &ctx->ev, err);
}

/* --- for making instances ------------------------------------------------ */

static int fail_which(const struct vmctl_image_list *list,
		      struct vmctl_error *err)
{
	auto_str names = STR_INIT;
	int r;

	if (list->count == 0) {
		r = fail(err, VMCTL_NOT_FOUND, 0, "there is no image yet");
		fail_hint(err, "vmctl image import FILE, or choose one to "
			       "pull: vmctl image catalogue");
		return r;
	}
	for (size_t i = 0; i < list->count; i++)
		str_addf(&names, "%s%s", i ? ", " : "", list->items[i]->name);
	r = str_check(&names, err);
	if (r < 0)
		return r;
	r = fail(err, VMCTL_INVALID, 0, "there are several images: %s",
		 names.p);
	fail_hint(err, "choose one with --image");
	return r;
}

static int only_image(struct vmctl *ctx, char **ret, struct vmctl_error *err)
{
	auto_image_list struct vmctl_image_list *list = NULL;
	int r = vmctl_image_list(ctx, &list, err);

	if (r < 0)
		return r;
	if (list->count != 1)
		return fail_which(list, err);
	*ret = take_ptr(&list->items[0]->name);
	return 0;
}

int image_use(struct vmctl *ctx, const char *name, struct vmctl_image **ret,
	      struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	auto_free char *only = NULL;
	struct state_file_mark mark;
	int r = name ? 0 : only_image(ctx, &only, err);

	if (r == 0)
		r = image_get(ctx, name ? name : only, &image, &mark, err);
	if (r == -VMCTL_NOT_FOUND && name)
		catalogue_hint(ctx, name, err);
	if (r == 0 && !image_intact(image->path, &mark))
		r = verify_digest(ctx, image, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&image);
	return 0;
}

/* --- deleting ----------------------------------------------------------- */

static int remove_file(struct vmctl *ctx, struct state *db,
		       const struct vmctl_image *image, struct vmctl_error *err)
{
	/* Its record stays until the file is gone: see image_sweep(). */
	if (unlink(image->path) < 0 && errno != ENOENT)
		return fail_sys(err, errno, "cannot remove %s", image->path);
	return state_image_forget(db, image->digest, err);
}

/* 1: the name has gone over to another digest since it was looked up. */
static int delete_locked(struct vmctl *ctx, const struct vmctl_image *image,
			 struct vmctl_error *err)
{
	auto_image_lock lock = { .fd = -1 };
	auto_image struct vmctl_image *now = NULL;
	bool last = false;
	struct state *db;
	int r = image_lock(ctx, image->digest, &lock, err);

	if (r == 0)
		r = image_get(ctx, image->name, &now, NULL, err);
	if (r == 0 && !str_eq(now->digest, image->digest))
		return 1;
	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0)
		r = state_image_delete(db, image->name, &last, err);
	return r == 0 && last ? remove_file(ctx, db, image, err) : r;
}

static int refuse_other(const struct vmctl_image *image, const char *digest,
			struct vmctl_error *err)
{
	if (!digest || str_eq(image->digest, digest))
		return 0;
	fail(err, VMCTL_STATE, 0,
	     "the image %s is another one now, with the digest %s", image->name,
	     image->digest);
	fail_hint(err, "vmctl image show %s", image->name);
	return -VMCTL_STATE;
}

int vmctl_image_delete(struct vmctl *ctx, const char *name, const char *digest,
		       struct vmctl_error *err)
{
	struct state *db;
	int r;

	do {
		auto_image struct vmctl_image *image = NULL;

		r = image_get(ctx, name, &image, NULL, err);
		if (r == 0)
			r = refuse_other(image, digest, err);
		if (r == 0)
			r = delete_locked(ctx, image, err);
	} while (r == 1);
	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0 && image_sweep(ctx, db, NULL) < 0)
		log_debug(&ctx->ev, "cannot clean up the images folder");
	return r;
}
