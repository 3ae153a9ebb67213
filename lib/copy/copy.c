/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

/* Which file goes where: the rules of cp(1) and scp(1). */

#define auto_target auto_cleanup(target_done) struct target
#define auto_spot auto_cleanup(spot_done) struct spot

/* --- one source ---------------------------------------------------------- */

struct source {
	struct spot spot;
	struct folder *root;
	struct meta meta;
};

/* The folder that the contents go into, by the name of the target. */
static int make_target(struct source *s, struct target *t, struct folder **ret,
		       struct vmctl_error *err)
{
	auto_folder *parent = NULL;
	const char *as = spot_base(&t->spot);
	int r;

	if (t->exists)
		return fail(err, VMCTL_EXISTS, 0, "%s is no folder",
			    t->spot.word);
	r = target_parent(t, &parent, err);
	if (r == 0)
		r = refuse_itself(s->root, s->spot.path, true, parent, as, err);
	return r < 0 ? r : make_folder(parent, as, s->meta.mode, ret, err);
}

static int copy_contents(struct job *job, struct source *s, struct folder *a,
			 struct target *t, struct vmctl_error *err)
{
	auto_folder *b = NULL;
	int r = t->into ? refuse_itself(s->root, s->spot.path, true, t->into,
					"", err)
			: make_target(s, t, &b, err);

	if (r < 0)
		return r;
	job->many = true;
	(void)copy_tree(job, a, t->into ? t->into : b, &s->meta, 0, err);
	return 0;
}

/* copy_tree() counts failures itself: what it returns is one that ended it. */
static int copy_dir(struct job *job, struct source *s, struct target *t,
		    struct vmctl_error *err)
{
	auto_folder *a = NULL;
	auto_folder *b = NULL;
	int r;

	if (!job->what->recursive) {
		fail(err, VMCTL_FAILED, 0, "%s is a folder", s->spot.word);
		fail_hint(err, "-r copies folders with what is in them");
		return -VMCTL_FAILED;
	}
	r = job->from->ops->enter(s->root, s->spot.path, true, &a, err);
	if (r < 0)
		return r;
	if (!job->what->sources[1])
		job->total = measure_tree(a);
	if (!t->into || s->spot.contents)
		return copy_contents(job, s, a, t, err);
	r = refuse_itself(s->root, s->spot.path, true, t->into, s->spot.name,
			  err);
	if (r == 0)
		r = make_folder(t->into, s->spot.name, s->meta.mode, &b, err);
	if (r < 0)
		return r;
	job->many = true;
	(void)copy_tree(job, a, b, &s->meta, 0, err);
	return 0;
}

static int copy_as_is(struct job *job, struct source *s, struct target *t,
		      struct vmctl_error *err)
{
	auto_copyfile *f = NULL;
	int r = t->end->ops->open_as_is(t->root, t->spot.path, &f, err);

	return r < 0 ? r : copy_stream_out(job, s->root, s->spot.path, f, err);
}

static int copy_one_file(struct job *job, struct source *s, struct target *t,
			 struct vmctl_error *err)
{
	const char *as = t->into ? s->spot.name : spot_base(&t->spot);
	auto_folder *parent = NULL;
	struct folder *to = t->into;
	int r = 0;

	if (s->spot.slash)
		return fail(err, VMCTL_FAILED, 0, "%s is no folder",
			    s->spot.word);
	/* Only a guest says so of "." or of its root. */
	if (to && s->spot.contents)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s must be a directory, but the server says that "
			    "it is not one",
			    s->spot.word);
	if (!to && t->spot.slash) {
		fail(err, VMCTL_NOT_FOUND, 0, "there is no folder %s",
		     t->spot.word);
		hint_parent(t, t->spot.path, err);
		return -VMCTL_NOT_FOUND;
	}
	if (!to && t->exists && t->meta.kind == KIND_OTHER)
		return copy_as_is(job, s, t, err);
	if (!to) {
		r = target_parent(t, &parent, err);
		to = parent;
	}
	if (r == 0)
		r = refuse_itself(s->root, s->spot.path, false, to, as, err);
	if (r == 0)
		r = copy_file(job, s->root, s->spot.path, true, to, as, err);
	return r;
}

static int fail_unnamed(const struct target *t, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0,
	     "%s is a folder: what comes from standard input has no name "
	     "there",
	     t->spot.word);
	fail_hint(err, "name the file: %s%sNAME", t->spot.word,
		  str_ends(t->spot.word, "/") || str_ends(t->spot.word, ":")
			  ? ""
			  : "/");
	return -VMCTL_INVALID;
}

static int copy_input(struct job *job, struct target *t,
		      struct vmctl_error *err)
{
	auto_copyfile *f =
		local_stream(&job->here, job->what->in, "standard input");
	auto_copyfile *device = NULL;
	auto_folder *parent = NULL;
	int64_t end;
	int r;

	if (!f)
		return fail_oom(err);
	if (t->into || t->spot.slash)
		return fail_unnamed(t, err);
	if (t->exists && t->meta.kind == KIND_OTHER) {
		r = t->end->ops->open_as_is(t->root, t->spot.path, &device,
					    err);
		return r < 0 ? r : transfer(job, f, device, &end, err);
	}
	r = target_parent(t, &parent, err);
	return r < 0 ? r
		     : copy_stream_in(job, f, parent, spot_base(&t->spot), err);
}

static int copy_output(struct job *job, struct source *s,
		       struct vmctl_error *err)
{
	auto_copyfile *f =
		local_stream(&job->here, job->what->out, "standard output");

