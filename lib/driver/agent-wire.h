/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_AGENT_WIRE_H
#define DRIVER_AGENT_WIRE_H

#include "base/str.h"
#include "driver/agent-protocol.h"
#include "driver/agent.h"

/* Within agent*.c: frames over the socket. */

#define AGENT_ID_MAX 0x00fe0000 /* see agent-wire.c */
#define AGENT_SLICE_MS 100 /* how late a cancellation may be seen */

struct agent_conn {
	int fd;
	struct agent_info info;
	uint32_t last_id;
	unsigned char nonce[AGENT_NONCE_SIZE];
	unsigned char in[2 * 32768];
	size_t in_off, in_len; /* off..len are not dealt with yet */
	struct str out;
	size_t out_off; /* out_off.. are still to be sent */
	bool ended;	/* by the other side, or with an error */
	int64_t heard;	/* when something last came */
};

struct agent_frame {
	enum agent_type type;
	uint32_t id;
	const unsigned char *p; /* valid until the next agent_wire_read() */
	size_t n;
};

/* Puts a frame into the outgoing bytes, or several where the payload is too long
 * or holds the mark. */
int agent_wire_put(struct agent_conn *c, enum agent_type type, uint32_t id,
	     const void *bytes, size_t n, struct vmctl_error *err);
int agent_wire_put_request(struct agent_conn *c, uint32_t id, const void *bytes,
		     size_t n, struct vmctl_error *err);

size_t agent_wire_pending(const struct agent_conn *c);

/* What goes without waiting. The end of the connection is noted in c->ended. */
void agent_wire_write(struct agent_conn *c);
void agent_wire_read(struct agent_conn *c);

/* The next frame: 1, or 0 when there is none whole. VMCTL_TRANSPORT. */
int agent_wire_next(struct agent_conn *c, struct agent_frame *ret,
	      struct vmctl_error *err);

/* How long the next piece of `n` bytes may be so that no mark is sent. */
size_t agent_wire_piece(const unsigned char *bytes, size_t n, size_t max);

/* agent-request.c: a request as it goes into AGENT_EXEC. VMCTL_UNSUPPORTED when
 * it is too long. */
int agent_request(const struct agent_exec *what, struct str *ret,
		  struct vmctl_error *err);

#endif
