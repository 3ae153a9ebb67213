/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <errno.h>

#include "base/str.h"

static void a_string_grows_and_stays_terminated(void **state)
{
	auto_str s = STR_INIT;
	char *text = NULL;

	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%03d,", i);
	assert_int_equal(s.len, 4000);
	assert_int_equal(strlen(str_text(&s)), 4000);
	must(str_take(&s, &text, err));
	assert_memory_equal(text, "000,001,", 8);
	assert_ptr_equal(s.p, NULL);
	free(text);
}

static void taking_an_empty_string_gives_a_string(void **state)
{
	auto_str s = STR_INIT;
	char *text = NULL;

	must(str_take(&s, &text, err));
	assert_string_equal(text, "");
	free(text);
}

static void bytes_with_nul_are_kept(void **state)
{
	auto_str s = STR_INIT;

	str_addn(&s, "a\0b", 3);
	str_addc(&s, 'c');
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.p, "a\0bc", 5);
}

static void a_size_beyond_all_memory_is_remembered_as_failure(void **state)
{
	auto_str s = STR_INIT;

	str_add(&s, "x");
	assert_false(str_reserve(&s, SIZE_MAX - 10));
	str_add(&s, "y");
	assert_string_equal(str_text(&s), "x");
	must_fail(VMCTL_NO_MEMORY, str_check(&s, err));
}

static void utf8_is_judged_as_rfc_3629_says(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool good;
	} cases[] = {
		{ "", 0, true },
		{ "plain", 5, true },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, true },
		{ "\xf4\x8f\xbf\xbf", 4, true }, /* U+10FFFF */
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xc0\x80", 2, false },     /* overlong NUL */
		{ "\xe0\x80\xaf", 3, false }, /* overlong slash */
		{ "\xed\xa0\x80", 3, false }, /* surrogate */
		{ "\xe2\x82", 2, false },     /* cut */
		{ "\x80", 1, false },
		{ "\xff", 1, false },
		{ "a\0b", 3, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(str_is_utf8(cases[i].bytes, cases[i].n),
				 cases[i].good);
}

static void what_moves_a_cursor_is_replaced(void **state)
{
	static const struct {
		const char *in, *line, *text;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "\x1b[2Jx", "?[2Jx", "?[2Jx" },
		{ "a\nb\tc", "a?b?c", "a\nb\tc" },
		{ "a\rb\x7f", "a?b?", "a?b?" },
		{ "\xc2\x9b"
		  "31m",
		  "?31m", "?31m" }, /* C1 CSI in UTF-8 */
		{ "\xe2\x80\xae"
		  "abc",
		  "?abc", "?abc" }, /* right to left */
		{ "\xff\xc3", "??", "??" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f",
		  "gr\xc3\xbc\xc3\x9f" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].in);
		auto_free char *line = str_printable(cases[i].in, n, false);
		auto_free char *text = str_printable(cases[i].in, n, true);
		assert_string_equal(line, cases[i].line);
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_added_follows_what_is_there(void **state)
{
	auto_str s = STR_INIT;
	char expected[300];

	str_fill(&s, '-', 3);
	str_fill(&s, '-', 0);
	str_add_printable(&s,
			  "a\x1b"
			  "b",
			  3, false);
	str_add_printable(&s, "", 0, false);
	assert_string_equal(str_text(&s), "---a?b");
	/* Longer than what is left, as it is when printed first. */
	str_addf(&s, "%0200d|%s", 7, "x");
	snprintf(expected, sizeof(expected), "---a?b%0200d|x", 7);
	assert_string_equal(str_text(&s), expected);
	assert_int_equal(s.len, strlen(expected));
	/* Exactly what is left, and one more. */
	for (size_t left = 0; left < 2; left++) {
		auto_str t = STR_INIT;

		str_fill(&t, 'x', 60);
		str_addf(&t, "%s", left ? "1234" : "123");
		assert_int_equal(t.len, left ? 64 : 63);
		assert_int_equal(strlen(t.p), t.len);
	}
}

