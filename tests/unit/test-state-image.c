/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include "base/str.h"

DEFINE_CLEANUP(image, struct vmctl_image *, vmctl_image_free);
#define auto_image auto_cleanup(image_cleanup)

static void img_005_all_fields_come_back(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;
	struct state_file_mark mark;

	image_put(f, "mini", digest_of("aa"));
	fixture_reopen(f);
	assert_int_equal(state_image_get(f->db, "mini", &image, &mark, &f->err),
			 0);
	assert_string_equal(image->name, "mini");
	assert_string_equal(image->description, "a test image");
	assert_string_equal(image->os, "debian 12");
	assert_string_equal(image->arch, "x86_64");
	assert_string_equal(image->user, "debian");
	assert_string_equal(image->digest, digest_of("aa"));
	assert_string_equal(image->source_digest, digest_of("f00d"));
	assert_int_equal(image->size, 4096);
	assert_int_equal(image->virtual_size, 1 << 30);
	assert_int_equal(image->created_at, 1000);
	assert_int_equal(image->verified_at, 1000);
	assert_int_equal(image->instances, 0);
	assert_null(image->path);
	assert_int_equal(mark.size, 4096);
	assert_int_equal(mark.mtime_ns, 77);
	assert_int_equal(mark.inode, 12);
}

static void img_003_where_it_came_from_goes_with_the_name(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *first = NULL;
	auto_image struct vmctl_image *second = NULL;
	struct vmctl_image image = {
		.name = (char *)"pulled",
		.digest = (char *)digest_of("aa"),
		.size = 1,
		.virtual_size = 1,
		.source = (char *)"https://host/file",
		.checksum = (char *)"sha512:00",
		.verified_by = (char *)"signature",
		.signed_by = (char *)"ABCD",
	};
	struct state_file_mark mark = { 0 };
	bool last;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(state_image_add(f->db, &image, &mark, &f->err), 0);
	assert_int_equal(
		state_image_get(f->db, "pulled", &first, NULL, &f->err), 0);
	assert_string_equal(first->source, "https://host/file");
	assert_string_equal(first->checksum, "sha512:00");
	assert_string_equal(first->verified_by, "signature");
	assert_string_equal(first->signed_by, "ABCD");
	assert_int_equal(state_image_get(f->db, "mini", &second, NULL, &f->err),
			 0);
	assert_string_equal(second->source, "");
	assert_string_equal(second->verified_by, "");
	assert_int_equal(state_image_delete(f->db, "pulled", &last, &f->err),
			 0);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM image_origin"),
			    "0");
	image.verified_by = (char *)"hearsay";
	assert_true(state_image_add(f->db, &image, &mark, &f->err) < 0);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM image"), "1");
}

static void a_taken_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vmctl_image image = { .name = (char *)"mini",
				     .digest = (char *)digest_of("bb"),
				     .size = 1,
				     .virtual_size = 1 };
	struct state_file_mark mark = { 0 };

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(state_image_add(f->db, &image, &mark, &f->err),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(f->err.message, "mini"));
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM image_file"),
			    "1");
}

static void digest_prefixes_find_when_long_enough(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;

	image_put(f, "mini", digest_of("abcdef012"));
	assert_int_equal(
		state_image_get(f->db, "abcdef0", &image, NULL, &f->err),
		-VMCTL_NOT_FOUND);
	assert_null(image);
	assert_int_equal(
		state_image_get(f->db, "abcdef01", &image, NULL, &f->err), 0);
	assert_string_equal(image->name, "mini");
}

static void a_name_goes_before_a_digest(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;

	image_put(f, "mini", digest_of("abcdef01"));
	image_put(f, "abcdef01", digest_of("99"));
	assert_int_equal(
		state_image_get(f->db, "abcdef01", &image, NULL, &f->err), 0);
	assert_string_equal(image->name, "abcdef01");
}

static void an_ambiguous_prefix_is_refused(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;

	image_put(f, "one", digest_of("abcdef011"));
	image_put(f, "one-again", digest_of("abcdef011"));
	assert_int_equal(
		state_image_get(f->db, "abcdef01", &image, NULL, &f->err), 0);
	image_put(f, "two", digest_of("abcdef012"));
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(
		state_image_get(f->db, "abcdef01", &image, NULL, &f->err),
		-VMCTL_INVALID);
}

static void wildcards_in_a_name_mean_nothing(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(state_image_get(f->db, "%", &image, NULL, &f->err),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(
		state_image_get(f->db, "' OR 1=1 --", &image, NULL, &f->err),
		-VMCTL_NOT_FOUND);
}

static void the_list_is_by_name_and_counts_instances(void **state)
{
	struct fixture *f = *state;
	struct vmctl_image_list *list = NULL;

	image_put(f, "zeta", digest_of("aa"));
	image_put(f, "alpha", digest_of("bb"));
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(instance_put(f, 2, "web2", digest_of("aa"), NULL), 0);
	assert_int_equal(state_image_list(f->db, &list, &f->err), 0);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->items[0]->name, "alpha");
	assert_int_equal(list->items[0]->instances, 0);
	assert_string_equal(list->items[1]->name, "zeta");
	assert_int_equal(list->items[1]->instances, 2);
	vmctl_image_list_free(list);
}

