/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/logfile.h"

#define DAY 86400

static char folder[64], path[96];

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/vmctl-test-log.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/log/vmctl.log", folder);
	return 0;
}

static int teardown(void **state)
{
	return dir_remove(folder, NULL);
}

static struct str read_file(const char *name)
{
	struct str text = STR_INIT;

	must(file_read(name, 64 << 20, &text, err));
	return text;
}

/* A file of this size, last written so many days ago. */
static void make_file(const char *name, off_t size, int days_ago)
{
	struct timespec when[2] = { { .tv_sec = clock_now() - days_ago * DAY },
				    { .tv_sec =
					      clock_now() - days_ago * DAY } };
	auto_close int fd = -1;
	auto_free char *dir = strndup(path, (size_t)(path_base(path) - path));

	must(dir_make(dir, 0700, err));
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(futimens(fd, when), 0);
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) < 0 ? -1 : st.st_size;
}

/* "<path>.<day>", and a number behind it when it is not 0. Static. */
static const char *rotated(int days_ago, int number)
{
	static char name[160];
	char day[CLOCK_TEXT];

	clock_rfc3339(clock_now() - days_ago * DAY, day);
	snprintf(name, sizeof(name), number ? "%s.%.10s.%d" : "%s.%.10s", path,
		 day, number);
	return name;
}

