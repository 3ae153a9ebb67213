/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli-fake.h"

/* The command line: what is taken, and what is said of what is not. */

#define MAX_WORDS 12

struct fixture {
	struct parsed p;
	struct vmctl_error err;
	int rc;
};

/* Parses "vmctl" and the words, which end with NULL. */
static void parse(struct fixture *f, const char *const *words)
{
	const char *argv[MAX_WORDS + 2] = { "vmctl" };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	f->err = (struct vmctl_error){ 0 };
	f->rc = parse_command_line(argc, argv, &f->p, &f->err);
}
#define PARSE(f, ...) parse(f, (const char *const[]){ __VA_ARGS__, NULL })

static int done(void **state)
{
	struct fixture *f = *state;

	parsed_done(&f->p);
	free(f);
	return 0;
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static const struct create_options *create_of(const struct fixture *f)
{
	if (f->rc)
		print_message("# %s\n", f->err.message);
	assert_int_equal(f->rc, 0);
	assert_ptr_equal(f->p.command, &fake_create);
	return f->p.opts;
}

static void options_of_every_type_are_stored(void **state)
{
	struct fixture *f = *state;
	const struct create_options *o;

	PARSE(f, "create", "web1", "--image", "debian", "--accel=kvm",
	      "--memory", "2G", "--grace=30s", "--cpus", "4", "--key", "a",
	      "-kb");
	o = create_of(f);
	assert_string_equal(o->name, "web1");
	assert_string_equal(o->image, "debian");
	assert_string_equal(o->accel, "kvm");
	assert_int_equal(o->memory, 2LL << 30);
	assert_int_equal(o->grace, 30000);
	assert_int_equal(o->cpus, 4);
	assert_int_equal(o->keys.count, 2);
	assert_string_equal(o->keys.items[0], "a");
	assert_string_equal(o->keys.items[1], "b");
	assert_null(o->keys.items[2]);
	assert_false(o->wait);
}

static void short_flags_are_bundled(void **state)
{
	struct fixture *f = *state;
	const struct create_options *o;

	PARSE(f, "create", "-wllyqi", "debian", "-vv");
	o = create_of(f);
	assert_true(o->wait);
	assert_int_equal(o->loud, 2);
	assert_string_equal(o->image, "debian");
	assert_true(f->p.globals.yes && f->p.globals.quiet);
	assert_int_equal(f->p.globals.verbose, 2);
}

static void the_last_of_repeated_options_wins(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "create", "--image", "a", "--memory=1G", "--image=b",
	      "--memory", "512M");
	assert_string_equal(create_of(f)->image, "b");
	assert_int_equal(create_of(f)->memory, 512 << 20);
}

static void an_empty_value_and_a_dash_are_values(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "create", "-", "--image=");
	assert_string_equal(create_of(f)->name, "-");
	assert_string_equal(create_of(f)->image, "");
}

static void a_value_may_begin_with_a_dash(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "create", "--image", "--odd", "-i", "-x");
	assert_string_equal(create_of(f)->image, "-x");
}

static void two_dashes_end_the_options(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "create", "--", "--image");
	assert_string_equal(create_of(f)->name, "--image");
	assert_null(create_of(f)->image);
}

static void global_options_stand_anywhere(void **state)
{
	static const char *const lines[][MAX_WORDS] = {
		{ "-o", "json", "image", "list" },
		{ "-ojson", "image", "list" },
		{ "image", "list", "-o", "json" },
		{ "image", "--output=json", "list" },
		{ "image", "ls", "--output", "json" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		parse(f, lines[i]);
		assert_int_equal(f->rc, 0);
		assert_ptr_equal(f->p.command, &fake_image_list);
		assert_string_equal(f->p.globals.output, "json");
		parsed_done(&f->p);
	}
}

static void defaults_of_the_global_options(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "image", "list");
	/* The settings come next. */
	assert_null(f->p.globals.output);
	assert_null(f->p.globals.color);
	assert_int_equal(f->p.globals.timeout, -1);
	assert_null(f->p.globals.connect);
}

static void aliases_are_the_command(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "rm", "a", "b");
	assert_int_equal(f->rc, 0);
	assert_ptr_equal(f->p.command, &fake_delete);
	assert_int_equal(((struct names_options *)f->p.opts)->names.count, 2);
}

