/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay-help.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../fakes/disk.h"
#include "base/clock.h"
#include "base/file.h"
#include "driver/hostport.h"
#include "unit.h"

#define ID "i-0123abcd"
#define PATIENCE_MS 60000

/* --- the machine ---------------------------------------------------------- */

void guest_power(struct guest *g, bool on)
{
	assert_true(disk_hold(g->disk, on));
}

int guest_setup(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(g);
	g->dir = str_printf("%s/relay.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(g->dir));
	auto_free char *instance = str_printf("%s/instances/" ID, g->dir);
	auto_free char *disk = path_join(instance, "disk.qcow2");
	must(dir_make(instance, 0700, err));
	g->disk = open(disk, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	g->ctx.data_dir = g->ctx.storage_dir = g->dir;
	g->at = (struct relay_at){ &g->ctx, ID, "127.0.0.1" };
	g->socket = str_printf("%s/relays/" ID, g->dir);
	guest_power(g, true);
	*state = g;
	return 0;
}

int guest_teardown(void **state)
{
	struct guest *g = *state;

	relay_end(&g->ctx, ID);
	must(dir_remove(g->dir, err));
	close(g->disk);
	free(g->dir);
	free(g->socket);
	free(g);
	return 0;
}

/* --- ports ---------------------------------------------------------------- */

static struct sockaddr_in place(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return a;
}

int port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* Of those that are not given to outgoing connections. */
int free_port(int type)
{
	static int next;

	if (!next)
		next = 12000 + (int)(getpid() % 90) * 100;
	for (int i = 0; i < 1000; i++)
		if (hostport_check(type == SOCK_DGRAM, "0.0.0.0", ++next,
				   NULL) == 0)
			return next;
	return -1;
}

struct hv_forward forward_to(int host_port, int guest_port)
{
	return (struct hv_forward){ .host_addr = "127.0.0.1",
				    .host_port = host_port,
				    .guest_port = guest_port };
}

int forward(struct guest *g, int guest_port)
{
	const struct hv_forward fwd =
		forward_to(free_port(SOCK_STREAM), guest_port);

	must(relay_add(&g->at, &fwd, err));
	return fwd.host_port;
}

int forward_with_fds(struct guest *g, int guest_port, unsigned fds)
{
	const struct hv_forward fwd =
		forward_to(free_port(SOCK_STREAM), guest_port);
	const struct rlimit l = { fds, fds };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_NOFILE, &l);
		_exit(relay_add(&g->at, &fwd, NULL) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return fwd.host_port;
}

void until_free(int port)
{
	struct wait w = wait_begin(PATIENCE_MS, 50);

	while (hostport_check(false, "127.0.0.1", port, NULL) < 0)
		assert_true(wait_more(&w));
}

int relay_at_port(int port)
{
	char who[128];
	int pid = 0;

	assert_true(
		hostport_holder(false, "127.0.0.1", port, who, sizeof(who)));
	assert_int_equal(sscanf(who, "vmctl-relay (process %d)", &pid), 1);
	return pid;
}

long cpu_ms(int pid)
{
	auto_free char *path = str_printf("/proc/%d/stat", pid);
	auto_str text = STR_INIT;
	long user, sys;

	must(file_read(path, 4096, &text, err));
	assert_int_equal(sscanf(strrchr(text.p, ')'),
				") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
				"%*u %ld %ld",
				&user, &sys),
			 2);
	return (user + sys) * 1000 / sysconf(_SC_CLK_TCK);
}

/* Of the process that has the relay's socket, by any TCP port of its. */
int relay_open_fds(struct guest *g)
{
	auto_free char *dir =
		str_printf("/proc/%d/fd", relay_at_port(forward(g, 9)));
	auto_dir DIR *fds = opendir(dir);
	int n = 0;

	assert_non_null(fds);
	while (readdir(fds))
		n++;
	return n;
}

size_t listed(struct guest *g)
{
	auto_free struct hv_forward *list = NULL;
	size_t n = 0;

	must(relay_list(&g->at, &list, &n, err));
	return n;
}

bool has_socket(const struct guest *g)
{
	return access(g->socket, F_OK) == 0;
}

/* --- connections ---------------------------------------------------------- */

int listen_at(const char *address, int port)
{
	const struct sockaddr_in a = place(address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 512), 0);
	return fd;
}

int connect_with(const char *address, int port, int receive_buffer)
{
	const struct sockaddr_in a = place(address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
			   sizeof(receive_buffer));
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)),
			 0);
	return fd;
}

int connect_to(const char *address, int port)
{
	return connect_with(address, port, 0);
}

bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

