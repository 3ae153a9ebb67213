/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "driver/crypto.h"

/* --- how a command ends -------------------------------------------------- */

static void the_exit_status_comes_back(void **state)
{
	struct sshd *d = need_sshd(state);
	static const int status[] = { 0, 1, 2, 124, 255 };

	for (size_t i = 0; i < ARRAY_LEN(status); i++) {
		auto_outcome o;
		char command[32];

		snprintf(command, sizeof(command), "exit %d", status[i]);
		sshd_run(d, command, -1, 0, NULL, &o);
		assert_int_equal(o.r, 0);
		assert_int_equal(o.exit.status, status[i]);
		assert_int_equal(o.exit.signal, 0);
		assert_false(o.exit.timed_out);
	}
}

static void death_by_a_signal_is_128_and_its_number(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run(d, "kill -TERM $$", -1, 0, NULL, &o);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.exit.status, 128 + SIGTERM);
	assert_int_equal(o.exit.signal, SIGTERM);
}

static void a_killed_connection_is_a_failure_of_the_transport(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run(d, "kill -9 $PPID; tail -f /dev/null", -1, 0, NULL, &o);
	assert_int_equal(o.r, -VMCTL_TRANSPORT);
	assert_non_null(strstr(o.error.message, "broke"));
}

static void a_connection_serves_several_commands(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .in = -1, .out = -1, .err = -1 };
	struct ssh_exit exit;

	for (int i = 0; i < 5; i++) {
		what.command = i % 2 ? "exit 7" : "exit 8";
		assert_int_equal(
			d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
		assert_int_equal(exit.status, i % 2 ? 7 : 8);
	}
	d->ops->close(conn);
}

/* The pid that the command wrote must go away. */
static void wait_until_gone(const char *pid_text)
{
	pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
	struct wait w = wait_begin(10000, 100);

	assert_true(pid > 1);
	while (kill(pid, 0) == 0)
		assert_true(wait_more(&w));
}

static void a_timeout_ends_the_command_with_124(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run_timed(d, "echo $$; exec tail -f /dev/null", NULL, 1, &o);
	assert_true(o.exit.timed_out);
	wait_until_gone(str_text(&o.out));
}

/* The command is over and its output is not: which of the two was late? */
static void a_timeout_tells_of_what_holds_the_output(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_exit exit = { 0 };

	for (long ms = 500; !exit.held; ms *= 2) {
		auto_outcome o;

		assert_true(ms < 60000);
		sshd_run(d, "tail -f /dev/null & echo $!; exit 3", -1, ms, NULL,
			 &o);
		assert_int_equal(o.r, 0);
		exit = o.exit;
		/* It has left the command's session behind. */
		if (o.out.len)
			(void)kill((pid_t)strtol(str_text(&o.out), NULL, 10),
				   SIGKILL);
	}
	assert_true(exit.timed_out);
	assert_int_equal(exit.status, SSH_TIMEOUT_STATUS);
	assert_int_equal(exit.own_status, 3);
	auto_outcome late;
	sshd_run_timed(d, "echo $$; exec tail -f /dev/null", NULL, 1, &late);
	assert_false(late.exit.held);
	wait_until_gone(str_text(&late.out));
}

static void a_timeout_also_ends_what_ignores_sigterm(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run(d, "trap '' TERM; exec tail -f /dev/null", -1, 500, NULL, &o);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.exit.status, SSH_TIMEOUT_STATUS);
}

/* Cancels once the command has written its pid. */
static void cancel_when_it_runs(struct counting *c)
{
	struct stat st;

	if (stat(c->data, &st) == 0 && st.st_size > 1)
		c->limit = c->calls;
}