static void words_are_parted_by_blanks_and_tabs(void **state)
{
	auto_strv char **words = NULL, **none = NULL;

	assert_int_equal(strv_words(" less\t -R  --x='a b' ", &words), 0);
	assert_int_equal(strv_len((const char *const *)words), 4);
	assert_string_equal(words[0], "less");
	assert_string_equal(words[1], "-R");
	assert_string_equal(words[3], "b'");
	assert_int_equal(strv_words(" \t", &none), 0);
	assert_null(none[0]);
}

static void a_list_of_strings_grows(void **state)
{
	auto_strv char **v = NULL;

	assert_int_equal(strv_len(NULL), 0);
	assert_int_equal(strv_append(&v, "one"), 0);
	assert_int_equal(strv_append(&v, "two"), 0);
	auto_strv char **copy = strv_dup((const char *const *)v);
	assert_int_equal(strv_len((const char *const *)copy), 2);
	assert_string_equal(copy[1], "two");
	assert_null(copy[2]);
}

static void numbers_are_written_as_printf_does(void **state)
{
	static const int64_t numbers[] = {
		0, 7, -1, 10, 1099511627776, INT64_MAX, INT64_MIN
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		auto_free char *expected =
			str_printf("n%lld", (long long)numbers[i]);
		auto_str s = STR_INIT;

		str_addc(&s, 'n');
		str_addi(&s, numbers[i]);
		assert_string_equal(s.p, expected);
	}
}

static void the_nearest_word_is_near(void **state)
{
	const char *const words[] = { "create", "delete", "list", "ls", NULL };

	assert_string_equal(str_nearest("craete", words), "create");
	assert_string_equal(str_nearest("delet", words), "delete");
	assert_string_equal(str_nearest("lsit", words), "list");
	assert_null(str_nearest("snapshot", words));
	assert_null(str_nearest("", words));
	assert_null(str_nearest("x", words));
	/* The only one that begins so; case does not count. */
	assert_string_equal(str_nearest("del", words), "delete");
	assert_string_equal(str_nearest("LIST", words), "list");
}

static void base64_agrees_with_rfc_4648(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		auto_free char *e =
			base64_encode(pairs[i][0], strlen(pairs[i][0]));
		auto_free unsigned char *d = NULL;
		size_t n;

		assert_string_equal(e, pairs[i][1]);
		must(base64_decode(e, strlen(e), &d, &n, err));
		assert_int_equal(n, strlen(pairs[i][0]));
		assert_memory_equal(d, pairs[i][0], n);
	}
}

static void base64_that_is_not_strict_is_refused(void **state)
{
	static const char *const bad[] = {
		"Zg",	 "Zg=",	   "Zg===", "Z===",	"Zh==", "Zm9=",
		"Zm 9v", "Zm9v\n", "=AAA",  "Zg==Zg==", "Zm9-"
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		unsigned char *d;
		size_t n;
		must_fail(VMCTL_BAD_DATA,
			  base64_decode(bad[i], strlen(bad[i]), &d, &n, err));
	}
}

static void errors_carry_code_reason_and_safe_text(void **state)
{
	struct vmctl_error err = { 0 };

	assert_int_equal(fail(&err, VMCTL_NOT_FOUND, ENOENT, "cannot open %s",
			      "a\x1b]0;b"),
			 -VMCTL_NOT_FOUND);
	assert_string_equal(err.message,
			    "cannot open a?]0;b: No such file or directory");
	assert_int_equal(err.sys_errno, ENOENT);
	fail_hint(&err, "vmctl %s", "list");
	fail_prefix(&err, "web1");
	assert_string_equal(err.message, "web1: cannot open a?]0;b: No such "
					 "file or directory");
	assert_string_equal(err.hint, "vmctl list");
	assert_int_equal(fail_sys(&err, ENOSPC, "x"), -VMCTL_LIMIT);
	assert_string_equal(err.hint, "");
	assert_int_equal(fail_sys(NULL, EACCES, "x"), -VMCTL_DENIED);
}

