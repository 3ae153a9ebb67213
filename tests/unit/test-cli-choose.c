/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <utmp.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/progress.h"

#define PATIENCE_MS 30000

/*
 * A person at the terminal of a child that has to choose. It exits with the
 * code of a failure, or with 0, having written the name to a pipe.
 */
struct seat {
	int master, answer;
	pid_t pid;
	char seen[4096];
	size_t n;
};

static void name_stage(struct stage *s)
{
	/* A database must not be carried across fork(2). */
	vmctl_free(take_ptr(&s->place->ctx));
	setenv("VMCTL_HOME", s->place->home, 1);
	unsetenv("VMCTL_CONNECT");
}

static int choose(bool tty, bool quiet, char **ret, struct vmctl_error *err)
{
	static const struct command cmd = { .path = "ssh" };
	struct progress progress = { 0 };
	struct cli cli = {
		.globals = { .output = "table", .timeout = -1, .quiet = quiet },
		.command = &cmd,
		.tty_in = tty,
		.tty_err = tty,
		.progress = &progress,
		.name = "vmctl ssh",
	};
	int r = cli_choose_instance(&cli, ret, err);

	vmctl_free(cli.ctx);
	return r;
}

static void sit_down(struct stage *s, struct seat *seat)
{
	int slave, p[2];

	*seat = (struct seat){ 0 };
	name_stage(s);
	assert_int_equal(openpty(&seat->master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	seat->answer = p[0];
	seat->pid = fork();
	if (seat->pid == 0) {
		struct vmctl_error err = { 0 };
		char *name = NULL;
		int r;

		close(seat->master);
		login_tty(slave);
		r = choose(true, false, &name, &err);
		dprintf(p[1], "%s", r < 0 ? err.message : name);
		_exit(-r);
	}
	close(slave);
	close(p[1]);
	fcntl(seat->master, F_SETFL, O_NONBLOCK);
}

static void look_for(struct seat *seat, const char *text)
{
	struct pollfd p = { .fd = seat->master, .events = POLLIN };
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (!strstr(seat->seen, text)) {
		ssize_t n;

		if (clock_mono_ms() > end)
			print_error("on the screen: %s\n", seat->seen);
		assert_true(clock_mono_ms() < end);
		poll(&p, 1, 50);
		n = read(seat->master, seat->seen + seat->n,
			 sizeof(seat->seen) - 1 - seat->n);
		seat->n += n > 0 ? (size_t)n : 0;
	}
}

static void type(struct seat *seat, const char *text)
{
	memset(seat->seen, 0, sizeof(seat->seen));
	seat->n = 0;
	assert_int_equal(write(seat->master, text, strlen(text)),
			 (ssize_t)strlen(text));
}

/* The wait status; `ret` is the name, or the message of the failure. */
static int stand_up(struct seat *seat, char ret[256])
{
	ssize_t n = read(seat->answer, ret, 255);
	int status;

	ret[n > 0 ? n : 0] = '\0';
	assert_int_equal(waitpid(seat->pid, &status, 0), seat->pid);
	close(seat->answer);
	close(seat->master);
	return status;
}

static void two_run(struct stage *s)
{
	static const char *const names[] = { "alpha", "beta", "gamma" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(stage_create(s, names[i]), 0);
	assert_int_equal(
		vmctl_instance_stop(s->place->ctx, "beta", 0, true, &s->err),
		0);
}

/* --- tests --------------------------------------------------------------- */

static void none_at_all_and_none_that_runs(void **state)
{
	struct stage *s = *state;
	char *name = NULL;

	name_stage(s);
	assert_int_equal(choose(true, false, &name, &s->err), -VMCTL_NOT_FOUND);
	s->place->ctx = place_context(s->place);
	assert_int_equal(stage_create(s, "alpha"), 0);
	assert_int_equal(
		vmctl_instance_stop(s->place->ctx, "alpha", 0, true, &s->err),
		0);
	assert_int_equal(choose(true, false, &name, &s->err), -VMCTL_STATE);
	assert_string_equal(s->err.hint, "vmctl start alpha");
	assert_null(name);
}

static void the_only_one_is_taken_and_named(void **state)
{
	struct stage *s = *state;
	auto_free char *name = NULL;
	struct seat seat;
	char text[256];

	assert_int_equal(stage_create(s, "alpha"), 0);
	sit_down(s, &seat);
	look_for(&seat, "alpha, the only one that runs");
	assert_int_equal(stand_up(&seat, text), 0);
	assert_string_equal(text, "alpha");
	/* Nobody need be there for that. */
	assert_int_equal(choose(false, true, &name, &s->err), 0);
	assert_string_equal(name, "alpha");
}

static void with_nobody_to_ask_it_says_what_to_type(void **state)
{
	struct stage *s = *state;
	char *name = NULL;

	two_run(s);
	name_stage(s);
	assert_int_equal(choose(false, false, &name, &s->err), -VMCTL_INVALID);
	assert_string_equal(s->err.hint, "vmctl ssh alpha|gamma");
	assert_int_equal(choose(true, true, &name, &s->err), -VMCTL_INVALID);
	assert_null(name);
}

static void a_number_or_a_name_is_chosen(void **state)
{
	static const char *const typed[] = { "2\n", "gamma\n", "  gamma \n" };
	struct stage *s = *state;
	char text[256];

	two_run(s);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		struct seat seat;

		sit_down(s, &seat);
		look_for(&seat, "1  alpha  running  127.0.0.1:");
		look_for(&seat, "2  gamma  running  127.0.0.1:");
		look_for(&seat, "which one? [1-2 or a name] ");
		type(&seat, typed[i]);
		assert_int_equal(stand_up(&seat, text), 0);
		assert_string_equal(text, "gamma");
	}
}

static void what_is_none_of_them_is_asked_again(void **state)
{
	static const char *const typed[] = {
		"3\n",	     "0\n", "beta\n", "-1\n",
		"1x\n",	     "\n",  " \n",    "99999999999999999999\n",
		"\x1b[2Jx\n"
	};
	struct stage *s = *state;
	struct seat seat;
	char text[256];

	two_run(s);
	sit_down(s, &seat);
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		look_for(&seat, "which one? ");
		type(&seat, typed[i]);
	}
	look_for(&seat, "which one? ");
	type(&seat, "1\n");
	assert_int_equal(stand_up(&seat, text), 0);
	assert_string_equal(text, "alpha");
}

static void the_end_of_input_and_an_interrupt_choose_none(void **state)
{
	struct stage *s = *state;
	struct seat seat;
	char text[256];
	int status;

	two_run(s);
	sit_down(s, &seat);
	look_for(&seat, "which one? ");
	type(&seat, "\x04");
	status = stand_up(&seat, text);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VMCTL_FAILED);
	assert_string_equal(text, "none was chosen");
	sit_down(s, &seat);
	look_for(&seat, "which one? ");
	type(&seat, "alp\x03");
	status = stand_up(&seat, text);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VMCTL_CANCELLED);
}

