/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

#include "instance/port.h"

/* What users write for forwarded ports. */

static void reads(const char *spec, const char *want)
{
	const char *const specs[] = { spec, NULL };
	auto_free struct state_port *ports = NULL;
	auto_str got = STR_INIT;
	char text[PORT_TEXT];
	size_t n = 0;

	must(port_specs_parse(specs, &ports, &n, err));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ports[i].drawn, ports[i].host_port == 0);
		str_addf(&got, "%s%s", i ? " " : "",
			 state_port_text(&ports[i], text));
	}
	assert_string_equal(str_text(&got), want);
}

static void the_forms_are_read(void **state)
{
	reads("80", "127.0.0.1:0->80/tcp");
	reads(":80", "127.0.0.1:0->80/tcp");
	reads("0:80", "127.0.0.1:0->80/tcp");
	reads("80/udp", "127.0.0.1:0->80/udp");
	reads("8080:80", "127.0.0.1:8080->80/tcp");
	reads("8080:80/tcp", "127.0.0.1:8080->80/tcp");
	reads("08080:00080", "127.0.0.1:8080->80/tcp");
	reads("65535:1/udp", "127.0.0.1:65535->1/udp");
	reads("0.0.0.0:8080:80", "0.0.0.0:8080->80/tcp");
	reads("127.0.0.2::53/udp", "127.0.0.2:0->53/udp");
	reads("127.0.0.2:0:53", "127.0.0.2:0->53/tcp");
	reads("7000-7002:70-72", "127.0.0.1:7000->70/tcp 127.0.0.1:7001->71/tcp"
				 " 127.0.0.1:7002->72/tcp");
	reads("80-81/udp", "127.0.0.1:0->80/udp 127.0.0.1:0->81/udp");
	reads("7000-7000:80", "127.0.0.1:7000->80/tcp");
}

static void nothing_is_no_ports(void **state)
{
	const char *const none[] = { NULL };
	struct state_port *ports = NULL;
	size_t n = 7;

	must(port_specs_parse(none, &ports, &n, err));
	assert_int_equal(n, 0);
	free(ports);
	n = 7;
	must(port_specs_parse(NULL, &ports, &n, err));
	assert_int_equal(n, 0);
	free(ports);
}

static void whether_a_port_of_the_host_is_named_is_told(void **state)
{
	bool fixed;

	must(vmctl_port_check("80", &fixed, err));
	assert_false(fixed);
	must(vmctl_port_check("0:80", &fixed, err));
	assert_false(fixed);
	must(vmctl_port_check("1:80", &fixed, err));
	assert_true(fixed);
	must(vmctl_port_check("1:80", NULL, err));
	must_fail(VMCTL_INVALID, vmctl_port_check("x", &fixed, err));
}

static void what_overlaps_in_one_command_is_refused(void **state)
{
	static const char *const pairs[][3] = {
		{ "8080:80", "8080:81" },
		{ "8080:80/udp", "0.0.0.0:8080:80/udp" },
		{ "0.0.0.0:8080:80", "127.0.0.9:8080:80" },
		{ "8000-8010:1-11", "8010:80" },
	};
	static const char *const fine[] = {
		"8080:80", "8080:80/udp", "127.0.0.2:8080:80", "80", "80",
		"80",	   NULL
	};
	struct state_port *ports = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		must_fail(VMCTL_INVALID,
			  port_specs_parse(pairs[i], &ports, &n, err));
	must(port_specs_parse(fine, &ports, &n, err));
	assert_int_equal(n, 6);
	free(ports);
}

/* --- which of those that exist --- */

static const char *const known_specs[] = { "8080:80",
					   "127.0.0.2:8081:80",
					   "0.0.0.0:8081:81/udp",
					   "53:53/udp",
					   "53:53",
					   "9000-9002:90-92",
					   NULL };

/* *chosen as letters "y" and "-", or the code. */
static void matches(const char *spec, const char *want, int code)
{
	auto_free struct state_port *known = NULL;
	bool chosen[16] = { false };
	struct vmctl_error why = { 0 };
	char got[17] = "";
	size_t n = 0;

	must(port_specs_parse(known_specs, &known, &n, err));
	int r = port_spec_match(spec, known, n, chosen, &why);
	if (r != -code)
		print_error("%s: %s\n", spec, why.message);
	assert_int_equal(r, -code);
	for (size_t i = 0; i < n && code == 0; i++)
		got[i] = chosen[i] ? 'y' : '-';
	if (code == 0)
		assert_string_equal(got, want);
}

static void the_one_that_is_meant_is_found(void **state)
{
	matches("8080", "y-------", 0);
	matches("8080/tcp", "y-------", 0);
	matches("127.0.0.1:8080", "y-------", 0);
	matches("8080:80", "y-------", 0);
	matches("127.0.0.1:8080->80/tcp", "y-------", 0);
	matches("127.0.0.1:8080:80/tcp", "y-------", 0);
	matches("8081/udp", "--y-----", 0);
	matches("127.0.0.2:8081", "-y------", 0);
	matches("0.0.0.0:8081:81/udp", "--y-----", 0);
	matches("53/tcp", "----y---", 0);
	matches("9000-9002", "-----yyy", 0);
	matches("9001-9002:91-92", "------yy", 0);
}

static void what_is_not_there_or_may_be_several_is_refused(void **state)
{
	matches("8079", NULL, VMCTL_NOT_FOUND);
	matches("8080/udp", NULL, VMCTL_NOT_FOUND);
	matches("0.0.0.0:8080", NULL, VMCTL_NOT_FOUND);
	matches("8080:81", NULL, VMCTL_NOT_FOUND);
	matches("9000-9003", NULL, VMCTL_NOT_FOUND);
	matches("53", NULL, VMCTL_INVALID);
	matches("8081", NULL, VMCTL_INVALID);
	matches("", NULL, VMCTL_INVALID);
	matches(":80", NULL, VMCTL_INVALID);
	matches("0", NULL, VMCTL_INVALID);
	matches("->", NULL, VMCTL_INVALID);
	matches("->->", NULL, VMCTL_INVALID);
	matches("[::1]:80", NULL, VMCTL_INVALID);
	matches("http", NULL, VMCTL_INVALID);
	matches("1-65536", NULL, VMCTL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_forms_are_read),
		cmocka_unit_test(nothing_is_no_ports),
		cmocka_unit_test(whether_a_port_of_the_host_is_named_is_told),
		cmocka_unit_test(what_overlaps_in_one_command_is_refused),
		cmocka_unit_test(the_one_that_is_meant_is_found),
		cmocka_unit_test(
			what_is_not_there_or_may_be_several_is_refused),
	};

	return cmocka_run_group_tests_name("port-spec", tests, NULL, NULL);
}
