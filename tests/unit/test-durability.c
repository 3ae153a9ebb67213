/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "instance/console.h"
#include "instance/instance.h"
#include "unit.h"

/*
 * What is on the disk before something else relies on it. The library's calls
 * come by here: what was synced is noted in its order, and a disk that cannot
 * be written is made up. What a power cut would leave follows from that order.
 */

static char calls[1024][600];
static size_t call_count;
static const char *fail_of; /* the end of a path whose fsync() fails */

static void note(const char *call, const char *path)
{
	if (call_count < ARRAY_LEN(calls))
		snprintf(calls[call_count++], sizeof(calls[0]), "%s %s", call,
			 path);
}

static void note_fd(const char *call, int fd, char path[512])
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, 511);
	path[n > 0 ? n : 0] = '\0';
	note(call, path);
}

int fsync(int fd)
{
	char path[512];

	note_fd("sync", fd, path);
	if (fail_of && str_ends(path, fail_of)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
	char path[512];

	note_fd("cut", fd, path);
	return (int)syscall(SYS_ftruncate, fd, size);
}

int rename(const char *from, const char *to)
{
	note("rename", to);
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* The place of the first such call from `from` on; -1: there is none. */
static int at(size_t from, const char *call, const char *path_end)
{
	for (size_t i = from; i < call_count; i++)
		if (str_starts(calls[i], call) && str_ends(calls[i], path_end))
			return (int)i;
	return -1;
}

static void in_this_order(const char *const steps[][2], size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		int found = at(from, steps[i][0], steps[i][1]);

		if (found < 0) {
			for (size_t j = 0; j < call_count; j++)
				print_message("%s\n", calls[j]);
			print_message("missing: %s %s\n", steps[i][0],
				      steps[i][1]);
		}
		assert_true(found >= 0);
		from = (size_t)found + 1;
	}
}
#define ORDER(...)                                                             \
	in_this_order((const char *const[][2]){ __VA_ARGS__ },                 \
		      ARRAY_LEN(((const char *const[][2]){ __VA_ARGS__ })))

static int setup(void **state)
{
	int r = stage_setup(state);

	call_count = 0;
	fail_of = NULL;
	return r;
}

static int teardown(void **state)
{
	fail_of = NULL;
	return stage_teardown(state);
}

static char *dir_of(struct stage *s)
{
	auto_free char *id =
		strdup(fixture_ask(&s->db, "SELECT id FROM instance"));

	return str_printf("/instances/%s", id);
}

static void the_seed_is_on_the_disk_before_a_guest_is_recorded(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	auto_free char *dir = dir_of(s);
	auto_free char *seed = str_printf("%s/seed.iso", dir);
	/* The directory in its own, then what is in it. */
	ORDER({ "sync", "/instances" }, { "sync", seed }, { "sync", dir });
}

static void without_its_seed_there_is_no_instance(void **state)
{
	struct stage *s = *state;

	fail_of = "/seed.iso";
	assert_int_equal(stage_create(s, "web1"), -VMCTL_FAILED);
	assert_non_null(strstr(s->err.message, "seed.iso"));
	fail_of = NULL;
	nothing_is_held(s);
}

static void a_file_that_takes_the_place_of_another_stays(void **state)
{
	struct stage *s = *state;
	auto_free char *path = place_path(s->place, "settings");

	must(file_write_atomic(path, "a", 1, 0600, err));
	ORDER({ "sync", "" }, { "rename", "/settings" },
	      { "sync", path_base(s->place->dir) });
	/* Said, when that cannot be made sure of. */
	fail_of = path_base(s->place->dir);
	must_fail(VMCTL_FAILED, file_write_atomic(path, "b", 1, 0600, err));
}

static void a_directory_is_in_its_own_before_it_is_used(void **state)
{
	struct stage *s = *state;
	auto_free char *path = place_path(s->place, "one/two");

	must(dir_make(path, 0700, err));
	ORDER({ "sync", path_base(s->place->dir) }, { "sync", "/one" });
}

static void a_key_is_on_the_disk_with_its_directory(void **state)
{
	struct stage *s = *state;
	struct vmctl_key *key = NULL;
	auto_free char *keys = path_join(s->place->home, "keys");

	must(dir_remove(keys, err));
	must(vmctl_key_generate(s->place->ctx, "new", "", &key, err));
	vmctl_key_free(key);
	ORDER({ "sync", "/home" }, { "sync", "/keys/new" },
	      { "sync", "/keys/new.pub" }, { "sync", "/keys" });
}

/* The record of a console that is too long is cut only when its end is kept. */
static void a_console_is_cut_when_its_end_is_safe(void **state)
{
	struct stage *s = *state;
	auto_free char *settings = path_join(s->place->home, "config.json");
	static const char small[] = "{ \"logs\": { \"size\": \"64K\" } }";
	auto_free char *text = malloc(200 << 10);

	assert_int_equal(stage_create(s, "web1"), 0);
	must(file_write_atomic(settings, small, strlen(small), 0600, err));
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	auto_free char *dir = dir_of(s);
	auto_free char *log =
		str_printf("%s%s/console.log", s->place->home, dir);
	assert_non_null(text);
	memset(text, 'x', 200 << 10);
	must(file_write_atomic(log, text, 200 << 10, 0600, err));
	call_count = 0;
	console_bound(s->place->ctx, path_base(dir));
	ORDER({ "sync", "/console.log.0.new" }, { "rename", "/console.log.0" },
	      { "sync", dir }, { "cut", "/console.log" });
	/* Else it stays whole. */
	must(file_write_atomic(log, text, 200 << 10, 0600, err));
	call_count = 0;
	fail_of = "/console.log.0.new";
	console_bound(s->place->ctx, path_base(dir));
	assert_int_equal(at(0, "cut", "/console.log"), -1);
}

static void a_record_of_a_console_that_is_moved_stays(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance *row = NULL;

	assert_int_equal(stage_create(s, "web1"), 0);
	auto_free char *dir = dir_of(s);
	auto_free char *log =
		str_printf("%s%s/console.log", s->place->home, dir);
	auto_free char *live = str_printf("%s/console.log", dir);
	must(vmctl_instance_get(s->place->ctx, "web1", VMCTL_LIST_CACHED, &row,
				err));
	must(file_write_atomic(log, "boot", 4, 0600, err));
	call_count = 0;
	assert_true(console_begin(s->place->ctx, row));
	ORDER({ "rename", "/boots/1/console.log" }, { "sync", "/boots/1" },
	      { "sync", dir }, { "rename", "/boot" });
	call_count = 0;
	console_take_back(s->place->ctx, row);
	ORDER({ "rename", live }, { "sync", dir }, { "sync", "/boots/1" });

	/* Of a deleted instance, below another directory. */
	call_count = 0;
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	ORDER({ "rename", "/boots/1/console.log" }, { "sync", "/boots/1" },
	      { "sync", dir });
	vmctl_instance_free(row);
}

static void what_the_doctor_sets_aside_stays(void **state)
{
	struct stage *s = *state;
	struct vmctl_doctor *found = NULL;
	auto_free char *dir = path_join(s->place->home, "instances/i-00000001");

	must(dir_make(dir, 0700, err));
	call_count = 0;
	must(vmctl_host_doctor(s->place->ctx, true, 5000, &found, err));
	vmctl_doctor_free(found);
	ORDER({ "rename", "/lost/i-00000001" }, { "sync", "/lost" },
	      { "sync", "/instances" });
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_seed_is_on_the_disk_before_a_guest_is_recorded),
		TEST(without_its_seed_there_is_no_instance),
		TEST(a_file_that_takes_the_place_of_another_stays),
		TEST(a_directory_is_in_its_own_before_it_is_used),
		TEST(a_key_is_on_the_disk_with_its_directory),
		TEST(a_console_is_cut_when_its_end_is_safe),
		TEST(a_record_of_a_console_that_is_moved_stays),
		TEST(what_the_doctor_sets_aside_stays),
	};

	return cmocka_run_group_tests_name("durability", tests, NULL, NULL);
}
