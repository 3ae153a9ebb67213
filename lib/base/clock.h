/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_now(void);     /* seconds since the epoch */
int64_t clock_mono_ms(void); /* for intervals; never goes back */
int64_t clock_mono_ns(void);

/* RFC 3339 in UTC, "2026-01-31T09:00:00Z". */
#define CLOCK_TEXT 32
const char *clock_rfc3339(int64_t epoch, char buf[CLOCK_TEXT]);

/*
 * Waiting with a deadline, for conditions that only polling can see. The pause
 * between two looks grows from 10 ms to `max_pause_ms`.
 *
 *	struct wait w = wait_begin(timeout_ms, 500);
 *	while (!ready()) {
 *		if (!wait_more(&w)) return fail(err, VMCTL_TIMEOUT, …);
 *	}
 */
struct wait {
	int64_t deadline_ms; /* of clock_mono_ms(); negative: none */
	long pause_ms, max_pause_ms;
};
struct wait wait_begin(int64_t timeout_ms, long max_pause_ms);
bool wait_more(struct wait *w);		    /* sleeps; false: time is up */
int64_t wait_left_ms(const struct wait *w); /* 0 when up; INT64_MAX: none */

#endif
