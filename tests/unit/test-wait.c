/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "state/state.h"

/* Waiting, on the fake hypervisor: what happens is done by another process,
 * once this one listens. */

#define LONG_MS 60000
/* A state whose changes are reported is looked at less often than this. */
#define PROMPT_MS 4500

static struct fake_domain *domain(struct stage *s, int nth)
{
	for (int i = 0; i < FAKE_DOMAINS; i++)
		if (s->hv->domains[i].used && nth-- == 0)
			return &s->hv->domains[i];
	return NULL;
}

static int setup_two(void **state)
{
	int r = stage_setup(state);

	if (r == 0)
		r = stage_create(*state, "web1");
	return r < 0 ? r : stage_create(*state, "web2");
}

/* In a child, which must not touch the database: it dies with the test. */
static pid_t meanwhile(struct stage *s,
		       void (*body)(struct fake *hv, struct fake_domain *d))
{
	int before = s->hv->watchers;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct wait w = wait_begin(20000, 10);
	/* After the first look, which would see it by itself. */
	while ((s->hv->watchers == before || str_eq(s->hv->last, "watch")) &&
	       wait_more(&w))
		;
	body(s->hv, domain(s, 0));
	_exit(0);
}

static void end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int wait_for(struct stage *s, enum vmctl_wait what, long timeout_ms)
{
	memset(&s->err, 0, sizeof(s->err));
	return vmctl_instance_wait(s->place->ctx, "web1", what, timeout_ms,
				   &s->err);
}

static void stops(struct fake *hv, struct fake_domain *d)
{
	d->state = HV_STOPPED;
	fake_report(hv, HV_CHANGE_STATE, d->uuid, false, "its power was cut");
}

static void what_is_true_already_counts(void **state)
{
	struct stage *s = *state;

	assert_int_equal(wait_for(s, VMCTL_WAIT_RUNNING, 0), 0);
	assert_int_equal(wait_for(s, VMCTL_WAIT_IP, 0), 0);
	assert_int_equal(wait_for(s, VMCTL_WAIT_AGENT, 0), -VMCTL_TIMEOUT);
	s->hv->details.channel_count = 1;
	strcpy(s->hv->details.channels[0].name, HV_QEMU_AGENT);
	assert_int_equal(wait_for(s, VMCTL_WAIT_AGENT, 0), -VMCTL_TIMEOUT);
	/* Something has the channel open. */
	s->hv->details.channels[0].up = true;
	assert_int_equal(wait_for(s, VMCTL_WAIT_AGENT, 0), -VMCTL_TIMEOUT);
	assert_string_equal(s->err.message,
			    "web1 has no guest agent that answers");
	s->hv->agent_pings = true;
	assert_int_equal(wait_for(s, VMCTL_WAIT_AGENT, 0), 0);
	strcpy(s->hv->details.channels[0].name, HV_AGENT);
	assert_int_equal(wait_for(s, VMCTL_WAIT_AGENT, 0), -VMCTL_TIMEOUT);
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 0), -VMCTL_TIMEOUT);
	assert_string_equal(s->err.message, "web1 is not stopped");
	domain(s, 0)->state = HV_STOPPED;
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 0), 0);
	domain(s, 0)->state = HV_SAVED;
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 0), 0);
}

static void a_change_is_seen_when_it_is_reported(void **state)
{
	struct stage *s = *state;
	int64_t begun = clock_mono_ms();
	pid_t pid = meanwhile(s, stops);

	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, LONG_MS), 0);
	assert_in_range(clock_mono_ms() - begun, 0, PROMPT_MS);
	end(pid);
}

static void vanishes(struct fake *hv, struct fake_domain *d)
{
	d->state = HV_STOPPED;
	fake_report(hv, HV_CHANGE_MISSED, "", false, "");
}

static void events_that_were_lost_make_it_look(void **state)
{
	struct stage *s = *state;
	int64_t begun = clock_mono_ms();
	pid_t pid = meanwhile(s, vanishes);

	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, LONG_MS), 0);
	assert_in_range(clock_mono_ms() - begun, 0, PROMPT_MS);
	end(pid);
}

static void stops_silently(struct fake *hv, struct fake_domain *d)
{
	d->state = HV_STOPPED;
}

static void without_events_it_looks_more_often(void **state)
{
	struct stage *s = *state;
	int64_t begun = clock_mono_ms();

	s->hv->no_events = true;
	pid_t pid = meanwhile(s, stops_silently);
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, LONG_MS), 0);
	assert_in_range(clock_mono_ms() - begun, 0, PROMPT_MS);
	end(pid);
}

