/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "driver/hostport.h"

/* A socket of this process, bound there; port 0 is drawn and told. */
static int bound(bool udp, const char *address, int *port, bool reuse)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET,
			(udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = reuse;

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int listening(const char *address, int *port)
{
	int fd = bound(false, address, port, true);

	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void a_port_in_use_names_its_process(void **state)
{
	struct vmctl_error why;
	int port = 0, fd = listening("127.0.0.1", &port);
	auto_free char *me = str_printf("(process %ld)", (long)getpid());

	assert_int_equal(hostport_check(false, "127.0.0.1", port, &why),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(why.message, me));
	/* All addresses are also that one, and the other way round. */
	assert_int_equal(hostport_check(false, "0.0.0.0", port, &why),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(why.message, me));
	must(hostport_check(false, "127.0.0.2", port, err));
	/* Nor does UDP care. */
	must(hostport_check(true, "127.0.0.1", port, err));
	close(fd);
	must(hostport_check(false, "127.0.0.1", port, err));
	fd = listening("0.0.0.0", &port);
	assert_int_equal(hostport_check(false, "127.0.0.9", port, &why),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(why.message, me));
	close(fd);
}

static void a_udp_port_in_use_names_its_process(void **state)
{
	struct vmctl_error why;
	int port = 0, fd = bound(true, "127.0.0.1", &port, true);
	auto_free char *me = str_printf("(process %ld)", (long)getpid());

	/* Also where the other one would share it: QEMU would not. */
	assert_int_equal(hostport_check(true, "127.0.0.1", port, &why),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(why.message, me));
	assert_int_equal(hostport_check(true, "0.0.0.0", port, &why),
			 -VMCTL_EXISTS);
	must(hostport_check(true, "127.0.0.2", port, err));
	close(fd);
	must(hostport_check(true, "127.0.0.1", port, err));
}

/* The side that closes first keeps the port for a minute: another server may
 * take it all the same. */
static void a_connection_that_lingers_is_not_in_the_way(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int port = 0, server = listening("127.0.0.1", &port);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
	int one = accept(server, NULL, NULL);
	assert_true(one >= 0);
	close(one);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	close(server);
	/* Without SO_REUSEADDR it could not be had, or this shows nothing. */
	int off = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(off, (struct sockaddr *)&a, sizeof(a)), -1);
	close(off);
	must(hostport_check(false, "127.0.0.1", port, err));
}

static void an_address_of_another_host_is_refused(void **state)
{
	struct vmctl_error why;

	/* RFC 5737: nobody has it. */
	assert_int_equal(hostport_check(false, "192.0.2.1", 8080, &why),
			 -VMCTL_INVALID);
	assert_string_equal(why.message, "this host has no address 192.0.2.1");
	assert_int_equal(hostport_check(true, "192.0.2.1", 8080, &why),
			 -VMCTL_INVALID);
	assert_int_equal(hostport_check(true, "::1", 8080, &why),
			 -VMCTL_INVALID);
}

static void a_port_of_roots_says_what_to_do(void **state)
{
	struct vmctl_error why;

	/* Whoever is root is somebody else for a moment. */
	bool root = geteuid() == 0;
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(hostport_check(false, "127.0.0.1", 1, &why),
			 -VMCTL_INVALID);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(why.message, "port 1 is not for users"));
	assert_non_null(strstr(why.hint, "ip_unprivileged_port_start=1"));
}

#define HEAD                                                                   \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "  \
	"retrnsmt   uid  timeout inode\n"
#define REST " 00000000:00000000 00:00000000 00000000  "

static void a_long_table_is_read_once(void **state)
{
	auto_str table = STR_INIT;
	unsigned long inode = 0;
	unsigned uid = 0;

	str_add(&table, HEAD);
	for (int i = 0; i < 60000; i++)
		str_addf(&table,
			 "%4d: 0100007F:1F90 00000000:0000 01" REST
			 "1 0 11 1 0 100 0 0 10 0\n",
			 i);
	str_add(&table, "   0: 0100007F:1F90 00000000:0000 0A" REST
			"1 0 12 1 0 100 0 0 10 0\n");
	/* Quadratic, it is a minute's work. */
	int64_t begun = clock_mono_ms();
	assert_true(hostport_find_in(str_text(&table), false, "127.0.0.1", 8080,
				     &inode, &uid));
	assert_int_equal(inode, 12);
	assert_in_range(clock_mono_ms() - begun, 0, 8000);
}