static void cancelling_ends_the_call_soon(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *file = path_join(d->dir, "pid");
	auto_free char *command =
		str_printf("echo $$ >%s; exec tail -f /dev/null", file);
	struct counting c;
	auto_outcome o;

	counting_init(&c, 0);
	c.each = cancel_when_it_runs;
	c.data = file;
	sshd_run(d, command, -1, 0, &c.ev, &o);
	assert_int_equal(o.r, -VMCTL_CANCELLED);
	assert_true(c.calls <= c.limit + 1);
}

/* --- streams ------------------------------------------------------------- */

static void output_and_errors_stay_apart(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run(d, "echo out; echo err >&2; echo out2", -1, 0, NULL, &o);
	assert_string_equal(str_text(&o.out), "out\nout2\n");
	assert_string_equal(str_text(&o.err), "err\n");
}

static void errors_alone_are_relayed_whole(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;

	sshd_run(d, "head -c 3000000 /dev/zero >&2", -1, 0, NULL, &o);
	assert_int_equal(o.exit.status, 0);
	assert_int_equal(o.out.len, 0);
	assert_int_equal(o.err.len, 3000000);
}

static void the_end_of_input_is_passed_on_and_output_goes_on(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_close int in = pipe_of("hello\n", 6);
	auto_outcome o;

	sshd_run(d, "cat; echo done", in, 0, NULL, &o);
	assert_int_equal(o.exit.status, 0);
	assert_string_equal(str_text(&o.out), "hello\ndone\n");
}

static void no_input_is_an_end_of_input(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int in[] = { -1, null, 987 /* not open */ };

	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		auto_outcome o;

		sshd_run(d, "cat; echo end", in[i], 0, NULL, &o);
		assert_int_equal(o.r, 0);
		assert_string_equal(str_text(&o.out), "end\n");
	}
}

static void a_command_that_ends_does_not_wait_for_input(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_outcome o;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	sshd_run(d, "echo hi; exit 3", p[0], 0, NULL, &o);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.exit.status, 3);
	assert_string_equal(str_text(&o.out), "hi\n");
	close(p[0]);
	close(p[1]);
}

static void input_that_nobody_reads_is_no_failure(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_free char *much = calloc(1, 8 << 20);
	auto_close int in = pipe_of(much, 8 << 20);
	auto_outcome o;

	sshd_run(d, "exec <&-; exit 4", in, 0, NULL, &o);
	assert_int_equal(o.r, 0);
	assert_int_equal(o.exit.status, 4);
}

static void a_reader_that_went_away_ends_it_as_sigpipe(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .command = "yes", .in = -1, .err = -1 };
	struct ssh_exit exit = { 0 };
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	what.out = p[1];
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 128 + SIGPIPE);
	close(p[1]);
	d->ops->close(conn);
}

static void output_without_a_descriptor_is_thrown_away(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .command = "head -c 3000000 /dev/zero; exit 6",
				 .in = -1,
				 .out = 987,
				 .err = -1 };
	struct ssh_exit exit = { 0 };

	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 6);
	d->ops->close(conn);
}

static void output_beyond_what_is_wanted_is_thrown_away(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_close int fd = memfd_create("answer", MFD_CLOEXEC);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = {
		.command = "head -c 3000000 /dev/zero; "
			   "head -c 70000 /dev/zero >&2; exit 6",
		.in = -1,
		.out = fd,
		.err = fd,
		.output_max = 100000,
	};
	struct ssh_exit exit = { 0 };
	struct stat st;

	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 6);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 170000);
	d->ops->close(conn);
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct ssh_exec what = {
		.command = "echo x", .in = -1, .out = full, .err = -1
	};
	struct ssh_exit exit = { 0 };

	/* Not a status that the command could have had: 255. */
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err),
			 -VMCTL_TRANSPORT);
	assert_int_equal(d->err.sys_errno, ENOSPC);
	d->ops->close(conn);
}

