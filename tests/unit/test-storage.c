/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "context.h"
#include "unit.h"

/* Homes with the same storage, or that were copied, moved, put back. */

#define MARK "store/vmctl-owner"

/* A home beside the stage's, whose storage is "store" for all of them. */
static struct place *home(struct stage *s, const char *name)
{
	struct place *p = calloc(1, sizeof(*p));
	auto_free char *settings = NULL, *path = NULL;

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "%s", s->place->dir);
	snprintf(p->home, sizeof(p->home), "%.240s/%s", p->dir, name);
	settings = str_printf("{ \"storage\": \"%s/store\" }", p->dir);
	path = path_join(p->home, "config.json");
	assert_int_equal(dir_make(p->home, 0700, NULL), 0);
	assert_int_equal(
		file_write_atomic(path, settings, strlen(settings), 0600, NULL),
		0);
	p->ctx = place_context(p);
	return p;
}

static void leave(struct place *p)
{
	vmctl_free(p->ctx);
	free(p);
}

/* As the next command would find it. */
static int opens(struct place *p)
{
	struct state *db;

	vmctl_free(p->ctx);
	p->ctx = place_context(p);
	return context_state(p->ctx, &db, &p->err);
}

static bool there(struct stage *s, const char *name)
{
	auto_free char *path = place_path(s->place, name);

	return access(path, F_OK) == 0;
}

static int take_raw(struct stage *s, struct place *p)
{
	auto_free char *raw = make_raw(s->place, "shared.raw", 65536, 7);

	return import(p, raw, "mini", NULL);
}

static char *image_of(struct place *p)
{
	auto_image struct vmctl_image *image = NULL;

	assert_int_equal(vmctl_image_get(p->ctx, "mini", &image, &p->err), 0);
	return take_ptr(&image->path);
}

