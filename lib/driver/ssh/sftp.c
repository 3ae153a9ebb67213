/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh/sftp.h"
#include "base/clock.h"

#define START_MS 60000
/* Requests waiting to be sent, beyond which a caller has to wait. */
#define BACKLOG_MAX (4 * 1024 * 1024)
/* What every server takes (draft-ietf-secsh-filexfer-02, 3). */
#define SAFE_BYTES 32768
/* More would only take memory. */
#define LARGE_BYTES (255 * 1024)

static void session_close(struct sftp *s);
static int session_call(struct sftp *s, const struct sftp_call *call,
			const struct events *ev, uint32_t *ret_ticket,
			struct vmctl_error *err);
static int session_wait(struct sftp *s, uint32_t ticket, int64_t deadline,
			const struct events *ev, struct sftp_reply *ret,
			struct vmctl_error *err);
static void session_done(struct sftp_reply *reply);

/* --- a session ----------------------------------------------------------- */

/* Repeats a call of libssh until it is decided. */
#define UNTIL_DONE(s, limit, rc, ev, err, call)                                \
	({                                                                     \
		int r_ = 0;                                                    \
		while (((rc) = (call)) == SSH_AGAIN && r_ == 0)                \
			r_ = (s)->closed ? fail_broken((s)->conn, (err))       \
					 : conn_wait((s)->conn, (limit), (ev), \
						     (err));                   \
		r_;                                                            \
	})

static int start(struct sftp *s, int64_t limit, const struct events *ev,
		 struct vmctl_error *err)
{
	int rc, r = UNTIL_DONE(s, limit, rc, ev, err,
			       ssh_channel_open_session(s->channel));

	if (r < 0)
		return r;
	if (rc != SSH_OK)
		return fail(err, VMCTL_TRANSPORT, 0,
			    "the ssh server at %s opens no session: %s",
			    s->conn->peer, ssh_get_error(s->conn->session));
	r = UNTIL_DONE(s, limit, rc, ev, err,
		       ssh_channel_request_sftp(s->channel));
	if (r < 0)
		return r;
	if (rc != SSH_OK && conn_broken(s->conn))
		return fail_broken(s->conn, err);
	return rc == SSH_OK ? 0 : -VMCTL_UNSUPPORTED;
}

static int fail_no_sftp(const struct sftp *s, struct vmctl_error *err)
{
	fail(err, VMCTL_UNSUPPORTED, 0, "the ssh server at %s has no sftp",
	     s->conn->peer);
	fail_hint(err, "install an sftp server in the guest (in Debian: "
		       "openssh-sftp-server)");
	return -VMCTL_UNSUPPORTED;
}

static int greet(struct sftp *s, int64_t limit, const struct events *ev,
		 struct vmctl_error *err)
{
	int r;

	wire_init(&s->out);
	r = str_check(&s->out, err);
	while (r == 0) {
		pump_run(s);
		if (s->ready)
			return 0;
		/* The server starts the program, which is not there. */
		if (!s->bad && (s->eof || s->closed))
			return fail_no_sftp(s, err);
		r = pump_check(s, err);
		if (r == 0)
			r = pump_wait(s, limit, ev, err);
	}
	return r;
}

static uint32_t limited(uint64_t offered)
{
	if (offered == 0)
		return SAFE_BYTES;
	return offered < LARGE_BYTES ? (uint32_t)offered : LARGE_BYTES;
}

static int ask_limits(struct sftp *s, int64_t limit, const struct events *ev,
		      struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_LIMITS };
	struct sftp_reply reply;
	uint32_t ticket;
	int r;

	s->info.max_read = s->info.max_write = SAFE_BYTES;
	if (!(s->info.features & SFTP_HAS_LIMITS))
		return 0;
	r = session_call(s, &call, ev, &ticket, err);
	if (r == 0)
		r = session_wait(s, ticket, limit, ev, &reply, err);
	if (r < 0)
		return r;
	if (reply.status == SFTP_OK) {
		s->info.max_read = limited(reply.max_read);
		s->info.max_write = limited(reply.max_write);
	}
	session_done(&reply);
	return 0;
}

