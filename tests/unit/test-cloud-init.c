/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include "base/clock.h"
#include "instance/instance.h"

/* What guests answer: cloud-init 20.4 in text, 22.4 and 24.1 in JSON. */

static struct vmctl_error error;
static char note[512];

static void keep(void *data, enum vmctl_log_level level, const char *text)
{
	assert_int_equal(level, VMCTL_LOG_WARN);
	snprintf(note, sizeof(note), "%s", text);
}

static int verdict(int status, const char *answer)
{
	static const struct events ev = { .log = keep };

	error = (struct vmctl_error){ 0 };
	note[0] = '\0';
	return cloud_init_verdict(&ev, "web1", status, answer, &error);
}

static void says(const char *message)
{
	assert_string_equal(error.message, message);
	assert_non_null(strstr(error.hint, "cloud-init-output.log"));
}

static void done_is_success(void **state)
{
	assert_int_equal(verdict(0, "{\"errors\": [], \"status\": \"done\"}\n"
				    "\n\036\n"),
			 0);
	assert_int_equal(verdict(0, "{\"errors\": [], \"status\": \"done\","
				    "\"recoverable_errors\": {}}\n\n\036\n"),
			 0);
	assert_int_equal(verdict(0,
				 "status: done\ntime: Thu\ndetail:\n"
				 "DataSourceNoCloud [seed=/dev/vdb]\n\036\n"),
			 0);
	assert_string_equal(note, "");
}

static void its_errors_are_the_message_each_once(void **state)
{
	static const char answer[] =
		"{\"status\": \"error\", \"detail\": \"x\", \"errors\": ["
		"\"('scripts-user', RuntimeError('1 failures (runcmd)'))\", "
		"\"('scripts-user', RuntimeError('1 failures (runcmd)'))\", "
		"\"('users',\\n  'no')\"]}\n\036\n"
		"Boothooks script /b execution error\n"
		"Running module scripts-user (<module>) failed\n";

	assert_int_equal(verdict(1, answer), -VMCTL_FAILED);
	says("web1: cloud-init failed: "
	     "('scripts-user', RuntimeError('1 failures (runcmd)')); "
	     "('users', 'no'); Boothooks script /b execution error");
}

static void text_gives_its_detail(void **state)
{
	assert_int_equal(verdict(1, "status: error\ntime: Thu\ndetail:\n"
				    "('runcmd', TypeError('no'))\n\n\036\n"),
			 -VMCTL_FAILED);
	says("web1: cloud-init failed: ('runcmd', TypeError('no'))");
}

static void user_data_that_was_not_read_is_a_failure(void **state)
{
	/* 22.4 says that all went well, but for its log. */
	assert_int_equal(
		verdict(0, "{\"errors\": [], \"status\": \"done\"}\n\036\n"
			   "Failed loading yaml blob. Invalid format at line 3 "
			   "column 1: \"while\n"
			   "Failed loading yaml blob. Invalid format at line 3 "
			   "column 1: \"while\n"),
		-VMCTL_FAILED);
	says("web1: cloud-init failed: Failed loading yaml blob. Invalid "
	     "format "
	     "at line 3 column 1: \"while");
	/* 23.4: degraded, with exit status 2, which some patch into 0. */
	for (int status = 0; status <= 2; status += 2) {
		assert_int_equal(
			verdict(status,
				"{\"errors\": [], \"status\": \"done\", "
				"\"recoverable_errors\": {\"WARNING\": ["
				"\"Unhandled non-multipart (text/x) userdata: "
				"'b...'\", \"other\"]}}\n\n\036\n"),
			-VMCTL_FAILED);
		says("web1: cloud-init failed: Unhandled non-multipart "
		     "(text/x) "
		     "userdata: 'b...'");
	}
}

