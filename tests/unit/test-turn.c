/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "instance/turn.h"

/* Who may go in to a guest next. */

#define ID "i-0123abcd"

static bool take(struct place *p, enum turn kind, int *ret_fd)
{
	return turn_take(p->ctx, ID, kind, ret_fd);
}

static void the_ninth_at_once_has_to_wait(void **state)
{
	struct place *p = *state;
	int fds[8], other;

	for (int i = 0; i < 8; i++) {
		assert_true(take(p, TURN_SSH, &fds[i]));
		assert_true(fds[i] >= 0);
	}
	assert_false(take(p, TURN_SSH, &other));
	/* Other machines, and the other way in, are not held up by these. */
	assert_true(turn_take(p->ctx, "i-00000002", TURN_SSH, &other));
	turn_give(&other, false);
	assert_true(take(p, TURN_AGENT, &other));
	turn_give(&other, false);
	turn_give(&fds[3], true);
	assert_true(take(p, TURN_SSH, &fds[3]));
	for (int i = 0; i < 8; i++)
		turn_give(&fds[i], false);
}

static void an_agent_has_one_session(void **state)
{
	struct place *p = *state;
	int fd, other;

	assert_true(take(p, TURN_AGENT, &fd));
	assert_false(take(p, TURN_AGENT, &other));
	assert_int_equal(other, -1);
	turn_give(&other, true);
	turn_give(&fd, true);
	assert_int_equal(fd, -1);
	assert_true(take(p, TURN_AGENT, &fd));
	turn_give(&fd, true);
}

static void a_killed_process_gives_its_turn_back(void **state)
{
	struct place *p = *state;
	int fd, ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		c = take(p, TURN_AGENT, &fd) ? 'y' : 'n';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_false(take(p, TURN_AGENT, &fd));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(take(p, TURN_AGENT, &fd));
	turn_give(&fd, true);
	close(ready[0]);
	close(ready[1]);
}

static void who_waits_gives_up_when_nobody_gets_in(void **state)
{
	struct place *p = *state;
	struct turn_queue q;
	struct vmctl_error err;
	int64_t begun = clock_mono_ms();
	int fd, r;

	assert_true(take(p, TURN_AGENT, &fd));
	turn_queue_begin(&q, p->ctx, ID, 400);
	/* While others get in, the limit begins anew. */
	while (clock_mono_ms() - begun < 1000) {
		turn_give(&fd, true);
		assert_true(take(p, TURN_AGENT, &fd));
		assert_int_equal(turn_queue_wait(&q, &err), 0);
	}
	/* One that gave up on the way in is nobody who got in. */
	while ((r = turn_queue_wait(&q, &err)) == 0) {
		turn_give(&fd, false);
		assert_true(take(p, TURN_AGENT, &fd));
	}
	assert_int_equal(r, -VMCTL_BUSY);
	assert_true(clock_mono_ms() - begun >= 1400);
	turn_give(&fd, true);
}

static void without_a_folder_there_is_no_order(void **state)
{
	struct place *p = *state;
	char *was = p->ctx->runtime_dir;
	int fd, other;

	p->ctx->runtime_dir = (char *)"/dev/null/x";
	assert_true(take(p, TURN_AGENT, &fd));
	assert_true(take(p, TURN_AGENT, &other));
	assert_int_equal(fd, -1);
	p->ctx->runtime_dir = was;
}

static void nothing_is_left_of_a_machine_that_is_gone(void **state)
{
	struct place *p = *state;
	auto_free char *dir = path_join(p->ctx->runtime_dir, "turns");
	auto_free char *file = path_join(dir, ID ".agent.0");
	int fd;

	assert_true(take(p, TURN_AGENT, &fd));
	turn_give(&fd, true);
	assert_int_equal(access(file, F_OK), 0);
	turn_forget(p->ctx, ID);
	assert_int_equal(access(file, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ninth_at_once_has_to_wait),
		TEST(an_agent_has_one_session),
		TEST(a_killed_process_gives_its_turn_back),
		TEST(who_waits_gives_up_when_nobody_gets_in),
		TEST(without_a_folder_there_is_no_order),
		TEST(nothing_is_left_of_a_machine_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
