/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket-at.h"
#include "base/str.h"
#include "state/db.h"
#include "unit.h"

/* What the doctor makes of states that were made up: what it finds, what --fix
 * mends, and what it leaves alone. */

#define LOST_ID "i-00000001"

static struct vmctl_doctor *ask(struct stage *s, bool fix)
{
	struct vmctl_doctor *found = NULL;

	/* As the next command would. */
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	assert_int_equal(
		vmctl_host_doctor(s->place->ctx, fix, 5000, &found, &s->err),
		0);
	return found;
}

/* Whether that check said so, in a text or a fix that has these words. */
static bool said(const struct vmctl_doctor *found, const char *check,
		 enum vmctl_verdict verdict, const char *words)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct vmctl_check *c = &found->items[i];

		if (str_eq(c->check, check) && c->verdict == verdict &&
		    (strstr(c->text, words) || strstr(c->fix, words)))
			return true;
	}
	return false;
}

static bool asks(struct stage *s, bool fix, const char *check,
		 enum vmctl_verdict verdict, const char *words)
{
	struct vmctl_doctor *found = ask(s, fix);
	bool yes = said(found, check, verdict, words);

	for (size_t i = 0; !yes && i < found->count; i++)
		print_message("# %s %s: %s (%s)\n",
			      vmctl_verdict_name(found->items[i].verdict),
			      found->items[i].check, found->items[i].text,
			      found->items[i].fix);
	vmctl_doctor_free(found);
	return yes;
}

#define finds(s, check, words)                                                 \
	asks(s, false, check, VMCTL_VERDICT_PROBLEM, words)
#define mends(s, check, words) asks(s, true, check, VMCTL_VERDICT_FIXED, words)
#define is_well(s, check) asks(s, false, check, VMCTL_VERDICT_OK, "")

static char *home_path(const struct stage *s, const char *sub)
{
	return path_join(s->place->home, sub);
}

static bool there(const struct stage *s, const char *sub)
{
	auto_free char *path = home_path(s, sub);
	struct stat st;

	return lstat(path, &st) == 0;
}