static void output_to_what_is_closed_is_lost_with_a_warning(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	auto_close int closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ssh_exec what = {
		.command = "echo x; exit 6", .in = -1, .out = closed, .err = -1
	};
	struct ssh_exit exit = { 0 };
	struct counting c;

	counting_init(&c, 0);
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err), 0);
	assert_int_equal(exit.status, 6);
	assert_non_null(strstr(c.last, "standard output is closed"));
	/* What writes nothing loses nothing. */
	*c.last = '\0';
	what.command = "exit 5";
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err), 0);
	assert_int_equal(exit.status, 5);
	assert_string_equal(c.last, "");
	d->ops->close(conn);
}

/* --- arguments ----------------------------------------------------------- */

static void each_argument_arrives_byte_for_byte(void **state)
{
	static const char *const shells[] = { "fish", "tcsh", NULL };
	struct sshd *d = need_sshd(state);
	const char *const argv[] = {
		"printf",	"%s\\0", "",	      "a b", "it's", "line\nbr",
		"\xff\xfe\x01", "\t",	 "$HOME `x`", "\\",  "*",    "~",
		"#x",		"!!",	 "-n",	      "a=b", "''",   "\"q\"",
		"grüß dich",	NULL,
	};
	auto_free char *command = ssh_command(argv, NULL, NULL);
	auto_str want = STR_INIT;

	for (size_t i = 2; argv[i]; i++)
		str_addn(&want, argv[i], strlen(argv[i]) + 1);
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		auto_outcome o;

		sshd_login_shell(d, shells[i]);
		sshd_run(d, command, -1, 0, NULL, &o);
		assert_int_equal(o.exit.status, 0);
		assert_int_equal(o.out.len, want.len);
		assert_memory_equal(o.out.p, want.p, want.len);
	}
	sshd_login_shell(d, NULL);
}

/* --- much ---------------------------------------------------------------- */

/* KIND is set by tests/tap. */
static size_t much(void)
{
	const char *kind = getenv("KIND");

	return (size_t)(kind && str_eq(kind, "valgrind") ? 4 : 100) << 20;
}

/* A file of bytes that do not repeat, and its digest. */
static int big_file(size_t n, char digest[65])
{
	const struct crypto_ops *crypto;
	unsigned char sum[SHA256_SIZE];
	int fd = memfd_create("big", MFD_CLOEXEC);
	uint64_t *p, x = 88172645463325252ULL;

	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	for (size_t i = 0; i < n / 8; i++) { /* xorshift64 */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = x;
	}
	munmap(p, n);
	assert_int_equal(crypto_load(&crypto, NULL), 0);
	assert_int_equal(crypto->sha256_copy(fd, -1, n, "", NULL, sum, NULL),
			 0);
	hex_encode(sum, SHA256_SIZE, digest);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* A pipe whose reader, another process, writes the digest of what came into
 * `answer`. With `go`, a pipe, it begins when the end go[1] is closed. */
static int digest_pipe(int answer, const int *go, pid_t *ret_pid)
{
	const struct crypto_ops *crypto;
	unsigned char sum[SHA256_SIZE];
	char hex[65];
	int p[2];

	assert_int_equal(crypto_load(&crypto, NULL), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	*ret_pid = fork();
	if (*ret_pid > 0) {
		close(p[0]);
		return p[1];
	}
	close(p[1]);
	if (go)
		close(go[1]);
	while (go && read(go[0], hex, 1) < 0)
		;
	if (crypto->sha256_copy(p[0], -1, 0, "", NULL, sum, NULL) < 0)
		_exit(1);
	hex_encode(sum, SHA256_SIZE, hex);
	_exit(fd_write_all(answer, hex, 64, NULL) < 0);
}

static void check_answer(int answer, pid_t pid, const char *digest)
{
	auto_str text = STR_INIT;

	/* Not its status: valgrind gives a child's leaks one of its own. */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	slurp(answer, &text);
	assert_string_equal(str_text(&text), digest);
}

static void much_goes_there_intact(void **state)
{
	struct sshd *d = need_sshd(state);
	char digest[65];
	auto_close int in = big_file(much(), digest);
	auto_outcome o;

	sshd_run(d, "sha256sum", in, 0, NULL, &o);
	assert_int_equal(o.exit.status, 0);
	assert_memory_equal(str_text(&o.out), digest, 64);
}

static void much_goes_both_ways_at_once_intact(void **state)
{
	struct sshd *d = need_sshd(state);
	char digest[65];
	auto_close int in = big_file(much(), digest);
	auto_close int answer = memfd_create("answer", MFD_CLOEXEC);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exit exit = { 0 };
	pid_t pid;
	struct ssh_exec what = { .command = "cat", .in = in, .err = -1 };

	what.out = digest_pipe(answer, NULL, &pid);
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err), 0);
	assert_int_equal(exit.status, 0);
	close(what.out);
	check_answer(answer, pid, digest);
	d->ops->close(conn);
}

