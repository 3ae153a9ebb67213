/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"

/* Starting, stopping, waiting and looking, on the fake hypervisor. */

static struct fake_domain *domain(struct stage *s)
{
	for (int i = 0; i < FAKE_DOMAINS; i++)
		if (s->hv->domains[i].used)
			return &s->hv->domains[i];
	return NULL;
}

static int64_t port_of(struct stage *s)
{
	struct vmctl_instance *row = NULL;

	assert_int_equal(
		vmctl_instance_get(s->place->ctx, "web1", 0, &row, &s->err), 0);
	int64_t port = row->ssh_port;
	vmctl_instance_free(row);
	return port;
}

static int ports_of(const struct fake_domain *d)
{
	int n = 0;

	for (int i = 0; i < FAKE_PORTS; i++)
		n += d->ports[i].host_port != 0;
	return n;
}

static int setup_running(void **state)
{
	int r = stage_setup(state);

	return r < 0 ? r : stage_create(*state, "web1");
}

#define START(s) vmctl_instance_start((s)->place->ctx, "web1", &(s)->err)
#define STOP(s, ms, force)                                                     \
	vmctl_instance_stop((s)->place->ctx, "web1", ms, force, &(s)->err)

static void INST_009_start_of_what_runs_changes_nothing(void **state)
{
	struct stage *s = *state;
	int64_t port = port_of(s);

	assert_int_equal(START(s), 0);
	assert_int_equal(s->hv->starts, 1);
	assert_int_equal(port_of(s), port);
	assert_int_equal(ports_of(domain(s)), 1);
}

static void INST_010_stop_asks_and_then_says_how_to_force(void **state)
{
	struct stage *s = *state;

	s->hv->deaf = true;
	assert_int_equal(STOP(s, 50, false), -VMCTL_TIMEOUT);
	assert_string_equal(s->err.message,
			    "web1: it did not shut down within 50ms");
	assert_string_equal(s->err.hint, "vmctl stop --force web1");
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(STOP(s, 50, true), 0);
	assert_int_equal(s->hv->destroys, 1);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_STOPPED);
	assert_int_equal(STOP(s, 0, false), 0);
}

static void INST_010_force_does_not_need_a_guest_that_can_be_asked(void **state)
{
	struct stage *s = *state;

	/* open, state, shutdown */
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->calls = 0;
	s->hv->fail_at = 3;
	assert_int_equal(STOP(s, 1000, true), 0);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_STOPPED);
}

static void INST_010_a_paused_guest_is_only_stopped_by_force(void **state)
{
	struct stage *s = *state;

	domain(s)->state = HV_PAUSED;
	assert_int_equal(STOP(s, 1000, false), -VMCTL_STATE);
	assert_int_equal(s->hv->shutdowns, 0);
	assert_int_equal(STOP(s, 1000, true), 0);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_STOPPED);
}

static void a_stop_that_the_guest_forestalls_succeeds(void **state)
{
	struct stage *s = *state;

	/* The guest goes down between the look and the call. */
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->calls = 0;
	s->hv->lie_at = 3;
	s->hv->fail_code = VMCTL_STATE;
	assert_int_equal(STOP(s, 1000, false), 0);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_STOPPED);
}

/* What a QEMU process of another daemon looks like: its lock on the disk. */
static int lock_disk(const char *path)
{
	struct flock lock = { .l_type = F_RDLCK,
			      .l_whence = SEEK_SET,
			      .l_start = 100,
			      .l_len = 1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static void a_machine_of_another_daemon_is_not_touched(void **state)
{
	struct stage *s = *state;
	struct fake_domain *d = domain(s);
	int fd = lock_disk(d->disk);

	d->state = HV_STOPPED; /* all that this daemon knows */
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_UNKNOWN);
	assert_int_equal(START(s), -VMCTL_STATE);
	assert_non_null(strstr(s->err.message, "XDG_RUNTIME_DIR"));
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 -VMCTL_HYPERVISOR);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	/* Refused, it has lost nothing. */
	assert_int_equal(START(s), 0);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
}

