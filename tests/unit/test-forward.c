/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said to QEMU's monitor about forwards, and how its answers are read.
 * The file is compiled in, with a monitor of the test's own. */
#include "unit.h"

#include <string.h>

#include "../../lib/driver/libvirt/forward.c"

static const char *answer;
static char asked[128];

int monitor_command(struct hv *hv, const char *uuid, const char *command,
		    char **ret, struct vmctl_error *err)
{
	snprintf(asked, sizeof(asked), "%s", command);
	if (!answer)
		return fail(err, VMCTL_HYPERVISOR, 0, "no answer");
	*ret = strdup(answer);
	return 0;
}

#define HEAD                                                                   \
	"Hub -1 (hostnet0):\r\n"                                               \
	"  Protocol[State]    FD  Source Address  Port   Dest. Address  Port " \
	"RecvQ SendQ\r\n"

static void the_list_is_read_as_qemu_writes_it(void **state)
{
	struct hv_forward *list = NULL;
	size_t n = 0;

	/* QEMU 7.2 with libslirp 4.7, of two interfaces. */
	answer = HEAD
		"  TCP[ESTABLISHED]   12       127.0.0.1 28081       10.0.2.15"
		"    80     0     0\r\n"
		"  TCP[HOST_FORWARD]   3       127.0.0.1 28081       10.0.2.15"
		"    80     0     0\r\n"
		"  UDP[236 sec]        9       10.0.2.15 46718        10.0.2.3"
		"    53     0     0\r\n"
		"  UDP[HOST_FORWARD]   8               * 28082       10.0.2.15"
		"    53     0     0\r\n"
		"  ICMP[10 sec]       13       10.0.2.15     -         9.9.9.9"
		"     -     0     0\r\n"
		"Hub -1 (hostnet2):\r\n"
		"  TCP[HOST_FORWARD]  12 255.255.255.255 65535       10.0.2.15"
		" 65535     0     0";
	must(forward_list(NULL, "uuid", &list, &n, err));
	assert_string_equal(asked, "info usernet");
	assert_int_equal(n, 3);
	assert_string_equal(list[0].host_addr, "127.0.0.1");
	assert_int_equal(list[0].host_port, 28081);
	assert_int_equal(list[0].guest_port, 80);
	assert_false(list[0].udp);
	assert_string_equal(list[1].host_addr, "0.0.0.0");
	assert_int_equal(list[1].host_port, 28082);
	assert_int_equal(list[1].guest_port, 53);
	assert_true(list[1].udp);
	assert_string_equal(list[2].host_addr, "255.255.255.255");
	assert_int_equal(list[2].host_port, 65535);
	assert_int_equal(list[2].guest_port, 65535);
	free(list);
}

static void what_is_no_forward_is_passed_over(void **state)
{
	static const char *const answers[] = {
		"",
		HEAD,
		"nonsense\n\n\r\n",
		"  TCP[HOST_FORWARD]  x  127.0.0.1 1 10.0.2.15 2 0 0\n",
		"  TCP[HOST_FORWARD]\n",
		"  TCP[HOST_FORWARD]  1  127.0.0.1\n",
		/* IPv6, and a name longer than any address. */
		"  TCP[HOST_FORWARD]  1  ::1 80 fec0::15 80 0 0\n",
		"  TCP[HOST_FORWARD]  1  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		" 80 10.0.2.15 80 0 0\n",
		"  SCT[HOST_FORWARD]  1  127.0.0.1 80 10.0.2.15 80 0 0\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct hv_forward *list = NULL;
		size_t n = 7;

		answer = answers[i];
		must(forward_list(NULL, "uuid", &list, &n, err));
		assert_int_equal(n, 0);
		free(list);
	}
}

static void hundreds_are_read(void **state)
{
	auto_str text = STR_INIT;
	struct hv_forward *list = NULL;
	size_t n = 0;

	str_add(&text, HEAD);
	for (int i = 1; i <= 500; i++)
		str_addf(&text,
			 "  UDP[HOST_FORWARD]  %d  *  %d  10.0.2.15  %d  0  "
			 "0\r\n",
			 i, i, i + 1000);
	answer = str_text(&text);
	must(forward_list(NULL, "uuid", &list, &n, err));
	assert_int_equal(n, 500);
	for (int i = 0; i < 500; i++)
		assert_int_equal(list[i].guest_port - list[i].host_port, 1000);
	free(list);
}

static void adding_tells_a_port_that_cannot_be_had(void **state)
{
	const struct hv_forward fwd = { "0.0.0.0", 53, 5353, true };

	answer = "";
	must(forward_add(NULL, "uuid", &fwd, err));
	assert_string_equal(asked, "hostfwd_add udp:0.0.0.0:53-:5353");
	answer = "Could not set up host forwarding rule 'udp:…'\r\n";
	must_fail(VMCTL_EXISTS, forward_add(NULL, "uuid", &fwd, err));
	/* As older and newer versions of QEMU write it. */
	answer = "could not set up host forwarding rule 'udp:…': Address "
		 "already in use\n";
	must_fail(VMCTL_EXISTS, forward_add(NULL, "uuid", &fwd, err));
	answer = "no user mode network stack in use\r\n";
	must_fail(VMCTL_FAILED, forward_add(NULL, "uuid", &fwd, err));
	answer = NULL;
	must_fail(VMCTL_HYPERVISOR, forward_add(NULL, "uuid", &fwd, err));
}

static void removing_tells_what_was_not_there(void **state)
{
	const struct hv_forward fwd = { "127.0.0.1", 8080, 80, false };

	answer = "host forwarding rule for tcp:127.0.0.1:8080 removed\r\n";
	must(forward_remove(NULL, "uuid", &fwd, err));
	assert_string_equal(asked, "hostfwd_remove tcp:127.0.0.1:8080");
	answer = "host forwarding rule for tcp:127.0.0.1:8080 not found\r\n";
	must_fail(VMCTL_NOT_FOUND, forward_remove(NULL, "uuid", &fwd, err));
	answer = "invalid format\r\n";
	must_fail(VMCTL_FAILED, forward_remove(NULL, "uuid", &fwd, err));
	answer = "";
	must_fail(VMCTL_FAILED, forward_remove(NULL, "uuid", &fwd, err));
	answer = NULL;
	must_fail(VMCTL_HYPERVISOR, forward_remove(NULL, "uuid", &fwd, err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_read_as_qemu_writes_it),
		cmocka_unit_test(what_is_no_forward_is_passed_over),
		cmocka_unit_test(hundreds_are_read),
		cmocka_unit_test(adding_tells_a_port_that_cannot_be_had),
		cmocka_unit_test(removing_tells_what_was_not_there),
	};

	return cmocka_run_group_tests_name("forward", tests, NULL, NULL);
}
