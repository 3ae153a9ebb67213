/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

#define PATIENCE_MS 30000
#define MB (1024 * 1024)

/* --- what is forwarded to ------------------------------------------------ */

/* Sends what it is asked for: "cat" (what comes, and "bye" at its end), "talk"
 * (16 MB, then reads to the end and says how much came), "close" (at once). */
static void answer(int fd)
{
	char buf[16384], word[8] = "";
	unsigned long long got = 0;
	ssize_t n;

	if (recv(fd, word, 4, MSG_WAITALL) != 4)
		return;
	if (str_eq(word, "clos"))
		return;
	memset(buf, 'x', sizeof(buf));
	for (int i = 0; str_eq(word, "talk") && i < 16 * 64; i++)
		if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) < 0)
			return;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		got += (unsigned long long)n;
		if (str_eq(word, "cat ") &&
		    fd_write_all(fd, buf, (size_t)n, NULL) < 0)
			return;
	}
	snprintf(buf, sizeof(buf), "bye %llu", got);
	(void)fd_write_all(fd, buf, strlen(buf), NULL);
}

static int listener(int *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static pid_t start_target(int *ret_port)
{
	int fd = listener(ret_port);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			if (one >= 0 && fork() == 0) {
				answer(one);
				_exit(0);
			}
			close(one);
		}
	}
	close(fd);
	return pid;
}

/* A port that nobody listens on, for a while. */
static int free_port(void)
{
	int port;

	close(listener(&port));
	return port;
}

/* --- the forwarding side, another process -------------------------------- */

struct tunnel {
	pid_t target, pid;
	int target_port, port, dead_port; /* dead: to a target that is none */
	int log;			  /* what was warned of */
};

static void write_log(void *data, enum vmctl_log_level level, const char *text)
{
	if (level == VMCTL_LOG_WARN)
		dprintf(*(int *)data, "%s\n", text);
}

static void be_tunnel(struct sshd *d, struct tunnel *t, struct ssh_forwards *f,
		      const char *command)
{
	const struct events ev = { .log = write_log, .data = &t->log };
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = {
		.command = command,
		.no_command = !command,
		.in = -1,
		.out = -1,
		.err = -1,
		.forwards = f->items,
		.forward_count = f->count,
	};
	struct ssh_exit exit = { 0 };
	int r = d->ops->exec(conn, &what, &ev, &exit, &d->err);

	_exit(r < 0 ? 200 - r : exit.status);
}

static void tunnel_open(struct sshd *d, struct tunnel *t, const char *command)
{
	struct ssh_forwards f;
	int nobody = free_port();

	*t = (struct tunnel){ .log = memfd_create("log", MFD_CLOEXEC) };
	t->target = start_target(&t->target_port);
	do {
		t->port = free_port();
		t->dead_port = free_port();
		auto_free char *one =
			str_printf("%d:localhost:%d", t->port, t->target_port);
		auto_free char *two =
			str_printf("%d:127.0.0.1:%d", t->dead_port, nobody);
		const char *const specs[] = { one, two, NULL };

		if (ssh_forwards_open(specs, &f, &d->err) == 0)
			break;
	} while (d->err.code == VMCTL_EXISTS);
	t->pid = fork();
	if (t->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_tunnel(d, t, &f, command);
	}
	ssh_forwards_close(&f);
}

/* Its wait status. */
static int tunnel_wait(struct tunnel *t)
{
	struct wait w = wait_begin(PATIENCE_MS, 50);
	int status;

	while (waitpid(t->pid, &status, WNOHANG) == 0)
		assert_true(wait_more(&w));
	t->pid = 0;
	return status;
}

static void tunnel_close(struct tunnel *t)
{
	if (t->pid) {
		assert_int_equal(waitpid(t->pid, NULL, WNOHANG), 0);
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	kill(t->target, SIGKILL);
	waitpid(t->target, NULL, 0);
	close(t->log);
}

static bool warned(const struct tunnel *t, const char *text)
{
	auto_str all = STR_INIT;

	slurp(t->log, &all);
	return strstr(str_text(&all), text);
}

static int dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

/* Exactly this comes next. */
static void expect(int fd, const char *text)
{
	char got[64] = "";

	assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL),
			 (ssize_t)strlen(text));
	assert_string_equal(got, text);
}

static void expect_end(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
}

/* --- tests --------------------------------------------------------------- */