/* What exec and each get: the names, then the guest's words. */
static void check_guest(const struct fixture *f, const struct command *cmd,
			const char *names, const char *words)
{
	const struct names_options *o = f->p.opts;
	auto_str got = STR_INIT, guest = STR_INIT;

	assert_int_equal(f->rc, 0);
	assert_ptr_equal(f->p.command, cmd);
	if (cmd == &fake_exec)
		str_addf(&got, "%s,", o->from);
	for (size_t i = 0; i < o->names.count; i++)
		str_addf(&got, "%s,", o->names.items[i]);
	for (size_t i = 0; i < o->words.count; i++)
		str_addf(&guest, "%s,", o->words.items[i]);
	assert_string_equal(str_text(&got), names);
	assert_string_equal(str_text(&guest), words);
}

static void a_guests_words_are_left_alone(void **state)
{
	static const struct {
		const struct command *cmd;
		const char *words[MAX_WORDS];
		const char *names, *guest;
	} cases[] = {
		{ &fake_exec, { "exec", "w", "ls", "-l" }, "w,", "ls,-l," },
		{ &fake_exec,
		  { "exec", "w", "--", "ls", "-l" },
		  "w,",
		  "ls,-l," },
		{ &fake_exec,
		  { "exec", "-v", "w", "-q", "ls", "-v", "--", "--help" },
		  "w,",
		  "ls,-v,--,--help," },
		{ &fake_exec, { "exec", "--", "w", "ls" }, "w,", "ls," },
		{ &fake_exec, { "exec", "w", "--", "--" }, "w,", "--," },
		{ &fake_exec, { "exec", "w", "", "a b" }, "w,", ",a b," },
		{ &fake_each,
		  { "each", "a", "b", "--", "ls", "-l" },
		  "a,b,",
		  "ls,-l," },
		{ &fake_each, { "each", "a", "-v", "b" }, "a,b,", "" },
		/* Without dashes one name, with them many. */
		{ &fake_many, { "many", "w", "ls", "-l" }, "w,", "ls,-l," },
		{ &fake_many,
		  { "many", "a", "-v", "b", "--", "ls", "-v" },
		  "a,b,",
		  "ls,-v," },
		{ &fake_many,
		  { "many", "a", "b", "--", "ls", "--", "c" },
		  "a,b,",
		  "ls,--,c," },
		{ &fake_many, { "many", "--", "ls" }, "", "ls," },
		{ &fake_many, { "many", "w", "-v", "ls" }, "w,", "ls," },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse(f, cases[i].words);
		check_guest(f, cases[i].cmd, cases[i].names, cases[i].guest);
		parsed_done(&f->p);
	}
}

