/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_now(void)
{
	return (int64_t)time(NULL);
}

int64_t clock_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000;
}

const char *clock_rfc3339(int64_t epoch, char buf[CLOCK_TEXT])
{
	time_t t = (time_t)epoch;
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(buf, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, CLOCK_TEXT, "1970-01-01T00:00:00Z");
	return buf;
}

struct wait wait_begin(int64_t timeout_ms, long max_pause_ms)
{
	return (struct wait){
		.deadline_ms =
			timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms,
		.pause_ms = 10,
		.max_pause_ms = max_pause_ms,
	};
}

int64_t wait_left_ms(const struct wait *w)
{
	if (w->deadline_ms < 0)
		return INT64_MAX;
	int64_t left = w->deadline_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

bool wait_more(struct wait *w)
{
	int64_t left = wait_left_ms(w);
	int64_t pause = w->pause_ms < left ? w->pause_ms : left;

	if (left == 0)
		return false;
	struct timespec t = { .tv_sec = pause / 1000,
			      .tv_nsec = pause % 1000 * 1000000 };
	/* A signal cuts the pause short, which is wanted: the caller looks
	 * whether it was interrupted. */
	nanosleep(&t, NULL);
	w->pause_ms = w->pause_ms * 3 / 2;
	if (w->pause_ms > w->max_pause_ms)
		w->pause_ms = w->max_pause_ms;
	return true;
}
