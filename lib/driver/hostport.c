/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/hostport.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define TABLE_MAX (1 << 24)
#define LINE_SIZE 256 /* of tcp6: at most 200 */
#define FIRST_OF_USERS "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* States of include/net/tcp_states.h; UDP knows no listening. */
#define TCP_STATE_LISTEN 0x0a
#define UDP_STATE_OPEN 0x07

/* --- who has it ------------------------------------------------------------
 */

/* "0100007F", or 32 digits of which the last 8 are an IPv4 address or, as all
 * the others, 0 for any: such a socket takes IPv4 too. */
static bool covers(const char *hex, const char *address)
{
	static const char mapped[] = "0000000000000000FFFF0000";
	static const char any6[] = "00000000000000000000000000000000";
	struct in_addr want;
	unsigned have;

	if (str_eq(hex, any6))
		return true;
	if (strlen(hex) == 32 && str_starts(hex, mapped))
		hex += strlen(mapped);
	if (strlen(hex) != 8 || sscanf(hex, "%8x", &have) != 1 ||
	    inet_pton(AF_INET, address, &want) != 1)
		return false;
	/* The kernel prints the four bytes as one number of this host. */
	return have == want.s_addr || !have || !want.s_addr;
}

bool hostport_find_in(const char *table, bool udp, const char *address,
		      int port, unsigned long *ret_inode, unsigned *ret_uid)
{
	unsigned want = udp ? UDP_STATE_OPEN : TCP_STATE_LISTEN;
	char line[LINE_SIZE];

	while (str_line(&table, line, sizeof(line))) {
		char hex[33];
		unsigned at, state, uid;
		unsigned long inode;

		/* sl, local, remote, state, queues, timer, retransmits, uid,
		 * timeout, inode */
		if (sscanf(line,
			   " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x"
			   " %*x:%*x %*x %u %*d %lu",
			   hex, &at, &state, &uid, &inode) == 5 &&
		    state == want && (int)at == port && covers(hex, address)) {
			*ret_inode = inode;
			*ret_uid = uid;
			return true;
		}
	}
	return false;
}

static bool find_socket(bool udp, const char *address, int port,
			unsigned long *ret_inode, unsigned *ret_uid)
{
	static const char *const files[2][2] = {
		{ "/proc/self/net/tcp", "/proc/self/net/tcp6" },
		{ "/proc/self/net/udp", "/proc/self/net/udp6" },
	};

	for (int i = 0; i < 2; i++) {
		auto_str table = STR_INIT;

		if (file_read(files[udp][i], TABLE_MAX, &table, NULL) == 0 &&
		    hostport_find_in(str_text(&table), udp, address, port,
				     ret_inode, ret_uid))
			return true;
	}
	return false;
}

static bool has_socket(const char *pid, const char *link)
{
	auto_free char *fds = str_printf("/proc/%s/fd", pid);
	auto_dir DIR *dir = fds ? opendir(fds) : NULL;

	for (const struct dirent *e; dir && (e = readdir(dir));) {
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target,
				       sizeof(target) - 1);

		if (n > 0) {
			target[n] = '\0';
			if (str_eq(target, link))
				return true;
		}
	}
	return false;
}

bool hostport_holder(bool udp, const char *address, int port, char *out,
		     size_t size)
{
	unsigned long inode;
	unsigned uid;

	if (!find_socket(udp, address, port, &inode, &uid))
		return false;
	auto_free char *link = str_printf("socket:[%lu]", inode);
	auto_dir DIR *dir = opendir("/proc");
	for (const struct dirent *e; link && dir && (e = readdir(dir));) {
		auto_str name = STR_INIT;

		if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
		    !has_socket(e->d_name, link))
			continue;
		auto_free char *comm = str_printf("/proc/%s/comm", e->d_name);
		if (!comm || file_read(comm, 64, &name, NULL) < 0)
			continue;
		snprintf(out, size, "%.*s (process %s)",
			 (int)strcspn(str_text(&name), "\n"), str_text(&name),
			 e->d_name);
		return true;
	}
	snprintf(out, size, "a process of uid %u", uid);
	return true;
}

