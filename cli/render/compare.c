/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/compare.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/render/internal.h"

void value_done(struct value *v)
{
	free(v->text);
	v->text = NULL;
}

static bool is_text(const struct field *field)
{
	return field->type == FIELD_STRING || field->type == FIELD_TEXT ||
	       field->type == FIELD_STRINGS || field->type == FIELD_ELEMENT;
}

int value_of(const struct field *field, const void *item, struct value *ret,
	     struct vmctl_error *err)
{
	const char *at = (const char *)item + field->offset;
	auto_str text = STR_INIT;

	*ret = (struct value){ .is_text = is_text(field) };
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_STRINGS:
	case FIELD_ELEMENT:
		cell_raw(field, item, &text);
		ret->none = !text.len;
		return str_take(&text, &ret->text, err);
	case FIELD_BOOL:
		ret->number = *(const bool *)at;
		return 0;
	case FIELD_REAL:
		ret->number = *(const double *)at;
		return 0;
	case FIELD_INT:
	case FIELD_SIZE:
	case FIELD_TIME:
	case FIELD_DURATION:
		ret->none = cell_none(field, item);
		ret->number = (double)*(const int64_t *)at;
		return 0;
	}
	return 0;
}

int value_compare(const struct value *a, const struct value *b)
{
	int c;

	if (a->none || b->none)
		return a->none - b->none;
	if (!a->is_text)
		return (a->number > b->number) - (a->number < b->number);
	c = strverscmp(a->text, b->text);
	return (c > 0) - (c < 0);
}

/* --- what somebody typed ------------------------------------------------- */

static int fail_value(const struct field *field, const char *text,
		      const char *wanted, struct vmctl_error *err)
{
	return fail(err, VMCTL_INVALID, 0, "%s: '%s' is not %s", field->key,
		    text, wanted);
}

static int parse_bool(const struct field *field, const char *text, double *ret,
		      struct vmctl_error *err)
{
	static const char *const words[] = { "no", "yes", "false", "true",
					     NULL };

	for (int i = 0; words[i]; i++) {
		if (str_eq(words[i], text)) {
			*ret = i % 2;
			return 0;
		}
	}
	return fail_value(field, text, "yes or no", err);
}

static int parse_real(const struct field *field, const char *text, double *ret,
		      struct vmctl_error *err)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(*ret))
		return fail_value(field, text, "a number", err);
	return 0;
}

/* "2026-01-31", or with "T09:00" or "T09:00:00", and "Z" or nothing: UTC as in
 * what is shown. */
static bool parse_stamp(const char *text, double *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && (!*end || str_eq(end, "Z"))) {
			*ret = (double)timegm(&tm);
			return true;
		}
	}
	return false;
}

static int parse_time(const struct field *field, const char *text, int64_t now,
		      double *ret, struct vmctl_error *err)
{
	int64_t ms;

	if (parse_stamp(text, ret))
		return 0;
	if (!isdigit((unsigned char)*text) ||
	    parse_duration(text, field->key, &ms, NULL) < 0)
		return fail_value(field, text,
				  "a time as 2026-01-31T09:00:00Z or 2h", err);
	*ret = (double)(field->flags & FIELD_AHEAD ? now + ms / 1000
						   : now - ms / 1000);
	return 0;
}

int value_parse(const struct field *field, const char *text, int64_t now,
		struct value *ret, struct vmctl_error *err)
{
	struct value v = { .is_text = is_text(field), .none = !*text };
	int64_t n = 0;
	int r = 0;

	if (v.is_text) {
		v.text = strdup(text);
		r = v.text ? 0 : fail_oom(err);
	} else if (!v.none) {
		switch (field->type) {
		case FIELD_BOOL:
			r = parse_bool(field, text, &v.number, err);
			break;
		case FIELD_TIME:
			r = parse_time(field, text, now, &v.number, err);
			break;
		case FIELD_SIZE:
			/* parse_size() has no use for nothing. */
			if (!str_eq(text, "0"))
				r = parse_size(text, field->key, &n, err);
			v.number = (double)n;
			break;
		case FIELD_DURATION:
			r = parse_duration(text, field->key, &n, err);
			v.number = (double)n;
			break;
		default:
			r = parse_real(field, text, &v.number, err);
		}
	}
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}
