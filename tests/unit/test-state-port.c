/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <string.h>

#include "base/str.h"

/* Whose ports of the host are. */

#define WEB1 "i-00000001"
#define WEB2 "i-00000002"

static int setup_two(void **state)
{
	int r = fixture_setup(state);

	if (r == 0) {
		struct fixture *f = *state;

		image_put(f, "mini", digest_of("aa"));
		assert_int_equal(
			instance_put(f, 1, "web1", digest_of("aa"), NULL), 0);
		assert_int_equal(
			instance_put(f, 2, "web2", digest_of("aa"), NULL), 0);
	}
	return r;
}

static struct state_port port_at(const char *address, int host, bool udp)
{
	struct state_port port = { .host_port = host,
				   .guest_port = 80,
				   .udp = udp };

	snprintf(port.address, sizeof(port.address), "%s", address);
	return port;
}

static int add(struct fixture *f, const char *id, struct state_port port)
{
	return state_ports_add(f->db, id, &port, 1, NULL, &f->err);
}

static void what_is_added_is_read_again(void **state)
{
	struct fixture *f = *state;
	const struct state_port two[] = { port_at("0.0.0.0", 8081, true),
					  port_at("127.0.0.1", 8080, false) };
	struct vmctl_instance *row = NULL;
	auto_free struct state_port *got = NULL;
	char text[PORT_TEXT];
	size_t n = 0;

	assert_int_equal(state_ports_add(f->db, WEB1, two, 2, NULL, &f->err),
			 0);
	fixture_reopen(f);
	assert_int_equal(state_ports(f->db, WEB1, &got, &n, &f->err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(got[0].id, WEB1);
	assert_string_equal(state_port_text(&got[0], text),
			    "127.0.0.1:8080->80/tcp");
	assert_string_equal(state_port_text(&got[1], text),
			    "0.0.0.0:8081->80/udp");
	assert_int_equal(state_instance_get(f->db, "web1", &row, &f->err), 0);
	assert_string_equal(row->ports[0], "127.0.0.1:8080->80/tcp");
	assert_string_equal(row->ports[1], "0.0.0.0:8081->80/udp");
	assert_null(row->ports[2]);
	vmctl_instance_free(row);
	assert_int_equal(state_instance_get(f->db, "web2", &row, &f->err), 0);
	assert_null(row->ports[0]);
	vmctl_instance_free(row);
}

static void a_port_belongs_to_one_also_by_the_wildcard(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *first, *second;
		int r;
	} pairs[] = {
		{ "127.0.0.1", "127.0.0.1", -VMCTL_EXISTS },
		{ "127.0.0.1", "0.0.0.0", -VMCTL_EXISTS },
		{ "0.0.0.0", "127.0.0.1", -VMCTL_EXISTS },
		{ "0.0.0.0", "0.0.0.0", -VMCTL_EXISTS },
		{ "127.0.0.1", "127.0.0.2", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		int port = 8000 + (int)i;

		assert_int_equal(
			add(f, WEB1, port_at(pairs[i].first, port, i & 1)), 0);
		assert_int_equal(
			add(f, WEB2, port_at(pairs[i].second, port, i & 1)),
			pairs[i].r);
		if (pairs[i].r)
			assert_non_null(
				strstr(f->err.message, "to web1 already"));
		/* The other protocol is another port. */
		assert_int_equal(
			add(f, WEB2, port_at(pairs[i].second, port, !(i & 1))),
			0);
	}
}

static void the_ports_of_ssh_count(void **state)
{
	struct fixture *f = *state;

	/* 40001 and 40002, of loopback, are those of the samples. */
	assert_int_equal(add(f, WEB1, port_at("127.0.0.1", 40002, false)),
			 -VMCTL_EXISTS);
	assert_non_null(strstr(f->err.message, "web2's ssh"));
	assert_int_equal(add(f, WEB1, port_at("0.0.0.0", 40002, false)),
			 -VMCTL_EXISTS);
	assert_int_equal(add(f, WEB1, port_at("0.0.0.0", 40001, false)),
			 -VMCTL_EXISTS);
	assert_int_equal(add(f, WEB1, port_at("127.0.0.2", 40002, false)), 0);
	assert_int_equal(add(f, WEB1, port_at("0.0.0.0", 40002, true)), 0);
	/* And the other way round. */
	assert_int_equal(add(f, WEB1, port_at("0.0.0.0", 41000, false)), 0);
	assert_int_equal(state_instance_set_port(f->db, WEB2, 41000, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(state_instance_set_port(f->db, WEB1, 41000, &f->err),
			 -VMCTL_EXISTS);
	/* Saying the same again is no conflict. */
	assert_int_equal(state_instance_set_port(f->db, WEB2, 40002, &f->err),
			 0);
}

static void all_are_added_or_none(void **state)
{
	struct fixture *f = *state;
	struct state_port two[] = { port_at("127.0.0.1", 8080, false),
				    port_at("127.0.0.1", 8081, false) };
	bool drawn = true;

	assert_int_equal(add(f, WEB1, two[1]), 0);
	assert_int_equal(state_ports_add(f->db, WEB2, two, 2, &drawn, &f->err),
			 -VMCTL_EXISTS);
	assert_false(drawn);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM port_forward"),
			    "1");
	two[1].drawn = true;
	assert_int_equal(state_ports_add(f->db, WEB2, two, 2, &drawn, &f->err),
			 -VMCTL_EXISTS);
	assert_true(drawn);
	assert_int_equal(add(f, "i-0000000f", two[0]), -VMCTL_NOT_FOUND);
}

static void a_termination_frees_them(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, WEB1, port_at("127.0.0.1", 8080, false)), 0);
	assert_int_equal(state_instance_set(f->db, WEB1, VMCTL_STATE_STOPPED,
					    "", &f->err),
			 0);
	assert_int_equal(add(f, WEB2, port_at("127.0.0.1", 8080, false)),
			 -VMCTL_EXISTS);
	assert_int_equal(state_instance_set(f->db, WEB1, VMCTL_STATE_TERMINATED,
					    "", &f->err),
			 0);
	assert_int_equal(add(f, WEB2, port_at("127.0.0.1", 8080, false)), 0);
	assert_int_equal(add(f, WEB1, port_at("127.0.0.1", 8090, false)),
			 -VMCTL_NOT_FOUND);
}

static void what_is_going_is_hidden_and_held_until_it_is_gone(void **state)
{
	struct fixture *f = *state;
	struct state_port port = port_at("127.0.0.1", 8080, false);
	struct state_port udp = port_at("127.0.0.1", 8080, true);
	auto_free struct state_port *got = NULL, *going = NULL;
	size_t n = 0;
	bool known;

	assert_int_equal(add(f, WEB1, port), 0);
	assert_int_equal(add(f, WEB1, udp), 0);
	/* Not another's, and not before it is going. */
	assert_int_equal(state_ports_let_go(f->db, WEB2, &port, 1, &f->err), 0);
	assert_int_equal(state_port_gone(f->db, WEB1, &port, &f->err), 0);
	assert_int_equal(state_port_known(f->db, WEB1, &port, &known, &f->err),
			 0);
	assert_true(known);
	assert_int_equal(state_ports_let_go(f->db, WEB1, &port, 1, &f->err), 0);
	assert_int_equal(state_port_known(f->db, WEB1, &port, &known, &f->err),
			 0);
	assert_false(known);
	assert_int_equal(state_ports(f->db, WEB1, &got, &n, &f->err), 0);
	assert_int_equal(n, 1);
	assert_true(got[0].udp);
	assert_int_equal(state_ports_going(f->db, WEB1, &going, &n, &f->err),
			 0);
	assert_int_equal(n, 1);
	assert_false(going[0].udp);
	assert_int_equal(add(f, WEB2, port), -VMCTL_EXISTS);
	assert_int_equal(state_port_gone(f->db, WEB1, &port, &f->err), 0);
	assert_int_equal(add(f, WEB2, port), 0);
	assert_int_equal(state_ports_drop(f->db, WEB1, &f->err), 0);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM port_forward"),
			    "1");
}

