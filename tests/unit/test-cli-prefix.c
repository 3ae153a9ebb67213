/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include "cli/outcome.h"
#include "cli/prefix.h"

/* `bytes` fed in pieces of every size give the same lines. */
static void gives(bool terminal, const char *bytes, size_t n, const char *want,
		  size_t want_len)
{
	for (size_t piece = 1; piece <= n; piece++) {
		struct prefixer p;
		auto_str out = STR_INIT;

		assert_int_equal(
			prefixer_init(&p, "a", 2, 0, false, terminal, NULL), 0);
		for (size_t at = 0; at < n; at += piece)
			prefixer_feed(&p, bytes + at,
				      n - at < piece ? n - at : piece, &out);
		prefixer_end(&p, &out);
		prefixer_done(&p);
		assert_int_equal(out.len, want_len);
		assert_memory_equal(str_text(&out), want, want_len);
	}
}
#define GIVES(terminal, bytes, want)                                           \
	gives(terminal, bytes, sizeof(bytes) - 1, want, sizeof(want) - 1)

static void lines_have_the_name_in_front(void **state)
{
	GIVES(false, "x\ny\n", "a  | x\na  | y\n");
	GIVES(false, "x\n\n\ny", "a  | x\na  | \na  | \na  | y\n");
	GIVES(false, "\n", "a  | \n");
	GIVES(false, "x\r\ny\0z\377\n", "a  | x\r\na  | y\0z\377\n");
}

static void a_terminal_is_not_steered_by_a_guest(void **state)
{
	GIVES(true, "x\r\n", "a  | x\n");
	GIVES(true, "10%\r20%\r\n", "a  | 10%\ra  | 20%\n");
	GIVES(true, "\033]0;t\007\t\302\233x\303\274\n",
	      "a  | ?]0;t?\t?x\303\274\n");
}

static void a_line_beyond_measure_is_cut(void **state)
{
	size_t n = 2 * PREFIX_LINE_MAX + 1;
	auto_free char *bytes = malloc(n + 1);
	struct prefixer p;
	auto_str out = STR_INIT;

	memset(bytes, 'x', n);
	bytes[n] = '\n';
	assert_int_equal(prefixer_init(&p, "a", 1, 0, false, false, NULL), 0);
	prefixer_feed(&p, bytes, n + 1, &out);
	assert_int_equal(p.line.len, 0);
	assert_int_equal(out.len, n + 3 * strlen("a | \n"));
	/* One that just fits is one. */
	str_done(&out);
	prefixer_feed(&p, bytes, PREFIX_LINE_MAX, &out);
	assert_int_equal(out.len, 0);
	prefixer_feed(&p, "\n", 1, &out);
	assert_int_equal(out.len, PREFIX_LINE_MAX + strlen("a | \n"));
	prefixer_done(&p);
}

static const struct outcome ok = { .ran = true };
static const struct outcome one = { .ran = true, .status = 1 };
static const struct outcome killed = { .ran = true, .status = 137 };
static const struct outcome late = { .ran = true, .status = 124 };
static const struct outcome unknown = { .status = 3 };
static const struct outcome off = { .status = 4 };
static const struct outcome broken = { .status = 255 };

static void together_they_end_as_the_worst(void **state)
{
#define STATUS(...)                                                            \
	outcomes_status((const struct outcome[]){ __VA_ARGS__ },               \
			sizeof((const struct outcome[]){ __VA_ARGS__ }) /      \
				sizeof(struct outcome))
	assert_int_equal(STATUS(ok, ok), 0);
	assert_int_equal(STATUS(one, ok), 1);
	assert_int_equal(STATUS(ok, late, one), 124);
	assert_int_equal(STATUS(killed, late), 137);
	assert_int_equal(STATUS(ok, off), 6);
	assert_int_equal(STATUS(one, unknown), 6);
	assert_int_equal(STATUS(late, unknown), 124);
	assert_int_equal(STATUS(ok, broken, killed), 255);
	assert_int_equal(STATUS(unknown, unknown), 3);
	assert_int_equal(STATUS(off, unknown), 6);
	assert_int_equal(STATUS(broken, broken), 255);
	assert_int_equal(STATUS(broken, off), 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_the_name_in_front),
		cmocka_unit_test(a_terminal_is_not_steered_by_a_guest),
		cmocka_unit_test(a_line_beyond_measure_is_cut),
		cmocka_unit_test(together_they_end_as_the_worst),
	};

	return cmocka_run_group_tests_name("cli-prefix", tests, NULL, NULL);
}