static void what_it_got_over_is_a_warning(void **state)
{
	assert_int_equal(
		verdict(2,
			"{\"errors\": [], \"status\": \"done\", "
			"\"recoverable_errors\": {\"DEPRECATED\": [\"old\"], "
			"\"WARNING\": [\"No template\\n found\"], "
			"\"ERROR\": [\"x\"]}}\n\036\n"),
		0);
	assert_string_equal(note, "web1: cloud-init is done, but warns: "
				  "No template found; x");
	assert_int_equal(verdict(0, "{\"errors\": [], \"recoverable_errors\": "
				    "{\"DEPRECATED\": [\"old\"]}}\n\036\n"),
			 0);
	assert_string_equal(note, "");
}

static void none_or_a_disabled_one_cannot_be_waited_for(void **state)
{
	assert_int_equal(verdict(127, ""), -VMCTL_UNSUPPORTED);
	assert_int_equal(verdict(0, "{\"status\": \"disabled\", \"errors\": []}"
				    "\n\036\n"),
			 -VMCTL_UNSUPPORTED);
	assert_int_equal(verdict(0, "status: disabled\n\036\n"),
			 -VMCTL_UNSUPPORTED);
}

static void nonsense_is_not_success(void **state)
{
	assert_int_equal(verdict(1, ""), -VMCTL_FAILED);
	assert_int_equal(verdict(255, "{\"errors\": 7"), -VMCTL_FAILED);
	assert_int_equal(verdict(1, "{\"errors\": {}, \"recoverable_errors\": "
				    "[[]], \"status\": []}"),
			 -VMCTL_FAILED);
	assert_int_equal(verdict(137, "Traceback\n  ...\nOSError: no\n"),
			 -VMCTL_FAILED);
	says("web1: cloud-init failed: Traceback ... OSError: no");
}

static void a_guest_that_says_too_much_is_cut_short(void **state)
{
	auto_str answer = STR_INIT;
	auto_str text = STR_INIT;
	int64_t begun = clock_mono_ms();

	/* As much as is read of an answer, all of it different. */
	str_add(&answer, "{\"status\": \"error\", \"errors\": [");
	for (int i = 0; answer.len < 1000000; i++)
		str_addf(&answer, "%s\"(%d) failed\"", i ? "," : "", i);
	str_add(&answer, "]}\n\036\n");
	assert_int_equal(verdict(1, str_text(&answer)), -VMCTL_FAILED);
	assert_non_null(strstr(error.message, "(0) failed; (1) failed; "));
	/* What is compared with all before it takes 25 s and more. */
	assert_in_range(clock_mono_ms() - begun, 0, 10000);

	str_add(&text, "status: error\ndetail:\n");
	str_fill(&text, 'x', 1000000);
	assert_int_equal(verdict(1, str_text(&text)), -VMCTL_FAILED);
	assert_non_null(strstr(error.message, "failed: xxx"));
	assert_non_null(strstr(error.message, "xxx..."));
}

static void a_message_in_another_is_told_too(void **state)
{
	assert_int_equal(verdict(1, "{\"errors\": [\"disk setup failed\", "
				    "\"disk setup\"]}\n\036\n"),
			 -VMCTL_FAILED);
	says("web1: cloud-init failed: disk setup failed; disk setup");
}

static void of_many_messages_the_first_are_told(void **state)
{
	assert_int_equal(verdict(1, "{\"errors\": [\"a\", \"b\", \"c\", \"d\","
				    " \"e\", \"f\", \"g\", \"h\", \"i\", \"j\","
				    " \"k\", \"l\", \"a\"]}\n\036\n"),
			 -VMCTL_FAILED);
	says("web1: cloud-init failed: a; b; c; d; e; f; g; h; i; j; "
	     "and 2 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(done_is_success),
		cmocka_unit_test(its_errors_are_the_message_each_once),
		cmocka_unit_test(a_guest_that_says_too_much_is_cut_short),
		cmocka_unit_test(a_message_in_another_is_told_too),
		cmocka_unit_test(of_many_messages_the_first_are_told),
		cmocka_unit_test(text_gives_its_detail),
		cmocka_unit_test(user_data_that_was_not_read_is_a_failure),
		cmocka_unit_test(what_it_got_over_is_a_warning),
		cmocka_unit_test(none_or_a_disabled_one_cannot_be_waited_for),
		cmocka_unit_test(nonsense_is_not_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
