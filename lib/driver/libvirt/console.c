/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/outflow.h"
#include "base/tty.h"
#include "driver/libvirt/event.h"

/*
 * A terminal on the serial console. The stream does not block: libvirt's loop,
 * which runs in a thread, says when something may be read or written, and
 * wakes the thread here, which does all the rest in one poll loop.
 */

#define INPUT 1024
#define BACKLOG_MAX                                                            \
	(256 * 1024) /* for a slow terminal; then the guest waits              \
		      */
#define BACKGROUND_MS 500
#define SLICE_MS 100 /* how late a cancellation may be seen */

enum { STREAM, IN, OUT, SIGNALS, POLLED };

struct session {
	const struct hv_console *what;
	const struct events *ev;
	virStreamPtr stream;
	int wake; /* of stream_watch() */
	struct tty tty;
	bool on_tty, raw;

	char input[INPUT];
	size_t in_off, in_len;
	bool in_eof;
	int64_t in_pause; /* a background job may not read its terminal */
	struct outflow out;

	int64_t deadline; /* negative: none */
	int64_t active;	  /* when something was last read or written */
	bool escaped;	  /* nothing more is read; what was read is shown */
	bool closed;	  /* by the other side */
	bool broken;	  /* with an error, in `why` */
	struct vmctl_error why;
};

/* --- the stream ------------------------------------------------------------
 */

static size_t backlog(const struct session *s)
{
	return outflow_pending(&s->out);
}

/* The end of a machine and the end of a stream by force look the same: which of
 * them it was is for the caller to find out. */
static void stream_ended(struct session *s, ssize_t n)
{
	s->closed = true;
	s->broken = n < 0;
	if (s->broken)
		libvirt_fail(&s->why, "the console was closed");
}

static int take_output(struct session *s, struct vmctl_error *err)
{
	char buf[4096];

	while (!s->closed && backlog(s) < BACKLOG_MAX) {
		int n = virStreamRecv(s->stream, buf, sizeof(buf));

		if (n == -2)
			break;
		if (n <= 0) {
			stream_ended(s, n);
			break;
		}
		s->active = clock_mono_ms();
		if (!outflow_add(&s->out, buf, (size_t)n))
			return fail_oom(err);
	}
	return 0;
}

static void give_input(struct session *s)
{
	while (s->in_off < s->in_len && !s->closed) {
		int n = virStreamSend(s->stream, s->input + s->in_off,
				      s->in_len - s->in_off);

		if (n == -2)
			break;
		if (n < 0) {
			stream_ended(s, n);
			break;
		}
		s->in_off += (size_t)n;
		s->active = clock_mono_ms();
	}
}

/* Asked for anew each time round: the callback takes it back. */
static void arm(struct session *s)
{
	int events = 0;

	if (s->closed)
		return;
	if (backlog(s) < BACKLOG_MAX)
		events |= VIR_STREAM_EVENT_READABLE;
	if (s->in_off < s->in_len)
		events |= VIR_STREAM_EVENT_WRITABLE;
	if (virStreamEventUpdateCallback(s->stream, events) < 0)
		stream_ended(s, -1);
}

/* --- the terminal ----------------------------------------------------------
 */

static int read_input(struct session *s, struct vmctl_error *err)
{
	ssize_t n;

	if (s->on_tty && tty_in_background(s->what->in)) {
		s->in_pause = clock_mono_ms() + BACKGROUND_MS;
		return 0;
	}
	n = read(s->what->in, s->input, sizeof(s->input));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0 && s->on_tty)
		return fail(err, VMCTL_FAILED, 0, "the terminal was closed");
	if (n <= 0) {
		s->in_eof = true;
		s->active = clock_mono_ms();
		return 0;
	}
	const char *escape =
		s->on_tty && s->what->escape >= 0
			? memchr(s->input, s->what->escape, (size_t)n)
			: NULL;
	s->in_off = 0;
	s->in_len = escape ? (size_t)(escape - s->input) : (size_t)n;
	s->escaped = escape != NULL;
	return 0;
}

/* A job in the background leaves the terminal to the one in front. */
static void make_raw(struct session *s)
{
	if (!s->on_tty || s->raw || tty_in_background(s->what->in))
		return;
	tty_raw(&s->tty);
	s->raw = true;
}

