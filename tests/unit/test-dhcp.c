/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "driver/dhcp.h"

/* The port of DHCP takes privileges: the server of these tests has a network of
 * its own that ends with its process, and hands on what it received. */

enum { SKIPPED = 77 };

static bool lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
}

static int listen_67(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(67),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return take_fd(&fd);
}

static int serve(int out)
{
	struct vmctl_error err;
	unsigned char buf[2048];

	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return SKIPPED;
	if (!lo_up())
		return SKIPPED;
	int fd = listen_67();
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0)
		return SKIPPED;
	if (dhcp_release("lo", "127.0.0.1", "192.168.100.10",
			 "52:54:00:12:ab:fe", &err) < 0)
		return 1;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, 10000) != 1)
		return 2;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	return n > 0 && write(out, buf, (size_t)n) == n ? 0 : 3;
}

/* What a release puts on the wire; skips the test where there is no wire. */
static size_t released(unsigned char *buf, size_t size)
{
	int fds[2], status = 0;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(serve(fds[1]));
	close(fds[1]);
	ssize_t n = read(fds[0], buf, size);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip_because("network namespaces are not permitted");
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(n > 0);
	return (size_t)n;
}

/* The value of an option of RFC 2132; NULL when it is not there. The options
 * must be well formed up to their end. */
static const unsigned char *option(const unsigned char *m, size_t n, int code,
				   size_t *len)
{
	const unsigned char *found = NULL;
	size_t i = 240;

	while (i < n && m[i] != 255) {
		if (m[i] == 0) {
			i++;
			continue;
		}
		assert_true(i + 1 < n && i + 2 + m[i + 1] <= n);
		if (m[i] == code) {
			found = m + i + 2;
			*len = m[i + 1];
		}
		i += (size_t)2 + m[i + 1];
	}
	assert_true(i < n); /* there is an end */
	return found;
}

static void inst_012_a_release_is_as_rfc_2131_has_it(void **state)
{
	static const unsigned char mac[] = { 0x52, 0x54, 0, 0x12, 0xab, 0xfe };
	static const unsigned char address[] = { 192, 168, 100, 10 };
	static const unsigned char zero[16];
	unsigned char m[2048];
	const unsigned char *o;
	size_t len = 0, n = released(m, sizeof(m));

	assert_true(n >= 300);	   /* BOOTP's least */
	assert_int_equal(m[0], 1); /* request */
	assert_int_equal(m[1], 1); /* Ethernet */
	assert_int_equal(m[2], 6);
	assert_int_equal(m[3], 0);		 /* no relay */
	assert_memory_not_equal(m + 4, zero, 4); /* xid */
	assert_memory_equal(m + 10, zero, 2);	 /* unicast */
	assert_memory_equal(m + 12, address, 4); /* ciaddr */
	assert_memory_equal(m + 16, zero, 12);	 /* yiaddr siaddr giaddr */
	assert_memory_equal(m + 28, mac, 6);
	assert_memory_equal(m + 34, zero, 10);
	assert_memory_equal(m + 236, "\x63\x82\x53\x63", 4); /* cookie */
	o = option(m, n, 53, &len);
	assert_non_null(o);
	assert_int_equal(len, 1);
	assert_int_equal(*o, 7); /* RELEASE */
	o = option(m, n, 54, &len);
	assert_non_null(o);
	assert_int_equal(len, 4);
	assert_memory_equal(o, "\x7f\0\0\1", 4);
	/* RFC 2131 table 5: neither may be there. */
	assert_null(option(m, n, 50, &len));
	assert_null(option(m, n, 55, &len));
	o = option(m, n, 61, &len);
	assert_non_null(o);
	assert_int_equal(len, 7);
	assert_int_equal(o[0], 1);
	assert_memory_equal(o + 1, mac, 6);
}

static void what_is_no_address_is_refused(void **state)
{
	must_fail(VMCTL_INVALID, dhcp_release("lo", "x", "192.168.100.10",
					      "52:54:00:12:ab:fe", err));
	must_fail(VMCTL_INVALID, dhcp_release("lo", "127.0.0.1", "",
					      "52:54:00:12:ab:fe", err));
	must_fail(VMCTL_INVALID,
		  dhcp_release("lo", "127.0.0.1", "10.0.0.1", "52:54:00", err));
}

static void an_interface_that_is_not_there_is_a_failure(void **state)
{
	struct vmctl_error err;

	assert_true(dhcp_release("nosuch-if", "127.0.0.1", "192.168.100.10",
				 "52:54:00:12:ab:fe", &err) < 0);
	assert_non_null(strstr(err.message, "192.168.100.10"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inst_012_a_release_is_as_rfc_2131_has_it),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(an_interface_that_is_not_there_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
