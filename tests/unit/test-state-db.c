/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "state/db.h"

DEFINE_CLEANUP(state, struct state *, state_close);
#define auto_state auto_cleanup(state_cleanup)

#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define NEWEST TEXT_OF(STATE_VERSION)

static char *db_path(const struct fixture *f)
{
	return path_join(f->dir, "vmctl.db");
}

/* --- opening ------------------------------------------------------------ */

static void files_are_private_whatever_the_umask(void **state)
{
	struct fixture *f = *state;
	static const mode_t masks[] = { 0, 0077, 0777 };

	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		auto_state struct state *db = NULL;
		auto_free char *dir = str_printf("%s/sub%zu", f->dir, i);
		auto_free char *path = path_join(dir, "vmctl.db");
		auto_free char *wal = path_join(dir, "vmctl.db-wal");
		struct stat st;
		mode_t mask;

		/* A umask of 0777 would make the folder itself useless. */
		if (masks[i] == 0777)
			assert_int_equal(mkdir(dir, 0700), 0);
		mask = umask(masks[i]);
		int r = state_open(dir, 1000, &db, &f->err);
		umask(mask);
		assert_int_equal(r, 0);
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(stat(wal, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void the_database_is_set_up_as_designed(void **state)
{
	struct fixture *f = *state;
	bool on;

	fixture_reopen(f); /* as all but the very first command find it */
	assert_string_equal(fixture_ask(f, "PRAGMA journal_mode"), "wal");
	assert_string_equal(fixture_ask(f, "PRAGMA user_version"), NEWEST);
	assert_string_equal(fixture_ask(f, "PRAGMA integrity_check"), "ok");
	assert_string_equal(
		fixture_ask(f, "SELECT group_concat(name) FROM"
			       " pragma_table_list WHERE schema = 'main' AND"
			       " strict = 0 AND name NOT LIKE 'sqlite_%'"),
		"");
	assert_int_equal(sql_exists(f->db, &on, NULL, &f->err,
				    "SELECT 1 FROM pragma_foreign_keys WHERE"
				    " foreign_keys = 1",
				    ""),
			 0);
	assert_true(on);
	assert_int_equal(sql_exists(f->db, &on, NULL, &f->err,
				    "SELECT 1 FROM pragma_synchronous WHERE"
				    " synchronous = 2",
				    ""),
			 0);
	assert_true(on);
}

static int open_only(int which, void *data)
{
	struct fixture *f = data;
	auto_free char *dir = path_join(f->dir, "fresh");
	struct state *db = NULL;
	int r = state_open(dir, 20000, &db, &f->err);

	if (r == 0)
		r = state_fact_set(db, "k", "s", "v", &f->err);
	state_close(db);
	return r == 0 ? 0 : 1;
}

static void eight_first_commands_at_once_all_succeed(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	for (int round = 0; round < 10; round++) {
		auto_free char *dir = path_join(f->dir, "fresh");
		int counts[8];

		race(8, open_only, f, counts);
		assert_int_equal(counts[0], 8);
		assert_int_equal(dir_remove(dir, &f->err), 0);
	}
}

/* Holds the lock of a writer for 50 ms, after telling that it does. */
static void hold_for_a_moment(const struct fixture *f, int tell)
{
	void *lock = fixture_write_lock(f);
	int64_t until = clock_mono_ms() + 50;

	if (write(tell, "x", 1) != 1)
		_exit(1);
	while (clock_mono_ms() < until)
		sched_yield();
	fixture_write_unlock(lock);
	_exit(0);
}

static void the_change_to_wal_is_waited_for(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);
	int ready[2], status;
	char c;
	pid_t pid;

	/* An empty file, which is not in WAL mode yet. */
	fixture_close(f);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(file_write_atomic(path, "", 0, 0600, &f->err), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		hold_for_a_moment(f, ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	fixture_reopen(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

/* Another process makes the database between two looks at it. */
static int make_meanwhile(unsigned what, void *data, void *stmt, void *text)
{
	const struct fixture *f = data;

	if (strstr(text, "application_id") &&
	    str_eq(fixture_ask(f, "PRAGMA user_version"), "0"))
		fixture_sql(f, "PRAGMA application_id = 1986880372;"
			       "PRAGMA user_version = 1");
	return 0;
}

static void a_database_just_being_made_is_seen_whole(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);
	struct state raw = { .path = path };
	int version = -1, r;

	fixture_close(f);
	assert_int_equal(unlink(path), 0);
	fixture_sql(f, "PRAGMA journal_mode = WAL");
	assert_int_equal(sqlite3_open(path, &raw.db), SQLITE_OK);
	sqlite3_trace_v2(raw.db, SQLITE_TRACE_STMT, make_meanwhile, f);
	r = migrate_version(&raw, 1, &version, &f->err);
	assert_int_equal(sqlite3_close(raw.db), SQLITE_OK);
	assert_int_equal(r, 0);
	assert_int_equal(version, 0);
}

/* Opens the fixture's folder, which must fail, and gives the code. */
static int open_fails(struct fixture *f)
{
	struct state *db = NULL;
	int r = state_open(f->dir, 1000, &db, &f->err);

	assert_true(r < 0);
	assert_null(db);
	return r;
}

static void a_newer_database_is_refused_with_a_hint(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, "PRAGMA user_version = 99");
	assert_int_equal(open_fails(f), -VMCTL_BAD_DATA);
	assert_non_null(strstr(f->err.message, "99"));
	assert_non_null(strstr(f->err.hint, "newer vmctl"));
	assert_string_equal(fixture_ask(f, "PRAGMA user_version"), "99");
}

static void a_database_of_another_program_is_refused(void **state)
{
	struct fixture *f = *state;

	fixture_sql(f, "PRAGMA application_id = 5");
	assert_int_equal(open_fails(f), -VMCTL_BAD_DATA);
	fixture_sql(f, "PRAGMA application_id = 0; PRAGMA user_version = 0");
	assert_int_equal(open_fails(f), -VMCTL_BAD_DATA);
	assert_non_null(strstr(f->err.message, "not a database of vmctl"));
}

static void a_file_that_is_no_database_is_refused_and_kept(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);
	auto_str text = STR_INIT;
	char junk[4096];

	fixture_close(f);
	memset(junk, 'j', sizeof(junk));
	assert_int_equal(
		file_write_atomic(path, junk, sizeof(junk), 0600, &f->err), 0);
	assert_int_equal(open_fails(f), -VMCTL_BAD_DATA);
	assert_non_null(strstr(f->err.message, path));
	assert_non_null(strstr(f->err.hint, "mv "));
	assert_int_equal(file_read(path, 8192, &text, &f->err), 0);
	assert_memory_equal(text.p, junk, sizeof(junk));
}

static void a_damaged_page_is_told_as_damage(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);
	auto_close int fd = -1;
	struct vmctl_key_list *list = NULL;
	char junk[4096];
	off_t size;
	int r;

	fixture_close(f);
	fd = open(path, O_RDWR | O_CLOEXEC);
	size = lseek(fd, 0, SEEK_END);
	memset(junk, 0xff, sizeof(junk));
	for (off_t at = 4096; at < size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), 4096);
	r = state_open(f->dir, 1000, &f->db, &f->err);
	if (r == 0)
		r = state_key_list(f->db, &list, &f->err);
	assert_int_equal(r, -VMCTL_BAD_DATA);
	assert_null(list);
	assert_non_null(strstr(f->err.message, path));
}

static void an_empty_file_is_a_new_database(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);

	/* What a process leaves that is killed right after making it. */
	fixture_close(f);
	assert_int_equal(truncate(path, 0), 0);
	fixture_reopen(f);
	assert_string_equal(fixture_ask(f, "PRAGMA user_version"), NEWEST);
}