static void a_connection_is_relayed_and_its_halves_end_apart(void **state)
{
	struct tunnel t;
	int fd;

	tunnel_open(need_sshd(state), &t, NULL);
	fd = dial(t.port);
	put(fd, "cat one");
	expect(fd, "one");
	put(fd, "two");
	expect(fd, "two");
	shutdown(fd, SHUT_WR);
	expect(fd, "bye 6"); /* after the end of this half */
	expect_end(fd);
	/* The other half ends first. */
	fd = dial(t.port);
	put(fd, "clos");
	expect_end(fd);
	tunnel_close(&t);
}

static void what_cannot_be_reached_closes_only_its_connection(void **state)
{
	struct tunnel t;
	int good, bad;

	tunnel_open(need_sshd(state), &t, NULL);
	good = dial(t.port);
	put(good, "cat x");
	expect(good, "x");
	for (int i = 0; i < 3; i++) {
		bad = dial(t.dead_port);
		expect_end(bad);
	}
	assert_true(warned(&t, "cannot go on to 127.0.0.1 port"));
	assert_true(warned(&t, "onnection refused"));
	put(good, "y");
	expect(good, "y");
	close(good);
	tunnel_close(&t);
}

static void a_hundred_at_once(void **state)
{
	struct tunnel t;
	int fd[100];

	tunnel_open(need_sshd(state), &t, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = dial(t.port);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		char text[16];

		snprintf(text, sizeof(text), "cat %03zu", i);
		put(fd[i], text);
	}
	for (size_t i = ARRAY_LEN(fd); i-- > 0;) {
		char text[16];

		snprintf(text, sizeof(text), "%03zu", i);
		expect(fd[i], text);
	}
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		if (i % 3 == 0) { /* some just go */
			close(fd[i]);
			continue;
		}
		shutdown(fd[i], SHUT_WR);
		expect(fd[i], "bye 3");
		expect_end(fd[i]);
	}
	fd[0] = dial(t.port);
	put(fd[0], "cat z");
	expect(fd[0], "z");
	close(fd[0]);
	tunnel_close(&t);
}

/* Reads to the end; how many bytes. */
static unsigned long long drain(int fd)
{
	unsigned long long sum = 0;
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		sum += (unsigned long long)n;
	assert_int_equal(n, 0);
	close(fd);
	return sum;
}

static long resident_kb(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/statm", pid);
	auto_str text = STR_INIT;
	long pages = 0;

	assert_int_equal(file_read(path, 4096, &text, NULL), 0);
	assert_int_equal(sscanf(str_text(&text), "%*d %ld", &pages), 1);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ASan and valgrind do. */
static bool keeps_what_was_freed(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
#endif
}

static void one_that_does_not_read_holds_up_no_other(void **state)
{
	struct tunnel t;
	long before;
	int slow[4], quick;

	tunnel_open(need_sshd(state), &t, NULL);
	quick = dial(t.port);
	put(quick, "cat a");
	expect(quick, "a");
	before = resident_kb(t.pid);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		slow[i] = dial(t.port);
		put(slow[i], "talk");
	}
	/* Another's 16 MB come through, and small things too, while nobody
	 * reads those; and they are not kept in memory meanwhile. */
	for (int i = 0; i < 2; i++) {
		int other = dial(t.port);

		put(other, "talk");
		shutdown(other, SHUT_WR);
		assert_int_equal(drain(other), 16 * MB + strlen("bye 0"));
		put(quick, "b");
		expect(quick, "b");
	}
	if (!keeps_what_was_freed())
		assert_true(resident_kb(t.pid) - before < 24 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		shutdown(slow[i], SHUT_WR);
		assert_int_equal(drain(slow[i]), 16 * MB + strlen("bye 0"));
	}
	close(quick);
	tunnel_close(&t);
}

/* Bytes that do not repeat. */
static void fill(unsigned char *p, size_t n)
{
	uint64_t x = 88172645463325252ULL;

	for (size_t i = 0; i < n; i++) { /* xorshift64 */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (unsigned char)x;
	}
}

