/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	image_put(*state, "mini", digest_of("aa"));
	return 0;
}

static size_t dead_count(struct fixture *f)
{
	auto_free struct state_intent *list = NULL;
	size_t n = 99;

	assert_int_equal(state_intent_dead(f->db, &list, &n, &f->err), 0);
	return n;
}

/* Does `body` in a process that then ends without a word, as by kill -9. */
static pid_t in_dead_process(struct fixture *f, int (*body)(struct fixture *))
{
	int status;
	pid_t pid;

	fixture_close(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (state_open(f->dir, 5000, &f->db, &f->err) < 0)
			_exit(9);
		_exit(body(f) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fixture_reopen(f);
	return pid;
}

static int create_and_die(struct fixture *f)
{
	int r = instance_put(f, 1, "web1", digest_of("aa"), NULL);

	return r < 0 ? r
		     : state_intent_step(f->db, "i-00000001", "disk", &f->err);
}

static int delete_and_die(struct fixture *f)
{
	return state_intent_begin(f->db, "i-00000001", "delete", "vmctl delete",
				  &f->err);
}

static void own_work_is_not_dead(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dead_count(f), 0);
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(dead_count(f), 0);
	assert_int_equal(state_intent_end(f->db, "i-00000001", &f->err), 0);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM intent"), "0");
	/* Ending twice is harmless. */
	assert_int_equal(state_intent_end(f->db, "i-00000001", &f->err), 0);
}

static void work_of_a_dead_process_is_found(void **state)
{
	struct fixture *f = *state;
	auto_free struct state_intent *list = NULL;
	pid_t pid = in_dead_process(f, create_and_die);
	size_t n = 0;

	assert_int_equal(state_intent_dead(f->db, &list, &n, &f->err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].id, "i-00000001");
	assert_string_equal(list[0].verb, "create");
	assert_string_equal(list[0].step, "disk");
	assert_string_equal(list[0].command, "test");
	assert_int_equal(list[0].pid, pid);
	assert_true(list[0].start_time > 0);
}

static void a_reused_pid_is_not_taken_for_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	fixture_sql(f, "UPDATE intent SET start_time = start_time - 1");
	assert_int_equal(dead_count(f), 1);
	fixture_sql(f, "UPDATE intent SET start_time = start_time + 1");
	assert_int_equal(dead_count(f), 0);
	fixture_sql(f, "UPDATE intent SET boot_id = 'before'");
	assert_int_equal(dead_count(f), 1);
}

static void dead_work_is_taken_over(void **state)
{
	struct fixture *f = *state;

	in_dead_process(f, create_and_die);
	assert_int_equal(state_intent_begin(f->db, "i-00000001", "delete",
					    "vmctl delete web1", &f->err),
			 0);
	assert_int_equal(dead_count(f), 0);
	assert_string_equal(fixture_ask(f, "SELECT verb FROM intent"),
			    "delete");
	assert_int_equal(state_intent_end(f->db, "i-00000001", &f->err), 0);
	in_dead_process(f, delete_and_die);
	assert_int_equal(dead_count(f), 1);
}

static void a_dead_deletion_is_only_gone_on_with(void **state)
{
	static const char *const verbs[] = { "start", "stop", "port" };
	struct fixture *f = *state;

	in_dead_process(f, create_and_die);
	in_dead_process(f, delete_and_die);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		assert_int_equal(state_intent_begin(f->db, "i-00000001",
						    verbs[i], "vmctl", &f->err),
				 -VMCTL_BUSY);
		assert_non_null(strstr(f->err.message, "is being deleted"));
		assert_string_equal(fixture_ask(f, "SELECT verb FROM intent"),
				    "delete");
	}
	assert_int_equal(dead_count(f), 1);
	assert_int_equal(state_intent_begin(f->db, "i-00000001", "delete",
					    "vmctl", &f->err),
			 0);
	assert_int_equal(dead_count(f), 0);
}

static void work_of_a_living_process_is_not_taken_over(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	fixture_close(f);
	pid = fork();
	if (pid == 0) {
		struct vmctl_error err;

		if (state_open(f->dir, 5000, &f->db, &err) < 0)
			_exit(9);
		_exit(state_intent_begin(f->db, "i-00000001", "delete", "x",
					 &err) == -VMCTL_BUSY &&
				      strstr(err.message, "(test)")
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_step_needs_begun_work(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		state_intent_step(f->db, "i-00000001", "disk", &f->err),
		-VMCTL_NOT_FOUND);
	assert_int_equal(
		state_intent_begin(f->db, "i-00000001", "delete", "x", &f->err),
		-VMCTL_NOT_FOUND);
}

static void long_texts_are_cut_not_overrun(void **state)
{
	struct fixture *f = *state;
	auto_free struct state_intent *list = NULL;
	size_t n;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(
		state_intent_begin(f->db, "i-00000001", text, text, &f->err),
		0);
	fixture_sql(f, "UPDATE intent SET boot_id = 'before'");
	assert_int_equal(state_intent_dead(f->db, &list, &n, &f->err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(strlen(list[0].command), sizeof(list[0].command) - 1);
	assert_int_equal(strlen(list[0].verb), sizeof(list[0].verb) - 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_work_is_not_dead),
		TEST(work_of_a_dead_process_is_found),
		TEST(a_reused_pid_is_not_taken_for_it),
		TEST(dead_work_is_taken_over),
		TEST(a_dead_deletion_is_only_gone_on_with),
		TEST(work_of_a_living_process_is_not_taken_over),
		TEST(a_step_needs_begun_work),
		TEST(long_texts_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
