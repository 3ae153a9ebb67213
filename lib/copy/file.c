/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include "base/file.h"

/*
 * One file: written under a temporary name beside its place, and renamed when
 * it is complete. It is not synchronised with the disk, as cp(1) and scp(1) do
 * not either: thousands of files would take minutes. Where the directory takes
 * no new name, a file that is there and may be written is written in place.
 */

/* Less is copied anew sooner than it is found out what is there. */
#define WORTH_KEEPING (1024 * 1024)

struct writing {
	struct folder *to;
	const char *as;
	struct file *file;
	char *temp;
	struct final final;
	bool has_old;  /* a regular file that is replaced */
	bool in_place; /* its contents alone are: there is no `temp` */
	struct meta old;
	int64_t at; /* what is there already */
};

static void writing_done(struct writing *w)
{
	file_close(w->file);
	free(w->temp);
}

/* What is in the way, or is replaced. */
static int look_at_old(struct writing *w, struct vmctl_error *err)
{
	char label[LABEL_MAX];
	int r;

	if (w->to->fresh)
		return 0;
	r = w->to->end->ops->look(w->to, w->as, false, &w->old, err);
	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	folder_label(w->to, w->as, label);
	if (w->old.kind == KIND_DIR)
		return fail(err, VMCTL_EXISTS, 0,
			    "%s is a folder: a file does not replace it",
			    label);
	if (w->old.kind == KIND_OTHER)
		return fail(err, VMCTL_EXISTS, 0, "%s is no regular file",
			    label);
	/* A link has no mode to hand on: it goes. */
	w->has_old = w->old.kind == KIND_FILE;
	return 0;
}

static int make_temp(struct writing *w, uint64_t key, mode_t mode,
		     struct vmctl_error *err)
{
	int r = -VMCTL_EXISTS;

	for (unsigned n = 0; r == -VMCTL_EXISTS && n < TEMP_TRIES; n++) {
		free(w->temp);
		w->temp = temp_name(w->as, key, n);
		if (!w->temp)
			return fail_oom(err);
		r = w->to->end->ops->create(w->to, w->temp, mode, &w->file,
					    err);
	}
	if (r < 0) {
		free(w->temp);
		w->temp = NULL;
	}
	if (r == -VMCTL_EXISTS)
		fail_hint(err, "these are left of interrupted copies: --resume "
			       "goes on with one, rm removes them");
	return r;
}

static int make_room(struct writing *w, uint64_t key, mode_t mode,
		     struct vmctl_error *err)
{
	int r = make_temp(w, key, mode, err);

	if (r != -VMCTL_DENIED || !w->has_old ||
	    w->to->end->ops->rewrite(w->to, w->as, &w->file, NULL) < 0)
		return r;
	w->in_place = true;
	return 0;
}

/* Something that can be gone on with stays; everything else goes. */
static void give_up(struct job *job, struct writing *w, int r, int64_t written,
		    bool keeps, struct vmctl_error *err)
{
	auto_free char *hint = err ? strdup(err->hint) : NULL;

	if (r == -VMCTL_CANCELLED)
		end_hurry(w->to->end);
	if (w->in_place) {
		fail_hint(err,
			  "nothing can be made beside it, so it was written in "
			  "place, and is not complete: copy it again");
		return;
	}
	/* What was accepted has to arrive before the name is told. */
	if (keeps && written >= WORTH_KEEPING &&
	    (r == -VMCTL_CANCELLED || r == -VMCTL_TRANSPORT ||
	     job->what->resume)) {
		if (!hint || !*hint)
			fail_hint(err, "what has arrived is kept: the same "
				       "command with --resume goes on from "
				       "there");
		return;
	}
	file_close(w->file);
	w->file = NULL;
	if (w->temp)
		(void)w->to->end->ops->remove(w->to, w->temp, NULL);
}

/* How much of it is not there. A guest has not accepted all that was sent. */
static int64_t missing(struct writing *w, int64_t size, int64_t end)
{
	struct meta meta;

	if (w->to->end->sftp &&
	    w->to->end->ops->look(w->to, w->in_place ? w->as : w->temp, false,
				  &meta, NULL) == 0)
		end = meta.size;
	return size > end ? size - end : 0;
}

