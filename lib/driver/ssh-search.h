/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SSH_SEARCH_H
#define DRIVER_SSH_SEARCH_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Finds out when an ssh server begins to speak at an address, of a guest that
 * boots: sockets of which nothing blocks, for the caller's poll(2). A server
 * speaks first (RFC 4253, section 4.2); what it says is left in the socket,
 * which is then used for the session.
 *
 * A guest whose network is not up yet is silent. User-mode networking even
 * accepts at once for it, and whatever was sent to it then is lost or comes
 * seconds later: a new attempt gets through first. So a silent one is soon
 * followed by another, while the one before it is kept, unless it is known to
 * have reached the guest: a server deserves patience, and is only slowed down
 * by more connections.
 */

enum ssh_stage {
	SSH_STAGE_NONE,	       /* nothing was tried */
	SSH_STAGE_UNREACHABLE, /* no way there, or no answer at all */
	SSH_STAGE_REFUSED,     /* nobody listens at that port */
	SSH_STAGE_CLOSED,      /* accepted, and closed without a word */
	SSH_STAGE_SILENT,      /* accepted, and no word yet */
	SSH_STAGE_SPOKE,       /* a server's first words are there */
};

#define SSH_SEARCH_SOCKETS 2

struct ssh_search {
	char host[46]; /* an address */
	int port;
	enum ssh_stage stage; /* of the newest attempt that tells something */
	struct ssh_attempt {
		int fd; /* -1: none */
		int64_t begun;
		bool connected, reached;
	} attempts[SSH_SEARCH_SOCKETS]; /* the newest first */
	long patience_ms, pause_ms;
	int64_t next; /* when to begin another, of clock_mono_ms() */
};
#define SSH_SEARCH_INIT ((struct ssh_search){ .attempts = { { -1 }, { -1 } } })

/* Begins, or begins again, at once. The host is an IPv4 or IPv6 address. */
void ssh_search_begin(struct ssh_search *s, const char *host, int port);
bool ssh_search_at(const struct ssh_search *s, const char *host, int port);

/* Adds what to poll for; returns how many. */
int ssh_search_fds(const struct ssh_search *s, struct pollfd *out);

/* Looks at all sockets and begins attempts that are due; SSH_STAGE_SPOKE says
 * that a socket is to be taken. *ret_due is when to look again at the latest.
 */
enum ssh_stage ssh_search_step(struct ssh_search *s, int64_t *ret_due);

/* Whether it would begin another attempt now only because nothing is known of
 * the last one; and what says that that one has reached the guest. */
bool ssh_search_unsure(const struct ssh_search *s);
void ssh_search_reached(struct ssh_search *s);

/* The socket that a server speaks on, the caller's; the others are closed. */
int ssh_search_take(struct ssh_search *s);
void ssh_search_done(struct ssh_search *s);

#endif
