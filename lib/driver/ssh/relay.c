/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libssh/server.h> /* ssh_send_keepalive */
#include <poll.h>

#include "base/clock.h"
#include "driver/ssh/session.h"

/* Output waiting for a slow local reader, beyond which nothing more is read
 * from the connection, so that the other side has to wait too. */
#define BACKLOG_MAX (256 * 1024)
#define GRACE_MS 1000 /* between SIGTERM and SIGKILL */
#define BACKGROUND_MS 500
#define UNANSWERED_MAX 3

enum { SESSION, IN, OUT, ERR, SIGNALS, POLLED };

/* --- what libssh tells --------------------------------------------------- */

static int on_data(ssh_session session, ssh_channel channel, void *data,
		   uint32_t len, int is_stderr, void *userdata)
{
	struct relay *x = userdata;

	if (!outflow_add(is_stderr ? &x->err : &x->out, data, len))
		x->oom = true;
	*(is_stderr ? &x->got_err : &x->got_out) += len;
	return (int)len;
}

static void on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	((struct relay *)userdata)->eof = true;
}

static void on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	((struct relay *)userdata)->closed = true;
}

static void on_status(ssh_session session, ssh_channel channel, int status,
		      void *userdata)
{
	struct relay *x = userdata;

	x->have_status = true;
	x->status = status & 0xff;
}

/* RFC 4254 section 6.10 has names without SIG; others end in "@domain". */
static int signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "BUS", SIGBUS },
		{ "FPE", SIGFPE },   { "HUP", SIGHUP },	  { "ILL", SIGILL },
		{ "INT", SIGINT },   { "KILL", SIGKILL }, { "PIPE", SIGPIPE },
		{ "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "SYS", SIGSYS },
		{ "TERM", SIGTERM }, { "TRAP", SIGTRAP }, { "USR1", SIGUSR1 },
		{ "USR2", SIGUSR2 }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	};

	for (size_t i = 0; name && i < ARRAY_LEN(known); i++)
		if (str_eq(known[i].name, name))
			return known[i].number;
	return 0;
}

static void on_signal(ssh_session session, ssh_channel channel,
		      const char *name, int core, const char *message,
		      const char *language, void *userdata)
{
	struct relay *x = userdata;

	x->have_status = true;
	x->signal = signal_number(name);
	x->status = 128 + x->signal;
	log_info(x->ev, "the command was ended by the signal %s",
		 name ? name : "?");
}

void relay_callbacks(struct relay *x)
{
	x->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = x,
		.channel_data_function = on_data,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
		.channel_exit_status_function = on_status,
		.channel_exit_signal_function = on_signal,
	};
	ssh_callbacks_init(&x->callbacks);
	ssh_add_channel_callbacks(x->channel, &x->callbacks);
}

/* --- from here to there -------------------------------------------------- */

static bool write_pending(const struct relay *x)
{
	return ssh_get_status(x->conn->session) & SSH_WRITE_PENDING;
}

/* Passes on what was read, as far as the other side's window goes, and then
 * the end. libssh takes nothing while keys are exchanged anew. */
static void feed(struct relay *x)
{
	while (x->in_off < x->in_len && !x->closed && !write_pending(x)) {
		uint32_t window = ssh_channel_window_size(x->channel);
		size_t n = x->in_len - x->in_off;
		int done;

		if (window == 0)
			return;
		done = ssh_channel_write(x->channel, x->input + x->in_off,
					 n < window ? (uint32_t)n : window);
		if (done < 0) { /* it reads no more; what it says counts */
			x->in_off = x->in_len;
			x->in_eof = x->eof_sent = true;
			return;
		}
		if (done == 0)
			return;
		x->in_off += (size_t)done;
		x->sent += done;
	}
	if (x->in_eof && x->in_off == x->in_len && !x->eof_sent && !x->closed) {
		(void)ssh_channel_send_eof(x->channel);
		x->eof_sent = true;
	}
}

static int take_input(struct relay *x, struct vmctl_error *err)
{
	ssize_t n;
	size_t len;

	if (tty_in_background(x->in)) {
		x->in_pause = clock_mono_ms() + BACKGROUND_MS;
		return 0;
	}
	n = read(x->in, x->input, sizeof(x->input) - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0 && x->tty)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "disconnected: the terminal was closed");
	if (n <= 0) {
		x->in_eof = true;
		return 0;
	}
	len = (size_t)n;
	if (x->tty && escape_take(&x->escape, x->input, &len))
		return fail(err, VMCTL_TRANSPORT, 0,
			    "disconnected by the escape ~.");
	x->in_off = 0;
	x->in_len = len;
	return 0;
}

/* --- from there to here -------------------------------------------------- */

static size_t backlog(const struct relay *x)
{
	return outflow_pending(&x->out) + outflow_pending(&x->err);
}

/* Lets libssh read and write; the callbacks above do the rest. */
static void pump(struct relay *x)
{
	for (int i = 0; i < 64 && backlog(x) < BACKLOG_MAX; i++) {
		int rc = ssh_event_dopoll(x->conn->event, 0);

		if (rc == SSH_AGAIN)
			break;
		if (rc == SSH_ERROR || conn_broken(x->conn)) {
			x->broken = true;
			break;
		}
	}
}

/* A reader that went away ends the command as it would a local one. */
static int give_output(struct relay *x, struct outflow *o,
		       struct vmctl_error *err)
{
	struct vmctl_error why;
	int r = outflow_write(o, &why);

