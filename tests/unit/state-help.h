/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_STATE_HELP_H
#define TESTS_STATE_HELP_H

/* The order matters: cmocka's macro `fail` hides our function of that name. */
/* clang-format off */
#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

#include "state/state.h"

/* A database in a folder of its own, for the tests of lib/state. */
struct fixture {
	char dir[320];
	struct state *db;
	struct vmctl_error err;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* An SQLite connection must not be carried across fork(2): close it before,
 * and reopen it after. Reopening also shows what the next process sees. */
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);

/* Runs SQL by another connection, as no code of ours would. */
void fixture_sql(const struct fixture *f, const char *sql);

/* The first column of the first row as text, by another connection. Static. */
const char *fixture_ask(const struct fixture *f, const char *sql);

/* Holds the database's write lock, by another connection. */
void *fixture_write_lock(const struct fixture *f);
void fixture_write_unlock(void *lock);

/* 64 hex digits that begin with `begin`. Static. */
const char *digest_of(const char *begin);

/* Adds an image with that name and digest (see digest_of). */
/* A key with this private file, for instances to be made with; named after its
 * public key. */
void key_put(const struct fixture *f, const char *public_key, const char *file);

void image_put(struct fixture *f, const char *name, const char *digest);

/* A complete row of which tests change what they look at. Its strings are
 * literals: never free it. */
struct vmctl_instance sample_instance(unsigned number, const char *name,
				      const char *digest);

/* Its one interface. */
struct state_nic sample_nic(const struct vmctl_instance *row);
#define NIC(row) (struct state_nic[]){ sample_nic(&(row)) }, 1, NULL, 0

/* Adds sample_instance(number, name, digest). */
int instance_put(struct fixture *f, unsigned number, const char *name,
		 const char *digest, enum state_clash *clash);

/* Mounts a small tmpfs of our own ("size=1m") there, in namespaces that end
 * with this process, for one that was forked for it. false: not possible. */
bool small_disk(const char *dir, const char *options);

/* Runs `body` in n processes at once, started together, and gives how many
 * returned 0, 1, 2 … 7. A crash is a failure of the test. */
void race(int n, int (*body)(int which, void *data), void *data, int counts[8]);

#endif
