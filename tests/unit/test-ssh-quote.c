/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

static void quoted(const char *word, const char *want)
{
	const char *const argv[] = { word, NULL };
	auto_free char *got = ssh_quote_argv(argv);

	assert_string_equal(got, want);
}

static void plain_words_stay_as_they_are(void **state)
{
	quoted("ls", "ls");
	quoted("/usr/bin/a-b_c.d:e@f%g+h,i", "/usr/bin/a-b_c.d:e@f%g+h,i");
	quoted("-n", "-n");
}

static void everything_else_is_quoted(void **state)
{
	quoted("", "''");
	quoted("a b", "'a b'");
	quoted("it's", "'it'\\''s'");
	quoted("'", "''\\'''");
	quoted("$x`y`\\", "'$x`y`\\'");
	quoted("~", "'~'");
	quoted("a=b", "'a=b'");
	quoted("a\nb", "'a\nb'");
	quoted("\xff", "'\xff'");
}

/* Each byte but NUL, through a shell of this host. */
static void every_byte_passes_a_shell(void **state)
{
	char all[256];
	const char *argv[] = { "printf", "%s", all, NULL };
	auto_free char *command = NULL;
	auto_free char *got = NULL;

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	command = ssh_quote_argv(argv);
	got = must_run("sh", "-c", command, NULL);
	assert_string_equal(got, all);
}

static void words_are_separated_by_one_blank(void **state)
{
	const char *const argv[] = { "a", "", "b c", NULL };
	const char *const none[] = { NULL };
	auto_free char *got = ssh_quote_argv(argv);
	auto_free char *empty = ssh_quote_argv(none);

	assert_string_equal(got, "a '' 'b c'");
	assert_string_equal(empty, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_stay_as_they_are),
		cmocka_unit_test(everything_else_is_quoted),
		cmocka_unit_test(every_byte_passes_a_shell),
		cmocka_unit_test(words_are_separated_by_one_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
