/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <stdio.h>

#include "base/str.h"
#include "internal/network.h"
#include "network/network.h"
#include "unit.h"

/* Networks that vmctl made and others, and who gets which address in them. */

#define THEIRS "11111111-1111-4111-8111-111111111111"

static struct stage *hooked;

static int setup(void **state)
{
	if (stage_setup(state) < 0)
		return -1;
	hooked = *state;
	hooked->hv->has_networks = true;
	return 0;
}

static int make_lab(struct stage *s)
{
	const struct vmctl_network_create spec = {
		.name = "lab",
		.subnet = "10.123.45.0/24",
	};
	struct vmctl_network *made = NULL;
	int r = vmctl_network_create(s->place->ctx, &spec, &made, &s->err);

	vmctl_network_free(made);
	return r;
}

static bool is_managed(struct stage *s)
{
	struct vmctl_network *net = NULL;

	must(vmctl_network_get(s->place->ctx, "lab", &net, err));
	bool managed = net->managed;
	vmctl_network_free(net);
	return managed;
}

/* As virsh net-undefine and net-define do. */
static void replace(struct stage *s)
{
	snprintf(s->hv->net.name, sizeof(s->hv->net.name), "lab");
	snprintf(s->hv->net.uuid, sizeof(s->hv->net.uuid), THEIRS);
	s->hv->net.active = true;
}

static int delete_lab(struct stage *s)
{
	return vmctl_network_delete(s->place->ctx, "lab", &s->err);
}

static void a_network_that_took_the_name_is_not_deleted(void **state)
{
	struct stage *s = *state;

	assert_int_equal(make_lab(s), 0);
	assert_true(is_managed(s));
	replace(s);
	assert_false(is_managed(s));
	assert_int_equal(delete_lab(s), -VMCTL_UNSUPPORTED);
	assert_string_equal(s->hv->net.uuid, THEIRS);
	/* The own one is, and may be made again. */
	s->hv->net = (struct hv_network){ 0 };
	assert_int_equal(make_lab(s), 0);
	assert_true(is_managed(s));
	assert_int_equal(delete_lab(s), 0);
	assert_string_equal(s->hv->net.name, "");
}

static void fail_create(const char *name)
{
	if (str_eq(name, "net_create"))
		hooked->hv->fail_at = hooked->hv->calls;
}

static void lie_create(const char *name)
{
	if (str_eq(name, "net_create"))
		hooked->hv->lie_at = hooked->hv->calls;
}

static void what_could_not_be_made_is_not_vmctls_later(void **state)
{
	struct stage *s = *state;

	s->hv->hook = fail_create;
	assert_int_equal(make_lab(s), -VMCTL_FAILED);
	s->hv->hook = NULL;
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM network"),
			    "0");
	replace(s);
	assert_false(is_managed(s));
}

static void what_was_made_all_the_same_is_vmctls(void **state)
{
	struct stage *s = *state;

	s->hv->hook = lie_create;
	assert_int_equal(make_lab(s), -VMCTL_FAILED);
	s->hv->hook = NULL;
	assert_true(is_managed(s));
	assert_int_equal(delete_lab(s), 0);
}

static void the_record_of_an_older_version_is_that_of_the_network(void **state)
{
	struct stage *s = *state;

	assert_int_equal(make_lab(s), 0);
	fixture_sql(&s->db, "UPDATE network SET uuid = ''");
	assert_true(is_managed(s));
	replace(s);
	assert_false(is_managed(s));
}

static int create_in_lab(struct vmctl *ctx, const char *name, const char *ip,
			 struct vmctl_error *err)
{
	static const char *const lab[] = { "lab", NULL };
	const struct vmctl_instance_create spec = { .name = name,
						    .networks = lab,
						    .ip = ip };

	return create_with(ctx, &spec, err);
}

static int made_between;

/* By another process, which does not wait. */
static void create_between(const char *name)
{
	const struct vmctl_options opts = {
		.size = sizeof(opts),
		.home = hooked->place->home,
		.lock_timeout_ms = 50,
	};
	struct vmctl *ctx = NULL;
	struct vmctl_error err = { 0 };

	if (!str_eq(name, "net_delete"))
		return;
	hooked->hv->hook = NULL;
	assert_int_equal(vmctl_new(&opts, &ctx, &err), 0);
	made_between = create_in_lab(ctx, "web1", NULL, &err);
	vmctl_free(ctx);
}

static void no_instance_is_made_in_a_network_that_is_going(void **state)
{
	struct stage *s = *state;

	assert_int_equal(make_lab(s), 0);
	s->hv->hook = create_between;
	assert_int_equal(delete_lab(s), 0);
	assert_int_equal(made_between, -VMCTL_BUSY);
	nothing_is_held(s);
}

