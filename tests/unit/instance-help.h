/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INSTANCE_HELP_H
#define TESTS_INSTANCE_HELP_H

#include "image-help.h"

#include "../fakes/fake.h"

/* A home with the image "mini" and the fake hypervisor, for the tests of
 * lib/instance: no machine runs, and what a process leaves that dies, or that
 * fails, at any call can be seen. */
struct stage {
	struct place *place;
	struct fake *hv;
	struct fixture db; /* for fixture_ask() only */
	struct vmctl_error err;
};

int stage_setup(void **state);
int stage_teardown(void **state);

/* Makes the instance "web1" or another. */
int stage_create(struct stage *s, const char *name);
int create_in(struct vmctl *ctx, const char *name, struct vmctl_error *err);
/* The same with what `more` has beside its size: name, networks, ports … */
int create_with(struct vmctl *ctx, const struct vmctl_instance_create *more,
		struct vmctl_error *err);

/* Ports that no other run of this program uses at the same time: the first and
 * up to 19 behind it; and "PORT:REST", which holds for eight calls. */
int own_port(int offset);
const char *spec_at(int offset, const char *rest);

/* Runs `body` in another process. 0, -code, or 1: it was killed, by the fake
 * or, unless that is 0, after so many microseconds. */
int in_process(struct stage *s,
	       int (*body)(struct vmctl *ctx, struct vmctl_error *err),
	       long kill_us);

/* What `show` and `list` say of an instance; VMCTL_STATE_COUNT: nothing. */
enum vmctl_state state_of(struct stage *s, const char *name);

/* That nothing is held: no domain, address, port, folder or intent. (The file
 * of a lock that nobody holds means nothing.) */
void nothing_is_held(struct stage *s);

/* Domains and reservations alone. */
int domains_of(const struct stage *s);

#endif