	if (r < 0 && (why.sys_errno == EPIPE || why.sys_errno == ECONNRESET)) {
		x->have_status = x->closed = true;
		x->signal = SIGPIPE;
		x->status = 128 + SIGPIPE;
		outflow_done(&x->out);
		outflow_done(&x->err);
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* --- time ---------------------------------------------------------------- */

static int check_alive(struct relay *x, int64_t now, struct vmctl_error *err)
{
	/* While nothing is read, silence says nothing. */
	if (x->conn->traffic.in_bytes != x->seen || backlog(x) >= BACKLOG_MAX) {
		x->seen = x->conn->traffic.in_bytes;
		x->heard = x->asked = now;
		x->unanswered = 0;
		return 0;
	}
	if (now - x->asked < x->conn->keepalive_ms)
		return 0;
	if (x->unanswered >= UNANSWERED_MAX)
		return fail(err, VMCTL_TRANSPORT, ETIMEDOUT,
			    "%s has not answered for %lld s", x->conn->peer,
			    (long long)(now - x->heard) / 1000);
	/* The first call takes the answer to an earlier one, if there is one,
	 * and only then does the second send; see ssh_global_request(). */
	ssh_send_keepalive(x->conn->session);
	ssh_send_keepalive(x->conn->session);
	x->asked = now;
	x->unanswered++;
	return 0;
}

static int check_time(struct relay *x, int64_t now, struct vmctl_error *err)
{
	if (cancelled(x->ev)) {
		(void)ssh_channel_request_send_signal(x->channel, "TERM");
		return fail_cancelled(err);
	}
	if (x->deadline >= 0 && now >= x->deadline) {
		(void)ssh_channel_request_send_signal(
			x->channel, x->timed_out ? "KILL" : "TERM");
		if (x->timed_out)
			x->abandoned = true;
		x->timed_out = true;
		x->deadline = now + GRACE_MS;
	}
	return x->closed || x->broken ? 0 : check_alive(x, now, err);
}

static int wait_ms(const struct relay *x, int64_t now)
{
	int64_t ms = x->ev && x->ev->cancelled ? WAIT_SLICE_MS : 1000;

	if (x->asked + x->conn->keepalive_ms - now < ms)
		ms = x->asked + x->conn->keepalive_ms - now;
	if (x->deadline >= 0 && x->deadline - now < ms)
		ms = x->deadline - now;
	return ms < 0 ? 0 : (int)ms;
}

/* --- the loop ------------------------------------------------------------ */

static void choose(const struct relay *x, int64_t now, struct pollfd p[POLLED])
{
	bool open = !x->closed && !x->broken;

	for (int i = 0; i < POLLED; i++)
		p[i] = (struct pollfd){ .fd = -1 };
	if (open && backlog(x) < BACKLOG_MAX) {
		p[SESSION].fd = ssh_get_fd(x->conn->session);
		p[SESSION].events = POLLIN;
		if (ssh_get_poll_flags(x->conn->session) & SSH_WRITE_PENDING)
			p[SESSION].events |= POLLOUT;
	}
	if (open && !x->in_eof && x->in_off == x->in_len &&
	    now >= x->in_pause && !write_pending(x) &&
	    ssh_channel_window_size(x->channel) > 0)
		p[IN] = (struct pollfd){ .fd = x->in, .events = POLLIN };
	if (outflow_pending(&x->out) > 0)
		p[OUT] = (struct pollfd){ x->out.fd, POLLOUT };
	if (outflow_pending(&x->err) > 0)
		p[ERR] = (struct pollfd){ x->err.fd, POLLOUT };
	if (x->tty)
		p[SIGNALS] = (struct pollfd){ x->tty->signals[0], POLLIN };
}

static int handle_signals(struct relay *x, struct vmctl_error *err)
{
	int columns, rows;
	bool size;

	if (tty_signals(x->tty, &size))
		return fail_cancelled(err);
	if (size) {
		tty_size(x->in, &columns, &rows);
		(void)ssh_channel_change_pty_size(x->channel, columns, rows);
	}
	return 0;
}

static int handle(struct relay *x, const struct pollfd p[POLLED],
		  struct vmctl_error *err)
{
	int r = 0;

	if (p[SIGNALS].revents)
		r = handle_signals(x, err);
	if (p[SESSION].revents)
		pump(x);
	if (r == 0 && p[IN].revents)
		r = take_input(x, err);
	if (r == 0 && p[OUT].revents)
		r = give_output(x, &x->out, err);
	if (r == 0 && p[ERR].revents)
		r = give_output(x, &x->err, err);
	if (r == 0 && !x->broken)
		feed(x);
	if (r == 0 && x->oom)
		r = fail_oom(err);
	return r;
}

static int verdict(struct relay *x, struct vmctl_error *err)
{
	if (x->timed_out)
		return 0;
	if (x->have_status && (x->closed || x->eof))
		return 0;
	if (x->broken)
		return fail_broken(x->conn, err);
	return fail(err, VMCTL_TRANSPORT, 0,
		    "the session with %s ended without an exit status",
		    x->conn->peer);
}

int relay_run(struct relay *x, struct vmctl_error *err)
{
	struct pollfd p[POLLED];

	x->seen = x->conn->traffic.in_bytes;
	x->heard = x->asked = clock_mono_ms();
	feed(x);
	for (;;) {
		int64_t now = clock_mono_ms();
		int r = check_time(x, now, err);

		if (r < 0)
			return r;
		if (x->abandoned ||
		    ((x->closed || x->broken) && backlog(x) == 0))
			return verdict(x, err);
		choose(x, now, p);
		if (poll(p, POLLED, wait_ms(x, now)) > 0) {
			r = handle(x, p, err);
			if (r < 0)
				return r;
		}
	}
}