/* An instance that dies ends a wait for what is inside of it. */
static void one_that_dies_ends_the_wait_at_once(void **state)
{
	struct stage *s = *state;
	const enum vmctl_wait inside[] = { VMCTL_WAIT_AGENT, VMCTL_WAIT_SSH,
					   VMCTL_WAIT_CLOUD_INIT };

	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		int64_t begun = clock_mono_ms();
		pid_t pid = meanwhile(s, stops);

		assert_int_equal(wait_for(s, inside[i], LONG_MS), -VMCTL_STATE);
		assert_string_equal(s->err.message,
				    "web1 stopped while it was waited for: "
				    "its power was cut");
		assert_string_equal(s->err.hint, "vmctl logs web1");
		assert_int_equal(s->err.sys_errno, ESHUTDOWN);
		assert_in_range(clock_mono_ms() - begun, 0, PROMPT_MS);
		end(pid);
		domain(s, 0)->state = HV_RUNNING;
	}
}

static void one_that_does_not_run_is_refused_with_what_to_type(void **state)
{
	struct stage *s = *state;

	domain(s, 0)->state = HV_STOPPED;
	assert_int_equal(wait_for(s, VMCTL_WAIT_IP, LONG_MS), -VMCTL_STATE);
	assert_string_equal(s->err.message,
			    "web1 is not running: it is stopped");
	assert_string_equal(s->err.hint, "vmctl start web1");
	assert_int_equal(s->err.sys_errno, 0);
}

static void starts(struct fake *hv, struct fake_domain *d)
{
	d->state = HV_RUNNING;
	fake_report(hv, HV_CHANGE_STATE, d->uuid, false, "");
}

static void with_running_it_may_yet_be_started(void **state)
{
	struct stage *s = *state;
	const char *const names[] = { "web1", NULL };
	const struct vmctl_wait_spec spec = {
		.size = sizeof(spec),
		.names = names,
		.conditions = 1u << VMCTL_WAIT_RUNNING | 1u << VMCTL_WAIT_IP,
		.timeout_ms = LONG_MS,
	};

	domain(s, 0)->state = HV_STOPPED;
	pid_t pid = meanwhile(s, starts);
	assert_int_equal(vmctl_instance_wait_all(s->place->ctx, &spec, &s->err),
			 0);
	end(pid);
}

static void restarts_the_daemon(struct fake *hv, struct fake_domain *d)
{
	hv->down = true;
	hv->restarts++;
	fake_report(hv, HV_CHANGE_LOST, "", false, "");
	/* As long as it takes for somebody to notice. */
	int calls = hv->calls;
	struct wait w = wait_begin(20000, 10);
	while (hv->calls == calls && wait_more(&w))
		;
	d->state = HV_STOPPED;
	hv->down = false;
}

static void a_hypervisor_that_is_restarted_is_waited_for(void **state)
{
	struct stage *s = *state;
	int opened = s->hv->opened;
	pid_t pid = meanwhile(s, restarts_the_daemon);

	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, LONG_MS), 0);
	assert_int_equal(s->hv->opened, opened + 1);
	end(pid);
}

static void dies(struct fake *hv, struct fake_domain *d)
{
	hv->down = true;
	hv->restarts++;
	fake_report(hv, HV_CHANGE_LOST, "", false, "");
}

static void one_that_stays_away_is_told_when_the_time_is_up(void **state)
{
	struct stage *s = *state;
	pid_t pid = meanwhile(s, dies);

	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 1500), -VMCTL_TIMEOUT);
	assert_non_null(strstr(s->err.message, "nobody answers"));
	end(pid);
	s->hv->down = false;
}

static void one_that_never_answered_is_not_waited_for(void **state)
{
	struct stage *s = *state;
	int64_t begun = clock_mono_ms();

	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->down = true;
	assert_int_equal(wait_for(s, VMCTL_WAIT_RUNNING, LONG_MS),
			 -VMCTL_HYPERVISOR);
	assert_in_range(clock_mono_ms() - begun, 0, PROMPT_MS);
	s->hv->down = false;
}

struct told {
	int good, bad;
	char first[64];
};

static void on_done(void *data, const char *name, const struct vmctl_error *why)
{
	struct told *t = data;

	if (!t->good && !t->bad)
		strcpy(t->first, name);
	if (why)
		t->bad++;
	else
		t->good++;
}