static void a_domain_that_is_gone_is_defined_again(void **state)
{
	struct stage *s = *state;
	int64_t port = port_of(s);

	*domain(s) = (struct fake_domain){ 0 };
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_ERROR);
	assert_int_equal(START(s), 0);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(port_of(s), port);
	assert_int_equal(domain(s)->ports[0].host_port, port);
}

static void a_failed_creation_cannot_be_started(void **state)
{
	struct stage *s = *state;

	s->hv->calls = 0;
	s->hv->fail_at = 3;
	assert_int_equal(stage_create(s, "web1"), -VMCTL_FAILED);
	s->hv->fail_at = 0;
	assert_int_equal(START(s), -VMCTL_STATE);
	assert_non_null(strstr(s->err.message, "web1: it has no disk: "));
	assert_null(strstr(s->err.message, "web1: web1"));
	assert_string_equal(s->err.hint, "vmctl delete web1");
	assert_int_equal(domains_of(s), 0);
}

static void a_start_fails_in_the_name_of_the_instance(void **state)
{
	struct stage *s = *state;

	assert_int_equal(STOP(s, 0, true), 0);
	for (int i = 1; i < 8; i++) {
		vmctl_free(s->place->ctx);
		s->place->ctx = place_context(s->place);
		s->hv->calls = 0;
		s->hv->fail_at = i;
		int r = START(s);
		s->hv->fail_at = 0;
		if (r == 0)
			break;
		/* Of the connection itself nothing else can be said. */
		if (i > 2)
			assert_int_equal(strncmp(s->err.message, "web1: ", 6),
					 0);
		vmctl_free(s->place->ctx);
		s->place->ctx = place_context(s->place);
		assert_int_equal(START(s), 0);
		assert_int_equal(ports_of(domain(s)), 1);
		assert_int_equal(STOP(s, 0, true), 0);
	}
}

static void a_port_that_is_taken_is_replaced_at_start(void **state)
{
	struct stage *s = *state;
	int64_t port = port_of(s);

	assert_int_equal(STOP(s, 0, true), 0);
	s->hv->taken_port = (int)port;
	assert_int_equal(START(s), 0);
	assert_int_not_equal(port_of(s), port);
	assert_int_equal(domain(s)->ports[0].host_port, port_of(s));
}

static void two_commands_that_forward_at_once_agree_on_the_port(void **state)
{
	struct stage *s = *state;
	int64_t port = port_of(s);

	memset(domain(s)->ports, 0, sizeof(domain(s)->ports));
	s->hv->lost_race = 1;
	assert_int_equal(START(s), 0);
	assert_int_equal(port_of(s), port);
	assert_int_equal(ports_of(domain(s)), 1);
}

/* --- labels --- */

static void labels_are_there_from_the_first_record(void **state)
{
	struct stage *s = *state;
	static const char *const labels[] = { "tier=", "role=web", NULL };
	static const char *const bad[] = { "role=web", "role=db", NULL };
	static const char *const key[] = { "role", NULL };
	struct vmctl_instance_create spec = {
		.size = sizeof(spec),
		.name = "marked",
		.image = "mini",
		.accel = "tcg",
		.memory = 64 << 20,
		.disk = 1 << 20,
		.force = true,
		.labels = labels,
	};
	struct vmctl_instance *row = NULL;

	assert_int_equal(
		vmctl_instance_create(s->place->ctx, &spec, &row, &s->err), 0);
	vmctl_instance_free(row);
	assert_int_equal(vmctl_instance_get(s->place->ctx, "marked",
					    VMCTL_LIST_CACHED, &row, &s->err),
			 0);
	assert_string_equal(row->labels[0], "role=web");
	assert_string_equal(row->labels[1], "tier=");
	assert_null(row->labels[2]);
	assert_string_equal(row->note, "");
	vmctl_instance_free(row);
	/* Refused before anything is made. */
	spec.name = "other";
	spec.labels = bad;
	assert_int_equal(
		vmctl_instance_create(s->place->ctx, &spec, &row, &s->err),
		-VMCTL_INVALID);
	spec.labels = key;
	assert_int_equal(
		vmctl_instance_create(s->place->ctx, &spec, &row, &s->err),
		-VMCTL_INVALID);
	assert_int_equal(vmctl_instance_get(s->place->ctx, "other",
					    VMCTL_LIST_CACHED, &row, &s->err),
			 -VMCTL_NOT_FOUND);
}