static void an_image_in_use_is_not_deleted(void **state)
{
	struct fixture *f = *state;
	bool last = false;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
	assert_int_equal(state_image_delete(f->db, "mini", &last, &f->err),
			 -VMCTL_IN_USE);
	assert_non_null(strstr(f->err.message, "web1"));
	assert_string_equal(f->err.hint, "first: vmctl delete web1");

	/* Another name of the same file keeps the file. */
	image_put(f, "mini2", digest_of("aa"));
	assert_int_equal(state_image_delete(f->db, "mini", &last, &f->err), 0);
	assert_false(last);
	assert_int_equal(state_image_delete(f->db, "mini2", &last, &f->err),
			 -VMCTL_IN_USE);

	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_TERMINATED, "",
					    &f->err),
			 0);
	assert_int_equal(state_image_delete(f->db, "mini2", &last, &f->err), 0);
	assert_true(last);
	assert_int_equal(state_image_delete(f->db, "mini2", &last, &f->err),
			 -VMCTL_NOT_FOUND);
}

static void a_deleted_file_is_remembered_until_forgotten(void **state)
{
	struct fixture *f = *state;
	char **digests = NULL;
	bool last;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(state_image_unnamed(f->db, &digests, &f->err), 0);
	assert_null(digests[0]);
	strv_free(digests);

	/* Forgetting does nothing to a file with a name. */
	assert_int_equal(state_image_forget(f->db, digest_of("aa"), &f->err),
			 0);
	assert_int_equal(state_image_delete(f->db, "mini", &last, &f->err), 0);
	fixture_reopen(f); /* killed before the file was removed */
	assert_int_equal(state_image_unnamed(f->db, &digests, &f->err), 0);
	assert_string_equal(digests[0], digest_of("aa"));
	assert_null(digests[1]);
	strv_free(digests);

	assert_int_equal(state_image_forget(f->db, digest_of("aa"), &f->err),
			 0);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM image_file"),
			    "0");
}

static void a_reserved_file_is_not_listed_until_named(void **state)
{
	struct fixture *f = *state;
	struct vmctl_image file = { .digest = (char *)digest_of("aa"),
				    .size = 10,
				    .virtual_size = 20 };
	struct state_file_mark mark = { 10, 1, 2 };
	struct vmctl_image_list *list = NULL;

	assert_int_equal(state_image_reserve(f->db, &file, &mark, &f->err), 0);
	assert_int_equal(state_image_reserve(f->db, &file, &mark, &f->err), 0);
	assert_int_equal(state_image_list(f->db, &list, &f->err), 0);
	assert_int_equal(list->count, 0);
	vmctl_image_list_free(list);
	/* And nothing can be made from it. */
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL),
			 -VMCTL_NOT_FOUND);
	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
}

static void img_003_verification_moves_time_and_mark(void **state)
{
	struct fixture *f = *state;
	auto_image struct vmctl_image *image = NULL;
	struct state_file_mark mark = { 4096, 99, 13 }, seen;

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(state_image_verified(f->db, digest_of("aa"), 5000,
					      &mark, &f->err),
			 0);
	assert_int_equal(state_image_get(f->db, "mini", &image, &seen, &f->err),
			 0);
	assert_int_equal(image->verified_at, 5000);
	assert_int_equal(seen.mtime_ns, 99);
	assert_int_equal(seen.inode, 13);
	assert_int_equal(state_image_verified(f->db, digest_of("bb"), 5000,
					      &mark, &f->err),
			 -VMCTL_NOT_FOUND);
}

/* One process deletes the image, another makes an instance of it: whoever is
 * first, the other is refused. */
static int delete_or_create(int which, void *data)
{
	struct fixture *f = data;
	bool last;
	int r;

	if (state_open(f->dir, 5000, &f->db, &f->err) < 0)
		return 7;
	if (which % 2)
		r = instance_put(f, (unsigned)which, "web1", digest_of("aa"),
				 NULL);
	else
		r = state_image_delete(f->db, "mini", &last, &f->err);
	state_close(f->db);
	return r == 0 ? which % 2 : 2;
}

static void no_instance_loses_its_base_in_a_race(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 20; round++) {
		int counts[8];

		image_put(f, "mini", digest_of("aa"));
		fixture_close(f);
		race(2, delete_or_create, f, counts);
		fixture_reopen(f);
		assert_int_equal(counts[0] + counts[1], 1);
		assert_int_equal(counts[2], 1);
		assert_string_equal(
			fixture_ask(f, "SELECT count(*) FROM instance n WHERE"
				       " NOT EXISTS (SELECT 1 FROM image i"
				       " WHERE i.digest = n.image_digest)"),
			"0");
		fixture_sql(f, "DELETE FROM instance; DELETE FROM image;"
			       "DELETE FROM image_file");
	}
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(img_005_all_fields_come_back),
		TEST(img_003_where_it_came_from_goes_with_the_name),
		TEST(a_taken_name_is_refused),
		TEST(digest_prefixes_find_when_long_enough),
		TEST(a_name_goes_before_a_digest),
		TEST(an_ambiguous_prefix_is_refused),
		TEST(wildcards_in_a_name_mean_nothing),
		TEST(the_list_is_by_name_and_counts_instances),
		TEST(an_image_in_use_is_not_deleted),
		TEST(a_deleted_file_is_remembered_until_forgotten),
		TEST(a_reserved_file_is_not_listed_until_named),
		TEST(img_003_verification_moves_time_and_mark),
		TEST(no_instance_loses_its_base_in_a_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
