/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <stdio.h>
#include <string.h>

#include <vmctl/instance.h>

#include "context.h"

/* The connections of a context, to a fake hypervisor. */

static struct hv *link_to(struct stage *s, const char *uri)
{
	const struct hv_ops *ops;
	struct hv *hv = NULL;

	assert_int_equal(context_hv(s->place->ctx, uri, &ops, &hv, &s->err), 0);
	assert_non_null(hv);
	return hv;
}

static void each_connection_is_made_once(void **state)
{
	struct stage *s = *state;
	int before = s->hv->opened;
	struct hv *own = link_to(s, NULL);
	struct hv *system = link_to(s, "test:///system");

	assert_ptr_not_equal(own, system);
	assert_ptr_equal(link_to(s, "test:///system"), system);
	assert_ptr_equal(link_to(s, NULL), own);
	assert_ptr_equal(link_to(s, s->place->ctx->uri), own);
	assert_int_equal(s->hv->opened, before + 2);
}

static void the_time_of_the_caller_is_that_of_each_connection(void **state)
{
	struct stage *s = *state;
	struct vmctl_options o = {
		.size = sizeof(o),
		.home = s->place->home,
		.lock_timeout_ms = -1,
		.answer_timeout_ms = 4321,
	};
	struct vmctl *own = s->place->ctx;

	assert_int_equal(vmctl_new(&o, &s->place->ctx, &s->err), 0);
	link_to(s, "test:///timed");
	assert_int_equal(s->hv->patience_ms, 4321);
	vmctl_free(s->place->ctx);
	s->place->ctx = own;
	link_to(s, "test:///untimed");
	assert_int_equal(s->hv->patience_ms, 0);
}

static void more_connections_than_places_replace_the_last(void **state)
{
	struct stage *s = *state;
	struct hv *own = link_to(s, NULL);
	struct hv *one = link_to(s, "test:///1");
	struct hv *two = link_to(s, "test:///2");

	for (int i = 0; i < 10; i++) {
		char uri[32];

		snprintf(uri, sizeof(uri), "test:///many%d", i);
		link_to(s, uri);
	}
	int before = s->hv->opened;
	assert_ptr_equal(link_to(s, NULL), own);
	assert_ptr_equal(link_to(s, "test:///1"), one);
	assert_ptr_equal(link_to(s, "test:///2"), two);
	link_to(s, "test:///many9");
	assert_int_equal(s->hv->opened, before);
	link_to(s, "test:///many0");
	assert_int_equal(s->hv->opened, before + 1);
}

static void one_that_fails_leaves_the_others(void **state)
{
	struct stage *s = *state;
	const struct hv_ops *ops;
	struct hv *own = link_to(s, NULL);
	struct hv *none = NULL;

	s->hv->down = true;
	assert_int_equal(
		context_hv(s->place->ctx, "test:///down", &ops, &none, &s->err),
		-VMCTL_HYPERVISOR);
	assert_null(none);
	assert_ptr_equal(link_to(s, NULL), own);
	s->hv->down = false;
}

/* INST-015: an instance is asked for where it is, whatever -c says. */
static void an_instance_stays_on_its_connection(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance_list *list;
	struct vmctl_error why = { 0 };

	assert_int_equal(stage_create(s, "web1"), 0);
	int before = s->hv->opened;
	free(s->place->ctx->uri);
	s->place->ctx->uri = strdup("test:///other");
	assert_int_equal(
		vmctl_instance_list(s->place->ctx, 0, &list, &why, &s->err), 0);
	assert_int_equal(list->count, 1);
	assert_int_equal(list->items[0]->state, VMCTL_STATE_RUNNING);
	assert_int_equal(why.code, 0);
	assert_string_not_equal(list->items[0]->connection, "test:///other");
	vmctl_instance_list_free(list);
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	/* The other one was never needed. */
	assert_int_equal(s->hv->opened, before);
}

/* The daemon is restarted under a context that is in use. */
static void a_lost_connection_is_made_anew(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	struct hv *own = link_to(s, NULL);
	int before = s->hv->opened;
	s->hv->restarts++;
	assert_ptr_equal(link_to(s, NULL), own);
	assert_int_equal(s->hv->opened, before + 1);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(vmctl_instance_stop(s->place->ctx, "web1", 1000, false,
					     &s->err),
			 0);
	assert_int_equal(s->hv->opened, before + 1);
}

static void one_that_cannot_be_made_anew_is_tried_again_later(void **state)
{
	struct stage *s = *state;
	const struct hv_ops *ops;
	struct hv *own = link_to(s, NULL), *hv = NULL;
	int before;

	s->hv->restarts++;
	s->hv->down = true;
	assert_int_equal(context_hv(s->place->ctx, NULL, &ops, &hv, &s->err),
			 -VMCTL_HYPERVISOR);
	assert_null(hv);
	/* Not at once: a list of many would wait for each. */
	before = s->hv->calls;
	assert_int_equal(context_hv(s->place->ctx, NULL, &ops, &hv, &s->err),
			 -VMCTL_HYPERVISOR);
	assert_int_equal(s->hv->calls, before);
	s->hv->down = false;
	s->place->ctx->links[0].failed_at -= 2000;
	assert_ptr_equal(link_to(s, NULL), own);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_connection_is_made_once),
		TEST(the_time_of_the_caller_is_that_of_each_connection),
		TEST(more_connections_than_places_replace_the_last),
		TEST(one_that_fails_leaves_the_others),
		TEST(an_instance_stays_on_its_connection),
		TEST(a_lost_connection_is_made_anew),
		TEST(one_that_cannot_be_made_anew_is_tried_again_later),
	};

	return cmocka_run_group_tests_name("context-links", tests, NULL, NULL);
}
