/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-help.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SH(script) ARGV("sh", "-c", script)

static int pipe_with(const void *bytes, size_t n)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	if (fork() == 0) {
		close(p[0]);
		signal(SIGPIPE, SIG_IGN);
		_exit(fd_write_all(p[1], bytes, n, NULL) < 0);
	}
	close(p[1]);
	return p[0];
}

/* --- a command
 * ---------------------------------------------------------------- */

static void how_it_ended_comes_back(void **state)
{
	static const int statuses[] = { 0, 1, 2, 124, 255 };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		auto_ran ran;
		auto_free char *script = str_printf("exit %d", statuses[i]);

		agent_run(*state, (struct agent_exec){ .argv = SH(script) },
			  NULL, &ran);
		assert_int_equal(ran.r, 0);
		assert_int_equal(ran.exit.status, statuses[i]);
		assert_int_equal(ran.exit.signal, 0);
	}
	auto_ran ran;
	agent_run(*state, (struct agent_exec){ .argv = SH("kill -9 $$") }, NULL,
		  &ran);
	assert_int_equal(ran.exit.status, 128 + 9);
	assert_int_equal(ran.exit.signal, 9);
	assert_false(ran.exit.timed_out);
}

static void what_is_no_program_ends_as_in_a_shell(void **state)
{
	static const struct {
		const char *word;
		int status;
	} cases[] = {
		{ "no-such-program", 127 }, { "/no/such/file", 127 },
		{ "/etc/passwd", 126 },	    { "", 127 },
		{ "command", 0 }, /* built in */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_ran ran;

		agent_run(*state,
			  (struct agent_exec){ .argv = ARGV(cases[i].word) },
			  NULL, &ran);
		assert_int_equal(ran.r, 0);
		/* dash cannot execute "", and says so. */
		if (*cases[i].word || ran.exit.status != 126)
			assert_int_equal(ran.exit.status, cases[i].status);
	}
}

static void arguments_arrive_byte_for_byte(void **state)
{
	const char *const argv[] = {
		"printf", "[%s]",	    "",		" a  b ",
		"x\ny\n", "'\"$HOME`id`\\", "\xff\xfe", "caf\xc3\xa9",
		"-n",	  "v" AGENT_MARK,   NULL
	};
	auto_str want = STR_INIT;
	auto_ran ran;

	for (size_t i = 2; argv[i]; i++)
		str_addf(&want, "[%s]", argv[i]);
	agent_run(*state, (struct agent_exec){ .argv = argv }, NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_int_equal(ran.out.len, want.len);
	assert_memory_equal(ran.out.p, want.p, want.len);
}

static void a_long_argument_arrives(void **state)
{
	auto_free char *big = calloc(1, 120001);
	auto_ran ran;

	memset(big, 'x', 120000);
	agent_run(
		*state,
		(struct agent_exec){
			.argv = ARGV("sh", "-c", "printf %s \"$1$2$3\" | wc -c",
				     "sh", big, big, big) },
		NULL, &ran);
	assert_string_equal(str_text(&ran.out), "360000\n");
}

static void it_runs_as_at_a_login(void **state)
{
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("pwd; echo $A; echo $HOME; echo $TERM; "
				     "readlink /proc/self/fd/0; umask; "
				     "ls /proc/self/fd | wc -l"),
			  .env = ARGV("A=b c", "HOME=/x"),
			  .cwd = "/usr" },
		  NULL, &ran);
	/* Nothing but the three, and that which lists them. */
	assert_string_equal(str_text(&ran.out),
			    "/usr\nb c\n/x\n\n/dev/null\n0022\n4\n");
	assert_string_equal(str_text(&ran.err), "");
}

static void a_folder_that_is_not_there_is_said(void **state)
{
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){ .argv = ARGV("true"), .cwd = "/no" },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 126);
	assert_non_null(strstr(str_text(&ran.err), "/no"));
}

