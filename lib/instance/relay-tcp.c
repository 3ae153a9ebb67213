/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <netinet/tcp.h>

#include "base/clock.h"
#include "instance/relay-loop.h"

/* Connections: what each end says is passed on to the other, its end too. */

#define PAUSE_MS 1000 /* when there are no descriptors left */
#define ACCEPTS 64    /* at a time */

/* From one end to the other. */
struct flow {
	char bytes[RELAY_BUFFER];
	size_t off, len; /* off..len are still to be sent */
	bool eof;	 /* nothing more will be read */
	bool done;	 /* and all is sent, or nobody takes it */
};

enum { CLIENT, GUEST };

struct relay_conn {
	struct relay_conn *next;
	struct watch ends[2];
	struct flow flows[2]; /* of what each of them says */
	int64_t give_up;      /* the guest has not answered yet; 0: it has */
	bool broken;	      /* one end is gone without saying so */
};

static bool is_dead(const struct relay_conn *c)
{
	return c->ends[CLIENT].fd < 0;
}

/* The other side is told by a reset that this is no proper end. */
static void reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void hang_up(struct relay_conn *c, bool proper)
{
	for (int i = 0; i < 2; i++) {
		if (!proper && c->ends[i].fd >= 0)
			reset(c->ends[i].fd);
		watch_close(&c->ends[i]);
	}
}

/* --- passing on ----------------------------------------------------------- */

static bool later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Whoever is gone without a proper end hears nothing any more either. */
static void lose(struct relay_conn *c, struct flow *hears)
{
	c->broken = hears->done = true;
	hears->off = hears->len = 0;
}

/* false: it goes on when `to` takes more. */
static bool send_some(struct relay_conn *c, struct flow *f, int to)
{
	ssize_t n = send(to, f->bytes + f->off, f->len - f->off,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && later())
		return false;
	if (n < 0) {
		/* What it has said itself before is passed on still. */
		lose(c, f);
		return true;
	}
	f->off += (size_t)n;
	if (f->off == f->len)
		f->off = f->len = 0;
	return true;
}

static bool read_some(struct relay_conn *c, int side)
{
	struct flow *f = &c->flows[side];
	int from = c->ends[side].fd;
	ssize_t n = recv(from, f->bytes, sizeof(f->bytes), MSG_DONTWAIT);

	if (n < 0 && later())
		return false;
	if (n > 0) {
		f->len = (size_t)n;
	} else {
		f->eof = true;
		if (n < 0)
			lose(c, &c->flows[!side]);
	}
	return true;
}

/* As much as goes now, and no more than the others can wait for. The end is
 * passed on where it is read, because epoll reports nothing after it. */
static void pass_on(struct relay_conn *c, int side)
{
	struct flow *f = &c->flows[side];
	int to = c->ends[!side].fd;

	for (int i = 0; i < RELAY_ROUNDS && !f->done; i++) {
		if (!f->len && !read_some(c, side))
			return;
		if (f->len && !send_some(c, f, to))
			return;
		if (!f->len && f->eof && !f->done) {
			f->done = true;
			if (!c->broken)
				shutdown(to, SHUT_WR);
		}
	}
}

static uint32_t wanted(const struct relay_conn *c, int side)
{
	const struct flow *says = &c->flows[side], *hears = &c->flows[!side];

	return (!says->len && !says->eof && !says->done ? EPOLLIN : 0) |
	       (hears->len ? EPOLLOUT : 0);
}

static void go_on(struct relay *r, struct relay_conn *c)
{
	for (int i = 0; i < 2; i++)
		pass_on(c, i);
	if (c->flows[0].done && c->flows[1].done) {
		hang_up(c, !c->broken);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (!watch_set(r, &c->ends[i], wanted(c, i))) {
			hang_up(c, false);
			return;
		}
}

static bool has_answered(const struct watch *w)
{
	socklen_t len = sizeof(int);
	int why = 0;

	return getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &why, &len) == 0 && !why;
}

static void ready(struct relay *r, struct watch *w, uint32_t seen)
{
	struct relay_conn *c = w->owner;

	if (is_dead(c))
		return;
	if (c->give_up) {
		if (w == &c->ends[CLIENT] || !has_answered(w)) {
			hang_up(c, false);
			return;
		}
		c->give_up = 0;
	} else if (!w->events) {
		/* It has ended in both directions, with something of it still
		 * to be passed on: that is told for ever. Or it has failed, and
		 * what is held of it nobody takes. */
		if (seen & EPOLLERR)
			hang_up(c, false);
		else
			watch_forget(r, w);
		return;
	}
	go_on(r, c);
}

/* --- coming and going ----------------------------------------------------- */

static void set_options(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* A connection to the guest under way; -1 when there cannot be one. */
static int call(const struct relay *r, const struct relay_port *port)
{
	struct sockaddr_in a;
	int fd;

	if (!relay_guest(r, port, &a))
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void begin(struct relay *r, const struct relay_port *port, int client)
{
	int guest = call(r, port);
	struct relay_conn *c = guest < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		reset(client);
		close(client);
		if (guest >= 0)
			close(guest);
		return;
	}
	c->ends[CLIENT] =
		(struct watch){ .fd = client, .ready = ready, .owner = c };
	c->ends[GUEST] =
		(struct watch){ .fd = guest, .ready = ready, .owner = c };
	c->give_up = clock_mono_ms() + RELAY_CONNECT_MS;
	c->next = r->conns;
	r->conns = c;
	r->conn_count++;
	set_options(client);
	set_options(guest);
	if (!watch_set(r, &c->ends[CLIENT], 0) ||
	    !watch_set(r, &c->ends[GUEST], EPOLLOUT))
		hang_up(c, false);
}

void tcp_accept(struct relay *r, struct watch *w, uint32_t seen)
{
	const struct relay_port *port = w->owner;

	for (int i = 0; i < ACCEPTS && r->conn_count < r->conn_max; i++) {
		int fd = accept4(w->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				r->accept_at = clock_mono_ms() + PAUSE_MS;
			return;
		}
		begin(r, port, fd);
	}
}

void tcp_admit(struct relay *r, int64_t now)
{
	bool full = r->conn_count >= r->conn_max || now < r->accept_at;

	if (full == r->full)
		return;
	r->full = full;
	for (struct relay_port *p = r->ports; p; p = p->next)
		if (!p->forward.udp && !p->dead)
			watch_set(r, &p->watch, full ? 0 : EPOLLIN);
}

void tcp_look(struct relay *r, int64_t now)
{
	for (struct relay_conn *c = r->conns; c; c = c->next)
		if (!is_dead(c) && c->give_up && now > c->give_up)
			hang_up(c, false);
}

void tcp_sweep(struct relay *r)
{
	for (struct relay_conn **at = &r->conns; *at;) {
		struct relay_conn *c = *at;

		if (!is_dead(c)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		r->conn_count--;
		free(c);
	}
}

void tcp_end(struct relay *r)
{
	for (struct relay_conn *c = r->conns; c; c = c->next)
		hang_up(c, false);
	tcp_sweep(r);
}
