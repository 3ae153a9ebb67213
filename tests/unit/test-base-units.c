/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/undo.h"
#include "base/units.h"

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = { { "1", 1 },
		      { "512M", INT64_C(512) << 20 },
		      { "8G", INT64_C(8) << 30 },
		      { "8GiB", INT64_C(8) << 30 },
		      { "8GB", INT64_C(8) << 30 },
		      { "2k", 2048 },
		      { "100B", 100 },
		      { "1024T", INT64_C(1) << 50 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 0;
		must(parse_size(cases[i].text, "--memory", &v, err));
		assert_true(v == cases[i].bytes);
	}
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const bad[] = {
		"",	     "0",    "0G",	"-1",	 "-1G",
		"+1",	     " 1",   "1 ",	"1x",	 "1GG",
		"1.5G",	     "0x10", "M",	"GiB",	 "1Mi",
		"1iB",	     "9e9",  "999999T", "1025T", "99999999999999999999",
		"1\xc2\xa0G"
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t v = 42;
		must_fail(VMCTL_INVALID,
			  parse_size(bad[i], "--memory", &v, err));
		assert_true(v == 42);
	}
}

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 },	{ "5", 5000 },	  { "300ms", 300 },
		     { "30s", 30000 },	{ "2m", 120000 }, { "8h", 28800000 },
		     { "1d", 86400000 } };
	static const char *const bad[] = { "",	 "s",  "-1s",	"1.5s", "1 s",
					   "1w", "1S", "4000d", "5mss" };
	int64_t v = 0;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		must(parse_duration(good[i].text, "--timeout", &v, err));
		assert_true(v == good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID,
			  parse_duration(bad[i], "--timeout", &v, err));
}

static void integers_stay_in_their_range(void **state)
{
	static const char *const bad[] = {
		"", "0", "256", "1x", "0x1", "-", "99999999999999999999", " 1"
	};
	int64_t v = 0;

	must(parse_int("255", "--cpus", 1, 255, &v, err));
	assert_true(v == 255);
	must(parse_int("-3", "n", -5, 5, &v, err));
	assert_true(v == -3);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID,
			  parse_int(bad[i], "--cpus", 1, 255, &v, err));
}

static void sizes_are_shown_short(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1K" },
		{ 1536, "1.5K" },
		{ INT64_C(512) << 20, "512M" },
		{ (INT64_C(1) << 30) - 1, "1G" },
		{ INT64_C(8) << 30, "8G" },
		{ INT64_C(1) << 50, "1P" },
	};
	char buf[SIZE_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(format_size(cases[i].bytes, buf),
				    cases[i].text);
}

static void durations_are_shown_short(void **state)
{
	char buf[DURATION_TEXT];

	assert_string_equal(format_duration(350, buf), "350ms");
	assert_string_equal(format_duration(42000, buf), "42s");
	assert_string_equal(format_duration(180000, buf), "3m");
	assert_string_equal(format_duration(INT64_C(5) * 3600000, buf), "5h");
	assert_string_equal(format_duration(INT64_C(12) * 86400000, buf),
			    "12d");
}

static void times_are_rfc_3339_in_utc(void **state)
{
	char buf[CLOCK_TEXT];

	assert_string_equal(clock_rfc3339(0, buf), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_rfc3339(1769850000, buf),
			    "2026-01-31T09:00:00Z");
}

static void a_wait_ends_at_its_deadline(void **state)
{
	int64_t begun = clock_mono_ms();
	struct wait w = wait_begin(60, 20);

	/* How often it looks until then is the machine's to say. */
	while (wait_more(&w))
		assert_true(clock_mono_ms() - begun < 60000);
	assert_true(clock_mono_ms() - begun >= 60);
	assert_true(wait_left_ms(&w) == 0);
}

static void a_wait_pauses_longer_each_time_up_to_its_limit(void **state)
{
	struct wait w = wait_begin(-1, 20);
	const int64_t pauses[] = { 10, 15, 20, 20 };

	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		int64_t begun = clock_mono_ns();

		assert_int_equal(w.pause_ms, pauses[i]);
		assert_true(wait_more(&w));
		assert_true(clock_mono_ns() - begun >= pauses[i] * 1000000);
	}
	assert_true(wait_left_ms(&w) == INT64_MAX);
}

struct record {
	char order[8];
	size_t n;
};

static int back_a(void *data, struct vmctl_error *err)
{
	struct record *r = data;

	r->order[r->n++] = 'a';
	return 0;
}

static int back_b(void *data, struct vmctl_error *err)
{
	struct record *r = data;

	r->order[r->n++] = 'b';
	return fail(err, VMCTL_FAILED, 0, "stuck");
}

static int back_c(void *data, struct vmctl_error *err)
{
	struct record *r = data;

	r->order[r->n++] = 'c';
	return 0;
}

static void undo_runs_backwards_and_past_a_failure(void **state)
{
	struct record r = { 0 };
	struct undo u = { 0 };
	struct vmctl_error first;

	must(undo_push(&u, "first", back_a, &r, err));
	must(undo_push(&u, "second", back_b, &r, err));
	must(undo_push(&u, "third", back_c, &r, err));
	assert_int_equal(undo_run(&u, &first), 1);
	assert_string_equal(r.order, "cba");
	assert_string_equal(first.message, "cannot undo second: stuck");
	assert_int_equal(undo_run(&u, &first), 0);
}

static void undo_disarmed_does_nothing(void **state)
{
	struct record r = { 0 };
	struct undo u = { 0 };

	must(undo_push(&u, "first", back_a, &r, err));
	undo_disarm(&u);
	assert_int_equal(undo_run(&u, NULL), 0);
	assert_int_equal(r.n, 0);
}

static void a_full_undo_stack_is_told(void **state)
{
	struct record r = { 0 };
	struct undo u = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(u.entries); i++)
		must(undo_push(&u, "a", back_a, &r, err));
	must_fail(VMCTL_INTERNAL, undo_push(&u, "a", back_a, &r, err));
}

static void json_errors_name_their_source(void **state)
{
	auto_json json_t *v = NULL;
	struct vmctl_error first;

	assert_int_equal(json_parse("{\"a\":1,}", 8, "the answer", &v, &first),
			 -VMCTL_BAD_DATA);
	assert_non_null(strstr(first.message, "the answer"));
	must_fail(VMCTL_BAD_DATA,
		  json_parse("{\"a\":1,\"a\":2}", 13, "x", &v, err));
	must(json_parse("{\"a\":1,\"b\":\"c\"}", 15, "x", &v, err));
	assert_true(json_get_int(v, "a", 0) == 1);
	assert_true(json_get_int(v, "b", 7) == 7);
	assert_string_equal(json_get_string(v, "b", ""), "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(integers_stay_in_their_range),
		cmocka_unit_test(sizes_are_shown_short),
		cmocka_unit_test(durations_are_shown_short),
		cmocka_unit_test(times_are_rfc_3339_in_utc),
		cmocka_unit_test(a_wait_ends_at_its_deadline),
		cmocka_unit_test(
			a_wait_pauses_longer_each_time_up_to_its_limit),
		cmocka_unit_test(undo_runs_backwards_and_past_a_failure),
		cmocka_unit_test(undo_disarmed_does_nothing),
		cmocka_unit_test(a_full_undo_stack_is_told),
		cmocka_unit_test(json_errors_name_their_source),
	};

	return cmocka_run_group_tests_name("base: units, clock, undo, json",
					   tests, NULL, NULL);
}