/* --- what is terminated --- */

static void a_terminated_instance_refuses_every_verb(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance *row = NULL;
	struct vmctl *ctx = s->place->ctx;
	static const char *const argv[] = { "true", NULL };
	const struct vmctl_exec what = {
		.size = sizeof(what), .argv = argv, .in = -1, .out = 1, .err = 2
	};
	struct vmctl_exit exit;
	struct vmctl_boot_list *boots;

	assert_int_equal(vmctl_instance_get(ctx, "web1", 0, &row, &s->err), 0);
	auto_free char *id = strdup(row->id);
	vmctl_instance_free(row);
	assert_int_equal(vmctl_instance_delete(ctx, "web1", &s->err), 0);
	/* Its hypervisor is not asked: there is nothing to ask about. */
	s->hv->down = true;
	assert_int_equal(vmctl_instance_start(ctx, id, &s->err), -VMCTL_STATE);
	assert_int_equal(vmctl_instance_stop(ctx, id, 0, true, &s->err),
			 -VMCTL_STATE);
	assert_int_equal(vmctl_instance_reboot(ctx, id, true, &s->err),
			 -VMCTL_STATE);
	assert_string_equal(s->err.hint, "");
	assert_int_equal(vmctl_instance_delete(ctx, id, &s->err),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(vmctl_console_boots(ctx, id, &boots, &s->err),
			 -VMCTL_STATE);
	assert_int_equal(vmctl_instance_exec(ctx, id, &what, &exit, &s->err),
			 -VMCTL_STATE);
	/* Its name is free: no command with it would find it. */
	assert_null(strstr(s->err.hint, "web1"));
	for (int i = 0; i < VMCTL_WAIT_COUNT; i++)
		assert_int_equal(
			vmctl_instance_wait(ctx, id, (enum vmctl_wait)i, 60000,
					    &s->err),
			/* Nothing of it runs, which is what was asked. */
			i == VMCTL_WAIT_STOPPED ? 0 : -VMCTL_STATE);
	assert_int_equal(vmctl_instance_get(ctx, id, 0, &row, &s->err), 0);
	assert_int_equal(row->state, VMCTL_STATE_TERMINATED);
	assert_string_equal(row->address, "");
	assert_string_equal(row->dir, "");
	vmctl_instance_free(row);
	nothing_is_held(s);
}

static void a_list_does_not_ask_about_the_terminated(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance_list *all = NULL;
	struct vmctl_error unreachable = { 0 };

	assert_int_equal(vmctl_instance_delete(s->place->ctx, "web1", &s->err),
			 0);
	s->hv->down = true;
	assert_int_equal(vmctl_instance_list(s->place->ctx,
					     VMCTL_LIST_ALL_STATES, &all,
					     &unreachable, &s->err),
			 0);
	assert_int_equal(unreachable.code, VMCTL_OK);
	assert_int_equal(all->count, 1);
	assert_int_equal(all->items[0]->state, VMCTL_STATE_TERMINATED);
	assert_false(all->items[0]->stale);
	vmctl_instance_list_free(all);
}

static void REL_003_a_list_without_a_hypervisor_shows_all(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance_list *all = NULL;
	struct vmctl_error unreachable = { 0 };

	assert_int_equal(stage_create(s, "web2"), 0);
	s->hv->down = true;
	assert_int_equal(vmctl_instance_list(s->place->ctx, 0, &all,
					     &unreachable, &s->err),
			 0);
	assert_int_equal(unreachable.code, VMCTL_HYPERVISOR);
	assert_int_equal(all->count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(all->items[i]->state, VMCTL_STATE_UNKNOWN);
		assert_true(all->items[i]->stale);
	}
	vmctl_instance_list_free(all);
	/* It was an answer, not a record. */
	s->hv->down = false;
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
}

/* --- waiting --- */

/* Another process does `body` while this one waits. */
static void meanwhile(struct stage *s, const char *name,
		      int (*body)(struct vmctl *ctx, struct vmctl_error *err),
		      enum vmctl_wait what, int want)
{
	int status;

	vmctl_free(take_ptr(&s->place->ctx));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct vmctl_error err;

		_exit(-body(place_context(s->place), &err));
	}
	s->place->ctx = place_context(s->place);
	/* Until its record is there. */
	struct wait w = wait_begin(20000, 20);
	int r;
	do
		r = vmctl_instance_wait(s->place->ctx, name, what, 20000,
					&s->err);
	while (r == -VMCTL_NOT_FOUND && wait_more(&w));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(r, want);
}

