/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

static char dir[64];

static char *at(const char *name)
{
	return path_join(dir, name);
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/vmctl-file.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return dir_remove(dir, NULL);
}

static void paths_join_with_one_slash(void **state)
{
	auto_free char *a = path_join("a", "b"), *b = path_join("a/", "b"),
		       *c = path_join("a/", "/b");

	assert_string_equal(a, "a/b");
	assert_string_equal(b, "a/b");
	assert_string_equal(c, "a/b");
	assert_string_equal(path_base("/x/y.z"), "y.z");
	assert_string_equal(path_base("y.z"), "y.z");
}

static void only_regular_files_are_opened_and_none_blocks(void **state)
{
	auto_free char *fifo = at("fifo"), *none = at("none");
	struct vmctl_error err;
	int fd = -1;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* One that blocks is ended by tests/tap. */
	assert_int_equal(file_open(fifo, &fd, &err), -VMCTL_BAD_DATA);
	assert_int_equal(file_open(dir, &fd, &err), -VMCTL_BAD_DATA);
	assert_int_equal(file_open("/dev/null", &fd, &err), -VMCTL_BAD_DATA);
	assert_int_equal(file_open(none, &fd, &err), -VMCTL_NOT_FOUND);
	assert_int_equal(fd, -1);
}

static void reading_stops_at_the_limit(void **state)
{
	auto_free char *path = at("big");
	auto_str s = STR_INIT;
	char kilo[1024];

	memset(kilo, 'x', sizeof(kilo));
	must(file_write_atomic(path, kilo, sizeof(kilo), 0644, err));
	must(file_read(path, 1024, &s, err));
	assert_int_equal(s.len, 1024);
	str_done(&s);
	must_fail(VMCTL_BAD_DATA, file_read(path, 1023, &s, err));
	assert_int_equal(s.len, 0);
}

static void writing_replaces_whole_files_with_the_mode_given(void **state)
{
	auto_free char *path = at("file");
	auto_str s = STR_INIT;
	struct stat st;
	mode_t old = umask(0);

	must(file_write_atomic(path, "one", 3, 0600, err));
	must(file_write_atomic(path, "two!", 4, 0600, err));
	umask(old);
	must(file_read(path, 100, &s, err));
	assert_string_equal(str_text(&s), "two!");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
	auto_free char *path = at("sub"), *inside = at("sub/x");
	struct vmctl_error err;

	assert_int_equal(mkdir(path, 0700), 0);
	/* A folder cannot be replaced by a file. */
	assert_true(file_write_atomic(path, "x", 1, 0600, &err) < 0);
	assert_int_equal(access(inside, F_OK), -1);
	auto_dir DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		assert_false(str_starts(e->d_name, "sub."));
}

