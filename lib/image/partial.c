/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "driver/crypto.h"
#include "driver/http.h"

#define PREFIX ".pull-"
#define TAG ".tag"
#define KEY_DIGITS 32
#define TAG_MAX 1024
#define KEEP_S (7 * 24 * 3600)
#define ATTEMPTS 5

static int make_key(const char *url, const char *checksum,
		    char ret[KEY_DIGITS + 1], struct vmctl_error *err)
{
	unsigned char bytes[SHA256_SIZE];
	const struct crypto_ops *crypto;
	auto_str text = STR_INIT;
	int r = crypto_load(&crypto, err);

	str_addf(&text, "%s\n%s", checksum, url);
	if (r == 0)
		r = str_check(&text, err);
	if (r == 0)
		r = crypto->sha256(text.p, text.len, bytes, err);
	if (r == 0)
		hex_encode(bytes, KEY_DIGITS / 2, ret);
	return r;
}

static void name_lock(struct partial *p, const char *key)
{
	snprintf(p->lock_name, sizeof(p->lock_name), "pull-%.12s", key);
}

/* One killed just before it became an image cannot be written any more. */
static int open_file(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600);

	if (fd < 0 && errno == EACCES && chmod(path, 0600) == 0)
		fd = open(path, flags, 0600);
	return fd;
}

int partial_open(struct vmctl *ctx, const char *url, const char *checksum,
		 struct partial *ret, struct vmctl_error *err)
{
	auto_partial p = { .ctx = ctx, .fd = -1, .lock = -1 };
	auto_free char *locks = context_path(ctx, "locks");
	auto_free char *dir = NULL;
	char key[KEY_DIGITS + 1];
	int r = make_key(url, checksum, key, err);

	if (r == 0)
		r = image_folder(ctx, &dir, err);
	if (r < 0)
		return r;
	p.path = str_printf("%s/" PREFIX "%s", dir, key);
	p.tag = str_printf("%s/" PREFIX "%s" TAG, dir, key);
	if (!locks || !p.path || !p.tag)
		return fail_oom(err);
	name_lock(&p, key);
	r = lock_take(locks, p.lock_name, ctx->command, ctx->lock_timeout_ms,
		      &ctx->ev, &p.lock, err);
	if (r < 0)
		return r;
	p.fd = open_file(p.path);
	if (p.fd < 0)
		return fail_sys(err, errno, "cannot make %s", p.path);
	*ret = p;
	p = (struct partial){ .fd = -1, .lock = -1 };
	return 0;
}

void partial_remove(struct partial *p)
{
	unlink(p->path);
	unlink(p->tag);
}

void partial_done(struct partial *p)
{
	if (p->lock >= 0) {
		auto_free char *locks = context_path(p->ctx, "locks");

		if (locks)
			lock_release(locks, p->lock_name, p->lock);
		else
			close(p->lock);
	}
	close_cleanup(&p->fd);
	free(p->path);
	free(p->tag);
	*p = (struct partial){ .fd = -1, .lock = -1 };
}

/* --- the tag ------------------------------------------------------------- */

/* "12345 validator": the length of the whole file, and what to ask for the rest
 * with. Nothing is known when it cannot be read. */
static void read_tag(const struct partial *p, struct str *validator,
		     uint64_t *total)
{
	auto_str text = STR_INIT;
	char *end;

	if (file_read(p->tag, TAG_MAX, &text, NULL) < 0 || !text.len)
		return;
	*total = strtoull(text.p, &end, 10);
	if (*end == ' ')
		str_addn(validator, end + 1, strcspn(end + 1, "\n"));
}

static int check_room(const struct partial *p, uint64_t total, uint64_t have,
		      struct vmctl_error *err)
{
	char wanted[SIZE_TEXT], there[SIZE_TEXT];
	struct statvfs fs;
	uint64_t room;

