/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

#include "base/str.h"
#include "network/subnet.h"

static struct subnet parsed(const char *cidr, const char *range)
{
	struct subnet s;

	must(subnet_parse(cidr, range, &s, err));
	return s;
}

static void is(uint32_t address, const char *want)
{
	char text[IPV4_TEXT];

	assert_string_equal(ipv4_text(address, text), want);
}

static void addresses_are_four_numbers_and_nothing_else(void **state)
{
	static const char *const bad[] = {
		"",	     "1",	 "1.2.3",      "1.2.3.4.5",
		"1.2.3.256", "1.2.3.-4", " 1.2.3.4",   "1.2.3.4 ",
		"0x1.2.3.4", "::1",	 "1.2.3.4/24", "a.b.c.d",
		"1.2.3.04",  "1..2.3",	 "1.2.3.4\n",  "1,2,3,4",
	};
	uint32_t a = 7;

	assert_true(ipv4_parse("192.168.100.10", &a));
	assert_int_equal(a, 0xc0a8640a);
	is(a, "192.168.100.10");
	assert_true(ipv4_parse("255.255.255.255", &a));
	is(a, "255.255.255.255");
	a = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(ipv4_parse(bad[i], &a));
	assert_int_equal(a, 7);
}

static void masks_of_every_length(void **state)
{
	assert_int_equal(subnet_mask(0), 0);
	assert_int_equal(subnet_mask(1), 0x80000000);
	assert_int_equal(subnet_mask(24), 0xffffff00);
	assert_int_equal(subnet_mask(32), 0xffffffff);
}

static void net_002_the_default_range_is_the_tenth_to_the_last(void **state)
{
	struct subnet s = parsed("192.168.100.0/24", NULL);

	is(s.base, "192.168.100.0");
	assert_int_equal(s.prefix, 24);
	is(s.first, "192.168.100.10");
	is(s.last, "192.168.100.254");
	s = parsed("10.20.0.0/16", NULL);
	is(s.first, "10.20.0.10");
	is(s.last, "10.20.255.254");
	/* The last that has a tenth address, and one that has none. */
	s = parsed("10.0.0.32/27", NULL);
	is(s.first, "10.0.0.42");
	is(s.last, "10.0.0.62");
	s = parsed("10.0.0.16/28", NULL);
	is(s.first, "10.0.0.18");
	is(s.last, "10.0.0.30");
	s = parsed("10.0.0.8/29", NULL);
	is(s.first, "10.0.0.10");
	is(s.last, "10.0.0.14");
}

static void what_is_no_subnet_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"192.168.100.0",
		"192.168.100.0/",
		"/24",
		"192.168.100.0/15",
		"192.168.100.0/30",
		"10.0.0.0/-8",
		"10.0.0.0/24x",
		"10.0.0.0/ 24",
		"10.0.0/24",
		"10.0.0.256/24",
		"fd00::/24",
		"10.0.0.0/24/24",
		"10.0.0.0/99999999999999999999",
	};
	struct subnet s = { .prefix = 7 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID, subnet_parse(bad[i], NULL, &s, err));
	assert_int_equal(s.prefix, 7);
}

static void an_address_in_a_subnet_is_refused_with_the_subnet(void **state)
{
	struct vmctl_error err;
	struct subnet s;

	assert_int_equal(subnet_parse("192.168.100.7/24", NULL, &s, &err),
			 -VMCTL_INVALID);
	assert_string_equal(err.hint, "192.168.100.0/24");
	assert_int_equal(subnet_parse("10.255.255.255/16", NULL, &s, &err),
			 -VMCTL_INVALID);
	assert_string_equal(err.hint, "10.255.0.0/16");
}

static void blocks_that_are_not_for_hosts_are_refused(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0/16",	    "0.255.0.0/16",   "127.0.0.0/24",
		"127.255.255.0/24", "169.254.7.0/24", "224.0.0.0/24",
		"239.1.2.0/24",	    "240.0.0.0/24",   "255.255.255.0/24",
	};
	struct subnet s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID, subnet_parse(bad[i], NULL, &s, err));
	parsed("1.0.0.0/16", NULL);
	parsed("126.255.0.0/16", NULL);
	parsed("128.0.0.0/16", NULL);
	parsed("169.253.255.0/24", NULL);
	parsed("169.255.0.0/16", NULL);
	parsed("223.255.255.0/24", NULL);
}

static void a_range_lies_between_the_host_and_broadcast(void **state)
{
	static const char *const bad[] = {
		"",
		"-",
		"10.9.8.2",
		"10.9.8.2-",
		"-10.9.8.3",
		"10.9.8.3-10.9.8.2",
		"10.9.8.0-10.9.8.3",
		"10.9.8.1-10.9.8.3",
		"10.9.8.2-10.9.8.7",
		"10.9.8.2-10.9.9.3",
		"10.9.7.2-10.9.8.3",
		"10.9.8.2-10.9.8.3-10.9.8.4",
		"10.9.8.2 - 10.9.8.3",
	};
	struct subnet s = parsed("10.9.8.0/29", "10.9.8.2-10.9.8.6");

	is(s.first, "10.9.8.2");
	is(s.last, "10.9.8.6");
	s = parsed("10.9.8.0/29", "10.9.8.4-10.9.8.4");
	assert_int_equal(s.first, s.last);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID,
			  subnet_parse("10.9.8.0/29", bad[i], &s, err));
}

static void subnets_overlap_when_either_holds_the_other(void **state)
{
	struct subnet s = parsed("10.20.32.0/20", NULL);

	assert_true(subnet_overlaps(&s, 0x0a142000, 20));
	assert_true(subnet_overlaps(&s, 0x0a142000, 24));
	assert_true(subnet_overlaps(&s, 0x0a142f00, 24));
	assert_true(subnet_overlaps(&s, 0x0a142f05, 32)); /* one address */
	assert_true(subnet_overlaps(&s, 0x0a000000, 8));
	assert_true(subnet_overlaps(&s, 0, 0));
	assert_false(subnet_overlaps(&s, 0x0a143000, 20));
	assert_false(subnet_overlaps(&s, 0x0a141f00, 24));
	assert_false(subnet_overlaps(&s, 0x0b000000, 8));
}

static void a_range_has_its_ends(void **state)
{
	struct subnet s = parsed("10.9.8.0/29", "10.9.8.3-10.9.8.5");

	assert_false(subnet_has(&s, s.base + 2));
	assert_true(subnet_has(&s, s.base + 3));
	assert_true(subnet_has(&s, s.base + 5));
	assert_false(subnet_has(&s, s.base + 6));
}

/* Loopback is on every host, and does not count: 127/8 is refused before. */
static void loopback_is_in_nobodys_way(void **state)
{
	struct subnet s = { .base = 0x7f000000, .prefix = 8 };

	must(subnet_check_host(&s, NULL, err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_four_numbers_and_nothing_else),
		cmocka_unit_test(masks_of_every_length),
		cmocka_unit_test(
			net_002_the_default_range_is_the_tenth_to_the_last),
		cmocka_unit_test(what_is_no_subnet_is_refused),
		cmocka_unit_test(
			an_address_in_a_subnet_is_refused_with_the_subnet),
		cmocka_unit_test(blocks_that_are_not_for_hosts_are_refused),
		cmocka_unit_test(a_range_lies_between_the_host_and_broadcast),
		cmocka_unit_test(subnets_overlap_when_either_holds_the_other),
		cmocka_unit_test(a_range_has_its_ends),
		cmocka_unit_test(loopback_is_in_nobodys_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
