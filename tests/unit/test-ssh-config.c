/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include "unit.h"

#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "ssh-config/ssh-config.h"

/* Installing, and what follows the instances from then on: on the fake
 * hypervisor. */

static char user_path[400];

static int setup(void **state)
{
	int r = stage_setup(state);

	if (r == 0) {
		const struct stage *s = *state;
		snprintf(user_path, sizeof(user_path), "%s/user/config",
			 s->place->dir);
	}
	return r;
}

static int install(struct stage *s, char **ret)
{
	const struct vmctl_ssh_config what = { .size = sizeof(what),
					       .program = "/usr/bin/vmctl",
					       .file = user_path };
	auto_free char *file = NULL;
	int r = vmctl_ssh_config_install(s->place->ctx, &what, &file, NULL,
					 &s->err);

	if (r == 0 && ret)
		*ret = take_ptr(&file);
	return r;
}

static int uninstall(struct stage *s)
{
	auto_free char *file = NULL;

	return vmctl_ssh_config_uninstall(s->place->ctx, &file, &s->err);
}

static void user_has(const char *text, mode_t mode)
{
	auto_free char *dir =
		strndup(user_path, strlen(user_path) - strlen("/config"));

	must(dir_make(dir, 0700, err));
	must(file_write_atomic(user_path, text, strlen(text), mode, err));
}

static char *contents(const char *path)
{
	auto_str s = STR_INIT;
	char *text = NULL;

	if (file_read(path, 1 << 20, &s, NULL) < 0)
		return NULL;
	must(str_take(&s, &text, err));
	return text;
}

/* What ssh would find of a name. */
static bool known(struct stage *s, const char *name)
{
	auto_free char *path = our_file(s->place->ctx);
	auto_free char *text = contents(path);
	auto_free char *line = str_printf("originalhost %s,i-", name);
	auto_free char *more = str_printf(",%s,i-", name);

	return text && (strstr(text, line) || strstr(text, more));
}

static void instances_come_and_go_with_their_names(void **state)
{
	struct stage *s = *state;

	assert_int_equal(stage_create(s, "early"), 0);
	assert_int_equal(install(s, NULL), 0);
	assert_true(known(s, "early"));
	assert_int_equal(stage_create(s, "late"), 0);
	assert_true(known(s, "late"));
	/* Another process, too. */
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	assert_int_equal(vmctl_instance_delete(s->place->ctx, "early", &s->err),
			 0);
	assert_false(known(s, "early"));
	assert_true(known(s, "late"));
	assert_int_equal(uninstall(s), 0);
	assert_int_equal(stage_create(s, "after"), 0);
	assert_false(known(s, "after"));
}

static void a_process_that_began_before_takes_note(void **state)
{
	struct stage *s = *state;
	struct vmctl *early = place_context(s->place);

	assert_int_equal(create_in(early, "one", &s->err), 0);
	assert_int_equal(install(s, NULL), 0);
	assert_int_equal(create_in(early, "two", &s->err), 0);
	assert_true(known(s, "one"));
	assert_true(known(s, "two"));
	vmctl_free(early);
}

static int create_web(struct vmctl *ctx, struct vmctl_error *err)
{
	return create_in(ctx, "web", err);
}

static int delete_web(struct vmctl *ctx, struct vmctl_error *err)
{
	return vmctl_instance_delete(ctx, "web", err);
}

static bool listed(struct stage *s, const char *name)
{
	return state_of(s, name) != VMCTL_STATE_COUNT;
}

/* Killed at any call, and at moments between: what the next command lists is
 * what ssh knows. */
static void a_killed_process_leaves_nothing_that_stays_wrong(void **state)
{
	struct stage *s = *state;

	assert_int_equal(install(s, NULL), 0);
	for (int i = 1; i < 40; i++) {
		*s->hv = (struct fake){ 0 };
		int r = in_process(s, create_web, i * 500);
		bool there = listed(s, "web");
		assert_int_equal(known(s, "web"), there);
		if (!there)
			continue;
		assert_true(r >= 0 && r <= 1);
		(void)in_process(s, delete_web, i * 500);
		there = listed(s, "web");
		assert_int_equal(known(s, "web"), there);
		if (there)
			assert_int_equal(vmctl_instance_delete(s->place->ctx,
							       "web", &s->err),
					 0);
		assert_false(known(s, "web"));
	}
}

