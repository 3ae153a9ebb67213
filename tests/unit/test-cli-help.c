/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli-fake.h"

#include "cli/describe.h"

/* Help, and what the manual takes from the same structs. */

static void check(struct str *out, const char *expected)
{
	assert_string_equal(str_text(out), expected);
	str_done(out);
}

static void usage_tells_what_is_optional_and_what_repeats(void **state)
{
	struct str out = STR_INIT;

	command_usage(&fake_create, &out);
	check(&out, "vmctl create [options] [NAME]");
	command_usage(&fake_delete, &out);
	check(&out, "vmctl delete NAME...");
	command_usage(&fake_exec, &out);
	check(&out, "vmctl exec NAME COMMAND...");
	command_usage(&fake_each, &out);
	check(&out, "vmctl each NAME... [-- COMMAND...]");
	command_usage(&fake_many, &out);
	check(&out, "vmctl many [NAME...] -- COMMAND...");
	command_short_usage(&fake_many, &out);
	check(&out, "vmctl many NAME COMMAND...");
	command_short_usage(&fake_exec, &out);
	check(&out, "");
	command_usage(&fake_image_list, &out);
	check(&out, "vmctl image list");
}

static void help_of_a_command_is_aligned_and_wrapped(void **state)
{
	struct str out = STR_INIT;

	command_help(&fake_create, 60, &out);
	check(&out,
	      "usage: vmctl create [options] [NAME]\n"
	      "\n"
	      "Create an instance and start it.\n"
	      "Also: vmctl new\n"
	      "\n"
	      "Arguments:\n"
	      "  NAME                      name of the instance\n"
	      "\n"
	      "Options:\n"
	      "  -i, --image IMAGE         image to start from\n"
	      "      --accel auto|kvm|tcg  acceleration (default: auto)\n"
	      "      --memory SIZE         memory of the guest, as much as\n"
	      "                            the type says unless this is\n"
	      "                            given\n"
	      "      --grace DURATION      patience\n"
	      "      --cpus N              virtual CPUs\n"
	      "  -k, --key KEY             ssh key (may be repeated)\n"
	      "  -w, --wait                wait for ssh\n"
	      "  -l, --loud                say more\n"
	      "\n"
	      "Fields (-o json, --columns):\n"
	      "  name, memory\n"
	      "\n"
	      "Examples:\n"
	      "  vmctl create web1 -k me\n"
	      "      With one key.\n"
	      "\n"
	      "Exit status:\n"
	      "  0  done\n"
	      "  1  failed\n"
	      "  2  wrong usage\n"
	      "  3  not found\n"
	      "  8  refused by a limit of the host: memory, disk, "
	      "addresses\n"
	      "\n"
	      "Global options: see vmctl --help.\n");
}

static void help_of_a_guests_command_tells_whose_status_it_is(void **state)
{
	auto_str out = STR_INIT;

	command_help(&fake_exec, 80, &out);
	assert_non_null(strstr(str_text(&out), "  124    "));
	assert_non_null(strstr(str_text(&out), "  255    "));
}

static void no_line_of_help_is_wider_than_the_terminal(void **state)
{
	for (int width = 50; width <= 100; width += 5) {
		auto_str out = STR_INIT;

		for (size_t i = 0; commands[i]; i++)
			command_help(commands[i], width, &out);
		command_help(NULL, width, &out);
		for (const char *p = str_text(&out); *p;) {
			size_t len = strcspn(p, "\n");

			assert_true(len <= (size_t)width);
			p += len + 1;
		}
	}
}

static void the_list_of_all_is_grouped_without_the_hidden(void **state)
{
	struct str out = STR_INIT;

	command_help(NULL, 80, &out);
	assert_true(str_starts(str_text(&out),
			       "usage: vmctl [global options] COMMAND "
			       "[arguments]\n\n"
			       "Virtual machines from a terminal.\n\n"
			       "Instances:\n"
			       "  create        create an instance and start "
			       "it\n"));
	assert_non_null(strstr(str_text(&out), "\nImages:\n  image import  "));
	assert_null(strstr(str_text(&out), "__hidden"));
	str_done(&out);

	short_help(&out);
	check(&out, "usage: vmctl COMMAND [arguments]\n\n"
		    "  Instances  create delete exec each\n"
		    "  Images     image import|list\n"
		    "  Other      help\n\n"
		    "vmctl --help tells more.\n");
}