static long resident_kb(void)
{
	auto_str text = STR_INIT;
	long pages = 0;

	assert_int_equal(file_read("/proc/self/statm", 4096, &text, NULL), 0);
	assert_int_equal(sscanf(str_text(&text), "%*d %ld", &pages), 1);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct slow {
	long before, during;
	int64_t since, wait_ms;
	int go; /* closing it lets things move */
};

/* Called several times a second, also when nothing moves. */
static void measure_then_go(struct counting *c)
{
	struct slow *s = c->data;

	if (s->since == 0)
		s->since = clock_mono_ms();
	if (s->during == 0 && clock_mono_ms() - s->since > s->wait_ms) {
		s->during = resident_kb();
		close(s->go);
	}
}

static void a_slow_reader_holds_up_the_other_side(void **state)
{
	struct sshd *d = need_sshd(state);
	auto_close int answer = memfd_create("answer", MFD_CLOEXEC);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exit exit = { 0 };
	struct slow slow = { .wait_ms = 1000 };
	struct counting c;
	pid_t pid;
	int go[2];
	struct ssh_exec what = { .command = "head -c 64000000 /dev/zero",
				 .in = -1,
				 .err = -1 };
	auto_free char *want = must_run(
		"sh", "-c", "head -c 64000000 /dev/zero | sha256sum", NULL);

	want[64] = '\0';
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	slow.go = go[1];
	counting_init(&c, 0);
	c.each = measure_then_go;
	c.data = &slow;
	what.out = digest_pipe(answer, go, &pid);
	slow.before = resident_kb();
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err), 0);
	assert_int_equal(exit.status, 0);
	close(what.out);
	close(go[0]);
	assert_true(slow.during > 0);
	assert_true(slow.during - slow.before < 16 * 1024);
	check_answer(answer, pid, want);
	d->ops->close(conn);
}

static long processor_ms(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

struct idle {
	long at_start, used;
	int64_t since;
};

static void measure_idle(struct counting *c)
{
	struct idle *i = c->data;

	if (i->since == 0) {
		i->since = clock_mono_ms();
		i->at_start = processor_ms();
	}
	if (i->used < 0 && clock_mono_ms() - i->since > 1000) {
		i->used = processor_ms() - i->at_start;
		c->limit = c->calls;
	}
}

/* The connectors of libssh spin in these. */
static void an_idle_session_uses_no_processor_time(void **state)
{
	struct sshd *d = need_sshd(state);
	int open[2], ended[2];

	assert_int_equal(pipe2(open, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ended, O_CLOEXEC), 0);
	close(ended[1]);
	const int in[] = { -1, open[0], ended[0] };
	for (size_t k = 0; k < ARRAY_LEN(in); k++) {
		struct idle idle = { .used = -1 };
		struct counting c;
		auto_outcome o;

		counting_init(&c, 0);
		c.each = measure_idle;
		c.data = &idle;
		sshd_run(d, "echo err >&2; exec tail -f /dev/null", in[k], 0,
			 &c.ev, &o);
		assert_int_equal(o.r, -VMCTL_CANCELLED);
		assert_true(idle.used >= 0 && idle.used < 300);
	}
	close(open[0]);
	close(open[1]);
	close(ended[0]);
}

/* --- keep-alive ---------------------------------------------------------- */

static void term_011_silence_is_borne_while_the_server_answers(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	struct ssh_conn *conn;
	struct ssh_exit exit = { .status = -1 };
	struct slow slow = { .wait_ms = 3500 };
	struct counting c;
	int p[2];
	struct ssh_exec what = { .command = "cat", .out = -1, .err = -1 };

	/* A busy server takes its time, too: three of these. */
	target.keepalive_ms = 500;
	assert_int_equal(d->ops->connect(&target, NULL, &conn, &d->err), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	what.in = p[0];
	slow.go = p[1];
	counting_init(&c, 0);
	c.each = measure_then_go;
	c.data = &slow;
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err), 0);
	assert_int_equal(exit.status, 0);
	close(p[0]);
	d->ops->close(conn);
}

