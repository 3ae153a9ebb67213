/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include "base/str.h"

/* Who asked is told of the changes of instances that matter to ssh. */

static int told;

static void count(void *data)
{
	told++;
	*(int *)data = told;
}

static int seen;
static bool installed;

static bool wanted(void *data)
{
	return installed;
}

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	struct fixture *f = *state;
	image_put(f, "mini", digest_of("aa"));
	told = 0;
	installed = true;
	state_watch(f->db, wanted, count, &seen);
	return 0;
}

static int since(void)
{
	int n = told;

	told = 0;
	return n;
}

static void coming_and_going_is_told_once_each(void **state)
{
	struct fixture *f = *state;
	const char *id = "i-00000001";

	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(since(), 1);
	assert_int_equal(seen, 1);
	/* What ssh need not know. */
	assert_int_equal(
		state_instance_set(f->db, id, VMCTL_STATE_RUNNING, "", &f->err),
		0);
	assert_int_equal(state_instance_set_port(f->db, id, 22001, &f->err), 0);
	assert_int_equal(state_intent_step(f->db, id, "disk", &f->err), 0);
	assert_int_equal(state_fact_set(f->db, "a", "", "b", &f->err), 0);
	assert_int_equal(since(), 0);
	/* It may stand for what a killed process did not tell. */
	assert_int_equal(state_intent_end(f->db, id, &f->err), 0);
	assert_int_equal(since(), 1);
	assert_int_equal(state_instance_set(f->db, id, VMCTL_STATE_TERMINATED,
					    "", &f->err),
			 0);
	assert_int_equal(since(), 1);
}

static void who_is_not_wanted_is_asked_again(void **state)
{
	struct fixture *f = *state;

	installed = false;
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(since(), 0);
	installed = true;
	assert_int_equal(instance_put(f, 2, "web2", digest_of("aa"), NULL), 0);
	assert_int_equal(since(), 1);
}

static void what_is_rolled_back_is_not_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(since(), 1);
	/* The name is taken. */
	assert_int_equal(instance_put(f, 2, "web1", digest_of("aa"), NULL),
			 -VMCTL_EXISTS);
	assert_int_equal(state_fact_set(f->db, "a", "", "b", &f->err), 0);
	assert_int_equal(since(), 0);
}

static void hosts_have_what_ssh_needs(void **state)
{
	struct fixture *f = *state;
	struct state_host *hosts = NULL;
	const struct state_instance_key keys[] = {
		{ (char *)"work", (char *)"ssh-rsa AAAB", NULL },
		{ (char *)"default", (char *)"ssh-ed25519 AAAC",
		  (char *)"/k/default" },
	};
	struct vmctl_instance row = sample_instance(1, "web1", digest_of("aa"));
	size_t n = 0;

	assert_int_equal(state_hosts(f->db, &hosts, &n, &f->err), 0);
	assert_int_equal(n, 0);
	state_hosts_free(hosts, n);
	key_put(f, "ssh-ed25519 AAAC", "/k/default");
	assert_int_equal(state_instance_add(f->db, &row, keys, 2, NIC(row),
					    "test", NULL, &f->err),
			 0);
	assert_int_equal(instance_put(f, 2, "db", digest_of("aa"), NULL), 0);
	assert_int_equal(instance_put(f, 3, "gone", digest_of("aa"), NULL), 0);
	assert_int_equal(state_instance_set(f->db, "i-00000003",
					    VMCTL_STATE_TERMINATED, "",
					    &f->err),
			 0);
	assert_int_equal(state_hosts(f->db, &hosts, &n, &f->err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(hosts[0].name, "db");
	assert_int_equal(hosts[0].key_count, 0);
	assert_string_equal(hosts[1].name, "web1");
	assert_string_equal(hosts[1].id, "i-00000001");
	assert_string_equal(hosts[1].user, "vm");
	assert_int_equal(hosts[1].key_count, 2);
	assert_string_equal(hosts[1].keys[0].public_key, "ssh-rsa AAAB");
	assert_string_equal(hosts[1].keys[1].private_path, "/k/default");
	state_hosts_free(hosts, n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(coming_and_going_is_told_once_each),
		TEST(who_is_not_wanted_is_asked_again),
		TEST(what_is_rolled_back_is_not_told),
		TEST(hosts_have_what_ssh_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
