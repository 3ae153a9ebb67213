/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include <vmctl/console.h>

#include "base/clock.h"
#include "base/file.h"
#include "instance/console.h"
#include "unit.h"

/* Following a record while a thread does to it what virtlogd, QEMU and vmctl
 * do. What arrives must be all that was written, once. */

struct follower {
	struct stage *s;
	struct vmctl *ctx; /* of its own: another process's */
	pthread_t thread;
	pthread_mutex_t lock;
	struct str got;
	atomic_bool enough;
	bool gone;
	int result, idle;
	int64_t lines;
	int out;
};

static int take(void *data, const char *bytes, size_t n,
		struct vmctl_error *err)
{
	struct follower *f = data;

	pthread_mutex_lock(&f->lock);
	str_addn(&f->got, bytes, n);
	f->idle += n == 0;
	pthread_mutex_unlock(&f->lock);
	(void)err;
	return atomic_load(&f->enough) ? 1 : 0;
}

static void *follow(void *data)
{
	struct follower *f = data;
	struct vmctl_error err;
	const struct vmctl_console_log what = {
		.size = sizeof(what),
		.lines = f->lines,
		.follow = true,
		.put = take,
		.data = f,
		.out = f->out,
	};

	f->result = vmctl_console_log(f->ctx, "web1", &what, &f->gone, &err);
	return NULL;
}

static bool arrived(struct follower *f, const char *text)
{
	pthread_mutex_lock(&f->lock);
	bool yes = f->got.p && strstr(f->got.p, text);
	pthread_mutex_unlock(&f->lock);
	return yes;
}

static void wait_for(struct follower *f, const char *text)
{
	struct wait w = wait_begin(30000, 50);

	while (!arrived(f, text))
		if (!wait_more(&w)) {
			print_error("no '%s' in '%s'\n", text,
				    str_text(&f->got));
			_fail(__FILE__, __LINE__);
		}
}

static void begin(struct follower *f, struct stage *s, int64_t lines)
{
	*f = (struct follower){ .s = s, .lines = lines, .out = -1 };
	f->ctx = place_context(s->place);
	pthread_mutex_init(&f->lock, NULL);
	assert_int_equal(pthread_create(&f->thread, NULL, follow, f), 0);
}

/* Ends it and says what came. */
static void ends_with(struct follower *f, bool gone, const char *wanted)
{
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->result, 0);
	assert_int_equal(f->gone, gone);
	assert_string_equal(str_text(&f->got), wanted);
	str_done(&f->got);
	vmctl_free(f->ctx);
}

static char *dir_of(struct stage *s)
{
	struct vmctl_instance *row = NULL;

	must(vmctl_instance_get(s->place->ctx, "web1", 0, &row, err));
	char *dir = strdup(row->dir);
	vmctl_instance_free(row);
	return dir;
}