static void much_goes_both_ways_at_once_intact(void **state)
{
	const char *kind = getenv("KIND");
	size_t n = (kind && str_eq(kind, "valgrind") ? 2 : 64) * MB, at = 0;
	auto_free unsigned char *sent = malloc(n);
	struct tunnel t;
	pid_t writer;
	char buf[65536];
	ssize_t got;
	int fd;

	fill(sent, n);
	tunnel_open(need_sshd(state), &t, NULL);
	fd = dial(t.port);
	put(fd, "cat ");
	writer = fork();
	if (writer == 0) {
		int r = fd_write_all(fd, sent, n, NULL);

		shutdown(fd, SHUT_WR);
		_exit(r < 0);
	}
	while (at < n &&
	       (got = recv(fd, buf, n - at < sizeof(buf) ? n - at : sizeof(buf),
			   0)) > 0) {
		assert_memory_equal(buf, sent + at, (size_t)got);
		at += (size_t)got;
	}
	assert_int_equal(at, n);
	expect(fd, "bye ");
	drain(fd);
	waitpid(writer, NULL, 0);
	tunnel_close(&t);
}

static long processor_ms(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/stat", pid);
	auto_str text = STR_INIT;
	long user = 0, system = 0;

	assert_int_equal(file_read(path, 4096, &text, NULL), 0);
	assert_int_equal(sscanf(strrchr(str_text(&text), ')'),
				") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
				"%*u %ld %ld",
				&user, &system),
			 2);
	return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* Until the windows are full. */
static void until_quiet(pid_t pid)
{
	long last, now = -1;

	do {
		struct wait w = wait_begin(500, 500);

		last = now;
		while (wait_more(&w))
			;
		now = processor_ms(pid);
	} while (now != last);
}

static void connections_that_stand_still_use_no_processor_time(void **state)
{
	struct wait w = wait_begin(1000, 200);
	struct tunnel t;
	long before;
	int idle, half, slow;

	tunnel_open(need_sshd(state), &t, NULL);
	idle = dial(t.port);
	put(idle, "cat a");
	expect(idle, "a");
	half = dial(t.port); /* the target waits for a word */
	shutdown(half, SHUT_WR);
	expect_end(half);
	slow = dial(t.port); /* nobody reads what comes */
	put(slow, "talk");
	expect(slow, "xxxx");
	until_quiet(t.pid);
	before = processor_ms(t.pid);
	while (wait_more(&w))
		;
	assert_true(processor_ms(t.pid) - before < 200);
	close(idle);
	close(slow);
	tunnel_close(&t);
}

/* A command that begins with waiting for somebody to let it go on. */
static char *gated(struct sshd *d, const char *command, char **ret_gate)
{
	*ret_gate = path_join(d->dir, "gate");
	(void)unlink(*ret_gate);
	assert_int_equal(mkfifo(*ret_gate, 0600), 0);
	return str_printf("read x <%s; %s", *ret_gate, command);
}

static void let_go_on(const char *gate)
{
	int fd = open(gate, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
}

static void it_ends_with_the_connection(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *gate = NULL;
	/* The command's parent is the server of the connection. */
	auto_free char *command = gated(d, "kill -9 $PPID", &gate);
	struct tunnel t;
	int fd, status;

	tunnel_open(d, &t, command);
	fd = dial(t.port);
	put(fd, "cat a");
	expect(fd, "a");
	let_go_on(gate);
	expect_end(fd);
	status = tunnel_wait(&t);
	assert_int_equal(WEXITSTATUS(status), 200 + VMCTL_TRANSPORT);
	tunnel_close(&t);
}

static void what_is_open_is_waited_for_and_nothing_new_is_taken(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *gate = NULL;
	auto_free char *command = gated(d, "exit 7", &gate);
	struct wait w = wait_begin(PATIENCE_MS, 50);
	struct tunnel t;
	int fd, late, status;

	tunnel_open(d, &t, command);
	fd = dial(t.port);
	put(fd, "cat a");
	expect(fd, "a");
	let_go_on(gate);
	while (!warned(&t, "waiting for 1 forwarded connection to end"))
		assert_true(wait_more(&w));
	late = dial(t.port); /* nobody takes it */
	put(fd, "b");
	expect(fd, "b");
	close(fd);
	status = tunnel_wait(&t);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	close(late);
	tunnel_close(&t);
}

static void without_a_command_it_lasts_until_cancelled(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = {
		.no_command = true, .in = -1, .out = -1, .err = -1
	};
	struct ssh_exit exit;
	struct counting c;

	counting_init(&c, 5);
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err),
			 -VMCTL_CANCELLED);
	/* And the connection is still good. */
	what = (struct ssh_exec){
		.command = "exit 3", .in = -1, .out = -1, .err = -1
	};
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 3);
	d->ops->close(conn);
}

