/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_RELAY_LOOP_H
#define INSTANCE_RELAY_LOOP_H

#include <netinet/in.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "instance/relay.h"

/*
 * The inside of the relay: one thread, one epoll set, nothing that waits.
 * Whatever has a descriptor is told when that is ready. It may be told once
 * more after it was closed, so nothing is freed before all of a round are.
 */

#define RELAY_BUFFER 16384     /* bytes held in each direction */
#define RELAY_CONNECTIONS 1000 /* at once; more wait to be accepted */
#define RELAY_PEERS 256	       /* of UDP; the one silent for longest goes */
#define RELAY_PEER_MS 240000   /* of silence, as in QEMU's own network */
#define RELAY_CONNECT_MS 10000 /* the guest has to answer in */
#define RELAY_CLIENTS 16       /* that speak to it */
#define RELAY_ROUNDS 8	       /* buffers or datagrams at a time */

struct relay;

struct watch {
	int fd; /* -1: closed */
	uint32_t events;
	bool added;	/* to the epoll set */
	bool forgotten; /* watch_forget() */
	void (*ready)(struct relay *r, struct watch *w, uint32_t seen);
	void *owner;
};

/* Who speaks to it. */
struct relay_client {
	struct watch watch;
	int64_t since;
};

/* Where it listens. */
struct relay_port {
	struct relay_port *next;
	struct hv_forward forward;
	struct watch watch;
	bool dead;
};

struct relay {
	struct relay_start *start;
	int epoll;
	struct in_addr guest; /* 0.0.0.0: not known */
	struct relay_port *ports;
	size_t port_count;
	struct relay_conn *conns;
	size_t conn_count, conn_max;
	bool full;	   /* no connection is accepted now */
	int64_t accept_at; /* … before then */
	struct relay_peer *peers;
	size_t peer_count;
	struct relay_client clients[RELAY_CLIENTS];
	bool ending;
};

/* --- relay-process.c ------------------------------------------------------ */

/* Says what is waited for of it; 0: nothing but its failure. false: it cannot
 * be watched. */
bool watch_set(struct relay *r, struct watch *w, uint32_t events);
/* Of that too it is not told any more, until it is set again. */
void watch_forget(struct relay *r, struct watch *w);
void watch_close(struct watch *w);

/* Where the guest is, for that port. false: it is not known. */
bool relay_guest(const struct relay *r, const struct relay_port *port,
		 struct sockaddr_in *ret);

/* --- relay-serve.c -------------------------------------------------------- */

void serve_begin(struct relay *r);
void serve_welcome(struct relay *r, struct watch *w, uint32_t seen);
bool serve_is_busy(const struct relay *r);
void ports_close(struct relay *r);
void ports_sweep(struct relay *r);

/* --- relay-tcp.c ---------------------------------------------------------- */

void tcp_accept(struct relay *r, struct watch *w, uint32_t seen);
/* Accepts again when there is room, or none any more when there is not. */
void tcp_admit(struct relay *r, int64_t now);
void tcp_look(struct relay *r, int64_t now); /* once a second */
void tcp_sweep(struct relay *r);	     /* frees the dead */
void tcp_end(struct relay *r);

/* --- relay-udp.c ---------------------------------------------------------- */

bool udp_begin(struct relay_port *port);
void udp_take(struct relay *r, struct watch *w, uint32_t seen);
/* Forgets all that came by this port, or by any for NULL. */
void udp_forget(struct relay *r, const struct relay_port *port);
void udp_look(struct relay *r, int64_t now);
void udp_sweep(struct relay *r);

#endif
