/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "image/image.h"

static struct state *database(struct place *p)
{
	struct state *db = NULL;

	assert_int_equal(context_state(p->ctx, &db, &p->err), 0);
	return db;
}

static int sweep(struct place *p)
{
	return image_sweep(p->ctx, database(p), &p->err);
}

static void temporary_files_of_the_living_stay(void **state)
{
	struct place *p = *state;
	struct image_temp temp = { .fd = -1 };

	assert_int_equal(sweep(p), 0); /* no folder yet */
	assert_int_equal(image_temp_make(p->ctx, &temp, &p->err), 0);
	assert_int_equal(sweep(p), 0);
	assert_int_equal(stored_files(p), 1);
	image_temp_done(&temp);
	assert_int_equal(stored_files(p), 0);
	image_temp_done(&temp);
}

static void temporary_files_of_the_dead_go(void **state)
{
	struct place *p = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct image_temp temp = { .fd = -1 };

		_exit(image_temp_make(p->ctx, &temp, &p->err) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(stored_files(p), 1);
	assert_int_equal(sweep(p), 0);
	assert_int_equal(stored_files(p), 0);
}

static void other_files_are_never_swept(void **state)
{
	struct place *p = *state;
	auto_free char *dir = path_join(p->home, "images");
	auto_free char *file = str_printf("%s/%s.qcow2", dir, digest_of("ab"));
	auto_free char *notes = path_join(dir, ".import");

	/* An image that the database does not know: it may have been lost. */
	assert_int_equal(dir_make(dir, 0700, &p->err), 0);
	assert_int_equal(file_write_atomic(file, "x", 1, 0600, &p->err), 0);
	assert_int_equal(file_write_atomic(notes, "x", 1, 0600, &p->err), 0);
	assert_int_equal(sweep(p), 0);
	assert_int_equal(stored_files(p), 2);
}

/* A file whose process was killed between record and name, or between the
 * deletion of its last name and its removal. */
static char *unnamed_file(struct place *p, const char *digest)
{
	struct vmctl_image row = { .digest = (char *)digest,
				   .size = 1,
				   .virtual_size = 1 };
	const struct state_file_mark mark = { 1, 2, 3 };
	auto_free char *dir = path_join(p->home, "images");
	char *path = image_path(p->ctx, digest);

	assert_int_equal(state_image_reserve(database(p), &row, &mark, &p->err),
			 0);
	assert_int_equal(dir_make(dir, 0700, &p->err), 0);
	assert_int_equal(file_write_atomic(path, "x", 1, 0444, &p->err), 0);
	return path;
}

static void files_known_to_have_no_name_go(void **state)
{
	struct place *p = *state;
	auto_free char *path = unnamed_file(p, digest_of("ab"));
	auto_strv char **left = NULL;

	assert_int_equal(sweep(p), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(state_image_unnamed(database(p), &left, &p->err), 0);
	assert_null(left[0]);
}

static void a_file_that_somebody_works_on_stays(void **state)
{
	struct place *p = *state;
	auto_free char *path = unnamed_file(p, digest_of("ab"));
	struct image_lock lock = { .fd = -1 };

	assert_int_equal(image_lock(p->ctx, digest_of("ab"), &lock, &p->err),
			 0);
	assert_int_equal(sweep(p), 0);
	assert_int_equal(access(path, F_OK), 0);
	image_unlock(&lock);
	assert_int_equal(sweep(p), 0);
	assert_int_equal(access(path, F_OK), -1);
	image_unlock(&lock);
}

static void the_folder_lets_the_hypervisors_user_pass(void **state)
{
	struct place *p = *state;
	auto_free char *dir = path_join(p->home, "images");
	struct image_temp temp = { .fd = -1 };
	mode_t mask = umask(0077);
	struct stat st;

	assert_int_equal(dir_make(p->home, 0700, &p->err), 0);
	assert_int_equal(image_temp_make(p->ctx, &temp, &p->err), 0);
	umask(mask);
	image_temp_done(&temp);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);
}

static void intact_means_the_same_file_unchanged(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_raw(p, "file", 1000, 1);
	auto_free char *link = place_path(p, "link");
	struct state_file_mark mark, other;
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	mark = image_mark(&st);
	assert_true(image_intact(file, &mark));
	other = mark;
	other.size++;
	assert_false(image_intact(file, &other));
	other = mark;
	other.mtime_ns++;
	assert_false(image_intact(file, &other));
	other = mark;
	other.inode++;
	assert_false(image_intact(file, &other));
	assert_int_equal(symlink(file, link), 0);
	assert_false(image_intact(link, &mark));
	assert_false(image_intact(p->dir, &mark));
	assert_int_equal(unlink(file), 0);
	assert_false(image_intact(file, &mark));
}

static void the_hash_is_that_of_the_whole_file(void **state)
{
	struct place *p = *state;
	auto_free char *file = place_path(p, "abc");
	auto_close int fd = -1;
	char digest[SHA256_TEXT], c;

	assert_int_equal(file_write_atomic(file, "abc", 3, 0600, &p->err), 0);
	assert_int_equal(file_open(file, &fd, &p->err), 0);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(image_hash(p->ctx, fd, "reading", digest, &p->err), 0);
	/* FIPS 180-4's example. */
	assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396"
				    "177a9cb410ff61f20015ad");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(temporary_files_of_the_living_stay),
		TEST(temporary_files_of_the_dead_go),
		TEST(other_files_are_never_swept),
		TEST(files_known_to_have_no_name_go),
		TEST(a_file_that_somebody_works_on_stays),
		TEST(the_folder_lets_the_hypervisors_user_pass),
		TEST(intact_means_the_same_file_unchanged),
		TEST(the_hash_is_that_of_the_whole_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
