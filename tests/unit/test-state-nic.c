/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);
#define auto_instance auto_cleanup(instance_cleanup)

static int setup(void **state)
{
	if (fixture_setup(state) < 0)
		return -1;
	image_put(*state, "mini", digest_of("aa"));
	return 0;
}

/* The connection of the samples. */
#define HERE "qemu:///session"

static struct state_nic nic(const char *source, const char *mac,
			    const char *address)
{
	struct state_nic n = { .kind = STATE_NIC_NETWORK,
			       .reserved = *address != '\0' };

	snprintf(n.source, sizeof(n.source), "%s", source);
	snprintf(n.mac, sizeof(n.mac), "%s", mac);
	snprintf(n.address, sizeof(n.address), "%s", address);
	return n;
}

static int add(struct fixture *f, unsigned number, const char *name,
	       const struct state_nic *nics, size_t n, enum state_clash *clash)
{
	struct vmctl_instance row =
		sample_instance(number, name, digest_of("aa"));

	return state_instance_add(f->db, &row, NULL, 0, nics, n, NULL, 0,
				  "test", clash, &f->err);
}

static void terminate(struct fixture *f, const char *id)
{
	assert_int_equal(state_instance_set(f->db, id, VMCTL_STATE_TERMINATED,
					    "", &f->err),
			 0);
}

static bool taken(struct fixture *f, const char *network, const char *address)
{
	bool ret = false;

	assert_int_equal(state_address_taken(f->db, HERE, network, address,
					     &ret, &f->err),
			 0);
	return ret;
}

static void interfaces_come_back_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct state_nic nics[] = {
		nic("vmctl", "52:54:00:00:00:01", "192.168.100.10"),
		nic("lab", "52:54:00:00:00:02", ""),
		{ .kind = STATE_NIC_BRIDGE,
		  .source = "br0",
		  .mac = "52:54:00:00:00:03" },
		{ .kind = STATE_NIC_USER, .mac = "52:54:00:00:00:04" },
	};
	static const char *const labels[] = { "vmctl", "lab", "bridge=br0",
					      "user" };
	auto_free struct state_nic *got = NULL;
	size_t n = 0;

	assert_int_equal(add(f, 1, "web1", nics, 4, NULL), 0);
	fixture_reopen(f);
	assert_int_equal(state_nics(f->db, "i-00000001", &got, &n, &f->err), 0);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		auto_free char *label = state_nic_label(&got[i]);

		assert_int_equal(got[i].kind, nics[i].kind);
		assert_string_equal(got[i].source, nics[i].source);
		assert_string_equal(got[i].mac, nics[i].mac);
		assert_string_equal(got[i].address, nics[i].address);
		assert_int_equal(got[i].reserved, nics[i].reserved);
		assert_string_equal(label, labels[i]);
	}
}

static void an_instance_that_is_not_there_has_none(void **state)
{
	struct fixture *f = *state;
	auto_free struct state_nic *got = NULL;
	size_t n = 7;

	assert_int_equal(state_nics(f->db, "i-0000dead", &got, &n, &f->err), 0);
	assert_int_equal(n, 0);
}

static void net_004_the_record_carries_the_first_address(void **state)
{
	struct fixture *f = *state;
	struct state_nic nics[] = {
		nic("vmctl", "52:54:00:00:00:01", "192.168.100.10"),
		nic("lab", "52:54:00:00:00:02", "10.20.30.10"),
	};
	auto_instance struct vmctl_instance *got = NULL;

	assert_int_equal(add(f, 1, "web1", nics, 2, NULL), 0);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_string_equal(got->address, "192.168.100.10");
	assert_string_equal(got->mac, "52:54:00:00:00:01");
	assert_string_equal(got->networks[0], "vmctl");
	assert_string_equal(got->networks[1], "lab");
	assert_null(got->networks[2]);
}

static void net_006_mac_and_address_are_of_one_live_instance(void **state)
{
	struct fixture *f = *state;
	struct state_nic one = nic("vmctl", "52:54:00:00:00:01", "10.0.0.10");
	struct state_nic mac = nic("vmctl", "52:54:00:00:00:01", "10.0.0.11");
	struct state_nic address =
		nic("vmctl", "52:54:00:00:00:02", "10.0.0.10");
	struct state_nic elsewhere =
		nic("lab", "52:54:00:00:00:03", "10.0.0.10");
	enum state_clash clash = STATE_CLASH_NONE;

	assert_int_equal(add(f, 1, "one", &one, 1, NULL), 0);
	assert_true(add(f, 2, "two", &mac, 1, &clash) < 0);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	clash = STATE_CLASH_NONE;
	assert_true(add(f, 2, "two", &address, 1, &clash) < 0);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	/* Nothing of the refused ones is left. */
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "1");
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM nic"), "1");
	assert_int_equal(add(f, 2, "two", &elsewhere, 1, NULL), 0);
}

