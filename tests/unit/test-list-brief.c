/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <string.h>

/* The brief list says the same as the whole one, as far as it goes. */

static int setup_three(void **state)
{
	struct stage *s;
	int r = stage_setup(state);

	s = *state;
	if (r < 0 || stage_create(s, "runs") < 0 ||
	    stage_create(s, "halted") < 0 || stage_create(s, "away") < 0)
		return -1;
	if (vmctl_instance_stop(s->place->ctx, "halted", 0, true, &s->err) < 0)
		return -1;
	fixture_ask(&s->db, "UPDATE nic SET kind = 'network', source = 'nat',"
			    " address = '192.0.2.7' WHERE instance ="
			    " (SELECT id FROM instance WHERE name = 'away')");
	return 0;
}

static void rows_are_equal(const struct vmctl_instance *a,
			   const struct vmctl_instance *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->state, b->state);
	assert_string_equal(a->type, b->type);
	assert_int_equal(a->memory, b->memory);
	assert_int_equal(a->disk, b->disk);
	assert_string_equal(a->image, b->image);
	assert_string_equal(a->address, b->address);
	assert_int_equal(a->ssh_port, b->ssh_port);
	assert_int_equal(a->created_at, b->created_at);
	assert_int_equal(a->stale, b->stale);
}

static void lists_are_equal(struct stage *s, unsigned flags)
{
	struct vmctl_instance_list *whole = NULL, *brief = NULL;

	assert_int_equal(vmctl_instance_list(s->place->ctx, flags, &whole, NULL,
					     &s->err),
			 0);
	assert_int_equal(vmctl_instance_list(s->place->ctx,
					     flags | VMCTL_LIST_BRIEF, &brief,
					     NULL, &s->err),
			 0);
	assert_int_equal(whole->count, 3);
	assert_int_equal(brief->count, 3);
	for (size_t i = 0; i < 3; i++)
		rows_are_equal(brief->items[i], whole->items[i]);
	/* By name. */
	assert_string_equal(brief->items[0]->address, "192.0.2.7");
	vmctl_instance_list_free(whole);
	vmctl_instance_list_free(brief);
}

static void of_the_database(void **state)
{
	lists_are_equal(*state, VMCTL_LIST_CACHED);
}

static void of_the_hypervisor(void **state)
{
	lists_are_equal(*state, 0);
}

static void without_a_hypervisor(void **state)
{
	struct stage *s = *state;

	s->hv->down = true;
	lists_are_equal(s, 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_three, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_the_database),
		TEST(of_the_hypervisor),
		TEST(without_a_hypervisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