static void a_nouns_help_lists_its_verbs(void **state)
{
	struct str out = STR_INIT;

	noun_help("image", 80, &out);
	check(&out, "usage: vmctl image VERB [arguments]\n\n"
		    "  image import  import a disk image\n"
		    "  image list    list images\n\n"
		    "vmctl image VERB --help tells more of one.\n");
}

static void section(const struct command *cmd, const char *name,
		    const char *expected)
{
	struct str out = STR_INIT;

	assert_int_equal(describe_mdoc(cmd, name, &out, NULL), 0);
	check(&out, expected);
}

static void sections_of_the_manual_are_mdoc(void **state)
{
	section(&fake_image_import, "NAME",
		".Nm vmctl-image-import\n.Nd import a disk image\n");
	section(&fake_create, "SYNOPSIS",
		".Nm vmctl\n.Cm create\n.Op Fl -image Ar IMAGE\n"
		".Op Fl -accel Cm auto | kvm | tcg\n.Op Fl -memory Ar SIZE\n"
		".Op Fl -grace Ar DURATION\n.Op Fl -cpus Ar N\n"
		".Op Fl -key Ar KEY ...\n.Op Fl -wait\n.Op Fl -loud\n"
		".Op Ar NAME\n");
	section(&fake_each, "SYNOPSIS",
		".Nm vmctl\n.Cm each\n.Ar NAME ...\n"
		".Op Fl - Ar COMMAND ...\n");
	section(&fake_create, "EXAMPLES",
		"With one key:\n.Bd -literal -offset indent\n"
		"$ vmctl create web1 -k me\n.Ed\n");
	section(&fake_delete, "OPTIONS",
		".Bl -tag -width Ds\n.It Ar NAME\nWhich ones.\n.El\n.Pp\n"
		"The command may also be written\n.Cm rm\nor\n"
		".Cm terminate .\nThe global options are described in\n.Xr "
		"vmctl 1 .\n");
	section(&fake_delete, "EXIT_STATUS",
		".Bl -tag -width Ds\n.It 0\nDone.\n.It 1\nFailed.\n"
		".It 2\nWrong usage.\n.El\n");
	section(&fake_delete, "OUTPUT", "");
}

static void an_unknown_section_is_refused(void **state)
{
	auto_str out = STR_INIT;

	assert_int_equal(describe_mdoc(&fake_create, "BOGUS", &out, NULL),
			 -VMCTL_NOT_FOUND);
}

static void text_is_no_request_to_the_formatter(void **state)
{
	const struct command evil = {
		.path = "evil",
		.summary = ".Xr has a \\ backslash",
		.args =
			(const struct argument[]){
				{ .name = "X", .help = "'quote \\fB .Sh" },
				ARG_END },
	};
	struct str out = STR_INIT;

	describe_mdoc(&evil, "OPTIONS", &out, NULL);
	assert_non_null(strstr(str_text(&out), "\n\\&'quote \\efB .Sh.\n"));
	str_done(&out);
}

static void the_list_for_lints_has_a_line_for_everything(void **state)
{
	auto_str out = STR_INIT;

	describe_commands(&out);
	assert_non_null(strstr(str_text(&out),
			       "create\tcommand\tcmd_create\tInstances\t"
			       "create an instance and start it\n"
			       "create\talias\tnew\n"
			       "create\targument\tNAME\n"
			       "create\toption\t--image\t-i\tIMAGE\n"
			       "create\toption\t--accel\t\tauto|kvm|tcg\n"));
	assert_non_null(strstr(str_text(&out), "create\texit\t3\n"));
	assert_non_null(
		strstr(str_text(&out), "create\tfield\tmemory\tinteger\n"));
	assert_null(strstr(str_text(&out), "__hidden"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_tells_what_is_optional_and_what_repeats),
		cmocka_unit_test(help_of_a_command_is_aligned_and_wrapped),
		cmocka_unit_test(
			help_of_a_guests_command_tells_whose_status_it_is),
		cmocka_unit_test(no_line_of_help_is_wider_than_the_terminal),
		cmocka_unit_test(the_list_of_all_is_grouped_without_the_hidden),
		cmocka_unit_test(a_nouns_help_lists_its_verbs),
		cmocka_unit_test(sections_of_the_manual_are_mdoc),
		cmocka_unit_test(an_unknown_section_is_refused),
		cmocka_unit_test(text_is_no_request_to_the_formatter),
		cmocka_unit_test(the_list_for_lints_has_a_line_for_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
