/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SSH_RELAY_H
#define DRIVER_SSH_RELAY_H

#include <poll.h>

#include "driver/ssh/session.h"

/*
 * One poll loop for all channels of a connection: the command's own, those of
 * forwarded TCP connections, and those by which the other side reaches the
 * agent of this one. Each is a stream. A slow local reader holds up its own
 * channel, by the channel's window, and no other.
 *
 * Callbacks of libssh may come out of any call to it, also out of writing to
 * another channel. So they only note what happened and append to buffers and
 * to the list of streams; it is the loop that lets go of things.
 */

/* Output waiting for a slow local reader, beyond which a channel's data stays
 * with libssh, whose windows hold another megabyte or two. */
#define BACKLOG_MAX (256 * 1024)

/* What one channel may hold in all. Only a command can come this far, whose two
 * outputs share a window; nothing at all is read from the connection then. */
#define HELD_MAX (8 * 1024 * 1024)

/* Beyond that, connections wait to be accepted. */
#define STREAMS_MAX 400
#define AGENTS_MAX 64 /* of these, what the other side may open */

struct relay;

enum stream_kind { STREAM_SESSION, STREAM_FORWARD, STREAM_AGENT };

/* A channel, and the local descriptors at this end of it. */
struct stream {
	struct stream *next;
	struct relay *relay;
	enum stream_kind kind;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	const struct ssh_forward *forward; /* of a STREAM_FORWARD */
	char origin[64];		   /* its client's address, and port */
	int origin_port;

	bool open; /* the other side agreed to it */
	bool over; /* to be let go */

	/* From here to there. Of a socket, which the stream owns, `in` and
	 * `out.fd` are the same. */
	int in;
	char input[INPUT_MAX];
	size_t in_off, in_len;
	bool in_eof;   /* nothing more will be read */
	bool eof_sent; /* and the other side knows */

	/* From there to here: standard output and error. */
	struct outflow out, err;
	size_t held[2];	  /* bytes of each that libssh still has */
	bool eof, closed; /* the other side said so */
	bool shut;	  /* and the local socket knows */

	int at_in, at_out, at_err; /* places in the relay's poll set, or -1 */
};

struct relay {
	struct ssh_conn *conn;
	const struct events *ev;
	const struct ssh_exec *what;
	struct stream *streams; /* all; the session is the first */
	size_t stream_count, agent_count;
	struct stream *session; /* NULL: none, or it has ended */
	struct tty *tty;	/* NULL: none */
	struct escape escape;
	int64_t sent, got[2]; /* bytes of the command's three streams */
	int64_t in_pause;     /* a background job may not read its terminal */
	int64_t accept_pause; /* too many files are open */

	struct pollfd *polled;
	size_t polled_n, polled_cap;
	int at_conn, at_signals; /* places in it, or -1 */
	int at_listener;	 /* of the first of them, or -1 */

	bool oom;
	bool ended; /* the command has */
	bool whole; /* and all its output was sent */
	int64_t ended_at;
	bool told;   /* that forwarded connections are waited for */
	bool broken; /* the connection is beyond use */
	bool cut;    /* and that was seen from outside */
	bool have_status;
	int status, signal; /* as struct ssh_exit has them */

	int64_t deadline; /* of the command; negative: none */
	bool timed_out;
	bool held; /* as struct ssh_exit has it */
	int own_status;
	bool abandoned;	     /* nothing more is waited for */
	ssh_channel stopper; /* of the script that ends the command, or NULL */

	unsigned long long seen; /* bytes received when last looked at */
	unsigned long long seen_opening;
	int64_t heard, asked; /* when last received, keep-alive sent */
	int64_t looked;	      /* when the machine was last asked after */
	int unanswered;
};

/* relay.c: relays until the command has ended and all its output is written,
 * and what was forwarded has ended too; without a command, until cancelled. */
int relay_run(struct relay *x, struct vmctl_error *err);

/* Adds to the set of this round; the place in it. */
int relay_watch(struct relay *x, int fd, short events);
/* What came of it; 0 for no place. */
short relay_seen(const struct relay *x, int place);

/* --- stop.c --------------------------------------------------------------- */

/* Has the command and all that it started ended, by SIGTERM and, a second
 * later, SIGKILL. false: the server opens no second session for that. */
bool relay_stop_command(struct relay *x);
/* Waits, seconds at most, until SIGTERM is sent: only then may the connection be
 * closed. false: it is not, or nothing was there to be ended. */
bool relay_stop_sent(struct relay *x);
/* Whether that is still going on. */
bool relay_stopping(const struct relay *x);

/* --- stream.c ------------------------------------------------------------ */

/* Takes the channel over, and the socket unless it is -1. Added to the relay's
 * list. NULL when memory is short: nothing was taken then. */
struct stream *stream_new(struct relay *x, enum stream_kind kind,
			  ssh_channel channel, int socket);

/* Closes both ends and forgets it. It must be in the list no more. */
void stream_free(struct stream *s);

/* Lets go of all that are over. */
void streams_sweep(struct relay *x);

/* Whether libssh has data to send that the connection does not take now. It
 * takes nothing else while keys are exchanged anew. */
bool write_pending(const struct relay *x);

size_t stream_pending(const struct stream *s);
/* All that the other side sent is written out. */
bool stream_drained(const struct stream *s);

void stream_watch(struct stream *s, bool may_read);
/* Reads and writes the sockets of one that is not the session. */
void stream_handle(struct stream *s);
/* Does what has become possible without waiting: passes on what was read, takes
 * what libssh held back, and sees whether it is over. */
void stream_settle(struct stream *s);

/* --- session.c: the command's own stream ---------------------------------- */

/* Makes the session's channel and its stream. */
int session_new(struct relay *x, struct vmctl_error *err);
int session_handle(struct relay *x, struct vmctl_error *err);
/* Whether its input may be read now. */
bool session_may_read(const struct relay *x, int64_t now);

/* --- forward.c ----------------------------------------------------------- */

void forwards_watch(struct relay *x, int64_t now);
void forwards_handle(struct relay *x, int64_t now);
/* Sees which of the connections that are being opened have been decided. */
void forwards_settle(struct relay *x);
size_t forwards_open(const struct relay *x);

/* --- agent-forward.c ----------------------------------------------------- */

/* For the connection's whole life: what the other side asks to open is refused
 * unless it is the agent's and the relay under way forwards that. */
void agent_callbacks(struct ssh_conn *conn);

/* Asks the other side to offer the agent; without an agent that is told. */
void agent_forward(struct relay *x);

#endif
