/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/outflow.h"
#include "base/sigpipe.h"
#include "base/tty.h"
#include "driver/agent-wire.h"

#define TIMEOUT_STATUS 124 /* as timeout(1) has it */
/* What the guest takes at most to end a command, and to say so. */
#define GRACE_MS 10000
#define KEEPALIVE_MS 30000
#define UNANSWERED_MAX 3
#define BACKGROUND_MS 500
#define INPUT 32768
/* Not more than this waits to be sent, so that what is said meanwhile is not
 * late; and so much is used up of a window before it is given back. */
#define PENDING_MAX (128 * 1024)
#define CREDIT_STEP (AGENT_WINDOW / 4)

enum { CONN, IN, OUT, ERR, POLLED };

/* Output on its way to its reader. */
struct stream {
	struct outflow flow;
	uint32_t window; /* what the guest may still send */
	uint32_t owed;	 /* what has gone, and is not given back yet */
	int64_t bytes;
};

struct relay {
	struct agent_conn *conn;
	const struct events *ev;
	uint32_t id;
	int in;
	uint32_t credit; /* what may still be sent of the input */
	bool in_eof;
	int64_t in_pause; /* a background job may not read its terminal */
	int64_t bytes_in;
	struct stream out, err;
	bool started, ended;
	struct agent_exit exit;
	int64_t deadline; /* from here on nothing more is waited for; or -1 */
	int64_t asked;
	int unanswered;
};

static int fail_frame(struct vmctl_error *err)
{
	return fail(err, VMCTL_TRANSPORT, 0,
		    "the agent in the guest sent a frame that is not allowed");
}

/* --- from there to here -------------------------------------------------- */

static int give_back(struct relay *x, struct stream *s, enum agent_stream which,
		     struct vmctl_error *err)
{
	unsigned char payload[5] = { (unsigned char)which };

	if (s->owed < CREDIT_STEP || x->ended)
		return 0;
	agent_put32(payload + 1, s->owed);
	s->window += s->owed;
	s->owed = 0;
	return agent_wire_put(x->conn, AGENT_CREDIT, x->id, payload,
			      sizeof(payload), err);
}

static int on_output(struct relay *x, struct stream *s, enum agent_stream which,
		     const struct agent_frame *f, struct vmctl_error *err)
{
	if (f->n > s->window)
		return fail_frame(err);
	s->window -= (uint32_t)f->n;
	s->bytes += (int64_t)f->n;
	if (s->flow.fd < 0) { /* closed meanwhile */
		s->owed += (uint32_t)f->n;
		return give_back(x, s, which, err);
	}
	return outflow_add(&s->flow, f->p, f->n) ? 0 : fail_oom(err);
}

static int on_credit(struct relay *x, const struct agent_frame *f,
		     struct vmctl_error *err)
{
	unsigned long n = f->n == 5 ? agent_get32(f->p + 1) : 0;

	if (f->n != 5 || f->p[0] != AGENT_S_IN || n > AGENT_WINDOW - x->credit)
		return fail_frame(err);
	x->credit += (uint32_t)n;
	return 0;
}

static int on_exit_frame(struct relay *x, const struct agent_frame *f,
			 struct vmctl_error *err)
{
	if (f->n != 3 || f->p[1] > 64)
		return fail_frame(err);
	x->ended = true;
	x->exit.signal = f->p[1];
	x->exit.status = f->p[1] ? 128 + f->p[1] : f->p[0];
	x->exit.timed_out = f->p[2] != AGENT_IN_TIME;
	x->exit.held = f->p[2] == AGENT_HELD_LATE;
	x->exit.own_status = x->exit.held ? x->exit.status : 0;
	return 0;
}

/* Of a command that never began another way may be tried, if the reason is the
 * agent's alone. */
static int on_failed(const struct relay *x, const struct agent_frame *f,
		     struct vmctl_error *err)
{
	int why = f->n ? f->p[0] : 0;
	bool may = !x->started && (why == AGENT_F_USER || why == AGENT_F_LIMIT);
	int n = f->n > AGENT_TEXT_MAX ? AGENT_TEXT_MAX : (int)f->n;

	return fail(err, may ? VMCTL_UNSUPPORTED : VMCTL_TRANSPORT, 0,
		    may ? "%.*s" : "the agent in the guest gave up: %.*s",
		    n > 1 ? n - 1 : 0, (const char *)f->p + 1);
}

