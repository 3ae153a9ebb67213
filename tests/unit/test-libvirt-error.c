/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is made of libvirt's errors. The file is compiled in, with errors of the
 * test's own. */
#include "unit.h"

#include "../../lib/driver/libvirt/error.c"

virErrorPtr virGetLastError(void)
{
	return NULL;
}

static void told(int code, int domain, const char *message,
		 struct vmctl_error *ret)
{
	auto_free char *copy = strdup(message);
	virError e = { .code = code, .domain = domain, .message = copy };

	*ret = (struct vmctl_error){ 0 };
	libvirt_fail_by(&e, ret, "web1");
}

static void without_run_lock_the_directory_to_make_is_told(void **unused)
{
	struct vmctl_error err;

	told(VIR_ERR_SYSTEM_ERROR, VIR_FROM_QEMU,
	     "Couldn't create lock file for device '/dev/pts/1' in path "
	     "'/run/lock/LCK..1': No such file or directory",
	     &err);
	assert_int_equal(err.code, VMCTL_FAILED);
	assert_non_null(strstr(err.message, "web1: Couldn't create lock file"));
	assert_string_equal(err.hint, "sudo mkdir -m 1777 /run/lock");
	told(VIR_ERR_SYSTEM_ERROR, VIR_FROM_QEMU, "something else", &err);
	assert_string_equal(err.hint, "");
}

static void what_is_wrong_with_a_domain_has_its_code(void **unused)
{
	struct vmctl_error err;

	told(VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "none", &err);
	assert_int_equal(err.code, VMCTL_NOT_FOUND);
	told(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, "not now", &err);
	assert_int_equal(err.code, VMCTL_STATE);
	/* QEMU's own text, on one line, without the words before it. */
	told(VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU,
	     "internal error: process exited:\nno memory\n", &err);
	assert_int_equal(err.code, VMCTL_FAILED);
	assert_string_equal(err.message, "web1: process exited: no memory");
}

static void a_lost_connection_is_told_as_such(void **unused)
{
	struct vmctl_error err;

	told(VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "Cannot recv data", &err);
	assert_int_equal(err.code, VMCTL_HYPERVISOR);
	assert_string_equal(err.hint, "vmctl host doctor");
	assert_false(libvirt_hung());
	told(VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC,
	     "connection closed due to keepalive timeout", &err);
	assert_int_equal(err.code, VMCTL_HYPERVISOR);
	assert_true(libvirt_hung());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			without_run_lock_the_directory_to_make_is_told),
		cmocka_unit_test(what_is_wrong_with_a_domain_has_its_code),
		cmocka_unit_test(a_lost_connection_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
