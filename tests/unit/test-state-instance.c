/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <unistd.h>

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

static int put(struct fixture *f, unsigned number, const char *name,
	       enum state_clash *clash)
{
	return instance_put(f, number, name, digest_of("aa"), clash);
}

static void terminate(struct fixture *f, const char *id)
{
	assert_int_equal(state_instance_set(f->db, id, VMCTL_STATE_TERMINATED,
					    "", &f->err),
			 0);
}

static void inst_014_all_fields_come_back(void **state)
{
	struct fixture *f = *state;
	struct vmctl_instance row = sample_instance(1, "web1", digest_of("aa"));
	const struct state_instance_key keys[] = {
		{ (char *)"work", (char *)"ssh-rsa AAAB", NULL },
		{ (char *)"default", (char *)"ssh-ed25519 AAAC",
		  (char *)"/k/default" },
	};
	auto_instance struct vmctl_instance *got = NULL;

	key_put(f, "ssh-ed25519 AAAC", "/k/default");
	assert_int_equal(state_instance_add(f->db, &row, keys, 2, NIC(row),
					    "test", NULL, &f->err),
			 0);
	fixture_reopen(f);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_string_equal(got->id, "i-00000001");
	assert_string_equal(got->name, "web1");
	assert_int_equal(got->state, VMCTL_STATE_PENDING);
	assert_string_equal(got->reason, "");
	assert_string_equal(got->type, "t2.micro");
	assert_int_equal(got->vcpus, 1);
	assert_int_equal(got->memory, 1 << 30);
	assert_int_equal(got->disk, (int64_t)8 << 30);
	assert_string_equal(got->image, "mini");
	assert_string_equal(got->image_digest, digest_of("aa"));
	assert_string_equal(got->user, "vm");
	assert_int_equal(got->ssh_port, 40001);
	assert_string_equal(got->mac, row.mac);
	assert_string_equal(got->accel, "tcg");
	assert_string_equal(got->connection, "qemu:///session");
	assert_string_equal(got->uuid, row.uuid);
	assert_string_equal(got->host_key, "ssh-ed25519 AAAA");
	assert_string_equal(got->host_key_sha256, "SHA256:abc");
	assert_int_equal(got->created_at, 2000);
	assert_int_equal(got->launched_at, 0);
	assert_int_equal(got->terminated_at, 0);
	assert_string_equal(got->keys[0], "work");
	assert_string_equal(got->keys[1], "default");
	assert_null(got->keys[2]);
}

static void key_006_an_instance_has_its_own_copy_of_its_keys(void **state)
{
	struct fixture *f = *state;
	struct vmctl_instance row = sample_instance(1, "web1", digest_of("aa"));
	const struct state_instance_key keys[] = {
		{ (char *)"work", (char *)"ssh-rsa AAAB", (char *)"" },
		{ (char *)"default", (char *)"ssh-ed25519 AAAC",
		  (char *)"/k/default" },
	};
	struct state_instance_key *got = NULL;
	size_t n = 0;

	key_put(f, "ssh-ed25519 AAAC", "/k/default");
	assert_int_equal(state_instance_add(f->db, &row, keys, 2, NIC(row),
					    "test", NULL, &f->err),
			 0);
	assert_int_equal(state_instance_keys(f->db, row.id, &got, &n, &f->err),
			 0);
	assert_int_equal(n, 2);
	assert_string_equal(got[0].name, "work");
	assert_string_equal(got[0].public_key, "ssh-rsa AAAB");
	assert_null(got[0].private_path);
	assert_string_equal(got[1].private_path, "/k/default");
	state_instance_keys_free(got, n);
	state_instance_keys_free(NULL, 0);
}

static int put_with(struct fixture *f, unsigned number, const char *public_key,
		    const char *file, enum state_clash *clash)
{
	static char name[16];
	struct vmctl_instance row;
	const struct state_instance_key key = { (char *)"k", (char *)public_key,
						(char *)file };

	snprintf(name, sizeof(name), "web%u", number);
	row = sample_instance(number, name, digest_of("aa"));
	*clash = STATE_CLASH_NONE;
	return state_instance_add(f->db, &row, &key, 1, NIC(row), "test", clash,
				  &f->err);
}