	if (fstatvfs(p->fd, &fs) < 0)
		return fail_sys(err, errno, "cannot look at %s", p->path);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (total <= have || total - have <= room)
		return 0;
	fail(err, VMCTL_LIMIT, 0,
	     "the image takes another %s of disk space, and %s is free",
	     format_size((int64_t)(total - have), wanted),
	     format_size((int64_t)room, there));
	fail_hint(err, "free some disk space, or choose another folder: vmctl "
		       "config set storage DIR");
	return -VMCTL_LIMIT;
}

static int on_begin(void *data, const struct http_head *head,
		    struct vmctl_error *err)
{
	struct partial *p = data;
	off_t have = head->resumed ? lseek(p->fd, 0, SEEK_END) : 0;
	auto_str text = STR_INIT;
	int r;

	if (head->total > INT64_MAX)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the server says an impossible length");
	/* Before the tag: the bytes must never be of another answer. */
	if (!head->resumed && ftruncate(p->fd, 0) < 0)
		return fail_sys(err, errno, "cannot write %s", p->path);
	r = check_room(p, head->total, (uint64_t)have, err);
	if (r < 0)
		return r;
	str_addf(&text, "%" PRIu64 " %s\n", head->total, head->validator);
	r = str_check(&text, err);
	return r < 0 ? r
		     : file_write_atomic(p->tag, text.p, text.len, 0600, err);
}

/* --- downloading --------------------------------------------------------- */

static uint64_t size_of(const struct partial *p)
{
	off_t end = lseek(p->fd, 0, SEEK_END);

	return end < 0 ? 0 : (uint64_t)end;
}

static int fill_once(struct partial *p, const char *url, const char *text,
		     long stall_ms, struct vmctl_error *err)
{
	struct http_download what = { .url = url,
				      .fd = p->fd,
				      .have = size_of(p),
				      .text = text,
				      .stall_ms = stall_ms,
				      .begin = on_begin,
				      .data = p };
	const struct http_ops *ops;
	auto_str validator = STR_INIT;
	uint64_t total = 0;
	int r = http_load(&ops, err);

	if (r < 0)
		return r;
	read_tag(p, &validator, &total);
	if (total && total == what.have)
		return 0; /* it only was not verified yet */
	what.validator = str_text(&validator);
	if (what.have && validator.len)
		log_info(&p->ctx->ev, "going on after %" PRIu64 " bytes",
			 what.have);
	return ops->download(&what, &p->ctx->ev, err);
}

/* What broke off is gone on with as long as that brings something. */
int partial_fill(struct partial *p, const char *url, const char *text,
		 long stall_ms, struct vmctl_error *err)
{
	for (int n = 1;; n++) {
		uint64_t before = size_of(p), now;
		int r = fill_once(p, url, text, stall_ms, err);

		if (r == 0)
			return 0;
		now = size_of(p);
		if (r != -VMCTL_FAILED || now <= before || n == ATTEMPTS) {
			if (now == 0)
				partial_remove(p);
			else if (!err || !*err->hint)
				fail_hint(err, "what has arrived is kept; the "
					       "same command goes on from "
					       "there");
			if (r != -VMCTL_CANCELLED && r != -VMCTL_INVALID)
				fail_prefix(err, "%.400s", url);
			return r;
		}
	}
}

/* --- cleaning up --------------------------------------------------------- */

static void sweep_one(struct vmctl *ctx, const char *dir, const char *name)
{
	auto_free char *locks = context_path(ctx, "locks");
	auto_free char *path = path_join(dir, name);
	auto_free char *tag = path ? str_printf("%s" TAG, path) : NULL;
	struct partial p = { 0 };
	int lock = -1;

	if (!locks || !tag)
		return;
	name_lock(&p, name + strlen(PREFIX));
	if (lock_try(locks, p.lock_name, ctx->command, &lock, NULL) < 0 ||
	    lock < 0)
		return;
	unlink(path);
	unlink(tag);
	lock_release(locks, p.lock_name, lock);
}

void partial_sweep(struct vmctl *ctx, const char *dir)
{
	auto_dir DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (!str_starts(e->d_name, PREFIX) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_mtime + KEEP_S < clock_now() &&
		    !str_ends(e->d_name, TAG))
			sweep_one(ctx, dir, e->d_name);
	}
}
