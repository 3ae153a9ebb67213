/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"

static void quoted(const char *word, const char *want)
{
	const char *const argv[] = { word, NULL };
	auto_free char *got = ssh_quote_argv(argv);

	assert_string_equal(got, want);
}

static void plain_words_stay_as_they_are(void **state)
{
	quoted("ls", "ls");
	quoted("/usr/bin/a-b_c.d:e@f+h,i", "/usr/bin/a-b_c.d:e@f+h,i");
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

/* --- by whatever login shell ---------------------------------------------- */

static const char *const shells[][4] = {
	{ "sh" },   { "dash" }, { "bash" },	     { "zsh" },
	{ "fish" }, { "tcsh" }, { "busybox", "sh" },
};

/* Runs the text as sshd has a login shell do it. What it says beside the output
 * is a failure. */
static void run_by(const char *const *shell, const char *locale,
		   const char *text, struct str *out)
{
	auto_free char *lc_all = str_printf("LC_ALL=%s", locale);
	const char *argv[10] = { "env", lc_all };
	struct proc_result result;
	struct vmctl_error err;
	size_t n = 2;

	for (size_t i = 0; i < 4 && shell[i]; i++)
		argv[n++] = shell[i];
	argv[n++] = "-c";
	argv[n] = text;
	assert_int_equal(
		proc_run(&(struct proc_spec){ .argv = argv }, &result, &err),
		0);
	if (result.status || result.err.len)
		print_error("%s: status %d: %s\n", shell[0], result.status,
			    str_text(&result.err));
	assert_int_equal(result.status, 0);
	assert_int_equal(result.err.len, 0);
	*out = result.out;
	str_done(&result.err);
}

/* argv[2] and those behind it arrive, as `printf '%s\0'` has them. */
static void arrive(const char *const *argv, const char *const *env,
		   const char *cwd)
{
	static const char *const locales[] = { "C", "C.UTF-8" };
	auto_free char *text = ssh_command(argv, env, cwd);
	auto_str want = STR_INIT;

	assert_non_null(text);
	for (const char *p = text; *p; p++)
		assert_in_range(*p, ' ', '~');
	for (size_t i = 2; argv[i]; i++)
		str_addn(&want, argv[i], strlen(argv[i]) + 1);
	for (size_t i = 0; i < 2 * ARRAY_LEN(shells); i++) {
		auto_str got = STR_INIT;

		run_by(shells[i / 2], locales[i % 2], text, &got);
		if (got.len != want.len || memcmp(got.p, want.p, want.len))
			print_error("%s: %s\n", shells[i / 2][0],
				    str_text(&got));
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.p, want.p, want.len);
	}
}

#define ARRIVE(...)                                                            \
	arrive((const char *const[]){ "printf", "%s\\0", __VA_ARGS__, NULL },  \
	       NULL, NULL)

static void every_byte_passes_every_login_shell(void **state)
{
	static char each[256][4];
	const char *argv[260] = { "printf", "%s\\0" };
	char all[256];

	for (int i = 1; i < 256; i++) {
		all[i - 1] = (char)i;
		/* In front of a quote and of a letter. */
		snprintf(each[i], sizeof(each[i]), "%c%c", i,
			 i % 2 ? '\'' : 'x');
		argv[i + 1] = each[i];
	}
	all[255] = '\0';
	argv[257] = all;
	arrive(argv, NULL, NULL);
}

static void what_a_shell_reads_otherwise_arrives(void **state)
{
	ARRIVE("a\\\\b", "x\\", "\\'", "\\\\'", "a!b", "!!", "!");
	ARRIVE("\\'; touch pwned; #", "'; touch pwned; '", "$(touch pwned)",
	       "(touch pwned)", "`touch pwned`", "\n touch pwned\n",
	       "{touch,pwned}", "; touch pwned", "'\"'\"; touch pwned #");
	ARRIVE("", "", "-n", "--", "%", "%s", "%self", "%%", "~", "~root", "*",
	       "?", "[a]", "{a,b}", "=ls", "^x", "#", "a=b", "$HOME", "$$",
	       "\\n", "\\0", "\\047", "&", "|", "<x", ">x");
	ARRIVE("\n", "a\n", "\nb\n\n", "a\r\n", "\t", " ",
	       "gr\xc3\xbc\xc3\x9f "
	       "dich",
	       "\xc3", "\xef\x98\x80", "\xff'", "\x1b[0m");
	assert_int_equal(access("pwned", F_OK), -1);
	/* Readable where nothing needs more. */
	const char *const argv[] = { "sh", "-c", "echo $HOME; exit 3", NULL };
	auto_free char *text = ssh_command(argv, NULL, NULL);
	assert_string_equal(text, "sh -c 'echo $HOME; exit 3'");
}

