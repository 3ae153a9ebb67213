/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include <inttypes.h>
#include <limits.h>

/*
 * What an interrupted copy left. The name of a temporary file says which
 * version of which file it holds the beginning of, so that beginnings of
 * something else are never gone on with; and pieces of it are compared with
 * the source before it is.
 */

#define HASH_BEGIN 0xcbf29ce484222325u /* FNV-1a */
#define HASH_PRIME 0x100000001b3u
#define PIECE 4096
#define PIECES 16

/* Requests were under way when it broke off, and a server may have done the
 * later ones first: as much at the end is not relied on. */
#define DOUBTFUL (2 * (int64_t)FLIGHT_BYTES)

static uint64_t add(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)p)[i]) * HASH_PRIME;
	return h;
}

uint64_t temp_key(const struct folder *from, const char *name,
		  const struct meta *meta)
{
	const struct end *e = from->end;
	const int64_t numbers[] = { (int64_t)meta->id, meta->size,
				    meta->mtime.tv_sec, meta->mtime.tv_nsec };
	uint64_t h = add(HASH_BEGIN, numbers, sizeof(numbers));

	if (e->id)
		h = add(h, e->id, strlen(e->id) + 1);
	h = add(h, from->path, strlen(from->path) + 1);
	return add(h, name, strlen(name) + 1);
}

char *temp_name(const char *name, uint64_t key, unsigned n)
{
	/* All of it has to be a name, too. */
	enum { REST = sizeof("..vmctl-0123456789abcdef-0.part.old") - 1 };

	return str_printf(".%.*s.vmctl-%016" PRIx64 "-%u.part", NAME_MAX - REST,
			  name, key, n % 10);
}

/* The bytes from `off` on, holes being zeros. */
static int read_at(struct file *f, int64_t off, unsigned char *out, size_t n,
		   struct vmctl_error *err)
{
	int r = 0;

	memset(out, 0, n);
	f->pos = off;
	f->stop = off + (int64_t)n;
	f->data_end = 0;
	while (r == 0) {
		struct chunk c = { 0 };

		r = f->end->ops->read(f, &c, err);
		if (r < 0 || c.n == 0)
			break;
		memcpy(out + (c.off - off), c.p, c.n);
	}
	return r;
}

/* Whether the first `n` bytes of both are the same, as far as pieces tell: one
 * in each part, and the last. */
static int compare(struct file *a, struct file *b, int64_t n, bool *ret_same,
		   struct vmctl_error *err)
{
	unsigned char x[PIECE], y[PIECE];
	int r = 0;

	*ret_same = true;
	for (int i = 0; r == 0 && *ret_same && i <= PIECES; i++) {
		int64_t off = (n - PIECE) / PIECES * i;

		if (i == PIECES)
			off = n - PIECE;
		r = read_at(a, off, x, PIECE, err);
		if (r == 0)
			r = read_at(b, off, y, PIECE, err);
		*ret_same = r == 0 && memcmp(x, y, PIECE) == 0;
	}
	return r;
}

/* The largest. */
static int find_left(struct folder *to, const char *as, uint64_t key,
		     char **ret_temp, int64_t *ret_size,
		     struct vmctl_error *err)
{
	for (unsigned n = 0; n < TEMP_TRIES; n++) {
		auto_free char *temp = temp_name(as, key, n);
		struct meta meta;
		int r = temp ? to->end->ops->look(to, temp, false, &meta, err)
			     : fail_oom(err);

		if (r == -VMCTL_NOT_FOUND)
			continue;
		if (r < 0)
			return r;
		if (meta.kind != KIND_FILE || meta.size <= *ret_size)
			continue;
		free(*ret_temp);
		*ret_temp = take_ptr(&temp);
		*ret_size = meta.size;
	}
	return 0;
}

int resume_find(struct job *job, struct file *from, struct folder *to,
		const char *as, uint64_t key, char **ret_temp,
		struct file **ret, int64_t *ret_at, struct vmctl_error *err)
{
	auto_free char *temp = NULL;
	auto_copyfile *f = NULL;
	int64_t left = DOUBTFUL + PIECE, stop = from->stop;
	bool same;
	int r = find_left(to, as, key, &temp, &left, err);

	if (r < 0 || !temp || left > stop + DOUBTFUL)
		return r;
	left -= DOUBTFUL;
	r = to->end->ops->reopen(to, temp, left, &f, err);
	if (r < 0)
		return r;
	r = compare(from, f, left, &same, err);
	from->pos = from->data_end = 0;
	from->stop = stop;
	if (r < 0)
		return r;
	if (!same) {
		log_warn(job->ev,
			 "what was left of %s is something else now: it is "
			 "copied from the beginning",
			 from->label);
		return to->end->ops->remove(to, temp, err);
	}
	from->pos = left;
	*ret_at = left;
	*ret = take_ptr(&f);
	*ret_temp = take_ptr(&temp);
	return 0;
}

void resume_sweep(struct folder *to, const char *as, uint64_t key)
{
	const struct end_ops *ops = to->end->ops;

	for (unsigned n = 0; n < TEMP_TRIES; n++) {
		auto_free char *temp = temp_name(as, key, n);
		auto_copyfile *f = NULL;
		struct meta meta;

		/* Whether it may be opened again says whether it is ours, and
		 * here whether another process is writing to it. */
		if (temp && ops->look(to, temp, false, &meta, NULL) == 0 &&
		    meta.kind == KIND_FILE &&
		    ops->reopen(to, temp, 0, &f, NULL) == 0)
			(void)ops->remove(to, temp, NULL);
	}
}
