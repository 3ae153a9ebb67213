/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

/* What is held in memory at once. */
#define BATCH_BYTES (2 * 1024 * 1024)

bool small_fits(const struct job *job, const struct meta *meta)
{
	return meta->kind == KIND_FILE && meta->size >= 0 &&
	       meta->size <= SMALL_BYTES;
}

void batch_done(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].name);
		free(b->v[i].data);
		free(b->v[i].temp);
	}
	b->n = b->bytes = 0;
}

int batch_add(struct job *job, struct batch *b, char *take_name,
	      const struct meta *meta, struct vmctl_error *err)
{
	struct small *x = &b->v[b->n];

	*x = (struct small){
		.name = take_name,
		.meta = *meta,
		.temp = temp_name(take_name, temp_key(b->from, take_name, meta),
				  0),
		.final = final_of(job, b->from->end, b->to->end, meta),
	};
	b->n++;
	b->bytes += (size_t)meta->size;
	if (!x->temp)
		return fail_oom(err);
	if (b->n == BATCH || b->bytes > BATCH_BYTES)
		return batch_flush(job, b, err);
	return 0;
}

/* What became of one. Returns a failure when the rest is in vain. */
static int settle(struct job *job, struct batch *b, struct small *x,
		  struct vmctl_error *err)
{
	char label[LABEL_MAX];

	if (x->vanished)
		x->r = copy_file(job, b->from, x->name, false, b->to, x->name,
				 &x->err);
	if (x->r < 0) {
		job_explain(job, b->to, (int64_t)x->len, &x->err);
		if (err)
			*err = x->err;
		return job_failed(job, x->r, &x->err);
	}
	if (x->vanished)
		return 0;
	log_info(job->ev, "%s", folder_label(b->from, x->name, label));
	job->sum.files++;
	job->sum.bytes += x->len;
	job_advance(job, (int64_t)x->len);
	return 0;
}

int batch_flush(struct job *job, struct batch *b, struct vmctl_error *err)
{
	int r = 0;

	if (b->n && cancelled(job->ev))
		r = fail_cancelled(err);
	if (b->n && r == 0)
		r = b->from->end->ops->fetch(b->from, b->v, b->n, err);
	if (b->n && r == 0)
		r = b->to->end->ops->store(b->to, b->v, b->n, err);
	if (r < 0 && err)
		(void)job_failed(job, r, err);
	for (size_t i = 0; r == 0 && i < b->n; i++)
		r = settle(job, b, &b->v[i], err);
	batch_done(b);
	return r;
}
