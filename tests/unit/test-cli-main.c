/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "cli/command.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/render/render.h"

/* From the command line to output, messages and exit status. */

struct names {
	struct strings names;
};

static int each_print(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	int rc;

	if (str_starts(name, "no")) {
		rc = fail(err, VMCTL_NOT_FOUND, 0, "there is no %s", name);
		fail_hint(err, "vmctl list");
		return rc;
	}
	if (str_starts(name, "busy"))
		return fail(err, VMCTL_BUSY, 0, "%s is busy", name);
	if (str_starts(name, "stop"))
		return fail(err, VMCTL_CANCELLED, 0, "interrupted");
	if (str_starts(name, "late")) {
		render_text(cli->out, "late\n", false, NULL);
		return fail(err, VMCTL_TIMEOUT, 0, "%s is late", name);
	}
	str_add(data, name);
	render_text(cli->out, name, false, err);
	return render_text(cli->out, "\n", false, err);
}

static int run_each(struct cli *cli, void *opts, struct vmctl_error *err)
{
	auto_str seen = STR_INIT;

	return cli_each(cli, &((struct names *)opts)->names, each_print, &seen,
			err);
}

static int run_status(struct cli *cli, void *opts, struct vmctl_error *err)
{
	cli->status = 42;
	return 0;
}

static int run_note(struct cli *cli, void *opts, struct vmctl_error *err)
{
	cli_note(cli, "a note%s", "\033[0m");
	cli_log(cli, VMCTL_LOG_WARN, "careful");
	cli_log(cli, VMCTL_LOG_INFO, "doing");
	cli_log(cli, VMCTL_LOG_DEBUG, "how");
	return cli_confirm(cli, "Really?") ? 0 : -VMCTL_CANCELLED;
}

static int run_silent(struct cli *cli, void *opts, struct vmctl_error *err)
{
	render_text(cli->out, "half of an answer\n", false, NULL);
	return -VMCTL_LIMIT;
}

/* Acts on the signals named and tells by its status what came of it. */
static int run_signals(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct strings *names = &((struct names *)opts)->names;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, err))
		return -VMCTL_INTERNAL;
	for (size_t i = 0; i < names->count; i++)
		raise((int)strtol(names->items[i], NULL, 10));
	return cli_interrupted() ? fail(err, VMCTL_CANCELLED, 0, "undone") : 0;
}

static const struct command each = {
	.path = "each",
	.summary = "act on each",
	.args = (const struct argument[]){ ARG_MANY(struct names, names,
						    .name = "NAME",
						    .help = "which"),
					   ARG_END },
	.opts_size = sizeof(struct names),
	.run = run_each,
};
static const struct command guest = { .path = "guest",
				      .summary = "pass a status",
				      .flags = COMMAND_PASSES_STATUS,
				      .run = run_status };
static const struct command own = { .path = "own",
				    .summary = "have a status",
				    .run = run_status };
static const struct command note = { .path = "note",
				     .summary = "say things",
				     .run = run_note };
static const struct command silent = { .path = "silent",
				       .summary = "fail without a word",
				       .run = run_silent };

static const struct command signals = {
	.path = "signals",
	.summary = "get signals",
	.args = (const struct argument[]){ ARG_MANY(struct names, names,
						    .name = "NUMBER",
						    .help = "which"),
					   ARG_END },
	.opts_size = sizeof(struct names),
	.run = run_signals,
};

const struct command *const commands[] = { &each,   &guest,   &own, &note,
					   &silent, &signals, NULL };
const char *const command_symbols[] = { "", "", "", "", "", "", NULL };

/* --- running it with its output caught ------------------------------------ */

static char out[4096], err[4096];

static int catch (int fd, int *saved)
{
	int file = memfd_create("caught", MFD_CLOEXEC);

	*saved = dup(fd);
	assert_true(file >= 0 && *saved >= 0);
	assert_true(dup2(file, fd) == fd);
	return file;
}

static void release(int fd, int saved, int file, char text[4096])
{
	ssize_t n;

	fflush(stderr);
	dup2(saved, fd);
	close(saved);
	n = pread(file, text, 4095, 0);
	text[n > 0 ? n : 0] = '\0';
	close(file);
}