static void an_unknown_user_is_for_another_way(void **state)
{
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){ .argv = ARGV("true"),
				       .user = "nobody-is" },
		  NULL, &ran);
	assert_int_equal(ran.r, -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(ran.error.message, "nobody-is"));
}

/* The other way has to find the input whole. */
static void one_that_does_not_begin_reads_nothing(void **state)
{
	static const char bytes[] = "for the next one";
	char got[64];

	for (int i = 0; i < 20; i++) {
		auto_close int in = pipe_with(bytes, sizeof(bytes));
		auto_ran ran;
		struct pollfd p = { .fd = in, .events = POLLIN };

		assert_int_equal(poll(&p, 1, 20000), 1);
		agent_run(*state,
			  (struct agent_exec){ .argv = ARGV("cat"),
					       .user = "nobody-is",
					       .in = in },
			  NULL, &ran);
		assert_int_equal(ran.r, -VMCTL_UNSUPPORTED);
		assert_int_equal(read(in, got, sizeof(got)), sizeof(bytes));
		assert_memory_equal(got, bytes, sizeof(bytes));
	}
}

/* --- streams
 * ---------------------------------------------------------------------- */

static void the_streams_stay_apart(void **state)
{
	auto_ran ran;

	agent_run(
		*state,
		(struct agent_exec){
			.argv = SH("for i in 1 2 3; do echo o$i; echo e$i >&2;"
				   " done") },
		NULL, &ran);
	assert_string_equal(str_text(&ran.out), "o1\no2\no3\n");
	assert_string_equal(str_text(&ran.err), "e1\ne2\ne3\n");
	assert_int_equal(ran.exit.bytes_out, 9);
	assert_int_equal(ran.exit.bytes_err, 9);
}

#define MANY (5 * AGENT_WINDOW + 12345)

/* Also the mark, and whatever else is bytes. */
static void input_goes_through_unchanged(void **state)
{
	auto_free char *bytes = malloc(MANY);
	auto_ran ran;

	for (size_t i = 0; i < MANY; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < 1000; i++)
		memcpy(bytes + i * (MANY / 1000), AGENT_MARK, AGENT_MARK_SIZE);
	/* At the place where one frame ends. */
	for (size_t i = 1; i < 20; i++)
		memcpy(bytes + i * AGENT_PAYLOAD_MAX - i, AGENT_MARK,
		       AGENT_MARK_SIZE);
	auto_close int in = pipe_with(bytes, MANY);
	agent_run(*state, (struct agent_exec){ .argv = ARGV("cat"), .in = in },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_int_equal(ran.exit.bytes_in, MANY);
	assert_int_equal(ran.out.len, MANY);
	assert_memory_equal(ran.out.p, bytes, MANY);
}

static void nothing_of_much_output_is_lost(void **state)
{
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("head -c 20000000 /dev/zero & "
				     "head -c 9000000 /dev/zero >&2; wait") },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_int_equal(ran.out.len, 20000000);
	assert_int_equal(ran.err.len, 9000000);
}

static void output_that_nobody_wants_is_thrown_away(void **state)
{
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("head -c 3000000 /dev/zero; echo x >&2"),
			  .out = -1 },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_string_equal(str_text(&ran.err), "x\n");
}

static void a_reader_that_goes_ends_it(void **state)
{
	int p[2];
	auto_ran ran;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	agent_run(*state,
		  (struct agent_exec){ .argv = SH("while :; do echo "
						  "gone-4711; done"),
				       .out = p[1] },
		  NULL, &ran);
	close(p[1]);
	assert_int_equal(ran.r, 0);
	assert_int_equal(ran.exit.status, 128 + SIGPIPE);
	eventually(!runs("gone-4711"));
}

