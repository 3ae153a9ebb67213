/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "driver/libvirt/event.h"

/* What the callback has, in the loop's thread; freed there. */
struct wakeup {
	int fd; /* eventfd(2) */
};

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

static void wakeup_free(void *data)
{
	struct wakeup *w = data;

	close(w->fd);
	free(w);
}

int stream_watch(virStreamPtr stream, const char *failure, int *ret_fd,
		 struct vmctl_error *err)
{
	struct wakeup *w = calloc(1, sizeof(*w));

	if (!w)
		return fail_oom(err);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return fail_sys(err, errno, "cannot make an event counter");
	}
	*ret_fd = w->fd;
	if (virStreamEventAddCallback(stream, VIR_STREAM_EVENT_READABLE,
				      on_stream, w, wakeup_free) < 0) {
		wakeup_free(w);
		return libvirt_fail(err, failure);
	}
	return 0;
}

bool stream_woke(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}
