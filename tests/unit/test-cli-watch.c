/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli-fake.h"

#include "cli/frame.h"
#include "cli/watch.h"

/* list --watch: what fits on a screen, and which records are news. */

static void frame_is(const char *table, bool header, const char *notice,
		     int columns, int rows, const char *expected)
{
	auto_str out = STR_INIT;

	frame_fit(table, header, notice, columns, rows, &out);
	assert_string_equal(str_text(&out), expected);
}

static void what_fits_is_shown_as_it_is(void **state)
{
	frame_is("NAME\na\nb\n", true, NULL, 80, 3, "NAME\na\nb\n");
	frame_is("NAME\na\nb\n", true, "", 80, 24, "NAME\na\nb\n");
	frame_is("", false, NULL, 80, 24, "");
}

static void rows_that_do_not_fit_are_counted(void **state)
{
	frame_is("NAME\na\nb\nc\n", true, NULL, 80, 3, "NAME\na\n2 more\n");
	frame_is("NAME\na\nb\nc\n", true, NULL, 80, 2, "NAME\n3 more\n");
	/* The heading is no row, whether it is shown or not. */
	frame_is("NAME\na\nb\nc\n", true, NULL, 80, 1, "3 more\n");
	frame_is("a\nb\nc\n", false, NULL, 80, 2, "a\n2 more\n");
	frame_is("a\nb\nc\n", false, NULL, 80, 1, "3 more\n");
	frame_is("a\nb\nc\n", false, NULL, 3, 1, "3 m\n");
}

static void a_notice_is_the_last_line_and_takes_its_place(void **state)
{
	frame_is("NAME\na\n", true, "gone", 80, 3, "NAME\na\ngone\n");
	frame_is("NAME\na\nb\n", true, "gone", 80, 3, "NAME\n2 more\ngone\n");
	frame_is("NAME\na\n", true, "gone", 80, 1, "gone\n");
	frame_is("NAME\na\n", true, "it is gone", 5, 3, "NAME\na\nit is\n");
	/* A wide character is not cut in half. */
	frame_is("", true, "ab\xe6\xbc\xa2", 3, 3, "ab\n");
}

static bool news(struct follow *f, const char *id, const char *line,
		 bool listed)
{
	bool ret;

	assert_int_equal(follow_note(f, id, line, listed, &ret, NULL), 0);
	return ret;
}

static void a_record_is_news_when_it_is_new_or_has_changed(void **state)
{
	struct follow *f = follow_new();

	assert_true(news(f, "i-1", "a", true));
	assert_true(news(f, "i-2", "a", true));
	assert_false(news(f, "i-1", "a", true));
	assert_true(news(f, "i-1", "b", true));
	assert_false(news(f, "i-2", "a", true));
	follow_free(f);
	follow_free(NULL);
}

static void what_leaves_the_list_is_told_once(void **state)
{
	struct follow *f = follow_new();

	/* It never was in it. */
	assert_false(news(f, "i-1", "a", false));
	assert_false(news(f, "i-1", "b", false));
	assert_true(news(f, "i-1", "b", true));
	/* Also when the fields that are shown are the same. */
	assert_true(news(f, "i-1", "b", false));
	assert_false(news(f, "i-1", "b", false));
	assert_false(news(f, "i-1", "c", false));
	assert_true(news(f, "i-1", "b", true));
	follow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_shown_as_it_is),
		cmocka_unit_test(rows_that_do_not_fit_are_counted),
		cmocka_unit_test(a_notice_is_the_last_line_and_takes_its_place),
		cmocka_unit_test(
			a_record_is_news_when_it_is_new_or_has_changed),
		cmocka_unit_test(what_leaves_the_list_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
