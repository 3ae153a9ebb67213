/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "driver/qemu-img.h"

/* One member of what qemu-img info says, as text. Allocated. */
static char *info(const char *path, const char *key)
{
	const char *const argv[] = { "qemu-img",      "info", "-f", "qcow2",
				     "--output=json", path,   NULL };
	const struct proc_spec spec = { .argv = argv };
	auto_json json_t *json = NULL;
	auto_str out = STR_INIT;
	const json_t *value;
	char *text;

	assert_int_equal(proc_check(&spec, &out, NULL), 0);
	assert_int_equal(
		json_parse(str_text(&out), out.len, "info", &json, NULL), 0);
	value = json_object_get(json, key);
	text = json_is_string(value)
		       ? strdup(json_string_value(value))
		       : str_printf("%lld",
				    (long long)json_integer_value(value));
	assert_non_null(text);
	return text;
}

static void an_overlay_stands_on_its_base(void **state)
{
	struct place *p = *state;
	auto_free char *base = make_qcow2(p, "base.qcow2", 1, false);
	auto_free char *disk = place_path(p, "disk.qcow2");
	struct stat st;

	assert_int_equal(
		qemu_img_overlay(base, INT64_C(8) << 30, disk, NULL, &p->err),
		0);
	auto_free char *size = info(disk, "virtual-size");
	auto_free char *backing = info(disk, "backing-filename");
	auto_free char *format = info(disk, "backing-filename-format");
	assert_string_equal(size, "8589934592");
	assert_string_equal(backing, base);
	assert_string_equal(format, "qcow2");
	assert_int_equal(stat(disk, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(st.st_size < 1 << 20);
}

static void odd_paths_are_just_paths(void **state)
{
	struct place *p = *state;
	static const char *const names[] = { "json:{}.qcow2", "a,b=c.qcow2",
					     "-x.qcow2", "nbd:x:1.qcow2",
					     "a b'\"$(id).qcow2" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *base = make_qcow2(p, names[i], 1, false);
		auto_free char *disk = place_path(p, "over,lay:.qcow2");

		assert_int_equal(
			qemu_img_overlay(base, 1 << 20, disk, NULL, &p->err),
			0);
		auto_free char *backing = info(disk, "backing-filename");
		assert_string_equal(backing, base);
		assert_int_equal(qemu_img_check(disk, NULL, &p->err), 0);
		assert_int_equal(unlink(disk), 0);
	}
}

static void a_file_that_is_there_is_not_overwritten(void **state)
{
	struct place *p = *state;
	auto_free char *base = make_qcow2(p, "base.qcow2", 1, false);
	auto_free char *disk = place_path(p, "disk.qcow2");
	auto_str text = STR_INIT;

	assert_int_equal(file_write_atomic(disk, "mine", 4, 0600, &p->err), 0);
	assert_int_equal(qemu_img_overlay(base, 1 << 20, disk, NULL, &p->err),
			 -VMCTL_FAILED);
	assert_int_equal(file_read(disk, 100, &text, &p->err), 0);
	assert_string_equal(text.p, "mine");
}

static void a_failed_overlay_leaves_no_file(void **state)
{
	struct place *p = *state;
	auto_free char *base = place_path(p, "none.qcow2");
	auto_free char *disk = place_path(p, "disk.qcow2");

	assert_int_equal(qemu_img_overlay(base, 1 << 20, disk, NULL, &p->err),
			 -VMCTL_FAILED);
	assert_non_null(strstr(p->err.message, "none.qcow2"));
	assert_null(strchr(p->err.message, '\n'));
	assert_int_equal(access(disk, F_OK), -1);
}

static void relative_paths_are_a_defect(void **state)
{
	struct place *p = *state;

	assert_int_equal(qemu_img_check("json:{}", NULL, &p->err),
			 -VMCTL_INTERNAL);
	assert_int_equal(qemu_img_convert("/x", "y", NULL, &p->err),
			 -VMCTL_INTERNAL);
	assert_int_equal(qemu_img_overlay("x", 1, "/y", NULL, &p->err),
			 -VMCTL_INTERNAL);
}

static void convert_takes_raw_for_raw(void **state)
{
	struct place *p = *state;
	auto_free char *qcow2 = make_qcow2(p, "inner.qcow2", 1, false);
	auto_free char *out = place_path(p, "out.qcow2");
	struct stat st;

	/* Contents that look like qcow2 are a disk's contents here. */
	assert_int_equal(qemu_img_convert(qcow2, out, NULL, &p->err), 0);
	assert_int_equal(stat(qcow2, &st), 0);
	auto_free char *size = info(out, "virtual-size");
	auto_free char *expected =
		str_printf("%lld", (long long)((st.st_size + 511) / 512 * 512));
	assert_string_equal(size, expected);
}

static void check_tells_damage_from_waste(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *text = make_raw(p, "raw", 4096, 1);
	struct stat before, after;

	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(qemu_img_check(file, NULL, &p->err), 0);
	assert_int_equal(stat(file, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	/* A cluster counted and not used is waste; one used and not counted
	 * will be overwritten. */
	patch(file, 2 * 65536 + 40, "\0\1", 2);
	assert_int_equal(qemu_img_check(file, NULL, &p->err), 0);
	patch(file, 2 * 65536 + 14, "\0\0", 2);
	assert_int_equal(qemu_img_check(file, NULL, &p->err), -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.message, "errors in its structure"));
	assert_int_equal(qemu_img_check(text, NULL, &p->err), -VMCTL_BAD_DATA);
	assert_null(strchr(p->err.message, '\n'));
}

static void a_missing_program_is_told_by_its_package(void **state)
{
	struct place *p = *state;
	auto_free char *path = strdup(getenv("PATH"));
	int r;

	assert_int_equal(setenv("PATH", p->dir, 1), 0);
	r = qemu_img_check("/x", NULL, &p->err);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(r, -VMCTL_UNSUPPORTED);
	assert_string_equal(p->err.hint, "sudo apt-get install qemu-utils");
}

/* A qemu-img of our own that says what a real one says on a full disk. */
static void a_full_disk_is_a_limit(void **state)
{
	struct place *p = *state;
	static const char script[] =
		"#!/bin/sh\n"
		"echo 'qemu-img: error while writing at byte 0: No space left "
		"on device' >&2\n"
		"exit 1\n";
	auto_free char *fake = place_path(p, "qemu-img");
	auto_free char *path = strdup(getenv("PATH"));
	auto_free char *first = str_printf("%s:%s", p->dir, path);
	int r;

	assert_int_equal(file_write_atomic(fake, script, sizeof(script) - 1,
					   0700, &p->err),
			 0);
	assert_int_equal(setenv("PATH", first, 1), 0);
	r = qemu_img_convert("/x", "/y", NULL, &p->err);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(r, -VMCTL_LIMIT);
	assert_non_null(strstr(p->err.hint, "free some disk space"));
}

/* The status of a program that is let in, or is not. */
static int opens(const char *file, const char *how)
{
	const char *const argv[] = { "qemu-io", "-f",	   "raw", how,
				     "-c",	"r 0 512", file,  NULL };
	const struct proc_spec spec = { .argv = argv };
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };

	assert_int_equal(proc_run(&spec, &res, NULL), 0);
	return res.status;
}

static void what_is_held_is_read_by_others_and_written_by_none(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_raw(p, "disk.raw", 4096, 1);
	auto_close int one = open(file, O_RDONLY | O_CLOEXEC);
	auto_close int two = open(file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(opens(file, "-n"), 0);
	assert_true(qemu_disk_hold(one));
	assert_true(qemu_disk_hold(two));
	assert_int_equal(opens(file, "-r"), 0);
	assert_int_equal(opens(file, "-n"), 1);
	close(take_fd(&one));
	assert_int_equal(opens(file, "-n"), 1);
	close(take_fd(&two));
	assert_int_equal(opens(file, "-n"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_overlay_stands_on_its_base),
		TEST(odd_paths_are_just_paths),
		TEST(a_file_that_is_there_is_not_overwritten),
		TEST(a_failed_overlay_leaves_no_file),
		TEST(relative_paths_are_a_defect),
		TEST(convert_takes_raw_for_raw),
		TEST(check_tells_damage_from_waste),
		TEST(a_missing_program_is_told_by_its_package),
		TEST(a_full_disk_is_a_limit),
		TEST(what_is_held_is_read_by_others_and_written_by_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
