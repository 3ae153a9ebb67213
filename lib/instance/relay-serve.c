/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/socket-at.h"
#include "driver/hostport.h"
#include "instance/relay-loop.h"

/* What the relay is told to do. */

/* --- ports ---------------------------------------------------------------- */

static struct relay_port *find(const struct relay *r,
			       const struct hv_forward *fwd)
{
	for (struct relay_port *p = r->ports; p; p = p->next)
		if (!p->dead && p->forward.udp == fwd->udp &&
		    p->forward.host_port == fwd->host_port &&
		    str_eq(p->forward.host_addr, fwd->host_addr))
			return p;
	return NULL;
}

static void port_done(struct relay_port *p)
{
	watch_close(&p->watch);
	free(p);
}

static int add(struct relay *r, const struct hv_forward *fwd,
	       struct vmctl_error *err)
{
	struct relay_port *p, **last = &r->ports;
	int fd, res;

	if (find(r, fwd))
		return fail(err, VMCTL_EXISTS, 0,
			    "port %d of %s is forwarded already",
			    fwd->host_port, fwd->host_addr);
	if (r->port_count >= VMCTL_PORTS_MAX)
		return fail(err, VMCTL_LIMIT, 0,
			    "more than %d ports cannot be forwarded",
			    VMCTL_PORTS_MAX);
	res = hostport_open(fwd->udp, fwd->host_addr, fwd->host_port, &fd, err);
	if (res < 0)
		return res;
	p = calloc(1, sizeof(*p));
	if (!p) {
		close(fd);
		return fail_oom(err);
	}
	*p = (struct relay_port){
		.forward = *fwd,
		.watch = { .fd = fd,
			   .ready = fwd->udp ? udp_take : tcp_accept,
			   .owner = p },
	};
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	if ((fwd->udp && !udp_begin(p)) ||
	    !watch_set(r, &p->watch, r->full && !fwd->udp ? 0 : EPOLLIN)) {
		port_done(p);
		return fail_sys(err, errno, "port %d cannot be watched",
				fwd->host_port);
	}
	while (*last)
		last = &(*last)->next;
	*last = p;
	r->port_count++;
	return 0;
}

static void drop(struct relay *r, struct relay_port *p)
{
	udp_forget(r, p);
	watch_close(&p->watch);
	p->dead = true;
	r->port_count--;
}

static int remove_port(struct relay *r, const struct hv_forward *fwd,
		       struct vmctl_error *err)
{
	struct relay_port *p = find(r, fwd);

	if (!p)
		return fail(err, VMCTL_NOT_FOUND, 0,
			    "port %d of %s is not forwarded", fwd->host_port,
			    fwd->host_addr);
	drop(r, p);
	return 0;
}

void ports_close(struct relay *r)
{
	for (struct relay_port *p = r->ports; p; p = p->next)
		watch_close(&p->watch);
}

void ports_sweep(struct relay *r)
{
	for (struct relay_port **at = &r->ports; *at;) {
		struct relay_port *p = *at;

		if (!p->dead) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		port_done(p);
	}
}

/* --- who speaks to it ----------------------------------------------------- */

/* What is connected stays with the address that it has. */
static void learn(struct relay *r, const char *guest)
{
	struct in_addr a;

	if (inet_pton(AF_INET, guest, &a) != 1 || a.s_addr == r->guest.s_addr)
		return;
	r->guest = a;
	udp_forget(r, NULL);
}

static void reply(const struct relay *r, int fd, int res,
		  const struct vmctl_error *err)
{
	static struct relay_reply a;

	/* Piece by piece: what is behind a text is nobody's business. */
	memset(&a, 0, sizeof(a));
	a.magic = RELAY_MAGIC;
	a.r = res;
	a.error.code = err->code;
	a.error.sys_errno = err->sys_errno;
	snprintf(a.error.message, sizeof(a.error.message), "%s", err->message);
	snprintf(a.error.hint, sizeof(a.error.hint), "%s", err->hint);
	for (const struct relay_port *p = r->ports; p; p = p->next)
		if (!p->dead)
			a.forwards[a.count++] = p->forward;
	(void)send(fd, &a,
		   offsetof(struct relay_reply, forwards) +
			   a.count * sizeof(a.forwards[0]),
		   MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* false: it is of another version. */
static bool is_ours(const struct relay_request *q, ssize_t n)
{
	return n == (ssize_t)sizeof(*q) && q->magic == RELAY_MAGIC &&
	       q->size == sizeof(*q) &&
	       strncmp(q->version, VMCTL_VERSION, sizeof(q->version)) == 0 &&
	       memchr(q->guest, 0, sizeof(q->guest)) &&
	       memchr(q->forward.host_addr, 0, sizeof(q->forward.host_addr)) &&
	       q->verb != RELAY_END;
}

static void serve(struct relay *r, struct watch *w, uint32_t seen)
{
	struct vmctl_error err = { 0 };
	struct relay_request q;
	int res = 0;
	ssize_t n = recv(w->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		watch_close(w);
		return;
	}
	if (!is_ours(&q, n)) {
		r->ending = true;
		return;
	}
	learn(r, q.guest);
	if (q.verb == RELAY_ADD)
		res = add(r, &q.forward, &err);
	else if (q.verb == RELAY_REMOVE)
		res = remove_port(r, &q.forward, &err);
	reply(r, w->fd, res, &err);
}

/* Nobody has anything to say for long: the one that came first makes room. */
static struct relay_client *place(struct relay *r)
{
	struct relay_client *first = &r->clients[0];

	for (int i = 0; i < RELAY_CLIENTS; i++) {
		struct relay_client *c = &r->clients[i];

		if (c->watch.fd < 0)
			return c;
		if (c->since < first->since)
			first = c;
	}
	watch_close(&first->watch);
	return first;
}

void serve_welcome(struct relay *r, struct watch *w, uint32_t seen)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
	struct relay_client *c;

	if (fd < 0)
		return;
	if (!socket_is_own(fd)) {
		close(fd);
		return;
	}
	c = place(r);
	*c = (struct relay_client){ { .fd = fd, .ready = serve },
				    clock_mono_ms() };
	if (!watch_set(r, &c->watch, EPOLLIN))
		watch_close(&c->watch);
}

bool serve_is_busy(const struct relay *r)
{
	for (int i = 0; i < RELAY_CLIENTS; i++)
		if (r->clients[i].watch.fd >= 0)
			return true;
	return false;
}

void serve_begin(struct relay *r)
{
	for (int i = 0; i < RELAY_CLIENTS; i++)
		r->clients[i].watch.fd = -1;
}
