/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "driver/ssh/relay.h"

#define START_MS 60000

/* Repeats a call of libssh until it is decided. */
#define UNTIL_DONE(x, limit, rc, err, call)                                    \
	({                                                                     \
		int r_ = 0;                                                    \
		while (((rc) = (call)) == SSH_AGAIN && r_ == 0)                \
			r_ = (x)->session->closed                              \
				     ? fail_broken((x)->conn, (err))           \
				     : conn_wait((x)->conn, (limit), (x)->ev,  \
						 (err));                       \
		r_;                                                            \
	})

static int request_pty(struct relay *x, int64_t limit, struct vmctl_error *err)
{
	const char *term = getenv("TERM");
	unsigned char modes[TTY_MODES_MAX];
	struct termios *tio = x->tty ? &x->tty->saved : NULL;
	size_t n = tty_modes(tio, modes);
	int columns, rows, rc, r;

	if (!term || !*term)
		term = "dumb";
	tty_size(x->session->in, &columns, &rows);
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 11, 0)
	r = UNTIL_DONE(x, limit, rc, err,
		       ssh_channel_request_pty_size_modes(x->session->channel,
							  term, columns, rows,
							  modes, n));
#else
	/* Older versions can only send an empty list of modes. */
	(void)n;
	r = UNTIL_DONE(x, limit, rc, err,
		       ssh_channel_request_pty_size(x->session->channel, term,
						    columns, rows));
#endif
	if (r < 0)
		return r;
	if (rc != SSH_OK && conn_broken(x->conn))
		return fail_broken(x->conn, err);
	if (rc != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the ssh server at %s gives no terminal",
			    x->conn->peer);
	return 0;
}

static int start(struct relay *x, const struct ssh_exec *what,
		 struct vmctl_error *err)
{
	int64_t limit = clock_mono_ms() + START_MS;
	int rc, r;

	if (x->deadline >= 0 && x->deadline < limit)
		limit = x->deadline;
	r = UNTIL_DONE(x, limit, rc, err,
		       ssh_channel_open_session(x->session->channel));
	if (r < 0)
		return r;
	if (rc != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the ssh server at %s opens no session: %s",
			    x->conn->peer, ssh_get_error(x->conn->session));
	x->session->open = true;
	if (what->forward_agent)
		agent_forward(x);
	if (what->tty) {
		r = request_pty(x, limit, err);
		if (r < 0)
			return r;
	}
	if (what->begun)
		*what->begun = true;
	r = UNTIL_DONE(
		x, limit, rc, err,
		what->command ? ssh_channel_request_exec(x->session->channel,
							 what->command)
			      : ssh_channel_request_shell(x->session->channel));
	if (r < 0)
		return r;
	if (rc != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the ssh server at %s runs no command: %s",
			    x->conn->peer, ssh_get_error(x->conn->session));
	return 0;
}

/* Lets go of all channels. */
static void finish(struct relay *x)
{
	x->conn->relay = NULL;
	if (x->stopper)
		ssh_channel_free(x->stopper);
	while (x->streams) {
		struct stream *s = x->streams;

		x->streams = s->next;
		stream_free(s);
	}
	free(x->polled);
}

static void answer(const struct relay *x, struct ssh_exit *ret)
{
	*ret = (struct ssh_exit){
		.status = x->status,
		.signal = x->signal,
		.timed_out = x->timed_out,
		.held = x->held,
		.own_status = x->own_status,
		.bytes_in = x->sent,
		.bytes_out = x->got[0],
		.bytes_err = x->got[1],
	};
	if (x->timed_out) {
		ret->status = SSH_TIMEOUT_STATUS;
		ret->signal = 0;
	}
}

static int relay_on(struct relay *x, struct vmctl_error *err)
{
	ssh_set_log_level(x->ev && x->ev->log ? SSH_LOG_RARE : SSH_LOG_NOLOG);
	if (x->tty)
		tty_raw(x->tty);
	return relay_run(x, err);
}

static int run(struct relay *x, struct vmctl_error *err)
{
	struct tty tty;
	int in = x->what->in, r;

	if (x->what->tty && in >= 0 && isatty(in)) {
		r = tty_begin(&tty, in, err);
		if (r < 0)
			return r;
		x->tty = &tty;
		x->escape = (struct escape){ .line_start = true };
	}
	r = start(x, x->what, err);
	if (r == 0) {
		r = relay_on(x, err);
	} else if (r == -VMCTL_TRANSPORT && x->deadline >= 0 &&
		   clock_mono_ms() >= x->deadline) {
		x->timed_out = true;
		r = 0;
	}
	/* The relay may have done it already. */
	if (x->tty)
		tty_end(x->tty);
	return r;
}

int conn_exec(struct ssh_conn *conn, const struct ssh_exec *what,
	      const struct events *ev, struct ssh_exit *ret,
	      struct vmctl_error *err)
{
	struct relay x = { .conn = conn, .ev = ev, .what = what };
	int r = 0;

	x.deadline =
		what->timeout_ms > 0 ? clock_mono_ms() + what->timeout_ms : -1;
	conn->relay = &x;
	if (what->no_command)
		r = relay_on(&x, err);
	else
		r = session_new(&x, err);
	if (r == 0 && !what->no_command)
		r = run(&x, err);
	finish(&x);
	if (r == 0)
		answer(&x, ret);
	return r;
}