static void a_command_of_any_name_arrives(void **state)
{
	static const char script[] = "#!/bin/sh\nprintf '%s\\0' \"$@\"\n";
	static const char *const names[] = { "a b",	  "it's", "back\\slash",
					     "new\nline", "a=b",  "%1",
					     "-x",	  "!x" };
	char dir[] = "/tmp/vmctl-quote.XXXXXX";

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *file = path_join(dir, names[i]);
		const char *const argv[] = { file, "x", "a\\\\b", NULL };
		auto_free char *text = ssh_command(argv, NULL, NULL);

		assert_int_equal(file_write_atomic(file, script, strlen(script),
						   0700, NULL),
				 0);
		for (size_t k = 0; k < ARRAY_LEN(shells); k++) {
			auto_str got = STR_INIT;

			run_by(shells[k], "C", text, &got);
			assert_int_equal(got.len, 7);
			assert_memory_equal(got.p, "x\0a\\\\b", 7);
		}
	}
	assert_int_equal(dir_remove(dir, NULL), 0);
}

static void variables_and_a_folder_arrive_too(void **state)
{
	char dir[] = "/tmp/vmctl-quote.XXXXXX";
	auto_free char *odd = NULL;
	const char *const env[] = { "A=x ' \" $HOME\ny\\", "IFS=!", "b=\xff",
				    NULL };
	const char *const argv[] = {
		"sh", "-c",	"printf '%s\\0' \"$PWD\" \"$A\" \"$b\" \"$@\"",
		"sh", "it's\\", "",
		NULL
	};
	auto_free char *text = NULL;
	auto_str want = STR_INIT;

	assert_non_null(mkdtemp(dir));
	odd = path_join(dir, "it's \\ a\nfolder!");
	assert_int_equal(mkdir(odd, 0700), 0);
	text = ssh_command(argv, env, odd);
	const char *const all[] = { odd, env[0] + 2, env[2] + 2, "it's\\", "" };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		str_addn(&want, all[i], strlen(all[i]) + 1);
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		auto_str got = STR_INIT;

		run_by(shells[i], "C", text, &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.p, want.p, want.len);
	}
	assert_int_equal(dir_remove(dir, NULL), 0);
}

static void a_script_that_cannot_be_read_is_a_failure(void **state)
{
	const char *const argv[] = { "echo", "it's", NULL };
	auto_free char *text = ssh_command(argv, NULL, NULL);
	auto_free char *broken = NULL;
	char *printf_at = strstr(text, "printf");
	struct proc_result result;
	struct vmctl_error err;

	assert_non_null(printf_at);
	memcpy(printf_at, "pr_ntf", 6);
	const char *const run[] = { "sh", "-c", text, NULL };
	assert_int_equal(
		proc_run(&(struct proc_spec){ .argv = run }, &result, &err), 0);
	assert_int_not_equal(result.status, 0);
	assert_int_equal(result.out.len, 0);
	str_done(&result.out);
	str_done(&result.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_stay_as_they_are),
		cmocka_unit_test(everything_else_is_quoted),
		cmocka_unit_test(every_byte_passes_a_shell),
		cmocka_unit_test(words_are_separated_by_one_blank),
		cmocka_unit_test(every_byte_passes_every_login_shell),
		cmocka_unit_test(what_a_shell_reads_otherwise_arrives),
		cmocka_unit_test(a_command_of_any_name_arrives),
		cmocka_unit_test(variables_and_a_folder_arrive_too),
		cmocka_unit_test(a_script_that_cannot_be_read_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