/* Also when it belongs to one that is on another connection. */
static void a_creation_adds_its_ports_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct vmctl_instance row = sample_instance(3, "web3", digest_of("aa"));
	struct state_nic nic = sample_nic(&row);
	struct state_port port = port_at("0.0.0.0", 8080, false);
	enum state_clash clash = STATE_CLASH_NONE;

	fixture_sql(f, "UPDATE instance SET connection = 'qemu:///elsewhere'"
		       " WHERE name = 'web1'");
	assert_int_equal(add(f, WEB1, port_at("127.0.0.5", 8080, false)), 0);
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &nic, 1,
					    &port, 1, "test", &clash, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_NONE);
	assert_non_null(strstr(f->err.message, "web1"));
	/* What was drawn is drawn again, also when it is ssh's that clashes. */
	port.drawn = true;
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &nic, 1,
					    &port, 1, "test", &clash, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "2");
	port = port_at("127.0.0.1", 9090, false);
	row.ssh_port = 8080;
	clash = STATE_CLASH_NONE;
	assert_int_equal(add(f, WEB2, port_at("127.0.0.1", 8080, false)), 0);
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &nic, 1,
					    &port, 1, "test", &clash, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	row.ssh_port = 40003;
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, &nic, 1,
					    &port, 1, "test", &clash, &f->err),
			 0);
	assert_string_equal(fixture_ask(f, "SELECT host_port FROM port_forward"
					   " WHERE instance = 'i-00000003'"),
			    "9090");
}

static int add_one_of_many(int which, void *data)
{
	struct fixture *f = data;
	struct state_port port = port_at("127.0.0.1", 8080, false);
	struct state *db = NULL;
	int r = state_open(f->dir, 20000, &db, NULL);

	if (r == 0)
		r = state_ports_add(db, which % 2 ? WEB1 : WEB2, &port, 1, NULL,
				    NULL);
	state_close(db);
	return r == 0 ? 0 : r == -VMCTL_EXISTS ? 1 : 2;
}

static void of_many_at_once_one_gets_it(void **state)
{
	struct fixture *f = *state;
	int counts[8];

	fixture_close(f);
	race(8, add_one_of_many, f, counts);
	fixture_reopen(f);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 7);
}

#define ON_TWO(f)                                                              \
	cmocka_unit_test_setup_teardown(f, setup_two, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TWO(what_is_added_is_read_again),
		ON_TWO(a_port_belongs_to_one_also_by_the_wildcard),
		ON_TWO(the_ports_of_ssh_count),
		ON_TWO(all_are_added_or_none),
		ON_TWO(a_termination_frees_them),
		ON_TWO(what_is_going_is_hidden_and_held_until_it_is_gone),
		ON_TWO(a_creation_adds_its_ports_or_nothing),
		ON_TWO(of_many_at_once_one_gets_it),
	};

	return cmocka_run_group_tests_name("state-port", tests, NULL, NULL);
}