/* --- forms --------------------------------------------------------------- */

static void forms(void **state)
{
	static const char *const good[] = {
		"1:h:1",
		"65535:a.b:65535",
		"127.0.0.1:8080:h:80",
		"[::1]:8080:h:80",
		":8080:h:80",
		"*:8080:[fe80::1]:80",
		"8080:[2001:db8::1]:80",
	};
	static const char *const bad[] = {
		"",
		"8080",
		"8080:80",
		"0:h:80",
		"65536:h:80",
		"8080:h:0",
		"x:h:80",
		"8080::80",
		"8080:h:",
		"-1:h:80",
		"8080:h:80x",
		"8080:h:80:",
		"a:b:c:d:e",
		"::1:80:h:1",
		"[::1:80:h:1",
		"[::1]x:80:h:1",
		"8080:h: 80",
		"99999999999999999999:h:1",
	};
	struct vmctl_error err;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const char *const specs[] = { good[i], NULL };

		if (ssh_forwards_check(specs, &err) < 0)
			print_error("%s: %s\n", good[i], err.message);
		assert_int_equal(ssh_forwards_check(specs, &err), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *const specs[] = { good[0], bad[i], NULL };

		if (ssh_forwards_check(specs, &err) == 0)
			print_error("%s\n", bad[i]);
		assert_int_equal(ssh_forwards_check(specs, &err),
				 -VMCTL_INVALID);
		assert_non_null(strstr(err.hint, "PORT:HOST:HOSTPORT"));
	}
}

static void a_port_that_is_taken_is_refused_and_nothing_is_kept(void **state)
{
	int taken, other = free_port();
	int fd = listener(&taken);
	auto_free char *one = str_printf("%d:h:1", other);
	auto_free char *two = str_printf("%d:h:1", taken);
	const char *const specs[] = { one, two, NULL };
	struct ssh_forwards f;
	struct vmctl_error err;

	assert_int_equal(ssh_forwards_open(specs, &f, &err), -VMCTL_EXISTS);
	assert_non_null(strstr(err.message, "in use"));
	close(fd);
	assert_int_equal(ssh_forwards_open(specs, &f, &err), 0);
	assert_true(f.count == 2 || f.count == 4); /* with IPv6 or without */
	ssh_forwards_close(&f);
}

static void where_it_listens(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t address;
	} cases[] = {
		{ "", INADDR_LOOPBACK },
		{ "127.0.0.2:", 0x7f000002 },
		{ ":", INADDR_ANY },
		{ "*:", INADDR_ANY },
	};
	struct vmctl_error err;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *spec =
			str_printf("%s%d:h:1", cases[i].prefix, free_port());
		const char *const specs[] = { spec, NULL };
		struct ssh_forwards f;
		bool found = false;

		assert_int_equal(ssh_forwards_open(specs, &f, &err), 0);
		for (size_t k = 0; k < f.count; k++) {
			struct sockaddr_in a;
			socklen_t n = sizeof(a);

			assert_int_equal(getsockname(f.items[k].listener,
						     (struct sockaddr *)&a, &n),
					 0);
			if (a.sin_family == AF_INET)
				found = ntohl(a.sin_addr.s_addr) ==
					cases[i].address;
		}
		assert_true(found);
		ssh_forwards_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_connection_is_relayed_and_its_halves_end_apart),
		cmocka_unit_test(
			what_cannot_be_reached_closes_only_its_connection),
		cmocka_unit_test(a_hundred_at_once),
		cmocka_unit_test(one_that_does_not_read_holds_up_no_other),
		cmocka_unit_test(much_goes_both_ways_at_once_intact),
		cmocka_unit_test(
			connections_that_stand_still_use_no_processor_time),
		cmocka_unit_test(it_ends_with_the_connection),
		cmocka_unit_test(
			what_is_open_is_waited_for_and_nothing_new_is_taken),
		cmocka_unit_test(without_a_command_it_lasts_until_cancelled),
		cmocka_unit_test(forms),
		cmocka_unit_test(
			a_port_that_is_taken_is_refused_and_nothing_is_kept),
		cmocka_unit_test(where_it_listens),
	};

	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