static void put(const struct stage *s, const char *folder, const char *name,
		const char *text)
{
	auto_free char *dir = home_path(s, folder);
	auto_free char *path = path_join(dir, name);

	assert_int_equal(dir_make(dir, 0700, NULL), 0);
	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

/* The id of web1. Static. */
static const char *web1(struct stage *s)
{
	static char id[16];

	snprintf(id, sizeof(id), "%s",
		 fixture_ask(&s->db, "SELECT id FROM instance"));
	return id;
}

static void forget(struct stage *s)
{
	fixture_sql(&s->db, "PRAGMA foreign_keys = ON; DELETE FROM instance");
}

/* --- nothing wrong -------------------------------------------------------- */

static void a_sound_home_has_no_problem_and_stays_as_it_is(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	auto_free char *disk = str_printf("instances/%s/disk.qcow2", web1(s));
	for (int fix = 0; fix < 2; fix++) {
		struct vmctl_doctor *found = ask(s, fix);

		for (size_t i = 0; i < found->count; i++) {
			const struct vmctl_check *c = &found->items[i];

			/* What the machine of the test is like is its own. */
			if (!str_eq(c->group, "records") &&
			    !str_eq(c->group, "instances") &&
			    !str_eq(c->group, "leftovers"))
				continue;
			if (c->verdict != VMCTL_VERDICT_OK)
				print_error("%s: %s\n", c->check, c->text);
			assert_int_equal(c->verdict, VMCTL_VERDICT_OK);
		}
		vmctl_doctor_free(found);
		assert_int_equal(domains_of(s), 1);
		assert_true(there(s, disk));
	}
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
}

static void every_finding_has_its_parts(void **state)
{
	struct stage *s = *state;
	struct vmctl_doctor *found = ask(s, false);
	size_t problems = 0;

	assert_true(found->count > 15);
	for (size_t i = 0; i < found->count; i++) {
		const struct vmctl_check *c = &found->items[i];

		assert_true(c->group[0] && c->check[0] && c->text[0]);
		assert_non_null(c->fix);
		problems += c->verdict == VMCTL_VERDICT_PROBLEM;
	}
	assert_int_equal(found->problems, problems);
	assert_string_equal(vmctl_verdict_name(VMCTL_VERDICT_FIXED), "fixed");
	vmctl_doctor_free(found);
	vmctl_doctor_free(NULL);
}

/* --- the database --------------------------------------------------------- */

static void a_damaged_database_is_told_and_left_alone(void **state)
{
	static const char text[] = "this is no database at all, and long enough"
				   " to be read as one";
	struct stage *s = *state;
	auto_str left = STR_INIT;
	auto_free char *path = home_path(s, "vmctl.db");

	vmctl_free(take_ptr(&s->place->ctx));
	put(s, "instances/" LOST_ID, "disk.qcow2", "data");
	put(s, "", "vmctl.db", text);
	assert_true(finds(s, "database", "damaged"));
	assert_true(asks(s, true, "database", VMCTL_VERDICT_PROBLEM, "mv '"));
	assert_int_equal(file_read(path, 4096, &left, NULL), 0);
	assert_string_equal(left.p, text);
	/* Nobody can tell whose that is. */
	assert_true(there(s, "instances/" LOST_ID "/disk.qcow2"));
}

static void a_database_of_a_newer_vmctl_is_told_and_left_alone(void **state)
{
	struct stage *s = *state;

	fixture_sql(&s->db, "PRAGMA user_version = 99");
	assert_true(finds(s, "database", "format 99"));
	assert_true(asks(s, true, "database", VMCTL_VERDICT_PROBLEM, "newer"));
	assert_string_equal(fixture_ask(&s->db, "PRAGMA user_version"), "99");
}

static void rows_that_refer_to_missing_ones_are_a_problem(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	fixture_sql(&s->db, "PRAGMA foreign_keys = OFF; DELETE FROM image; "
			    "DELETE FROM image_file");
	assert_true(finds(s, "database", "refer to missing"));
}

static void an_old_database_is_migrated_by_fix_alone(void **state)
{
	struct stage *s = *state;
	const char *top = getenv("TOP");
	auto_free char *file = str_printf("%s/tests/data/schema-%d.sql",
					  top ? top : ".", STATE_VERSION - 1);
	auto_free char *path = home_path(s, "vmctl.db");
	auto_str sql = STR_INIT;
	char old[8], now[8];

	snprintf(old, sizeof(old), "%d", STATE_VERSION - 1);
	snprintf(now, sizeof(now), "%d", STATE_VERSION);
	must(file_read(file, 1 << 20, &sql, err));
	str_addf(&sql, "; PRAGMA user_version = %s", old);
	vmctl_free(take_ptr(&s->place->ctx));
	assert_int_equal(unlink(path), 0);
	fixture_sql(&s->db, sql.p);
	assert_true(asks(s, false, "database", VMCTL_VERDICT_NOTE, "format"));
	assert_string_equal(fixture_ask(&s->db, "PRAGMA user_version"), old);
	assert_true(mends(s, "database", "format"));
	assert_string_equal(fixture_ask(&s->db, "PRAGMA user_version"), now);
}

static void a_database_that_is_gone_is_not_made_anew(void **state)
{
	struct stage *s = *state;
	auto_free char *path = home_path(s, "vmctl.db");

	vmctl_free(take_ptr(&s->place->ctx));
	put(s, "instances/" LOST_ID, "disk.qcow2", "data");
	assert_int_equal(unlink(path), 0);
	assert_true(finds(s, "database", "put it back"));
	assert_true(asks(s, true, "database", VMCTL_VERDICT_PROBLEM, "gone"));
	assert_false(there(s, "vmctl.db"));
	assert_true(there(s, "instances/" LOST_ID "/disk.qcow2"));
}

/* --- work that was not ended ---------------------------------------------- */

static int create_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return create_in(ctx, "web1", err);
}

static void a_stale_intent_is_found_and_settled_by_fix_alone(void **state)
{
	struct stage *s = *state;
	const char *intents = "SELECT count(*) FROM intent";

	s->hv->killed_at = 3;
	assert_int_equal(in_process(s, create_web1, 0), 1);
	s->hv->killed_at = 0;
	assert_string_equal(fixture_ask(&s->db, intents), "1");
	assert_true(finds(s, "unfinished", "create of web1"));
	assert_string_equal(fixture_ask(&s->db, intents), "1");
	assert_true(mends(s, "unfinished", "create of web1"));
	nothing_is_held(s);
	assert_true(is_well(s, "unfinished"));
}

