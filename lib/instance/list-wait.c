/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>

#include "base/clock.h"
#include "instance/instance.h"

/* A signal that comes between a look at cancelled() and poll(2) is seen so much
 * later. */
#define SLICE_MS 500

/* Whether this is when it begins to be listened to. */
static bool listen_to(const struct vmctl *ctx, struct link *link)
{
	int fd;

	if (!link->hv || link->why.code || link->events)
		return false;
	if (ctx->hv_ops->watch(link->hv, &fd, NULL) < 0)
		return false; /* asked again next time: it costs nothing */
	link->events = fd + 1;
	return true;
}

/* Which change it was does not matter: all is looked at again. */
static bool take_changes(const struct vmctl *ctx, const struct link *link)
{
	struct hv_change unused;
	bool any = false;

	while (link->events && ctx->hv_ops->change(link->hv, &unused))
		any = true;
	return any;
}

int vmctl_instance_list_wait(struct vmctl *ctx, const int *fds, size_t n,
			     long timeout_ms, struct vmctl_error *err)
{
	int64_t left, deadline = clock_mono_ms() + timeout_ms;
	auto_free struct pollfd *polls =
		calloc(n + ARRAY_LEN(ctx->links), sizeof(*polls));
	nfds_t count = 0;
	bool any = false, stop = false;

	if (!polls)
		return fail_oom(err);
	for (size_t i = 0; i < n; i++)
		polls[count++] =
			(struct pollfd){ .fd = fds[i], .events = POLLIN };
	for (size_t i = 0; i < ARRAY_LEN(ctx->links); i++) {
		struct link *link = &ctx->links[i];

		any |= listen_to(ctx, link) | take_changes(ctx, link);
		if (link->events)
			polls[count++] =
				(struct pollfd){ .fd = link->events - 1,
						 .events = POLLIN };
	}
	while (!any && !(stop = cancelled(&ctx->ev)) &&
	       (left = deadline - clock_mono_ms()) > 0)
		any = poll(polls, count,
			   (int)(left < SLICE_MS ? left : SLICE_MS)) != 0;
	for (size_t i = 0; i < ARRAY_LEN(ctx->links); i++)
		take_changes(ctx, &ctx->links[i]);
	return stop ? fail_cancelled(err) : 0;
}
