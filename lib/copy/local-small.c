/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/local.h"

#include <fcntl.h>

/* This host's part in a batch of small files. */

static void refuse(struct folder *at, struct small *x, const char *what)
{
	char label[LABEL_MAX];

	x->r = local_fail(&x->err, errno, "cannot %s %s", what,
			  folder_label(at, x->name, label));
}

static ssize_t read_full(int fd, unsigned char *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = read(fd, p + got, n - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

static int fetch_one(struct folder *from, struct small *x,
		     struct vmctl_error *err)
{
	const size_t size = (size_t)x->meta.size;
	auto_close int fd = openat(from->fd, x->name,
				   O_RDONLY | O_NONBLOCK | O_NOFOLLOW |
					   O_CLOEXEC | O_NOCTTY);
	struct stat st;
	ssize_t got;

	if (fd < 0) {
		refuse(from, x, "open");
		return 0;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != x->meta.size) {
		x->vanished = true;
		return 0;
	}
	/* A byte more: it may be growing, or made on reading as in /proc. */
	x->data = malloc(size + 1);
	if (!x->data)
		return fail_oom(err);
	got = read_full(fd, x->data, size + 1);
	if (got < 0) {
		refuse(from, x, "read");
		return 0;
	}
	x->len = size;
	x->vanished = (size_t)got < size || (size == 0 && got > 0);
	return 0;
}

int local_fetch(struct folder *from, struct small *v, size_t n,
		struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = fetch_one(from, &v[i], err);
	return r;
}

static int write_full(int fd, const unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* False when it has to go the ordinary way, which also says what is wrong. */
static bool look_at_old(struct folder *to, struct small *x)
{
	struct stat st;

	if (fstatat(to->fd, x->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	x->old = local_meta(&st);
	x->has_old = x->old.kind == KIND_FILE;
	return x->has_old || x->old.kind == KIND_LINK;
}

static void store_one(struct folder *to, struct small *x)
{
	char label[LABEL_MAX];
	auto_close int fd = -1;
	mode_t mode;

	if (!to->fresh && !look_at_old(to, x)) {
		x->vanished = true;
		return;
	}
	mode = x->has_old ? x->old.mode : x->meta.mode;
	fd = openat(to->fd, x->temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode & 0777);
	/* What the directory does not take may go in place. */
	if (fd < 0 && (errno == EEXIST || x->has_old)) {
		x->vanished = true;
		return;
	}
	if (fd < 0) {
		refuse(to, x, "make");
		return;
	}
	final_keep(&x->final, x->has_old ? &x->old : NULL);
	if (write_full(fd, x->data, x->len) < 0)
		refuse(to, x, "write");
	else
		x->r = local_apply(fd, &x->final,
				   folder_label(to, x->name, label), &x->err);
	if (x->r == 0 && close(take_fd(&fd)) < 0)
		refuse(to, x, "write");
	if (x->r == 0)
		x->r = local_publish(to, x->temp, x->name, &x->err);
	if (x->r < 0)
		(void)unlinkat(to->fd, x->temp, 0);
}

int local_store(struct folder *to, struct small *v, size_t n,
		struct vmctl_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].r == 0 && !v[i].vanished)
			store_one(to, &v[i]);
	return 0;
}