static int write_output(struct session *s, struct vmctl_error *err)
{
	struct vmctl_error why;
	int r = outflow_write(&s->out, &why);

	/* The reader has seen enough, as in "vmctl console web1 | head -1". */
	if (r < 0 && (why.sys_errno == EPIPE || why.sys_errno == ECONNRESET)) {
		s->escaped = true;
		outflow_done(&s->out);
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* --- the loop --------------------------------------------------------------
 */

static bool lingered(const struct session *s, int64_t now)
{
	return s->in_eof && s->what->linger_ms >= 0 && s->in_off == s->in_len &&
	       backlog(s) == 0 && now - s->active >= s->what->linger_ms;
}

static void choose(const struct session *s, int64_t now, struct pollfd p[])
{
	for (int i = 0; i < POLLED; i++)
		p[i] = (struct pollfd){ .fd = -1 };
	p[STREAM] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	if (!s->in_eof && !s->escaped && s->in_off == s->in_len &&
	    now >= s->in_pause && s->what->in >= 0)
		p[IN] = (struct pollfd){ .fd = s->what->in, .events = POLLIN };
	/* Without output to give it tells when its reader goes away. */
	p[OUT] = (struct pollfd){ s->out.fd, backlog(s) ? POLLOUT : 0 };
	if (s->on_tty)
		p[SIGNALS] = (struct pollfd){ s->tty.signals[0], POLLIN };
}

static int wait_ms(const struct session *s, int64_t now)
{
	int64_t ms = s->ev && s->ev->cancelled ? SLICE_MS : 1000;

	if (s->deadline >= 0 && s->deadline - now < ms)
		ms = s->deadline - now;
	if (s->in_eof && s->what->linger_ms >= 0 &&
	    s->active + s->what->linger_ms - now < ms)
		ms = s->active + s->what->linger_ms - now;
	return ms < 0 ? 0 : (int)ms;
}

static int handle(struct session *s, const struct pollfd p[],
		  struct vmctl_error *err)
{
	bool size;
	int r = 0;

	if (p[SIGNALS].revents && tty_signals(&s->tty, &size))
		return fail_cancelled(err);
	if (p[STREAM].revents && !stream_woke(s->wake))
		return 0;
	if (p[IN].revents)
		r = read_input(s, err);
	if (r == 0)
		give_input(s);
	if (r == 0)
		r = take_output(s, err);
	if (r == 0 && p[OUT].revents & POLLOUT)
		r = write_output(s, err);
	else if (r == 0 && p[OUT].revents)
		s->escaped = true, outflow_done(&s->out);
	return r;
}

static int relay(struct session *s, enum hv_console_end *ret,
		 struct vmctl_error *err)
{
	struct pollfd p[POLLED];

	s->active = clock_mono_ms();
	for (;;) {
		int64_t now = clock_mono_ms();

		if (cancelled(s->ev))
			return fail_cancelled(err);
		if (backlog(s) == 0 && (s->closed || s->escaped)) {
			*ret = s->escaped ? HV_CONSOLE_LEFT : HV_CONSOLE_CLOSED;
			return 0;
		}
		if (lingered(s, now)) {
			*ret = HV_CONSOLE_LEFT;
			return 0;
		}
		if (s->deadline >= 0 && now >= s->deadline)
			return fail(err, VMCTL_TIMEOUT, 0,
				    "the time for the console ran out");
		make_raw(s);
		arm(s);
		choose(s, now, p);
		if (poll(p, POLLED, wait_ms(s, now)) <= 0)
			memset(p, 0, sizeof(p));
		int r = handle(s, p, err);
		if (r < 0)
			return r;
	}
}

/* --- opening ---------------------------------------------------------------
 */

static int fail_open(struct vmctl_error *err)
{
	const virError *e = virGetLastError();

	/* libvirt has no code of its own for it. */
	if (e && e->code == VIR_ERR_OPERATION_FAILED && e->message &&
	    strstr(e->message, "console session exists"))
		return fail(err, VMCTL_BUSY, 0, "its console is in use");
	return libvirt_fail(err, "cannot open its console");
}

static int run(struct session *s, enum hv_console_end *ret,
	       struct vmctl_error *err)
{
	int r = 0;

	s->on_tty = s->what->in >= 0 && isatty(s->what->in);
	if (s->on_tty)
		r = tty_begin(&s->tty, s->what->in, err);
	if (r < 0)
		return r;
	r = stream_watch(s->stream, "cannot watch the console", &s->wake, err);
	if (r == 0) {
		if (s->what->opened)
			s->what->opened(s->what->data);
		r = relay(s, ret, err);
		stream_unwatch(s->stream, s->wake);
	}
	if (r == 0 && s->broken)
		log_debug(s->ev, "%s", s->why.message);
	/* Before the terminal is given back: the next reader may come. */
	virStreamAbort(s->stream);
	if (s->on_tty)
		tty_end(&s->tty);
	return r;
}

int console_open(struct hv *hv, const char *uuid, const struct hv_console *what,
		 enum hv_console_end *ret, struct vmctl_error *err)
{
	/* SAFE: two at once would each get a part of what the guest says. */
	unsigned flags = VIR_DOMAIN_CONSOLE_SAFE |
			 (what->force ? VIR_DOMAIN_CONSOLE_FORCE : 0);
	struct session s = { .what = what, .ev = hv->ev };
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	s.deadline =
		what->timeout_ms > 0 ? clock_mono_ms() + what->timeout_ms : -1;
	s.stream = virStreamNew(hv->conn, VIR_STREAM_NONBLOCK);
	if (!s.stream)
		return libvirt_fail(err, "cannot open its console");
	outflow_init(&s.out, what->out);
	r = virDomainOpenConsole(dom, NULL, s.stream, flags) < 0
		    ? fail_open(err)
		    : run(&s, ret, err);
	outflow_done(&s.out);
	explicit_bzero(s.input, sizeof(s.input));
	virStreamFree(s.stream);
	return r;
}
