/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include "base/str.h"

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
#define auto_key auto_cleanup(key_cleanup)

static int put(struct fixture *f, const char *name, const char *public_key,
	       const char *file)
{
	const struct vmctl_key key = {
		.name = (char *)name,
		.type = (char *)"ssh-ed25519",
		.bits = 256,
		.public_key = (char *)public_key,
		.comment = (char *)"me@here",
		.sha256 = (char *)"SHA256:abc",
		.md5 = (char *)"MD5:aa:bb",
		.private_path = (char *)file,
		.created_at = 1000,
	};

	return state_key_add(f->db, &key, &f->err);
}

static void put_instance(struct fixture *f, unsigned number, const char *name,
			 const char *file)
{
	struct vmctl_instance row =
		sample_instance(number, name, digest_of("aa"));
	const struct state_instance_key key = { (char *)"work", (char *)"k",
						(char *)file };

	/* Its key goes again: only what the instance has counts here. */
	key_put(f, "k", file);
	assert_int_equal(state_instance_add(f->db, &row, &key, 1, NIC(row),
					    "test", NULL, &f->err),
			 0);
	fixture_sql(f, "DELETE FROM ssh_key WHERE name = 'k'");
}

static void key_007_all_fields_come_back(void **state)
{
	struct fixture *f = *state;
	auto_key struct vmctl_key *key = NULL;

	assert_int_equal(put(f, "work", "ssh-ed25519 AAAA", "/k/work"), 0);
	fixture_reopen(f);
	assert_int_equal(state_key_get(f->db, "work", &key, &f->err), 0);
	assert_string_equal(key->name, "work");
	assert_string_equal(key->type, "ssh-ed25519");
	assert_int_equal(key->bits, 256);
	assert_string_equal(key->public_key, "ssh-ed25519 AAAA");
	assert_string_equal(key->comment, "me@here");
	assert_string_equal(key->sha256, "SHA256:abc");
	assert_string_equal(key->md5, "MD5:aa:bb");
	assert_string_equal(key->private_path, "/k/work");
	assert_int_equal(key->created_at, 1000);
}

static void a_key_without_private_half_has_none(void **state)
{
	struct fixture *f = *state;
	auto_key struct vmctl_key *key = NULL;
	bool needed = true;

	assert_int_equal(put(f, "work", "ssh-ed25519 AAAA", NULL), 0);
	assert_int_equal(state_key_get(f->db, "work", &key, &f->err), 0);
	assert_null(key->private_path);
	assert_int_equal(
		state_key_delete(f->db, "work", "SHA256:abc", &needed, &f->err),
		0);
	assert_false(needed);
}

static void key_004_key_005_a_taken_name_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "work", "ssh-ed25519 AAAA", NULL), 0);
	assert_int_equal(put(f, "work", "ssh-ed25519 BBBB", NULL),
			 -VMCTL_EXISTS);
	assert_string_equal(f->err.hint, "vmctl key show work");
}

static void the_same_key_under_another_name_is_named(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "work", "ssh-ed25519 AAAA", NULL), 0);
	assert_int_equal(put(f, "home", "ssh-ed25519 AAAA", NULL),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(f->err.message, "work"));
}

static void the_list_is_by_name(void **state)
{
	struct fixture *f = *state;
	struct vmctl_key_list *list = NULL;

	assert_int_equal(put(f, "zeta", "a", NULL), 0);
	assert_int_equal(put(f, "alpha", "b", "/k/alpha"), 0);
	assert_int_equal(state_key_list(f->db, &list, &f->err), 0);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->items[0]->name, "alpha");
	assert_string_equal(list->items[1]->name, "zeta");
	vmctl_key_list_free(list);
}

static void an_unknown_key_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct vmctl_key *key = NULL;
	bool needed;

	assert_int_equal(state_key_get(f->db, "work", &key, &f->err),
			 -VMCTL_NOT_FOUND);
	assert_null(key);
	assert_int_equal(
		state_key_delete(f->db, "work", "SHA256:abc", &needed, &f->err),
		-VMCTL_NOT_FOUND);
}

static void a_key_of_the_same_name_is_another_one(void **state)
{
	struct fixture *f = *state;
	struct vmctl_key *key = NULL;
	bool needed;

	assert_int_equal(put(f, "work", "k", NULL), 0);
	assert_int_equal(state_key_delete(f->db, "work", "SHA256:other",
					  &needed, &f->err),
			 -VMCTL_STATE);
	assert_non_null(strstr(f->err.message, "SHA256:abc"));
	assert_int_equal(state_key_get(f->db, "work", &key, &f->err), 0);
	vmctl_key_free(key);
}

static void key_006_a_live_instance_needs_the_private_file(void **state)
{
	struct fixture *f = *state;
	bool needed;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(put(f, "work", "k", "/k/work"), 0);
	put_instance(f, 1, "web1", "/k/work");
	assert_int_equal(
		state_key_delete(f->db, "work", "SHA256:abc", &needed, &f->err),
		0);
	assert_true(needed);

	assert_int_equal(
		state_key_file_needed(f->db, "/k/work", &needed, &f->err), 0);
	assert_true(needed);
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_TERMINATED, "",
					    &f->err),
			 0);
	assert_int_equal(
		state_key_file_needed(f->db, "/k/work", &needed, &f->err), 0);
	assert_false(needed);
}

static void a_stored_key_needs_its_file(void **state)
{
	struct fixture *f = *state;
	bool needed;

	assert_int_equal(put(f, "work", "k", "/k/work"), 0);
	assert_int_equal(
		state_key_file_needed(f->db, "/k/work", &needed, &f->err), 0);
	assert_true(needed);
	assert_int_equal(
		state_key_file_needed(f->db, "/k/other", &needed, &f->err), 0);
	assert_false(needed);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(key_007_all_fields_come_back),
		TEST(a_key_without_private_half_has_none),
		TEST(key_004_key_005_a_taken_name_is_refused),
		TEST(the_same_key_under_another_name_is_named),
		TEST(the_list_is_by_name),
		TEST(an_unknown_key_is_not_found),
		TEST(key_006_a_live_instance_needs_the_private_file),
		TEST(a_key_of_the_same_name_is_another_one),
		TEST(a_stored_key_needs_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