static void an_error_longer_than_its_place_is_cut_between_characters(void **s)
{
	struct vmctl_error err;
	char long_text[3000];

	for (size_t i = 0; i + 1 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa4", 2);
	long_text[sizeof(long_text) - 2] = '\0';
	fail(&err, VMCTL_FAILED, 0, "%s", long_text);
	size_t n = strlen(err.message);
	assert_true(n > 900 && n < sizeof(err.message));
	assert_true(str_is_utf8(err.message, n));
}

static void every_code_has_a_name_and_an_exit_status(void **state)
{
	for (int c = 0; c < VMCTL_CODE_COUNT; c++) {
		assert_string_not_equal(vmctl_code_name(c), "");
		assert_non_null(vmctl_code_summary(c));
		for (int d = 0; d < c; d++)
			assert_string_not_equal(vmctl_code_name(c),
						vmctl_code_name(d));
	}
	assert_int_equal(vmctl_code_exit(VMCTL_OK), 0);
	assert_int_equal(vmctl_code_exit(VMCTL_INVALID), 2);
	assert_int_equal(vmctl_code_exit(VMCTL_NOT_FOUND), 3);
	assert_int_equal(vmctl_code_exit(VMCTL_EXISTS), 4);
	assert_int_equal(vmctl_code_exit(VMCTL_TIMEOUT), 5);
	assert_int_equal(vmctl_code_exit(VMCTL_PARTIAL), 6);
	assert_int_equal(vmctl_code_exit(VMCTL_HYPERVISOR), 7);
	assert_int_equal(vmctl_code_exit(VMCTL_LIMIT), 8);
	assert_int_equal(vmctl_code_exit(VMCTL_TRANSPORT), 255);
	assert_string_equal(vmctl_code_name(9999), "internal");
}

static void lines_are_taken_one_by_one_and_cut(void **state)
{
	const char *text = "one\n\nthree is long\nend";
	char line[6];

	assert_true(str_line(&text, line, sizeof(line)));
	assert_string_equal(line, "one");
	assert_true(str_line(&text, line, sizeof(line)));
	assert_string_equal(line, "");
	assert_true(str_line(&text, line, sizeof(line)));
	assert_string_equal(line, "three");
	assert_true(str_line(&text, line, sizeof(line)));
	assert_string_equal(line, "end");
	assert_false(str_line(&text, line, sizeof(line)));
	assert_string_equal(text, "");
}

static void an_id_is_told_from_a_name(void **state)
{
	assert_true(str_is_id("i-0a1b2c3d", 'i', false));
	assert_true(str_is_id("b-00000000", 'b', false));
	assert_false(str_is_id("i-0a1b2c3d", 'b', false));
	assert_false(str_is_id("i-0a1b2c3", 'i', false));
	assert_false(str_is_id("i-0a1b2c3d0", 'i', true));
	assert_false(str_is_id("i-0a1b2c3g", 'i', true));
	assert_false(str_is_id("i", 'i', true));
	assert_false(str_is_id("", 'i', true));
	for (const char *const *c =
		     (const char *const[]){ "I-0a1b2c3d", "i-0A1B2C3D", NULL };
	     *c; c++) {
		assert_false(str_is_id(*c, 'i', false));
		assert_true(str_is_id(*c, 'i', true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_parted_by_blanks_and_tabs),
		cmocka_unit_test(a_string_grows_and_stays_terminated),
		cmocka_unit_test(taking_an_empty_string_gives_a_string),
		cmocka_unit_test(bytes_with_nul_are_kept),
		cmocka_unit_test(
			a_size_beyond_all_memory_is_remembered_as_failure),
		cmocka_unit_test(utf8_is_judged_as_rfc_3629_says),
		cmocka_unit_test(what_moves_a_cursor_is_replaced),
		cmocka_unit_test(what_is_added_follows_what_is_there),
		cmocka_unit_test(lines_are_taken_one_by_one_and_cut),
		cmocka_unit_test(a_list_of_strings_grows),
		cmocka_unit_test(numbers_are_written_as_printf_does),
		cmocka_unit_test(the_nearest_word_is_near),
		cmocka_unit_test(base64_agrees_with_rfc_4648),
		cmocka_unit_test(base64_that_is_not_strict_is_refused),
		cmocka_unit_test(errors_carry_code_reason_and_safe_text),
		cmocka_unit_test(
			an_error_longer_than_its_place_is_cut_between_characters),
		cmocka_unit_test(every_code_has_a_name_and_an_exit_status),
		cmocka_unit_test(an_id_is_told_from_a_name),
	};

	return cmocka_run_group_tests_name("base: str, error", tests, NULL,
					   NULL);
}
