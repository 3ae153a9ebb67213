/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/units.h"
#include "cli/render/internal.h"

/* One field of one record as text or JSON. */

static const void *member(const struct field *field, const void *item)
{
	return (const char *)item + field->offset;
}

static int64_t number(const struct field *field, const void *item)
{
	return *(const int64_t *)member(field, item);
}

static double real(const struct field *field, const void *item)
{
	return *(const double *)member(field, item);
}

/* To the two digits that are shown. */
static double rounded(double v)
{
	return (double)(int64_t)(v * 100 + (v < 0 ? -0.5 : 0.5)) / 100;
}

bool cell_none(const struct field *field, const void *item)
{
	if (field->flags & FIELD_BELOW_NONE && number(field, item) < 0)
		return true;
	return (field->type == FIELD_TIME || field->flags & FIELD_ZERO_NONE) &&
	       number(field, item) == 0;
}

static const char *const *list_of(const struct field *field, const void *item)
{
	return *(const char *const *const *)member(field, item);
}

/* Of "env=prod", for "label.env". */
static const char *element_of(const struct field *field, const void *item)
{
	const char *const *list = list_of(field, item);
	const char *key = strchr(field->key, '.') + 1;
	size_t len = strlen(key);

	for (size_t i = 0; list && list[i]; i++)
		if (str_starts(list[i], key) && list[i][len] == '=')
			return list[i] + len + 1;
	return NULL;
}

/* NULL for what is missing or empty. */
static const char *text_of(const struct field *field, const void *item)
{
	const char *text = field->type == FIELD_TEXT ? field->text(item)
			   : field->type == FIELD_ELEMENT
				   ? element_of(field, item)
				   : *(char *const *)member(field, item);

	return text && *text ? text : NULL;
}

static void add_joined(const char *const *list, const char *separator,
		       struct str *out)
{
	for (size_t i = 0; list && list[i]; i++) {
		str_add(out, i ? separator : "");
		str_add(out, list[i]);
	}
}

static void add_printable(const char *text, struct str *out)
{
	str_add_printable(out, text, strlen(text), false);
}

static void add_strings(const char *const *list, bool full, struct str *out)
{
	auto_str joined = STR_INIT;

	add_joined(list, full ? ", " : ",", &joined);
	add_printable(str_text(&joined), out);
	out->oom |= joined.oom;
}

/* How long ago, or how long until then. */
static void add_age(const struct field *field, int64_t when, int64_t now,
		    struct str *out)
{
	bool ahead = field->flags & FIELD_AHEAD;
	int64_t seconds = ahead ? when - now : now - when;
	char age[DURATION_TEXT];

	str_add(out, ahead ? "in " : "");
	/* Clocks are set: what was a moment ago may seem to be to come. */
	str_add(out, seconds > 0 ? format_duration(seconds * 1000, age) : "0s");
}

void cell_human(const struct field *field, const void *item, int64_t now,
		bool full, struct str *out)
{
	char buf[DURATION_TEXT], stamp[CLOCK_TEXT];
	const char *text;
	size_t before = out->len;

	if (cell_none(field, item)) {
		str_addc(out, '-');
		return;
	}
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_ELEMENT:
		text = text_of(field, item);
		if (text)
			add_printable(text, out);
		break;
	case FIELD_STRINGS:
		add_strings(list_of(field, item), full, out);
		break;
	case FIELD_INT:
		str_addi(out, number(field, item));
		break;
	case FIELD_SIZE:
		str_add(out, format_size(number(field, item), buf));
		break;
	case FIELD_DURATION:
		str_add(out, format_duration(number(field, item), buf));
		break;
	case FIELD_TIME:
		if (full)
			str_add(out, clock_rfc3339(number(field, item), stamp));
		else
			add_age(field, number(field, item), now, out);
		break;
	case FIELD_BOOL:
		str_add(out, *(const bool *)member(field, item) ? "yes" : "no");
		break;
	case FIELD_REAL:
		str_addf(out, "%.2f", real(field, item));
		break;
	}
	if (out->len == before)
		str_addc(out, '-');
}

/* Milliseconds as seconds, without a fraction that is none. */
static void add_seconds(int64_t ms, struct str *out)
{
	if (ms % 1000)
		str_addf(out, "%.3f", (double)ms / 1000);
	else
		str_addi(out, ms / 1000);
}

void cell_raw(const struct field *field, const void *item, struct str *out)
{
	char stamp[CLOCK_TEXT];

	if (cell_none(field, item))
		return;
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_ELEMENT:
		str_add(out, text_of(field, item));
		break;
	case FIELD_STRINGS:
		add_joined(list_of(field, item), ",", out);
		break;
	case FIELD_INT:
	case FIELD_SIZE:
		str_addi(out, number(field, item));
		break;
	case FIELD_DURATION:
		add_seconds(number(field, item), out);
		break;
	case FIELD_TIME:
		str_add(out, clock_rfc3339(number(field, item), stamp));
		break;
	case FIELD_BOOL:
		str_add(out,
			*(const bool *)member(field, item) ? "true" : "false");
		break;
	case FIELD_REAL:
		str_addf(out, "%.2f", real(field, item));
		break;
	}
}

/* jansson takes UTF-8 only; bytes that are none become '?'. */
static json_t *json_of_text(const char *text)
{
	auto_free char *safe = NULL;

	if (!text)
		return json_null();
	if (str_is_utf8(text, strlen(text)))
		return json_string(text);
	safe = str_printable(text, strlen(text), true);
	return safe ? json_string(safe) : NULL;
}

static json_t *json_of_list(const char *const *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && list && list[i]; i++) {
		if (json_array_append_new(array, json_of_text(list[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *cell_json(const struct field *field, const void *item)
{
	char stamp[CLOCK_TEXT];
	int64_t n;

	if (cell_none(field, item))
		return json_null();
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_ELEMENT:
		return json_of_text(text_of(field, item));
	case FIELD_STRINGS:
		return json_of_list(list_of(field, item));
	case FIELD_INT:
	case FIELD_SIZE:
		return json_integer(number(field, item));
	case FIELD_DURATION:
		n = number(field, item);
		return n % 1000 ? json_real((double)n / 1000)
				: json_integer(n / 1000);
	case FIELD_TIME:
		return json_string(clock_rfc3339(number(field, item), stamp));
	case FIELD_BOOL:
		return json_boolean(*(const bool *)member(field, item));
	case FIELD_REAL:
		return json_real(rounded(real(field, item)));
	}
	return NULL;
}

const char *cell_color(const struct field *field, const char *text)
{
	static const struct {
		const char *state, *sgr;
	} colors[] = {
		{ "running", "32" },   { "ok", "32" },
		{ "yes", "32" },       { "pending", "33" },
		{ "stopping", "33" },  { "unknown", "33" },
		{ "paused", "36" },    { "suspended", "36" },
		{ "error", "31" },     { "failed", "31" },
		{ "no", "31" },	       { "stopped", "2" },
		{ "terminated", "2" },
	};

	if (!(field->flags & FIELD_STATE))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(colors); i++) {
		if (str_eq(colors[i].state, text))
			return colors[i].sgr;
	}
	return NULL;
}
