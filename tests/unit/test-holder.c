/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "ssh-help.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket-at.h"
#include "instance/holder.h"
#include "unit.h"

/* A connection that is kept for the next command, with a real server. */

static struct vmctl ctx;
static struct vmctl_instance row = { .id = (char *)"i-0123abcd",
				     .name = (char *)"web1",
				     .host_key = (char *)"ssh-x AAAA" };
#define USER "vm"

/* A holder for this server, which looks for the folder in the server's. */
static struct sshd *keep(void **state, long hold_ms)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);

	ctx.runtime_dir = ctx.data_dir = d->dir;
	holder_begin(&ctx, &row, USER, d->ops, conn, hold_ms);
	d->ops->close(conn);
	return d;
}

static char *socket_path(const struct sshd *d)
{
	return str_printf("%s/hold/i-0123abcd." USER, d->dir);
}

static bool is_kept(const struct sshd *d)
{
	auto_free char *path = socket_path(d);

	return access(path, F_OK) == 0;
}

static void until_gone(const struct sshd *d)
{
	struct wait w = wait_begin(20000, 50);

	while (is_kept(d))
		assert_true(wait_more(&w));
}

struct ran {
	int r;
	struct ssh_exit exit;
	struct str out;
	struct vmctl_error err;
};

static void ran_done(struct ran *x)
{
	str_done(&x->out);
}
#define auto_ran auto_cleanup(ran_done) struct ran

static void run_held(const char *command, int in, long timeout_ms,
		     struct ran *ret)
{
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	struct ssh_exec what = { .command = command,
				 .in = in,
				 .out = out,
				 .err = -1,
				 .timeout_ms = timeout_ms };

	*ret = (struct ran){ 0 };
	ret->r = holder_exec(&ctx, &row, USER, &what, &ret->exit, &ret->err);
	slurp(out, &ret->out);
}

static void expect(const char *command, int status, const char *out)
{
	auto_ran x = { 0 };

	run_held(command, -1, 0, &x);
	if (x.r < 0)
		print_error("# %s\n", x.err.message);
	assert_int_equal(x.r, 0);
	assert_int_equal(x.exit.status, status);
	assert_string_equal(str_text(&x.out), out);
}

static void refuses(const char *command, const char *why)
{
	auto_ran x = { 0 };

	run_held(command, -1, 0, &x);
	assert_int_equal(x.r, -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(x.err.message, why));
}

static void without_a_holder_nothing_is_run(void **state)
{
	struct sshd *d = need_sshd(state);

	ctx.runtime_dir = ctx.data_dir = d->dir;
	refuses("true", "no connection is kept");
}

static void commands_run_over_the_kept_connection(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_ran x = { 0 };
	auto_close int in = pipe_of("some\0bytes", 10);

	for (int i = 0; i < 20; i++)
		expect("echo hello; exit 7", 7, "hello\n");
	expect("kill -9 $$", 137, "");
	run_held("cat", in, 0, &x);
	assert_int_equal(x.r, 0);
	assert_int_equal(x.out.len, 10);
	assert_memory_equal(x.out.p, "some\0bytes", 10);
	assert_int_equal(x.exit.bytes_in, 10);
	assert_int_equal(x.exit.bytes_out, 10);
	holder_end(&ctx, row.id);
	until_gone(d);
	refuses("true", "no connection is kept");
}

static void a_holder_ends_after_its_time(void **state)
{
	struct sshd *d = keep(state, 300);

	expect("echo 1", 0, "1\n");
	until_gone(d);
}

static void a_time_out_ends_the_command_and_the_holder(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_ran x = { 0 };

	run_held("exec tail -f /dev/null", -1, 300, &x);
	assert_int_equal(x.r, 0);
	assert_true(x.exit.timed_out);
	assert_int_equal(x.exit.status, 124);
	until_gone(d);
}

static bool asked_to_stop(void *data)
{
	return access(data, F_OK) == 0;
}

