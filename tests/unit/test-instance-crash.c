/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <string.h>

#include "base/clock.h"

/*
 * What is left when a creation or deletion fails, or its process dies, at each
 * of its calls to the hypervisor in turn: nothing, or what the next command
 * takes back.
 */

static int create_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return create_in(ctx, "web1", err);
}

static int delete_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_delete(ctx, "web1", err);
}

/* How many calls a creation takes, and then all is as before. */
static int calls_of_creation(struct stage *s)
{
	s->hv->calls = 0;
	assert_int_equal(stage_create(s, "web1"), 0);
	int n = s->hv->calls;
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	nothing_is_held(s);
	return n;
}

/* The context is opened anew, as the next command would. */
static void reset(struct stage *s, struct fake plan)
{
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->calls = 0;
	s->hv->fail_at = plan.fail_at;
	s->hv->lie_at = plan.lie_at;
	s->hv->kill_at = plan.kill_at;
	s->hv->killed_at = plan.killed_at;
	s->hv->fail_code = plan.fail_code;
	s->hv->start_late = plan.start_late;
	s->hv->down = plan.down;
}

static void failed_creation_holds_nothing(struct stage *s, struct fake plan)
{
	reset(s, plan);
	int r = stage_create(s, "web1");
	struct vmctl_error why = s->err;

	/* The last look at what was made may fail: it is shown as unknown. */
	reset(s, (struct fake){ 0 });
	if (r == 0) {
		assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	} else if (state_of(s, "web1") != VMCTL_STATE_COUNT) {
		struct vmctl_instance *row = NULL;

		assert_int_equal(vmctl_instance_get(s->place->ctx, "web1", 0,
						    &row, &s->err),
				 0);
		assert_int_equal(row->state, VMCTL_STATE_ERROR);
		/* Its reason is the one that was told, also when it could be
		 * taken back only later. */
		assert_non_null(strstr(why.message, row->reason));
		vmctl_instance_free(row);
		nothing_is_held(s);
	}
	if (state_of(s, "web1") != VMCTL_STATE_COUNT)
		assert_int_equal(
			vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			0);
	nothing_is_held(s);
}

static void
INST_007_a_creation_that_fails_at_any_call_holds_nothing(void **state)
{
	struct stage *s = *state;
	int n = calls_of_creation(s);

	assert_true(n > 4);
	for (int i = 1; i <= n; i++) {
		failed_creation_holds_nothing(s, (struct fake){ .fail_at = i });
		failed_creation_holds_nothing(s, (struct fake){ .lie_at = i });
	}
}

/* From that call on nobody answers: nothing can be taken back either. */
static void INST_007_what_cannot_be_taken_back_now_is_later(void **state)
{
	struct stage *s = *state;
	int n = calls_of_creation(s);

	for (int i = 2; i < n; i++) {
		reset(s, (struct fake){ .lie_at = i,
					.fail_code = VMCTL_HYPERVISOR });
		/* The failure also cuts the connection. */
		s->hv->down_after = i;
		int r = in_process(s, create_web1, 0);
		s->hv->down = true;
		s->hv->down_after = 0;
		if (r == 0)
			assert_int_equal(state_of(s, "web1"),
					 VMCTL_STATE_UNKNOWN);
		else
			assert_int_equal(r, -VMCTL_HYPERVISOR);
		/* It is listed all the while. */
		assert_int_not_equal(state_of(s, "web1"), VMCTL_STATE_COUNT);
		reset(s, (struct fake){ 0 });
		if (r < 0) {
			struct vmctl_instance *row = NULL;

			assert_int_equal(vmctl_instance_get(s->place->ctx,
							    "web1", 0, &row,
							    &s->err),
					 0);
			assert_int_equal(row->state, VMCTL_STATE_ERROR);
			/* Not that it was interrupted, but why. */
			assert_null(strstr(row->reason, "interrupted"));
			vmctl_instance_free(row);
			nothing_is_held(s);
		}
		assert_int_equal(
			vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			0);
		nothing_is_held(s);
	}
}

static void killed_creation_holds_nothing(struct stage *s, struct fake plan,
					  long kill_us)
{
	reset(s, plan);
	int r = in_process(s, create_web1, kill_us);
	s->hv->calls = 1000; /* nobody else is killed */
	enum vmctl_state now = state_of(s, "web1");
	struct wait w = wait_begin(20000, 100);

	/* A child that was forked and not yet scheduled holds the dead
	 * process's lock until it is, on a busy machine for a while. */
	while (now == VMCTL_STATE_PENDING && wait_more(&w))
		now = state_of(s, "web1");
	if (now == VMCTL_STATE_ERROR)
		nothing_is_held(s);
	else if (now == VMCTL_STATE_COUNT)
		assert_int_equal(r, 1); /* before its record */
	else
		assert_int_equal(now, VMCTL_STATE_RUNNING);
	if (now != VMCTL_STATE_COUNT)
		assert_int_equal(
			vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			0);
	nothing_is_held(s);
}

static void REL_001_a_creation_killed_at_any_call_is_taken_back(void **state)
{
	struct stage *s = *state;
	int n = calls_of_creation(s);

	for (int i = 1; i <= n; i++) {
		killed_creation_holds_nothing(s, (struct fake){ .kill_at = i },
					      0);
		killed_creation_holds_nothing(
			s, (struct fake){ .killed_at = i }, 0);
	}
}

