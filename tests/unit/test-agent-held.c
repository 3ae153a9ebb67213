/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-help.h"

#include <fcntl.h>

#include "base/clock.h"

/* What a command left behind has its output when the time is up. */

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

/* The command is over and its output is not: which of the two was late? */
static void a_timeout_tells_of_what_holds_the_output(void **state)
{
	struct agent_exit exit = { 0 };
	auto_ran ran;

	for (uint32_t ms = 200; !exit.held; ms *= 2) {
		auto_ran each;

		assert_true(ms < 60000);
		agent_run(*state,
			  (struct agent_exec){
				  .argv = SH("tail -f -s 60.4714 /dev/null & "
					     "exit 3"),
				  .timeout_ms = ms },
			  NULL, &each);
		assert_int_equal(each.r, 0);
		exit = each.exit;
		eventually(!runs("60.4714"));
	}
	assert_true(exit.timed_out);
	assert_int_equal(exit.status, 124);
	assert_int_equal(exit.own_status, 3);
	/* What takes SIGTERM for a reason to end well was not over before. */
	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("trap 'exit 3' TERM; tail -f /dev/null & "
				     "wait"),
			  .timeout_ms = 500 },
		  NULL, &ran);
	assert_true(ran.exit.timed_out);
	assert_false(ran.exit.held);
	assert_int_equal(ran.exit.own_status, 0);
}

/* Reads the pipe when the time of the command, and what the agent takes to end
 * it, is long over. */
struct sloth {
	int fd;
	int64_t from;
};

static bool read_late(void *data)
{
	struct sloth *s = data;
	char bytes[4096];

	while (clock_mono_ms() >= s->from &&
	       read(s->fd, bytes, sizeof(bytes)) > 0)
		;
	return false;
}

static void a_slow_reader_is_not_what_a_command_left_behind(void **state)
{
	int p[2];
	auto_ran ran;

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	struct sloth sloth = { p[0], clock_mono_ms() + 5000 };
	const struct events ev = { .cancelled = read_late, .data = &sloth };
	agent_run(*state,
		  (struct agent_exec){ .argv = SH("head -c 420000 /dev/zero; "
						  "exit 3"),
				       .out = p[1],
				       .timeout_ms = 1000 },
		  &ev, &ran);
	assert_int_equal(ran.r, 0);
	assert_true(ran.exit.timed_out);
	assert_false(ran.exit.held);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_tells_of_what_holds_the_output),
		cmocka_unit_test(
			a_slow_reader_is_not_what_a_command_left_behind),
	};

	return cmocka_run_group_tests(tests, agent_setup, agent_teardown);
}