static void a_command_that_does_not_read_ends(void **state)
{
	auto_free char *bytes = calloc(1, MANY);
	auto_close int in = pipe_with(bytes, MANY);
	auto_ran ran;

	agent_run(*state,
		  (struct agent_exec){ .argv = SH("exec <&-; echo ok"),
				       .in = in },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_string_equal(str_text(&ran.out), "ok\n");
}

/* As by ssh: what it left behind may still have something to say. */
static void what_it_left_behind_is_heard_and_lives(void **state)
{
	auto_ran ran, unused;

	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("(head -c 90000000 /dev/zero >/dev/null; "
				     "echo late) & setsid tail -f -s 30.4712 "
				     "/dev/null >/dev/null 2>&1 & echo soon") },
		  NULL, &ran);
	assert_int_equal(ran.exit.status, 0);
	assert_string_equal(str_text(&ran.out), "soon\nlate\n");
	/* It has no arguments for an instant while it becomes another. */
	eventually(runs("30.4712"));
	agent_run(*state,
		  (struct agent_exec){
			  .argv = SH("pkill -f 'tail -f -s 30[.]4712'") },
		  NULL, &unused);
}

/* --- time, and the other end
 * ----------------------------------------------------------- */

#define TREE                                                                   \
	"setsid tail -f -s 60.4713 /dev/null & (setsid sh -c 'trap \"\" "      \
	"TERM; "                                                               \
	"while :; do tail -f -s 60.4713 /dev/null; done' &); tail -f -s "      \
	"60.4713 /dev/null"

static void a_timeout_ends_all_of_it(void **state)
{
	auto_ran ran;
	int64_t begun = clock_mono_ms();

	agent_run(*state,
		  (struct agent_exec){ .argv = SH(TREE), .timeout_ms = 200 },
		  NULL, &ran);
	assert_int_equal(ran.r, 0);
	assert_true(ran.exit.timed_out);
	assert_int_equal(ran.exit.status, 124);
	assert_true(clock_mono_ms() - begun >= 200);
	eventually(!runs("60.4713"));
}

static bool once_it_runs(void *data)
{
	return runs(data);
}

static void cancelling_ends_all_of_it(void **state)
{
	const struct events ev = { .cancelled = once_it_runs,
				   .data = (void *)"60.4713" };
	auto_ran ran;

	agent_run(*state, (struct agent_exec){ .argv = SH(TREE) }, &ev, &ran);
	assert_int_equal(ran.r, -VMCTL_CANCELLED);
	eventually(!runs("60.4713"));
}