static void several_share_one_time_and_are_told_of_as_they_come(void **state)
{
	struct stage *s = *state;
	const char *const names[] = { "web1", "web2", "web3", NULL };
	struct told told = { 0 };
	const struct vmctl_wait_spec spec = {
		.size = sizeof(spec),
		.names = names,
		.conditions = 1u << VMCTL_WAIT_STOPPED,
		.timeout_ms = 3000,
		.done = on_done,
		.data = &told,
	};
	int64_t begun = clock_mono_ms();

	assert_int_equal(vmctl_instance_wait_all(s->place->ctx, &spec, &s->err),
			 -VMCTL_FAILED);
	assert_string_equal(s->err.message, "3 of 3 failed");
	assert_string_equal(told.first, "web3"); /* there is none */
	assert_int_equal(told.bad, 3);
	/* One after the other would take twice as long. */
	assert_in_range(clock_mono_ms() - begun, 3000, 5999);

	told = (struct told){ 0 };
	domain(s, 1)->state = HV_STOPPED;
	assert_int_equal(vmctl_instance_wait_all(s->place->ctx, &spec, &s->err),
			 -VMCTL_PARTIAL);
	assert_int_equal(told.good, 1);
	assert_int_equal(told.bad, 2);
}

/* Of a deletion the domain's end is seen first, as long as it goes on. */
static void one_that_is_being_deleted_is_waited_for_to_the_end(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = path_join(s->place->home, "locks");
	auto_free char *id = strdup(domain(s, 0)->name);
	int fd = -1;

	*domain(s, 0) = (struct fake_domain){ 0 };
	assert_int_equal(lock_take(dir, id, "another", 0, NULL, &fd, &s->err),
			 0);
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 1000), -VMCTL_TIMEOUT);
	lock_release(dir, id, fd);
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, 1000), -VMCTL_STATE);
	assert_non_null(strstr(s->err.message, "its domain is gone"));
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	memset(&s->err, 0, sizeof(s->err));
	assert_int_equal(vmctl_instance_wait(s->place->ctx, id,
					     VMCTL_WAIT_STOPPED, 1000, &s->err),
			 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct stage *s = *state;
	const char *const names[] = { "web1", NULL };
	struct vmctl_wait_spec spec = { .size = sizeof(spec), .names = names };
	const unsigned bad[] = {
		0,
		1u << VMCTL_WAIT_COUNT,
		1u << VMCTL_WAIT_STOPPED | 1u << VMCTL_WAIT_SSH,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		spec.conditions = bad[i];
		assert_int_equal(
			vmctl_instance_wait_all(s->place->ctx, &spec, &s->err),
			-VMCTL_INVALID);
	}
}

static bool always(void *data)
{
	(void)data;
	return true;
}

static void an_interrupt_ends_it(void **state)
{
	struct stage *s = *state;

	s->place->ctx->ev.cancelled = always;
	assert_int_equal(wait_for(s, VMCTL_WAIT_STOPPED, -1), -VMCTL_CANCELLED);
	s->place->ctx->ev.cancelled = NULL;
}

static void the_time_that_ran_out_says_how_far_ssh_came(void **state)
{
	struct stage *s = *state;

	/* Nobody listens at its port. */
	assert_int_equal(wait_for(s, VMCTL_WAIT_SSH, 300), -VMCTL_TIMEOUT);
	assert_non_null(strstr(s->err.message,
			       "web1 cannot be entered by ssh after 300ms: "));
	assert_non_null(strstr(s->err.message, "refuses connections"));
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_two, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_true_already_counts),
		TEST(a_change_is_seen_when_it_is_reported),
		TEST(events_that_were_lost_make_it_look),
		TEST(without_events_it_looks_more_often),
		TEST(one_that_dies_ends_the_wait_at_once),
		TEST(one_that_does_not_run_is_refused_with_what_to_type),
		TEST(with_running_it_may_yet_be_started),
		TEST(a_hypervisor_that_is_restarted_is_waited_for),
		TEST(one_that_stays_away_is_told_when_the_time_is_up),
		TEST(one_that_never_answered_is_not_waited_for),
		TEST(several_share_one_time_and_are_told_of_as_they_come),
		TEST(one_that_is_being_deleted_is_waited_for_to_the_end),
		TEST(what_makes_no_sense_is_refused),
		TEST(an_interrupt_ends_it),
		TEST(the_time_that_ran_out_says_how_far_ssh_came),
	};

	return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
