/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SSH_SFTP_H
#define DRIVER_SSH_SFTP_H

#include "driver/ssh/session.h"

/*
 * SFTP over a channel of libssh, not by libssh's own sftp functions: these
 * wait for each answer in turn, the ones that do not are for reading only
 * before 0.11 (sftp_async_read) and others after it (sftp_aio), and all of
 * them block without looking at deadlines, cancellation or a second
 * connection. The protocol is small; encryption, keys and flow control stay
 * libssh's.
 */

/* Requests under way at once, and answers that were not looked at yet; a
 * ticket's place is its remainder. */
#define TICKETS 1024

/* A request that waits for its reply. */
struct ticket {
	uint32_t id;
	uint32_t want; /* bytes asked for by a READ */
	unsigned char op;
	bool used, done, dropped;
	unsigned char *packet; /* the reply, from its type on */
	uint32_t len;
};

struct sftp {
	struct ssh_conn *conn;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	struct sftp *pair;
	struct sftp_info info;

	struct str out; /* out_off…: not yet given to libssh */
	size_t out_off;

	/* The packet that is coming in. */
	unsigned char head[4];
	size_t head_len;
	unsigned char *packet;
	uint32_t packet_len, packet_got;

	bool ready; /* VERSION came */
	bool eof, closed, broken;
	const char *bad; /* what was wrong with what the server sent */

	uint32_t next; /* multiple of TICKETS */
	uint32_t place; /* where to look for the next free one */
	struct ticket tickets[TICKETS];

	unsigned long long seen; /* bytes received when last looked at */
	int64_t heard, asked;
	int unanswered;
};

/* --- sftp-wire.c --------------------------------------------------------- */

#define PACKET_MAX (512 * 1024)
#define PATH_BYTES_MAX (64 * 1024)

/* Appends a request, complete with its length. Memory: see str_check(). */
void wire_request(struct str *out, const struct sftp_call *call, uint32_t id);
void wire_init(struct str *out);

/* What VERSION says is offered. NULL, or what is wrong with it. */
const char *wire_version(const unsigned char *p, uint32_t n,
			 unsigned *ret_features);

/* The identifier in a reply; false when it is too short for one. */
bool wire_id(const unsigned char *p, uint32_t n, uint32_t *ret);

/* Takes a reply apart. `ret->packet` is the ticket's from then on. NULL, or
 * what is wrong with it; "" when memory is short. */
const char *wire_reply(struct ticket *t, struct sftp_reply *ret);

/* --- sftp.c -------------------------------------------------------------- */

extern const struct sftp_ops sftp_table;

/* --- sftp-pump.c --------------------------------------------------------- */

void pump_callbacks(struct sftp *s);

/* Lets libssh send and receive what goes without waiting. */
void pump_run(struct sftp *s);

/* The failure that ended the session, or 0. */
int pump_check(struct sftp *s, struct vmctl_error *err);

/* Waits until there may be something to do, asking whether the other side is
 * still there. */
int pump_wait(struct sftp *s, int64_t deadline, const struct events *ev,
	      struct vmctl_error *err);

/* See struct sftp_ops. */
int pump_tend(struct sftp *s, struct vmctl_error *err);

#endif