static void a_key_that_was_deleted_meanwhile_is_a_clash(void **state)
{
	struct fixture *f = *state;
	enum state_clash clash;

	assert_int_equal(put_with(f, 1, "A", "/k/a", &clash), -VMCTL_NOT_FOUND);
	assert_int_equal(clash, STATE_CLASH_KEY);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "0");
	/* Another key has been given the file since. */
	key_put(f, "B", "/k/a");
	assert_int_equal(put_with(f, 1, "A", "/k/a", &clash), -VMCTL_NOT_FOUND);
	assert_int_equal(clash, STATE_CLASH_KEY);
	/* A key without a file of vmctl's cannot lose it. */
	assert_int_equal(put_with(f, 2, "C", "", &clash), 0);
	/* What a living instance is entered with stays; of a dead one not. */
	assert_int_equal(put_with(f, 3, "B", "/k/a", &clash), 0);
	fixture_sql(f, "DELETE FROM ssh_key");
	assert_int_equal(put_with(f, 4, "B", "/k/a", &clash), 0);
	fixture_sql(f, "UPDATE instance SET state = 'terminated'");
	assert_int_equal(put_with(f, 5, "B", "/k/a", &clash), -VMCTL_NOT_FOUND);
}

static void inst_003_a_clash_is_told_apart(void **state)
{
	struct fixture *f = *state;
	enum state_clash clash;
	struct vmctl_instance row;

	assert_int_equal(put(f, 1, "web1", &clash), 0);
	assert_int_equal(clash, STATE_CLASH_NONE);
	assert_int_equal(put(f, 2, "web1", &clash), -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_NAME);
	/* Hostnames: RFC 4343. */
	assert_int_equal(put(f, 2, "WEB1", &clash), -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_NAME);
	assert_int_equal(put(f, 1, "web2", &clash), -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);

	/* The name's clash is the one that drawing anew does not mend. */
	assert_int_equal(put(f, 1, "web1", &clash), -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_NAME);

	row = sample_instance(3, "web3", digest_of("aa"));
	row.ssh_port = 40001;
	assert_int_equal(state_instance_add(f->db, &row, NULL, 0, NIC(row),
					    "test", &clash, &f->err),
			 -VMCTL_EXISTS);
	assert_int_equal(clash, STATE_CLASH_DRAWN);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "1");
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM intent"), "1");
}

static void instances_without_a_port_do_not_clash(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;

	for (unsigned i = 1; i < 3; i++) {
		struct vmctl_instance row = sample_instance(
			i, i == 1 ? "web1" : "web2", digest_of("aa"));

		row.ssh_port = 0;
		assert_int_equal(state_instance_add(f->db, &row, NULL, 0,
						    NIC(row), "test", NULL,
						    &f->err),
				 0);
	}
	assert_int_equal(state_instance_get(f->db, "web2", &got, &f->err), 0);
	assert_int_equal(got->ssh_port, 0);
}

static void a_name_like_an_id_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, 1, "i-0badcafe", NULL), -VMCTL_INVALID);
	assert_int_equal(put(f, 1, "i-0badcafe1", NULL), 0);
}

static void img_004_an_unknown_image_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(instance_put(f, 1, "web1", digest_of("bb"), NULL),
			 -VMCTL_NOT_FOUND);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "0");
}

static void inst_012_termination_frees_name_port_and_mac(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;
	struct vmctl_instance again;
	struct vmctl_instance_list *list = NULL;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	terminate(f, "i-00000001");
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(state_instance_get(f->db, "i-00000001", &got, &f->err),
			 0);
	assert_int_equal(got->state, VMCTL_STATE_TERMINATED);
	assert_true(got->terminated_at >= clock_now() - 5);
	assert_int_equal(got->ssh_port, 40001); /* the record stays */

	again = sample_instance(1, "web1", digest_of("aa"));
	again.id = (char *)"i-00000002";
	again.uuid = (char *)"00000000-0000-4000-8000-00000000000f";
	assert_int_equal(state_instance_add(f->db, &again, NULL, 0, NIC(again),
					    "test", NULL, &f->err),
			 0);

	assert_int_equal(state_instance_list(f->db, false, &list, &f->err), 0);
	assert_int_equal(list->count, 1);
	assert_string_equal(list->items[0]->id, "i-00000002");
	vmctl_instance_list_free(list);
	assert_int_equal(state_instance_list(f->db, true, &list, &f->err), 0);
	assert_int_equal(list->count, 2);
	vmctl_instance_list_free(list);
}