/* --- addresses ------------------------------------------------------------ */

static const char *address_of(struct stage *s, const char *name)
{
	auto_free char *sql = str_printf("SELECT address FROM nic JOIN instance"
					 " ON id = instance WHERE name = '%s'",
					 name);

	return fixture_ask(&s->db, sql);
}

static void nobody_is_given_what_the_host_or_the_network_has(void **state)
{
	struct stage *s = *state;
	struct hv_network *net = &s->hv->net;
	static const char *const never[] = { "10.123.45.0", "10.123.45.1",
					     "10.123.45.2", "10.123.45.255" };

	assert_int_equal(make_lab(s), 0);
	/* As libvirt takes them. */
	snprintf(net->range_first, sizeof(net->range_first), "10.123.45.0");
	snprintf(net->range_last, sizeof(net->range_last), "10.123.45.255");
	/* A name that an administrator gave to an address. */
	s->hv->hosts[0] = (struct hv_lease){ .address = "10.123.45.2",
					     .hostname = "printer" };
	s->hv->host_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		assert_int_equal(
			create_in_lab(s->place->ctx, "web1", never[i], &s->err),
			-VMCTL_EXISTS);
	must(create_in_lab(s->place->ctx, "web1", NULL, err));
	assert_string_equal(address_of(s, "web1"), "10.123.45.3");
	/* And it is no reason against deleting what is used by none. */
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	assert_int_equal(delete_lab(s), 0);
}

static void what_this_host_has_elsewhere_is_not_given_either(void **state)
{
	struct stage *s = *state;
	struct hv_network *net = &s->hv->net;

	assert_int_equal(make_lab(s), 0);
	snprintf(net->address, sizeof(net->address), "127.0.0.9");
	snprintf(net->range_first, sizeof(net->range_first), "127.0.0.1");
	snprintf(net->range_last, sizeof(net->range_last), "127.0.0.3");
	assert_int_equal(create_in_lab(s->place->ctx, "web1", NULL, &s->err),
			 -VMCTL_LIMIT);
}

/* --- what a guest says of itself ------------------------------------------ */

static int look_up(struct stage *s, const struct state_nic *nic, char ret[46])
{
	const char *source = "";
	struct state *db;
	const struct config *config;

	must(context_state(s->place->ctx, &db, err));
	must(context_config(s->place->ctx, &config, err));
	return network_look_up(s->place->ctx, NULL, "uuid", nic, ret, &source,
			       &s->err);
}

static void say(struct stage *s, const char *address)
{
	snprintf(s->hv->agent_address, sizeof(s->hv->agent_address), "%s",
		 address);
}

/* The loopback is the one interface that is the same everywhere. */
static void on_a_bridge_a_guest_is_where_its_subnets_are(void **state)
{
	struct stage *s = *state;
	struct state_nic nic = { .kind = STATE_NIC_BRIDGE, .source = "lo" };
	char address[46] = "";

	say(s, "10.0.0.5");
	assert_int_equal(look_up(s, &nic, address), -VMCTL_NOT_FOUND);
	say(s, "127.0.0.77");
	assert_int_equal(look_up(s, &nic, address), 0);
	assert_string_equal(address, "127.0.0.77");
	snprintf(nic.source, sizeof(nic.source), "nosuch0");
	assert_int_equal(look_up(s, &nic, address), -VMCTL_NOT_FOUND);
}

static void in_a_network_a_guest_is_in_its_subnet(void **state)
{
	struct stage *s = *state;
	const struct state_nic nic = { .kind = STATE_NIC_NETWORK,
				       .source = "lab",
				       .mac = "52:54:00:00:00:01" };
	char address[46] = "";

	assert_int_equal(make_lab(s), 0);
	say(s, "10.0.0.5");
	assert_int_equal(look_up(s, &nic, address), -VMCTL_NOT_FOUND);
	say(s, "10.123.45.200");
	assert_int_equal(look_up(s, &nic, address), 0);
	assert_string_equal(address, "10.123.45.200");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_network_that_took_the_name_is_not_deleted),
		TEST(what_could_not_be_made_is_not_vmctls_later),
		TEST(what_was_made_all_the_same_is_vmctls),
		TEST(the_record_of_an_older_version_is_that_of_the_network),
		TEST(no_instance_is_made_in_a_network_that_is_going),
		TEST(nobody_is_given_what_the_host_or_the_network_has),
		TEST(what_this_host_has_elsewhere_is_not_given_either),
		TEST(on_a_bridge_a_guest_is_where_its_subnets_are),
		TEST(in_a_network_a_guest_is_in_its_subnet),
	};

	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
