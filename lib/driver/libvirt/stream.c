/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "driver/libvirt/event.h"

/*
 * What a callback has. The loop's thread may be in it while the stream is no
 * longer watched, and many a libvirt never calls the function that frees
 * what a callback of a remote stream has. So none is freed: the next stream
 * gets it, and at worst is woken once by what was meant for the last one.
 */
struct wakeup {
	int fd; /* eventfd(2) */
	bool used;
	struct wakeup *next;
};

static struct {
	pthread_mutex_t lock;
	struct wakeup *first;
} wakeups = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* NULL with errno. */
static struct wakeup *wakeup_make(void)
{
	struct wakeup *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	w->next = wakeups.first;
	wakeups.first = w;
	return w;
}

static struct wakeup *wakeup_take(void)
{
	pthread_mutex_lock(&wakeups.lock);
	struct wakeup *w = wakeups.first;
	while (w && w->used)
		w = w->next;
	if (!w)
		w = wakeup_make();
	if (w)
		w->used = true;
	pthread_mutex_unlock(&wakeups.lock);
	return w;
}

static void wakeup_give(int fd)
{
	pthread_mutex_lock(&wakeups.lock);
	for (struct wakeup *w = wakeups.first; w; w = w->next)
		if (w->fd == fd)
			w->used = false;
	pthread_mutex_unlock(&wakeups.lock);
}

/* Says no more until it is asked for again, which is the one call that is
 * allowed here: it waits for nobody. */
static void on_stream(virStreamPtr stream, int events, void *data)
{
	const uint64_t one = 1;
	const struct wakeup *w = data;

	(void)events;
	virStreamEventUpdateCallback(stream, 0);
	if (write(w->fd, &one, sizeof(one)) < 0)
		return; /* it is awake */
}

int stream_watch(virStreamPtr stream, const char *failure, int *ret_fd,
		 struct vmctl_error *err)
{
	struct wakeup *w = wakeup_take();

	if (!w)
		return fail_sys(err, errno, "cannot make an event counter");
	if (virStreamEventAddCallback(stream, VIR_STREAM_EVENT_READABLE,
				      on_stream, w, NULL) < 0) {
		wakeup_give(w->fd);
		return libvirt_fail(err, failure);
	}
	*ret_fd = w->fd;
	return 0;
}

void stream_unwatch(virStreamPtr stream, int fd)
{
	virStreamEventRemoveCallback(stream);
	stream_woke(fd);
	wakeup_give(fd);
}

bool stream_woke(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}
