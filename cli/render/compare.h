/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_COMPARE_H
#define CLI_RENDER_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/render/record.h"

/* The value of a field as something that can be compared. */
struct value {
	bool none;    /* nothing to show: sorts last, is equal to none only */
	bool is_text; /* else `number` counts */
	double number;
	char *text; /* owned */
};
void value_done(struct value *v);

/* The value that a record has. Lists are joined by ",". */
int value_of(const struct field *field, const void *item, struct value *ret,
	     struct vmctl_error *err);

/* The value that somebody typed for the field; "" is none. VMCTL_INVALID. */
int value_parse(const struct field *field, const char *text, int64_t now,
		struct value *ret, struct vmctl_error *err);

/* -1, 0 or 1. None is after everything. */
int value_compare(const struct value *a, const struct value *b);

/* find.c: the field of that key; VMCTL_INVALID, naming the option and the
 * nearest. One that had to be made, as of a label, is added to *made, which is
 * the caller's. */
struct made;
int field_find(const struct record *record, const char *option, const char *key,
	       size_t len, struct made **made, const struct field **ret,
	       struct vmctl_error *err);
void made_free(struct made *list); /* NULL is allowed */

#endif