static void term_011_a_server_that_stopped_ends_the_session(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *file = path_join(d->dir, "stopped");
	auto_free char *command =
		str_printf("echo $PPID >%s; kill -STOP $PPID", file);
	auto_str text = STR_INIT;
	struct ssh_conn *conn;
	struct ssh_exit exit;
	struct ssh_exec what = {
		.command = command, .in = -1, .out = -1, .err = -1
	};
	pid_t pid;

	target.keepalive_ms = 200;
	assert_int_equal(d->ops->connect(&target, NULL, &conn, &d->err), 0);
	assert_int_equal(d->ops->exec(conn, &what, NULL, &exit, &d->err),
			 -VMCTL_TRANSPORT);
	assert_non_null(strstr(d->err.message, "not answered"));
	d->ops->close(conn);
	assert_int_equal(file_read(file, 64, &text, NULL), 0);
	pid = (pid_t)strtol(str_text(&text), NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_status_comes_back),
		cmocka_unit_test(death_by_a_signal_is_128_and_its_number),
		cmocka_unit_test(
			a_killed_connection_is_a_failure_of_the_transport),
		cmocka_unit_test(a_connection_serves_several_commands),
		cmocka_unit_test(a_timeout_ends_the_command_with_124),
		cmocka_unit_test(a_timeout_tells_of_what_holds_the_output),
		cmocka_unit_test(a_timeout_also_ends_what_ignores_sigterm),
		cmocka_unit_test(cancelling_ends_the_call_soon),
		cmocka_unit_test(output_and_errors_stay_apart),
		cmocka_unit_test(errors_alone_are_relayed_whole),
		cmocka_unit_test(
			the_end_of_input_is_passed_on_and_output_goes_on),
		cmocka_unit_test(no_input_is_an_end_of_input),
		cmocka_unit_test(a_command_that_ends_does_not_wait_for_input),
		cmocka_unit_test(input_that_nobody_reads_is_no_failure),
		cmocka_unit_test(a_reader_that_went_away_ends_it_as_sigpipe),
		cmocka_unit_test(output_without_a_descriptor_is_thrown_away),
		cmocka_unit_test(output_beyond_what_is_wanted_is_thrown_away),
		cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
		cmocka_unit_test(
			output_to_what_is_closed_is_lost_with_a_warning),
		cmocka_unit_test(each_argument_arrives_byte_for_byte),
		cmocka_unit_test(much_goes_there_intact),
		cmocka_unit_test(much_goes_both_ways_at_once_intact),
		cmocka_unit_test(a_slow_reader_holds_up_the_other_side),
		cmocka_unit_test(an_idle_session_uses_no_processor_time),
		cmocka_unit_test(
			term_011_silence_is_borne_while_the_server_answers),
		cmocka_unit_test(
			term_011_a_server_that_stopped_ends_the_session),
	};

	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