static void a_terminated_instance_stays_so(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	terminate(f, "i-00000001");
	terminate(f, "i-00000001");
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_RUNNING, "", &f->err),
			 -VMCTL_STATE);
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000001", 5, &f->err),
		-VMCTL_STATE);
}

static void inst_014_launch_time_is_that_of_the_last_start(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_RUNNING, "", &f->err),
			 0);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_int_equal(got->state, VMCTL_STATE_RUNNING);
	assert_true(got->launched_at >= clock_now() - 5);
	vmctl_instance_free(take_ptr(&got));

	/* Seen running once more is no launch; started again is one. */
	fixture_sql(f, "UPDATE instance SET launched_at = 7");
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_RUNNING, "odd",
					    &f->err),
			 0);
	assert_string_equal(fixture_ask(f, "SELECT launched_at FROM instance"),
			    "7");
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_STOPPED, "", &f->err),
			 0);
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_RUNNING, "", &f->err),
			 0);
	assert_string_not_equal(
		fixture_ask(f, "SELECT launched_at FROM instance"), "7");
}

static void inst_007_a_reason_is_kept_and_cleared(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_ERROR, "no disk",
					    &f->err),
			 0);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_string_equal(got->reason, "no disk");
	vmctl_instance_free(take_ptr(&got));
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_STOPPED, NULL, &f->err),
			 0);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_string_equal(got->reason, "");
}

static void inst_008_every_state_but_unknown_is_recorded(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	for (int s = 0; s < VMCTL_STATE_UNKNOWN; s++) {
		auto_instance struct vmctl_instance *got = NULL;

		assert_int_equal(state_instance_set(f->db, "i-00000001",
						    (enum vmctl_state)s, "",
						    &f->err),
				 0);
		assert_int_equal(
			state_instance_get(f->db, "i-00000001", &got, &f->err),
			0);
		assert_int_equal(got->state, s);
	}
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_UNKNOWN, "", &f->err),
			 -VMCTL_INTERNAL);
	assert_int_equal(state_instance_set(f->db, "i-00000009",
					    VMCTL_STATE_RUNNING, "", &f->err),
			 -VMCTL_NOT_FOUND);
}

static void an_unchanged_state_needs_no_write_lock(void **state)
{
	struct fixture *f = *state;
	struct state *reader = NULL;
	void *writer;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(state_open(f->dir, 0, &reader, &f->err), 0);
	writer = fixture_write_lock(f);
	assert_int_equal(state_instance_set(reader, "i-00000001",
					    VMCTL_STATE_PENDING, "", &f->err),
			 0);
	assert_int_equal(state_instance_set(reader, "i-00000001",
					    VMCTL_STATE_RUNNING, "", &f->err),
			 -VMCTL_BUSY);
	assert_non_null(strstr(f->err.hint, "--timeout"));
	fixture_write_unlock(writer);
	state_close(reader);
}

static bool port_taken(struct fixture *f, int port)
{
	const struct state_port ssh = { .address = "127.0.0.1",
					.host_port = port };
	auto_free char *owner = NULL;

	assert_int_equal(state_port_owner(f->db, &ssh, &owner, NULL, &f->err),
			 0);
	return owner != NULL;
}

static void ports_belong_to_one_live_instance(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(put(f, 2, "web2", NULL), 0);
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000002", 40001, &f->err),
		-VMCTL_EXISTS);
	assert_non_null(strstr(f->err.message, "web1"));
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000001", 40001, &f->err),
		0);
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000001", 45000, &f->err),
		0);
	assert_true(port_taken(f, 45000));
	assert_false(port_taken(f, 40001));
	terminate(f, "i-00000001");
	assert_false(port_taken(f, 45000));
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000002", 45000, &f->err),
		0);
	assert_int_equal(
		state_instance_set_port(f->db, "i-00000002", 0, &f->err), 0);
	assert_false(port_taken(f, 0));
}

static void a_host_key_is_pinned_once_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;
	bool pinned;

	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(state_instance_unpin(f->db, "i-00000001", &f->err), 0);
	assert_int_equal(state_instance_pin(f->db, "i-00000001", "ssh-rsa A",
					    "SHA256:a", &pinned, &f->err),
			 0);
	assert_true(pinned);
	assert_int_equal(state_instance_pin(f->db, "i-00000001", "ssh-rsa B",
					    "SHA256:b", &pinned, &f->err),
			 0);
	assert_false(pinned);
	assert_int_equal(state_instance_get(f->db, "web1", &got, &f->err), 0);
	assert_string_equal(got->host_key, "ssh-rsa A");
	assert_string_equal(got->host_key_sha256, "SHA256:a");
	terminate(f, "i-00000001");
	assert_int_equal(state_instance_unpin(f->db, "i-00000001", &f->err),
			 -VMCTL_STATE);
}