static void another_writer_is_waited_for_and_then_told(void **state)
{
	struct fixture *f = *state;
	auto_state struct state *db = NULL;
	void *writer = fixture_write_lock(f);

	assert_int_equal(state_open(f->dir, 50, &db, &f->err), 0);
	assert_int_equal(state_fact_set(db, "k", "s", "v", &f->err),
			 -VMCTL_BUSY);
	assert_non_null(strstr(f->err.hint, "--timeout"));
	fixture_write_unlock(writer);
	assert_int_equal(state_fact_set(db, "k", "s", "v", &f->err), 0);
}

/* --- not writable ------------------------------------------------------- */

/* Root may write anywhere: become somebody who owns the folder, but may not. */
static int as_reader(struct fixture *f, int (*body)(struct fixture *))
{
	pid_t pid;
	int status;

	fixture_close(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(9);
		_exit(body(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int read_but_not_write(struct fixture *f)
{
	struct vmctl_key_list *list = NULL;

	if (state_open(f->dir, 1000, &f->db, &f->err) < 0)
		return 1;
	if (state_key_list(f->db, &list, &f->err) < 0 || list->count != 0)
		return 2;
	vmctl_key_list_free(list);
	if (state_fact_set(f->db, "k", "s", "v", &f->err) != -VMCTL_DENIED)
		return 3;
	state_close(f->db);
	return strstr(f->err.message, "vmctl.db") ? 0 : 4;
}

static void a_folder_that_cannot_be_written_is_read(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);

	fixture_close(f);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	assert_int_equal(as_reader(f, read_but_not_write), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
}

static void a_file_that_cannot_be_written_is_read(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);

	fixture_close(f);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0777), 0);
	assert_int_equal(as_reader(f, read_but_not_write), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
}

static int open_is_denied(struct fixture *f)
{
	return open_fails(f) == -VMCTL_DENIED ? 0 : 1;
}

static void a_file_that_cannot_be_read_is_denied(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = db_path(f);

	fixture_close(f);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	assert_int_equal(as_reader(f, open_is_denied), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
}

/* --- full disk ---------------------------------------------------------- */

/* Writes facts until that fails; gives the code, and how many were written. */
static int fill(struct state *db, int *ret_count, struct vmctl_error *err)
{
	char value[4000];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 100000; i++) {
		char key[32];
		int r;

		snprintf(key, sizeof(key), "k%d", i);
		r = state_fact_set(db, key, "s", value, err);
		if (r < 0) {
			*ret_count = i;
			return r;
		}
	}
	return 0;
}

static void rel_001_a_full_database_is_a_limit_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	auto_free char *count = NULL;
	int n;

	assert_int_equal(
		sql_exec(f->db, "PRAGMA max_page_count = 100", &f->err), 0);
	assert_int_equal(fill(f->db, &n, &f->err), -VMCTL_LIMIT);
	assert_true(n > 10);
	assert_non_null(strstr(f->err.message, "no space"));
	assert_non_null(strstr(f->err.hint, "free some disk space"));
	fixture_reopen(f);
	count = str_printf("%d", n);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM fact"), count);
	assert_string_equal(fixture_ask(f, "PRAGMA integrity_check"), "ok");
	assert_int_equal(state_fact_set(f->db, "new", "s", "v", &f->err), 0);
}

static int count_facts(struct state *db)
{
	auto_free char *text = NULL;
	bool row;

	if (sql_exists(db, &row, &text, NULL, "SELECT count(*) FROM fact", "") <
	    0)
		return -1;
	return (int)strtol(text, NULL, 10);
}

/* Fills what SQLite has left over of the disk. */
static void fill_disk(const char *dir)
{
	auto_free char *path = path_join(dir, "ballast");
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char junk[4096] = { 0 };

	while (write(fd, junk, sizeof(junk)) > 0)
		;
}

/* 0: as it should be, 1 … 5: where it was not, 77: skipped. */
static int on_a_full_disk(struct fixture *f)
{
	auto_free char *ballast = path_join(f->dir, "ballast");
	int n = 0, again;

	if (!small_disk(f->dir, "size=1m"))
		return 77;
	if (state_open(f->dir, 1000, &f->db, &f->err) < 0)
		return 1;
	if (fill(f->db, &n, &f->err) != -VMCTL_LIMIT || n < 10)
		return 2;
	state_close(f->db);
	fill_disk(f->dir);
	/* What is there can be read; to write is refused, and why is told. */
	if (state_open(f->dir, 1000, &f->db, &f->err) < 0 ||
	    count_facts(f->db) != n)
		return 3;
	if (fill(f->db, &again, &f->err) != -VMCTL_LIMIT)
		return 4;
	state_close(f->db);
	unlink(ballast);
	if (state_open(f->dir, 1000, &f->db, &f->err) < 0 ||
	    count_facts(f->db) != n)
		return 5;
	state_close(f->db);
	return 0;
}

static void rel_001_a_full_disk_loses_nothing_and_can_be_read(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	fixture_close(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(on_a_full_disk(f));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8)
		skip_because("mount namespaces are not permitted");
	assert_int_equal(status, 0);
}

/* --- killed ------------------------------------------------------------- */

/* Writes facts without end, telling each on `out` once it is committed. */
static void write_until_killed(struct fixture *f, int round, int out)
{
	if (state_open(f->dir, 20000, &f->db, &f->err) < 0)
		_exit(1);
	for (int i = 0;; i++) {
		char key[32];

		snprintf(key, sizeof(key), "r%d-%d", round, i);
		if (state_fact_set(f->db, key, "s", "v", &f->err) < 0 ||
		    write(out, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

static void rel_001_a_killed_writer_loses_nothing_committed(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 20; round++) {
		auto_free char *ask = NULL;
		int out[2], last = -1, value, status;
		pid_t pid;

		fixture_close(f);
		assert_int_equal(pipe(out), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_until_killed(f, round, out[1]);
		close(out[1]);
		/* Another number of writes each time, and then anywhere. */
		while (last < round * 7 &&
		       read(out[0], &value, sizeof(value)) == sizeof(value))
			last = value;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(out[0], &value, sizeof(value)) == sizeof(value))
			last = value;
		close(out[0]);

		fixture_reopen(f);
		assert_string_equal(fixture_ask(f, "PRAGMA integrity_check"),
				    "ok");
		ask = str_printf("SELECT count(*) > %d FROM fact"
				 " WHERE key GLOB 'r%d-*'",
				 last, round);
		assert_string_equal(fixture_ask(f, ask), "1");
	}
}

static void rel_001_a_first_command_killed_anywhere_is_no_harm(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	for (int round = 0; round < 30; round++) {
		auto_free char *dir = path_join(f->dir, "fresh");
		auto_state struct state *db = NULL;
		/* From at once to about the time that opening takes. */
		int64_t until = clock_mono_ns() + round * 300000;
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(open_only(0, f));
		while (clock_mono_ns() < until)
			sched_yield();
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(state_open(dir, 5000, &db, &f->err), 0);
		assert_int_equal(state_fact_set(db, "a", "b", "c", &f->err), 0);
		state_close(take_ptr(&db));
		assert_int_equal(dir_remove(dir, &f->err), 0);
	}
}

/* --- migrations ---------------------------------------------------------
 *
 * The tests' own steps lead on from the newest schema: designated entries,
 * STATE_VERSION - 1 being the one that leads from it.
 */

static const char *const good_steps[] = {
	[STATE_VERSION - 1] = "CREATE TABLE two (x INTEGER) STRICT;"
			      " INSERT INTO two VALUES (1)",
	"ALTER TABLE two ADD COLUMN y TEXT; INSERT INTO two VALUES (2, 'b')",
	NULL,
};
static const struct migrations good = { NULL, good_steps, STATE_VERSION + 2 };

static int migrate_now(int which, void *data)
{
	struct fixture *f = data;
	int r;

	if (state_open(f->dir, 20000, &f->db, &f->err) < 0)
		return 7;
	r = migrate(f->db, &good, &f->err);
	state_close(f->db);
	return r == 0 ? 0 : 6;
}

static void steps_run_once_also_when_eight_race(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 5; round++) {
		struct migrations none = { NULL, NULL, STATE_VERSION + 2 };
		int counts[8], version = 0;

		/* Open at version 1 in all of them is not certain, as one may
		 * be done before another opens: that one sees a version from
		 * the future and says so. */
		fixture_close(f);
		race(8, migrate_now, f, counts);
		assert_true(counts[0] >= 1);
		assert_int_equal(counts[0] + counts[7], 8);
		assert_string_equal(
			fixture_ask(f, "SELECT group_concat(x || ifnull(y,"
				       " '-')) FROM two"),
			"1-,2b");
		fixture_sql(f, "DROP TABLE two; PRAGMA user_version = " NEWEST);
		fixture_reopen(f);
		assert_int_equal(
			migrate_version(f->db, none.newest, &version, &f->err),
			0);
		assert_int_equal(version, STATE_VERSION);
	}
}

static void a_failing_step_changes_nothing(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {
		[STATE_VERSION - 1] = "CREATE TABLE two (x INTEGER) STRICT",
		"INSERT INTO nowhere VALUES (1)",
		NULL,
	};
	const struct migrations bad = { NULL, steps, STATE_VERSION + 2 };

	assert_int_equal(migrate(f->db, &bad, &f->err), -VMCTL_INTERNAL);
	assert_non_null(strstr(f->err.message, "nowhere"));
	assert_string_equal(fixture_ask(f, "PRAGMA user_version"), NEWEST);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM sqlite_schema"
					   " WHERE name = 'two'"),
			    "0");
	/* And the handle is as usable as before. */
	assert_int_equal(state_fact_set(f->db, "k", "s", "v", &f->err), 0);
}

static void a_step_that_breaks_references_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {
		[STATE_VERSION - 1] = "DELETE FROM image_file",
		NULL,
	};
	const struct migrations bad = { NULL, steps, STATE_VERSION + 1 };

	image_put(f, "mini", digest_of("aa"));
	assert_int_equal(migrate(f->db, &bad, &f->err), -VMCTL_BAD_DATA);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM image_file"),
			    "1");
}

