/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "driver/host-name.h"

static void names_of_loopback_are_the_hosts_own(void **state)
{
	static const char *const own[] = { "localhost", "LOCALHOST",
					   "localhost6", "ip6-localhost",
					   "ip6-loopback" };

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		assert_true(host_name_is_own(own[i]));
	assert_false(host_name_is_own("local"));
	assert_false(host_name_is_own("localhost7"));
}

static void the_hostname_is_up_to_its_first_dot(void **state)
{
	char name[256] = "";

	assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
	name[strcspn(name, ".")] = '\0';
	assert_true(host_name_is_own(name));
	strcat(name, "x");
	assert_false(host_name_is_own(name));
}

static void a_hosts_file_tells_what_leads_back_here(void **state)
{
	static const char hosts[] = "# 127.0.0.1 comment\n"
				    "127.0.0.1\tlocalhost\n"
				    "127.0.1.1  Desk.example.org desk # old\n"
				    "::1 six\r\n"
				    "  10.0.0.5 server 127.0.0.1\n"
				    "\n"
				    "127.0.0.1 ads.example.com\n"
				    "127.0.0.2 last";

	assert_true(host_name_in(hosts, "localhost"));
	assert_true(host_name_in(hosts, "DESK"));
	assert_true(host_name_in(hosts, "six"));
	assert_true(host_name_in(hosts, "last"));
	assert_false(host_name_in(hosts, "comment"));
	assert_false(host_name_in(hosts, "old"));
	assert_false(host_name_in(hosts, "server"));
	assert_false(host_name_in(hosts, "des"));
	/* Blocked names are no names of instances. */
	assert_false(host_name_in(hosts, "ads"));
	assert_false(host_name_in("", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_loopback_are_the_hosts_own),
		cmocka_unit_test(the_hostname_is_up_to_its_first_dot),
		cmocka_unit_test(a_hosts_file_tells_what_leads_back_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
