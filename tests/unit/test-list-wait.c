/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Waiting until the list may be another, on the fake hypervisor. */

#define LONG_MS 60000

static int setup_one(void **state)
{
	int r = stage_setup(state);

	return r < 0 ? r : stage_create(*state, "web1");
}

static void look(struct stage *s, enum vmctl_state expected)
{
	struct vmctl_instance_list *list;

	assert_int_equal(
		vmctl_instance_list(s->place->ctx, 0, &list, NULL, &s->err), 0);
	assert_int_equal(list->count, 1);
	assert_int_equal(list->items[0]->state, expected);
	vmctl_instance_list_free(list);
}

/* Milliseconds that it took. */
static int64_t waits(struct stage *s, const int *fds, size_t n, long timeout_ms)
{
	int64_t begun = clock_mono_ms();

	assert_int_equal(vmctl_instance_list_wait(s->place->ctx, fds, n,
						  timeout_ms, &s->err),
			 0);
	return clock_mono_ms() - begun;
}

static struct fake_domain *domain(struct stage *s)
{
	for (int i = 0; i < FAKE_DOMAINS; i++)
		if (s->hv->domains[i].used)
			return &s->hv->domains[i];
	return NULL;
}

static void a_change_that_is_reported_ends_it(void **state)
{
	struct stage *s = *state;
	struct fake_domain *d = domain(s);

	look(s, VMCTL_STATE_RUNNING);
	/* The first one begins to listen: it may have missed something. */
	assert_true(waits(s, NULL, 0, LONG_MS) < LONG_MS / 2);
	d->state = HV_STOPPED;
	fake_report(s->hv, HV_CHANGE_STATE, d->uuid, false, "");
	assert_true(waits(s, NULL, 0, LONG_MS) < LONG_MS / 2);
	look(s, VMCTL_STATE_STOPPED);
	/* It was taken. */
	assert_true(waits(s, NULL, 0, 30) >= 30);
}

static void a_daemon_that_was_restarted_is_listened_to_again(void **state)
{
	struct stage *s = *state;
	struct fake_domain *d = domain(s);

	look(s, VMCTL_STATE_RUNNING);
	waits(s, NULL, 0, LONG_MS);
	s->hv->restarts++;
	look(s, VMCTL_STATE_RUNNING);
	/* What happened in between nobody knows. */
	assert_true(waits(s, NULL, 0, LONG_MS) < LONG_MS / 2);
	waits(s, NULL, 0, 30);
	d->state = HV_PAUSED;
	fake_report(s->hv, HV_CHANGE_STATE, d->uuid, false, "");
	assert_true(waits(s, NULL, 0, LONG_MS) < LONG_MS / 2);
	look(s, VMCTL_STATE_PAUSED);
}

static void an_engine_without_events_is_waited_for_no_longer(void **state)
{
	struct stage *s = *state;

	s->hv->no_events = true;
	look(s, VMCTL_STATE_RUNNING);
	assert_true(waits(s, NULL, 0, 30) >= 30);
}

static void a_descriptor_ends_it(void **state)
{
	struct stage *s = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	waits(s, NULL, 0, LONG_MS);
	assert_true(waits(s, fds, 1, 30) >= 30);
	assert_int_equal(write(fds[1], "q", 1), 1);
	assert_true(waits(s, fds, 1, LONG_MS) < LONG_MS / 2);
	close(fds[0]);
	close(fds[1]);
}

static void an_interrupt_ends_it(void **state)
{
	struct stage *s = *state;

	waits(s, NULL, 0, LONG_MS);
	s->place->cancel_at = s->place->asked + 1;
	assert_int_equal(vmctl_instance_list_wait(s->place->ctx, NULL, 0,
						  LONG_MS, &s->err),
			 -VMCTL_CANCELLED);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_one, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_that_is_reported_ends_it),
		TEST(a_daemon_that_was_restarted_is_listened_to_again),
		TEST(an_engine_without_events_is_waited_for_no_longer),
		TEST(a_descriptor_ends_it),
		TEST(an_interrupt_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
