/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <string.h>

#include "base/str.h"
#include "instance/port.h"

/* Forwarded ports on the fake hypervisor, which listens at none of them: what
 * this host says of its own ports is real. */

/* web1, which runs, with a TCP and a UDP port. */
static int setup_web1(void **state)
{
	int r = stage_setup(state);

	if (r < 0)
		return r;
	struct stage *s = *state;
	const char *const ports[] = { spec_at(0, "80"), spec_at(1, "53/udp"),
				      NULL };
	const struct vmctl_instance_create web1 = { .name = "web1",
						    .ports = ports };
	assert_int_equal(create_with(s->place->ctx, &web1, &s->err), 0);
	return 0;
}

static struct fake_domain *domain(struct stage *s)
{
	for (int i = 0; i < FAKE_DOMAINS; i++)
		if (s->hv->domains[i].used)
			return &s->hv->domains[i];
	return NULL;
}

static bool has(const struct fake_domain *d, int offset)
{
	for (int i = 0; i < FAKE_PORTS; i++)
		if (d->ports[i].host_port == own_port(offset))
			return true;
	return false;
}

static int count(const struct fake_domain *d)
{
	int n = 0;

	for (int i = 0; i < FAKE_PORTS; i++)
		n += d->ports[i].host_port != 0;
	return n;
}

static void forget(struct stage *s)
{
	memset(domain(s)->ports, 0, sizeof(domain(s)->ports));
}

static int recorded(struct stage *s)
{
	return atoi(fixture_ask(&s->db, "SELECT count(*) FROM port_forward"));
}

#define START(s) vmctl_instance_start((s)->place->ctx, "web1", &(s)->err)
#define STOP(s)                                                                \
	assert_int_equal(vmctl_instance_stop((s)->place->ctx, "web1", 0, true, \
					     &(s)->err),                       \
			 0)

static int add(struct stage *s, const char *one, const char *two)
{
	const char *const specs[] = { one, two, NULL };

	return vmctl_port_add(s->place->ctx, "web1", specs, NULL, &s->err);
}

static int drop(struct stage *s, const char *one, const char *two)
{
	const char *const specs[] = { one, two, NULL };

	return vmctl_port_remove(s->place->ctx, "web1", specs, &s->err);
}

/* The states of all ports as letters, in order. */
static const char *states(struct stage *s, const char *name)
{
	static const char letters[] = "ai?";
	static char out[32];
	struct vmctl_port_list *list = NULL;

	if (vmctl_port_list(s->place->ctx, name, &list, NULL, &s->err) < 0)
		return "failed";
	size_t i = 0;
	for (; i < list->count; i++) {
		out[i] = letters[list->items[i]->state];
		assert_int_equal(!*list->items[i]->reason, out[i] == 'a');
	}
	out[i] = '\0';
	vmctl_port_list_free(list);
	return out;
}

/* The context is opened anew, as the next command would. */
static void renew(struct stage *s)
{
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->calls = 0;
}

/* --- coming and going --- */

static void a_creation_sets_them_and_a_deletion_frees_them(void **state)
{
	struct stage *s = *state;

	assert_int_equal(count(domain(s)), 3); /* and that of ssh */
	assert_true(has(domain(s), 0) && has(domain(s), 1));
	assert_string_equal(states(s, NULL), "aa");
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	nothing_is_held(s);
	assert_string_equal(states(s, NULL), "");
}

static void they_come_back_with_every_start(void **state)
{
	struct stage *s = *state;

	STOP(s);
	assert_string_equal(states(s, "web1"), "ii");
	assert_int_equal(START(s), 0);
	assert_int_equal(count(domain(s)), 3);
	assert_string_equal(states(s, "web1"), "aa");
}

static void a_start_asks_once_for_all_of_them(void **state)
{
	struct stage *s = *state;
	auto_free char *ten =
		str_printf("%d-%d:80-89", own_port(5), own_port(14));
	int calls[2];

	STOP(s);
	for (int i = 0; i < 2; i++) {
		renew(s);
		assert_int_equal(START(s), 0);
		calls[i] = s->hv->calls;
		STOP(s);
		if (!i)
			assert_int_equal(add(s, ten, NULL), 0);
	}
	/* One call for each more, and none to look at it. */
	assert_int_equal(calls[1], calls[0] + 10);
	renew(s);
	assert_int_equal(START(s), 0);
	renew(s);
	assert_int_equal(START(s), 0);
	/* open, state, forward_list */
	assert_int_equal(s->hv->calls, 3);
}

