/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "driver/ssh/relay.h"

/* The stream of the command or shell itself. */

#define BACKGROUND_MS 500

/* --- what libssh tells --------------------------------------------------- */

static void on_status(ssh_session session, ssh_channel channel, int status,
		      void *userdata)
{
	struct relay *x = ((struct stream *)userdata)->relay;

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
	struct relay *x = ((struct stream *)userdata)->relay;

	x->have_status = true;
	x->signal = signal_number(name);
	x->status = 128 + x->signal;
	log_info(x->ev, "the command was ended by the signal %s",
		 name ? name : "?");
}

int session_new(struct relay *x, struct vmctl_error *err)
{
	ssh_channel channel = ssh_channel_new(x->conn->session);
	struct stream *s;

	if (!channel)
		return fail_oom(err);
	s = stream_new(x, STREAM_SESSION, channel, -1);
	if (!s) {
		ssh_channel_free(channel);
		return fail_oom(err);
	}
	s->in = x->what->in;
	s->in_eof = s->in < 0;
	outflow_init(&s->out, x->what->out);
	outflow_init(&s->err, x->what->err);
	s->out.most = s->err.most = x->what->output_max;
	s->callbacks.channel_exit_status_function = on_status;
	s->callbacks.channel_exit_signal_function = on_signal;
	x->session = s;
	return 0;
}

/* --- input --------------------------------------------------------------- */

bool session_may_read(const struct relay *x, int64_t now)
{
	return now >= x->in_pause;
}

/* On the terminal that the session is shown on; nowhere else. */
static void say(struct relay *x, const char *text)
{
	struct outflow *o = &x->session->err;

	if (o->fd >= 0 && isatty(o->fd) && !outflow_add(o, text, strlen(text)))
		x->oom = true;
}

static void say_forwards(struct relay *x)
{
	for (const struct stream *s = x->streams; s; s = s->next) {
		auto_free char *line = NULL;

		if (s->kind == STREAM_SESSION)
			continue;
		if (s->kind == STREAM_AGENT)
			line = str_printf("  the agent\r\n");
		else
			line = str_printf("  %s port %d to %s port %d\r\n",
					  s->origin, s->origin_port,
					  s->forward->host, s->forward->port);
		if (line)
			say(x, line);
	}
}

static int obey(struct relay *x, unsigned escapes, struct vmctl_error *err)
{
	if (escapes & ESCAPE_END)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "disconnected by the escape ~.");
	if (escapes & ESCAPE_HELP)
		say(x, "~?\r\nat the start of a line:\r\n"
		       "  ~.   disconnect\r\n"
		       "  ~^Z  suspend\r\n"
		       "  ~#   list what is forwarded now\r\n"
		       "  ~?   this help\r\n"
		       "  ~~   one tilde\r\n");
	if (escapes & ESCAPE_LIST) {
		say(x, "~#\r\nforwarded now:\r\n");
		say_forwards(x);
	}
	if (escapes & ESCAPE_SUSPEND)
		tty_suspend(x->tty);
	return 0;
}

static int take_input(struct relay *x, struct vmctl_error *err)
{
	struct stream *s = x->session;
	ssize_t n;
	size_t len;

	if (tty_in_background(s->in)) {
		x->in_pause = clock_mono_ms() + BACKGROUND_MS;
		return 0;
	}
	n = read(s->in, s->input, sizeof(s->input) - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0 && x->tty)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "disconnected: the terminal was closed");
	if (n <= 0) {
		s->in_eof = true;
		return 0;
	}
	len = (size_t)n;
	if (x->tty) {
		int r = obey(x, escape_take(&x->escape, s->input, &len), err);

		if (r < 0)
			return r;
	}
	s->in_off = 0;
	s->in_len = len;
	return 0;
}

/* --- output -------------------------------------------------------------- */

/* A reader that went away ends the command as it would a local one. */
static int give_output(struct relay *x, struct outflow *o,
		       struct vmctl_error *err)
{
	struct vmctl_error why;
	int r = outflow_write(o, &why);

	if (o->refused) {
		o->refused = false;
		log_warn(x->ev,
			 "standard %s is closed: what the command "
			 "writes to it is lost",
			 o == &x->session->out ? "output" : "error");
	}
	if (r == 0)
		return 0;
	if (why.sys_errno != EPIPE && why.sys_errno != ECONNRESET) {
		/* Not the status of a full disk, which the command itself
		 * could have had. */
		return fail(err, VMCTL_TRANSPORT, why.sys_errno,
			    "cannot write the output of the command");
	}
	x->have_status = true;
	x->signal = SIGPIPE;
	x->status = 128 + SIGPIPE;
	x->session->eof = x->session->closed = true;
	x->session->held[0] = x->session->held[1] = 0;
	outflow_done(&x->session->out);
	outflow_done(&x->session->err);
	return 0;
}

int session_handle(struct relay *x, struct vmctl_error *err)
{
	struct stream *s = x->session;
	int r = 0;

	if (relay_seen(x, s->at_in))
		r = take_input(x, err);
	if (r == 0 && relay_seen(x, s->at_out))
		r = give_output(x, &s->out, err);
	if (r == 0 && relay_seen(x, s->at_err))
		r = give_output(x, &s->err, err);
	return r;
}
