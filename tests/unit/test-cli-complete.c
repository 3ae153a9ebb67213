/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli-fake.h"

/* What the shells are told: `vmctl __complete -- WORDS…`. */

#define MAX_WORDS 8

/* The candidates of the words, the last one being completed, each followed by
 * a blank, without what is said about them. */
static const char *values(const char *const *words)
{
	static char text[2048];
	struct cli cli = { 0 };
	auto_str out = STR_INIT;
	int n = 0;
	size_t len = 0;

	while (words[n])
		n++;
	complete_words(&cli, n, words, &out);
	for (const char *p = str_text(&out); *p; p += strcspn(p, "\n") + 1) {
		size_t word = strcspn(p, "\t\n");

		assert_true(len + word + 2 < sizeof(text));
		memcpy(text + len, p, word);
		len += word;
		text[len++] = ' ';
	}
	text[len] = '\0';
	return text;
}
#define VALUES(...) values((const char *const[]){ __VA_ARGS__, NULL })

static void commands_and_nouns_come_first(void **state)
{
	assert_string_equal(VALUES(""), "create delete exec each image help ");
	assert_string_equal(VALUES("e"), "exec each ");
	assert_string_equal(VALUES("x"), "");
	assert_string_equal(VALUES("-q", "cr"), "create ");
}

static void hidden_commands_are_not_offered(void **state)
{
	assert_string_equal(VALUES("__"), "");
}

static void a_noun_is_followed_by_its_verbs(void **state)
{
	assert_string_equal(VALUES("image", ""), "import list ");
	assert_string_equal(VALUES("image", "l"), "list ");
	assert_string_equal(VALUES("image", "-q", "l"), "list ");
	assert_string_equal(VALUES("nonsense", ""), "");
	assert_string_equal(VALUES("image", "nonsense", ""), "");
}

static void help_takes_commands(void **state)
{
	assert_string_equal(VALUES("help", "ex"), "exec ");
	assert_string_equal(VALUES("help", "image", ""), "import list ");
	assert_string_equal(VALUES("help", "image", "list", ""), "");
}

static void options_are_the_commands_and_the_global_ones(void **state)
{
	const char *all = VALUES("create", "-");

	assert_non_null(strstr(all, "--image "));
	assert_non_null(strstr(all, "--output "));
	assert_string_equal(VALUES("create", "--me"), "--memory ");
	assert_string_equal(VALUES("delete", "--me"), "");
	assert_string_equal(VALUES("--o"), "--output ");
}

static void an_option_is_followed_by_its_values(void **state)
{
	assert_string_equal(VALUES("create", "--accel", ""), "auto kvm tcg ");
	assert_string_equal(VALUES("create", "--accel", "k"), "kvm ");
	assert_string_equal(VALUES("create", "--image", ""), "debian mini ");
	assert_string_equal(VALUES("create", "-i", "d"), "debian ");
	assert_string_equal(VALUES("create", "-wi", "d"), "debian ");
	assert_string_equal(VALUES("create", "--memory", ""), "");
	assert_string_equal(VALUES("create", "--memory", "--accel", ""), "");
	assert_string_equal(VALUES("create", "--color", "n"), "never ");
	assert_string_equal(VALUES("-o", "nd"), "ndjson ");
}

static void a_value_behind_an_equals_sign_keeps_the_option(void **state)
{
	assert_string_equal(VALUES("create", "--accel=k"), "--accel=kvm ");
	assert_string_equal(VALUES("create", "--image="),
			    "--image=debian --image=mini ");
	assert_string_equal(VALUES("create", "--nonsense="), "");
}

static void columns_complete_behind_a_comma(void **state)
{
	assert_string_equal(VALUES("image", "list", "--columns", ""),
			    "name memory ");
	assert_string_equal(VALUES("image", "list", "--columns", "name,m"),
			    "name,memory ");
	assert_string_equal(VALUES("image", "list", "--columns=name,m"),
			    "--columns=name,memory ");
	assert_string_equal(VALUES("delete", "--columns", ""), "");
}

static void files_are_left_to_the_shell(void **state)
{
	assert_string_equal(VALUES("image", "import", ""), ":files ");
	assert_string_equal(VALUES("image", "import", "x"), ":files ");
	assert_string_equal(VALUES("image", "import", "x", ""), "");
}

static void a_guests_command_line_is_not_ours(void **state)
{
	assert_string_equal(VALUES("exec", "web1", "ls", "--im"), "");
	assert_string_equal(VALUES("exec", "web1", "ls", "--out"), "");
	assert_string_equal(VALUES("exec", "web1", "--", "--out"), "");
	assert_string_equal(VALUES("exec", "--out"), "--output ");
	assert_string_equal(VALUES("each", "d"), "debian ");
	assert_string_equal(VALUES("each", "debian", "m"), "mini ");
	assert_string_equal(VALUES("each", "debian", "--", "m"), "");
	assert_string_equal(VALUES("many", "debian", "m"), "mini ");
	assert_string_equal(VALUES("many", "debian", "--", "--out"), "");
}

static void what_is_said_about_a_value_follows_a_tab(void **state)
{
	struct cli cli = { 0 };
	auto_str out = STR_INIT;
	const char *words[] = { "create", "--image", "" };

	complete_words(&cli, 3, words, &out);
	assert_string_equal(str_text(&out), "debian\t12\nmini\n");
}

static void hostile_values_stay_on_their_line(void **state)
{
	auto_str out = STR_INIT;

	completion_add(&out, "a\tb\nc\033[0m", "x\ny\tz");
	assert_string_equal(str_text(&out), "a?b?c?[0m\tx?y?z\n");
}

static void nothing_at_all_is_the_commands(void **state)
{
	struct cli cli = { 0 };
	auto_str out = STR_INIT;

	complete_words(&cli, 0, NULL, &out);
	assert_true(str_starts(str_text(&out), "create\t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_nouns_come_first),
		cmocka_unit_test(hidden_commands_are_not_offered),
		cmocka_unit_test(a_noun_is_followed_by_its_verbs),
		cmocka_unit_test(help_takes_commands),
		cmocka_unit_test(options_are_the_commands_and_the_global_ones),
		cmocka_unit_test(an_option_is_followed_by_its_values),
		cmocka_unit_test(
			a_value_behind_an_equals_sign_keeps_the_option),
		cmocka_unit_test(columns_complete_behind_a_comma),
		cmocka_unit_test(files_are_left_to_the_shell),
		cmocka_unit_test(a_guests_command_line_is_not_ours),
		cmocka_unit_test(what_is_said_about_a_value_follows_a_tab),
		cmocka_unit_test(hostile_values_stay_on_their_line),
		cmocka_unit_test(nothing_at_all_is_the_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
