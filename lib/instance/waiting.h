/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_WAITING_H
#define INSTANCE_WAITING_H

#include "driver/ssh-search.h"
#include "driver/ssh.h"
#include "instance/instance.h"

/*
 * Waiting for instances. One loop waits for all of them at once, in poll(2):
 * for what the hypervisors report and for the sockets on which an ssh server
 * may begin to speak. Whatever reports nothing, such as a record that another
 * process writes, is looked at from time to time.
 */

#define WAIT_BIT(what) (1u << (what))
#define WAIT_IN_GUEST                                                          \
	(WAIT_BIT(VMCTL_WAIT_IP) | WAIT_BIT(VMCTL_WAIT_AGENT) |                \
	 WAIT_BIT(VMCTL_WAIT_SSH) | WAIT_BIT(VMCTL_WAIT_CLOUD_INIT))
#define WAIT_BY_SSH (WAIT_BIT(VMCTL_WAIT_SSH) | WAIT_BIT(VMCTL_WAIT_CLOUD_INIT))

/* connect.c: what opens an instance, kept over all attempts: the private halves
 * that are there to be used, in the order of the keys, and their public ones;
 * and all public ones, of which an agent may have the other half. Begins as
 * zero. */
struct openers {
	char **files, **public_keys, **agent_keys;
	struct ssh_agent agent; /* when it was asked for */
	bool agent_known;
	const struct ssh_ops *ops;
	struct ssh_keyring *ring;
	long keepalive_ms; /* as struct ssh_target has it */
};
int openers_find(struct vmctl *ctx, const char *id, struct openers *o,
		 struct vmctl_error *err);
void openers_done(struct openers *o);

/* One attempt to open a session, on a socket of ssh_search_take(). Pins the
 * host key where none is known. */
int openers_try(struct vmctl *ctx, struct openers *with,
		struct vmctl_instance *row, const char *user, int socket,
		long timeout_ms, const struct events *ev, struct ssh_conn **ret,
		struct vmctl_error *err);

struct waited {
	struct vmctl_instance *row;
	const char *user;	/* to enter as; NULL: the row's */
	unsigned missing;	/* of enum vmctl_wait, by WAIT_BIT */
	bool over;		/* and how: */
	struct vmctl_error why; /* code 0: all came true */
	/* When to look again, of clock_mono_ms(). */
	int64_t look_at, address_at, agent_at, ssh_at;
	int64_t agent_busy; /* since when others have been with it; 0 */
	int64_t due; /* the earliest of those that matter now */
	/* Until when its hypervisor may be silent, as long as something accepts
	 * at the address of the record. */
	int64_t trusted_until;
	bool known;  /* it was looked at, and its hypervisor answered */
	bool lost;   /* … which it does not do any more */
	bool seen_running;
	bool doubted;	/* it was in error at the last look */
	char ended[96]; /* how it came to stop, as was reported; or empty */
	/* Its ssh server. */
	struct openers openers;
	struct ssh_search search;
	bool moved; /* its port is another than at the last attempt */
	bool by_record; /* … or may be: its hypervisor was not asked yet */
	struct vmctl_error no_ssh; /* why there is no session yet */
	bool keep;		   /* `conn` is wanted by the caller */
	struct ssh_conn *conn;
};

struct waiting {
	struct vmctl *ctx;
	struct waited *targets;
	size_t count;
	int64_t begun, deadline; /* of clock_mono_ms(); deadline -1: none */
	bool once;		 /* look at all, and do not wait */
	struct wait_link {
		const char *uri; /* of a target's row */
		const struct hv_ops *ops;
		struct hv *hv;
		int fd;
	} links[4];
	size_t link_count;
	/* In a session with this one. `ev` is the context's, and also cancels
	 * when the session has become pointless. */
	struct waited *busy;
	struct events ev;
	int64_t console_at; /* when to read the console again */
	char *console;	    /* its last line */
	void (*over)(void *data, size_t index);
	void *data;
};

/* wait-loop.c. The caller fills ctx, targets, count and over (may be NULL), and
 * of each target row, missing, user and keep. Returns when all are over;
 * VMCTL_CANCELLED. */
int waiting_run(struct waiting *w, long timeout_ms, struct vmctl_error *err);
void waited_done(struct waited *t);

/* wait-loop.c: it came true, or not. */
void waited_reached(struct waited *t, enum vmctl_wait what);
void waited_failed(struct waited *t, const struct vmctl_error *why);
int64_t waiting_left(const struct waiting *w); /* INT64_MAX: no limit */
void waiting_progress(struct waiting *w);

/* wait-watch.c: what happens at the hypervisors. Registering comes before the
 * first look. */
void watch_target(struct waiting *w, const struct waited *t);
bool watch_covers(const struct waiting *w, const struct waited *t);
void watch_take(struct waiting *w);
/* Sleeps until something happens, or `until`. */
void watch_sleep(struct waiting *w, int64_t until);

/* wait-look.c: record and state of one; and address and guest agent. */
void look_at_state(struct waiting *w, struct waited *t);
void look_at_address(struct waiting *w, struct waited *t);
void look_at_agent(struct waiting *w, struct waited *t);
bool waited_runs(const struct waited *t);

/* wait-ssh.c: a step towards a session, and what is to be done in it. */
void look_at_ssh(struct waiting *w, struct waited *t);

#endif