/* --- folders -------------------------------------------------------------- */

static void a_folder_without_a_record_is_set_aside_whole(void **state)
{
	struct stage *s = *state;

	put(s, "instances/" LOST_ID, "disk.qcow2", "data");
	assert_true(finds(s, "folders", LOST_ID));
	assert_true(there(s, "instances/" LOST_ID "/disk.qcow2"));
	assert_true(mends(s, "folders", LOST_ID));
	assert_false(there(s, "instances/" LOST_ID));
	assert_true(there(s, "lost/" LOST_ID "/disk.qcow2"));
	assert_true(is_well(s, "folders"));
	assert_true(asks(s, false, "set-aside", VMCTL_VERDICT_NOTE, "rm -r"));
}

static void a_folder_of_a_deleted_instance_is_removed(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	auto_free char *dir = str_printf("instances/%s", web1(s));
	put(s, dir, "disk.qcow2", "data");
	assert_true(finds(s, "folders", "was deleted"));
	assert_true(mends(s, "folders", "web1 was deleted"));
	assert_false(there(s, dir));
	assert_false(there(s, "lost"));
}

static void without_libvirt_no_folder_is_moved(void **state)
{
	struct stage *s = *state;

	put(s, "instances/" LOST_ID, "disk.qcow2", "data");
	s->hv->down = true;
	assert_true(asks(s, true, "folders", VMCTL_VERDICT_PROBLEM, LOST_ID));
	assert_true(there(s, "instances/" LOST_ID "/disk.qcow2"));
}

/* --- domains -------------------------------------------------------------- */

static void a_domain_without_a_record_is_removed_and_its_disk_kept(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	must(vmctl_instance_stop(s->place->ctx, "web1", 1000, true, err));
	auto_free char *id = strdup(web1(s));
	auto_free char *disk = str_printf("lost/%s/disk.qcow2", id);
	auto_free char *xml = str_printf("lost/%s.xml", id);
	forget(s);
	assert_true(finds(s, "domains", id));
	assert_int_equal(domains_of(s), 1);
	assert_true(mends(s, "domains", id));
	assert_int_equal(domains_of(s), 0);
	assert_true(there(s, disk) && there(s, xml));
	assert_true(is_well(s, "domains") && is_well(s, "folders"));
}

static void what_runs_without_a_record_is_left_running(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	auto_free char *disk = str_printf("instances/%s/disk.qcow2", web1(s));
	forget(s);
	assert_true(asks(s, true, "domains", VMCTL_VERDICT_PROBLEM, "destroy"));
	assert_int_equal(s->hv->destroys, 0);
	assert_int_equal(domains_of(s), 1);
	assert_true(there(s, disk));
}

static void what_runs_though_it_was_deleted_is_ended(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	struct fake_domain before = s->hv->domains[0];
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	s->hv->domains[0] = before;
	assert_true(finds(s, "domains", "was deleted"));
	assert_true(mends(s, "domains", "web1 was deleted"));
	assert_int_equal(domains_of(s), 0);
}

/* Other users and other homes share a daemon. */
static void the_domain_of_another_home_is_left_alone(void **state)
{
	struct stage *s = *state;

	s->hv->domains[0] =
		(struct fake_domain){ .used = true, .state = HV_STOPPED };
	snprintf(s->hv->domains[0].name, 64, LOST_ID);
	snprintf(s->hv->domains[0].uuid, 37, "00000000");
	snprintf(s->hv->domains[0].disk, 256,
		 "/somewhere/else/instances/" LOST_ID "/disk.qcow2");
	assert_true(asks(s, true, "domains", VMCTL_VERDICT_OK, ""));
	assert_int_equal(domains_of(s), 1);
}

/* --- records -------------------------------------------------------------- */

static void a_record_without_a_domain_is_told_what_to_type(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	s->hv->domains[0] = (struct fake_domain){ 0 };
	assert_true(finds(s, "instances", "vmctl start web1"));
	/* Nobody said that it should be defined again. */
	assert_true(asks(s, true, "instances", VMCTL_VERDICT_PROBLEM, "web1"));
	assert_int_equal(domains_of(s), 0);
}

