/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

void session_init(struct session *s, struct port *p)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	memset(s, 0, sizeof(*s));
	s->port = p;
	n = fd < 0 ? 0 : read(fd, s->boot_id, sizeof(s->boot_id) - 1);
	if (n > 0)
		s->boot_id[strcspn(s->boot_id, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void drop_request(struct session *s)
{
	free(s->request);
	s->request = NULL;
	s->request_len = 0;
	s->request_id = 0;
}

static void session_end(struct session *s)
{
	if (s->open)
		commands_kill_all();
	drop_request(s);
	s->open = false;
	s->look_at = 0;
	port_discard(s->port);
}

/*
 * That a host went or came is told through another queue than what it says, and
 * may be heard later: a port can be hung up for a moment when the HELLO of the
 * next host was read already, and even answered. So it is looked at again. A
 * host that has been replaced meanwhile is ended by the mark of its successor.
 */
#define HANG_UP_MS 200

void session_doubt(struct session *s)
{
	if (s->open && !s->look_at)
		s->look_at = now_ms() + HANG_UP_MS;
}

static void hang_up(struct session *s)
{
	session_end(s);
	s->len = s->scanned = 0;
	port_hang_up(s->port);
}

void session_look(struct session *s)
{
	s->look_at = 0;
	if (port_is_hung_up(s->port))
		hang_up(s);
}

/* --- frames ------------------------------------------------------------------
 */

static bool on_hello(struct session *s, const unsigned char *p, size_t n)
{
	unsigned char answer[1 + AGENT_NONCE_SIZE + 4 + 128];
	const size_t fixed = 1 + AGENT_NONCE_SIZE + 4;
	int text;

	if (n < 1 + AGENT_NONCE_SIZE)
		return false;
	session_end(s); /* another's, whose end nobody saw */
	s->open = true;
	s->generation++;
	answer[0] = AGENT_PROTOCOL;
	memcpy(answer + 1, p + 1, AGENT_NONCE_SIZE);
	agent_put32(answer + 1 + AGENT_NONCE_SIZE, s->generation);
	text = snprintf((char *)answer + fixed, sizeof(answer) - fixed,
			"%s\n%s", VMCTL_VERSION, s->boot_id);
	return port_add_raw(s->port, AGENT_MARK, AGENT_MARK_SIZE) &&
	       port_add(s->port, AGENT_HELLO, 0, answer, fixed + (size_t)text);
}

static bool on_exec(struct session *s, uint32_t id, const unsigned char *p,
		    size_t n)
{
	struct request r;
	unsigned char *grown, *bytes;
	size_t len;

	if (n < 1 || id == 0 || (s->request_id && s->request_id != id) ||
	    s->request_len + n > AGENT_REQUEST_MAX)
		return false;
	/* One byte more, for request_parse(). */
	grown = realloc(s->request, s->request_len + n);
	if (!grown)
		return false;
	memcpy(grown + s->request_len, p + 1, n - 1);
	s->request = grown;
	s->request_id = id;
	s->request_len += n - 1;
	if (!p[0])
		return true;
	bytes = s->request;
	len = s->request_len;
	s->request = NULL;
	drop_request(s);
	if (request_parse(&r, bytes, len)) {
		commands_start(s->port, id, &r);
		return true;
	}
	const unsigned char why[] = "\2the request cannot be read";
	return port_add(s->port, AGENT_FAILED, id, why, sizeof(why) - 1);
}

static bool on_frame(struct session *s, int type, uint32_t id,
		     const unsigned char *p, size_t n)
{
	switch (type) {
	case AGENT_EXEC:
		return on_exec(s, id, p, n);
	case AGENT_STDIN:
		return commands_input(s->port, id, p, n);
	case AGENT_STDIN_EOF:
		return n == 0 && commands_input_eof(id);
	case AGENT_CREDIT:
		return n == 5 &&
		       commands_credit(id, p[0], (uint32_t)agent_get32(p + 1));
	case AGENT_SIGNAL:
		return n == 1 && commands_signal(id, p[0]);
	case AGENT_KILL:
		return n == 0 && commands_kill(id);
	case AGENT_PING:
		return n <= 64 && port_add(s->port, AGENT_PING, id, p, n);
	}
	return false;
}

/* --- bytes
 * --------------------------------------------------------------------- */

static void drop(struct session *s, size_t n)
{
	memmove(s->in, s->in + n, s->len - n);
	s->len -= n;
	s->scanned = s->scanned > n ? s->scanned - n : 0;
}

/* After the mark: true when it was dealt with, false when more has to come. */
static bool take_hello(struct session *s)
{
	const size_t frame = AGENT_HEADER + 1 + AGENT_NONCE_SIZE;
	const unsigned char *p = s->in + AGENT_MARK_SIZE;
	unsigned char *next =
		memmem(s->in + 1, s->len - 1, AGENT_MARK, AGENT_MARK_SIZE);

	if (next) { /* this host went, too */
		drop(s, (size_t)(next - s->in));
		return true;
	}
	if (s->len < AGENT_MARK_SIZE + frame)
		return false;
	if (p[4] == AGENT_HELLO && agent_get32(p) == frame - AGENT_HEADER)
		on_hello(s, p + AGENT_HEADER, frame - AGENT_HEADER);
	drop(s, AGENT_MARK_SIZE + (s->open ? frame : 0));
	return true;
}

static void tell_broken(struct session *s, const char *why)
{
	port_add(s->port, AGENT_FAILED, 0, why, strlen(why));
}

static void broken(struct session *s)
{
	session_end(s);
	tell_broken(s, "\1a frame of the host is wrong");
}

/* Frames from the beginning of `in`, up to `end`. Returns how long they were.
 */
static size_t take_frames(struct session *s, size_t end)
{
	size_t at = 0;

	while (s->open && end - at >= AGENT_HEADER) {
		const unsigned char *p = s->in + at;
		size_t n = agent_get32(p);

		if (n > AGENT_PAYLOAD_MAX) {
			broken(s);
			break;
		}
		if (end - at < AGENT_HEADER + n)
			break;
		if (!on_frame(s, p[4], (uint32_t)agent_get32(p + 5),
			      p + AGENT_HEADER, n))
			broken(s);
		at += AGENT_HEADER + n;
	}
	drop(s, at);
	return at;
}

/* A mark ends what was, wherever it is. What came whole before it was meant;
 * what did not is half a frame of somebody who was killed. */
static void take(struct session *s)
{
	for (;;) {
		unsigned char *found =
			memmem(s->in + s->scanned, s->len - s->scanned,
			       AGENT_MARK, AGENT_MARK_SIZE);
		size_t at = found ? (size_t)(found - s->in) : s->len;

		if (s->open)
			at -= take_frames(s, at);
		if (!found)
			break;
		if (s->open)
			session_end(s);
		drop(s, at);
		s->scanned = 0;
		if (!take_hello(s))
			return;
	}
	s->scanned =
		s->len < AGENT_MARK_SIZE ? 0 : s->len - AGENT_MARK_SIZE + 1;
	/* Nothing but the beginning of a mark is worth keeping. Who means it
	 * for a session is told that there is none. */
	if (!s->open && s->scanned) {
		drop(s, s->scanned);
		if (s->port->out_len == 0)
			tell_broken(s, "\1there is no session");
	}
}

bool session_read(struct session *s)
{
	for (;;) {
		ssize_t n = port_read(s->port, s->in + s->len,
				      sizeof(s->in) - s->len);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n == 0 && s->port->listener < 0) {
			session_doubt(s);
			return true;
		}
		if (n <= 0) {
			hang_up(s);
			return s->port->listener >= 0;
		}
		s->len += (size_t)n;
		take(s);
	}
}