static void a_host_that_is_killed_leaves_nothing(void **state)
{
	struct agent *a = *state;
	pid_t pid = fork();

	if (pid == 0) {
		auto_ran ran;

		agent_run(a, (struct agent_exec){ .argv = SH(TREE) }, NULL,
			  &ran);
		_exit(0);
	}
	eventually(runs("60.4713"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	eventually(!runs("60.4713"));
}

/* --- several at once, on the bare frames
 * -------------------------------------------------- */

static void put_command(struct agent_conn *c, const struct agent *a,
			uint32_t id, const char *const *argv)
{
	struct agent_exec what = {
		.argv = argv, .user = a->user, .in = 0, .out = 1, .err = 2
	};
	auto_str request = STR_INIT;

	must(agent_request(&what, &request, err));
	must(agent_wire_put_request(c, id, request.p, request.len, err));
	agent_wire_write(c);
	assert_int_equal(agent_wire_pending(c), 0);
}

/* The next frame, or one of no type when none comes for `ms`. */
static struct agent_frame next(struct agent_conn *c, int ms)
{
	struct agent_frame f = { 0 };
	int64_t until = clock_mono_ms() + ms;

	for (;;) {
		struct pollfd p = { c->fd, POLLIN, 0 };
		int r = agent_wire_next(c, &f, NULL);

		assert_true(r >= 0);
		if (r > 0)
			return f;
		if (c->ended || clock_mono_ms() > until)
			return (struct agent_frame){ 0 };
		if (poll(&p, 1, 20) > 0)
			agent_wire_read(c);
	}
}

static void one_that_is_not_read_does_not_hold_up_others(void **state)
{
	auto_close int fd = -1;
	struct agent_conn *c = agent_session(*state, &fd);
	struct agent_frame f;
	unsigned char credit[5] = { AGENT_S_OUT, 0, 0, 4, 0 };
	size_t first = 0;
	bool done = false;

	put_command(c, *state, 1, SH("yes flood-4714"));
	while (first < AGENT_WINDOW) {
		f = next(c, 20000);
		assert_true(f.type == AGENT_OUT || f.type == AGENT_STARTED);
		first += f.type == AGENT_OUT ? f.n : 0;
	}
	/* No credit was given: not a byte more, while another runs and ends. */
	put_command(c, *state, 2, SH("echo second; cat"));
	must(agent_wire_put(c, AGENT_STDIN, 2, "in", 2, err));
	must(agent_wire_put(c, AGENT_STDIN_EOF, 2, "", 0, err));
	agent_wire_write(c);
	while (!done) {
		f = next(c, 20000);
		assert_int_equal(f.id, 2);
		done = f.type == AGENT_EXIT;
	}
	assert_int_equal(first, AGENT_WINDOW);
	/* With credit comes what is in its pipe, and then its end. */
	must(agent_wire_put(c, AGENT_SIGNAL, 1, "\x0f", 1, err));
	must(agent_wire_put(c, AGENT_CREDIT, 1, credit, 5, err));
	agent_wire_write(c);
	for (f.type = 0; f.type != AGENT_EXIT;) {
		f = next(c, 20000);
		assert_true(f.type);
		assert_int_equal(f.id, 1);
		if (f.type != AGENT_OUT)
			continue;
		agent_put32(credit + 1, f.n);
		must(agent_wire_put(c, AGENT_CREDIT, 1, credit, 5, err));
		agent_wire_write(c);
	}
	assert_int_equal(f.p[1], SIGTERM);
	agent_close(c);
}

static void sixty_four_run_at_once_and_no_more(void **state)
{
	auto_close int fd = -1;
	struct agent_conn *c = agent_session(*state, &fd);
	int failed = 0, ended = 0;

	for (uint32_t i = 1; i <= AGENT_COMMANDS_MAX + 1; i++)
		put_command(c, *state, i, ARGV("cat"));
	while (!failed) {
		struct agent_frame f = next(c, 20000);

		assert_true(f.type);
		failed = f.type == AGENT_FAILED ? f.p[0] : 0;
		if (failed)
			assert_int_equal(f.id, AGENT_COMMANDS_MAX + 1);
	}
	assert_int_equal(failed, AGENT_F_LIMIT);
	for (uint32_t i = 1; i <= AGENT_COMMANDS_MAX; i++)
		must(agent_wire_put(c, AGENT_STDIN_EOF, i, "", 0, err));
	agent_wire_write(c);
	while (ended < AGENT_COMMANDS_MAX) {
		struct agent_frame f = next(c, 20000);

		assert_true(f.type);
		ended += f.type == AGENT_EXIT;
	}
	agent_close(c);
}

/* --- a host that breaks off, or is hostile
 * -------------------------------------------------- */

/* Where one host ends inside of a frame the next one's is not the rest of it.
 */
static void half_a_frame_does_not_spoil_the_next_session(void **state)
{
	auto_close int fd = -1;
	struct agent_conn *c = agent_session(*state, &fd), *again = NULL;
	uint32_t generation = agent_info(c)->generation;
	unsigned char half[AGENT_HEADER + 100] = { 0 };
	struct agent_exec what = { .argv = ARGV("sh", "-c", "exit 5"),
				   .user = ((struct agent *)*state)->user,
				   .in = -1,
				   .out = -1,
				   .err = -1 };
	struct agent_exit exit;

	put_command(c, *state, 1,
		    ARGV("tail", "-f", "-s", "60.4715", "/dev/null"));
	eventually(runs("60.4715"));
	agent_put_header(half, 30000, AGENT_STDIN, 1);
	assert_int_equal(send(fd, half, sizeof(half), 0), sizeof(half));
	/* The same stream goes on, as a port does whose host was replaced
	 * before anybody looked. */
	must(agent_connect(fd, 20000, NULL, &again, err));
	assert_int_equal(agent_info(again)->generation, generation + 1);
	must(agent_exec(again, &what, NULL, &exit, err));
	assert_int_equal(exit.status, 5);
	eventually(!runs("60.4715"));
	agent_close(again);
	agent_close(c);
}

static void wrong_frames_end_the_session_and_what_runs(void **state)
{
	static const struct {
		uint32_t n;
		int type;
		uint32_t id;
	} wrong[] = {
		{ 0xffffffff, AGENT_STDIN, 1 },
		{ AGENT_PAYLOAD_MAX + 1, AGENT_STDIN, 1 },
		{ 0, 99, 0 },
		{ 0, 0, 0 },
		{ 0, AGENT_OUT, 1 },
		{ 0, AGENT_HELLO, 0 },
		{ 4, AGENT_CREDIT, 1 },
		{ 5, AGENT_CREDIT, 1 }, /* of 0 bytes for the input */
		{ 0, AGENT_EXEC, 2 },
		{ 1, AGENT_EXEC, 0 },
		{ 1, AGENT_SIGNAL, 1 }, /* number 0 */
		{ 65, AGENT_PING, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_close int fd = -1;
		struct agent_conn *c = agent_session(*state, &fd);
		unsigned char bytes[AGENT_HEADER + 100] = { 0 };
		struct agent_frame f;

		put_command(c, *state, 1,
			    ARGV("tail", "-f", "-s", "60.4716", "/dev/null"));
		f = next(c, 20000);
		assert_int_equal(f.type, AGENT_STARTED);
		agent_put_header(bytes, wrong[i].n, wrong[i].type, wrong[i].id);
		send(fd, bytes,
		     AGENT_HEADER + (wrong[i].n < 100 ? wrong[i].n : 100), 0);
		f = next(c, 20000);
		assert_int_equal(f.type, AGENT_FAILED);
		assert_int_equal(f.id, 0);
		assert_int_equal(f.p[0], AGENT_F_SESSION);
		agent_close(c);
	}
	eventually(!runs("60.4716"));
}

static void requests_that_are_none_run_nothing(void **state)
{
	/* Flags, time; user "u", folder "", and then … */
	static const char begin[] = "\0\0\0\0\0\1\0\0\0u\0\0\0\0";
	static const struct {
		const char *bytes;
		size_t n;
	} rests[] = {
		{ "", 0 },
		{ "\0\0\0\0\0\0\0\0", 8 },		      /* no argument */
		{ "\xff\xff\xff\xff", 4 },		      /* very many */
		{ "\1\0\0\0\xff\xff\xff\x7f", 8 },	      /* a long one */
		{ "\1\0\0\0\2\0\0\0a", 9 },		      /* cut */
		{ "\1\0\0\0\2\0\0\0a\0\0\0\0\0", 14 },	      /* with NUL */
		{ "\1\0\0\0\1\0\0\0a\1\0\0\0\1\0\0\0b", 18 }, /* no = */
		{ "\1\0\0\0\1\0\0\0a\0\0\0\0x", 14 },	      /* more */
	};

	for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
		auto_close int fd = -1;
		struct agent_conn *c = agent_session(*state, &fd);
		auto_str request = STR_INIT;
		struct agent_frame f;

		str_addn(&request, begin, sizeof(begin) - 1);
		str_addn(&request, rests[i].bytes, rests[i].n);
		must(agent_wire_put_request(c, 7, request.p, request.len, err));
		agent_wire_write(c);
		f = next(c, 20000);
		assert_int_equal(f.type, AGENT_FAILED);
		assert_int_equal(f.id, 7);
		assert_int_equal(f.p[0], AGENT_F_REQUEST);
		agent_close(c);
	}
}

static unsigned seed = 1;

static unsigned dice(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* Bytes that resemble what a host sends. That it lives, and runs nothing that
 * it should not, is seen at the end. */
static void noise_does_not_kill_it(void **state)
{
	for (int round = 0; round < 300; round++) {
		auto_close int fd = agent_dial(*state);
		unsigned char bytes[2000] = { 0 };
		size_t n = 0;

		memcpy(bytes, AGENT_MARK, AGENT_MARK_SIZE);
		n = AGENT_MARK_SIZE;
		agent_put_header(bytes + n, 17, AGENT_HELLO, 0);
		bytes[n + AGENT_HEADER] = AGENT_PROTOCOL;
		n += AGENT_HEADER + 17;
		while (n < 1500) {
			size_t len = dice(60);

			agent_put_header(bytes + n, len, 1 + (int)dice(9),
					 dice(3));
			for (size_t i = 0; i < len; i++)
				bytes[n + AGENT_HEADER + i] =
					(unsigned char)dice(dice(2) ? 4 : 256);
			n += AGENT_HEADER + len;
		}
		for (unsigned i = dice(6); i > 0; i--)
			bytes[dice((unsigned)n)] = (unsigned char)dice(256);
		send(fd, bytes, n, MSG_NOSIGNAL);
	}
	auto_ran ran;
	agent_run(*state, (struct agent_exec){ .argv = ARGV("true") }, NULL,
		  &ran);
	assert_int_equal(ran.exit.status, 0);
}

/* --- a guest that is hostile
 * ---------------------------------------------------------------- */

struct guest {
	int fd;
	unsigned seed;
	bool honest;
};

static size_t put_frame(unsigned char *p, int type, uint32_t id,
			const void *bytes, size_t n)
{
	agent_put_header(p, n, type, id);
	memcpy(p + AGENT_HEADER, bytes, n);
	return AGENT_HEADER + n;
}

/* Answers a greeting as it should, and then says what an agent could say. */
static void *play_guest(void *data)
{
	struct guest *g = data;
	unsigned char in[AGENT_MARK_SIZE + AGENT_HEADER + 17], out[4096];
	unsigned char hello[1 + AGENT_NONCE_SIZE + 4 + 4] = { AGENT_PROTOCOL };
	size_t n = 100;

	if (recv(g->fd, in, sizeof(in), MSG_WAITALL) != sizeof(in))
		return NULL;
	memcpy(hello + 1, in + AGENT_MARK_SIZE + AGENT_HEADER + 1,
	       AGENT_NONCE_SIZE);
	memcpy(hello + 21, "1\nb", 3);
	memset(out, 0xff, n); /* for another */
	memcpy(out + n, AGENT_MARK, AGENT_MARK_SIZE);
	n += AGENT_MARK_SIZE;
	n += put_frame(out + n, AGENT_HELLO, 0, hello, sizeof(hello));
	size_t greeted = g->honest ? n : n - AGENT_MARK_SIZE;
	n += put_frame(out + n, AGENT_STARTED, 1, "\1\0\0\0", 4);
	n += put_frame(out + n, AGENT_OUT, 1, "some output", 11);
	n += put_frame(out + n, AGENT_ERR, 1, "and errors", 10);
	n += put_frame(out + n, AGENT_CREDIT, 1, "\0\0\0\0\0", 5);
	n += put_frame(out + n, AGENT_PING, 0, "", 0);
	n += put_frame(out + n, AGENT_EXIT, 1, "\3\0\0", 3);
	for (unsigned i = g->honest ? 0 : 1 + g->seed % 4; i > 0; i--) {
		g->seed = g->seed * 1103515245 + 12345;
		out[greeted + (g->seed >> 8) % (n - greeted)] =
			(unsigned char)(g->seed >> 16);
	}
	send(g->fd, out, n, MSG_NOSIGNAL);
	shutdown(g->fd, SHUT_WR);
	while (recv(g->fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

static int talk_to(struct guest *g, struct agent_exit *ret,
		   struct vmctl_error *err)
{
	int fds[2], r;
	pthread_t thread;
	struct agent_conn *c = NULL;
	struct agent_exec what = {
		.argv = ARGV("x"), .user = "u", .in = -1, .out = -1, .err = -1
	};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	g->fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, play_guest, g), 0);
	r = agent_connect(fds[0], 5000, NULL, &c, err);
	if (r == 0)
		r = agent_exec(c, &what, NULL, ret, err);
	agent_close(c);
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static void a_hostile_guest_does_no_harm(void **state)
{
	struct guest g = { .honest = true };
	struct agent_exit exit = { 0 };
	struct vmctl_error err;
	int good = 0;

	assert_int_equal(talk_to(&g, &exit, &err), 0);
	assert_int_equal(exit.status, 3);
	for (unsigned i = 1; i <= 2000; i++) {
		g = (struct guest){ .seed = i * 2654435761u };
		int r = talk_to(&g, &exit, &err);

		good += r == 0;
		if (r < 0) {
			assert_true(err.message[0]);
			assert_true(r == -VMCTL_TRANSPORT ||
				    r == -VMCTL_UNSUPPORTED);
		}
	}
	/* Some changes hit what does not matter, most what does. */
	assert_in_range(good, 1, 1900);
}

static void a_guest_that_says_nothing_is_given_up(void **state)
{
	int fds[2];
	struct agent_conn *c = NULL;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	must_fail(VMCTL_UNSUPPORTED, agent_connect(fds[0], 150, NULL, &c, err));
	close(fds[1]);
	must_fail(VMCTL_UNSUPPORTED,
		  agent_connect(fds[0], 20000, NULL, &c, err));
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_not_begin_reads_nothing),
		cmocka_unit_test(how_it_ended_comes_back),
		cmocka_unit_test(what_is_no_program_ends_as_in_a_shell),
		cmocka_unit_test(arguments_arrive_byte_for_byte),
		cmocka_unit_test(a_long_argument_arrives),
		cmocka_unit_test(it_runs_as_at_a_login),
		cmocka_unit_test(a_folder_that_is_not_there_is_said),
		cmocka_unit_test(an_unknown_user_is_for_another_way),
		cmocka_unit_test(the_streams_stay_apart),
		cmocka_unit_test(input_goes_through_unchanged),
		cmocka_unit_test(nothing_of_much_output_is_lost),
		cmocka_unit_test(output_that_nobody_wants_is_thrown_away),
		cmocka_unit_test(a_reader_that_goes_ends_it),
		cmocka_unit_test(a_command_that_does_not_read_ends),
		cmocka_unit_test(what_it_left_behind_is_heard_and_lives),
		cmocka_unit_test(a_timeout_ends_all_of_it),
		cmocka_unit_test(cancelling_ends_all_of_it),
		cmocka_unit_test(a_host_that_is_killed_leaves_nothing),
		cmocka_unit_test(one_that_is_not_read_does_not_hold_up_others),
		cmocka_unit_test(sixty_four_run_at_once_and_no_more),
		cmocka_unit_test(half_a_frame_does_not_spoil_the_next_session),
		cmocka_unit_test(wrong_frames_end_the_session_and_what_runs),
		cmocka_unit_test(requests_that_are_none_run_nothing),
		cmocka_unit_test(noise_does_not_kill_it),
		cmocka_unit_test(a_hostile_guest_does_no_harm),
		cmocka_unit_test(a_guest_that_says_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, agent_setup, agent_teardown);
}
