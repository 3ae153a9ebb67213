/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdint.h>

#include "base/error.h"

/* Sizes: digits and an optional K, M, G or T (powers of 1024; "iB" or "B" may
 * follow). A positive number of bytes up to 2^50. `what` names the value in
 * the message ("--memory"). Without a suffix the number is bytes. */
int parse_size(const char *text, const char *what, int64_t *ret,
	       struct vmctl_error *err);

/* Durations: digits and ms, s, m, h or d; a bare number is seconds; "0" is
 * allowed. At most 10 years. */
int parse_duration(const char *text, const char *what, int64_t *ret_ms,
		   struct vmctl_error *err);

/* A decimal integer within [min, max]; nothing may follow it. */
int parse_int(const char *text, const char *what, int64_t min, int64_t max,
	      int64_t *ret, struct vmctl_error *err);

/* "1.5G", "512M", "0": at most 7 characters. */
#define SIZE_TEXT 24
const char *format_size(int64_t bytes, char buf[SIZE_TEXT]);

/* "350ms", "42s", "3m", "5h", "12d": for tables. */
#define DURATION_TEXT 24
const char *format_duration(int64_t ms, char buf[DURATION_TEXT]);

#endif