static void whoever_finds_one_missing_sets_it_again(void **state)
{
	struct stage *s = *state;

	/* By a list, by a start, by a look at what was started elsewhere. */
	forget(s);
	assert_string_equal(states(s, NULL), "aa");
	assert_int_equal(count(domain(s)), 2 + 1);
	forget(s);
	assert_int_equal(START(s), 0);
	assert_int_equal(count(domain(s)), 3);
	STOP(s);
	domain(s)->state = HV_RUNNING;
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(count(domain(s)), 3);
	/* By whoever cannot get in. */
	forget(s);
	struct vmctl_instance *row = NULL;
	assert_int_equal(instance_find(s->place->ctx, "web1", &row, &s->err),
			 0);
	assert_int_equal(instance_reach(s->place->ctx, row, &s->err), 0);
	vmctl_instance_free(row);
	assert_int_equal(count(domain(s)), 3);
	/* A paused one has them too. */
	domain(s)->state = HV_PAUSED;
	forget(s);
	assert_string_equal(states(s, NULL), "aa");
}

static void one_that_leads_elsewhere_is_set_right(void **state)
{
	struct stage *s = *state;

	for (int i = 0; i < FAKE_PORTS; i++)
		if (domain(s)->ports[i].host_port == own_port(0))
			domain(s)->ports[i].guest_port = 81;
	assert_string_equal(states(s, NULL), "aa");
	for (int i = 0; i < FAKE_PORTS; i++)
		if (domain(s)->ports[i].host_port == own_port(0))
			assert_int_equal(domain(s)->ports[i].guest_port, 80);
	assert_int_equal(count(domain(s)), 3);
}

static void a_port_taken_meanwhile_leaves_the_rest(void **state)
{
	struct stage *s = *state;

	STOP(s);
	s->hv->taken_port = own_port(0);
	assert_int_equal(START(s), -VMCTL_PARTIAL);
	assert_non_null(strstr(s->err.message, "->80/tcp is not forwarded: "));
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(count(domain(s)), 2);
	assert_string_equal(states(s, NULL), "ia");
	/* That is no reason not to get in, or to be shown. */
	struct vmctl_instance *row = NULL;
	assert_int_equal(instance_find(s->place->ctx, "web1", &row, &s->err),
			 0);
	assert_int_equal(instance_reach(s->place->ctx, row, &s->err), 0);
	vmctl_instance_free(row);
	assert_int_equal(
		vmctl_instance_reboot(s->place->ctx, "web1", false, &s->err),
		-VMCTL_PARTIAL);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
	s->hv->taken_port = 0;
	assert_int_equal(START(s), 0);
	assert_string_equal(states(s, NULL), "aa");
}

static void a_port_taken_during_a_creation_undoes_it(void **state)
{
	struct stage *s = *state;
	const char *const ports[] = { spec_at(9, "80"), NULL };
	const struct vmctl_instance_create web2 = { .name = "web2",
						    .ports = ports };
	int64_t rows = recorded(s);

	s->hv->taken_port = own_port(9);
	assert_int_equal(create_with(s->place->ctx, &web2, &s->err),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(s->err.message, "web2: "));
	assert_int_equal(state_of(s, "web2"), VMCTL_STATE_ERROR);
	assert_int_equal(domains_of(s), 1);
	assert_int_equal(recorded(s), rows);
	s->hv->taken_port = 0;
	/* Free again for another. */
	assert_int_equal(add(s, ports[0], NULL), 0);
}

/* --- adding and removing --- */