static int write_through(struct job *job, struct file *from, struct writing *w,
			 int64_t size, struct vmctl_error *err)
{
	int64_t end = w->at;
	int r = transfer(job, from, w->file, &end, err);

	/* What is no data at the end has to be made, too. */
	if (r == 0 && size >= 0) {
		w->final.size = size;
		if (end < size)
			job_advance(job, size - end);
	}
	final_keep(&w->final, w->has_old ? &w->old : NULL);
	/* It is the old file still, which may be another user's. */
	if (w->in_place)
		w->final.has_mode = w->final.has_owner = false;
	if (r == 0)
		r = w->file->end->ops->finish(w->file, &w->final, err);
	if (r == 0 && !w->in_place)
		r = w->to->end->ops->publish(w->to, w->temp, w->as, err);
	if (r < 0) {
		if (r == -VMCTL_FAILED || r == -VMCTL_LIMIT)
			job_explain(job, w->to, missing(w, size, end), err);
		give_up(job, w, r, end, size >= 0, err);
	}
	return r;
}

static void count(struct job *job, const struct file *from)
{
	log_info(job->ev, "%s", from->label);
	job->sum.files++;
}

static int open_file(struct folder *from, const char *name, bool follow,
		     struct file **ret, struct meta *ret_meta,
		     struct vmctl_error *err)
{
	char label[LABEL_MAX];
	int r = from->end->ops->open(from, name, follow, ret, ret_meta, err);

	if (r < 0)
		return r;
	if (!*ret) {
		r = fail(err, VMCTL_FAILED, 0, "%s is no regular file",
			 folder_label(from, name, label));
		return r;
	}
	/* Made when it is read, as in /proc: until it ends. */
	(*ret)->stop = ret_meta->size ? ret_meta->size : -1;
	return 0;
}

int copy_file(struct job *job, struct folder *from, const char *name,
	      bool follow, struct folder *to, const char *as,
	      struct vmctl_error *err)
{
	auto_copyfile *f = NULL;
	auto_cleanup(writing_done) struct writing w = { .to = to, .as = as };
	struct meta meta;
	uint64_t key;
	bool resume;
	int r = open_file(from, name, follow, &f, &meta, err);

	if (r == 0)
		r = look_at_old(&w, err);
	if (r < 0)
		return r;
	w.final = final_of(job, from->end, to->end, &meta);
	key = temp_key(from, name, &meta);
	resume = job->what->resume && meta.size > WORTH_KEEPING;
	if (resume)
		r = resume_find(job, f, to, as, key, &w.temp, &w.file, &w.at,
				err);
	if (r == 0 && w.file)
		job_advance(job, w.at);
	if (r == 0 && !w.file)
		r = make_room(&w, key,
			      (w.has_old ? w.old.mode : meta.mode) & 0777, err);
	if (r < 0) {
		job_explain(job, to, meta.size, err);
		return r;
	}
	f->other = to->end;
	w.file->other = from->end;
	r = write_through(job, f, &w, f->stop, err);
	if (r < 0)
		return r;
	if (resume)
		resume_sweep(to, as, key);
	count(job, f);
	return 0;
}

int copy_stream_in(struct job *job, struct file *from, struct folder *to,
		   const char *as, struct vmctl_error *err)
{
	auto_cleanup(writing_done) struct writing w = { .to = to, .as = as };
	const struct meta nothing = { 0 };
	uint64_t key = 0;
	int r = look_at_old(&w, err);

	if (r == 0)
		r = random_bytes(&key, sizeof(key), err);
	if (r == 0)
		r = make_room(&w, key, w.has_old ? w.old.mode & 0777 : 0666,
			      err);
	if (r < 0)
		return r;
	w.final = final_of(job, from->end, to->end, &nothing);
	w.final.has_mode = w.final.has_times = false;
	from->other = to->end;
	r = write_through(job, from, &w, -1, err);
	if (r == 0)
		count(job, from);
	return r;
}

int copy_stream_out(struct job *job, struct folder *from, const char *name,
		    struct file *to, struct vmctl_error *err)
{
	const struct final final = { .size = -1 };
	auto_copyfile *f = NULL;
	struct meta meta;
	int64_t end;
	int r = open_file(from, name, true, &f, &meta, err);

	if (r < 0)
		return r;
	f->holes = false; /* their zeros have to be written */
	to->other = from->end;
	r = transfer(job, f, to, &end, err);
	if (r == 0)
		r = to->end->ops->finish(to, &final, err);
	if (r == 0)
		count(job, f);
	return r;
}
