/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static void an_unknown_fact_is_no_failure(void **state)
{
	struct fixture *f = *state;
	char *value = (char *)"untouched";

	assert_int_equal(
		state_fact_get(f->db, "accel", "boot1", &value, &f->err), 0);
	assert_null(value);
}

static void a_fact_holds_in_its_scope_only(void **state)
{
	struct fixture *f = *state;
	char *value = NULL;

	assert_int_equal(
		state_fact_set(f->db, "accel", "boot1", "kvm", &f->err), 0);
	fixture_reopen(f);
	assert_int_equal(
		state_fact_get(f->db, "accel", "boot1", &value, &f->err), 0);
	assert_string_equal(value, "kvm");
	free(value);
	assert_int_equal(
		state_fact_get(f->db, "accel", "boot2", &value, &f->err), 0);
	assert_null(value);
}

static void a_new_fact_replaces_the_old(void **state)
{
	struct fixture *f = *state;
	char *value = NULL;

	assert_int_equal(state_fact_set(f->db, "accel", "b1", "kvm", &f->err),
			 0);
	assert_int_equal(state_fact_set(f->db, "accel", "b2", "tcg", &f->err),
			 0);
	assert_int_equal(state_fact_get(f->db, "accel", "b2", &value, &f->err),
			 0);
	assert_string_equal(value, "tcg");
	free(value);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM fact"), "1");
}

static void the_first_of_two_who_settle_a_fact_is_heard(void **state)
{
	struct fixture *f = *state;
	char *value = NULL;

	assert_int_equal(
		state_fact_first(f->db, "home", "", "one", &value, &f->err), 0);
	assert_string_equal(value, "one");
	free(value);
	assert_int_equal(
		state_fact_first(f->db, "home", "", "two", &value, &f->err), 0);
	assert_string_equal(value, "one");
	free(value);
}

static void a_fact_of_another_home_is_read_and_nothing_is_made(void **state)
{
	struct fixture *f = *state;
	auto_free char *none = str_printf("%s/none", f->dir);
	char *value = NULL;

	assert_int_equal(state_fact_set(f->db, "home", "", "one", &f->err), 0);
	assert_int_equal(state_peek_fact(f->dir, "home", "", &value, &f->err),
			 0);
	assert_string_equal(value, "one");
	free(value);
	assert_true(state_peek_fact(none, "home", "", &value, &f->err) < 0);
	assert_int_equal(access(none, F_OK), -1);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_fact_is_no_failure),
		TEST(a_fact_holds_in_its_scope_only),
		TEST(a_new_fact_replaces_the_old),
		TEST(the_first_of_two_who_settle_a_fact_is_heard),
		TEST(a_fact_of_another_home_is_read_and_nothing_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