static void a_caller_that_gives_up_ends_its_command(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_free char *began = str_printf("%s/began", d->dir);
	auto_free char *command =
		str_printf("touch %s; exec tail -f /dev/null", began);
	auto_ran x = { 0 };

	ctx.ev.cancelled = asked_to_stop;
	ctx.ev.data = began;
	run_held(command, -1, 0, &x);
	ctx.ev = (struct events){ 0 };
	assert_int_equal(x.r, -VMCTL_CANCELLED);
	until_gone(d);
}

/* What it is connected to is not what is trusted any more. */
static void another_pinned_key_ends_the_holder(void **state)
{
	struct sshd *d = keep(state, 60000);
	char *was = row.host_key;

	row.host_key = (char *)"ssh-x BBBB";
	refuses("true", "does not work any more");
	row.host_key = was;
	until_gone(d);
}

/* Another process has the right to speak to the holder. */
static void a_busy_holder_is_not_waited_for(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_close int folder = hold_folder(&ctx, false);
	int lock = hold_lock(folder, "i-0123abcd." USER);

	assert_true(lock >= 0);
	refuses("true", "busy");
	close(lock);
	expect("true", 0, "");
	holder_end(&ctx, row.id);
	until_gone(d);
}

static void a_holder_whose_server_is_gone_ends(void **state)
{
	struct sshd *d = keep(state, 60000);

	/* The server's own end of the connection. */
	auto_ran x = { 0 };
	run_held("kill -9 $PPID", -1, 0, &x);
	assert_int_equal(x.r, -VMCTL_TRANSPORT);
	until_gone(d);
}

static void what_a_killed_holder_left_is_in_nobodys_way(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_free char *path = socket_path(d);
	struct stat after;

	holder_end(&ctx, row.id);
	until_gone(d);
	/* A socket that nobody listens at. */
	auto_close int folder = hold_folder(&ctx, true);
	int s = socket_at_listen(folder, "i-0123abcd." USER);
	assert_true(s >= 0);
	close(s);
	assert_true(is_kept(d));
	refuses("true", "gone");
	assert_false(is_kept(d));
	keep(state, 60000);
	assert_int_equal(stat(path, &after), 0);
	holder_end(&ctx, row.id);
	until_gone(d);
}

/* The server has a process for each connection: nobody else's holder counts. */
static bool is_connected(const struct sshd *d)
{
	auto_free char *script = str_printf("pgrep -P %d || :", (int)d->pid);
	auto_free char *out = must_run("sh", "-c", script, NULL);

	return *out;
}

static void a_removed_folder_ends_the_holder(void **state)
{
	struct sshd *d = keep(state, 60000);
	auto_free char *path = socket_path(d);
	struct wait w = wait_begin(20000, 50);

	assert_true(is_connected(d));
	assert_int_equal(unlink(path), 0);
	while (is_connected(d))
		assert_true(wait_more(&w));
}

static void a_name_that_is_no_files_keeps_nothing(void **state)
{
	char name[HOLD_NAME];

	hold_name("i-0123abcd", "../x", name);
	assert_string_equal(name, "");
	hold_name("i-0123abcd", "", name);
	assert_string_equal(name, "");
	hold_name("i-0123abcd", "a.lock", name);
	assert_string_equal(name, "");
	hold_name("i-0123abcd", "vm_1-x", name);
	assert_string_equal(name, "i-0123abcd.vm_1-x");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sshd_setup, sshd_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_holder_nothing_is_run),
		TEST(commands_run_over_the_kept_connection),
		TEST(a_holder_ends_after_its_time),
		TEST(a_time_out_ends_the_command_and_the_holder),
		TEST(a_caller_that_gives_up_ends_its_command),
		TEST(another_pinned_key_ends_the_holder),
		TEST(a_busy_holder_is_not_waited_for),
		TEST(a_holder_whose_server_is_gone_ends),
		TEST(what_a_killed_holder_left_is_in_nobodys_way),
		TEST(a_removed_folder_ends_the_holder),
		cmocka_unit_test(a_name_that_is_no_files_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
