/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_CONFIG_H
#define INTERNAL_CONFIG_H

#include <vmctl/config.h>

#include "base/error.h"

/* What lib/config gives to the context and the other subsystems. */

struct config;

/* Reads and checks the file; `path` may be NULL or name a file that does not
 * exist. VMCTL_INVALID, naming file and line or setting. */
int config_load(const char *path, struct config **ret, struct vmctl_error *err);
void config_free(struct config *c); /* NULL is allowed */

/* The file's value, else what is built in; NULL or 0 when there is none.
 * (What the environment says is for the caller of the library.) Sizes are
 * bytes, durations milliseconds. */
const char *config_text(const struct config *c, const char *key);
int64_t config_number(const struct config *c, const char *key);

/* A list, NULL-terminated; NULL when it is not set. Borrowed. */
const char *const *config_names(const struct config *c, const char *key);

/* A type by its name; *ret's name is borrowed. VMCTL_NOT_FOUND, with the
 * nearest as hint. */
int config_type(const struct config *c, const char *name,
		struct vmctl_type *ret, struct vmctl_error *err);

#endif
