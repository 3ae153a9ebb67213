/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

/* A run of zeros that is shorter is not worth a hole: what a block of most
 * file systems is. */
#define BLOCK 4096

static bool is_zero(const unsigned char *p, size_t n)
{
	return n && !p[0] && memcmp(p, p + 1, n - 1) == 0;
}

/* Writes what is not zero. A server does not tell where its files have holes,
 * so that blocks of zeros become some: nothing else is lost. */
static int write_sparse(struct file *to, const struct chunk *c,
			struct vmctl_error *err)
{
	size_t at = 0;

	while (at < c->n) {
		size_t begin, n;
		int r;

		/* To the next boundary in the file, and from there in blocks.
		 */
		for (begin = at; at < c->n; at += n) {
			n = BLOCK - (size_t)((c->off + (int64_t)at) % BLOCK);
			if (n > c->n - at)
				n = c->n - at;
			if (n == BLOCK && is_zero(c->p + at, n))
				break;
		}
		if (at > begin) {
			r = to->end->ops->write(to, c->off + (int64_t)begin,
						c->p + begin, at - begin, err);
			if (r < 0)
				return r;
		}
		while (c->n - at >= BLOCK && is_zero(c->p + at, BLOCK))
			at += BLOCK;
	}
	return 0;
}

int transfer(struct job *job, struct file *from, struct file *to,
	     int64_t *ret_end, struct vmctl_error *err)
{
	/* This host's holes are known, and its zeros are meant. */
	bool sparse = from->end->sftp && !to->stream && from->stop >= 0;
	int64_t at = from->pos;
	int r = 0;

	*ret_end = at;
	while (r == 0) {
		struct chunk c = { 0 };

		if (cancelled(job->ev))
			return fail_cancelled(err);
		r = from->end->ops->read(from, &c, err);
		if (r < 0 || c.n == 0)
			break;
		r = sparse ? write_sparse(to, &c, err)
			   : to->end->ops->write(to, c.off, c.p, c.n, err);
		if (r < 0)
			break;
		job->sum.bytes += c.n;
		job_advance(job, c.off + (int64_t)c.n - at);
		at = c.off + (int64_t)c.n;
		*ret_end = at;
		if (from->stop < 0 && !from->stream && at > ENDLESS_MAX)
			return fail(err, VMCTL_FAILED, 0,
				    "%s says it is empty and does not end",
				    from->label);
	}
	return r;
}