static void adding_sets_at_once_or_at_the_next_start(void **state)
{
	struct stage *s = *state;
	struct vmctl_port_list *list = NULL;
	const char *const specs[] = { spec_at(2, "81"), "82", NULL };

	assert_int_equal(
		vmctl_port_add(s->place->ctx, "web1", specs, &list, &s->err),
		0);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->items[0]->host_port, own_port(2));
	assert_true(list->items[1]->host_port > 1023);
	assert_int_equal(list->items[1]->state, VMCTL_PORT_ACTIVE);
	vmctl_port_list_free(list);
	assert_int_equal(count(domain(s)), 5);
	STOP(s);
	assert_int_equal(add(s, spec_at(3, "83"), NULL), 0);
	assert_int_equal(count(domain(s)), 0);
	assert_int_equal(START(s), 0);
	assert_int_equal(count(domain(s)), 6);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
}

static void adding_is_all_or_nothing(void **state)
{
	struct stage *s = *state;

	/* Known before anything is done, and found out on the way. */
	assert_int_equal(add(s, spec_at(2, "81"), spec_at(0, "81")),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(s->err.message, "web1"));
	assert_int_equal(recorded(s), 2);
	s->hv->taken_port = own_port(3);
	assert_int_equal(add(s, spec_at(2, "81"), spec_at(3, "82")),
			 -VMCTL_EXISTS);
	assert_int_equal(recorded(s), 2);
	assert_int_equal(count(domain(s)), 3);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
	s->hv->taken_port = 0;
	assert_int_equal(add(s, "x", NULL), -VMCTL_INVALID);
	assert_int_equal(add(s, NULL, NULL), -VMCTL_INVALID);
}

static void too_many_are_refused(void **state)
{
	struct stage *s = *state;

	STOP(s);
	assert_int_equal(add(s, "1-254", NULL), 0);
	assert_int_equal(add(s, "80", NULL), -VMCTL_LIMIT);
	assert_int_equal(recorded(s), VMCTL_PORTS_MAX);
}

static void removing_ends_it_and_frees_the_port(void **state)
{
	struct stage *s = *state;
	const char *port = spec_at(0, "80");

	assert_int_equal(drop(s, port, "1"), -VMCTL_NOT_FOUND);
	assert_int_equal(recorded(s), 2);
	assert_int_equal(drop(s, port, NULL), 0);
	assert_int_equal(recorded(s), 1);
	assert_false(has(domain(s), 0));
	assert_true(has(domain(s), 1));
	assert_int_equal(drop(s, port, NULL), -VMCTL_NOT_FOUND);
	assert_string_equal(s->err.hint, "vmctl port list web1");
	assert_int_equal(add(s, port, NULL), 0);
	/* Not set at all, or stopped: it goes all the same. */
	forget(s);
	assert_int_equal(drop(s, port, NULL), 0);
	STOP(s);
	assert_int_equal(drop(s, spec_at(1, "53"), NULL), 0);
	assert_int_equal(recorded(s), 0);
	assert_int_equal(START(s), 0);
	assert_int_equal(count(domain(s)), 1);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
}

static void without_a_hypervisor_nothing_is_changed(void **state)
{
	struct stage *s = *state;
	struct vmctl_port_list *list = NULL;
	struct vmctl_error why = { 0 };

	s->hv->down = true;
	assert_int_equal(add(s, spec_at(2, "81"), NULL), -VMCTL_HYPERVISOR);
	assert_int_equal(drop(s, spec_at(0, "80"), NULL), -VMCTL_HYPERVISOR);
	assert_int_equal(recorded(s), 2);
	assert_string_equal(states(s, "web1"), "??");
	assert_int_equal(
		vmctl_port_list(s->place->ctx, NULL, &list, &why, &s->err), 0);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->items[1]->state, VMCTL_PORT_UNKNOWN);
	assert_int_equal(why.code, VMCTL_HYPERVISOR);
	vmctl_port_list_free(list);
}

static void what_is_deleted_or_broken_is_refused(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance *row = NULL;

	assert_int_equal(
		vmctl_instance_get(s->place->ctx, "web1", 0, &row, &s->err), 0);
	auto_free char *id = strdup(row->id);
	vmctl_instance_free(row);
	const char *const specs[] = { spec_at(2, "80"), NULL };
	*domain(s) = (struct fake_domain){ 0 };
	assert_int_equal(add(s, specs[0], NULL), -VMCTL_STATE);
	assert_string_equal(states(s, NULL), "ii");
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	assert_int_equal(
		vmctl_port_add(s->place->ctx, id, specs, NULL, &s->err),
		-VMCTL_STATE);
	assert_int_equal(vmctl_port_remove(s->place->ctx, id, specs, &s->err),
			 -VMCTL_STATE);
	assert_string_equal(states(s, id), "failed");
	assert_int_equal(s->err.code, VMCTL_STATE);
}

