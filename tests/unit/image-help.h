/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_IMAGE_HELP_H
#define TESTS_IMAGE_HELP_H

#include "state-help.h"

#include <vmctl/vmctl.h>

#include "image/image.h" /* auto_image */

/* A home of its own with a context, for the tests of lib/image. */
struct place {
	char dir[256], home[280];
	struct vmctl *ctx;
	struct vmctl_error err;
	int cancel_at; /* say yes to `cancelled` at the nth question; 0: no */
	int asked;
};

int place_setup(void **state);
int place_teardown(void **state);

/* Another context on the same home, as another process would have. */
struct vmctl *place_context(struct place *p);

/* p->dir/name, allocated. */
char *place_path(const struct place *p, const char *name);

/* Runs a program that must succeed. Ended by NULL. */
void run_program(const char *program, ...) __attribute__((sentinel));

/* A raw disk of `size` bytes with a boot sector and contents that depend on
 * `seed`. The caller frees the path. */
char *make_raw(struct place *p, const char *name, size_t size, unsigned seed);

/* The same as qcow2, with compressed clusters on demand. */
char *make_qcow2(struct place *p, const char *name, unsigned seed,
		 bool compressed);

/* Overwrites bytes of a file. */
void patch(const char *path, long at, const void *bytes, size_t n);

/* Imports with nothing but file and name. */
int import(struct place *p, const char *file, const char *name,
	   struct vmctl_image **ret);

/* How many files are in the images folder, hidden ones too. */
int stored_files(const struct place *p);

#endif
