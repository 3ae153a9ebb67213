/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <signal.h>

#include "base/clock.h"
#include "driver/hostport.h"
#include "instance/port.h"

/* Forwarded ports of an instance that has an address of its own, on the fake
 * hypervisor; the process that forwards is real. Nobody answers at the address.
 */

static int create_nat(struct stage *s, const char *name, const char *port)
{
	static const char *const nat[] = { "nat", NULL };
	const char *const ports[] = { port, NULL };
	const struct vmctl_instance_create spec = { .name = name,
						    .networks = nat,
						    .ports = ports };

	return create_with(s->place->ctx, &spec, &s->err);
}

/* web1, in a network, which runs, with a TCP and a UDP port. */
static int setup_web1(void **state)
{
	int r = stage_setup(state);

	if (r < 0)
		return r;
	struct stage *s = *state;
	s->hv->has_networks = s->hv->has_disks = true;
	assert_int_equal(create_nat(s, "web1", spec_at(0, "80")), 0);
	const char *const more[] = { spec_at(1, "53/udp"), NULL };
	return vmctl_port_add(s->place->ctx, "web1", more, NULL, &s->err);
}

static int teardown(void **state)
{
	struct stage *s = *state;

	/* Else its relay would go on for a second. */
	vmctl_instance_delete(s->place->ctx, "web1", NULL);
	return stage_teardown(state);
}

/* The relay that has the port, or 0. */
static int relay_at(int offset, bool udp)
{
	char who[128] = "";
	int pid = 0;

	if (hostport_holder(udp, "127.0.0.1", own_port(offset), who,
			    sizeof(who)))
		sscanf(who, "vmctl-relay (process %d)", &pid);
	return pid;
}

static bool is_free(int offset, bool udp)
{
	return hostport_check(udp, "127.0.0.1", own_port(offset), NULL) == 0;
}

static void until_free(int offset)
{
	struct wait w = wait_begin(30000, 50);

	while (!is_free(offset, false))
		assert_true(wait_more(&w));
}

static int add(struct stage *s, const char *one)
{
	const char *const specs[] = { one, NULL };

	return vmctl_port_add(s->place->ctx, "web1", specs, NULL, &s->err);
}

static const char *states(struct stage *s)
{
	static const char letters[] = "ai?";
	static char out[32];
	struct vmctl_port_list *list = NULL;

	if (vmctl_port_list(s->place->ctx, NULL, &list, NULL, &s->err) < 0)
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

#define START(s) vmctl_instance_start((s)->place->ctx, "web1", &(s)->err)
#define STOP(s)                                                                \
	assert_int_equal(vmctl_instance_stop((s)->place->ctx, "web1", 0, true, \
					     &(s)->err),                       \
			 0)

static struct fake_domain *domain(struct stage *s)
{
	return &s->hv->domains[0];
}

static void a_relay_has_them_and_a_deletion_frees_them(void **state)
{
	struct stage *s = *state;
	int pid = relay_at(0, false);

	assert_true(pid);
	assert_int_equal(relay_at(1, true), pid);
	assert_string_equal(states(s), "aa");
	/* The engine was asked for none. */
	for (int i = 0; i < FAKE_PORTS; i++)
		assert_int_equal(domain(s)->ports[i].host_port, 0);
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	assert_true(is_free(0, false) && is_free(1, true));
	nothing_is_held(s);
	assert_int_equal(instance_dead_relays(s->place->ctx, false), 0);
}

static void a_stop_ends_them_and_a_start_brings_them(void **state)
{
	struct stage *s = *state;
	const char *const gone[] = { spec_at(1, "53/udp"), NULL };

	STOP(s);
	assert_true(is_free(0, false) && is_free(1, true));
	assert_string_equal(states(s), "ii");
	assert_true(is_free(0, false));
	assert_int_equal(add(s, spec_at(2, "81")), 0);
	assert_true(is_free(2, false));
	assert_int_equal(START(s), 0);
	assert_true(relay_at(0, false) && relay_at(2, false));
	assert_int_equal(
		vmctl_port_remove(s->place->ctx, "web1", gone, &s->err), 0);
	assert_true(is_free(1, true));
	assert_string_equal(states(s), "aa");
}

static void whoever_finds_the_relay_dead_makes_it_anew(void **state)
{
	struct stage *s = *state;

	for (int how = 0; how < 4; how++) {
		kill(relay_at(0, false), SIGKILL);
		until_free(0);
		if (how == 0)
			assert_string_equal(states(s), "aa");
		else if (how == 1)
			assert_int_equal(START(s), 0);
		else if (how == 2)
			assert_int_equal(state_of(s, "web1"),
					 VMCTL_STATE_RUNNING);
		else
			assert_int_equal(add(s, spec_at(2, "81")), 0);
		assert_true(relay_at(0, false) && relay_at(1, true));
	}
}

static void one_that_goes_off_by_itself_takes_the_relay_along(void **state)
{
	struct stage *s = *state;
	const struct hv_ops *ops;
	struct hv *hv;

	assert_int_equal(context_hv(s->place->ctx, "qemu:///session", &ops, &hv,
				    &s->err),
			 0);
	assert_int_equal(ops->destroy(hv, domain(s)->uuid, &s->err), 0);
	until_free(0);
	assert_string_equal(states(s), "ii");
	assert_int_equal(START(s), 0);
	assert_string_equal(states(s), "aa");
}

static void a_port_taken_meanwhile_leaves_the_rest(void **state)
{
	struct stage *s = *state;
	int fd = -1;

	STOP(s);
	assert_int_equal(
		hostport_open(false, "127.0.0.1", own_port(0), &fd, &s->err),
		0);
	assert_int_equal(START(s), -VMCTL_PARTIAL);
	auto_free char *me = str_printf("(process %d)", (int)getpid());
	assert_non_null(strstr(s->err.message, me));
	assert_string_equal(states(s), "ia");
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	close(fd);
	assert_string_equal(states(s), "aa");
}

static void a_failed_creation_leaves_no_relay(void **state)
{
	struct stage *s = *state;
	int fd = -1;

	assert_int_equal(create_nat(s, "web2", spec_at(0, "80")),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(s->err.message, "web1"));
	assert_int_equal(
		hostport_open(false, "127.0.0.1", own_port(3), &fd, &s->err),
		0);
	assert_int_equal(create_nat(s, "web2", spec_at(3, "80")),
			 -VMCTL_EXISTS);
	assert_int_equal(state_of(s, "web2"), VMCTL_STATE_COUNT);
	close(fd);
	/* It fails at every call that it makes, the last of which are those
	 * after its start. */
	for (int at = 1; at < 40; at++) {
		s->hv->fail_at = s->hv->calls + at;
		if (create_nat(s, "web2", spec_at(3, "80")) == 0)
			break;
		s->hv->fail_at = 0;
		assert_true(is_free(3, false));
		vmctl_instance_delete(s->place->ctx, "web2", NULL);
	}
	s->hv->fail_at = 0;
	assert_true(relay_at(3, false));
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web2", &s->err),
			 0);
}