static int create_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return create_in(ctx, "web1", err);
}

static int delete_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_delete(ctx, "web1", err);
}

static void a_wait_sees_a_creation_end(void **state)
{
	meanwhile(*state, "web1", create_web1, VMCTL_WAIT_RUNNING, 0);
}

static void a_wait_for_its_end_ends_when_it_is_deleted(void **state)
{
	struct stage *s = *state;

	/* By its id, which names it also once its name is free. */
	char id[sizeof(domain(s)->name)];
	memcpy(id, domain(s)->name, sizeof(id));
	meanwhile(s, id, delete_web1, VMCTL_WAIT_STOPPED, 0);
}

/* --- the network of nat --- */

static void a_network_that_two_make_at_once_is_made_once(void **state)
{
	static const char *const nat[] = { "nat", NULL };
	struct stage *s = *state;

	s->hv->has_networks = s->hv->race_net = true;
	assert_int_equal(
		vmctl_config_set(s->place->ctx, "network", nat, &s->err), 0);
	assert_int_equal(stage_create(s, "web1"), 0);
	assert_int_equal(s->hv->host_count, 1);
}

/* --- stopping --- */

static int stop_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_stop(ctx, "web1", 20000, false, err);
}

static const char *launched(struct stage *s)
{
	return fixture_ask(&s->db, "SELECT launched_at FROM instance");
}

static void
INST_008_a_guest_that_is_asked_to_shut_down_is_stopping(void **state)
{
	struct stage *s = *state;
	enum vmctl_state now = VMCTL_STATE_RUNNING;
	int status;

	fixture_sql(&s->db, "UPDATE instance SET launched_at = 1000");
	s->hv->deaf = true;
	vmctl_free(take_ptr(&s->place->ctx));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct vmctl_error err;

		_exit(-stop_web1(place_context(s->place), &err));
	}
	s->place->ctx = place_context(s->place);
	struct wait w = wait_begin(20000, 20);
	while (now == VMCTL_STATE_RUNNING && wait_more(&w))
		now = state_of(s, "web1");
	assert_int_equal(now, VMCTL_STATE_STOPPING);
	/* It still runs, and can be entered. */
	assert_int_not_equal(port_of(s), 0);
	/* Once nobody is at it any more it is what it is. */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_int_equal(STOP(s, 20, false), -VMCTL_TIMEOUT);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	assert_string_equal(launched(s), "1000");
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
	assert_int_equal(STOP(s, 0, true), 0);
	assert_int_equal(START(s), 0);
	assert_string_not_equal(launched(s), "1000");
}

static void
a_domain_that_passes_through_shutdown_is_not_recorded_so(void **state)
{
	struct stage *s = *state;

	/* A reboot of the guest looks like that for a moment. */
	domain(s)->state = HV_STOPPING;
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_STOPPING);
	domain(s)->state = HV_RUNNING;
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
}

static void the_hint_of_a_disk_that_is_too_small_can_be_typed(void **state)
{
	struct stage *s = *state;
	auto_free char *raw =
		make_raw(s->place, "odd.raw", (3 << 20) + 1536, 2);
	struct vmctl_instance_create spec = { .size = sizeof(spec),
					      .name = "web1",
					      .image = "odd",
					      .accel = "tcg",
					      .disk = 1 << 20,
					      .force = true };
	struct vmctl_instance *made = NULL;

	assert_int_equal(import(s->place, raw, "odd", NULL), 0);
	assert_int_equal(
		vmctl_instance_create(s->place->ctx, &spec, &made, &s->err),
		-VMCTL_INVALID);
	assert_true(str_starts(s->err.hint, "--disk "));
	assert_int_equal(parse_size(s->err.hint + strlen("--disk "), "disk",
				    &spec.disk, NULL),
			 0);
	assert_int_equal(
		vmctl_instance_create(s->place->ctx, &spec, &made, &s->err), 0);
	vmctl_instance_free(made);
}

