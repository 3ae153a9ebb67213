/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "context.h"
#include "internal/image.h"

/* lib/image/image.c: looking up, verifying, using and deleting. */

static void put(struct place *p, const char *name, unsigned seed,
		struct vmctl_image **ret)
{
	auto_free char *file = make_qcow2(p, "disk.qcow2", seed, false);

	assert_int_equal(import(p, file, name, ret), 0);
}

static struct state *database(struct place *p)
{
	struct state *db = NULL;

	assert_int_equal(context_state(p->ctx, &db, &p->err), 0);
	return db;
}

static void put_instance(struct place *p, const char *digest)
{
	struct vmctl_instance row = sample_instance(1, "web1", digest);

	assert_int_equal(state_instance_add(database(p), &row, NULL, 0,
					    NIC(row), "test", NULL, &p->err),
			 0);
}

static void the_list_has_paths(void **state)
{
	struct place *p = *state;
	struct vmctl_image_list *list = NULL;

	assert_int_equal(vmctl_image_list(p->ctx, &list, &p->err), 0);
	assert_int_equal(list->count, 0);
	vmctl_image_list_free(list);
	put(p, "mini", 1, NULL);
	assert_int_equal(vmctl_image_list(p->ctx, &list, &p->err), 0);
	assert_int_equal(list->count, 1);
	assert_int_equal(access(list->items[0]->path, R_OK), 0);
	vmctl_image_list_free(list);
}

static void img_003_verify_sees_a_single_changed_byte(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;

	put(p, "mini", 1, &image);
	assert_int_equal(vmctl_image_verify(p->ctx, "mini", &p->err), 0);
	assert_int_equal(chmod(image->path, 0644), 0);
	patch(image->path, image->size - 70000, "X", 1);
	assert_int_equal(vmctl_image_verify(p->ctx, "mini", &p->err),
			 -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.message, "image mini is damaged"));
	assert_non_null(strstr(p->err.hint, "vmctl image import --name mini"));
}

static void verify_moves_the_time(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;
	const struct state_file_mark mark = { 1, 2, 3 };

	put(p, "mini", 1, &image);
	assert_int_equal(state_image_verified(database(p), image->digest, 5,
					      &mark, &p->err),
			 0);
	assert_int_equal(vmctl_image_verify(p->ctx, "mini", &p->err), 0);
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(vmctl_image_get(p->ctx, "mini", &image, &p->err), 0);
	assert_true(image->verified_at >= clock_now() - 60);
}

static void img_004_a_missing_file_is_told_with_the_cure(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;
	auto_image struct vmctl_image *used = NULL;

	put(p, "mini", 1, &image);
	assert_int_equal(unlink(image->path), 0);
	assert_int_equal(vmctl_image_verify(p->ctx, "mini", &p->err),
			 -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.message, "missing"));
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err),
			 -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.hint, "vmctl image import --name mini"));
	assert_null(used);
	/* Something else in its place is no better. */
	assert_int_equal(mkdir(image->path, 0700), 0);
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err),
			 -VMCTL_BAD_DATA);
	assert_int_equal(rmdir(image->path), 0);
	assert_int_equal(mkfifo(image->path, 0600), 0);
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err),
			 -VMCTL_BAD_DATA);
}

static void img_004_use_notices_a_changed_file(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;
	auto_image struct vmctl_image *used = NULL;

	put(p, "mini", 1, &image);
	assert_int_equal(chmod(image->path, 0644), 0);
	patch(image->path, 300000, "damage", 6);
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err),
			 -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.message, "damaged"));
}

static void use_does_not_read_a_file_that_looks_as_before(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;
	auto_image struct vmctl_image *used = NULL;
	struct stat st;

	/* Its contents are changed behind the mark's back: what is not seen
	 * here is what makes it cheap. */
	put(p, "mini", 1, &image);
	assert_int_equal(stat(image->path, &st), 0);
	assert_int_equal(chmod(image->path, 0644), 0);
	patch(image->path, 300000, "damage", 6);
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, image->path, times, 0), 0);
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err), 0);
	assert_string_equal(used->path, image->path);
	/* verify reads it all the same. */
	assert_int_equal(vmctl_image_verify(p->ctx, "mini", &p->err),
			 -VMCTL_BAD_DATA);
}