static void a_live_name_goes_before_an_id(void **state)
{
	struct fixture *f = *state;
	auto_instance struct vmctl_instance *got = NULL;

	/* As an older version might have left it. */
	assert_int_equal(put(f, 1, "web1", NULL), 0);
	assert_int_equal(put(f, 2, "web2", NULL), 0);
	fixture_sql(f, "UPDATE instance SET name = 'i-00000001'"
		       " WHERE id = 'i-00000002'");
	assert_int_equal(state_instance_get(f->db, "i-00000001", &got, &f->err),
			 0);
	assert_string_equal(got->id, "i-00000002");
}

static void the_list_is_by_name(void **state)
{
	struct fixture *f = *state;
	struct vmctl_instance_list *list = NULL;

	assert_int_equal(state_instance_list(f->db, true, &list, &f->err), 0);
	assert_int_equal(list->count, 0);
	vmctl_instance_list_free(list);
	assert_int_equal(put(f, 1, "zeta", NULL), 0);
	assert_int_equal(put(f, 2, "Beta", NULL), 0);
	assert_int_equal(put(f, 3, "alpha", NULL), 0);
	assert_int_equal(state_instance_list(f->db, false, &list, &f->err), 0);
	assert_int_equal(list->count, 3);
	assert_string_equal(list->items[0]->name, "alpha");
	assert_string_equal(list->items[1]->name, "Beta");
	assert_string_equal(list->items[2]->name, "zeta");
	assert_null(list->items[0]->keys[0]);
	vmctl_instance_list_free(list);
}

/* One of each kind for "alpha" (i-3) and two for "zeta" (i-1); what stands
 * between them by id belongs to one that is terminated, and to one without. */
static void details_are_each_rows_own(void **state)
{
	struct fixture *f = *state;
	struct vmctl_instance_list *list = NULL;

	assert_int_equal(put(f, 1, "zeta", NULL), 0);
	assert_int_equal(put(f, 2, "gone", NULL), 0);
	assert_int_equal(put(f, 3, "alpha", NULL), 0);
	assert_int_equal(put(f, 4, "bare", NULL), 0);
	terminate(f, "i-00000002");
	fixture_sql(f, "INSERT INTO instance_key SELECT id, 1, 'b-' || name,"
		       " 'k', NULL FROM instance WHERE name <> 'bare';"
		       "INSERT INTO instance_key SELECT id, 0, 'a-' || name,"
		       " 'k', NULL FROM instance WHERE name = 'zeta';"
		       "INSERT INTO label SELECT id, 'role', name FROM instance"
		       " WHERE name <> 'bare';"
		       "INSERT INTO nic SELECT id, 1, 'bridge', 'br-' || name,"
		       " 'm' || id, '10.0.0.1', 0, 1 FROM instance"
		       " WHERE name <> 'bare';"
		       "INSERT INTO port_forward SELECT id, 'tcp', '127.0.0.1',"
		       " 1000 + rowid, 80, 0 FROM instance"
		       " WHERE name <> 'bare';"
		       "DELETE FROM nic WHERE instance = 'i-00000004'");
	assert_int_equal(state_instance_list(f->db, false, &list, &f->err), 0);
	assert_int_equal(list->count, 3);
	const struct vmctl_instance *alpha = list->items[0],
				    *bare = list->items[1],
				    *zeta = list->items[2];

	assert_string_equal(alpha->keys[0], "b-alpha");
	assert_null(alpha->keys[1]);
	assert_string_equal(alpha->labels[0], "role=alpha");
	assert_null(alpha->labels[1]);
	assert_string_equal(alpha->networks[0], "user");
	assert_string_equal(alpha->networks[1], "bridge=br-alpha");
	assert_null(alpha->networks[2]);
	assert_string_equal(alpha->ports[0], "127.0.0.1:1003->80/tcp");
	assert_null(alpha->ports[1]);
	/* The first interface's. */
	assert_string_equal(alpha->mac, "52:54:00:00:00:03");
	assert_string_equal(alpha->address, "");

	assert_string_equal(zeta->keys[0], "a-zeta");
	assert_string_equal(zeta->keys[1], "b-zeta");
	assert_null(zeta->keys[2]);
	assert_string_equal(zeta->labels[0], "role=zeta");
	assert_string_equal(zeta->ports[0], "127.0.0.1:1001->80/tcp");

	assert_null(bare->keys[0]);
	assert_null(bare->labels[0]);
	assert_null(bare->networks[0]);
	assert_null(bare->ports[0]);
	assert_string_equal(bare->mac, "");
	assert_string_equal(bare->address_source, "");
	vmctl_instance_list_free(list);
}