/* --- interfaces --- */

static void a_user_mode_interface_forwards_also_beside_others(void **state)
{
	static const char *const both[] = { "nat", "user", NULL };
	struct stage *s = *state;
	const char *const ports[] = { spec_at(4, "80"), NULL };
	const struct vmctl_instance_create web2 = { .name = "web2",
						    .ports = ports,
						    .networks = both };

	/* It need not be the first. ssh goes to the address then. */
	s->hv->has_networks = true;
	assert_int_equal(create_with(s->place->ctx, &web2, &s->err), 0);
	assert_int_equal(count(&s->hv->domains[1]), 1);
	assert_true(has(&s->hv->domains[1], 4));
	memset(s->hv->domains[1].ports, 0, sizeof(s->hv->domains[1].ports));
	assert_int_equal(state_of(s, "web2"), VMCTL_STATE_RUNNING);
	assert_true(has(&s->hv->domains[1], 4));
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web2", &s->err),
			 0);
}

/* --- two at once, and processes that die --- */

static struct stage *hooked;

/* Another process removes the port at the moment in which it is being set. */
static void remove_meanwhile(const char *name)
{
	if (str_eq(name, "forward_add"))
		fixture_sql(&hooked->db, "DELETE FROM port_forward");
}

static void what_is_removed_meanwhile_does_not_stay(void **state)
{
	struct stage *s = *state;

	forget(s);
	hooked = s;
	s->hv->hook = remove_meanwhile;
	assert_string_equal(states(s, "web1"), "ii");
	s->hv->hook = NULL;
	assert_int_equal(count(domain(s)), 1); /* ssh's */
}

/* A removal that was killed left it going. Whoever has the instance's lock may
 * be adding it again: it is not ended without the lock. */
static void what_is_going_is_not_ended_beside_others_at_work(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = context_path(s->place->ctx, "locks");
	auto_free char *id =
		strdup(fixture_ask(&s->db, "SELECT id FROM instance"));
	int fd;

	fixture_sql(&s->db, "UPDATE port_forward SET going = 1"
			    " WHERE protocol = 'tcp'");
	assert_int_equal(lock_take(dir, id, "another", 0, NULL, &fd, &s->err),
			 0);
	assert_string_equal(states(s, "web1"), "a");
	assert_true(has(domain(s), 0));
	assert_int_equal(recorded(s), 2);
	lock_release(dir, id, fd);
	assert_string_equal(states(s, "web1"), "a");
	assert_false(has(domain(s), 0));
	assert_int_equal(recorded(s), 1);
}

static void who_sets_the_same_at_once_is_no_failure(void **state)
{
	struct stage *s = *state;

	forget(s);
	s->hv->lost_race = 3;
	assert_int_equal(START(s), 0);
	assert_int_equal(count(domain(s)), 3);
	assert_string_equal(states(s, NULL), "aa");
}

static int add_two(struct vmctl *ctx, struct vmctl_error *err)
{
	const char *const specs[] = { spec_at(2, "81"), spec_at(3, "82"),
				      NULL };

	return vmctl_port_add(ctx, "web1", specs, NULL, err);
}

static int remove_two(struct vmctl *ctx, struct vmctl_error *err)
{
	const char *const specs[] = { spec_at(0, "80"), spec_at(1, "53"),
				      NULL };

	return vmctl_port_remove(ctx, "web1", specs, err);
}

static int start_it(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_start(ctx, "web1", err);
}

/* The next command, whatever it is, makes records and forwards agree. */
static void agree(struct stage *s)
{
	struct vmctl_instance_list *all = NULL;
	enum hv_state seen = domain(s)->state;

	s->hv->calls = 1000; /* nobody else is killed */
	assert_int_equal(
		vmctl_instance_list(s->place->ctx, 0, &all, NULL, &s->err), 0);
	vmctl_instance_list_free(all);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
	assert_int_equal(count(domain(s)),
			 seen == HV_RUNNING ? recorded(s) + 1 : 0);
}

