/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/module.h"
#include "driver/crypto.h"
#include "driver/iso.h"

static char good[512]; /* the folder of the modules of this build */
static char dir[256];  /* one of our own */

static int setup(void **state)
{
	const char *from = getenv("VMCTL_MODULE_DIR");

	snprintf(good, sizeof(good), "%s", from ? from : VMCTL_MODULE_DIR);
	snprintf(dir, sizeof(dir), "%s/vmctl-module.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return dir_remove(dir, NULL);
}

/* A process remembers what it loaded, so each test begins with a module that
 * no other has loaded, and the last ones load. */
static void put(const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);

	setenv("VMCTL_MODULE_DIR", dir, 1);
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0755, NULL), 0);
}

static void a_module_that_is_missing_is_told_with_its_path(void **state)
{
	struct vmctl_error err = { 0 };
	const void *ops = NULL;

	setenv("VMCTL_MODULE_DIR", dir, 1);
	assert_int_equal(module_load("iso", ISO_ABI, &ops, &err),
			 -VMCTL_UNSUPPORTED);
	assert_null(ops);
	assert_non_null(strstr(err.message, "iso.so"));
	assert_non_null(strstr(err.message, dir));
	assert_true(err.hint[0] != '\0');
}

static void what_is_no_module_is_refused(void **state)
{
	struct vmctl_error err = { 0 };
	const void *ops = NULL;

	put("iso.so", "not an object file");
	assert_int_equal(module_load("iso", ISO_ABI, &ops, &err),
			 -VMCTL_UNSUPPORTED);
	assert_null(ops);
}

/* A copy of the module whose library has another name, which is nowhere. */
static void a_missing_library_is_told_with_the_package(void **state)
{
	auto_free char *from = path_join(good, "iso.so");
	auto_free char *to = path_join(dir, "iso.so");
	struct vmctl_error err = { 0 };
	const void *ops = NULL;
	auto_str image = STR_INIT;
	char *name;

	assert_int_equal(file_read(from, 64 << 20, &image, NULL), 0);
	name = memmem(image.p, image.len, "libarchive.so.", 14);
	assert_non_null(name);
	memcpy(name, "libnowhere.so.", 14);
	assert_int_equal(file_write_atomic(to, image.p, image.len, 0755, NULL),
			 0);
	setenv("VMCTL_MODULE_DIR", dir, 1);
	assert_int_equal(module_load("iso", ISO_ABI, &ops, &err),
			 -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(err.message, "libnowhere"));
	assert_string_equal(err.hint, "sudo apt-get install libarchive13");
}

static void a_module_of_another_version_is_refused(void **state)
{
	struct vmctl_error err = { 0 };
	const void *ops = NULL;

	setenv("VMCTL_MODULE_DIR", good, 1);
	assert_int_equal(module_load("iso", ISO_ABI + 1, &ops, &err),
			 -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(err.message, "version"));
	assert_null(ops);
}

static void a_name_that_is_none_is_a_defect(void **state)
{
	const void *ops = NULL;

	assert_int_equal(module_load("../etc/x", 1, &ops, NULL),
			 -VMCTL_INTERNAL);
}

static void a_module_is_loaded_once(void **state)
{
	const void *ops = NULL, *again = NULL;

	setenv("VMCTL_MODULE_DIR", good, 1);
	assert_int_equal(module_load("iso", ISO_ABI, &ops, NULL), 0);
	assert_non_null(((const struct iso_ops *)ops)->write);
	setenv("VMCTL_MODULE_DIR", dir, 1);
	assert_int_equal(module_load("iso", ISO_ABI, &again, NULL), 0);
	assert_ptr_equal(ops, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_module_that_is_missing_is_told_with_its_path),
		cmocka_unit_test(what_is_no_module_is_refused),
		cmocka_unit_test(a_missing_library_is_told_with_the_package),
		cmocka_unit_test(a_module_of_another_version_is_refused),
		cmocka_unit_test(a_name_that_is_none_is_a_defect),
		cmocka_unit_test(a_module_is_loaded_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