static void a_record_without_a_disk_or_an_image_is_a_problem(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "web1"), 0);
	auto_free char *disk = str_printf("instances/%s/disk.qcow2", web1(s));
	auto_free char *path = home_path(s, disk);
	auto_free char *base = str_printf(
		"%s/images/%s.qcow2", s->place->home,
		fixture_ask(&s->db, "SELECT digest FROM image_file"));

	auto_free char *seed = str_printf("instances/%s/seed.iso", web1(s));
	auto_free char *seed_path = home_path(s, seed);

	assert_int_equal(unlink(seed_path), 0);
	assert_true(finds(s, "instances", "the seed of web1 is gone"));
	assert_int_equal(chmod(base, 0600), 0);
	patch(base, 8192, "x", 1);
	assert_true(asks(s, false, "images", VMCTL_VERDICT_WARNING,
			 "vmctl image verify mini"));
	assert_int_equal(unlink(base), 0);
	assert_true(finds(s, "images", "of the image mini is gone"));
	assert_true(finds(s, "instances", "stands on is gone"));
	assert_int_equal(unlink(path), 0);
	assert_true(finds(s, "instances", "vmctl delete web1"));
}

static void image_files_that_no_record_names_are_told(void **state)
{
	struct stage *s = *state;
	auto_free char *name = str_printf("%s.qcow2", digest_of("abc"));
	auto_free char *sub = str_printf("images/%s", name);

	put(s, "images", name, "data");
	put(s, "images", ".import-abcdef", "half");
	assert_true(asks(s, false, "images", VMCTL_VERDICT_WARNING, "abc"));
	assert_true(finds(s, "images", "--fix"));
	assert_true(mends(s, "images", "1 file"));
	assert_false(there(s, "images/.import-abcdef"));
	assert_true(there(s, sub));
}

/* --- networks ------------------------------------------------------------- */

static void a_network_that_tells_the_names_of_this_host_is_named(void **state)
{
	struct stage *s = *state;
	const char *const nat[] = { "nat", NULL };
	const char *again = "vmctl network delete vmctl, then vmctl network "
			    "create vmctl --subnet 192.168.100.0/24 "
			    "--range 192.168.100.10-192.168.100.254";

	s->hv->has_networks = true;
	must(vmctl_config_set(s->place->ctx, "network", nat, err));
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	assert_int_equal(stage_create(s, "web1"), 0);
	assert_false(asks(s, false, "networks", VMCTL_VERDICT_WARNING, ""));
	s->hv->net.no_hosts = false;
	assert_true(asks(s, false, "networks", VMCTL_VERDICT_WARNING, again));
	assert_true(asks(s, false, "networks", VMCTL_VERDICT_WARNING,
			 "when no instance is in it"));
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	assert_true(asks(s, false, "networks", VMCTL_VERDICT_WARNING, again));
	assert_false(asks(s, false, "networks", VMCTL_VERDICT_WARNING,
			  "when no instance is in it"));
	/* Nor is it vmctl's business what others made. */
	s->hv->net.uuid[0] = 'x';
	assert_false(asks(s, false, "networks", VMCTL_VERDICT_WARNING, ""));
}

/* --- reservations --------------------------------------------------------- */

static void an_address_of_a_deleted_instance_is_given_back(void **state)
{
	struct stage *s = *state;
	const char *const nat[] = { "nat", NULL };
	const struct hv_lease others = { .mac = "52:54:00:99:99:99",
					 .address = "192.168.100.77" };

	s->hv->has_networks = true;
	must(vmctl_config_set(s->place->ctx, "network", nat, err));
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	assert_int_equal(stage_create(s, "web1"), 0);
	assert_int_equal(s->hv->host_count, 1);
	struct hv_lease ours = s->hv->hosts[0];
	assert_true(is_well(s, "reservations"));
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	s->hv->hosts[0] = ours;
	s->hv->hosts[1] = others;
	s->hv->host_count = 2;
	assert_true(finds(s, "reservations", ours.mac));
	assert_int_equal(s->hv->host_count, 2);
	assert_true(mends(s, "reservations", ours.mac));
	assert_int_equal(s->hv->host_count, 1);
	assert_string_equal(s->hv->hosts[0].mac, others.mac);
}

/* --- the hypervisor ------------------------------------------------------- */

/* pause(2) returns at a signal. */
static void hang(const char *name)
{
	while (str_eq(name, "open_hv"))
		pause();
}

