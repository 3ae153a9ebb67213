/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libssh/server.h> /* ssh_send_keepalive */

#include "base/clock.h"
#include "driver/ssh/relay.h"

#define GRACE_MS 5000 /* for a command to be ended */
#define UNANSWERED_MAX 3
#define LOOK_MS 1000 /* between two looks whether the machine still runs */
#define TELL_MS                                                                \
	1000 /* how long forwarded connections are waited for unsaid           \
	      */

/* --- the poll set -------------------------------------------------------- */

int relay_watch(struct relay *x, int fd, short events)
{
	if (x->polled_n == x->polled_cap) {
		size_t cap = x->polled_cap ? x->polled_cap * 2 : 16;
		struct pollfd *grown =
			reallocarray(x->polled, cap, sizeof(*grown));

		if (!grown) {
			x->oom = true;
			return -1;
		}
		x->polled = grown;
		x->polled_cap = cap;
	}
	x->polled[x->polled_n] = (struct pollfd){ .fd = fd, .events = events };
	return (int)x->polled_n++;
}

short relay_seen(const struct relay *x, int place)
{
	return place < 0 ? 0 : x->polled[place].revents;
}

/* So much is held for slow readers that the other side has to wait. */
static bool stalled(const struct relay *x)
{
	for (const struct stream *s = x->streams; s; s = s->next)
		if (stream_pending(s) >= HELD_MAX)
			return true;
	return false;
}

static void choose(struct relay *x, int64_t now)
{
	x->polled_n = 0;
	x->at_conn = x->at_signals = -1;
	if (!x->broken && !stalled(x)) {
		short events = POLLIN;

		if (write_pending(x))
			events |= POLLOUT;
		x->at_conn =
			relay_watch(x, ssh_get_fd(x->conn->session), events);
	}
	if (x->tty)
		x->at_signals = relay_watch(x, x->tty->signals[0], POLLIN);
	for (struct stream *s = x->streams; s; s = s->next)
		stream_watch(s, !x->broken && (s != x->session ||
					       session_may_read(x, now)));
	forwards_watch(x, now);
}

/* --- time ---------------------------------------------------------------- */

static int fail_silent(const struct relay *x, int64_t now,
		       struct vmctl_error *err)
{
	return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
		    "%s has not answered for %lld s", x->conn->peer,
		    (long long)(now - x->heard) / 1000);
}

static int check_alive(struct relay *x, int64_t now, struct vmctl_error *err)
{
	/* While nothing is read, silence says nothing. */
	if (x->conn->traffic.in_bytes != x->seen || stalled(x)) {
		x->seen = x->conn->traffic.in_bytes;
		x->heard = x->asked = x->looked = now;
		x->unanswered = 0;
		return 0;
	}
	if (!x->conn->keepalive_ms)
		return 0;
	if (x->unanswered > 0 && x->what->gone && now - x->looked >= LOOK_MS) {
		x->looked = now;
		if (x->what->gone(x->what->data))
			return fail_silent(x, now, err);
	}
	if (now - x->asked < x->conn->keepalive_ms)
		return 0;
	if (x->unanswered >= UNANSWERED_MAX)
		return fail_silent(x, now, err);
	/* The first call takes the answer to an earlier one, if there is one,
	 * and only then does the second send; see ssh_global_request(). */
	ssh_send_keepalive(x->conn->session);
	ssh_send_keepalive(x->conn->session);
	x->asked = x->looked = now;
	x->unanswered++;
	return 0;
}

static void send_signal(const struct relay *x, const char *name)
{
	if (x->session && x->session->open)
		(void)ssh_channel_request_send_signal(x->session->channel,
						      name);
}

static bool end_command(struct relay *x)
{
	if (!x->session || !x->session->open)
		return false;
	if (relay_stop_command(x))
		return true;
	log_warn(x->ev,
		 "the command may still run in the guest: %s opens no "
		 "second session to end it",
		 x->conn->peer);
	send_signal(x, "TERM");
	return false;
}

/* A server tells at once how the command has ended, and closes its channel when
 * nothing more can come. What has come, and a slow reader here keeps, is no
 * matter of what the command left behind. */
static void note_held(struct relay *x)
{
	x->held = x->have_status && x->session && !x->session->eof &&
		  stream_drained(x->session);
	x->own_status = x->held ? x->status : 0;
}

static int check_time(struct relay *x, int64_t now, struct vmctl_error *err)
{
	if (cancelled(x->ev) && !x->ended) {
		/* A terminal that hangs up tells what runs on it, and what
		 * was told to stay stays. */
		if (!x->what->tty && end_command(x))
			(void)relay_stop_sent(x);
		return fail_cancelled(err);
	}
	if (x->deadline >= 0 && now >= x->deadline && !x->ended) {
		x->abandoned = x->timed_out;
		x->timed_out = true;
		if (x->abandoned) {
			send_signal(x, "KILL");
		} else {
			note_held(x);
			end_command(x);
		}
		x->deadline = clock_mono_ms() + GRACE_MS;
	}
	/* It was sent SIGKILL: its streams may be held open by others. */
	if (x->timed_out && x->stopper && !relay_stopping(x) && !x->ended)
		x->abandoned = true;
	if (x->ended && !x->told && now - x->ended_at >= TELL_MS) {
		x->told = true;
		log_warn(x->ev,
			 "waiting for %zu forwarded connection%s to end; an "
			 "interrupt ends them",
			 forwards_open(x), forwards_open(x) == 1 ? "" : "s");
	}
	if (x->broken || (x->session && x->session->closed))
		return 0;
	return check_alive(x, now, err);
}