static void append(const char *dir, const char *name, const char *text)
{
	auto_free char *path = path_join(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void move(const char *dir, const char *from, const char *to)
{
	auto_free char *a = path_join(dir, from);
	auto_free char *b = path_join(dir, to);

	if (rename(a, b) < 0)
		assert_int_equal(errno, ENOENT);
}

static int setup(void **state)
{
	int r = stage_setup(state);

	return r < 0 ? r : stage_create(*state, "web1");
}

static void what_is_written_arrives(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = dir_of(s);
	struct follower f;

	append(dir, "console.log", "one\ntwo\nthree\n");
	begin(&f, s, 2);
	wait_for(&f, "three\n");
	append(dir, "console.log", "four\n");
	wait_for(&f, "four\n");
	append(dir, "console.log", "five\n");
	wait_for(&f, "five\n");
	atomic_store(&f.enough, true);
	ends_with(&f, false, "two\nthree\nfour\nfive\n");
}

static void across_the_files_of_virtlogd_nothing_is_lost(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = dir_of(s);
	auto_str all = STR_INIT;
	struct follower f;

	begin(&f, s, 0);
	/* Faster than it can look, and so that it must go over several. */
	for (int i = 0; i < 300; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d\n", i);
		append(dir, "console.log", line);
		str_add(&all, line);
		if (i % 7)
			continue;
		/* Three backups: it is waited for before one is dropped. */
		if (i % 14 == 0)
			wait_for(&f, line);
		move(dir, "console.log.1", "console.log.2");
		move(dir, "console.log.0", "console.log.1");
		move(dir, "console.log", "console.log.0");
	}
	wait_for(&f, "line 299\n");
	append(dir, "console.log", "end\n");
	str_add(&all, "end\n");
	wait_for(&f, "end\n");
	atomic_store(&f.enough, true);
	ends_with(&f, false, all.p);
}

static void a_file_that_is_cut_is_read_from_its_start(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = dir_of(s);
	auto_free char *path = path_join(dir, "console.log");
	struct follower f;

	begin(&f, s, 0);
	append(dir, "console.log", "before it was cut\n");
	wait_for(&f, "cut\n");
	assert_int_equal(truncate(path, 0), 0);
	append(dir, "console.log", "after\n");
	wait_for(&f, "after\n");
	atomic_store(&f.enough, true);
	ends_with(&f, false, "before it was cut\nafter\n");
}

static void stops_and_starts_are_followed_until_it_is_deleted(void **state)
{
	struct stage *s = *state;
	struct follower f;

	strcpy(s->hv->start_says, "boot");
	begin(&f, s, 0);
	for (int i = 2; i < 6; i++) {
		char line[32];

		must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
		must(vmctl_instance_start(s->place->ctx, "web1", err));
		snprintf(line, sizeof(line), "boot %d\r\n", i);
		if (i == 3)
			wait_for(&f, line);
	}
	auto_free char *dir = dir_of(s);
	append(dir, "console.log", "last words");
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	ends_with(&f, true,
		  "boot 2\r\nboot 3\r\nboot 4\r\nboot 5\r\nlast words");
}

/* The moment in which a start has moved the files and made no new one. */
static void in_the_middle_of_a_start_nothing_is_read_twice(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = dir_of(s);
	auto_free char *path = path_join(dir, "console.log");
	struct follower f;

	append(dir, "console.log", "old 1\nold 2\n");
	must(vmctl_instance_stop(s->place->ctx, "web1", 0, true, err));
	must(vmctl_instance_start(s->place->ctx, "web1", err));
	assert_int_equal(unlink(path), 0);
	begin(&f, s, 1);
	struct wait w = wait_begin(30000, 50);
	while (!f.idle && wait_more(&w))
		;
	append(dir, "console.log", "new\n");
	wait_for(&f, "new\n");
	append(dir, "console.log", "end\n");
	wait_for(&f, "end\n");
	atomic_store(&f.enough, true);
	ends_with(&f, false, "new\nend\n");
}

static void a_reader_that_goes_away_ends_it_also_in_silence(void **state)
{
	struct stage *s = *state;
	struct follower f;
	int p[2];

	assert_int_equal(pipe(p), 0);
	f = (struct follower){ .s = s, .out = p[1] };
	f.ctx = place_context(s->place);
	pthread_mutex_init(&f.lock, NULL);
	assert_int_equal(pthread_create(&f.thread, NULL, follow, &f), 0);
	close(p[0]);
	ends_with(&f, false, "");
	close(p[1]);
}

static void a_deleted_one_is_read_and_that_is_all(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = dir_of(s);
	struct follower f;

	append(dir, "console.log", "words\n");
	must(vmctl_instance_delete(s->place->ctx, "web1", err));
	begin(&f, s, 0);
	ends_with(&f, true, "words\n");
}

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(what_is_written_arrives),
		ON_STAGE(across_the_files_of_virtlogd_nothing_is_lost),
		ON_STAGE(a_file_that_is_cut_is_read_from_its_start),
		ON_STAGE(stops_and_starts_are_followed_until_it_is_deleted),
		ON_STAGE(in_the_middle_of_a_start_nothing_is_read_twice),
		ON_STAGE(a_reader_that_goes_away_ends_it_also_in_silence),
		ON_STAGE(a_deleted_one_is_read_and_that_is_all),
	};

	return cmocka_run_group_tests_name("console-follow", tests, NULL, NULL);
}
