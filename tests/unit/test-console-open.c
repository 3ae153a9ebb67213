/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "unit.h"

/* Who may have the console, and how a session ends, with a fake console. */

static int opened;

static void count(void *data)
{
	opened++;
	(void)data;
}

static int open_web1(struct vmctl *ctx, bool force, int out,
		     enum vmctl_console_end *end, struct vmctl_error *err)
{
	const struct vmctl_console what = {
		.size = sizeof(what),
		.in = -1,
		.out = out,
		.escape = 0x1d,
		.force = force,
		.linger_ms = -1,
		.opened = count,
	};

	return vmctl_console_open(ctx, "web1", &what, end, err);
}

static int setup(void **state)
{
	int r = stage_setup(state);

	opened = 0;
	return r < 0 ? r : stage_create(*state, "web1");
}

static void what_the_guest_says_arrives_and_the_escape_leaves(void **state)
{
	struct stage *s = *state;
	enum vmctl_console_end end = VMCTL_CONSOLE_OFF;
	char got[32] = "";
	int p[2];

	assert_int_equal(pipe(p), 0);
	strcpy(s->hv->console_says, "login: \033[1m");
	s->hv->console_end = HV_CONSOLE_LEFT;
	must(open_web1(s->place->ctx, false, p[1], &end, err));
	assert_int_equal(end, VMCTL_CONSOLE_LEFT);
	assert_int_equal(opened, 1);
	assert_int_equal(read(p[0], got, sizeof(got)), 11);
	assert_string_equal(got, "login: \033[1m");
	close(p[0]);
	close(p[1]);
}

static void a_machine_that_goes_off_ends_it_well(void **state)
{
	struct stage *s = *state;
	enum vmctl_console_end end = VMCTL_CONSOLE_LEFT;

	s->hv->console_end = HV_CONSOLE_CLOSED;
	s->hv->console_off = true;
	must(open_web1(s->place->ctx, false, 1, &end, err));
	assert_int_equal(end, VMCTL_CONSOLE_OFF);
	/* Off, it is refused before anything is asked. */
	must_fail(VMCTL_STATE, open_web1(s->place->ctx, false, 1, &end, err));
	assert_int_equal(opened, 1);
}

static void a_stopped_one_is_refused_with_what_to_do(void **state)
{
	struct stage *s = *state;
	enum vmctl_console_end end;

	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	assert_int_equal(open_web1(s->place->ctx, false, 1, &end, &s->err),
			 -VMCTL_STATE);
	assert_string_equal(s->err.hint, "vmctl start web1");
	assert_int_equal(opened, 0);
}

static void somebody_elses_session_is_kept_unless_forced(void **state)
{
	struct stage *s = *state;
	enum vmctl_console_end end;

	s->hv->console_held = true;
	assert_int_equal(open_web1(s->place->ctx, false, 1, &end, &s->err),
			 -VMCTL_BUSY);
	assert_non_null(strstr(s->err.message, "in use by another program"));
	assert_non_null(strstr(s->err.hint, "--force web1"));
	assert_int_equal(opened, 0);
	must(open_web1(s->place->ctx, true, 1, &end, err));
	assert_int_equal(opened, 1);
}

/* A process that has the lock until the pipe is closed. */
static pid_t hold_lock(struct stage *s, const char *id, int until)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		auto_free char *dir = path_join(s->place->home, "locks");
		auto_free char *name = str_printf("%s.console", id);
		int fd = -1;

		close(ready[0]);
		if (lock_take(dir, name, "vmctl console web1", 0, NULL, &fd,
			      NULL) < 0)
			_exit(1);
		close(ready[1]);
		(void)!read(until, &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void a_session_of_vmctl_is_named(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance *row = NULL;
	enum vmctl_console_end end;
	int p[2], status;
	char who[64];

	must(vmctl_instance_get(s->place->ctx, "web1", 0, &row, err));
	assert_int_equal(pipe(p), 0);
	pid_t pid = hold_lock(s, row->id, p[0]);
	assert_int_equal(open_web1(s->place->ctx, false, 1, &end, &s->err),
			 -VMCTL_BUSY);
	snprintf(who, sizeof(who), "process %ld (vmctl console web1)",
		 (long)pid);
	assert_non_null(strstr(s->err.message, who));
	assert_int_equal(opened, 0);
	/* One that is killed holds nothing. */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	must(open_web1(s->place->ctx, false, 1, &end, err));
	/* Cut off by another, who is named. */
	pid = hold_lock(s, row->id, p[0]);
	s->hv->console_end = HV_CONSOLE_CLOSED;
	int64_t begun = clock_mono_ms();
	assert_int_equal(open_web1(s->place->ctx, true, 1, &end, &s->err),
			 -VMCTL_BUSY);
	assert_true(clock_mono_ms() - begun < 60000);
	snprintf(who, sizeof(who), "taken over by process %ld", (long)pid);
	assert_non_null(strstr(s->err.message, who));
	close(p[1]);
	close(p[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	vmctl_instance_free(row);
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(what_the_guest_says_arrives_and_the_escape_leaves),
		ON_STAGE(a_machine_that_goes_off_ends_it_well),
		ON_STAGE(a_stopped_one_is_refused_with_what_to_do),
		ON_STAGE(somebody_elses_session_is_kept_unless_forced),
		ON_STAGE(a_session_of_vmctl_is_named),
	};

	return cmocka_run_group_tests_name("console-open", tests, NULL, NULL);
}