static int session_open(struct ssh_conn *conn, const struct events *ev,
			struct sftp **ret, struct vmctl_error *err)
{
	int64_t limit = clock_mono_ms() + START_MS;
	struct sftp *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail_oom(err);
	s->conn = conn;
	s->seen = conn->traffic.in_bytes;
	s->heard = s->asked = clock_mono_ms();
	s->channel = ssh_channel_new(conn->session);
	if (!s->channel) {
		free(s);
		return fail_oom(err);
	}
	pump_callbacks(s);
	r = start(s, limit, ev, err);
	if (r == -VMCTL_UNSUPPORTED)
		r = fail_no_sftp(s, err);
	if (r == 0)
		r = greet(s, limit, ev, err);
	if (r == 0)
		r = ask_limits(s, limit, ev, err);
	if (r < 0) {
		session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void session_close(struct sftp *s)
{
	if (!s)
		return;
	if (s->pair)
		s->pair->pair = NULL;
	ssh_remove_channel_callbacks(s->channel, &s->callbacks);
	/* The first call may only get as far as the end of file. */
	if (ssh_channel_is_open(s->channel) &&
	    ssh_channel_close(s->channel) == SSH_AGAIN)
		ssh_channel_close(s->channel);
	ssh_channel_free(s->channel);
	for (size_t i = 0; i < TICKETS; i++)
		free(s->tickets[i].packet);
	free(s->packet);
	str_done(&s->out);
	free(s);
}

static const struct sftp_info *session_info(const struct sftp *s)
{
	return &s->info;
}

static void session_pair(struct sftp *s, struct sftp *other)
{
	if (s->pair)
		s->pair->pair = NULL;
	s->pair = other == s ? NULL : other;
	if (s->pair)
		other->pair = s;
}

/* --- requests and replies ------------------------------------------------ */

static bool too_long(const char *path)
{
	return path && strlen(path) > PATH_BYTES_MAX;
}

/* An answer may lie for long, as that of a folder whose subfolders are copied:
 * places are not taken in turn, but where they are free. NULL: nowhere. */
static struct ticket *free_place(struct sftp *s)
{
	for (uint32_t i = 0; i < TICKETS; i++) {
		uint32_t at = (s->place + i) % TICKETS;

		if (!s->tickets[at].used) {
			s->place = at;
			return &s->tickets[at];
		}
	}
	return NULL;
}

static bool expects_any(const struct sftp *s)
{
	for (size_t i = 0; i < TICKETS; i++)
		if (s->tickets[i].used && !s->tickets[i].done)
			return true;
	return false;
}

static int make_room(struct sftp *s, const struct events *ev,
		     struct ticket **ret, struct vmctl_error *err)
{
	while (!(*ret = free_place(s)) ||
	       s->out.len - s->out_off > BACKLOG_MAX) {
		int r = pump_check(s, err);

		if (r == 0 && !*ret && !expects_any(s))
			return fail(err, VMCTL_INTERNAL, 0,
				    "too many answers are not looked at");
		if (r == 0)
			r = pump_wait(s, -1, ev, err);
		if (r < 0)
			return r;
		pump_run(s);
	}
	return 0;
}

static int session_call(struct sftp *s, const struct sftp_call *call,
			const struct events *ev, uint32_t *ret_ticket,
			struct vmctl_error *err)
{
	struct ticket *t;
	uint32_t id;
	int r;

	if (too_long(call->path) || too_long(call->path2))
		return fail(err, VMCTL_INVALID, 0, "the path is too long");
	r = pump_check(s, err);
	if (r == 0)
		r = make_room(s, ev, &t, err);
	if (r < 0)
		return r;
	/* What was sent makes room at the front. */
	if (s->out_off > BACKLOG_MAX / 2) {
		memmove(s->out.p, s->out.p + s->out_off,
			s->out.len - s->out_off);
		s->out.len -= s->out_off;
		s->out_off = 0;
	}
	id = s->next + s->place;
	wire_request(&s->out, call, id);
	r = str_check(&s->out, err);
	if (r < 0)
		return r;
	*t = (struct ticket){ .id = id,
			      .op = (unsigned char)call->op,
			      .want = call->len,
			      .used = true };
	*ret_ticket = id;
	s->next += TICKETS;
	s->place++;
	/* Large ones go out while the caller prepares the next. */
	if (s->out.len - s->out_off > SAFE_BYTES)
		pump_run(s);
	return 0;
}

static void session_drop(struct sftp *s, uint32_t ticket)
{
	struct ticket *t = &s->tickets[ticket % TICKETS];

	if (!t->used || t->id != ticket)
		return;
	free(t->packet);
	t->packet = NULL;
	if (t->done)
		*t = (struct ticket){ 0 };
	else
		t->dropped = true;
}

static int session_wait(struct sftp *s, uint32_t ticket, int64_t deadline,
			const struct events *ev, struct sftp_reply *ret,
			struct vmctl_error *err)
{
	struct ticket *t = &s->tickets[ticket % TICKETS];
	struct sftp_reply reply;
	const char *bad;
	int r;

	if (!t->used || t->id != ticket)
		return fail(err, VMCTL_INTERNAL, 0,
			    "a reply is waited for "
			    "that nobody asked for");
	while (!t->done) {
		pump_run(s);
		if (t->done)
			break;
		r = pump_check(s, err);
		if (r == 0)
			r = pump_wait(s, deadline, ev, err);
		if (r < 0) {
			session_drop(s, ticket);
			return r;
		}
	}
	bad = wire_reply(t, &reply);
	*t = (struct ticket){ 0 };
	if (bad) {
		s->bad = bad;
		session_done(&reply);
		return pump_check(s, err);
	}
	*ret = reply;
	return 0;
}

static void session_done(struct sftp_reply *reply)
{
	free(reply->names);
	free(reply->packet);
	*reply = SFTP_REPLY_INIT;
}

/* --- the table ----------------------------------------------------------- */

static int module_open(struct ssh_conn *conn, const struct events *ev,
		       struct sftp **ret, struct vmctl_error *err)
{
	struct guard g;
	int r;

	guard_enter(&g, ev);
	r = session_open(conn, ev, ret, err);
	guard_leave(&g);
	return r;
}

static void module_close(struct sftp *s)
{
	struct guard g;

	guard_enter(&g, NULL);
	session_close(s);
	guard_leave(&g);
}

/* What libssh says of each packet of a file does not go to the log. */
static int module_call(struct sftp *s, const struct sftp_call *call,
		       const struct events *ev, uint32_t *ret_ticket,
		       struct vmctl_error *err)
{
	struct sigpipe p;
	int r;

	sigpipe_block(&p);
	r = session_call(s, call, ev, ret_ticket, err);
	sigpipe_restore(&p);
	return r;
}

static int module_wait(struct sftp *s, uint32_t ticket, int64_t deadline,
		       const struct events *ev, struct sftp_reply *ret,
		       struct vmctl_error *err)
{
	struct sigpipe p;
	int r;

	sigpipe_block(&p);
	r = session_wait(s, ticket, deadline, ev, ret, err);
	sigpipe_restore(&p);
	return r;
}

static int module_tend(struct sftp *s, struct vmctl_error *err)
{
	struct sigpipe p;
	int r;

	sigpipe_block(&p);
	r = pump_tend(s, err);
	sigpipe_restore(&p);
	return r;
}

const struct sftp_ops sftp_table = {
	.open = module_open,
	.close = module_close,
	.info = session_info,
	.pair = session_pair,
	.call = module_call,
	.wait = module_wait,
	.drop = session_drop,
	.done = session_done,
	.tend = module_tend,
};