static int run(const char *const *words)
{
	const char *argv[12] = { "vmctl" };
	int argc = 1, saved[2], files[2], rc;

	for (; words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	files[0] = catch (STDOUT_FILENO, &saved[0]);
	files[1] = catch (STDERR_FILENO, &saved[1]);
	rc = cli_main(argc, (char **)argv);
	release(STDOUT_FILENO, saved[0], files[0], out);
	release(STDERR_FILENO, saved[1], files[1], err);
	return rc;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static void check(int rc, int status, const char *stdout_text,
		  const char *stderr_text)
{
	assert_string_equal(out, stdout_text);
	assert_string_equal(err, stderr_text);
	assert_int_equal(rc, status);
}

static void one_target_fails_with_its_own_error(void **state)
{
	check(RUN("each", "a"), 0, "a\n", "");
	check(RUN("each", "nobody"), 3, "",
	      "vmctl: there is no nobody\n  vmctl list\n");
}

static void of_several_each_is_reported(void **state)
{
	check(RUN("each", "a", "nobody", "b"), 6, "a\nb\n",
	      "vmctl: there is no nobody\n  vmctl list\n"
	      "vmctl: 1 of 3 failed\n");
}

static void failures_of_one_kind_keep_their_status(void **state)
{
	assert_int_equal(RUN("each", "no1", "no2"), 3);
	assert_int_equal(RUN("each", "busy", "no1"), 1);
	assert_int_equal(RUN("each", "busy1", "busy2"), 4);
	assert_int_equal(RUN("each", "busy", "no1", "no2"), 1);
}

static void a_target_named_twice_is_acted_on_once(void **state)
{
	check(RUN("each", "a", "b", "a"), 0, "a\nb\n", "");
}

static void
an_interrupt_ends_the_whole_command_and_what_was_made_is_named(void **state)
{
	check(RUN("each", "a", "stop", "b"), 130, "a\n",
	      "vmctl: interrupted\n");
}

static void what_was_made_is_named_though_time_ran_out(void **state)
{
	check(RUN("each", "late"), 5, "late\n", "vmctl: late is late\n");
}

static void a_guests_status_is_passed_only_where_declared(void **state)
{
	assert_int_equal(RUN("guest"), 42);
	assert_int_equal(RUN("own"), 0);
}

static void a_failure_prints_no_half_of_an_answer(void **state)
{
	check(RUN("silent"), 8, "",
	      "vmctl: silent failed: refused by a limit of the host\n");
}

static void errors_are_objects_for_programs(void **state)
{
	check(RUN("each", "nobody", "-o", "json"), 3, "",
	      "{\"error\":{\"code\":\"not-found\",\"message\":\"there is no "
	      "nobody\",\"hint\":\"vmctl list\"}}\n");
	check(RUN("each", "busy", "-ondjson"), 4, "",
	      "{\"error\":{\"code\":\"busy\",\"message\":\"busy is "
	      "busy\",\"hint\":null}}\n");
	check(RUN("bogus", "-o", "json"), 2, "",
	      "{\"error\":{\"code\":\"invalid\",\"message\":\"there is no "
	      "command 'bogus'\",\"hint\":\"vmctl --help lists the "
	      "commands\"}}\n");
	assert_int_equal(RUN("-o", "json"), 2);
	assert_true(str_starts(err, "{\"error\":{\"code\":\"invalid\""));
}

static void notes_and_logs_follow_quiet_and_verbose(void **state)
{
	check(RUN("note"), 0, "", "a note?[0m\nvmctl: warning: careful\n");
	check(RUN("note", "-q"), 0, "", "");
	check(RUN("note", "-v"), 0, "",
	      "a note?[0m\nvmctl: warning: careful\nvmctl: doing\n");
	check(RUN("note", "-vv"), 0, "",
	      "a note?[0m\nvmctl: warning: careful\nvmctl: doing\n"
	      "vmctl: how\n");
	check(RUN("note", "-o", "json"), 0, "",
	      "{\"warning\":{\"message\":\"careful\"}}\n");
}

static void colours_are_asked_for(void **state)
{
	RUN("each", "busy", "--color", "always");
	assert_string_equal(err, "\033[1;31mvmctl:\033[0m busy is busy\n");

	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_true(color_wanted("auto", true));
	assert_false(color_wanted("auto", false));
	assert_false(color_wanted("never", true));
	setenv("TERM", "dumb", 1);
	assert_false(color_wanted("auto", true));
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	assert_false(color_wanted("auto", true));
	assert_true(color_wanted("always", false));
	setenv("NO_COLOR", "", 1);
	assert_true(color_wanted("auto", true));
}

static void help_and_version_go_to_stdout(void **state)
{
	check(RUN("--version"), 0, "vmctl " VMCTL_VERSION "\n", "");
	check(RUN("each", "--version"), 0, "vmctl " VMCTL_VERSION "\n", "");
	assert_int_equal(RUN("--help"), 0);
	assert_true(str_starts(out, "usage: vmctl "));
	assert_int_equal(RUN("each", "-h"), 0);
	assert_true(str_starts(out, "usage: vmctl each NAME...\n"));
	assert_string_equal(err, "");
}

static void alone_it_says_how_to_use_it_on_stderr(void **state)
{
	assert_int_equal(run((const char *const[]){ NULL }), 2);
	assert_string_equal(out, "");
	assert_true(str_starts(err, "usage: vmctl "));
}

static void a_timeout_is_the_given_one_or_the_default(void **state)
{
	struct cli cli = { .globals = { .timeout = -1 } };

	assert_int_equal(cli_timeout(&cli, 90000), 90000);
	cli.globals.timeout = 0;
	assert_int_equal(cli_timeout(&cli, 90000), 0);
	cli.globals.timeout = 1500;
	assert_int_equal(cli_timeout(&cli, 90000), 1500);
}

/* --- signals: in a process of their own ------------------------------------
 */

/* How a process ends that gets these signals, as a shell's $? has it. */
static int status_after(const char *const *words, bool nohup)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (nohup)
			signal(SIGHUP, SIG_IGN);
		_exit(run(words));
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
#define STATUS_AFTER(nohup, ...)                                               \
	status_after((const char *const[]){ "signals", __VA_ARGS__, NULL },    \
		     nohup)

static void a_signal_ends_the_process_after_the_work_is_undone(void **state)
{
	assert_int_equal(STATUS_AFTER(false, "2"), 128 + SIGINT);
	assert_int_equal(STATUS_AFTER(false, "15"), 128 + SIGTERM);
	assert_int_equal(STATUS_AFTER(false, "1"), 128 + SIGHUP);
	/* Both come from a service manager: the last one is named. */
	assert_int_equal(STATUS_AFTER(false, "15", "1"), 128 + SIGHUP);
}

static void a_second_interrupt_ends_it_at_once(void **state)
{
	assert_int_equal(STATUS_AFTER(false, "2", "2", "15"), 128 + SIGINT);
}

/* A signal alone does not end a call that hangs. */
static void what_takes_too_long_to_undo_is_left(void **state)
{
	assert_int_equal(STATUS_AFTER(false, "15", "14", "1"), 128 + SIGTERM);
	assert_int_equal(STATUS_AFTER(false, "14"), 0);
}

static void what_nohup_ignores_stays_ignored(void **state)
{
	assert_int_equal(STATUS_AFTER(true, "1"), 0);
	assert_int_equal(STATUS_AFTER(true, "1", "15"), 128 + SIGTERM);
}

/* --- progress: the clock is moved, nothing sleeps --------------------------
 */

static const char *caught_progress(struct cli *cli, const char *text,
				   unsigned long long done,
				   unsigned long long total)
{
	int saved, file = catch (STDERR_FILENO, &saved);

	progress_report(cli, text, done, total);
	release(STDERR_FILENO, saved, file, err);
	return err;
}

static void age(struct progress *p, int64_t ms)
{
	p->first_ms -= ms;
	p->phase_ms -= ms;
	p->drawn_ms -= ms;
	p->plain_ms -= ms;
	p->old_ms -= ms;
	p->new_ms -= ms;
}

static void progress_is_drawn_on_a_terminal_once_it_takes_long(void **state)
{
	struct progress p = { 0 };
	struct cli cli = { .tty_err = true, .progress = &p };
	int saved, file;

	assert_string_equal(caught_progress(&cli, "copying", 0, 100), "");
	age(&p, 300);
	assert_string_equal(caught_progress(&cli, "copying", 45, 100),
			    "\r| copying  45%\033[K");
	assert_string_equal(caught_progress(&cli, "copying", 46, 100), "");
	age(&p, 300);
	assert_string_equal(caught_progress(&cli, "copying", 500, 100),
			    "\r/ copying  100%\033[K");
	file = catch (STDERR_FILENO, &saved);
	progress_clear(&cli);
	progress_clear(&cli);
	release(STDERR_FILENO, saved, file, err);
	assert_string_equal(err, "\r\033[K");
}

static void progress_leaves_the_terminal_to_what_follows(void **state)
{
	struct progress p = { 0 };
	struct cli cli = { .tty_err = true, .progress = &p };

	caught_progress(&cli, "waiting for ssh", 0, 0);
	age(&p, 300);
	caught_progress(&cli, "waiting for ssh", 0, 0);
	assert_string_equal(caught_progress(&cli, NULL, 0, 0), "\r\033[K");
	assert_string_equal(caught_progress(&cli, NULL, 0, 0), "");
	assert_string_equal(caught_progress(&cli, "more", 0, 0), "");
}

static void progress_tells_rate_and_time(void **state)
{
	struct progress p = { 0 };
	struct cli cli = { .tty_err = true, .progress = &p };

	caught_progress(&cli, "copying", 0, 4ULL << 30);
	age(&p, 2000);
	/* Not to the digit: time goes by here too. */
	const char *line =
		caught_progress(&cli, "copying", 2ULL << 30, 4ULL << 30);
	assert_true(str_starts(line, "\r| copying  50%  1"));
	assert_non_null(strstr(line, "/s  0:02 left\033[K"));
	/* It slows down: what was before counts for some seconds. */
	age(&p, 5000);
	caught_progress(&cli, "copying", 2ULL << 30, 4ULL << 30);
	age(&p, 5000);
	caught_progress(&cli, "copying", (2ULL << 30) + (2 << 20), 4ULL << 30);
	age(&p, 5000);
	line = caught_progress(&cli, "copying", (2ULL << 30) + (10 << 20),
			       4ULL << 30);
	assert_non_null(strstr(line, "  50%  "));
	assert_non_null(strstr(line, "/s  3"));
	assert_non_null(strstr(line, " left\033[K"));
	/* Nobody knows how much it is. */
	caught_progress(&cli, "tree", 0, 0);
	age(&p, 4000);
	line = caught_progress(&cli, "tree", 8 << 20, 0);
	assert_non_null(strstr(line, "tree  8M  "));
	assert_non_null(strstr(line, "/s\033[K"));
	caught_progress(&cli, "waiting\033[0m", 0, 0);
	age(&p, 7000);
	assert_string_equal(caught_progress(&cli, "waiting\033[0m", 0, 0),
			    "\r\\ waiting?[0m  7s\033[K");
}

static void progress_is_silent_without_a_terminal(void **state)
{
	struct progress p = { 0 };
	struct cli cli = { .progress = &p };

	caught_progress(&cli, "copying", 0, 100);
	age(&p, 60000);
	assert_string_equal(caught_progress(&cli, "copying", 45, 100), "");
	cli.globals.verbose = 1;
	assert_string_equal(caught_progress(&cli, "copying", 45, 100),
			    "vmctl: copying  45%\n");
	assert_string_equal(caught_progress(&cli, "copying", 46, 100), "");
	cli.globals.quiet = true;
	cli.tty_err = true;
	age(&p, 60000);
	assert_string_equal(caught_progress(&cli, "copying", 47, 100), "");
}

/* Neither settings nor a log of who runs this. */
static char home[] = "/tmp/vmctl-test-cli.XXXXXX";

static int own_home(void **state)
{
	return mkdtemp(home) ? setenv("VMCTL_HOME", home, 1) : -1;
}

static int drop_home(void **state)
{
	return dir_remove(home, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_target_fails_with_its_own_error),
		cmocka_unit_test(of_several_each_is_reported),
		cmocka_unit_test(failures_of_one_kind_keep_their_status),
		cmocka_unit_test(a_target_named_twice_is_acted_on_once),
		cmocka_unit_test(
			an_interrupt_ends_the_whole_command_and_what_was_made_is_named),
		cmocka_unit_test(what_was_made_is_named_though_time_ran_out),
		cmocka_unit_test(a_guests_status_is_passed_only_where_declared),
		cmocka_unit_test(a_failure_prints_no_half_of_an_answer),
		cmocka_unit_test(errors_are_objects_for_programs),
		cmocka_unit_test(notes_and_logs_follow_quiet_and_verbose),
		cmocka_unit_test(colours_are_asked_for),
		cmocka_unit_test(help_and_version_go_to_stdout),
		cmocka_unit_test(alone_it_says_how_to_use_it_on_stderr),
		cmocka_unit_test(a_timeout_is_the_given_one_or_the_default),
		cmocka_unit_test(
			a_signal_ends_the_process_after_the_work_is_undone),
		cmocka_unit_test(a_second_interrupt_ends_it_at_once),
		cmocka_unit_test(what_takes_too_long_to_undo_is_left),
		cmocka_unit_test(what_nohup_ignores_stays_ignored),
		cmocka_unit_test(
			progress_is_drawn_on_a_terminal_once_it_takes_long),
		cmocka_unit_test(progress_leaves_the_terminal_to_what_follows),
		cmocka_unit_test(progress_tells_rate_and_time),
		cmocka_unit_test(progress_is_silent_without_a_terminal),
	};

	return cmocka_run_group_tests(tests, own_home, drop_home);
}