static void a_hypervisor_that_hangs_stops_nothing(void **state)
{
	struct stage *s = *state;
	struct vmctl_doctor *found = NULL;
	int64_t begun = clock_mono_ms();

	assert_int_equal(stage_create(s, "web1"), 0);
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->hook = hang;
	must(vmctl_host_doctor(s->place->ctx, true, 300, &found, err));
	s->hv->hook = NULL;
	assert_true(said(found, "connection", VMCTL_VERDICT_PROBLEM,
			 "does not answer"));
	assert_true(said(found, "domains", VMCTL_VERDICT_NOTE,
			 "libvirt does not answer"));
	assert_true(said(found, "database", VMCTL_VERDICT_OK, "sound"));
	assert_true(said(found, "set-aside", VMCTL_VERDICT_OK, ""));
	vmctl_doctor_free(found);
	assert_true(clock_mono_ms() - begun < 20000);
}

/* The copy that asks it has the same deadline. */
static void a_deadline_that_the_copy_sees_first_is_a_hang_too(void **state)
{
	struct stage *s = *state;

	s->hv->fail_code = VMCTL_CANCELLED;
	for (int i = 1; i <= 3; i++) {
		s->hv->calls = 0;
		s->hv->fail_at = i;
		assert_true(finds(s, "connection", "does not answer"));
	}
}

static void a_hypervisor_that_is_not_there_is_a_problem(void **state)
{
	struct stage *s = *state;

	s->hv->down = true;
	assert_true(finds(s, "connection", "nobody answers"));
}

/* --- files ---------------------------------------------------------------- */

