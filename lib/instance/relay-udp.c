/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "instance/relay-loop.h"

/* Datagrams. Each sender has a socket of its own towards the guest, by which
 * the answers find the way back. */

struct relay_peer {
	struct relay_peer *next;
	struct watch guest;
	struct relay_port *port;
	struct sockaddr_in who;
	struct in_addr here; /* where it sent to: answers come from there */
	int64_t used;
};

/* One at a time, and never a part of one. */
static char datagram[65536];

union control {
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct cmsghdr align;
};

bool udp_begin(struct relay_port *port)
{
	const int on = 1;

	return setsockopt(port->watch.fd, IPPROTO_IP, IP_PKTINFO, &on,
			  sizeof(on)) == 0;
}

static void let_go(struct relay_peer *p)
{
	watch_close(&p->guest);
}

static bool is_dead(const struct relay_peer *p)
{
	return p->guest.fd < 0;
}

/* --- from the guest ------------------------------------------------------- */

static void answer(struct relay_peer *p, size_t n)
{
	union control control = { 0 };
	struct iovec part = { datagram, n };
	struct msghdr m = { .msg_name = &p->who,
			    .msg_namelen = sizeof(p->who),
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	const struct in_pktinfo from = { .ipi_spec_dst = p->here };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	(void)sendmsg(p->port->watch.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* That the guest refuses one is told by an error, which is taken so and means
 * nothing for the next. */
static void ready(struct relay *r, struct watch *w, uint32_t seen)
{
	struct relay_peer *p = w->owner;

	for (int i = 0; i < RELAY_ROUNDS && !is_dead(p); i++) {
		ssize_t n =
			recv(w->fd, datagram, sizeof(datagram), MSG_DONTWAIT);

		if (n < 0)
			return;
		p->used = clock_mono_ms();
		answer(p, (size_t)n);
	}
}

/* --- to the guest --------------------------------------------------------- */

static struct relay_peer *find(const struct relay *r,
			       const struct relay_port *port,
			       const struct sockaddr_in *who,
			       struct in_addr here)
{
	for (struct relay_peer *p = r->peers; p; p = p->next)
		if (!is_dead(p) && p->port == port &&
		    p->who.sin_port == who->sin_port &&
		    p->who.sin_addr.s_addr == who->sin_addr.s_addr &&
		    p->here.s_addr == here.s_addr)
			return p;
	return NULL;
}

static void make_room(struct relay *r)
{
	struct relay_peer *oldest = NULL;
	size_t n = 0;

	for (struct relay_peer *p = r->peers; p; p = p->next) {
		if (is_dead(p))
			continue;
		n++;
		if (!oldest || p->used < oldest->used)
			oldest = p;
	}
	if (n >= RELAY_PEERS)
		let_go(oldest);
}

static struct relay_peer *make(struct relay *r, struct relay_port *port,
			       const struct sockaddr_in *who,
			       struct in_addr here)
{
	struct sockaddr_in a;
	struct relay_peer *p;

	if (!relay_guest(r, port, &a))
		return NULL;
	make_room(r);
	auto_close int fd =
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct relay_peer){
		.next = r->peers,
		.guest = { .fd = take_fd(&fd), .ready = ready, .owner = p },
		.port = port,
		.who = *who,
		.here = here
	};
	r->peers = p;
	r->peer_count++;
	if (!watch_set(r, &p->guest, EPOLLIN))
		let_go(p);
	return is_dead(p) ? NULL : p;
}

static struct in_addr sent_to(struct msghdr *m)
{
	struct in_pktinfo info = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
	return info.ipi_spec_dst;
}

/* -1: there is none now. */
static ssize_t take_one(int fd, struct sockaddr_in *who, struct in_addr *here)
{
	union control control = { 0 };
	struct iovec part = { datagram, sizeof(datagram) };
	struct msghdr m = { .msg_name = who,
			    .msg_namelen = sizeof(*who),
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n >= 0)
		*here = sent_to(&m);
	return n;
}

/* That the one before was refused is told first. */
static void give(int fd, size_t n)
{
	for (int i = 0; i < 2; i++)
		if (send(fd, datagram, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
		    errno != ECONNREFUSED)
			return;
}

void udp_take(struct relay *r, struct watch *w, uint32_t seen)
{
	struct relay_port *port = w->owner;

	for (int i = 0; i < RELAY_ROUNDS; i++) {
		struct sockaddr_in who = { 0 };
		struct in_addr here = { 0 };
		ssize_t n = take_one(w->fd, &who, &here);
		struct relay_peer *p;

		if (n < 0)
			return;
		p = find(r, port, &who, here);
		if (!p)
			p = make(r, port, &who, here);
		if (!p)
			continue;
		p->used = clock_mono_ms();
		give(p->guest.fd, (size_t)n);
	}
}

/* --- going ---------------------------------------------------------------- */

void udp_forget(struct relay *r, const struct relay_port *port)
{
	for (struct relay_peer *p = r->peers; p; p = p->next)
		if (!port || p->port == port)
			let_go(p);
}

void udp_look(struct relay *r, int64_t now)
{
	for (struct relay_peer *p = r->peers; p; p = p->next)
		if (!is_dead(p) && now - p->used > RELAY_PEER_MS)
			let_go(p);
}

void udp_sweep(struct relay *r)
{
	for (struct relay_peer **at = &r->peers; *at;) {
		struct relay_peer *p = *at;

		if (!is_dead(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		r->peer_count--;
		free(p);
	}
}