/* --- the connection --- */

static void a_connection_that_fails_is_tried_once(void **state)
{
	struct stage *s = *state;
	struct vmctl_instance_list *all = NULL;

	fixture_sql(&s->db, "INSERT INTO intent SELECT id, 'delete', '', 1, 1,"
			    " 'gone', 'test', 1 FROM instance");
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->down = true;
	s->hv->calls = 0;
	assert_int_equal(
		vmctl_instance_list(s->place->ctx, 0, &all, NULL, &s->err), 0);
	assert_int_equal(s->hv->calls, 1);
	assert_int_equal(all->count, 1);
	vmctl_instance_list_free(all);
}

/* Without a moment to wait for one another. */
static int create_one_of_many(int which, void *data)
{
	struct stage *s = data;
	const struct vmctl_options opts = { .size = sizeof(opts),
					    .home = s->place->home,
					    .command = "test" };
	auto_free char *name = str_printf("web%d", which);
	struct vmctl *ctx = NULL;
	struct vmctl_error err;

	if (vmctl_new(&opts, &ctx, &err) < 0)
		return 1;
	int r = create_in(ctx, name, &err);
	if (r < 0)
		print_error("%s\n", err.message);
	vmctl_free(ctx);
	return r < 0;
}

static void many_creations_at_once_get_in_nobodys_way(void **state)
{
	static const char *const nat[] = { "nat", NULL };
	struct stage *s = *state;
	int counts[8];

	s->hv->has_networks = true;
	assert_int_equal(
		vmctl_config_set(s->place->ctx, "network", nat, &s->err), 0);
	vmctl_free(take_ptr(&s->place->ctx));
	race(8, create_one_of_many, s, counts);
	s->place->ctx = place_context(s->place);
	assert_int_equal(counts[0], 8);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(DISTINCT address)"
						" FROM nic"),
			    "8");
}

#define ON_STAGE(f)                                                            \
	cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)
#define RUNNING(f)                                                             \
	cmocka_unit_test_setup_teardown(f, setup_running, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUNNING(INST_009_start_of_what_runs_changes_nothing),
		RUNNING(INST_010_stop_asks_and_then_says_how_to_force),
		RUNNING(INST_010_force_does_not_need_a_guest_that_can_be_asked),
		RUNNING(INST_010_a_paused_guest_is_only_stopped_by_force),
		RUNNING(a_stop_that_the_guest_forestalls_succeeds),
		RUNNING(a_domain_that_is_gone_is_defined_again),
		RUNNING(a_machine_of_another_daemon_is_not_touched),
		ON_STAGE(a_failed_creation_cannot_be_started),
		RUNNING(a_start_fails_in_the_name_of_the_instance),
		RUNNING(a_port_that_is_taken_is_replaced_at_start),
		RUNNING(two_commands_that_forward_at_once_agree_on_the_port),
		ON_STAGE(labels_are_there_from_the_first_record),
		RUNNING(a_terminated_instance_refuses_every_verb),
		RUNNING(a_list_does_not_ask_about_the_terminated),
		RUNNING(REL_003_a_list_without_a_hypervisor_shows_all),
		ON_STAGE(a_wait_sees_a_creation_end),
		RUNNING(a_wait_for_its_end_ends_when_it_is_deleted),
		RUNNING(INST_008_a_guest_that_is_asked_to_shut_down_is_stopping),
		RUNNING(a_domain_that_passes_through_shutdown_is_not_recorded_so),
		ON_STAGE(the_hint_of_a_disk_that_is_too_small_can_be_typed),
		RUNNING(a_connection_that_fails_is_tried_once),
		ON_STAGE(many_creations_at_once_get_in_nobodys_way),
		ON_STAGE(a_network_that_two_make_at_once_is_made_once),
	};

	return cmocka_run_group_tests_name("instance-power", tests, NULL, NULL);
}