static mode_t mode_of(const struct stage *s, const char *sub)
{
	auto_free char *path = home_path(s, sub);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void modes_of_our_own_folders_are_put_right(void **state)
{
	struct stage *s = *state;
	auto_free char *db = home_path(s, "vmctl.db");
	auto_free char *key = home_path(s, "keys/key");

	assert_int_equal(chmod(s->place->home, 0777), 0);
	assert_int_equal(chmod(db, 0644), 0);
	assert_int_equal(chmod(key, 0640), 0);
	assert_true(finds(s, "data-folder", "changed by other users"));
	assert_int_equal(mode_of(s, ""), 0777);
	assert_true(mends(s, "data-folder", "vmctl.db"));
	assert_int_equal(mode_of(s, "") & 066, 0);
	assert_int_equal(mode_of(s, "vmctl.db"), 0600);
	assert_int_equal(mode_of(s, "keys/key"), 0600);
	assert_true(is_well(s, "data-folder"));
}

static void images_that_all_can_read_are_closed(void **state)
{
	struct stage *s = *state;
	auto_image_list struct vmctl_image_list *list = NULL;
	struct stat st;

	must(vmctl_image_list(s->place->ctx, &list, err));
	assert_int_equal(list->count, 1);
	const char *path = list->items[0]->path;
	assert_int_equal(chmod(path, 0444), 0);
	if (geteuid() != 0) {
		/* Nobody else enters the directory while only the session
		 * connection has machines. */
		assert_false(
			asks(s, false, "storage", VMCTL_VERDICT_WARNING, path));
		return;
	}
	assert_true(asks(s, false, "storage", VMCTL_VERDICT_WARNING, path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0444);
	assert_true(mends(s, "storage", path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0707, 0400);
	assert_false(asks(s, false, "storage", VMCTL_VERDICT_WARNING, path));
}

static void a_storage_that_cannot_be_used_is_a_problem(void **state)
{
	struct stage *s = *state;
	auto_free char *folder = home_path(s, "elsewhere");
	auto_free char *setting = str_printf("{ \"storage\": \"%s\" }", folder);

	forget(s);
	fixture_sql(&s->db, "DELETE FROM image; DELETE FROM image_file");
	put(s, "", "config.json", setting);
	put(s, "", "elsewhere", "a file");
	assert_true(finds(s, "storage", "is no folder"));
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(mkdir(folder, 0500), 0);
	if (geteuid() != 0) /* who may do everything */
		assert_true(finds(s, "storage", "Permission denied"));
	assert_int_equal(chmod(folder, 0700), 0);
	assert_true(is_well(s, "storage"));
}

static void locks_and_sockets_of_the_dead_are_removed(void **state)
{
	struct stage *s = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const int room = sizeof(a.sun_path);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	auto_close int held = -1, folder = -1;
	auto_free char *locks = home_path(s, "locks");

	put(s, "locks", "i-0000000f", "1 vmctl start web1\n");
	must(lock_take(locks, "i-0000000a", "test", 0, NULL, &held, err));
	put(s, "run/hold", LOST_ID ".vm.lock", "");
	assert_true(snprintf(a.sun_path, sizeof(a.sun_path),
			     "%s/run/hold/" LOST_ID ".vm",
			     s->place->home) < room);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(take_fd(&fd));
	auto_free char *relays = home_path(s, "relays");
	assert_int_equal(mkdir(relays, 0700), 0);
	folder = open(relays, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(socket_at_listen(folder, LOST_ID));
	assert_true(asks(s, false, "locks", VMCTL_VERDICT_NOTE, "1 file"));
	assert_true(asks(s, false, "forwards", VMCTL_VERDICT_NOTE, "1 "));
	assert_true(asks(s, false, "connections", VMCTL_VERDICT_NOTE, "1 "));
	assert_true(there(s, "locks/i-0000000f"));
	struct vmctl_doctor *found = ask(s, true);
	assert_true(said(found, "locks", VMCTL_VERDICT_FIXED, "1 file"));
	assert_true(said(found, "connections", VMCTL_VERDICT_FIXED, "1 "));
	assert_true(said(found, "forwards", VMCTL_VERDICT_FIXED, "1 "));
	vmctl_doctor_free(found);
	assert_false(there(s, "relays/" LOST_ID));
	assert_true(is_well(s, "forwards"));
	assert_false(there(s, "locks/i-0000000f"));
	assert_true(there(s, "locks/i-0000000a"));
	assert_false(there(s, "run/hold/" LOST_ID ".vm"));
	assert_true(is_well(s, "connections"));
}

static void broken_settings_are_told_and_the_rest_is_looked_at(void **state)
{
	struct stage *s = *state;

	put(s, "", "config.json", "{ broken");
	assert_true(finds(s, "settings", "vmctl config edit"));
	assert_true(asks(s, false, "domains", VMCTL_VERDICT_NOTE, "settings"));
	assert_true(is_well(s, "database"));
}

static void a_wish_to_stop_ends_it(void **state)
{
	struct stage *s = *state;
	struct vmctl_doctor *found = NULL;

	s->place->asked = 0;
	s->place->cancel_at = 1;
	must_fail(VMCTL_CANCELLED,
		  vmctl_host_doctor(s->place->ctx, false, 0, &found, err));
	assert_null(found);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_home_has_no_problem_and_stays_as_it_is),
		TEST(every_finding_has_its_parts),
		TEST(a_damaged_database_is_told_and_left_alone),
		TEST(a_database_of_a_newer_vmctl_is_told_and_left_alone),
		TEST(rows_that_refer_to_missing_ones_are_a_problem),
		TEST(an_old_database_is_migrated_by_fix_alone),
		TEST(a_database_that_is_gone_is_not_made_anew),
		TEST(a_stale_intent_is_found_and_settled_by_fix_alone),
		TEST(a_folder_without_a_record_is_set_aside_whole),
		TEST(a_folder_of_a_deleted_instance_is_removed),
		TEST(without_libvirt_no_folder_is_moved),
		TEST(a_domain_without_a_record_is_removed_and_its_disk_kept),
		TEST(what_runs_without_a_record_is_left_running),
		TEST(what_runs_though_it_was_deleted_is_ended),
		TEST(the_domain_of_another_home_is_left_alone),
		TEST(a_record_without_a_domain_is_told_what_to_type),
		TEST(a_record_without_a_disk_or_an_image_is_a_problem),
		TEST(image_files_that_no_record_names_are_told),
		TEST(a_network_that_tells_the_names_of_this_host_is_named),
		TEST(an_address_of_a_deleted_instance_is_given_back),
		TEST(a_hypervisor_that_hangs_stops_nothing),
		TEST(a_deadline_that_the_copy_sees_first_is_a_hang_too),
		TEST(a_hypervisor_that_is_not_there_is_a_problem),
		TEST(modes_of_our_own_folders_are_put_right),
		TEST(images_that_all_can_read_are_closed),
		TEST(a_storage_that_cannot_be_used_is_a_problem),
		TEST(locks_and_sockets_of_the_dead_are_removed),
		TEST(broken_settings_are_told_and_the_rest_is_looked_at),
		TEST(a_wish_to_stop_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
