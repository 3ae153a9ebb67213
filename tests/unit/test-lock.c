/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

struct place {
	char dir[256], locks[280];
	struct vmctl_error err;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "%s/vmctl-lock.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->locks, sizeof(p->locks), "%s/locks", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	int r = dir_remove(p->dir, NULL);

	free(p);
	return r;
}

static int take(struct place *p, long timeout_ms, int *fd)
{
	return lock_take(p->locks, "i-1", "vmctl create web1", timeout_ms, NULL,
			 fd, &p->err);
}

static bool lock_file_exists(struct place *p)
{
	auto_free char *path = path_join(p->locks, "i-1");

	return access(path, F_OK) == 0;
}

/* Starts a process that takes the lock and holds it until it is killed. */
static pid_t start_holder(struct place *p)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = -1;

		if (take(p, 0, &fd) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_holder(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void a_lock_excludes_until_given_back(void **state)
{
	struct place *p = *state;
	int first = -1, second = -1;

	assert_int_equal(take(p, 0, &first), 0);
	assert_true(first >= 0);
	assert_int_equal(lock_try(p->locks, "i-1", "x", &second, &p->err), 0);
	assert_int_equal(second, -1);
	lock_release(p->locks, "i-1", first);
	assert_false(lock_file_exists(p));
	assert_int_equal(lock_try(p->locks, "i-1", "x", &second, &p->err), 0);
	assert_true(second >= 0);
	lock_release(p->locks, "i-1", second);
	lock_release(p->locks, "i-1", -1);
}

static void locks_of_other_names_are_free(void **state)
{
	struct place *p = *state;
	int first = -1, second = -1;

	assert_int_equal(take(p, 0, &first), 0);
	assert_int_equal(lock_try(p->locks, "i-2", "x", &second, &p->err), 0);
	assert_true(second >= 0);
	lock_release(p->locks, "i-2", second);
	lock_release(p->locks, "i-1", first);
}

static void who_waits_is_told_the_holder(void **state)
{
	struct place *p = *state;
	pid_t holder = start_holder(p);
	char text[64];
	int fd = -1;

	assert_int_equal(take(p, 50, &fd), -VMCTL_BUSY);
	assert_int_equal(fd, -1);
	snprintf(text, sizeof(text), "process %ld (vmctl create web1)",
		 (long)holder);
	assert_non_null(strstr(p->err.message, text));
	assert_non_null(strstr(p->err.hint, "--timeout"));
	end_holder(holder);
}

static void a_killed_holder_frees_it(void **state)
{
	struct place *p = *state;
	int fd = -1;

	end_holder(start_holder(p));
	assert_true(lock_file_exists(p)); /* its presence means nothing */
	assert_int_equal(take(p, 0, &fd), 0);
	lock_release(p->locks, "i-1", fd);
}

static void waiting_ends_when_it_is_given_back(void **state)
{
	struct place *p = *state;
	int fd = -1, status;
	pid_t pid;

	assert_int_equal(take(p, 0, &fd), 0);
	pid = fork();
	if (pid == 0) {
		int mine = -1;

		close(fd); /* or it would hold our lock itself */
		_exit(take(p, 20000, &mine) == 0 ? 0 : 1);
	}
	lock_release(p->locks, "i-1", fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool stop_at_third_look(void *data)
{
	return ++*(int *)data == 3;
}

static void waiting_can_be_cancelled(void **state)
{
	struct place *p = *state;
	pid_t holder = start_holder(p);
	int looks = 0, fd = -1;
	const struct events ev = { .cancelled = stop_at_third_look,
				   .data = &looks };

	assert_int_equal(
		lock_take(p->locks, "i-1", "x", 60000, &ev, &fd, &p->err),
		-VMCTL_CANCELLED);
	assert_int_equal(looks, 3);
	end_holder(holder);
}

/* A program that lives until its standard input ends. */
static pid_t start_cat(int *ret_in)
{
	int in[2];
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		execlp("cat", "cat", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	*ret_in = in[1];
	return pid;
}

static void a_started_program_does_not_keep_it(void **state)
{
	struct place *p = *state;
	int fd = -1, again = -1, in = -1, status;
	pid_t cat;

	assert_int_equal(take(p, 0, &fd), 0);
	cat = start_cat(&in);
	close(fd); /* as the end of this process would */
	/* Not at once: for a moment cat is still a copy of this process. */
	assert_int_equal(take(p, 20000, &again), 0);
	lock_release(p->locks, "i-1", again);
	assert_int_equal(kill(cat, 0), 0);
	close(in);
	assert_int_equal(waitpid(cat, &status, 0), cat);
	assert_int_equal(status, 0);
}

static void an_unlinked_file_is_not_taken_for_the_lock(void **state)
{
	struct place *p = *state;
	auto_free char *path = path_join(p->locks, "i-1");
	int old = -1, fd = -1, other = -1;

	/* Somebody removed the file: the old lock guards nothing any more, and
	 * to give it back must not remove the file of the new one. */
	assert_int_equal(take(p, 0, &old), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(take(p, 0, &fd), 0);
	lock_release(p->locks, "i-1", old);
	assert_true(lock_file_exists(p));
	assert_int_equal(lock_try(p->locks, "i-1", "x", &other, &p->err), 0);
	assert_int_equal(other, -1);
	lock_release(p->locks, "i-1", fd);
}

static void the_file_is_private_and_no_link_is_followed(void **state)
{
	struct place *p = *state;
	auto_free char *path = path_join(p->locks, "i-1");
	auto_free char *target = path_join(p->dir, "target");
	mode_t mask = umask(0);
	struct stat st;
	int fd = -1;

	assert_int_equal(take(p, 0, &fd), 0);
	umask(mask);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(p->locks, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	lock_release(p->locks, "i-1", fd);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(take(p, 0, &fd), -VMCTL_FAILED);
	assert_int_equal(access(target, F_OK), -1);
}

/* A counter in a file that only the lock protects. Without pauses between the
 * tries, so that many open the file just as its holder removes it. */
static int count_up(int which, void *data)
{
	struct place *p = data;
	auto_free char *path = path_join(p->dir, "counter");

	for (int i = 0; i < 400; i++) {
		char text[16] = "";
		int fd = -1, file, n;

		while (fd < 0) {
			if (lock_try(p->locks, "i-1", "x", &fd, &p->err) < 0)
				return 1;
		}
		file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0 || pread(file, text, 15, 0) < 0)
			return 2;
		n = snprintf(text, sizeof(text), "%ld",
			     strtol(text, NULL, 10) + 1);
		if (pwrite(file, text, (size_t)n, 0) != n)
			return 3;
		close(file);
		lock_release(p->locks, "i-1", fd);
	}
	return 0;
}

static void many_processes_never_hold_it_at_once(void **state)
{
	struct place *p = *state;
	auto_free char *path = path_join(p->dir, "counter");
	auto_str text = STR_INIT;
	int counts[8];

	race(4, count_up, p, counts);
	assert_int_equal(counts[0], 4);
	assert_int_equal(file_read(path, 64, &text, &p->err), 0);
	assert_string_equal(text.p, "1600");
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
	struct place *p = *state;
	auto_free char *file = path_join(p->dir, "file");
	auto_free char *below = path_join(file, "locks");
	int fd = -1;

	assert_int_equal(file_write_atomic(file, "x", 1, 0600, &p->err), 0);
	assert_int_equal(lock_take(below, "i-1", "x", 0, NULL, &fd, &p->err),
			 -VMCTL_FAILED);
	assert_non_null(strstr(p->err.message, "file"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lock_excludes_until_given_back),
		TEST(locks_of_other_names_are_free),
		TEST(who_waits_is_told_the_holder),
		TEST(a_killed_holder_frees_it),
		TEST(waiting_ends_when_it_is_given_back),
		TEST(waiting_can_be_cancelled),
		TEST(a_started_program_does_not_keep_it),
		TEST(an_unlinked_file_is_not_taken_for_the_lock),
		TEST(the_file_is_private_and_no_link_is_followed),
		TEST(many_processes_never_hold_it_at_once),
		TEST(a_folder_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