static void use_accepts_a_touched_file_and_remembers(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;
	auto_image struct vmctl_image *used = NULL;
	struct state_file_mark before, after;

	put(p, "mini", 1, NULL);
	assert_int_equal(
		state_image_get(database(p), "mini", &image, &before, &p->err),
		0);
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(vmctl_image_get(p->ctx, "mini", &image, &p->err), 0);
	/* As a backup that was restored has it. */
	assert_int_equal(utimensat(AT_FDCWD, image->path, NULL, 0), 0);
	assert_int_equal(image_use(p->ctx, "mini", &used, &p->err), 0);
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(
		state_image_get(database(p), "mini", &image, &after, &p->err),
		0);
	assert_int_not_equal(before.mtime_ns, after.mtime_ns);
}

static void use_without_a_name_takes_the_only_one(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *used = NULL;

	assert_int_equal(image_use(p->ctx, NULL, &used, &p->err),
			 -VMCTL_NOT_FOUND);
	assert_non_null(strstr(p->err.hint, "vmctl image import FILE"));
	put(p, "one", 1, NULL);
	assert_int_equal(image_use(p->ctx, NULL, &used, &p->err), 0);
	assert_string_equal(used->name, "one");
	vmctl_image_free(take_ptr(&used));
	put(p, "two", 2, NULL);
	assert_int_equal(image_use(p->ctx, NULL, &used, &p->err),
			 -VMCTL_INVALID);
	assert_non_null(strstr(p->err.message, "one, two"));
	assert_int_equal(image_use(p->ctx, "three", &used, &p->err),
			 -VMCTL_NOT_FOUND);
}

static void an_image_in_use_is_kept(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;

	put(p, "mini", 1, &image);
	put_instance(p, image->digest);
	assert_int_equal(vmctl_image_delete(p->ctx, "mini", NULL, &p->err),
			 -VMCTL_IN_USE);
	assert_non_null(strstr(p->err.message, "web1"));
	assert_int_equal(access(image->path, R_OK), 0);
	assert_int_equal(state_instance_set(database(p), "i-00000001",
					    VMCTL_STATE_TERMINATED, "",
					    &p->err),
			 0);
	assert_int_equal(vmctl_image_delete(p->ctx, "mini", NULL, &p->err), 0);
	assert_int_equal(stored_files(p), 0);
}

static void the_file_goes_with_its_last_name(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;

	put(p, "one", 1, &image);
	put(p, "two", 1, NULL);
	assert_int_equal(vmctl_image_delete(p->ctx, "one", NULL, &p->err), 0);
	assert_int_equal(stored_files(p), 1);
	/* By digest prefix too. */
	image->digest[12] = '\0';
	assert_int_equal(
		vmctl_image_delete(p->ctx, image->digest, NULL, &p->err), 0);
	assert_int_equal(stored_files(p), 0);
	assert_int_equal(vmctl_image_delete(p->ctx, "one", NULL, &p->err),
			 -VMCTL_NOT_FOUND);
}

static void an_image_without_its_file_can_be_deleted(void **state)
{
	struct place *p = *state;
	auto_image struct vmctl_image *image = NULL;

	put(p, "mini", 1, &image);
	assert_int_equal(unlink(image->path), 0);
	assert_int_equal(vmctl_image_delete(p->ctx, "mini", NULL, &p->err), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_has_paths),
		TEST(img_003_verify_sees_a_single_changed_byte),
		TEST(verify_moves_the_time),
		TEST(img_004_a_missing_file_is_told_with_the_cure),
		TEST(img_004_use_notices_a_changed_file),
		TEST(use_does_not_read_a_file_that_looks_as_before),
		TEST(use_accepts_a_touched_file_and_remembers),
		TEST(use_without_a_name_takes_the_only_one),
		TEST(an_image_in_use_is_kept),
		TEST(the_file_goes_with_its_last_name),
		TEST(an_image_without_its_file_can_be_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
