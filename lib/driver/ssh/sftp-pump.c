/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libssh/server.h> /* ssh_send_keepalive */
#include <poll.h>

#include "base/clock.h"
#include "driver/ssh/sftp.h"

#define UNANSWERED_MAX 3

/* --- what comes in ------------------------------------------------------- */

static void deliver(struct sftp *s)
{
	unsigned char *p = take_ptr(&s->packet);
	struct ticket *t;
	uint32_t id;

	if (!s->ready) {
		s->bad = wire_version(p, s->packet_len, &s->info.features);
		s->ready = !s->bad;
		free(p);
		return;
	}
	if (!wire_id(p, s->packet_len, &id)) {
		s->bad = "an answer is cut off";
		free(p);
		return;
	}
	t = &s->tickets[id % TICKETS];
	if (!t->used || t->done || t->id != id) {
		s->bad = "an answer has no question";
		free(p);
		return;
	}
	if (t->dropped) {
		*t = (struct ticket){ 0 };
		free(p);
		return;
	}
	t->packet = p;
	t->len = s->packet_len;
	t->done = true;
}

/* One byte is left behind the packet, for a NUL. */
static void begin_packet(struct sftp *s)
{
	uint32_t n = (uint32_t)s->head[0] << 24 | (uint32_t)s->head[1] << 16 |
		     (uint32_t)s->head[2] << 8 | s->head[3];

	if (n == 0 || n > PACKET_MAX) {
		/* What a login script prints ends up here. */
		s->bad = "it says something else than sftp";
		return;
	}
	s->packet = malloc((size_t)n + 1);
	if (!s->packet)
		s->bad = "";
	s->packet_len = n;
	s->packet_got = 0;
}

static void take(struct sftp *s, const unsigned char *p, size_t n)
{
	while (n > 0 && !s->bad) {
		size_t part;

		if (!s->packet) {
			s->head[s->head_len++] = *p++;
			n--;
			if (s->head_len == sizeof(s->head)) {
				s->head_len = 0;
				begin_packet(s);
			}
			continue;
		}
		part = s->packet_len - s->packet_got;
		if (part > n)
			part = n;
		memcpy(s->packet + s->packet_got, p, part);
		s->packet_got += (uint32_t)part;
		p += part;
		n -= part;
		if (s->packet_got == s->packet_len)
			deliver(s);
	}
}

static int on_data(ssh_session session, ssh_channel channel, void *data,
		   uint32_t len, int is_stderr, void *userdata)
{
	if (!is_stderr)
		take(userdata, data, len);
	return (int)len;
}

static void on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	((struct sftp *)userdata)->eof = true;
}

static void on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	((struct sftp *)userdata)->closed = true;
}

void pump_callbacks(struct sftp *s)
{
	s->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = s,
		.channel_data_function = on_data,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
	};
	ssh_callbacks_init(&s->callbacks);
	ssh_add_channel_callbacks(s->channel, &s->callbacks);
}

/* --- what goes out ------------------------------------------------------- */

static bool over(const struct sftp *s)
{
	return s->bad || s->eof || s->closed || s->broken;
}

/* libssh takes nothing while keys are exchanged anew, and what it cannot send
 * at once it keeps: no more is given to it then. */
static void feed(struct sftp *s)
{
	while (s->out_off < s->out.len && !over(s) &&
	       !(ssh_get_status(s->conn->session) & SSH_WRITE_PENDING)) {
		uint32_t window = ssh_channel_window_size(s->channel);
		size_t n = s->out.len - s->out_off;
		int done;

		if (window == 0)
			return;
		done = ssh_channel_write(s->channel, s->out.p + s->out_off,
					 n < window ? (uint32_t)n : window);
		if (done < 0)
			s->broken = true;
		if (done <= 0)
			return;
		s->out_off += (size_t)done;
	}
	if (s->out_off == s->out.len)
		s->out.len = s->out_off = 0;
}

void pump_run(struct sftp *s)
{
	feed(s);
	for (int i = 0; i < 64 && !over(s); i++) {
		int rc = ssh_event_dopoll(s->conn->event, 0);

		if (rc == SSH_AGAIN)
			break;
		if (rc == SSH_ERROR || conn_broken(s->conn))
			s->broken = true;
	}
	feed(s);
}

/* --- waiting ------------------------------------------------------------- */

int pump_check(struct sftp *s, struct vmctl_error *err)
{
	if (s->bad && !*s->bad)
		return fail_oom(err);
	if (s->bad)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the sftp server at %s does not keep to the "
			    "protocol: %s",
			    s->conn->peer, s->bad);
	if (s->broken || conn_broken(s->conn))
		return fail_broken(s->conn, err);
	if (s->eof || s->closed)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the sftp server at %s ended", s->conn->peer);
	return 0;
}

static int check_alive(struct sftp *s, int64_t now, struct vmctl_error *err)
{
	if (s->conn->traffic.in_bytes != s->seen) {
		s->seen = s->conn->traffic.in_bytes;
		s->heard = s->asked = now;
		s->unanswered = 0;
		return 0;
	}
	if (!s->conn->keepalive_ms || now - s->asked < s->conn->keepalive_ms)
		return 0;
	if (s->unanswered >= UNANSWERED_MAX)
		return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
			    "%s has not answered for %lld s", s->conn->peer,
			    (long long)(now - s->heard) / 1000);
	/* Twice, as the first call only takes an earlier answer: relay.c. */
	ssh_send_keepalive(s->conn->session);
	ssh_send_keepalive(s->conn->session);
	s->asked = now;
	s->unanswered++;
	return 0;
}

static void choose(const struct sftp *s, struct pollfd *p)
{
	*p = (struct pollfd){ .fd = ssh_get_fd(s->conn->session),
			      .events = POLLIN };
	if (ssh_get_poll_flags(s->conn->session) & SSH_WRITE_PENDING)
		p->events |= POLLOUT;
}

int pump_wait(struct sftp *s, int64_t deadline, const struct events *ev,
	      struct vmctl_error *err)
{
	struct pollfd p[2];
	int64_t now = clock_mono_ms(), ms = WAIT_SLICE_MS;
	struct sftp *pair = s->pair && !over(s->pair) ? s->pair : NULL;
	int r = check_alive(s, now, err);

	if (r < 0)
		return r;
	if (cancelled(ev))
		return fail_cancelled(err);
	if (deadline >= 0 && deadline <= now)
		return fail(err, VMCTL_TIMEOUT, 0, "no answer from %s",
			    s->conn->peer);
	if (deadline >= 0 && deadline - now < ms)
		ms = deadline - now;
	choose(s, &p[0]);
	if (pair)
		choose(pair, &p[1]);
	if (poll(p, pair ? 2 : 1, (int)ms) > 0 && pair && p[1].revents)
		pump_run(pair);
	return 0;
}

int pump_tend(struct sftp *s, struct vmctl_error *err)
{
	int r;

	pump_run(s);
	r = pump_check(s, err);
	return r < 0 ? r : check_alive(s, clock_mono_ms(), err);
}
