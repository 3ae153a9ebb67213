/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

#include "driver/arp.h"

#define HEAD                                                                   \
	"IP address       HW type     Flags       HW address            "      \
	"Mask     Device\n"
#define LINE(ip, flags, mac, device)                                           \
	ip "       0x1         " flags "         " mac "     *        " device \
	   "\n"

#define MAC "52:54:00:12:34:56"

static void found(const char *table, const char *mac, const char *device,
		  const char *want)
{
	char address[46] = "before";

	if (want)
		must(arp_find_in(table, mac, device, address, err));
	else
		must_fail(VMCTL_NOT_FOUND,
			  arp_find_in(table, mac, device, address, err));
	assert_string_equal(address, want ? want : "before");
}

static void net_004_a_neighbour_is_found_by_its_mac(void **state)
{
	static const char table[] =
		HEAD LINE("10.0.0.9", "0x2", "52:54:00:aa:aa:aa", "br0")
			LINE("10.0.0.10", "0x2", MAC, "br0");

	found(table, MAC, "br0", "10.0.0.10");
	found(table, "52:54:00:AA:aa:aa", "br0", "10.0.0.9");
	found(table, "52:54:00:00:00:01", "br0", NULL);
}

static void one_on_another_interface_is_another(void **state)
{
	found(HEAD LINE("10.0.0.9", "0x2", MAC, "br1")
		      LINE("10.0.0.10", "0x2", MAC, "br0"),
	      MAC, "br0", "10.0.0.10");
	found(HEAD LINE("10.0.0.9", "0x2", MAC, "br1"), MAC, "br0", NULL);
}

static void one_that_did_not_answer_is_none(void **state)
{
	found(HEAD LINE("10.0.0.9", "0x0", MAC, "br0"), MAC, "br0", NULL);
	/* a permanent entry */
	found(HEAD LINE("10.0.0.9", "0x6", MAC, "br0"), MAC, "br0", "10.0.0.9");
}

static void what_is_no_table_has_none(void **state)
{
	found("", MAC, "br0", NULL);
	found("\n\n\n", MAC, "br0", NULL);
	found(HEAD, MAC, "br0", NULL);
	found("10.0.0.9 0x1", MAC, "br0", NULL);
	found("10.0.0.9 0x1 0x2 " MAC, MAC, "br0", NULL);
}

static void this_hosts_table_can_be_read(void **state)
{
	char address[46];

	must_fail(VMCTL_NOT_FOUND,
		  arp_find("02:00:00:00:00:99", "nosuch", address, err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net_004_a_neighbour_is_found_by_its_mac),
		cmocka_unit_test(one_on_another_interface_is_another),
		cmocka_unit_test(one_that_did_not_answer_is_none),
		cmocka_unit_test(what_is_no_table_has_none),
		cmocka_unit_test(this_hosts_table_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
