/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/str.h"
#include "image/image.h"
#include "internal/image.h"

/* Files of images against their records. */

void image_leftovers_done(struct image_leftovers *l)
{
	strv_free(l->missing);
	strv_free(l->changed);
	strv_free(l->unknown);
	*l = (struct image_leftovers){ 0 };
}
#define auto_leftovers auto_cleanup(image_leftovers_done) struct image_leftovers

static bool has_digest(char *const *digests, const char *name)
{
	for (; *digests; digests++)
		if (str_starts(name, *digests))
			return true;
	return false;
}

static int look_at_file(struct vmctl *ctx, const struct vmctl_image *image,
			struct image_leftovers *l, struct vmctl_error *err)
{
	auto_image struct vmctl_image *now = NULL;
	auto_free char *path = image_path(ctx, image->digest);
	struct state_file_mark mark;
	int r;

	if (!path)
		return fail_oom(err);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return strv_append(&l->missing, image->name) < 0 ? fail_oom(err)
								 : 0;
	r = state_image_get(ctx->db, image->name, &now, &mark, err);
	/* Deleted in this moment. */
	if (r < 0)
		return r == -VMCTL_NOT_FOUND ? 0 : r;
	return !image_intact(path, &mark) &&
			       strv_append(&l->changed, image->name) < 0
		       ? fail_oom(err)
		       : 0;
}

/* Files first and records after: what is imported meanwhile has a record before
 * its file has that name. */
static int look(struct vmctl *ctx, char **files, struct image_leftovers *l,
		struct vmctl_error *err)
{
	auto_image_list struct vmctl_image_list *images = NULL;
	auto_strv char **unnamed = NULL, **named = strv_dup(NULL);
	int r = named ? state_image_list(ctx->db, &images, err) : fail_oom(err);

	if (r == 0)
		r = state_image_unnamed(ctx->db, &unnamed, err);
	for (size_t i = 0; r == 0 && i < images->count; i++) {
		if (strv_append(&named, images->items[i]->digest) < 0)
			return fail_oom(err);
		r = look_at_file(ctx, images->items[i], l, err);
	}
	for (char **f = files; r == 0 && *f; f++) {
		const char *name = path_base(*f);

		if (has_digest(unnamed, name))
			l->halves++;
		else if (!has_digest(named, name) &&
			 strv_append(&l->unknown, *f) < 0)
			return fail_oom(err);
	}
	return r;
}

/* A temporary file whose process lives is locked by it. */
static bool is_dead_temp(int dir, const char *name)
{
	auto_close int fd = openat(
		dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static int list_files(const char *folder, char ***files, size_t *temps,
		      struct vmctl_error *err)
{
	auto_dir DIR *dir = opendir(folder);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *path = path_join(folder, e->d_name);

		if (str_starts(e->d_name, IMAGE_TEMP_PREFIX))
			*temps += is_dead_temp(dirfd(dir), e->d_name);
		if (storage_is_image(e->d_name) &&
		    (!path || strv_append(files, path) < 0))
			return fail_oom(err);
	}
	return 0;
}

int image_leftovers(struct vmctl *ctx, bool sweep, struct image_leftovers *ret,
		    struct vmctl_error *err)
{
	auto_leftovers l = { .missing = strv_dup(NULL),
			     .changed = strv_dup(NULL),
			     .unknown = strv_dup(NULL) };
	auto_free char *folder = context_path(ctx, "images");
	auto_strv char **files = strv_dup(NULL);
	int r = l.missing && l.changed && l.unknown && folder && files
			? 0
			: fail_oom(err);

	if (r == 0)
		r = list_files(folder, &files, &l.halves, err);
	if (r == 0)
		r = look(ctx, files, &l, err);
	if (r == 0 && sweep && l.halves)
		r = image_sweep(ctx, ctx->db, err);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct image_leftovers){ 0 };
	return 0;
}