/* In a network without a reservation: only the guest knows, and that not at
 * once. */
static void an_address_may_come_late(void **state)
{
	struct stage *s = *state;
	const struct {
		const char *address, *want;
	} steps[] = {
		{ "", "ii" },
		/* It says that it is this host. */
		{ "127.0.0.1", "ii" },
		{ "127.8.8.8", "ii" },
		/* It says that it is a machine which only this host reaches. */
		{ "192.0.2.7", "ii" },
		{ "192.168.100.77", "aa" },
		/* What was known stands. */
		{ "", "aa" },
	};

	STOP(s);
	s->hv->host_count = 0;
	fixture_sql(&s->db, "UPDATE nic SET reserved = 0, address = NULL");
	assert_int_equal(START(s), 0);
	assert_true(relay_at(0, false));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		snprintf(s->hv->agent_address, sizeof(s->hv->agent_address),
			 "%s", steps[i].address);
		assert_string_equal(states(s), steps[i].want);
	}
}

static bool is_found(struct stage *s, const char *text)
{
	struct vmctl_diagnosis *d = NULL;
	bool found = false;

	assert_int_equal(
		vmctl_instance_diagnose(s->place->ctx, "web1", &d, &s->err), 0);
	for (size_t i = 0; i < d->count; i++)
		found |= str_eq(d->items[i].topic, "forward") &&
			 strstr(d->items[i].text, text);
	vmctl_diagnosis_free(d);
	return found;
}

/* It changes nothing. */
static void a_diagnosis_tells_what_is_forwarded(void **state)
{
	struct stage *s = *state;
	auto_free char *set =
		str_printf("127.0.0.1:%d to 80, 127.0.0.1:%d to 53/udp",
			   own_port(0), own_port(1));

	assert_true(is_found(s, set));
	assert_false(is_found(s, "should be"));
	kill(relay_at(0, false), SIGKILL);
	until_free(0);
	assert_true(is_found(s, "2 of 2 ports"));
	assert_true(is_found(s, "vmctl port list web1"));
	assert_true(is_free(0, false));
}

static void nothing_is_forwarded_to_another_host(void **state)
{
	struct vmctl_error err;

	assert_int_equal(
		ports_require_way("web1", false, "qemu:///system", &err), 0);
	assert_int_equal(ports_require_way("web1", false,
					   "qemu+unix:///system?socket=/x",
					   &err),
			 0);
	assert_int_equal(
		ports_require_way("web1", true, "qemu+ssh://far/system", &err),
		0);
	assert_int_equal(
		ports_require_way("web1", false, "qemu+ssh://far/system", &err),
		-VMCTL_STATE);
	assert_non_null(strstr(err.message, "qemu+ssh://far/system"));
	assert_non_null(strstr(err.hint, "ssh -L"));
}

#define WEB1(f) cmocka_unit_test_setup_teardown(f, setup_web1, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WEB1(a_relay_has_them_and_a_deletion_frees_them),
		WEB1(a_stop_ends_them_and_a_start_brings_them),
		WEB1(whoever_finds_the_relay_dead_makes_it_anew),
		WEB1(one_that_goes_off_by_itself_takes_the_relay_along),
		WEB1(a_port_taken_meanwhile_leaves_the_rest),
		WEB1(a_failed_creation_leaves_no_relay),
		WEB1(an_address_may_come_late),
		WEB1(a_diagnosis_tells_what_is_forwarded),
		cmocka_unit_test(nothing_is_forwarded_to_another_host),
	};

	return cmocka_run_group_tests_name("instance-relay", tests, NULL, NULL);
}
