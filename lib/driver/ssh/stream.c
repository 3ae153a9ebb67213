/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/socket.h>

#include "driver/ssh/relay.h"

/* --- what libssh tells --------------------------------------------------- */

/* What is not taken stays with libssh and keeps the window small. `data` is all
 * that it has, from the first byte that was not taken yet. */
static int on_data(ssh_session session, ssh_channel channel, void *data,
		   uint32_t len, int is_stderr, void *userdata)
{
	struct stream *s = userdata;
	struct outflow *o = is_stderr ? &s->err : &s->out;
	size_t pending = outflow_pending(o);
	size_t room = pending < BACKLOG_MAX ? BACKLOG_MAX - pending : 0;
	size_t take = o->fd < 0 || len < room ? len : room;

	if (!outflow_add(o, data, take))
		s->relay->oom = true;
	s->held[is_stderr != 0] = len - take;
	if (s->kind == STREAM_SESSION)
		s->relay->got[is_stderr != 0] += (int64_t)take;
	return (int)take;
}

static void on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	((struct stream *)userdata)->eof = true;
}

static void on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	struct stream *s = userdata;

	s->eof = s->closed = true;
}

/* --- life ---------------------------------------------------------------- */

struct stream *stream_new(struct relay *x, enum stream_kind kind,
			  ssh_channel channel, int socket)
{
	struct stream *s = calloc(1, sizeof(*s)), **at = &x->streams;

	if (!s)
		return NULL;
	s->relay = x;
	s->kind = kind;
	s->channel = channel;
	s->in = socket;
	s->at_in = s->at_out = s->at_err = -1;
	outflow_init(&s->out, socket);
	outflow_init(&s->err, -1);
	s->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = s,
		.channel_data_function = on_data,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
	};
	ssh_callbacks_init(&s->callbacks);
	ssh_add_channel_callbacks(channel, &s->callbacks);
	while (*at)
		at = &(*at)->next;
	*at = s;
	x->stream_count++;
	x->agent_count += kind == STREAM_AGENT;
	return s;
}

/* What still comes for the channel must find no callbacks, as libssh keeps it
 * until the other side has closed it too. */
static void let_go(struct stream *s)
{
	ssh_remove_channel_callbacks(s->channel, &s->callbacks);
	if (s->open) {
		/* The first call may only get as far as the end of file. */
		if (ssh_channel_close(s->channel) == SSH_AGAIN)
			(void)ssh_channel_close(s->channel);
	} else if (!s->over) {
		/* Not decided yet. An answer for a channel that is no more
		 * would be the end of the connection, so it stays: ssh_free()
		 * takes it. */
		return;
	}
	ssh_channel_free(s->channel);
}

void stream_free(struct stream *s)
{
	let_go(s);
	s->relay->stream_count--;
	s->relay->agent_count -= s->kind == STREAM_AGENT;
	if (s->kind != STREAM_SESSION && s->in >= 0)
		close(s->in);
	outflow_done(&s->out);
	outflow_done(&s->err);
	explicit_bzero(s->input, sizeof(s->input));
	free(s);
}

void streams_sweep(struct relay *x)
{
	for (struct stream **at = &x->streams; *at;) {
		struct stream *s = *at;

		if (!s->over) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		stream_free(s);
	}
}

/* --- from here to there -------------------------------------------------- */

bool write_pending(const struct relay *x)
{
	return ssh_get_status(x->conn->session) & SSH_WRITE_PENDING;
}

/* Passes on what was read, as far as the other side's window goes, and then the
 * end. */
static void feed(struct stream *s)
{
	while (s->in_off < s->in_len && !s->closed &&
	       !write_pending(s->relay)) {
		uint32_t window = ssh_channel_window_size(s->channel);
		size_t n = s->in_len - s->in_off;
		int done;

		if (window == 0)
			return;
		done = ssh_channel_write(s->channel, s->input + s->in_off,
					 n < window ? (uint32_t)n : window);
		if (done < 0) { /* it reads no more; what it says counts */
			s->in_off = s->in_len;
			s->in_eof = s->eof_sent = true;
			return;
		}
		if (done == 0)
			return;
		s->in_off += (size_t)done;
		if (s->kind == STREAM_SESSION)
			s->relay->sent += done;
	}
	if (s->in_eof && s->in_off == s->in_len && !s->eof_sent && !s->closed) {
		(void)ssh_channel_send_eof(s->channel);
		s->eof_sent = true;
	}
}

static void take_input(struct stream *s)
{
	ssize_t n;

	/* Others of this round may have filled the connection. */
	if (write_pending(s->relay))
		return;
	n = read(s->in, s->input, sizeof(s->input));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) { /* reset: nobody is there to read either */
		s->over = true;
		return;
	}
	s->in_eof = n == 0;
	s->in_off = 0;
	s->in_len = (size_t)n;
}

/* --- from there to here -------------------------------------------------- */

size_t stream_pending(const struct stream *s)
{
	return outflow_pending(&s->out) + outflow_pending(&s->err) +
	       s->held[0] + s->held[1];
}

bool stream_drained(const struct stream *s)
{
	return stream_pending(s) == 0;
}

/* Takes over what libssh held back, now that there is room. All of it at once:
 * libssh 0.10 opens the window again for each bit that is
 * read, whatever it holds still. */
static void drain_one(struct stream *s, int which)
{
	struct outflow *o = which ? &s->err : &s->out;
	char bytes[INPUT_MAX];

	if (outflow_pending(o) >= BACKLOG_MAX / 2)
		return;
	while (s->held[which] > 0) {
		size_t want = s->held[which] < sizeof(bytes) ? s->held[which]
							     : sizeof(bytes);
		int n = ssh_channel_read_nonblocking(s->channel, bytes,
						     (uint32_t)want, which);

		if (n <= 0) { /* the connection broke */
			s->held[which] = 0;
			return;
		}
		s->held[which] -= (size_t)n;
		if (s->kind == STREAM_SESSION)
			s->relay->got[which] += n;
		if (!outflow_add(o, bytes, (size_t)n)) {
			s->relay->oom = true;
			return;
		}
	}
}

/* --- one round ----------------------------------------------------------- */

void stream_watch(struct stream *s, bool may_read)
{
	s->at_in = s->at_out = s->at_err = -1;
	if (may_read && s->open && !s->closed && !s->in_eof &&
	    s->in_off == s->in_len && !write_pending(s->relay) &&
	    ssh_channel_window_size(s->channel) > 0)
		s->at_in = relay_watch(s->relay, s->in, POLLIN);
	if (outflow_pending(&s->out) > 0)
		s->at_out = relay_watch(s->relay, s->out.fd, POLLOUT);
	if (outflow_pending(&s->err) > 0)
		s->at_err = relay_watch(s->relay, s->err.fd, POLLOUT);
}

void stream_handle(struct stream *s)
{
	const struct relay *x = s->relay;

	if (!s->open || s->over)
		return;
	if (relay_seen(x, s->at_in))
		take_input(s);
	if (relay_seen(x, s->at_out) && outflow_write(&s->out, NULL) < 0)
		s->over = true;
}

void stream_settle(struct stream *s)
{
	if (!s->open || s->over)
		return;
	drain_one(s, 0);
	drain_one(s, 1);
	if (!s->relay->broken)
		feed(s);
	if (s->kind == STREAM_SESSION)
		return;
	if (s->eof && stream_drained(s) && !s->shut) {
		(void)shutdown(s->in, SHUT_WR);
		s->shut = true;
	}
	s->over = s->shut && (s->closed || s->eof_sent);
}
