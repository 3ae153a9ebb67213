/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "instance/console.h"
#include "unit.h"

/* The record of the console: what belongs to which start, in which order. */

#define ID "i-00c0ffee"

static char *in_folder(struct stage *s, const char *name)
{
	char *path = str_printf("%s/instances/" ID "/%s", s->place->home, name);

	assert_non_null(path);
	return path;
}

static void put(struct stage *s, const char *name, const char *text)
{
	auto_free char *path = in_folder(s, name);
	auto_free char *dir = strndup(path, (size_t)(path_base(path) - path));

	must(dir_make(dir, 0700, err));
	must(file_write_atomic(path, text, strlen(text), 0600, err));
}

static void tail_is(struct stage *s, size_t n, const char *wanted)
{
	auto_strv char **lines = NULL;
	auto_str all = STR_INIT;

	must(console_tail(s->place->ctx, ID, n, &lines, err));
	for (size_t i = 0; lines[i]; i++)
		str_addf(&all, "%s|", lines[i]);
	assert_string_equal(str_text(&all), wanted);
}

static void the_tail_is_the_last_lines_with_text(void **state)
{
	struct stage *s = *state;

	tail_is(s, 5, "");
	put(s, "console.log", "");
	tail_is(s, 5, "");
	put(s, "console.log", "one\r\ntwo\r\n\r\n  \r\nlogin: ");
	tail_is(s, 1, "login:|");
	tail_is(s, 2, "two|login:|");
	tail_is(s, 9, "one|two|login:|");
	tail_is(s, 0, "");
}

static void the_tail_cannot_move_the_cursor(void **state)
{
	struct stage *s = *state;

	put(s, "console.log",
	    "\033[2J\033[1;31mred\033[0m\033(B\n"
	    "\033]0;title\apast\033Pq\033\\x\n"
	    "10%\r100%\r\n"
	    "\302\233bad\377\n"
	    "\033");
	tail_is(s, 9, "red|pastx|100%|?bad?|");
	/* A sequence without an end takes its line and no more. */
	put(s, "console.log", "a\033]0;for ever\nb\033[1\nc\n");
	tail_is(s, 9, "a|b|c|");
}

static void the_tail_goes_over_the_files_of_this_start_alone(void **state)
{
	struct stage *s = *state;

	put(s, "boots/1/console.log", "first start\n");
	put(s, "console.log.10", "ten ");
	put(s, "console.log.2", "two ");
	put(s, "console.log.0", "zero\n");
	put(s, "console.log", "now\n");
	put(s, "console.logs", "not ours\n");
	put(s, "console.log.x", "not ours\n");
	tail_is(s, 9, "ten two zero|now|");
}

static void a_large_record_has_a_tail_of_its_end(void **state)
{
	struct stage *s = *state;
	auto_str text = STR_INIT;

	for (int i = 0; i < 50000; i++)
		str_addf(&text, "line %d\n", i);
	put(s, "console.log", str_text(&text));
	tail_is(s, 2, "line 49998|line 49999|");
	/* Nor does one without line feeds take memory. */
	memset(text.p, 'x', text.len);
	put(s, "console.log", str_text(&text));
	auto_strv char **lines = NULL;
	must(console_tail(s->place->ctx, ID, 3, &lines, err));
	assert_int_equal(strv_len((const char *const *)lines), 1);
	assert_int_equal(strlen(lines[0]), 1024);
}

static void short_lines_cost_no_more_than_long_ones(void **state)
{
	struct stage *s = *state;
	auto_str text = STR_INIT;

	for (int i = 0; i < 32768; i++)
		str_add(&text, "x\n");
	put(s, "console.log", str_text(&text));
	/* A hundred looks, as often as a waiting command looks in a minute. */
	int64_t begun = clock_mono_ms();
	for (int i = 0; i < 100; i++)
		tail_is(s, 2, "x|x|");
	assert_in_range(clock_mono_ms() - begun, 0, 10000);
}

#define ON_STAGE(f)                                                            \
	cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(the_tail_is_the_last_lines_with_text),
		ON_STAGE(short_lines_cost_no_more_than_long_ones),
		ON_STAGE(the_tail_cannot_move_the_cursor),
		ON_STAGE(the_tail_goes_over_the_files_of_this_start_alone),
		ON_STAGE(a_large_record_has_a_tail_of_its_end),
	};

	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
