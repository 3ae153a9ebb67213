/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/turn.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"

/* Below 10, from where on OpenSSH turns some away. */
#define MOST 8
#define PAUSE_MS 150

static const struct {
	const char *name;
	int count;
} kinds[] = {
	[TURN_AGENT] = { "agent", 1 },
	[TURN_SSH] = { "ssh", MOST },
};

#define TURN_NAME 64

static void file_of(char out[TURN_NAME], const char *id, enum turn kind, int n)
{
	snprintf(out, TURN_NAME, "%s.%s.%d", id, kinds[kind].name, n);
}

static int folder(const struct vmctl *ctx, bool make)
{
	auto_free char *dir = path_join(ctx->runtime_dir, "turns");

	if (!dir || (make && dir_make(dir, 0700, NULL) < 0))
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool turn_take(const struct vmctl *ctx, const char *id, enum turn kind,
	       int *ret_fd)
{
	auto_close int dir = folder(ctx, true);
	char name[TURN_NAME];

	*ret_fd = -1;
	for (int i = 0; i < kinds[kind].count; i++) {
		auto_close int fd = -1;

		file_of(name, id, kind, i);
		fd = dir < 0 ? -1
			     : openat(dir, name,
				      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				      0600);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK || errno == EINTR)
				continue;
			close(take_fd(&fd));
		}
		*ret_fd = take_fd(&fd);
		return true;
	}
	return false;
}

void turn_give(int *fd, bool entered)
{
	if (*fd < 0)
		return;
	if (entered)
		(void)futimens(*fd, NULL);
	close(take_fd(fd));
}

static bool is_after(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec
				      : a->tv_nsec > b->tv_nsec;
}

/* Whether somebody got in since the last look. */
static bool moved(struct turn_queue *q)
{
	auto_close int dir = folder(q->ctx, false);
	struct timespec before = q->newest;
	char name[TURN_NAME];
	struct stat st;

	for (size_t k = 0; k < ARRAY_LEN(kinds) && dir >= 0; k++)
		for (int i = 0; i < kinds[k].count; i++) {
			file_of(name, q->id, (enum turn)k, i);
			if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			    is_after(&st.st_mtim, &q->newest))
				q->newest = st.st_mtim;
		}
	return is_after(&q->newest, &before);
}

void turn_queue_begin(struct turn_queue *q, const struct vmctl *ctx,
		      const char *id, long limit_ms)
{
	*q = (struct turn_queue){ .ctx = ctx,
				  .limit_ms = limit_ms,
				  .since = clock_mono_ms(),
				  .pause = wait_begin(-1, PAUSE_MS) };
	snprintf(q->id, sizeof(q->id), "%s", id);
	(void)moved(q);
}

int turn_queue_wait(struct turn_queue *q, struct vmctl_error *err)
{
	if (cancelled(&q->ctx->ev))
		return fail_cancelled(err);
	wait_more(&q->pause);
	if (cancelled(&q->ctx->ev))
		return fail_cancelled(err);
	if (moved(q))
		q->since = clock_mono_ms();
	if (clock_mono_ms() - q->since < q->limit_ms)
		return 0;
	return fail(err, VMCTL_BUSY, 0,
		    "others are waiting to get in too, and nobody did for "
		    "%ld s",
		    q->limit_ms / 1000);
}

void turn_forget(const struct vmctl *ctx, const char *id)
{
	auto_close int dir = folder(ctx, false);
	char name[TURN_NAME];

	for (size_t k = 0; k < ARRAY_LEN(kinds) && dir >= 0; k++)
		for (int i = 0; i < kinds[k].count; i++) {
			file_of(name, id, (enum turn)k, i);
			unlinkat(dir, name, 0);
		}
}
