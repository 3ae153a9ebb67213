/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "instance/waiting.h"

/* What hypervisors report while instances are waited for. */

/* A signal that comes between a look at cancelled() and poll(2) is seen so much
 * later; and so often progress is reported to whom wants it. */
#define SLICE_MS 500
#define PROGRESS_MS 100

static struct wait_link *link_of(const struct waiting *w, const char *uri)
{
	for (size_t i = 0; i < w->link_count; i++)
		if (str_eq(w->links[i].uri, uri))
			return (struct wait_link *)&w->links[i];
	return NULL;
}

void watch_target(struct waiting *w, const struct waited *t)
{
	struct wait_link link = { .uri = t->row->connection, .fd = -1 };

	if (link_of(w, link.uri) || w->link_count == ARRAY_LEN(w->links))
		return;
	/* An engine without events is looked at more often; one that cannot be
	 * reached is found so by the look that follows. */
	if (context_hv(w->ctx, link.uri, &link.ops, &link.hv, NULL) < 0)
		return;
	if (link.ops->watch(link.hv, &link.fd, NULL) < 0)
		link.fd = -1;
	w->links[w->link_count++] = link;
}

bool watch_covers(const struct waiting *w, const struct waited *t)
{
	const struct wait_link *l = link_of(w, t->row->connection);

	return l && l->fd >= 0 && !t->lost;
}

static void apply(struct waiting *w, const struct wait_link *link,
		  const struct hv_change *c)
{
	bool all = c->kind == HV_CHANGE_MISSED || c->kind == HV_CHANGE_LOST;

	for (size_t i = 0; i < w->count; i++) {
		struct waited *t = &w->targets[i];

		if (t->over || !str_eq(t->row->connection, link->uri) ||
		    !(all || str_eq(t->row->uuid, c->uuid)))
			continue;
		if (all || c->kind == HV_CHANGE_STATE)
			t->look_at = 0;
		if (c->kind == HV_CHANGE_STATE && *c->why)
			snprintf(t->ended, sizeof(t->ended), "%s", c->why);
		/* An agent knows addresses. */
		if (all || c->kind == HV_CHANGE_AGENT)
			t->agent_at = t->address_at = 0;
		t->due = 0;
	}
}

void watch_take(struct waiting *w)
{
	for (size_t i = 0; i < w->link_count; i++) {
		struct wait_link *l = &w->links[i];
		struct hv_change c;

		while (l->fd >= 0 && l->ops->change(l->hv, &c))
			apply(w, l, &c);
	}
}

void watch_sleep(struct waiting *w, int64_t until)
{
	size_t most = ARRAY_LEN(w->links) + w->count * SSH_SEARCH_SOCKETS;
	auto_free struct pollfd *fds = calloc(most, sizeof(*fds));
	int64_t left = until - clock_mono_ms();
	nfds_t n = 0;

	for (size_t i = 0; fds && i < w->link_count; i++)
		if (w->links[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = w->links[i].fd,
						    .events = POLLIN };
	for (size_t i = 0; fds && i < w->count; i++)
		if (!w->targets[i].over)
			n += (nfds_t)ssh_search_fds(&w->targets[i].search,
						    &fds[n]);
	long slice = w->ctx->ev.progress ? PROGRESS_MS : SLICE_MS;
	if (left > slice)
		left = slice;
	if (left < 0)
		left = 0;
	if (poll(fds, n, (int)left) <= 0)
		return;
	/* Which target a socket belongs to is not worth keeping. */
	for (size_t i = 0; i < w->count; i++) {
		struct pollfd own[SSH_SEARCH_SOCKETS];
		int m = ssh_search_fds(&w->targets[i].search, own);

		if (m && poll(own, (nfds_t)m, 0) > 0)
			w->targets[i].due = w->targets[i].ssh_at = 0;
	}
}
