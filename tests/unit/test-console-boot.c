/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <vmctl/console.h>

#include "base/clock.h"
#include "base/file.h"
#include "instance/console.h"
#include "unit.h"

/* Starts told apart, what is kept of them and for how long, with a fake that
 * writes "boot N" at its Nth start. */

static int setup(void **state)
{
	int r = stage_setup(state);
	struct stage *s = *state;

	if (r == 0)
		strcpy(s->hv->start_says, "boot");
	return r < 0 ? r : stage_create(s, "web1");
}

static char *id_of(struct stage *s, const char *name)
{
	char *id = NULL;

	must(vmctl_console_find(s->place->ctx, name, &id, NULL, err));
	return id;
}

static void restart(struct stage *s)
{
	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	must(vmctl_instance_start(s->place->ctx, "web1", err));
}

static int collect(void *data, const char *bytes, size_t n,
		   struct vmctl_error *err)
{
	str_addn(data, bytes, n);
	return str_check(data, err);
}

/* What `logs` gives, with the CRs taken out. */
static int log_text(struct stage *s, const char *name, int64_t first,
		    int64_t last, int64_t lines, struct str *out)
{
	const struct vmctl_console_log what = {
		.size = sizeof(what),
		.first = first,
		.last = last,
		.lines = lines,
		.put = collect,
		.data = out,
		.out = -1,
	};
	int r = vmctl_console_log(s->place->ctx, name, &what, NULL, &s->err);
	size_t kept = 0;

	for (size_t i = 0; i < out->len; i++)
		if (out->p[i] != '\r')
			out->p[kept++] = out->p[i];
	if (out->p)
		out->p[out->len = kept] = '\0';
	return r;
}

static void log_is(struct stage *s, const char *name, int64_t first,
		   int64_t last, const char *wanted)
{
	auto_str out = STR_INIT;

	if (log_text(s, name, first, last, 0, &out) < 0)
		print_error("%s\n", s->err.message);
	assert_string_equal(str_text(&out), wanted);
}

