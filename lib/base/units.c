/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Leading digits only: no sign, no white space, no hexadecimal, which
 * strtoll() would take. */
static int digits(const char *text, const char **end, int64_t *ret)
{
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	char *stop;
	errno = 0;
	long long v = strtoll(text, &stop, 10);
	*end = stop;
	*ret = v;
	return errno ? -ERANGE : 0;
}

int parse_size(const char *text, const char *what, int64_t *ret,
	       struct vmctl_error *err)
{
	static const char units[] = "KMGT";
	const int64_t most = INT64_C(1) << 50;
	const char *end;
	int64_t v;
	int r = digits(text, &end, &v);

	if (r == -EINVAL)
		goto malformed;

	int64_t unit = 1;
	const char *u =
		*end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (u) {
		unit = INT64_C(1) << (10 * (u - units + 1));
		end++;
		if (end[0] == 'i' && end[1] == 'B')
			end += 2;
		else if (end[0] == 'B')
			end++;
	} else if (end[0] == 'B') {
		end++;
	}
	if (*end)
		goto malformed;
	if (v == 0)
		return fail(err, VMCTL_INVALID, 0, "%s must be more than 0",
			    what);
	if (r || v > most / unit)
		return fail(err, VMCTL_INVALID, 0, "%s is too large: %s", what,
			    text);
	*ret = v * unit;
	return 0;
malformed:
	fail(err, VMCTL_INVALID, 0, "%s is not a size: '%s'", what, text);
	fail_hint(err,
		  "a size is a number with K, M, G or T, as in 512M or 8G");
	return -VMCTL_INVALID;
}

int parse_duration(const char *text, const char *what, int64_t *ret_ms,
		   struct vmctl_error *err)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "", 1000 },   { "ms", 1 },	{ "s", 1000 },
		      { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	const int64_t most = INT64_C(10) * 366 * 86400000;
	const char *end;
	int64_t v;
	int r = digits(text, &end, &v);

	for (size_t i = 0; r != -EINVAL && i < sizeof(units) / sizeof(*units);
	     i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (r || v > most / units[i].ms)
			return fail(err, VMCTL_INVALID, 0, "%s is too long: %s",
				    what, text);
		*ret_ms = v * units[i].ms;
		return 0;
	}
	fail(err, VMCTL_INVALID, 0, "%s is not a duration: '%s'", what, text);
	fail_hint(err, "a duration is a number with ms, s, m, h or d, as in "
		       "30s or 8h");
	return -VMCTL_INVALID;
}

int parse_int(const char *text, const char *what, int64_t min, int64_t max,
	      int64_t *ret, struct vmctl_error *err)
{
	const char *end;
	int64_t v;
	bool negative = text[0] == '-';
	int r = digits(text + negative, &end, &v);

	if (r == -EINVAL || *end)
		return fail(err, VMCTL_INVALID, 0, "%s is not a number: '%s'",
			    what, text);
	v = negative ? -v : v;
	if (r || v < min || v > max)
		return fail(err, VMCTL_INVALID, 0,
			    "%s must be from %lld to %lld, not %s", what,
			    (long long)min, (long long)max, text);
	*ret = v;
	return 0;
}

const char *format_size(int64_t bytes, char buf[SIZE_TEXT])
{
	static const char units[] = "BKMGTP";
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024 && units[u + 1]) {
		v /= 1024;
		u++;
	}
	/* 1023.97K would round to "1024K". */
	if (v >= 1023.5 && units[u + 1]) {
		v /= 1024;
		u++;
	}
	if (u == 0) {
		*int_encode(bytes, buf) = '\0';
	} else if (v == (double)(int64_t)v) { /* as most are */
		char *end = int_encode((int64_t)v, buf);

		end[0] = units[u];
		end[1] = '\0';
	} else if (v < 9.95 && (int64_t)(v * 10 + 0.5) % 10) {
		snprintf(buf, SIZE_TEXT, "%.1f%c", v, units[u]);
	} else {
		snprintf(buf, SIZE_TEXT, "%.0f%c", v, units[u]);
	}
	return buf;
}

const char *format_duration(int64_t ms, char buf[DURATION_TEXT])
{
	static const struct {
		int64_t from, unit;
		const char *name;
	} steps[] = { { INT64_C(172800000), 86400000, "d" },
		      { 7200000, 3600000, "h" },
		      { 120000, 60000, "m" },
		      { 1000, 1000, "s" },
		      { INT64_MIN, 1, "ms" } };

	for (size_t i = 0;; i++) {
		if (ms >= steps[i].from) {
			char *end = int_encode(ms / steps[i].unit, buf);

			memcpy(end, steps[i].name, strlen(steps[i].name) + 1);
			return buf;
		}
	}
}