/* --- whether it can be had --------------------------------------------------
 */

static int fail_taken(bool udp, const char *address, int port,
		      struct vmctl_error *err)
{
	char who[128];
	/* The answer costs a look at every process: only for a message. */
	bool known =
		err && hostport_holder(udp, address, port, who, sizeof(who));

	return fail(err, VMCTL_EXISTS, 0,
		    "%s port %d of %s is in use on this host%s%s",
		    udp ? "UDP" : "TCP", port, address, known ? ", by " : "",
		    known ? who : "");
}

static int fail_privileged(int port, struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	int first = 0;

	if (file_read(FIRST_OF_USERS, 64, &text, NULL) == 0)
		first = (int)strtol(str_text(&text), NULL, 10);
	if (first <= port)
		return fail(err, VMCTL_INVALID, EACCES,
			    "cannot listen at port %d", port);
	fail(err, VMCTL_INVALID, 0,
	     "port %d is not for users: on this host theirs begin at %d", port,
	     first);
	fail_hint(err,
		  "take a port from %d on, or: "
		  "sudo sysctl net.ipv4.ip_unprivileged_port_start=%d",
		  first, port);
	return -VMCTL_INVALID;
}

static int fail_bind(bool udp, const char *address, int port, int why,
		     struct vmctl_error *err)
{
	switch (why) {
	case EADDRINUSE:
		return fail_taken(udp, address, port, err);
	case EACCES:
		return fail_privileged(port, err);
	case EADDRNOTAVAIL:
		fail(err, VMCTL_INVALID, 0, "this host has no address %s",
		     address);
		fail_hint(err, "ip -4 address");
		return -VMCTL_INVALID;
	}
	return fail_sys(err, why, "cannot listen at port %d of %s", port,
			address);
}

/* Bound and not listened at. */
static int bind_port(bool udp, const char *address, int port, int *ret,
		     struct vmctl_error *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };
	int one = 1, type = udp ? SOCK_DGRAM : SOCK_STREAM;

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return fail(err, VMCTL_INVALID, 0, "'%s' is no IPv4 address",
			    address);
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_sys(err, errno, "cannot make a socket");
	/* QEMU sets it for TCP only: with it UDP would share the port. */
	if (!udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return fail_bind(udp, address, port, errno, err);
	*ret = take_fd(&fd);
	return 0;
}

int hostport_check(bool udp, const char *address, int port,
		   struct vmctl_error *err)
{
	/* Not listened at: nobody's connection is to end up here. Linux refuses
	 * the address already when another socket listens there. */
	auto_close int fd = -1;

	return bind_port(udp, address, port, &fd, err);
}

bool hostport_is_own(const char *address)
{
	struct ifaddrs *all;
	struct in_addr want;
	bool own = false;

	if (inet_pton(AF_INET, address, &want) != 1)
		return false;
	uint32_t host = ntohl(want.s_addr);
	if (!host || host >> 24 == IN_LOOPBACKNET)
		return true;
	if (getifaddrs(&all) < 0)
		return true;
	for (struct ifaddrs *i = all; i && !own; i = i->ifa_next)
		own = i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		      ((const struct sockaddr_in *)i->ifa_addr)
				      ->sin_addr.s_addr == want.s_addr;
	freeifaddrs(all);
	return own;
}

int hostport_open(bool udp, const char *address, int port, int *ret,
		  struct vmctl_error *err)
{
	auto_close int fd = -1;
	int r = bind_port(udp, address, port, &fd, err);

	if (r == 0 && !udp && listen(fd, SOMAXCONN) < 0)
		r = fail_bind(udp, address, port, errno, err);
	if (r == 0)
		*ret = take_fd(&fd);
	return r;
}
