/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"

#define HURRY_MS 3000

void end_hurry(struct end *end)
{
	end->ev = NULL;
	if (!end->hurry)
		end->hurry = clock_mono_ms() + HURRY_MS;
}

void folder_free(struct folder *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

struct folder *folder_root(struct end *end)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->end = end;
	f->fd = AT_FDCWD;
	f->path = strdup("");
	if (!f->path) {
		free(f);
		return NULL;
	}
	return f;
}

char *folder_path(const struct folder *at, const char *name)
{
	return *at->path ? path_join(at->path, name) : strdup(name);
}

const char *folder_label(const struct folder *at, const char *name,
			 char out[LABEL_MAX])
{
	const char *path = at->path;

	if (!*path)
		snprintf(out, LABEL_MAX, "%s%s", at->end->prefix, name);
	else if (!*name)
		snprintf(out, LABEL_MAX, "%s%s", at->end->prefix, path);
	else
		snprintf(out, LABEL_MAX, "%s%s%s%s", at->end->prefix, path,
			 str_ends(path, "/") ? "" : "/", name);
	return out;
}

struct file *file_new(struct folder *at, const char *name)
{
	char label[LABEL_MAX];
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fd = -1;
	f->stop = -1;
	f->end = at->end;
	f->label = strdup(folder_label(at, name, label));
	if (!f->label) {
		free(f);
		return NULL;
	}
	return f;
}

struct final final_of(const struct job *job, const struct end *from,
		      const struct end *to, const struct meta *meta)
{
	/* What a guest hands over shall never run with the rights of whoever
	 * copies it, and owners are not copied. */
	mode_t mask = from->sftp && !to->sftp ? 01777 : 07777;

	return (struct final){
		.size = -1,
		.has_mode = job->what->preserve,
		.mode = meta->mode & mask,
		.has_times = job->what->preserve && meta->has_times,
		.atime = meta->atime,
		.mtime = meta->mtime,
	};
}

void final_keep(struct final *final, const struct meta *old)
{
	if (!old)
		return;
	if (!final->has_mode) {
		final->has_mode = true;
		final->mode = old->mode & 0777;
	}
	final->has_owner = old->has_owner;
	final->uid = old->uid;
	final->gid = old->gid;
}
