/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

/* Where everything goes, and whether that can be. */

void target_done(struct target *t)
{
	folder_free(t->root);
	folder_free(t->into);
	spot_done(&t->spot);
}
/* --- the target ---------------------------------------------------------- */

/* A link that the user names is followed, here and once. */
static int follow_link(struct target *t, struct vmctl_error *err)
{
	struct meta meta;
	auto_free char *path = NULL;
	int r = t->end->ops->look(t->root, t->spot.path, false, &meta, err);

	if (r < 0 || meta.kind != KIND_LINK)
		return r;
	r = t->end->ops->real(t->root, t->spot.path, &path, err);
	return r < 0 ? r : spot_move(&t->spot, path, err);
}

int target_find(struct job *job, size_t sources, struct target *t,
		struct vmctl_error *err)
{
	int r = spot_parse(job->what->target, &t->spot, err);

	if (r == 0)
		r = job_end(job, &t->spot, &t->end, err);
	if (r == 0)
		r = guest_expand(t->end, &t->spot, err);
	if (r < 0)
		return r;
	t->root = folder_root(t->end);
	if (!t->root)
		return fail_oom(err);
	if (t->spot.where == SPOT_STREAM)
		return 0;
	r = t->end->ops->look(t->root, t->spot.path, true, &t->meta, err);
	t->exists = r == 0;
	if (r == 0 && t->meta.kind == KIND_DIR)
		return t->end->ops->enter(t->root, t->spot.path, true, &t->into,
					  err);
	if (r == 0)
		r = follow_link(t, err);
	if (r < 0 && r != -VMCTL_NOT_FOUND)
		return r;
	if (sources > 1) {
		r = fail(err, VMCTL_INVALID, 0,
			 "%s is no folder, as several files need",
			 t->spot.word);
		return r;
	}
	return 0;
}

void hint_parent(const struct target *t, const char *parent,
		 struct vmctl_error *err)
{
	const char *words[] = { "mkdir", "-p", "--", parent, NULL };
	auto_free char *command = ssh_quote_argv(words);

	if (!command)
		return;
	if (t->end->sftp)
		fail_hint(err, "vmctl exec %s -- %s", t->end->name, command);
	else
		fail_hint(err, "%s", command);
}

int target_parent(struct target *t, struct folder **ret,
		  struct vmctl_error *err)
{
	auto_free char *parent = spot_parent(&t->spot);
	int r;

	if (!parent)
		return fail_oom(err);
	if (!*parent) {
		*ret = folder_root(t->end);
		return *ret ? 0 : fail_oom(err);
	}
	r = t->end->ops->enter(t->root, parent, true, ret, err);
	if (r == -VMCTL_NOT_FOUND) {
		fail(err, VMCTL_NOT_FOUND, 0, "there is no folder %s%s",
		     t->end->prefix, parent);
		hint_parent(t, parent, err);
	}
	return r;
}

/* --- onto itself --------------------------------------------------------- */

static bool within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n == 1)
		return true;
	return str_starts(path, folder) && (path[n] == '/' || !path[n]);
}

/* Where `name` in `at` really is. It need not exist. */
static int real_place(struct folder *at, const char *name, char **ret,
		      struct vmctl_error *err)
{
	auto_free char *dir = NULL;
	int r = at->end->ops->real(at, *at->path ? "" : ".", &dir, err);

	if (r < 0)
		return r;
	*ret = str_printf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
	return *ret ? 0 : fail_oom(err);
}

/* Both are in the same guest: as which user does not matter. */
int refuse_itself(struct folder *from, const char *path, bool folder,
		  struct folder *to, const char *as, struct vmctl_error *err)
{
	auto_free char *a = NULL;
	auto_free char *b = NULL;
	int r;

	if (!from->end->sftp || !to->end->sftp ||
	    !str_eq(from->end->id, to->end->id))
		return 0;
	r = from->end->ops->real(from, path, &a, err);
	if (r == 0)
		r = real_place(to, as, &b, err);
	if (r < 0)
		return r;
	if (str_eq(a, b))
		return fail(err, VMCTL_INVALID, 0,
			    "%s%s is where it would be copied to",
			    from->end->prefix, path);
	if (folder && within(b, a))
		return fail(err, VMCTL_INVALID, 0,
			    "the folder %s%s cannot be copied into itself",
			    from->end->prefix, path);
	return 0;
}