static void sooner(int64_t *ms, int64_t left)
{
	if (left < *ms)
		*ms = left < 0 ? 0 : left;
}

static int wait_ms(const struct relay *x, int64_t now)
{
	int64_t ms = x->ev && x->ev->cancelled ? WAIT_SLICE_MS : 1000;

	if (x->conn->keepalive_ms && !x->broken)
		sooner(&ms, x->asked + x->conn->keepalive_ms - now);
	if (x->deadline >= 0 && !x->ended)
		sooner(&ms, x->deadline - now);
	return (int)ms;
}

/* --- one round ----------------------------------------------------------- */

/* Lets libssh read and write; the callbacks of the streams do the rest. */
static void pump(struct relay *x)
{
	for (int i = 0; i < 64 && !stalled(x); i++) {
		int rc = ssh_event_dopoll(x->conn->event, 0);

		if (rc == SSH_AGAIN)
			break;
		if (rc == SSH_ERROR || conn_broken(x->conn)) {
			x->broken = true;
			break;
		}
	}
}

static int handle_signals(struct relay *x, struct vmctl_error *err)
{
	int columns, rows;
	bool size;

	if (tty_signals(x->tty, &size))
		return fail_cancelled(err);
	if (size && x->session) {
		tty_size(x->session->in, &columns, &rows);
		(void)ssh_channel_change_pty_size(x->session->channel, columns,
						  rows);
	}
	return 0;
}

static int handle(struct relay *x, int64_t now, struct vmctl_error *err)
{
	int r = 0;

	if (relay_seen(x, x->at_signals))
		r = handle_signals(x, err);
	if (relay_seen(x, x->at_conn))
		pump(x);
	if (r == 0 && x->session)
		r = session_handle(x, err);
	for (struct stream *s = x->streams; s; s = s->next)
		if (s != x->session)
			stream_handle(s);
	if (!x->broken)
		forwards_handle(x, now);
	return r;
}

/* The stream behind the session goes last, so that each is first at times: who
 * comes first may fill the connection. */
static void rotate(struct relay *x)
{
	struct stream **first = &x->streams, **at, *s;

	if (x->session && *first == x->session)
		first = &x->session->next;
	s = *first;
	if (!s || !s->next)
		return;
	*first = s->next;
	s->next = NULL;
	for (at = first; *at; at = &(*at)->next)
		;
	*at = s;
}

/* Any call to libssh may take in more, and make more possible. */
static void settle(struct relay *x)
{
	unsigned long long seen;

	do {
		seen = x->conn->traffic.in_bytes;
		forwards_settle(x);
		for (struct stream *s = x->streams; s; s = s->next)
			stream_settle(s);
	} while (seen != x->conn->traffic.in_bytes && !x->broken);
	if (conn_broken(x->conn))
		x->broken = true;
}

/* The terminal is the user's again, and nothing more is accepted. */
static void end_session(struct relay *x, int64_t now)
{
	if (x->tty)
		tty_end(x->tty);
	x->tty = NULL;
	x->ended = true;
	x->ended_at = now;
	x->whole = x->session->eof;
	x->session->over = true;
	x->session = NULL;
}

static int verdict(struct relay *x, struct vmctl_error *err)
{
	if (x->timed_out || (x->have_status && x->whole))
		return 0;
	if (x->broken)
		return fail_broken(x->conn, err);
	return fail(err, VMCTL_TRANSPORT, 0,
		    "the session with %s ended without an exit status",
		    x->conn->peer);
}

static bool finished(struct relay *x, int64_t now)
{
	struct stream *s = x->session;

	if (x->abandoned)
		return true;
	if (s && (s->closed || x->broken) && stream_drained(s))
		end_session(x, now);
	if (x->broken || x->timed_out)
		return !x->session;
	return x->ended && (forwards_open(x) == 0 || cancelled(x->ev));
}

int relay_run(struct relay *x, struct vmctl_error *err)
{
	x->seen = x->conn->traffic.in_bytes;
	x->heard = x->asked = x->looked = clock_mono_ms();
	for (;;) {
		int64_t now = clock_mono_ms();
		int r = check_time(x, now, err);

		if (r < 0)
			return r;
		settle(x);
		if (x->oom)
			return fail_oom(err);
		if (finished(x, now))
			return verdict(x, err);
		streams_sweep(x);
		rotate(x);
		choose(x, now);
		if (poll(x->polled, x->polled_n, wait_ms(x, now)) > 0)
			r = handle(x, now, err);
		if (r < 0)
			return r;
	}
}
