/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_PORT_H
#define INSTANCE_PORT_H

#include <vmctl/port.h>

#include "instance/instance.h"

/* Forwarded ports, inside the subsystem. */

/* --- port-spec.c: what users write ---------------------------------------- */

/* Reads forwards, NULL-terminated (NULL: none), with ranges resolved; where a
 * host port is to be chosen it is 0, and `drawn`. VMCTL_INVALID, also for two
 * that overlap. The caller frees *ret. */
int port_specs_parse(const char *const *specs, struct state_port **ret,
		     size_t *ret_n, struct vmctl_error *err);

/* One or more of `known` by the forms of vmctl_port_remove(), added to
 * `chosen`, which has a place for each of `known`. */
int port_spec_match(const char *spec, const struct state_port *known, size_t n,
		    bool *chosen, struct vmctl_error *err);

/* --- port-draw.c -----------------------------------------------------------
 */

/* A free port of the host beside those of all instances and of `avoid`. */
int port_draw(struct vmctl *ctx, bool udp, const char *address,
	      const struct state_port *avoid, size_t avoid_count, int64_t *ret,
	      struct vmctl_error *err);

/* Chooses the ports that are to be chosen, anew if they were before, and has
 * the others checked against all instances and against this host. */
int ports_settle(struct vmctl *ctx, struct state_port *ports, size_t n,
		 struct vmctl_error *err);

/* Whether ports can be forwarded to one on that connection, by a user-mode
 * interface or to its address; VMCTL_STATE, with what to do. */
int ports_require_way(const char *name, bool has_user, const char *connection,
		      struct vmctl_error *err);
bool instance_has_user(const struct vmctl_instance *row);

/* Whether a relay does it (relay.h), rather than QEMU. */
bool instance_relayed(const struct vmctl_instance *row);

/* --- forward.c --------------------------------------------------------------
 */

/* What became of a forward: reason is empty for an active one. */
struct forward {
	struct state_port port;
	char reason[512];
};
struct forwards {
	struct forward *items;
	size_t count, missing;
	bool waits; /* for the guest's address */
};
void forwards_done(struct forwards *f);
#define auto_forwards auto_cleanup(forwards_done) struct forwards

/*
 * The one way in which forwards are set: sees to it that those of a running
 * instance are, that of ssh and the others, by asking once and adding what is
 * missing. Succeeds also when one of the others cannot be set; fails when ssh's
 * cannot. Needs no lock: who does the same at the same time is noticed, and
 * what is removed meanwhile does not stay.
 */
int forwards_set(struct vmctl *ctx, struct vmctl_instance *row,
		 struct forwards *ret, struct vmctl_error *err);

/* VMCTL_PARTIAL when some are missing, with the first reason. */
int forwards_verdict(const struct forwards *f, const char *name,
		     struct vmctl_error *err);

/* Ends those that are going: of the instance, if it runs, and then in the
 * records. */
int forwards_end(struct vmctl *ctx, struct vmctl_instance *row,
		 struct vmctl_error *err);

/* The same where the lock is not held; leaves them to whoever holds it. */
int forwards_end_idle(struct vmctl *ctx, struct vmctl_instance *row,
		      struct vmctl_error *err);

/* For reap.c: ends what a process that died while starting, adding or removing
 * left. */
int forward_settle(struct vmctl *ctx, struct vmctl_instance *row,
		   struct vmctl_error *err);

#endif