static void LOG_001_a_line_has_time_pid_level_and_command(void **state)
{
	char want[64], day[CLOCK_TEXT];
	struct stat st;

	logfile_add(path, "error", "create", "it \x1b[2J failed\nbadly");
	logfile_add(path, "warning", "list", "careful");
	auto_str text = read_file(path);
	assert_int_equal(strncmp(text.p, clock_rfc3339(clock_now(), day), 10),
			 0);
	assert_int_equal(text.p[19], 'Z');
	snprintf(want, sizeof(want), "Z %ld error create: it ?[2J failed?badly",
		 (long)getpid());
	assert_non_null(strstr(text.p, want));
	assert_non_null(strstr(text.p, " warning list: careful\n"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void LOG_002_it_is_rotated_before_it_exceeds_its_size(void **state)
{
	make_file(path, LOGFILE_SIZE - 4096, 0);
	logfile_add(path, "error", "x", "fits");
	assert_int_equal(size_of(rotated(0, 0)), -1);
	assert_true(size_of(path) > LOGFILE_SIZE - 4096);

	make_file(path, LOGFILE_SIZE - 8, 0);
	logfile_add(path, "error", "x", "does not fit");
	assert_int_equal(size_of(rotated(0, 0)), LOGFILE_SIZE - 8);
	assert_in_range(size_of(path), 20, 200);

	/* Twice a day: the first is kept. */
	make_file(path, LOGFILE_SIZE, 0);
	logfile_add(path, "error", "x", "does not fit");
	assert_int_equal(size_of(rotated(0, 0)), LOGFILE_SIZE - 8);
	assert_int_equal(size_of(rotated(0, 1)), LOGFILE_SIZE);
}

static void LOG_003_it_is_rotated_every_day(void **state)
{
	make_file(path, 100, 1);
	logfile_add(path, "error", "x", "of today");
	assert_int_equal(size_of(rotated(1, 0)), 100);
	auto_str text = read_file(path);
	assert_non_null(strstr(text.p, "of today"));
	assert_null(memchr(text.p, '\0', text.len));
}

static void LOG_004_rotated_files_are_kept_for_seven_days(void **state)
{
	auto_free char *old = strdup(rotated(8, 0));
	auto_free char *second = strdup(rotated(8, 1));
	auto_free char *young = strdup(rotated(6, 0));
	auto_free char *other = str_printf("%s.keep", path);

	make_file(old, 10, 8);
	make_file(second, 10, 8);
	make_file(young, 10, 6);
	make_file(other, 10, 100);
	make_file(path, 10, 1);
	logfile_add(path, "error", "x", "y");
	assert_int_equal(size_of(old), -1);
	assert_int_equal(size_of(second), -1);
	assert_int_equal(size_of(young), 10);
	assert_int_equal(size_of(other), 10);
}

static int count_lines(const char *name)
{
	auto_str text = STR_INIT;
	int n = 0;

	if (file_read(name, 64 << 20, &text, NULL) < 0)
		return 0;
	for (const char *p = text.p; p && *p; n++) {
		const char *end = strchr(p, '\n');

		/* No line is cut, or has another in it. */
		assert_non_null(end);
		assert_int_equal(strncmp(end - 6, " whole", 6), 0);
		assert_int_equal(end - p, strcspn(p, "\n"));
		p = end + 1;
	}
	return n;
}

static void
LOG_002_several_processes_lose_nothing_when_it_is_rotated(void **state)
{
	enum { CHILDREN = 4, LINES = 300 };
	pid_t pids[CHILDREN];
	char filler[1100];
	int status, lines = 0;

	memset(filler, 'x', sizeof(filler));
	memcpy(filler + sizeof(filler) - 7, " whole", 7);
	make_file(path, 0, 0);
	/* Fill it so far that it is rotated in the middle. */
	for (off_t size = 0; size < LOGFILE_SIZE - 600 * 1150; lines++) {
		logfile_add(path, "error", "x", filler);
		size = size_of(path);
	}
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (int j = 0; j < LINES; j++)
				logfile_add(path, "error", "x", filler);
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i++)
		assert_true(waitpid(pids[i], &status, 0) == pids[i] &&
			    status == 0);
	assert_int_equal(count_lines(path) + count_lines(rotated(0, 0)) +
				 count_lines(rotated(0, 1)),
			 lines + CHILDREN * LINES);
	assert_int_equal(size_of(rotated(0, 1)), -1);
	/* Who rotates may be kept waiting by the kernel: the others do not wait
	 * for it, and the file grows meanwhile. */
	assert_true(size_of(rotated(0, 0)) > LOGFILE_SIZE - 600 * 1150);
	assert_true(count_lines(path) > 0);
}

static int count_files(void)
{
	auto_free char *name = strndup(path, (size_t)(path_base(path) - path));
	auto_dir DIR *dir = opendir(name);
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	return n;
}

static void LOG_003_of_several_processes_one_rotates(void **state)
{
	enum { CHILDREN = 6, ROUNDS = 40 };
	auto_free char *yesterdays = strdup(rotated(1, 0));

	for (int round = 0; round < ROUNDS; round++) {
		int gate[2], status;
		char c;

		make_file(path, 10, 1);
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < CHILDREN; i++) {
			if (fork())
				continue;
			close(gate[1]);
			/* The end of it lets all go at once. */
			_exit(read(gate[0], &c, 1) == 0
				      ? (logfile_add(path, "error", "x", "y"),
					 0)
				      : 1);
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < CHILDREN; i++)
			assert_true(wait(&status) > 0 && status == 0);
		assert_true(size_of(yesterdays) >= 10);
		assert_int_equal(count_files(), 2);
		assert_int_equal(unlink(yesterdays), 0);
		assert_int_equal(unlink(path), 0);
	}
}

static void what_cannot_be_written_is_no_failure(void **state)
{
	auto_free char *dir = strndup(path, (size_t)(path_base(path) - path));

	logfile_add(NULL, "error", "x", "y");
	logfile_add("/dev/null/log/vmctl.log", "error", "x", "y");
	/* A FIFO that nobody reads would block. */
	must(dir_make(dir, 0700, err));
	assert_int_equal(mkfifo(path, 0600), 0);
	logfile_add(path, "error", "x", "y");
	assert_int_equal(unlink(path), 0);
	/* Nothing is written through a link. */
	assert_int_equal(symlink("/dev/full", path), 0);
	logfile_add(path, "error", "x", "y");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(LOG_001_a_line_has_time_pid_level_and_command),
		TEST(LOG_002_it_is_rotated_before_it_exceeds_its_size),
		TEST(LOG_003_it_is_rotated_every_day),
		TEST(LOG_004_rotated_files_are_kept_for_seven_days),
		TEST(LOG_002_several_processes_lose_nothing_when_it_is_rotated),
		TEST(LOG_003_of_several_processes_one_rotates),
		TEST(what_cannot_be_written_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
