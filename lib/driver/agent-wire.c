/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/agent-wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"

/*
 * No mark is sent but in front of a HELLO. A header cannot hold more of it than
 * its last byte (a length whose low byte is that), as lengths and numbers are
 * small; so no payload may hold the fifteen others.
 */
#define MARK_BODY (AGENT_MARK_SIZE - 1)

#define AGAIN_MS 1000 /* a HELLO may be lost while the agent is restarted */

size_t agent_wire_piece(const unsigned char *bytes, size_t n, size_t max)
{
	if (n > max)
		n = max;
	const unsigned char *mark = memmem(bytes, n, AGENT_MARK, MARK_BODY);
	return mark ? (size_t)(mark - bytes) + MARK_BODY / 2 : n;
}

static void put(struct agent_conn *c, enum agent_type type, uint32_t id,
		const char *head, size_t head_n, const void *bytes, size_t n)
{
	unsigned char header[AGENT_HEADER];

	if (c->out_off == c->out.len)
		c->out.len = c->out_off = 0;
	agent_put_header(header, head_n + n, type, id);
	str_addn(&c->out, header, sizeof(header));
	str_addn(&c->out, head, head_n);
	str_addn(&c->out, bytes, n);
}

int agent_wire_put(struct agent_conn *c, enum agent_type type, uint32_t id,
		   const void *bytes, size_t n, struct vmctl_error *err)
{
	const unsigned char *p = bytes;

	do {
		size_t piece =
			n ? agent_wire_piece(p, n, AGENT_PAYLOAD_MAX) : 0;

		put(c, type, id, "", 0, p, piece);
		p += piece;
		n -= piece;
	} while (n);
	return str_check(&c->out, err);
}

int agent_wire_put_request(struct agent_conn *c, uint32_t id, const void *bytes,
			   size_t n, struct vmctl_error *err)
{
	const unsigned char *p = bytes;

	do {
		size_t piece = agent_wire_piece(p, n, AGENT_PAYLOAD_MAX - 1);
		const char last = piece == n;

		put(c, AGENT_EXEC, id, &last, 1, p, piece);
		p += piece;
		n -= piece;
	} while (n);
	return str_check(&c->out, err);
}

size_t agent_wire_pending(const struct agent_conn *c)
{
	return c->out.len - c->out_off;
}

void agent_wire_write(struct agent_conn *c)
{
	while (agent_wire_pending(c) && !c->ended) {
		ssize_t n = send(c->fd, c->out.p + c->out_off,
				 agent_wire_pending(c),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			c->ended = true;
		else
			c->out_off += (size_t)n;
	}
}

void agent_wire_read(struct agent_conn *c)
{
	ssize_t n;

	if (c->in_off) {
		memmove(c->in, c->in + c->in_off, c->in_len - c->in_off);
		c->in_len -= c->in_off;
		c->in_off = 0;
	}
	do {
		n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
			 MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->in_len += (size_t)n;
		c->heard = clock_mono_ms();
	} else if (n == 0 || errno != EAGAIN) {
		c->ended = true;
	}
}

int agent_wire_next(struct agent_conn *c, struct agent_frame *ret,
		    struct vmctl_error *err)
{
	const unsigned char *p = c->in + c->in_off;
	size_t left = c->in_len - c->in_off, n;

	if (left < AGENT_HEADER)
		return 0;
	n = agent_get32(p);
	if (n > AGENT_PAYLOAD_MAX)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the agent in the guest sent what is no frame");
	if (left < AGENT_HEADER + n)
		return 0;
	*ret = (struct agent_frame){ (enum agent_type)p[4],
				     (uint32_t)agent_get32(p + 5),
				     p + AGENT_HEADER, n };
	c->in_off += AGENT_HEADER + n;
	return 1;
}

/* --- the beginning ----------------------------------------------------------
 */

static int put_hello(struct agent_conn *c, struct vmctl_error *err)
{
	unsigned char hello[1 + AGENT_NONCE_SIZE] = { AGENT_PROTOCOL };

	memcpy(hello + 1, c->nonce, AGENT_NONCE_SIZE);
	str_addn(&c->out, AGENT_MARK, AGENT_MARK_SIZE);
	put(c, AGENT_HELLO, 0, "", 0, hello, sizeof(hello));
	return str_check(&c->out, err);
}

static void copy_text(char *to, size_t size, const unsigned char **p, size_t *n)
{
	const unsigned char *end = memchr(*p, '\n', *n);
	size_t len = end ? (size_t)(end - *p) : *n;
	size_t kept = len < size ? len : size - 1;

	memcpy(to, *p, kept);
	to[kept] = '\0';
	len += end != NULL;
	*p += len;
	*n -= len;
}

static int read_hello(struct agent_conn *c, const struct agent_frame *f,
		      struct vmctl_error *err)
{
	const size_t fixed = 1 + AGENT_NONCE_SIZE + 4;
	const unsigned char *p = f->p + fixed;
	size_t n = f->n - fixed;

	if (f->p[0] != AGENT_PROTOCOL)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the agent in the guest speaks version %d of the "
			    "protocol, not %d",
			    f->p[0], AGENT_PROTOCOL);
	c->info.generation = (uint32_t)agent_get32(p - 4);
	copy_text(c->info.version, sizeof(c->info.version), &p, &n);
	copy_text(c->info.boot_id, sizeof(c->info.boot_id), &p, &n);
	return 1;
}