static void what_is_wrong_is_told_with_what_to_type(void **state)
{
	static const struct {
		const char *words[MAX_WORDS];
		const char *message, *hint;
	} cases[] = {
		{ { "crate" },
		  "there is no command 'crate'",
		  "did you mean vmctl create?" },
		{ { "creat" },
		  "there is no command 'creat'",
		  "did you mean vmctl create?" },
		{ { "xyzzy" },
		  "there is no command 'xyzzy'",
		  "vmctl --help lists the commands" },
		{ { "__hiden" },
		  "there is no command '__hiden'",
		  "vmctl --help lists the commands" },
		{ { "image" },
		  "image needs a verb",
		  "vmctl image import|list" },
		{ { "image", "lst" },
		  "there is no command 'image lst'",
		  "did you mean vmctl image list?" },
		{ { "image", "frobnicate" },
		  "there is no command 'image frobnicate'",
		  "vmctl image import|list" },
		{ { "create", "--imge", "x" },
		  "create has no option '--imge'",
		  "did you mean --image? (vmctl create --help lists the "
		  "options)" },
		{ { "create", "--imag=x" },
		  "create has no option '--imag'",
		  "did you mean --image? (vmctl create --help lists the "
		  "options)" },
		{ { "imge" },
		  "there is no command 'imge'",
		  "did you mean vmctl image? (vmctl --help lists the "
		  "commands)" },
		{ { "imge", "lst" },
		  "there is no command 'imge'",
		  "did you mean vmctl image list?" },
		{ { "create", "-z" },
		  "create has no option '-z'",
		  "vmctl create --help lists the options" },
		{ { "create", "-wz" },
		  "create has no option '-z'",
		  "vmctl create --help lists the options" },
		{ { "--memory", "1G", "create" },
		  "vmctl has no option '--memory'",
		  "options of a command follow its name; vmctl --help lists "
		  "the global ones" },
		{ { "create", "--image" },
		  "--image needs a value",
		  "vmctl create --image IMAGE" },
		{ { "create", "--accel" },
		  "--accel needs a value",
		  "vmctl create --accel auto|kvm|tcg" },
		{ { "create", "-k" },
		  "--key needs a value",
		  "vmctl create --key KEY" },
		{ { "create", "--wait=yes" }, "--wait takes no value", "" },
		{ { "create", "--accel", "kwm" },
		  "--accel: 'kwm' is not one of auto, kvm, tcg",
		  "did you mean --accel kvm?" },
		{ { "create", "--accel=" },
		  "--accel: '' is not one of auto, kvm, tcg",
		  "" },
		{ { "create", "a", "b" },
		  "create: extra argument 'b'",
		  "vmctl create [options] [NAME]" },
		{ { "delete" },
		  "delete: missing argument NAME",
		  "vmctl delete NAME..." },
		{ { "many", "web1" },
		  "many: missing argument COMMAND",
		  "vmctl many [NAME...] -- COMMAND..." },
		{ { "exec", "web1" },
		  "exec: missing argument COMMAND",
		  "vmctl exec NAME COMMAND..." },
		{ { "delete", "a", "--dry-run" },
		  "delete has no --dry-run",
		  "" },
		{ { "-o", "jsn", "create" },
		  "--output: 'jsn' is not one of table, wide, json, ndjson, "
		  "csv, tsv, name",
		  "did you mean --output json?" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse(f, cases[i].words);
		assert_int_equal(f->rc, -VMCTL_INVALID);
		assert_string_equal(f->err.message, cases[i].message);
		assert_string_equal(f->err.hint, cases[i].hint);
		parsed_done(&f->p);
	}
}

static void values_out_of_range_are_refused(void **state)
{
	static const char *const lines[][MAX_WORDS] = {
		{ "create", "--memory", "0" },
		{ "create", "--memory", "-1" },
		{ "create", "--memory", "999999T" },
		{ "create", "--memory", "1Gx" },
		{ "create", "--memory", "" },
		{ "create", "--cpus", "0" },
		{ "create", "--cpus", "65" },
		{ "create", "--cpus", "4 " },
		{ "create", "--cpus", "0x4" },
		{ "create", "--grace", "soon" },
		{ "create", "--timeout", "-1s" },
		{ "create", "--timeout=5parsecs" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		parse(f, lines[i]);
		assert_int_equal(f->rc, -VMCTL_INVALID);
		assert_non_null(strstr(f->err.message, "--"));
		parsed_done(&f->p);
	}
}

static void nothing_may_be_abbreviated(void **state)
{
	static const char *const lines[][MAX_WORDS] = {
		{ "crea" },
		{ "imag", "list" },
		{ "image", "li" },
		{ "create", "--ima", "x" },
		{ "create", "--quie" },
		{ "create", "--", "x", "--wai" },
		{ "imagelist" },
		{ "image list" },
		{ "" },
		{ "image", "" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		parse(f, lines[i]);
		assert_int_equal(f->rc, -VMCTL_INVALID);
		parsed_done(&f->p);
	}
}

static void help_wins_over_what_is_missing(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "exec", "--help");
	assert_int_equal(f->rc, 0);
	assert_true(f->p.globals.help);
	assert_ptr_equal(f->p.command, &fake_exec);
	parsed_done(&f->p);

	PARSE(f, "-h", "create");
	assert_int_equal(f->rc, 0);
	assert_ptr_equal(f->p.command, &fake_create);
	parsed_done(&f->p);

	PARSE(f, "exec", "web1", "ls", "--help");
	assert_int_equal(f->rc, 0);
	assert_false(f->p.globals.help);
}

static void a_noun_has_help(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "image", "--help");
	assert_int_equal(f->rc, 0);
	assert_null(f->p.command);
	assert_string_equal(f->p.noun, "image");
}

static void no_words_are_no_command(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "-v");
	assert_int_equal(f->rc, 0);
	assert_null(f->p.command);
	assert_null(f->p.noun);
}