static int on_frame(struct relay *x, const struct agent_frame *f,
		    struct vmctl_error *err)
{
	if (f->type == AGENT_FAILED && (f->id == 0 || f->id == x->id))
		return on_failed(x, f, err);
	if (f->type == AGENT_PING) {
		x->unanswered = 0;
		return 0;
	}
	/* The last words of one that was given up before. */
	if (f->id != x->id)
		return f->id && f->id < x->id ? 0 : fail_frame(err);
	if (x->ended)
		return fail_frame(err);
	switch (f->type) {
	case AGENT_STARTED:
		x->started = true;
		return 0;
	case AGENT_OUT:
		return on_output(x, &x->out, AGENT_S_OUT, f, err);
	case AGENT_ERR:
		return on_output(x, &x->err, AGENT_S_ERR, f, err);
	case AGENT_CREDIT:
		return on_credit(x, f, err);
	case AGENT_STDIN_CLOSED:
		x->in_eof = true;
		return 0;
	case AGENT_EXIT:
		return on_exit_frame(x, f, err);
	default:
		return fail_frame(err);
	}
}

static int take_frames(struct relay *x, struct vmctl_error *err)
{
	struct agent_frame f;
	int r;

	agent_wire_read(x->conn);
	while ((r = agent_wire_next(x->conn, &f, err)) > 0) {
		r = on_frame(x, &f, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* --- to the readers ------------------------------------------------------ */

static int give_output(struct relay *x, struct stream *s,
		       enum agent_stream which, struct vmctl_error *err)
{
	struct vmctl_error why;
	size_t before = outflow_pending(&s->flow);
	int r = outflow_write(&s->flow, &why);

	/* A reader that went away ends the command as it would a local one. */
	if (r < 0 && (why.sys_errno == EPIPE || why.sys_errno == ECONNRESET)) {
		x->ended = true;
		x->exit = (struct agent_exit){ .status = 128 + SIGPIPE,
					       .signal = SIGPIPE };
		outflow_done(&x->out.flow);
		outflow_done(&x->err.flow);
		return agent_wire_put(x->conn, AGENT_KILL, x->id, "", 0, err);
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	s->owed += (uint32_t)(before - outflow_pending(&s->flow));
	return give_back(x, s, which, err);
}

/* --- from here to there -------------------------------------------------- */

static int take_input(struct relay *x, struct vmctl_error *err)
{
	unsigned char buf[INPUT];
	size_t max = x->credit < sizeof(buf) ? x->credit : sizeof(buf);
	ssize_t n;

	if (tty_in_background(x->in)) {
		x->in_pause = clock_mono_ms() + BACKGROUND_MS;
		return 0;
	}
	n = read(x->in, buf, max);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		x->in_eof = true;
		return agent_wire_put(x->conn, AGENT_STDIN_EOF, x->id, "", 0,
				      err);
	}
	x->credit -= (uint32_t)n;
	x->bytes_in += n;
	int r = agent_wire_put(x->conn, AGENT_STDIN, x->id, buf, (size_t)n,
			       err);
	explicit_bzero(buf, (size_t)n);
	return r;
}

/* --- time ---------------------------------------------------------------- */

static int check_alive(struct relay *x, int64_t now, struct vmctl_error *err)
{
	int64_t last = x->conn->heard > x->asked ? x->conn->heard : x->asked;

	if (x->conn->heard > x->asked)
		x->unanswered = 0;
	if (now - last < KEEPALIVE_MS)
		return 0;
	if (x->unanswered >= UNANSWERED_MAX)
		return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
			    "the agent in the guest has not answered for "
			    "%lld s",
			    (long long)(now - x->conn->heard) / 1000);
	x->asked = now;
	x->unanswered++;
	return agent_wire_put(x->conn, AGENT_PING, 0, "", 0, err);
}

static int check_time(struct relay *x, int64_t now, struct vmctl_error *err)
{
	if (cancelled(x->ev))
		return fail_cancelled(err);
	if (!x->ended && x->deadline >= 0 && now >= x->deadline) {
		x->ended = x->exit.timed_out = true;
		outflow_done(&x->out.flow);
		outflow_done(&x->err.flow);
	}
	return x->ended ? 0 : check_alive(x, now, err);
}

static int wait_ms(const struct relay *x, int64_t now)
{
	int64_t ms = x->ev && x->ev->cancelled ? AGENT_SLICE_MS : 1000;

	if (x->deadline >= 0 && x->deadline - now < ms)
		ms = x->deadline - now;
	return ms < 0 ? 0 : (int)ms;
}

/* --- the loop ------------------------------------------------------------ */

static size_t backlog(const struct relay *x)
{
	return outflow_pending(&x->out.flow) + outflow_pending(&x->err.flow);
}

static void choose(const struct relay *x, int64_t now, struct pollfd p[POLLED])
{
	for (int i = 0; i < POLLED; i++)
		p[i] = (struct pollfd){ .fd = -1 };
	/* Windows bound what comes, so it is always read. */
	if (!x->ended) {
		p[CONN].fd = x->conn->fd;
		p[CONN].events =
			POLLIN | (agent_wire_pending(x->conn) ? POLLOUT : 0);
	}
	/* Not before: whoever tries another way needs all of the input. */
	if (x->started && !x->ended && !x->in_eof && x->credit &&
	    now >= x->in_pause && agent_wire_pending(x->conn) < PENDING_MAX)
		p[IN] = (struct pollfd){ .fd = x->in, .events = POLLIN };
	if (outflow_pending(&x->out.flow))
		p[OUT] = (struct pollfd){ x->out.flow.fd, POLLOUT, 0 };
	if (outflow_pending(&x->err.flow))
		p[ERR] = (struct pollfd){ x->err.flow.fd, POLLOUT, 0 };
}

static int handle(struct relay *x, const struct pollfd p[POLLED],
		  struct vmctl_error *err)
{
	int r = 0;

	if (p[CONN].revents)
		r = take_frames(x, err);
	if (r == 0 && p[IN].revents && !x->ended)
		r = take_input(x, err);
	if (r == 0 && p[OUT].revents)
		r = give_output(x, &x->out, AGENT_S_OUT, err);
	if (r == 0 && p[ERR].revents)
		r = give_output(x, &x->err, AGENT_S_ERR, err);
	agent_wire_write(x->conn);
	if (r == 0 && x->conn->ended && !x->ended)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the connection to the agent in the guest ended "
			    "before the command did");
	return r;
}

static int run(struct relay *x, struct vmctl_error *err)
{
	struct pollfd p[POLLED];

	x->asked = clock_mono_ms();
	agent_wire_write(x->conn);
	for (;;) {
		int64_t now = clock_mono_ms();
		int r = check_time(x, now, err);

		if (r < 0)
			return r;
		if (x->ended && backlog(x) == 0)
			return 0;
		choose(x, now, p);
		if (poll(p, POLLED, wait_ms(x, now)) < 0)
			continue;
		r = handle(x, p, err);
		if (r < 0)
			return r;
	}
}

static void stream_init(struct stream *s, int fd)
{
	outflow_init(&s->flow, fd);
	s->window = AGENT_WINDOW;
}

static void answer(const struct relay *x, struct agent_exit *ret)
{
	*ret = x->exit;
	ret->bytes_in = x->bytes_in;
	ret->bytes_out = x->out.bytes;
	ret->bytes_err = x->err.bytes;
	if (ret->timed_out) {
		ret->status = TIMEOUT_STATUS;
		ret->signal = 0;
	}
}

int agent_exec(struct agent_conn *conn, const struct agent_exec *what,
	       const struct events *ev, struct agent_exit *ret,
	       struct vmctl_error *err)
{
	struct relay x = { .conn = conn,
			   .ev = ev,
			   .id = conn->last_id % AGENT_ID_MAX + 1,
			   .in = what->in,
			   .in_eof = what->in < 0,
			   .credit = AGENT_WINDOW,
			   .deadline = -1 };
	auto_str request = STR_INIT;
	struct sigpipe sigpipe;
	int r = agent_request(what, &request, err);

	conn->last_id = x.id;
	if (r == 0)
		r = agent_wire_put_request(conn, x.id, request.p, request.len,
					   err);
	if (r < 0)
		return r;
	if (what->timeout_ms > 0)
		x.deadline = clock_mono_ms() + what->timeout_ms + GRACE_MS;
	stream_init(&x.out, what->out);
	stream_init(&x.err, what->err);
	sigpipe_block(&sigpipe);
	r = run(&x, err);
	/* Nothing of it shall go on: not waited for, as closing does the same.
	 */
	if (r < 0 && agent_wire_put(conn, AGENT_KILL, x.id, "", 0, NULL) == 0)
		agent_wire_write(conn);
	sigpipe_restore(&sigpipe);
	outflow_done(&x.out.flow);
	outflow_done(&x.err.flow);
	if (r == 0)
		answer(&x, ret);
	return r;
}