static void a_name_that_is_another_s_number_is_not_guessed_at(void **state)
{
	struct stage *s = *state;
	struct seat seat;
	char text[256];

	assert_int_equal(stage_create(s, "2"), 0); /* it is number 1 */
	assert_int_equal(stage_create(s, "beta"), 0);
	sit_down(s, &seat);
	look_for(&seat, "which one? ");
	type(&seat, "2\n");
	look_for(&seat, "type i-");
	look_for(&seat, "which one? ");
	type(&seat, "1\n");
	assert_int_equal(stand_up(&seat, text), 0);
	assert_string_equal(text, "2");
}

static void an_unreachable_hypervisor_is_that(void **state)
{
	struct stage *s = *state;
	char *name = NULL;

	two_run(s);
	name_stage(s);
	s->hv->down = true;
	assert_int_equal(choose(true, false, &name, &s->err),
			 -VMCTL_HYPERVISOR);
	s->hv->down = false;
}

#define STAGED(f)                                                              \
	cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(none_at_all_and_none_that_runs),
		STAGED(the_only_one_is_taken_and_named),
		STAGED(with_nobody_to_ask_it_says_what_to_type),
		STAGED(a_number_or_a_name_is_chosen),
		STAGED(what_is_none_of_them_is_asked_again),
		STAGED(the_end_of_input_and_an_interrupt_choose_none),
		STAGED(a_name_that_is_another_s_number_is_not_guessed_at),
		STAGED(an_unreachable_hypervisor_is_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