int accept_from(int server)
{
	int fd;

	assert_true(is_readable(server, PATIENCE_MS));
	fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

void connect_both(int port, int server, int *ret_client, int *ret_guest)
{
	*ret_client = connect_to("127.0.0.1", port);
	*ret_guest = accept_from(server);
}

void say(int fd, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

void hears(int fd, const char *text)
{
	char buf[64] = "";
	size_t n = strlen(text), got = 0;

	while (got < n) {
		assert_true(is_readable(fd, PATIENCE_MS));
		ssize_t r = recv(fd, buf + got, n - got, 0);
		assert_true(r > 0);
		got += (size_t)r;
	}
	assert_string_equal(buf, text);
}

bool is_at_end(int fd)
{
	char c;

	return is_readable(fd, PATIENCE_MS) && recv(fd, &c, 1, 0) == 0;
}

bool is_cut(int fd)
{
	char c;

	return is_readable(fd, PATIENCE_MS) && recv(fd, &c, 1, 0) < 0 &&
	       errno == ECONNRESET;
}

void cut(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* --- amounts -------------------------------------------------------------- */

/* The byte at a place differs from those a buffer's length away. */
static char byte_at(size_t at, int side)
{
	return (char)(at * 31 + (at >> 12) + (size_t)side);
}

static void send_part(int fd, size_t *at, size_t total, int side)
{
	char buf[65536];
	size_t n = total - *at < sizeof(buf) ? total - *at : sizeof(buf);

	for (size_t i = 0; i < n; i++)
		buf[i] = byte_at(*at + i, side);
	ssize_t r = send(fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_true(r > 0 || errno == EAGAIN);
	*at += r > 0 ? (size_t)r : 0;
	if (*at == total)
		shutdown(fd, SHUT_WR);
}

static bool take_part(int fd, size_t *at, int side)
{
	char buf[65536];
	ssize_t r = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	assert_true(r >= 0 || errno == EAGAIN);
	bool same = true;
	for (ssize_t i = 0; i < r; i++)
		same &= buf[i] == byte_at(*at + (size_t)i, side);
	assert_true(same);
	*at += r > 0 ? (size_t)r : 0;
	return r != 0;
}

void exchange_bytes(const int ends[2], size_t total)
{
	size_t sent[2] = { 0 }, got[2] = { 0 };
	bool open[2] = { true, true };

	while (open[0] || open[1]) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++)
			p[i] = (struct pollfd){
				.fd = open[i] || sent[i] < total ? ends[i] : -1,
				.events = (short)((open[i] ? POLLIN : 0) |
						  (sent[i] < total ? POLLOUT
								   : 0)),
			};
		assert_true(poll(p, 2, PATIENCE_MS) > 0);
		for (int i = 0; i < 2; i++) {
			if (p[i].revents & POLLOUT)
				send_part(ends[i], &sent[i], total, i);
			if (p[i].revents & (POLLIN | POLLHUP) && open[i])
				open[i] = take_part(ends[i], &got[!i], !i);
		}
	}
	assert_int_equal(got[0], total);
	assert_int_equal(got[1], total);
}

static bool is_sent(int fd, int ms)
{
	struct wait w = wait_begin(ms, 10);
	int left = 1;

	while (ioctl(fd, SIOCOUTQ, &left) == 0 && left)
		if (!wait_more(&w))
			return false;
	return true;
}

size_t fill(int fd)
{
	static const char zeros[16384];
	size_t n = 0;

	/* A little at a time, until even that stays where it is. */
	do {
		assert_int_equal(send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL),
				 sizeof(zeros));
		n += sizeof(zeros);
	} while (is_sent(fd, 1000));
	return n;
}

size_t read_until_sent(int fd, int sender)
{
	struct wait w = wait_begin(PATIENCE_MS, 50);
	static char buf[65536];
	size_t n = 0;

	while (!is_sent(sender, 1)) {
		ssize_t r = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (r > 0)
			n += (size_t)r;
		else
			assert_true(wait_more(&w));
	}
	return n;
}

size_t take(int fd)
{
	static char buf[65536];

	assert_true(is_readable(fd, PATIENCE_MS));
	ssize_t r = recv(fd, buf, sizeof(buf), 0);
	assert_true(r >= 0);
	return (size_t)r;
}

size_t drain(int fd)
{
	size_t n = 0, r;

	while ((r = take(fd)))
		n += r;
	return n;
}

void send_all(int fd, const char *bytes, size_t n)
{
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* What the other end of `fd`, of this host too, has and nobody has read:
 * proc(5). A port alone may be that of older connections as well. */
static unsigned unread_of(int fd)
{
	auto_file FILE *f = fopen("/proc/net/tcp", "re");
	unsigned here, there, queue;
	struct sockaddr_in far;
	socklen_t len = sizeof(far);
	char line[256];

	assert_non_null(f);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&far, &len), 0);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*x:%x", &here,
			   &there, &queue) == 3 &&
		    here == ntohs(far.sin_port) && (int)there == port_of(fd))
			return queue;
	return 0;
}

static char state_of(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/stat", pid);
	auto_str text = STR_INIT;

	must(file_read(path, 4096, &text, err));
	return strrchr(text.p, ')')[2];
}

bool holds_up(pid_t relay, int fd)
{
	struct wait w = wait_begin(PATIENCE_MS, 1);

	while (unread_of(fd)) {
		/* Whoever was woken does not sleep, however long it has to
		 * wait for a processor. */
		if (state_of(relay) == 'S' && unread_of(fd))
			return true;
		assert_true(wait_more(&w));
	}
	return false;
}