static void the_form_of_an_error_is_known_in_spite_of_it(void **state)
{
	static const char *const lines[][MAX_WORDS] = {
		{ "-o", "json", "create", "--bad" },
		{ "create", "--bad", "-o", "json" },
		{ "create", "--bad", "--output=json" },
		{ "crate", "-ojson" },
		{ "--bad", "--output", "json" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		parse(f, lines[i]);
		assert_int_equal(f->rc, -VMCTL_INVALID);
		assert_string_equal(f->p.globals.output, "json");
		parsed_done(&f->p);
	}
}

struct stay_options {
	int64_t stay;
	bool all;
};

static const struct command fake_stay = {
	.path = "stay",
	.opts =
		(const struct option[]){
			OPT_DURATION(struct stay_options, stay, .name = "stay",
				     .letter = 's', .metavar = "INTERVAL",
				     .bare = "2s", .min = 100, .help = "go on"),
			OPT_FLAG(struct stay_options, all, .name = "all",
				 .letter = 'a', .help = "all"),
			OPT_END },
	.opts_size = sizeof(struct stay_options),
	.run = run_nothing,
};

static void a_value_that_may_be_left_out_begins_with_a_digit(void **state)
{
	static const struct {
		const char *words[3];
		int rc;
		int64_t stay;
		bool all;
	} cases[] = {
		{ { "--stay" }, 0, 2000, false },
		{ { "--stay", "5" }, 0, 5000, false },
		{ { "--stay=300ms" }, 0, 300, false },
		{ { "--stay", "--all" }, 0, 2000, true },
		{ { "--stay", "1m", "-a" }, 0, 60000, true },
		{ { "-s" }, 0, 2000, false },
		{ { "-s5" }, 0, 5000, false },
		{ { "-s", "5" }, 0, 5000, false },
		{ { "-as" }, 0, 2000, true },
		{ { "-s", "-a" }, 0, 2000, true },
		{ { "--stay", "web1" }, -VMCTL_INVALID, 2000, false },
		{ { "--stay=soon" }, -VMCTL_INVALID, 0, false },
		{ { "--stay=" }, -VMCTL_INVALID, 0, false },
		{ { "--stay", "0" }, -VMCTL_INVALID, 0, false },
		{ { "--stay", "99ms" }, -VMCTL_INVALID, 0, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const *words = cases[i].words;
		const struct stay_options *o;
		int n = words[1] ? words[2] ? 3 : 2 : 1;

		assert_int_equal(
			parse_arguments(&fake_stay, n, words, &f->p, &f->err),
			cases[i].rc);
		o = f->p.opts;
		assert_int_equal(o->stay, cases[i].stay);
		assert_int_equal(o->all, cases[i].all);
		parsed_done(&f->p);
	}
}

static void control_characters_are_not_echoed(void **state)
{
	struct fixture *f = *state;

	PARSE(f, "\033[31mred", "x");
	assert_string_equal(f->err.message, "there is no command '?[31mred'");
	parsed_done(&f->p);
	PARSE(f, "create", "--\033]0;x\007");
	assert_null(strpbrk(f->err.message, "\033\007"));
	parsed_done(&f->p);
	PARSE(f, "create", "--accel",
	      "\xc2\x9b"
	      "31m");
	assert_null(strpbrk(f->err.message, "\x9b"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_of_every_type_are_stored),
		TEST(short_flags_are_bundled),
		TEST(the_last_of_repeated_options_wins),
		TEST(an_empty_value_and_a_dash_are_values),
		TEST(a_value_may_begin_with_a_dash),
		TEST(two_dashes_end_the_options),
		TEST(global_options_stand_anywhere),
		TEST(defaults_of_the_global_options),
		TEST(aliases_are_the_command),
		TEST(a_guests_words_are_left_alone),
		TEST(what_is_wrong_is_told_with_what_to_type),
		TEST(values_out_of_range_are_refused),
		TEST(nothing_may_be_abbreviated),
		TEST(help_wins_over_what_is_missing),
		TEST(a_noun_has_help),
		TEST(no_words_are_no_command),
		TEST(the_form_of_an_error_is_known_in_spite_of_it),
		TEST(a_value_that_may_be_left_out_begins_with_a_digit),
		TEST(control_characters_are_not_echoed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