static void nothing_is_written_when_nothing_changed(void **state)
{
	struct stage *s = *state;
	auto_free char *path = our_file(s->place->ctx);
	struct stat before, after;

	assert_int_equal(stage_create(s, "web1"), 0);
	assert_int_equal(install(s, NULL), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(
		vmctl_instance_stop(s->place->ctx, "web1", 0, true, &s->err),
		0);
	assert_int_equal(vmctl_instance_start(s->place->ctx, "web1", &s->err),
			 0);
	assert_int_equal(install(s, NULL), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
	assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void the_users_file_gets_one_line_and_loses_it(void **state)
{
	static const char text[] = "Host a\n\tUser b";
	struct stage *s = *state;
	auto_free char *once = NULL, *twice = NULL, *back = NULL;
	struct stat st;

	user_has(text, 0640);
	assert_int_equal(install(s, NULL), 0);
	once = contents(user_path);
	assert_int_equal(stat(user_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(install(s, NULL), 0);
	twice = contents(user_path);
	assert_string_equal(twice, once);
	assert_int_equal(uninstall(s), 0);
	back = contents(user_path);
	assert_string_equal(back, text);
	assert_int_equal(uninstall(s), 0);
}

static void what_was_made_for_it_goes_with_it(void **state)
{
	struct stage *s = *state;
	auto_free char *dir =
		strndup(user_path, strlen(user_path) - strlen("/config"));
	auto_free char *file = NULL;
	struct stat st;

	assert_int_equal(install(s, &file), 0);
	assert_string_equal(file, user_path);
	assert_int_equal(stat(user_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(install(s, NULL), 0);
	assert_int_equal(uninstall(s), 0);
	assert_int_equal(access(dir, F_OK), -1);
	/* Unless somebody has found a use for it. */
	assert_int_equal(install(s, NULL), 0);
	auto_free char *text = contents(user_path);
	auto_free char *more = str_printf("%sHost a\n", text);
	user_has(more, 0600);
	assert_int_equal(uninstall(s), 0);
	auto_free char *left = contents(user_path);
	assert_string_equal(left, "Host a\n");
}

static void a_link_stays_a_link(void **state)
{
	struct stage *s = *state;
	auto_free char *target = place_path(s->place, "dotfile");
	struct stat st;

	user_has("", 0600);
	assert_int_equal(unlink(user_path), 0);
	assert_int_equal(symlink(target, user_path), 0);
	assert_int_equal(install(s, NULL), -VMCTL_BAD_DATA);
	must(file_write_atomic(target, "Host a\n", 7, 0644, err));
	assert_int_equal(install(s, NULL), 0);
	assert_int_equal(lstat(user_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	auto_free char *with = contents(target);
	assert_non_null(strstr(with, "\nInclude "));
	assert_int_equal(uninstall(s), 0);
	auto_free char *back = contents(target);
	assert_string_equal(back, "Host a\n");
}

static void nothing_installed(struct stage *s)
{
	auto_free char *dir = our_dir(s->place->ctx);

	assert_int_equal(access(dir, F_OK), -1);
	assert_string_equal(fixture_ask(&s->db,
					"SELECT count(*) FROM fact WHERE"
					" key = 'ssh-config'"),
			    "0");
}

static void a_file_that_is_not_to_be_changed_is_not(void **state)
{
	struct stage *s = *state;

	user_has("Host a\n", 0400);
	assert_int_equal(install(s, NULL), -VMCTL_DENIED);
	assert_non_null(strstr(s->err.hint, "vmctl ssh-config show"));
	nothing_installed(s);
	assert_int_equal(unlink(user_path), 0);
	assert_int_equal(mkdir(user_path, 0700), 0);
	assert_int_equal(install(s, NULL), -VMCTL_BAD_DATA);
	assert_int_equal(rmdir(user_path), 0);
	assert_int_equal(mkfifo(user_path, 0600), 0);
	assert_int_equal(install(s, NULL), -VMCTL_BAD_DATA);
	nothing_installed(s);
	if (geteuid() != 0) {
		assert_int_equal(unlink(user_path), 0);
		assert_int_equal(symlink("/etc/passwd", user_path), 0);
		assert_int_equal(install(s, NULL), -VMCTL_DENIED);
		nothing_installed(s);
	}
}

/* VMCTL_HOME may be a directory that was there before, with an "ssh" in it. */
static void what_others_keep_beside_it_stays(void **state)
{
	static const char *const theirs[] = { "notes", "try", "keys/me.pub",
					      "keys/a-0123456789abcdef" };
	struct stage *s = *state;
	auto_free char *dir = our_dir(s->place->ctx);
	auto_free char *keys = path_join(dir, "keys");
	auto_free char *config = our_file(s->place->ctx);

	must(dir_make(keys, 0700, err));
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
		auto_free char *path = path_join(dir, theirs[i]);

		must(file_write_atomic(path, "precious", 8, 0600, err));
	}
	for (int way = 0; way < 4; way++) {
		if (way == 1) {
			user_has("Host a\n", 0400);
			assert_int_equal(install(s, NULL), -VMCTL_DENIED);
			assert_int_equal(unlink(user_path), 0);
		} else if (way == 2) {
			must(file_write_atomic(config, "Host b\n", 7, 0600,
					       err));
			assert_int_equal(install(s, NULL), -VMCTL_EXISTS);
			auto_free char *text = contents(config);
			assert_string_equal(text, "Host b\n");
			assert_int_equal(access(user_path, F_OK), -1);
			assert_int_equal(unlink(config), 0);
		} else if (way == 3) {
			assert_int_equal(install(s, NULL), 0);
			assert_int_equal(access(config, F_OK), 0);
		}
		if (way != 1)
			assert_int_equal(uninstall(s), 0);
		assert_int_equal(access(config, F_OK), -1);
		for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
			auto_free char *path = path_join(dir, theirs[i]);
			auto_free char *text = contents(path);

			assert_non_null(text);
			assert_string_equal(text, "precious");
		}
	}
}

/* An ssh that is too old says so of each keyword that it does not know. */
static void an_ssh_that_does_not_understand_it_is_refused(void **state)
{
	struct stage *s = *state;
	auto_free char *dir = place_path(s->place, "bin");
	auto_free char *fake = path_join(dir, "ssh");
	static const char old[] =
		"#!/bin/sh\nif [ \"$1\" = -V ]; then"
		" echo 'OpenSSH_8.4p1, x' >&2; exit; fi\n"
		"echo 'Bad configuration option: knownhostscommand' >&2\n"
		"exit 255\n";
	auto_free char *path = strdup(getenv("PATH"));

	assert_int_equal(mkdir(dir, 0700), 0);
	must(file_write_atomic(fake, old, strlen(old), 0700, err));
	user_has("Host a\n", 0600);
	setenv("PATH", dir, 1);
	int r = install(s, NULL);
	setenv("PATH", path, 1);
	assert_int_equal(r, -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(s->err.message, "OpenSSH_8.4p1"));
	assert_non_null(strstr(s->err.message, "knownhostscommand"));
	nothing_installed(s);
	auto_free char *text = contents(user_path);
	assert_string_equal(text, "Host a\n");
}

static void a_second_file_takes_the_place_of_the_first(void **state)
{
	struct stage *s = *state;
	auto_free char *first = strdup(user_path);

	user_has("Host a\n", 0600);
	assert_int_equal(install(s, NULL), 0);
	snprintf(user_path, sizeof(user_path), "%s/other/config",
		 s->place->dir);
	assert_int_equal(install(s, NULL), 0);
	auto_free char *text = contents(first);
	assert_string_equal(text, "Host a\n");
	auto_free char *other = contents(user_path);
	assert_non_null(strstr(other, "Include "));
	assert_int_equal(uninstall(s), 0);
	assert_int_equal(access(user_path, F_OK), -1);
}

static void one_instance_can_be_shown(void **state)
{
	struct stage *s = *state;
	const struct vmctl_ssh_config what = { .size = sizeof(what),
					       .program = "/usr/bin/vmctl" };
	auto_free char *one = NULL, *all = NULL, *none = NULL;

	assert_int_equal(stage_create(s, "web1"), 0);
	assert_int_equal(stage_create(s, "web2"), 0);
	assert_int_equal(vmctl_ssh_config_show(s->place->ctx, &what, "WEB2",
					       &one, &s->err),
			 0);
	assert_non_null(strstr(one, "\nMatch originalhost web2,i-"));
	assert_null(strstr(one, "web1"));
	assert_int_equal(vmctl_ssh_config_show(s->place->ctx, &what, NULL, &all,
					       &s->err),
			 0);
	assert_non_null(strstr(all, "web1"));
	assert_int_equal(vmctl_ssh_config_show(s->place->ctx, &what, "web3",
					       &none, &s->err),
			 -VMCTL_NOT_FOUND);
	assert_null(none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(instances_come_and_go_with_their_names),
		TEST(a_process_that_began_before_takes_note),
		TEST(a_killed_process_leaves_nothing_that_stays_wrong),
		TEST(nothing_is_written_when_nothing_changed),
		TEST(the_users_file_gets_one_line_and_loses_it),
		TEST(what_was_made_for_it_goes_with_it),
		TEST(a_link_stays_a_link),
		TEST(a_file_that_is_not_to_be_changed_is_not),
		TEST(what_others_keep_beside_it_stays),
		TEST(an_ssh_that_does_not_understand_it_is_refused),
		TEST(a_second_file_takes_the_place_of_the_first),
		TEST(one_instance_can_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
