/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "cli/shell/words.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

/* Lines of vmctl's shell, taken apart. */

/* The words in brackets, then what is for the host's shell. */
static void expect(const char *text, const char *expected)
{
	auto_shell_line line = { 0 };
	struct vmctl_error err = { 0 };
	auto_str all = STR_INIT;

	assert_int_equal(shell_split(text, &line, &err), 0);
	for (char **w = line.words; w && *w; w++)
		str_addf(&all, "[%s]", *w);
	if (line.rest)
		str_addf(&all, " rest %s", line.rest);
	if (line.host)
		str_addf(&all, " host %s", line.host);
	assert_string_equal(str_text(&all), expected);
}

static void refused(const char *text, const char *part)
{
	auto_shell_line line = { 0 };
	struct vmctl_error err = { 0 };

	assert_int_equal(shell_split(text, &line, &err), -VMCTL_INVALID);
	assert_non_null(strstr(err.message, part));
}

static void words_are_quoted_as_by_sh(void **state)
{
	expect("", "");
	expect("  \t ", "");
	expect("show web1", "[show][web1]");
	expect("  show\tweb1  ", "[show][web1]");
	expect("a 'b c' \"d e\"", "[a][b c][d e]");
	expect("a'b'\"c\"d", "[abcd]");
	expect("exec web1 ''", "[exec][web1][]");
	expect("a\\ b \\'c \\\\", "[a b]['c][\\]");
	expect("'a\\b' \"a\\b\" \"\\\"\\$\\`\\\\\"", "[a\\b][a\\b][\"$`\\]");
	expect("a\\", "[a\\]");
	expect("'|' \"> x;\" \\& '#'", "[|][> x;][&][#]");
	expect("caf\xc3\xa9 \xff", "[caf\xc3\xa9][\xff]");
}

static void nothing_is_expanded(void **state)
{
	expect("exec web1 echo $HOME * ~ {a,b} ?",
	       "[exec][web1][echo][$HOME][*][~][{a,b}][?]");
}

static void a_comment_begins_a_word(void **state)
{
	expect("# all of it 'open", "");
	expect("list # the rest", "[list]");
	expect("a#b", "[a#b]");
}

static void a_bar_leads_to_the_hosts_shell(void **state)
{
	expect("list | grep -v 'x;y' | wc -l",
	       "[list] rest | grep -v 'x;y' | wc -l");
	expect("list|cat", "[list] rest |cat");
	expect("list >> f", "[list] rest >> f");
	expect("  !ls; pwd", " host ls; pwd");
	expect("| x", " rest | x");
}

static void what_means_something_else_to_sh_is_refused(void **state)
{
	refused("list; list", "';' has no meaning");
	refused("list &", "'&' has no meaning");
	refused("list < x", "'<' has no meaning");
	refused("list `x`", "'`' has no meaning");
	refused("exec 'a b", "the quote of 'a b is not closed");
	refused("exec \"a b\\\"", "is not closed");
}

static void a_word_at_the_cursor_may_be_open(void **state)
{
	static const struct {
		const char *line, *words;
	} all[] = {
		{ "", "[]" },
		{ "show ", "[show][]" },
		{ "show we", "[show][we]" },
		{ "show 'we", "[show][we]" },
		{ "show \"a b", "[show][a b]" },
		{ "list > f", "[list][>][f]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		auto_strv char **words = NULL;
		auto_str joined = STR_INIT;

		assert_int_equal(shell_split_partial(all[i].line,
						     strlen(all[i].line),
						     &words, NULL),
				 0);
		for (char **w = words; *w; w++)
			str_addf(&joined, "[%s]", *w);
		assert_string_equal(str_text(&joined), all[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_as_by_sh),
		cmocka_unit_test(nothing_is_expanded),
		cmocka_unit_test(a_comment_begins_a_word),
		cmocka_unit_test(a_bar_leads_to_the_hosts_shell),
		cmocka_unit_test(what_means_something_else_to_sh_is_refused),
		cmocka_unit_test(a_word_at_the_cursor_may_be_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