/* 1: answered. What comes before the mark and our nonce was for another. */
static int find_answer(struct agent_conn *c, struct vmctl_error *err)
{
	struct agent_frame f;

	for (;;) {
		size_t left = c->in_len - c->in_off;
		unsigned char *at = memmem(c->in + c->in_off, left, AGENT_MARK,
					   AGENT_MARK_SIZE);
		if (!at) {
			if (left >= AGENT_MARK_SIZE)
				c->in_off = c->in_len - AGENT_MARK_SIZE + 1;
			return 0;
		}
		size_t mark = (size_t)(at - c->in);
		c->in_off = mark + AGENT_MARK_SIZE;
		int r = agent_wire_next(c, &f, NULL);
		if (r == 0) {
			c->in_off = mark; /* when there is more */
			return 0;
		}
		if (r > 0 && f.type == AGENT_HELLO &&
		    f.n >= 1 + AGENT_NONCE_SIZE + 4 &&
		    memcmp(f.p + 1, c->nonce, AGENT_NONCE_SIZE) == 0)
			return read_hello(c, &f, err);
		c->in_off = mark + 1;
	}
}

static int greet(struct agent_conn *c, long timeout_ms, const struct events *ev,
		 struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms(), said = -1;
	int r;

	for (;;) {
		int64_t now = clock_mono_ms();

		if (now - begun >= timeout_ms)
			return fail(err, VMCTL_UNSUPPORTED, 0,
				    "the agent in the guest does not answer");
		if (cancelled(ev))
			return fail_cancelled(err);
		if (c->ended)
			return fail(err, VMCTL_UNSUPPORTED, 0,
				    "the channel to the agent was closed");
		if (said < 0 ||
		    (now - said >= AGAIN_MS && !agent_wire_pending(c))) {
			r = put_hello(c, err);
			if (r < 0)
				return r;
			said = now;
		}
		agent_wire_write(c);
		struct pollfd p = {
			c->fd, POLLIN | (agent_wire_pending(c) ? POLLOUT : 0), 0
		};
		if (poll(&p, 1, AGENT_SLICE_MS) <= 0)
			continue;
		agent_wire_read(c);
		r = find_answer(c, err);
		if (r)
			return r < 0 ? r : 0;
	}
}

int agent_connect(int fd, long timeout_ms, const struct events *ev,
		  struct agent_conn **ret, struct vmctl_error *err)
{
	struct agent_conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fail_oom(err);
	c->fd = fd;
	c->heard = clock_mono_ms();
	r = random_bytes(c->nonce, sizeof(c->nonce), err);
	if (r == 0)
		r = greet(c, timeout_ms, ev, err);
	if (r < 0)
		agent_close(c);
	else
		*ret = c;
	return r;
}

void agent_close(struct agent_conn *conn)
{
	if (!conn)
		return;
	str_done(&conn->out);
	free(conn);
}

const struct agent_info *agent_info(const struct agent_conn *conn)
{
	return &conn->info;
}
