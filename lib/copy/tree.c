/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

/*
 * A folder and what is in it. Links stay links, whatever they point at: the
 * walk follows none, so that it ends, and stays where it was sent.
 */

/* Each level holds a folder of this host open. */
#define DEPTH_MAX 256

int make_folder(struct folder *to, const char *name, mode_t mode,
		struct folder **ret, struct vmctl_error *err)
{
	struct vmctl_error why = { 0 };
	/* We have to get in, whatever mode it has at the end. */
	int r = to->end->ops->make(to, name, (mode & 0777) | 0700, &why);
	bool made = r == 0;

	if (r == 0 || r == -VMCTL_EXISTS) {
		r = to->end->ops->enter(to, name, false, ret, err);
		if (r == 0)
			(*ret)->fresh = made;
		return r;
	}
	if (err)
		*err = why;
	return r;
}

static int copy_link(struct job *job, struct folder *from, const char *name,
		     struct folder *to, struct vmctl_error *err)
{
	auto_free char *points_at = NULL;
	auto_free char *temp = NULL;
	char label[LABEL_MAX];
	struct meta old;
	int r = from->end->ops->read_link(from, name, &points_at, err);

	if (r == 0)
		r = to->end->ops->make_link(to, name, points_at, err);
	if (r == -VMCTL_EXISTS) {
		r = to->end->ops->look(to, name, false, &old, err);
		if (r == 0 && old.kind == KIND_DIR)
			return fail(err, VMCTL_EXISTS, 0,
				    "%s is a folder: a link does not replace "
				    "it",
				    folder_label(to, name, label));
		temp = temp_name(name, temp_key(from, name, &old), 9);
		if (!temp)
			return fail_oom(err);
		/* Left of an earlier copy, at most. */
		(void)to->end->ops->remove(to, temp, NULL);
		r = to->end->ops->make_link(to, temp, points_at, err);
		if (r == 0)
			r = to->end->ops->publish(to, temp, name, err);
		if (r < 0)
			(void)to->end->ops->remove(to, temp, NULL);
	}
	if (r < 0)
		return r;
	log_info(job->ev, "%s", folder_label(from, name, label));
	job->sum.links++;
	return 0;
}

/* The folder, its contents, and at last its mode and times: writing in it
 * changes these. */
static int copy_folder(struct job *job, struct folder *from, const char *name,
		       const struct meta *meta, struct folder *to,
		       unsigned depth, struct vmctl_error *err)
{
	auto_folder *a = NULL;
	auto_folder *b = NULL;
	char label[LABEL_MAX];
	int r = 0;

	if (depth >= DEPTH_MAX)
		r = fail(err, VMCTL_FAILED, 0,
			 "%s is more than %d folders deep",
			 folder_label(from, name, label), DEPTH_MAX);
	if (r == 0)
		r = from->end->ops->enter(from, name, false, &a, err);
	if (r == 0)
		r = make_folder(to, name, meta->mode, &b, err);
	if (r < 0)
		return job_failed(job, r, err);
	return copy_tree(job, a, b, meta, depth + 1, err);
}

static int refuse(struct job *job, struct folder *from, const struct entry *e,
		  struct vmctl_error *err)
{
	char label[LABEL_MAX];
	int r = fail(err, VMCTL_BAD_DATA, 0,
		     "%s names a file '%s', which is not copied: %s",
		     folder_label(from, "", label), e->name, e->refused);

	return job_failed(job, r, err);
}

static int skip(struct job *job, struct folder *from, const char *name,
		struct vmctl_error *err)
{
	char label[LABEL_MAX];
	int r = fail(err, VMCTL_FAILED, 0,
		     "%s is not copied: it is neither file, folder nor link",
		     folder_label(from, name, label));

	return job_failed(job, r, err);
}

/* Takes e->name. Returns a failure only when the rest is in vain. */
static int copy_entry(struct job *job, struct batch *b, struct entry *e,
		      unsigned depth, struct vmctl_error *err)
{
	auto_free char *name = take_ptr(&e->name);
	int r = 0;

	e->name = name;
	if (e->refused)
		return refuse(job, b->from, e, err);
	if (!e->has_meta)
		r = b->from->end->ops->look(b->from, name, false, &e->meta,
					    err);
	if (r < 0)
		return job_failed(job, r, err);
	switch (e->meta.kind) {
	case KIND_DIR:
		/* What is held in memory does not add up with the depth. */
		r = batch_flush(job, b, err);
		return r < 0 ? r
			     : copy_folder(job, b->from, name, &e->meta, b->to,
					   depth, err);
	case KIND_LINK:
		r = copy_link(job, b->from, name, b->to, err);
		break;
	case KIND_OTHER:
		return skip(job, b->from, name, err);
	case KIND_FILE:
		if (small_fits(job, &e->meta))
			return batch_add(job, b, take_ptr(&name), &e->meta,
					 err);
		r = copy_file(job, b->from, name, false, b->to, name, err);
		break;
	}
	return r < 0 ? job_failed(job, r, err) : 0;
}

static int finish(struct job *job, struct folder *from, struct folder *to,
		  const struct meta *meta, struct vmctl_error *err)
{
	struct final final = final_of(job, from->end, to->end, meta);
	int r = final.has_mode ? to->end->ops->set(to, &final, err) : 0;

	job->sum.folders++;
	return r < 0 ? job_failed(job, r, err) : 0;
}

int copy_tree(struct job *job, struct folder *from, struct folder *to,
	      const struct meta *meta, unsigned depth, struct vmctl_error *err)
{
	auto_free struct batch *b = calloc(1, sizeof(*b));
	struct listing *list = NULL;
	struct entry e = { 0 };
	int r, more = 0;

	if (!b)
		return job_failed(job, fail_oom(err), err);
	r = from->end->ops->list(from, &list, err);
	if (r < 0)
		return job_failed(job, r, err);
	b->from = from;
	b->to = to;
	while (r == 0 && (more = from->end->ops->next(list, &e, err)) > 0) {
		r = copy_entry(job, b, &e, depth, err);
		e = (struct entry){ 0 };
	}
	if (r == 0 && more < 0)
		r = job_failed(job, more, err);
	if (r == 0)
		r = batch_flush(job, b, err);
	batch_done(b);
	from->end->ops->end_list(list);
	return r < 0 ? r : finish(job, from, to, meta, err);
}