/* Between two calls: while qemu-img works, a file is written or the database is
 * about to say so. */
static void REL_001_a_creation_killed_at_any_moment_is_taken_back(void **state)
{
	struct stage *s = *state;
	int64_t begun = clock_mono_ms();

	calls_of_creation(s);
	long whole_us = (long)(clock_mono_ms() - begun + 1) * 1000;
	for (int i = 1; i <= 20; i++)
		killed_creation_holds_nothing(s, (struct fake){ 0 },
					      whole_us * i / 20);
}

/* The daemon goes on with what it was asked for by a process that is dead. */
static void
REL_001_a_start_that_ends_after_its_process_is_taken_back(void **state)
{
	struct stage *s = *state;
	calls_of_creation(s);
	int start = s->hv->start_call;
	for (int late = 1; late < 8; late++)
		killed_creation_holds_nothing(
			s,
			(struct fake){ .killed_at = start, .start_late = late },
			0);
}

static void REL_001_a_deletion_killed_at_any_call_is_finished(void **state)
{
	struct stage *s = *state;
	int n = 1, killed = 0;

	for (int r = 1; r == 1; n++) {
		for (int after = 0; after < 2; after++) {
			reset(s, (struct fake){ 0 });
			assert_int_equal(stage_create(s, "web1"), 0);
			reset(s, (struct fake){ .kill_at = after ? 0 : n,
						.killed_at = after ? n : 0 });
			r = in_process(s, delete_web1, 0);
			killed += r == 1;
			s->hv->calls = 1000;
			/* The next command, whatever it is, ends it. */
			struct vmctl_instance_list *all = NULL;
			assert_int_equal(vmctl_instance_list(s->place->ctx, 0,
							     &all, NULL,
							     &s->err),
					 0);
			bool begun = all->count == 0;
			vmctl_instance_list_free(all);
			if (!begun) /* killed before it said what it does */
				assert_int_equal(
					vmctl_instance_delete(s->place->ctx,
							      "web1", &s->err),
					0);
			nothing_is_held(s);
		}
	}
	assert_true(killed > 6);
}

static void what_is_half_made_goes_once_the_hypervisor_is_back(void **state)
{
	struct stage *s = *state;

	calls_of_creation(s);
	reset(s, (struct fake){ .killed_at = s->hv->start_call });
	assert_int_equal(in_process(s, create_web1, 0), 1);
	reset(s, (struct fake){ .down = true });
	assert_int_equal(in_process(s, delete_web1, 0), -VMCTL_HYPERVISOR);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_PENDING);
	reset(s, (struct fake){ 0 });
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_COUNT);
	nothing_is_held(s);
}

static void a_deletion_without_a_hypervisor_keeps_all(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	reset(s, (struct fake){ .down = true });
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 -VMCTL_HYPERVISOR);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_UNKNOWN);
	reset(s, (struct fake){ 0 });
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(domains_of(s), 1);
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	nothing_is_held(s);
}

static void an_interrupted_creation_frees_its_name(void **state)
{
	struct stage *s = *state;
	int asked = 0;

	for (int i = 1;; i++) {
		s->place->asked = 0;
		s->place->cancel_at = i;
		int r = stage_create(s, "web1");
		s->place->cancel_at = 0;
		if (r == 0)
			break;
		assert_int_equal(r, -VMCTL_CANCELLED);
		assert_int_equal(state_of(s, "web1"), VMCTL_STATE_COUNT);
		nothing_is_held(s);
		asked++;
	}
	assert_true(asked >= 4);
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
}

/* The same as above where addresses and a network are made as well. */
static int setup_networks(void **state)
{
	static const char *const nat[] = { "nat", NULL };
	int r = stage_setup(state);

	if (r == 0) {
		struct stage *s = *state;

		s->hv->has_networks = true;
		r = vmctl_config_set(s->place->ctx, "network", nat, &s->err);
	}
	return r;
}

#define ON_STAGE(f)                                                            \
	cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)
#define ON_NETWORKS(f)                                                         \
	{                                                                      \
#f "_with_networks", f, setup_networks, stage_teardown, NULL   \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(
			INST_007_a_creation_that_fails_at_any_call_holds_nothing),
		ON_NETWORKS(
			INST_007_a_creation_that_fails_at_any_call_holds_nothing),
		ON_STAGE(INST_007_what_cannot_be_taken_back_now_is_later),
		ON_STAGE(REL_001_a_creation_killed_at_any_call_is_taken_back),
		ON_NETWORKS(
			REL_001_a_creation_killed_at_any_call_is_taken_back),
		ON_STAGE(REL_001_a_creation_killed_at_any_moment_is_taken_back),
		ON_STAGE(
			REL_001_a_start_that_ends_after_its_process_is_taken_back),
		ON_STAGE(REL_001_a_deletion_killed_at_any_call_is_finished),
		ON_NETWORKS(REL_001_a_deletion_killed_at_any_call_is_finished),
		ON_STAGE(what_is_half_made_goes_once_the_hypervisor_is_back),
		ON_STAGE(a_deletion_without_a_hypervisor_keeps_all),
		ON_STAGE(an_interrupted_creation_frees_its_name),
	};

	return cmocka_run_group_tests_name("instance-crash", tests, NULL, NULL);
}