static int kill_in_step(struct fixture *f)
{
	static const char *const steps[] = {
		[STATE_VERSION - 1] = "CREATE TABLE two (x INTEGER) STRICT",
		"SELECT die()",
		NULL,
	};
	const struct migrations m = { NULL, steps, STATE_VERSION + 2 };

	return migrate(f->db, &m, &f->err);
}

static void die(sqlite3_context *ctx, int n, sqlite3_value **args)
{
	kill(getpid(), SIGKILL);
}

static void rel_001_killed_within_a_migration_it_is_as_before(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	fixture_close(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (state_open(f->dir, 1000, &f->db, &f->err) < 0)
			_exit(1);
		sqlite3_create_function(f->db->db, "die", 0, SQLITE_UTF8, NULL,
					die, NULL, NULL);
		_exit(kill_in_step(f) < 0 ? 2 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_string_equal(fixture_ask(f, "PRAGMA user_version"), NEWEST);
	assert_string_equal(fixture_ask(f, "SELECT count(*) FROM sqlite_schema"
					   " WHERE name = 'two'"),
			    "0");
	assert_string_equal(fixture_ask(f, "PRAGMA integrity_check"), "ok");
}

/* The statements of the schema without comments and white space, in which a
 * column that ALTER TABLE added differs. */
static char *schema_text(struct fixture *f)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_str all = STR_INIT;
	char *text = NULL;

	assert_int_equal(sql_query(f->db, &stmt, &f->err,
				   "SELECT sql FROM sqlite_schema WHERE sql IS"
				   " NOT NULL ORDER BY type, name",
				   ""),
			 0);
	while (sql_step(f->db, stmt, &f->err) == 1) {
		const char *p = (const char *)sqlite3_column_text(stmt, 0);

		for (; *p; p++) {
			if (p[0] == '-' && p[1] == '-')
				p += strcspn(p, "\n");
			else if (!strchr(" \t\n", *p))
				str_addc(&all, *p);
		}
		str_addc(&all, '\n');
	}
	assert_int_equal(str_take(&all, &text, &f->err), 0);
	return text;
}

/* tests/data/schema-N.sql is the schema as version N was released. */
static void every_older_version_migrates_to_the_newest(void **state)
{
	struct fixture *f = *state;
	const char *top = getenv("TOP");
	auto_free char *newest = schema_text(f);

	for (int v = 1; v <= STATE_VERSION; v++) {
		auto_free char *file = str_printf("%s/tests/data/schema-%d.sql",
						  top ? top : ".", v);
		auto_free char *path = db_path(f);
		auto_str sql = STR_INIT;

		assert_int_equal(file_read(file, 1 << 20, &sql, &f->err), 0);
		str_addf(&sql, "; PRAGMA user_version = %d", v);
		fixture_close(f);
		assert_int_equal(unlink(path), 0);
		fixture_sql(f, sql.p);
		fixture_reopen(f);
		auto_free char *now = schema_text(f);
		assert_string_equal(now, newest);
	}
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_private_whatever_the_umask),
		TEST(the_database_is_set_up_as_designed),
		TEST(eight_first_commands_at_once_all_succeed),
		TEST(the_change_to_wal_is_waited_for),
		TEST(a_database_just_being_made_is_seen_whole),
		TEST(a_newer_database_is_refused_with_a_hint),
		TEST(a_database_of_another_program_is_refused),
		TEST(a_file_that_is_no_database_is_refused_and_kept),
		TEST(a_damaged_page_is_told_as_damage),
		TEST(an_empty_file_is_a_new_database),
		TEST(another_writer_is_waited_for_and_then_told),
		TEST(a_folder_that_cannot_be_written_is_read),
		TEST(a_file_that_cannot_be_written_is_read),
		TEST(a_file_that_cannot_be_read_is_denied),
		TEST(rel_001_a_full_database_is_a_limit_and_loses_nothing),
		TEST(rel_001_a_full_disk_loses_nothing_and_can_be_read),
		TEST(rel_001_a_killed_writer_loses_nothing_committed),
		TEST(rel_001_a_first_command_killed_anywhere_is_no_harm),
		TEST(steps_run_once_also_when_eight_race),
		TEST(a_failing_step_changes_nothing),
		TEST(a_step_that_breaks_references_is_refused),
		TEST(rel_001_killed_within_a_migration_it_is_as_before),
		TEST(every_older_version_migrates_to_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