static void inst_012_a_terminated_one_holds_neither(void **state)
{
	struct fixture *f = *state;
	struct state_nic one = nic("vmctl", "52:54:00:00:00:01", "10.0.0.10");
	auto_free char *owner = NULL, *again = NULL;
	int64_t users = 7;

	assert_int_equal(add(f, 1, "one", &one, 1, NULL), 0);
	assert_true(taken(f, "vmctl", "10.0.0.10"));
	assert_false(taken(f, "vmctl", "10.0.0.11"));
	assert_false(taken(f, "lab", "10.0.0.10"));
	assert_int_equal(state_mac_owner(f->db, one.mac, &owner, &f->err), 0);
	assert_string_equal(owner, "one");
	terminate(f, "i-00000001");
	assert_false(taken(f, "vmctl", "10.0.0.10"));
	assert_int_equal(state_mac_owner(f->db, one.mac, &again, &f->err), 0);
	assert_null(again);
	assert_int_equal(state_network_users(f->db, HERE, "vmctl", &users, NULL,
					     &f->err),
			 0);
	assert_int_equal(users, 0);
	assert_int_equal(add(f, 2, "two", &one, 1, NULL), 0);
}

static void inst_007_a_failed_creation_gives_its_addresses_up(void **state)
{
	struct fixture *f = *state;
	struct state_nic one = nic("vmctl", "52:54:00:00:00:01", "10.0.0.10");
	auto_free struct state_nic *got = NULL;
	size_t n = 0;

	assert_int_equal(add(f, 1, "one", &one, 1, NULL), 0);
	assert_int_equal(
		state_nics_drop_addresses(f->db, "i-00000001", &f->err), 0);
	assert_false(taken(f, "vmctl", "10.0.0.10"));
	assert_int_equal(state_nics(f->db, "i-00000001", &got, &n, &f->err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(got[0].address, "");
	assert_false(got[0].reserved);
}

static void an_address_that_was_seen_is_kept_a_reserved_one_stays(void **state)
{
	struct fixture *f = *state;
	struct state_nic nics[] = {
		nic("vmctl", "52:54:00:00:00:01", "10.0.0.10"),
		{ .kind = STATE_NIC_BRIDGE,
		  .source = "br0",
		  .mac = "52:54:00:00:00:02" },
	};
	auto_free struct state_nic *got = NULL;
	size_t n = 0;

	assert_int_equal(add(f, 1, "one", nics, 2, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(state_nic_seen(f->db, "i-00000001",
						nics[i].mac, "10.55.0.7",
						&f->err),
				 0);
	assert_int_equal(state_nics(f->db, "i-00000001", &got, &n, &f->err), 0);
	assert_string_equal(got[0].address, "10.0.0.10");
	assert_string_equal(got[1].address, "10.55.0.7");
	/* Seen is not held: somebody else's DHCP gives it. */
	assert_false(taken(f, "br0", "10.55.0.7"));
}

static void a_network_has_users_however_many_interfaces(void **state)
{
	struct fixture *f = *state;
	struct state_nic two[] = {
		nic("lab", "52:54:00:00:00:01", "10.0.0.10"),
		nic("lab", "52:54:00:00:00:02", "10.0.0.11"),
	};
	struct state_nic third = nic("lab", "52:54:00:00:00:03", "10.0.0.12");
	struct state_nic bridge = { .kind = STATE_NIC_BRIDGE,
				    .source = "lab",
				    .mac = "52:54:00:00:00:04" };
	auto_free char *name = NULL, *none = NULL;
	int64_t users = 0;

	assert_int_equal(add(f, 1, "b", two, 2, NULL), 0);
	assert_int_equal(add(f, 2, "a", &third, 1, NULL), 0);
	/* A bridge of that name is another thing. */
	assert_int_equal(add(f, 3, "c", &bridge, 1, NULL), 0);
	assert_int_equal(
		state_network_users(f->db, HERE, "lab", &users, &name, &f->err),
		0);
	assert_int_equal(users, 2);
	assert_string_equal(name, "a");
	assert_int_equal(state_network_users(f->db, HERE, "vmctl", &users,
					     &none, &f->err),
			 0);
	assert_int_equal(users, 0);
	assert_null(none);
}

/* Two connections may have networks of the same name, with other machines. */
static void a_network_of_another_connection_is_another(void **state)
{
	static const char there[] = "qemu:///system";
	struct fixture *f = *state;
	struct vmctl_instance row = sample_instance(2, "b", digest_of("aa"));
	struct state_nic one = nic("lab", "52:54:00:00:00:01", "10.0.0.10");
	struct state_nic two = nic("lab", "52:54:00:00:00:02", "10.0.0.10");
	struct state_nic mac = nic("lab", "52:54:00:00:00:01", "10.0.0.11");
	enum state_clash clash = STATE_CLASH_NONE;
	auto_free char *name = NULL;
	int64_t users = 0;
	bool ret = true;

	assert_int_equal(add(f, 1, "a", &one, 1, NULL), 0);
	assert_int_equal(state_address_taken(f->db, there, "lab", "10.0.0.10",
					     &ret, &f->err),
			 0);
	assert_false(ret);
	row.connection = (char *)there;
	/* A MAC is one of the host's all the same. */
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &mac, 1, NULL,
					    0, "test", &clash, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &two, 1, NULL,
					    0, "test", &clash, &f->err),
			 0);
	assert_int_equal(state_network_users(f->db, there, "lab", &users, &name,
					     &f->err),
			 0);
	assert_int_equal(users, 1);
	assert_string_equal(name, "b");
	terminate(f, "i-00000002");
	assert_int_equal(
		state_network_users(f->db, there, "lab", &users, NULL, &f->err),
		0);
	assert_int_equal(users, 0);
	assert_int_equal(
		state_network_users(f->db, HERE, "lab", &users, NULL, &f->err),
		0);
	assert_int_equal(users, 1);
	/* On the same connection it is taken. */
	assert_int_equal(add(f, 3, "c", &two, 1, &clash), -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
}

#define LAB "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static int64_t made(struct fixture *f, const char *uri, const char *uuid)
{
	int64_t at = 7;

	assert_int_equal(
		state_network_made(f->db, uri, "lab", uuid, &at, &f->err), 0);
	return at;
}

static void add_lab(struct fixture *f, const char *uuid)
{
	assert_int_equal(state_network_add(f->db, HERE, "lab", uuid, &f->err),
			 0);
}

static void a_network_was_made_on_one_connection(void **state)
{
	struct fixture *f = *state;
	int64_t before = clock_now();

	assert_int_equal(made(f, HERE, LAB), 0);
	add_lab(f, LAB);
	assert_true(made(f, HERE, LAB) >= before);
	assert_int_equal(made(f, "qemu+ssh://h/system", LAB), 0);
	assert_int_equal(made(f, HERE, OTHER), 0);
	/* Again is no failure, and forgetting ends it. */
	add_lab(f, LAB);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			state_network_forget(f->db, HERE, "lab", LAB, &f->err),
			0);
		assert_int_equal(made(f, HERE, LAB), 0);
	}
}

static void two_that_make_a_network_keep_their_records_apart(void **state)
{
	struct fixture *f = *state;

	add_lab(f, LAB);
	add_lab(f, OTHER);
	assert_int_equal(
		state_network_forget(f->db, HERE, "lab", OTHER, &f->err), 0);
	assert_true(made(f, HERE, LAB) > 0);
	/* What is left of one long gone goes with the next. */
	fixture_sql(f, "UPDATE network SET created_at = 1000");
	add_lab(f, OTHER);
	assert_int_equal(made(f, HERE, LAB), 0);
	assert_true(made(f, HERE, OTHER) > 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interfaces_come_back_in_their_order),
		TEST(an_instance_that_is_not_there_has_none),
		TEST(net_004_the_record_carries_the_first_address),
		TEST(net_006_mac_and_address_are_of_one_live_instance),
		TEST(inst_012_a_terminated_one_holds_neither),
		TEST(inst_007_a_failed_creation_gives_its_addresses_up),
		TEST(an_address_that_was_seen_is_kept_a_reserved_one_stays),
		TEST(a_network_has_users_however_many_interfaces),
		TEST(a_network_of_another_connection_is_another),
		TEST(a_network_was_made_on_one_connection),
		TEST(two_that_make_a_network_keep_their_records_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