static void the_kernels_tables_are_read(void **state)
{
	static const char v4[] =
		HEAD "   0: 0100007F:1F90 00000000:0000 01" REST
		     "1 0 11 1 0 100 0 0 10 0\n"
		     "   1: 0100007F:1F90 00000000:0000 0A" REST
		     "1000        0 12 1 0 100 0 0 10 0\n"
		     " 999: 00000000:0050 00000000:0000 0A" REST
		     "0 0 13 1 0 100 0 0 10 0\n";
	static const char v6[] =
		HEAD "   0: 00000000000000000000000000000000:1F91 "
		     "00000000000000000000000000000000:0000 0A" REST
		     "33 0 21 1 0 100 0 0 10 0\n"
		     "   1: 0000000000000000FFFF00000100007F:1F92 "
		     "00000000000000000000000000000000:0000 0A" REST
		     "34 0 22 1 0 100 0 0 10 0\n"
		     "   2: 00000000000000000000000001000000:1F93 "
		     "00000000000000000000000000000000:0000 0A" REST
		     "35 0 23 1 0 100 0 0 10 0\n";
	unsigned long inode = 0;
	unsigned uid = 0;

	assert_true(
		hostport_find_in(v4, false, "127.0.0.1", 8080, &inode, &uid));
	assert_int_equal(inode, 12);
	assert_int_equal(uid, 1000);
	assert_true(hostport_find_in(v4, false, "0.0.0.0", 8080, &inode, &uid));
	assert_false(
		hostport_find_in(v4, false, "127.0.0.2", 8080, &inode, &uid));
	assert_true(hostport_find_in(v4, false, "10.1.2.3", 80, &inode, &uid));
	assert_int_equal(inode, 13);
	assert_false(
		hostport_find_in(v4, true, "127.0.0.1", 8080, &inode, &uid));
	assert_true(
		hostport_find_in(v6, false, "127.0.0.1", 8081, &inode, &uid));
	assert_int_equal(uid, 33);
	assert_true(
		hostport_find_in(v6, false, "127.0.0.1", 8082, &inode, &uid));
	assert_false(
		hostport_find_in(v6, false, "127.0.0.2", 8082, &inode, &uid));
	/* ::1 alone takes no IPv4. */
	assert_false(
		hostport_find_in(v6, false, "127.0.0.1", 8083, &inode, &uid));
	assert_false(hostport_find_in("junk\n\n", false, "0.0.0.0", 1, &inode,
				      &uid));
}

/* As hosts of keepalived and haproxy have it, in a network of its own. */
static int ask_with_nonlocal_bind(void)
{
	static const char setting[] = "/proc/sys/net/ipv4/ip_nonlocal_bind";
	int flags =
		geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER;

	if (unshare(flags) < 0)
		return 1;
	auto_close int fd = open(setting, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		return 2;
	if (hostport_check(true, "192.168.122.57", 0, NULL) < 0)
		return 3;
	return hostport_is_own("192.168.122.57") ? 4 : 0;
}

static void a_guest_is_not_the_host_where_any_address_can_be_bound(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(ask_with_nonlocal_bind());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void this_hosts_addresses_are_known(void **state)
{
	assert_true(hostport_is_own("127.0.0.1"));
	assert_true(hostport_is_own("127.8.8.8"));
	assert_true(hostport_is_own("0.0.0.0"));
	assert_false(hostport_is_own("192.0.2.7"));
	assert_false(hostport_is_own(""));
	assert_false(hostport_is_own("junk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_in_use_names_its_process),
		cmocka_unit_test(a_udp_port_in_use_names_its_process),
		cmocka_unit_test(a_connection_that_lingers_is_not_in_the_way),
		cmocka_unit_test(an_address_of_another_host_is_refused),
		cmocka_unit_test(a_port_of_roots_says_what_to_do),
		cmocka_unit_test(a_long_table_is_read_once),
		cmocka_unit_test(the_kernels_tables_are_read),
		cmocka_unit_test(
			a_guest_is_not_the_host_where_any_address_can_be_bound),
		cmocka_unit_test(this_hosts_addresses_are_known),
	};

	return cmocka_run_group_tests_name("hostport", tests, NULL, NULL);
}