	if (!f)
		return fail_oom(err);
	if (s->meta.kind == KIND_DIR)
		return fail(err, VMCTL_FAILED, 0,
			    "%s is a folder: it has no contents to write out",
			    s->spot.word);
	return copy_stream_out(job, s->root, s->spot.path, f, err);
}

static int look_at_source(struct job *job, struct source *s,
			  struct vmctl_error *err)
{
	int r = guest_expand(job->from, &s->spot, err);

	if (r < 0)
		return r;
	s->root = folder_root(job->from);
	if (!s->root)
		return fail_oom(err);
	r = job->from->ops->look(s->root, s->spot.path, true, &s->meta, err);
	if (r == -VMCTL_NOT_FOUND)
		fail(err, VMCTL_NOT_FOUND, 0, "there is no file %s",
		     s->spot.word);
	return r;
}

static int copy_source(struct job *job, const char *word, struct target *t,
		       struct vmctl_error *err)
{
	struct source s = { 0 };
	int r = spot_parse(word, &s.spot, err);

	if (r == 0)
		r = job_end(job, &s.spot, &job->from, err);
	job->to = t->end;
	if (r == 0 && job->from->sftp && job->to->sftp)
		job->to->ssh->sftp->pair(job->to->sftp, job->from->sftp);
	if (r == 0 && s.spot.where == SPOT_STREAM) {
		r = copy_input(job, t, err);
	} else if (r == 0) {
		r = look_at_source(job, &s, err);
		if (r == 0 && s.meta.kind == KIND_FILE &&
		    !job->what->sources[1] && s.meta.size > 0)
			job->total = (uint64_t)s.meta.size;
		if (r < 0)
			;
		else if (t->spot.where == SPOT_STREAM)
			r = copy_output(job, &s, err);
		else if (s.meta.kind == KIND_DIR)
			r = copy_dir(job, &s, t, err);
		else
			r = copy_one_file(job, &s, t, err);
	}
	spot_done(&s.spot);
	folder_free(s.root);
	return r;
}

/* --- all ----------------------------------------------------------------- */

/* What can be said before anybody is asked. */
static int check_words(const struct vmctl_copy *what, size_t *ret_sources,
		       struct vmctl_error *err)
{
	size_t n = strv_len(what->sources), guests = 0, streams = 0;
	auto_spot target = { 0 };
	int r = spot_parse(what->target, &target, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_spot p = { 0 };

		r = spot_parse(what->sources[i], &p, err);
		guests += p.where == SPOT_GUEST;
		streams += p.where == SPOT_STREAM;
		if (r == 0 && p.where != SPOT_GUEST &&
		    target.where != SPOT_GUEST) {
			fail(err, VMCTL_INVALID, 0,
			     "neither %s nor %s is in an instance",
			     what->sources[i], what->target);
			fail_hint(err, "a file of an instance is written "
				       "NAME:PATH; for others there is cp(1)");
			return -VMCTL_INVALID;
		}
	}
	if (r < 0)
		return r;
	if (n == 0)
		return fail(err, VMCTL_INVALID, 0, "nothing to copy is named");
	if (n > 1 && (streams || target.where == SPOT_STREAM))
		return fail(err, VMCTL_INVALID, 0,
			    "a stream is for one file, not for %zu", n);
	*ret_sources = n;
	return 0;
}

/* For the line that shows how far it is. */
static int make_phase(struct job *job, size_t n, struct vmctl_error *err)
{
	if (n == 1)
		job->phase = str_printf("copying %s", job->what->sources[0]);
	else
		job->phase = str_printf("copying %zu files", n);
	return job->phase ? 0 : fail_oom(err);
}

static int verdict(const struct job *job, struct vmctl_error *err)
{
	const struct vmctl_copied *sum = &job->sum;
	uint64_t done = sum->files + sum->folders + sum->links;

	if (!sum->failed)
		return 0;
	if (job->stop || !job->many) {
		*err = job->last;
		return -(int)job->last.code;
	}
	return fail(err, done ? VMCTL_PARTIAL : job->code, 0,
		    "%llu of %llu were not copied",
		    (unsigned long long)sum->failed,
		    (unsigned long long)(sum->failed + done));
}

int vmctl_copy(struct vmctl *ctx, const struct vmctl_copy *what,
	       struct vmctl_copied *ret, struct vmctl_error *err)
{
	struct vmctl_error why = { 0 };
	struct job job = { .ctx = ctx, .ev = &ctx->ev, .what = what };
	auto_target t = { 0 };
	size_t n = 0;
	int r = check_words(what, &n, &why);

	job.here = (struct end){ .ops = &local_ops,
				 .ev = job.ev,
				 .prefix = (char *)"" };
	if (r == 0)
		r = make_phase(&job, n, &why);
	job.many = n > 1;
	if (r == 0)
		r = target_find(&job, n, &t, &why);
	if (r == 0) {
		for (size_t i = 0; i < n && !job.stop; i++) {
			r = copy_source(&job, what->sources[i], &t, &why);
			if (r < 0)
				(void)job_failed(&job, r, &why);
		}
		r = verdict(&job, &why);
	}
	if (ret)
		*ret = job.sum;
	progress_at(job.ev, NULL, 0, 0);
	target_done(&t);
	t = (struct target){ 0 };
	ends_free(job.ends);
	free(job.phase);
	if (r < 0 && err)
		*err = why;
	return r;
}