static int killed_everywhere(struct stage *s,
			     int (*body)(struct vmctl *, struct vmctl_error *),
			     void (*restore)(struct stage *))
{
	int killed = 0;

	for (int at = 1, r = 1; r == 1; at++)
		for (int after = 0; after < 2; after++) {
			renew(s);
			s->hv->kill_at = after ? 0 : at;
			s->hv->killed_at = after ? at : 0;
			r = in_process(s, body, 0);
			killed += r == 1;
			agree(s);
			s->hv->kill_at = s->hv->killed_at = 0;
			restore(s);
		}
	return killed;
}

static void remove_added(struct stage *s)
{
	assert_true(recorded(s) == 2 || recorded(s) == 4);
	if (recorded(s) == 4)
		assert_int_equal(drop(s, spec_at(2, "81"), spec_at(3, "82")),
				 0);
	assert_int_equal(recorded(s), 2);
}

static void
an_addition_killed_at_any_call_leaves_records_and_forwards_agreed(void **state)
{
	struct stage *s = *state;

	assert_true(killed_everywhere(s, add_two, remove_added) > 6);
}

static void add_removed(struct stage *s)
{
	if (!has(domain(s), 0))
		assert_int_equal(add(s, spec_at(0, "80"), NULL), 0);
	if (!has(domain(s), 1))
		assert_int_equal(add(s, spec_at(1, "53/udp"), NULL), 0);
	assert_int_equal(recorded(s), 2);
}

static void
a_removal_killed_at_any_call_leaves_records_and_forwards_agreed(void **state)
{
	struct stage *s = *state;

	assert_true(killed_everywhere(s, remove_two, add_removed) > 4);
}

static void stop_it(struct stage *s)
{
	STOP(s);
	assert_int_equal(recorded(s), 2);
}

static void a_start_killed_at_any_call_has_its_forwards(void **state)
{
	struct stage *s = *state;

	STOP(s);
	assert_true(killed_everywhere(s, start_it, stop_it) > 8);
}

/* The hypervisor goes away while what could not be had is taken back. */
static void what_could_not_be_taken_back_is_later(void **state)
{
	struct stage *s = *state;

	for (int at = 3; at < 12; at++) {
		renew(s);
		s->hv->taken_port = own_port(3);
		s->hv->down_after = at;
		int r = in_process(s, add_two, 0);
		assert_true(r == -VMCTL_EXISTS || r == -VMCTL_HYPERVISOR);
		s->hv->taken_port = s->hv->down_after = 0;
		s->hv->down = false;
		renew(s);
		agree(s);
		remove_added(s);
	}
}

#define WEB1(f) cmocka_unit_test_setup_teardown(f, setup_web1, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WEB1(a_creation_sets_them_and_a_deletion_frees_them),
		WEB1(they_come_back_with_every_start),
		WEB1(a_start_asks_once_for_all_of_them),
		WEB1(whoever_finds_one_missing_sets_it_again),
		WEB1(one_that_leads_elsewhere_is_set_right),
		WEB1(a_port_taken_meanwhile_leaves_the_rest),
		WEB1(a_port_taken_during_a_creation_undoes_it),
		WEB1(adding_sets_at_once_or_at_the_next_start),
		WEB1(adding_is_all_or_nothing),
		WEB1(too_many_are_refused),
		WEB1(removing_ends_it_and_frees_the_port),
		WEB1(without_a_hypervisor_nothing_is_changed),
		WEB1(what_is_deleted_or_broken_is_refused),
		WEB1(a_user_mode_interface_forwards_also_beside_others),
		WEB1(what_is_removed_meanwhile_does_not_stay),
		WEB1(what_is_going_is_not_ended_beside_others_at_work),
		WEB1(who_sets_the_same_at_once_is_no_failure),
		WEB1(an_addition_killed_at_any_call_leaves_records_and_forwards_agreed),
		WEB1(a_removal_killed_at_any_call_leaves_records_and_forwards_agreed),
		WEB1(a_start_killed_at_any_call_has_its_forwards),
		WEB1(what_could_not_be_taken_back_is_later),
	};

	return cmocka_run_group_tests_name("instance-port", tests, NULL, NULL);
}