/* 0: as it should be, 1 … 5: where it was not, 77: skipped. */
static int write_to_mount_point(const char *path, const char *folder)
{
	auto_str s = STR_INIT;
	auto_free char *file = path_join(folder, "file");
	auto_dir DIR *d = NULL;

	if (dir_make(folder, 0700, NULL) < 0 ||
	    !small_disk(folder, "size=64k") ||
	    file_write_atomic(file, "old and longer", 14, 0600, NULL) < 0 ||
	    file_write_atomic(path, "", 0, 0600, NULL) < 0 ||
	    mount(file, path, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (file_write_atomic(path, "new", 3, 0600, NULL) < 0)
		return 1;
	if (file_read(file, 100, &s, NULL) < 0 || !str_eq(str_text(&s), "new"))
		return 2;
	/* No room: what was there stays. */
	auto_free char *large = calloc(1, 1 << 20);
	if (file_write_atomic(path, large, 1 << 20, 0600, NULL) != -VMCTL_LIMIT)
		return 3;
	str_done(&s);
	if (file_read(file, 100, &s, NULL) < 0 || !str_eq(str_text(&s), "new"))
		return 4;
	d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		if (str_starts(e->d_name, "mounted."))
			return 5;
	return 0;
}

static void a_mount_point_is_written_in_place(void **state)
{
	auto_free char *path = at("mounted"), *folder = at("disk");
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(write_to_mount_point(path, folder));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8) {
		print_message("# no mount namespaces here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void folders_are_made_and_removed_whole(void **state)
{
	auto_free char *deep = at("a/b/c"), *top = at("a"),
		       *link_path = at("a/link"), *outside = at("outside"),
		       *kept = at("outside/kept");

	must(dir_make(deep, 0700, err));
	must(dir_make(deep, 0700, err));
	must(dir_make(outside, 0700, err));
	must(file_write_atomic(kept, "x", 1, 0600, err));
	assert_int_equal(symlink(outside, link_path), 0);
	must(dir_remove(top, err));
	assert_int_equal(access(top, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	must(dir_remove(top, err));
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
	auto_free char *file = at("plain"), *below = at("plain/x");
	struct vmctl_error refused;

	must(file_write_atomic(file, "x", 1, 0600, err));
	assert_true(dir_make(below, 0700, &refused) < 0);
	assert_non_null(strstr(refused.message, "plain"));
}

static void a_program_gets_its_arguments_byte_for_byte(void **state)
{
	const char *const argv[] = {
		"printf", "%s|", "", "a b", "'\"$x\n", NULL
	};
	struct proc_spec spec = { .argv = argv };
	auto_str out = STR_INIT;

	must(proc_check(&spec, &out, err));
	assert_string_equal(str_text(&out), "|a b|'\"$x\n|");
}

static void both_streams_are_read_while_it_runs(void **state)
{
	/* More than a pipe holds, on both, so that a reader that waits for the
	 * end of one first would never end. */
	const char *const argv[] = {
		"sh", "-c",
		"head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; "
		"head -c 300000 /dev/zero >&2; exit 3",
		NULL
	};
	struct proc_spec spec = { .argv = argv, .max_output = 1000000 };
	struct proc_result res = { 0 };

	must(proc_run(&spec, &res, err));
	assert_int_equal(res.status, 3);
	assert_int_equal(res.out.len, 300000);
	assert_int_equal(res.err.len, 600000);
	proc_result_done(&res);
}

static void output_beyond_the_limit_is_dropped_not_waited_for(void **state)
{
	const char *const argv[] = { "head", "-c", "1000000", "/dev/zero",
				     NULL };
	struct proc_spec spec = { .argv = argv, .max_output = 1000 };
	struct proc_result res = { 0 };

	must(proc_run(&spec, &res, err));
	assert_int_equal(res.status, 0);
	assert_int_equal(res.out.len, 1000);
	proc_result_done(&res);
}

static void a_program_that_is_missing_is_named(void **state)
{
	const char *const argv[] = { "vmctl-no-such-program", NULL };
	struct proc_spec spec = { .argv = argv };
	struct vmctl_error err;
	struct proc_result res;

	assert_int_equal(proc_run(&spec, &res, &err), -VMCTL_NOT_FOUND);
	assert_non_null(strstr(err.message, "vmctl-no-such-program"));
}

static void a_program_that_hangs_is_killed_and_reaped(void **state)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct proc_spec spec = { .argv = argv, .timeout_ms = 200 };
	struct proc_result res;
	int64_t begun = clock_mono_ms();

	must_fail(VMCTL_TIMEOUT, proc_run(&spec, &res, err));
	assert_true(clock_mono_ms() - begun < 60000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child left */
}

static bool yes(void *data)
{
	return true;
}

static void a_cancelled_program_is_killed(void **state)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct proc_spec spec = { .argv = argv, .cancelled = yes };
	struct proc_result res;

	must_fail(VMCTL_CANCELLED, proc_run(&spec, &res, err));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_failing_program_gives_its_last_line(void **state)
{
	const char *const argv[] = {
		"sh", "-c", "echo first >&2; echo the reason >&2; exit 7", NULL
	};
	struct proc_spec spec = { .argv = argv };
	struct vmctl_error err;

	assert_int_equal(proc_check(&spec, NULL, &err), -VMCTL_FAILED);
	assert_non_null(strstr(err.message, "the reason"));
	assert_non_null(strstr(err.message, "7"));
	assert_null(strstr(err.message, "first"));
}

static void a_process_is_known_by_its_start_time(void **state)
{
	uint64_t self = proc_start_time(getpid());

	assert_true(self > 0);
	assert_true(proc_alive(getpid(), self));
	assert_false(proc_alive(getpid(), self + 1));
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	/* Ended and not yet waited for: it is not alive any more. */
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_true(proc_start_time(pid) == 0);
	waitpid(pid, NULL, 0);
	assert_false(proc_alive(pid, self));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_join_with_one_slash),
		cmocka_unit_test(only_regular_files_are_opened_and_none_blocks),
		cmocka_unit_test(reading_stops_at_the_limit),
		cmocka_unit_test(
			writing_replaces_whole_files_with_the_mode_given),
		cmocka_unit_test(
			a_failed_write_leaves_the_old_file_and_no_other),
		cmocka_unit_test(a_mount_point_is_written_in_place),
		cmocka_unit_test(folders_are_made_and_removed_whole),
		cmocka_unit_test(a_file_in_the_way_of_a_folder_is_named),
		cmocka_unit_test(a_program_gets_its_arguments_byte_for_byte),
		cmocka_unit_test(both_streams_are_read_while_it_runs),
		cmocka_unit_test(
			output_beyond_the_limit_is_dropped_not_waited_for),
		cmocka_unit_test(a_program_that_is_missing_is_named),
		cmocka_unit_test(a_program_that_hangs_is_killed_and_reaped),
		cmocka_unit_test(a_cancelled_program_is_killed),
		cmocka_unit_test(a_failing_program_gives_its_last_line),
		cmocka_unit_test(a_process_is_known_by_its_start_time),
	};

	return cmocka_run_group_tests_name("base: file, proc", tests, setup,
					   teardown);
}