static void append(struct stage *s, const char *id, const char *name,
		   const char *text, size_t n)
{
	auto_free char *path =
		str_printf("%s/instances/%s/%s", s->place->home, id, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static bool exists(struct stage *s, const char *fmt, const char *id)
{
	auto_free char *rest = str_printf(fmt, id);
	auto_free char *path = path_join(s->place->home, rest);

	return access(path, F_OK) == 0;
}

static void each_start_has_its_own_record(void **state)
{
	struct stage *s = *state;
	struct vmctl_boot_list *boots = NULL;
	int64_t now = clock_now();

	log_is(s, "web1", 0, 0, "boot 1\n");
	restart(s);
	log_is(s, "web1", 0, 0, "boot 2\n");
	restart(s);
	log_is(s, "web1", 0, 0, "boot 3\n");
	log_is(s, "web1", -1, -1, "boot 2\n");
	log_is(s, "web1", -2, -2, "boot 1\n");
	log_is(s, "web1", 1, 1, "boot 1\n");
	log_is(s, "web1", 2, 0, "boot 2\nboot 3\n");
	log_is(s, "web1", -2, 0, "boot 1\nboot 2\nboot 3\n");
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_int_equal(boots->count, 3);
	for (int i = 0; i < 3; i++) {
		const struct vmctl_boot *b = &boots->items[i];

		assert_int_equal(b->index, i - 2);
		assert_int_equal(b->number, i + 1);
		assert_true(b->started_at >= now - 60 &&
			    b->started_at <= now + 60);
		assert_int_equal(b->size, strlen("boot 1\r\n"));
	}
	assert_string_equal(boots->items[2].ended, "");
	vmctl_boot_list_free(boots);
}

static void a_start_that_is_not_recorded_is_not_found(void **state)
{
	struct stage *s = *state;
	auto_str out = STR_INIT;

	assert_int_equal(log_text(s, "web1", -1, 0, 0, &out), -VMCTL_NOT_FOUND);
	assert_non_null(strstr(s->err.hint, "--list-boots web1"));
	assert_int_equal(log_text(s, "web1", 2, 0, 0, &out), -VMCTL_NOT_FOUND);
	assert_int_equal(log_text(s, "web1", INT64_MIN, 0, 0, &out),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(log_text(s, "nobody", 0, 0, 0, &out),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(out.len, 0);
}

static void how_it_ended_is_what_the_hypervisor_says(void **state)
{
	struct stage *s = *state;
	struct vmctl_boot_list *boots = NULL;

	strcpy(s->hv->details.why, "its power was cut");
	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_string_equal(boots->items[0].ended, "its power was cut");
	vmctl_boot_list_free(boots);
	must(vmctl_instance_start(s->place->ctx, "web1", err));
	/* The first one's end is not the second one's. */
	strcpy(s->hv->details.why, "");
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_int_equal(boots->count, 2);
	assert_string_equal(boots->items[0].ended, "its power was cut");
	assert_string_equal(boots->items[1].ended, "");
	vmctl_boot_list_free(boots);
}

static void the_files_of_virtlogd_are_one_record(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_str out = STR_INIT;

	append(s, id, "console.log.1", "a\nb\n", 4);
	append(s, id, "console.log.0", "c\nd", 3);
	log_is(s, "web1", 0, 0, "a\nb\nc\ndboot 1\n");
	assert_int_equal(log_text(s, "web1", 0, 0, 1, &out), 0);
	assert_string_equal(out.p, "dboot 1\n");
	str_done(&out);
	assert_int_equal(log_text(s, "web1", 0, 0, 3, &out), 0);
	assert_string_equal(out.p, "b\nc\ndboot 1\n");
	str_done(&out);
	restart(s);
	log_is(s, "web1", 0, 0, "boot 2\n");
	log_is(s, "web1", -1, -1, "a\nb\nc\ndboot 1\n");
	/* Over several starts. */
	assert_int_equal(log_text(s, "web1", -1, 0, 2, &out), 0);
	assert_string_equal(out.p, "dboot 1\nboot 2\n");
	str_done(&out);
	assert_int_equal(log_text(s, "web1", -1, 0, 99, &out), 0);
	assert_string_equal(out.p, "a\nb\nc\ndboot 1\nboot 2\n");
}

static void set(struct stage *s, const char *key, const char *value)
{
	const char *const values[] = { value, NULL };

	must(vmctl_config_set(s->place->ctx, key, values, err));
}

static void no_more_is_kept_than_was_asked_for(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_free char *text = malloc(200000);
	struct vmctl_boot_list *boots = NULL;

	set(s, "logs.boots", "3");
	set(s, "logs.size", "64K");
	memset(text, 'x', 200000);
	append(s, id, "console.log.1", text, 200000);
	append(s, id, "console.log.0", text, 40000);
	append(s, id, "console.log", "end\n", 4);
	for (int i = 0; i < 2; i++)
		restart(s);
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_int_equal(boots->count, 3);
	assert_int_equal(boots->items[0].size, 65536);
	vmctl_boot_list_free(boots);
	auto_str out = STR_INIT;
	assert_int_equal(log_text(s, "web1", -2, -2, 1, &out), 0);
	assert_string_equal(out.p, "end\n");
	for (int i = 0; i < 3; i++)
		restart(s);
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_int_equal(boots->count, 3);
	assert_int_equal(boots->items[0].number, 4);
	vmctl_boot_list_free(boots);
}

static void what_qemu_writes_itself_is_cut_when_somebody_looks(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_free char *text = malloc(200000);
	struct vmctl_boot_list *boots = NULL;

	set(s, "logs.size", "64K");
	memset(text, 'x', 200000);
	append(s, id, "console.log", text, 200000);
	append(s, id, "console.log", "end\n", 4);
	assert_int_equal(state_of(s, "web1"), VMCTL_STATE_RUNNING);
	append(s, id, "console.log", "more\n", 5);
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	assert_int_equal(boots->items[0].size, 32768 + 5);
	vmctl_boot_list_free(boots);
	auto_str out = STR_INIT;
	assert_int_equal(log_text(s, "web1", 0, 0, 2, &out), 0);
	assert_true(str_ends(out.p, "xend\nmore\n"));
}

static void a_start_that_was_none_takes_nothing_away(void **state)
{
	struct stage *s = *state;

	restart(s);
	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	s->hv->fail_code = VMCTL_FAILED;
	/* The start itself, after what asks about the machine. */
	for (int i = 1;; i++) {
		s->hv->calls = 0;
		s->hv->fail_at = i;
		if (vmctl_instance_start(s->place->ctx, "web1", &s->err) == 0)
			break;
		s->hv->fail_at = 0;
		(void)vmctl_instance_stop(s->place->ctx, "web1", 0, true, NULL);
	}
	/* However many failed, no start without a word is one. */
	s->hv->fail_at = 0;
	struct vmctl_boot_list *boots = NULL;
	must(vmctl_console_boots(s->place->ctx, "web1", &boots, err));
	for (size_t i = 0; i < boots->count; i++)
		assert_int_equal(boots->items[i].size, strlen("boot 1\r\n"));
	log_is(s, "web1", 1, 1, "boot 1\n");
	log_is(s, "web1", 2, 2, "boot 2\n");
	vmctl_boot_list_free(boots);
}

/* Somebody else starts it in the moment between our look and our start. */
static void the_record_of_anothers_start_stays_where_it_is_written(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_instance *row = NULL;

	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	must(vmctl_instance_get(s->place->ctx, "web1", 0, &row, err));
	assert_true(console_begin(s->place->ctx, row));
	log_is(s, "web1", -1, -1, "boot 1\n");
	console_take_back(s->place->ctx, row);
	log_is(s, "web1", 0, 0, "boot 1\n");
	append(s, id, "console.log", "theirs\n", 7);
	log_is(s, "web1", 0, 0, "boot 1\ntheirs\n");
	restart(s);
	log_is(s, "web1", -1, -1, "boot 1\ntheirs\n");
}

static void what_its_memory_was_saved_of_goes_on(void **state)
{
	struct stage *s = *state;

	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	s->hv->domains[0].state = HV_SAVED;
	must(vmctl_instance_start(s->place->ctx, "web1", err));
	log_is(s, "web1", 0, 0, "boot 1\nboot 2\n");
}

static void a_deleted_ones_record_is_found_by_name_and_id(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	struct vmctl_boot_list *boots = NULL;
	bool deleted = false;
	char *found = NULL;

	restart(s);
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	nothing_is_held(s);
	log_is(s, "web1", -1, 0, "boot 1\nboot 2\n");
	log_is(s, id, 0, 0, "boot 2\n");
	must(vmctl_console_boots(s->place->ctx, id, &boots, err));
	assert_int_equal(boots->count, 2);
	assert_string_equal(boots->items[1].ended, "it was deleted");
	vmctl_boot_list_free(boots);
	/* A live one of that name comes first; of two deleted ones the last. */
	assert_int_equal(stage_create(s, "web1"), 0);
	log_is(s, "web1", 0, 0, "boot 3\n");
	log_is(s, id, 0, 0, "boot 2\n");
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	must(vmctl_console_find(s->place->ctx, "web1", &found, &deleted, err));
	assert_true(deleted);
	assert_string_not_equal(found, id);
	free(found);
	log_is(s, "web1", 0, 0, "boot 3\n");
}

static void a_failed_creations_record_is_kept(void **state)
{
	struct stage *s = *state;

	s->hv->calls = 0;
	assert_int_equal(stage_create(s, "web2"), 0);
	int after = s->hv->start_call;
	must(vmctl_instance_delete(s->place->ctx, "web2", err));
	s->hv->calls = 0;
	s->hv->lie_at = after;
	assert_int_equal(stage_create(s, "web2"), -VMCTL_FAILED);
	s->hv->lie_at = 0;
	assert_int_equal(state_of(s, "web2"), VMCTL_STATE_ERROR);
	log_is(s, "web2", 0, 0, "boot 3\n");
	must(vmctl_instance_delete(s->place->ctx, "web2", err));
	log_is(s, "web2", 0, 0, "boot 3\n");
}

static void age(struct stage *s, const char *id, int64_t seconds)
{
	auto_free char *path = str_printf("%s/logs/%s", s->place->home, id);
	struct timeval times[2] = { { clock_now() - seconds, 0 },
				    { clock_now() - seconds, 0 } };

	assert_int_equal(utimes(path, times), 0);
}

static void it_goes_with_the_record_of_the_instance(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_str out = STR_INIT;

	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	fixture_sql(&s->db, "UPDATE instance SET terminated_at ="
			    " unixepoch() - 8 * 86400");
	age(s, id, 8 * 86400);
	/* A folder that nobody knows, and that is new, may be of a database
	 * that was lost. */
	auto_free char *lost = path_join(s->place->home, "logs/i-0badcafe");
	auto_free char *gone = path_join(s->place->home, "logs/i-0ddba11c");
	auto_free char *theirs = path_join(s->place->home, "logs/notes");
	auto_free char *alike = path_join(s->place->home, "logs/i-notes");
	must(dir_make(lost, 0700, err));
	must(dir_make(gone, 0700, err));
	must(dir_make(theirs, 0700, err));
	must(dir_make(alike, 0700, err));
	age(s, "i-0ddba11c", 8 * 86400);
	age(s, "notes", 80 * 86400);
	age(s, "i-notes", 80 * 86400);
	assert_int_equal(stage_create(s, "web2"), 0);
	assert_true(exists(s, "logs/%s", id));
	must(vmctl_instance_delete(s->place->ctx, "web2", err));
	assert_false(exists(s, "logs/%s", id));
	assert_int_equal(log_text(s, id, 0, 0, 0, &out), -VMCTL_NOT_FOUND);
	assert_int_equal(access(lost, F_OK), 0);
	assert_int_equal(access(gone, F_OK), -1);
	assert_int_equal(access(theirs, F_OK), 0);
	assert_int_equal(access(alike, F_OK), 0);
}

static void all_of_the_deleted_ones_have_a_limit(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_free char *text = calloc(1, 50000);

	set(s, "logs.deleted", "60K");
	append(s, id, "console.log", text, 50000);
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	assert_true(exists(s, "logs/%s", id));
	age(s, id, 60);
	assert_int_equal(stage_create(s, "web2"), 0);
	auto_free char *other = id_of(s, "web2");
	append(s, other, "console.log", text, 50000);
	must(vmctl_instance_delete(s->place->ctx, "web2", err));
	assert_false(exists(s, "logs/%s", id));
	assert_true(exists(s, "logs/%s", other));
	assert_int_equal(log_text(s, id, 0, 0, 0, &(struct str){ 0 }),
			 -VMCTL_STATE);
	assert_non_null(strstr(s->err.message, "no console record"));
}

static int delete_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_delete(ctx, "web1", err);
}

/* A process that moved a file aside and was killed; then virsh started it. */
static void what_comes_between_two_halves_of_a_start_is_kept(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");
	auto_free char *from =
		str_printf("%s/instances/%s/console.log", s->place->home, id);
	auto_free char *dir =
		str_printf("%s/instances/%s/boots/1", s->place->home, id);
	auto_free char *to = path_join(dir, "console.log");

	must(dir_make(dir, 0700, err));
	assert_int_equal(rename(from, to), 0);
	append(s, id, "console.log", "by virsh\n", 9);
	log_is(s, "web1", 0, 0, "boot 1\nby virsh\n");
	restart(s);
	log_is(s, "web1", 1, 0, "boot 1\nby virsh\nboot 2\n");
	log_is(s, "web1", 0, 0, "boot 2\n");
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	log_is(s, "web1", 1, 0, "boot 1\nby virsh\nboot 2\n");
}

/* Every moment takes minutes under valgrind, and long with the sanitizers, and
 * shows them nothing new. */
static int step(void)
{
	const char *kind = getenv("KIND");

	return !kind			   ? 1
	       : str_eq(kind, "valgrind")  ? 7
	       : str_starts(kind, "asan-") ? 4
					   : 1;
}

/* At whichever call or moment: it is in one place or the other, whole. */
static void a_deletion_that_is_killed_loses_none_of_it(void **state)
{
	struct stage *s = *state;

	for (int i = 1, r = 1; r == 1 || i <= 30; i += step()) {
		auto_free char *id = NULL;
		auto_str out = STR_INIT;

		if (state_of(s, "web1") == VMCTL_STATE_COUNT)
			assert_int_equal(stage_create(s, "web1"), 0);
		id = id_of(s, "web1");
		restart(s);
		append(s, id, "console.log.0", "old\n", 4);
		s->hv->calls = 0;
		s->hv->kill_at = i <= 15 ? i : 0;
		/* Longer and longer, however slow the disk is. */
		r = in_process(s, delete_web1,
			       i > 15 ? (i - 15) * (i - 15) * 700L : 0);
		s->hv->kill_at = 0;
		if (log_text(s, id, -1, 0, 0, &out) < 0)
			print_error("%d: %s\n", i, s->err.message);
		assert_non_null(out.p);
		assert_non_null(strstr(out.p, "boot "));
		assert_non_null(strstr(out.p, "old\nboot "));
		(void)state_of(s, "web1"); /* finishes it */
		if (state_of(s, "web1") != VMCTL_STATE_COUNT)
			must(vmctl_instance_delete(s->place->ctx, "web1", err));
		assert_false(exists(s, "instances/%s", id));
		str_done(&out);
		assert_int_equal(log_text(s, id, -1, 0, 0, &out), 0);
		assert_non_null(strstr(out.p, "old\nboot "));
	}
	nothing_is_held(s);
}

static int restart_web1(struct vmctl *ctx, struct vmctl_error *err)
{
	int r = vmctl_instance_stop(ctx, "web1", 0, true, err);

	return r < 0 ? r : vmctl_instance_start(ctx, "web1", err);
}

static void a_start_that_is_killed_loses_none_of_it(void **state)
{
	struct stage *s = *state;
	auto_free char *id = id_of(s, "web1");

	set(s, "logs.boots", "1000");
	append(s, id, "console.log", "mark\n", 5);
	for (int i = 1; i <= 30; i += step()) {
		auto_str out = STR_INIT;

		s->hv->calls = 0;
		s->hv->killed_at = i <= 10 ? i : 0;
		in_process(s, restart_web1, i > 10 ? (i - 10) * 700 : 0);
		s->hv->killed_at = 0;
		(void)state_of(s, "web1");
		must(vmctl_instance_start(s->place->ctx, "web1", err));
		assert_int_equal(log_text(s, "web1", 1, 0, 0, &out), 0);
		/* Every start in its order, and the mark in the first one. */
		assert_true(str_starts(out.p, "boot 1\nmark\n"));
		char last[32];
		int seen = 0, at = 0;
		for (const char *p = out.p; (p = strstr(p, "boot ")); p++) {
			assert_int_equal(sscanf(p, "boot %d", &at), 1);
			assert_int_equal(at, ++seen);
		}
		snprintf(last, sizeof(last), "boot %d\n", s->hv->starts);
		assert_non_null(strstr(out.p, last));
	}
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(each_start_has_its_own_record),
		ON_STAGE(a_start_that_is_not_recorded_is_not_found),
		ON_STAGE(how_it_ended_is_what_the_hypervisor_says),
		ON_STAGE(the_files_of_virtlogd_are_one_record),
		ON_STAGE(no_more_is_kept_than_was_asked_for),
		ON_STAGE(what_qemu_writes_itself_is_cut_when_somebody_looks),
		ON_STAGE(a_start_that_was_none_takes_nothing_away),
		ON_STAGE(
			the_record_of_anothers_start_stays_where_it_is_written),
		ON_STAGE(what_its_memory_was_saved_of_goes_on),
		ON_STAGE(a_deleted_ones_record_is_found_by_name_and_id),
		ON_STAGE(a_failed_creations_record_is_kept),
		ON_STAGE(it_goes_with_the_record_of_the_instance),
		ON_STAGE(all_of_the_deleted_ones_have_a_limit),
		ON_STAGE(what_comes_between_two_halves_of_a_start_is_kept),
		ON_STAGE(a_deletion_that_is_killed_loses_none_of_it),
		ON_STAGE(a_start_that_is_killed_loses_none_of_it),
	};

	return cmocka_run_group_tests_name("console-boot", tests, NULL, NULL);
}