static int insert_same_name(int which, void *data)
{
	struct fixture *f = data;
	enum state_clash clash;
	int r;

	if (state_open(f->dir, 5000, &f->db, &f->err) < 0)
		return 7;
	r = put(f, 100 + (unsigned)which, "web1", &clash);
	state_close(f->db);
	if (r == 0)
		return 0;
	return r == -VMCTL_EXISTS && clash == STATE_CLASH_NAME ? 1 : 6;
}

static void of_eight_racing_for_a_name_one_wins(void **state)
{
	struct fixture *f = *state;
	int counts[8];

	fixture_close(f);
	race(8, insert_same_name, f, counts);
	fixture_reopen(f);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 7);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "1");
}

static int insert_own_name(int which, void *data)
{
	struct fixture *f = data;
	int r = 0;

	if (state_open(f->dir, 20000, &f->db, &f->err) < 0)
		return 7;
	for (int i = 0; r == 0 && i < 5; i++) {
		auto_free char *name = str_printf("w%d-%d", which, i);

		r = put(f, (unsigned)(which * 10 + i), name, NULL);
	}
	state_close(f->db);
	return r == 0 ? 0 : 6;
}

static void many_writers_at_once_all_succeed(void **state)
{
	struct fixture *f = *state;
	int counts[8];

	fixture_close(f);
	race(8, insert_own_name, f, counts);
	fixture_reopen(f);
	assert_int_equal(counts[0], 8);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM instance"),
			    "40");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

static void old_records_of_the_terminated_are_forgotten(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i <= 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "web%u", i);
		assert_int_equal(
			instance_put(f, i, name, digest_of("aa"), NULL), 0);
	}
	assert_int_equal(state_instance_set(f->db, "i-00000001",
					    VMCTL_STATE_TERMINATED, "",
					    &f->err),
			 0);
	assert_int_equal(state_instance_set(f->db, "i-00000002",
					    VMCTL_STATE_TERMINATED, "",
					    &f->err),
			 0);
	fixture_sql(f, "UPDATE instance SET terminated_at = 1000"
		       " WHERE id = 'i-00000001'");
	assert_int_equal(state_instance_forget(f->db, 1001, &f->err), 0);
	assert_string_equal(fixture_ask(f, "SELECT group_concat(id) FROM"
					   " (SELECT id FROM instance"
					   " ORDER BY id)"),
			    "i-00000002,i-00000003");
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM nic"), "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inst_014_all_fields_come_back),
		TEST(key_006_an_instance_has_its_own_copy_of_its_keys),
		TEST(a_key_that_was_deleted_meanwhile_is_a_clash),
		TEST(inst_003_a_clash_is_told_apart),
		TEST(instances_without_a_port_do_not_clash),
		TEST(a_name_like_an_id_is_refused),
		TEST(img_004_an_unknown_image_is_refused),
		TEST(old_records_of_the_terminated_are_forgotten),
		TEST(inst_012_termination_frees_name_port_and_mac),
		TEST(a_terminated_instance_stays_so),
		TEST(inst_014_launch_time_is_that_of_the_last_start),
		TEST(inst_007_a_reason_is_kept_and_cleared),
		TEST(inst_008_every_state_but_unknown_is_recorded),
		TEST(an_unchanged_state_needs_no_write_lock),
		TEST(ports_belong_to_one_live_instance),
		TEST(a_host_key_is_pinned_once_until_it_is_forgotten),
		TEST(a_live_name_goes_before_an_id),
		TEST(the_list_is_by_name),
		TEST(details_are_each_rows_own),
		TEST(of_eight_racing_for_a_name_one_wins),
		TEST(many_writers_at_once_all_succeed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