static void the_image_of_one_home_is_not_deleted_by_another(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b = home(s, "b");

	/* Both while there is nothing: neither has it yet. */
	assert_int_equal(opens(a), 0);
	assert_int_equal(opens(b), 0);
	assert_false(there(s, "store"));
	assert_int_equal(take_raw(s, a), 0);
	auto_free char *path = image_of(a);
	assert_true(there(s, MARK));
	assert_int_equal(take_raw(s, b), -VMCTL_STATE);
	assert_non_null(strstr(b->err.message, a->home));
	assert_non_null(strstr(b->err.hint, "vmctl config set storage"));
	assert_int_equal(vmctl_image_delete(b->ctx, "mini", NULL, &b->err),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(opens(b), -VMCTL_STATE);
	assert_int_equal(access(path, F_OK), 0);
	/* Whose it is goes on. */
	assert_int_equal(opens(a), 0);
	assert_int_equal(create_in(a->ctx, "web1", &a->err), 0);
	leave(a);
	leave(b);
}

static void of_two_homes_that_begin_at_once_one_has_the_storage(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b = home(s, "b");

	assert_int_equal(opens(a), 0);
	assert_int_equal(opens(b), 0);
	assert_int_equal(context_storage_claim(b->ctx, &b->err), 0);
	assert_int_equal(context_storage_claim(a->ctx, &a->err), -VMCTL_STATE);
	assert_int_equal(context_storage_claim(b->ctx, &b->err), 0);
	leave(a);
	leave(b);
}

static bool says(const struct vmctl_doctor *found, const char *check,
		 enum vmctl_verdict verdict, const char *words)
{
	for (size_t i = 0; i < found->count; i++)
		if (str_eq(found->items[i].check, check) &&
		    found->items[i].verdict == verdict &&
		    strstr(found->items[i].text, words))
			return true;
	return false;
}

static void the_doctor_keeps_its_hands_off_another_homes_storage(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b = home(s, "b");
	struct vmctl_instance *row = NULL;
	struct vmctl_doctor *found = NULL;

	/* `b` has records, of which the storage is none. */
	assert_int_equal(opens(b), 0);
	assert_int_equal(take_raw(s, a), 0);
	assert_int_equal(create_in(a->ctx, "web1", &a->err), 0);
	assert_int_equal(vmctl_instance_get(a->ctx, "web1", 0, &row, &a->err),
			 0);
	must(vmctl_instance_stop(a->ctx, "web1", 0, true, err));
	auto_free char *dir = str_printf("store/instances/%s", row->id);
	vmctl_instance_free(row);
	for (int fix = 0; fix < 2; fix++) {
		vmctl_free(b->ctx);
		b->ctx = place_context(b);
		assert_int_equal(
			vmctl_host_doctor(b->ctx, fix, 5000, &found, &b->err),
			0);
		assert_true(
			says(found, "storage", VMCTL_VERDICT_PROBLEM, a->home));
		assert_true(says(found, "database", VMCTL_VERDICT_OK, ""));
		assert_true(
			says(found, "folders", VMCTL_VERDICT_NOTE, "storage"));
		vmctl_doctor_free(found);
	}
	assert_true(there(s, dir));
	assert_false(there(s, "store/lost"));
	assert_int_equal(domains_of(s), 1);
	leave(a);
	leave(b);
}

static void
a_storage_from_before_there_were_marks_is_taken_by_its_home(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b = home(s, "b");
	auto_free char *mark = place_path(s->place, MARK);

	assert_int_equal(take_raw(s, a), 0);
	assert_int_equal(unlink(mark), 0);
	/* To whom it is unknown, it is not free. */
	assert_int_equal(opens(b), -VMCTL_STATE);
	assert_int_equal(take_raw(s, b), -VMCTL_STATE);
	assert_int_equal(access(mark, F_OK), -1);
	assert_int_equal(opens(a), 0);
	assert_int_equal(access(mark, F_OK), 0);
	assert_int_equal(opens(b), -VMCTL_STATE);
	assert_non_null(strstr(b->err.message, a->home));
	leave(a);
	leave(b);
}

static void the_directory_of_a_home_is_no_storage_of_another(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a");
	auto_free char *settings =
		str_printf("{ \"storage\": \"%s\" }", s->place->home);
	auto_free char *path = path_join(a->home, "config.json");

	assert_int_equal(
		file_write_atomic(path, settings, strlen(settings), 0600, NULL),
		0);
	assert_int_equal(opens(a), -VMCTL_STATE);
	assert_non_null(strstr(a->err.message, s->place->home));
	/* It has no mark, and needs none. */
	assert_false(there(s, "home/vmctl-owner"));
	assert_int_equal(opens(s->place), 0);
	leave(a);
}

static void a_storage_does_not_become_the_home_of_another(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b = home(s, "store");
	auto_free char *settings = path_join(b->home, "config.json");

	assert_int_equal(unlink(settings), 0);
	assert_int_equal(take_raw(s, a), 0);
	assert_int_equal(opens(b), -VMCTL_STATE);
	assert_non_null(strstr(b->err.message, a->home));
	assert_int_equal(opens(a), 0);
	leave(a);
	leave(b);
}

static void a_home_that_was_moved_keeps_its_storage(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a");
	auto_free char *to = place_path(s->place, "moved");
	auto_free char *mark = place_path(s->place, MARK);
	auto_str text = STR_INIT;

	assert_int_equal(take_raw(s, a), 0);
	vmctl_free(take_ptr(&a->ctx));
	assert_int_equal(rename(a->home, to), 0);
	snprintf(a->home, sizeof(a->home), "%s", to);
	assert_int_equal(opens(a), 0);
	assert_int_equal(file_read(mark, 4096, &text, NULL), 0);
	assert_non_null(strstr(text.p, to));
	leave(a);
}

static void a_copy_of_a_home_does_not_share_its_storage(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a"), *b;
	auto_free char *db = path_join(a->home, "vmctl.db");
	auto_free char *aside = path_join(a->home, "aside.db");
	auto_free char *copy = place_path(s->place, "copy");

	assert_int_equal(take_raw(s, a), 0);
	vmctl_free(take_ptr(&a->ctx));
	run_program("cp", "-a", a->home, copy, NULL);
	b = home(s, "copy");
	assert_int_equal(opens(b), -VMCTL_STATE);
	assert_non_null(strstr(b->err.message, "is a copy of"));
	assert_non_null(strstr(b->err.hint, a->home));
	assert_int_equal(opens(a), 0);
	/* Put back from the copy, it is the same home. */
	vmctl_free(take_ptr(&a->ctx));
	assert_int_equal(dir_remove(a->home, NULL), 0);
	vmctl_free(take_ptr(&b->ctx));
	run_program("cp", "-a", copy, a->home, NULL);
	assert_int_equal(opens(a), 0);
	assert_int_equal(opens(b), -VMCTL_STATE);
	/* As the hint says. */
	vmctl_free(take_ptr(&a->ctx));
	assert_int_equal(rename(db, aside), 0);
	assert_int_equal(opens(b), 0);
	assert_int_equal(vmctl_image_delete(b->ctx, "mini", NULL, &b->err), 0);
	leave(a);
	leave(b);
}

#define NOBODY 65534

/* Root may write everywhere: becomes somebody who may not, but here. */
static int setup_ordinary(void **state)
{
	struct stage *s;

	if (stage_setup(state) < 0)
		return -1;
	s = *state;
	if (geteuid() != 0)
		return 0;
	run_program("chown", "-R", "65534", s->place->dir, NULL);
	return seteuid(NOBODY);
}

static int teardown_ordinary(void **state)
{
	if (getuid() == 0 && seteuid(0) < 0)
		return -1;
	return stage_teardown(state);
}

static void where_no_mark_can_be_put_nothing_else_is(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a");
	auto_free char *store = place_path(s->place, "store");
	auto_free char *images = path_join(store, "images");
	auto_free char *mark = place_path(s->place, MARK);

	assert_int_equal(dir_make(images, 0700, NULL), 0);
	assert_int_equal(chmod(store, 0500), 0);
	assert_int_equal(take_raw(s, a), -VMCTL_DENIED);
	assert_non_null(strstr(a->err.message, "vmctl-owner"));
	assert_int_equal(rmdir(images), -1);
	assert_int_equal(chmod(store, 0700), 0);
	assert_int_equal(rmdir(images), 0);
	/* What a home has already stays usable. */
	assert_int_equal(take_raw(s, a), 0);
	assert_int_equal(unlink(mark), 0);
	assert_int_equal(chmod(store, 0500), 0);
	assert_int_equal(opens(a), 0);
	auto_free char *path = image_of(a);
	assert_int_equal(vmctl_image_delete(a->ctx, "mini", NULL, &a->err), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(chmod(store, 0700), 0);
	leave(a);
}

static void a_damaged_mark_is_not_taken_for_none(void **state)
{
	struct stage *s = *state;
	struct place *a = home(s, "a");
	auto_free char *mark = place_path(s->place, MARK);

	assert_int_equal(take_raw(s, a), 0);
	assert_int_equal(file_write_atomic(mark, "", 0, 0600, NULL), 0);
	assert_int_equal(opens(a), -VMCTL_STATE);
	assert_int_equal(unlink(mark), 0);
	assert_int_equal(mkdir(mark, 0700), 0);
	assert_int_equal(opens(a), -VMCTL_BAD_DATA);
	leave(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_image_of_one_home_is_not_deleted_by_another),
		TEST(of_two_homes_that_begin_at_once_one_has_the_storage),
		TEST(the_doctor_keeps_its_hands_off_another_homes_storage),
		TEST(a_storage_from_before_there_were_marks_is_taken_by_its_home),
		TEST(the_directory_of_a_home_is_no_storage_of_another),
		TEST(a_storage_does_not_become_the_home_of_another),
		TEST(a_home_that_was_moved_keeps_its_storage),
		TEST(a_copy_of_a_home_does_not_share_its_storage),
		cmocka_unit_test_setup_teardown(
			where_no_mark_can_be_put_nothing_else_is,
			setup_ordinary, teardown_ordinary),
		TEST(a_damaged_mark_is_not_taken_for_none),
	};

	return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
