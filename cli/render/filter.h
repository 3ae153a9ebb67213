/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_FILTER_H
#define CLI_RENDER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/render/record.h"

/*
 * --filter: which rows of a list are shown.
 *
 *	state=running and (memory>1G or not name~^test) and created_at>2d
 *
 *	expression = term { "or" term }
 *	term       = factor { "and" factor }
 *	factor     = "not" factor | "(" expression ")" | KEY [ OPERATOR VALUE ]
 *	OPERATOR   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
 *
 * A value may be quoted. It is read as its field is written: sizes and
 * durations with a unit, times in RFC 3339 or as a date, or as a duration,
 *which is the time that long ago. Texts are compared as strverscmp(3) orders
 *them; ~ is an extended regular expression (regex(7)). For a list of texts =
 *means that it has the element. A key alone is true when it has a value. What
 *has none is equal to '' only and neither less nor more than anything.
 */
struct filter;

/* VMCTL_INVALID, naming the place, or the nearest field. *ret is the caller's.
 */
int filter_parse(const struct record *record, const char *text, int64_t now,
		 struct filter **ret, struct vmctl_error *err);
bool filter_match(const struct filter *f, const void *item);
void filter_free(struct filter *f); /* NULL is allowed */

#endif
