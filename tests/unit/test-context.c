/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "context.h"
#include "state/db.h"

/* A context in `home` with these settings. */
static struct vmctl *context_with(const char *home, const char *settings)
{
	struct vmctl_options opts = { .size = sizeof(opts), .home = home };
	auto_free char *path = path_join(home, "config.json");
	struct vmctl_error err;
	struct vmctl *ctx = NULL;

	assert_int_equal(
		file_write_atomic(path, settings, strlen(settings), 0600, &err),
		0);
	assert_int_equal(vmctl_new(&opts, &ctx, &err), 0);
	return ctx;
}

static int open_with(const char *home, const char *settings, bool put_image,
		     struct vmctl_error *err)
{
	struct vmctl *ctx = context_with(home, settings);
	struct fixture f = { 0 };
	int r = context_state(ctx, &f.db, err);

	if (r == 0 && put_image)
		image_put(&f, "mini", digest_of("aa"));
	vmctl_free(ctx);
	return r;
}

static void storage_may_change_while_it_is_empty_and_not_after(void **state)
{
	char home[] = "/tmp/vmctl-context.XXXXXX";
	struct vmctl_error err;

	assert_non_null(mkdtemp(home));
	assert_int_equal(open_with(home, "{}", false, &err), 0);
	assert_int_equal(
		open_with(home, "{\"storage\":\"/srv/a\"}", true, &err), 0);
	assert_int_equal(
		open_with(home, "{\"storage\":\"/srv/b\"}", false, &err),
		-VMCTL_STATE);
	assert_non_null(strstr(err.message, "/srv/a"));
	assert_string_equal(err.hint, "vmctl config set storage /srv/a");
	/* The refusal changed nothing. */
	assert_int_equal(
		open_with(home, "{\"storage\":\"/srv/a\"}", false, &err), 0);
	assert_int_equal(dir_remove(home, &err), 0);
}

/* How long SQLite waits for other writers in a context of these options. */
static long patience(const char *home, long lock_timeout_ms, bool glance)
{
	struct vmctl_options opts = { .size = sizeof(opts),
				      .home = home,
				      .lock_timeout_ms = lock_timeout_ms,
				      .glance = glance };
	struct vmctl *ctx = NULL;
	struct state *db = NULL;

	assert_int_equal(vmctl_new(&opts, &ctx, NULL), 0);
	assert_int_equal(context_state(ctx, &db, NULL), 0);
	long r = db->busy_ms;
	vmctl_free(ctx);
	return r;
}

static void
a_writer_on_a_busy_disk_is_waited_for_without_a_timeout(void **state)
{
	char home[] = "/tmp/vmctl-context.XXXXXX";
	struct vmctl_error err;

	assert_non_null(mkdtemp(home));
	assert_int_equal(patience(home, 0, false), 30000);
	assert_int_equal(patience(home, -1, false), 30000);
	assert_int_equal(patience(home, 60000, false), 60000);
	/* Whoever only looks while somebody types does not wait. */
	assert_int_equal(patience(home, 0, true), 0);
	assert_int_equal(dir_remove(home, &err), 0);
}

static void a_relative_home_is_made_absolute(void **state)
{
	struct vmctl_options opts = { .size = sizeof(opts), .home = "some/v" };
	struct vmctl *ctx = NULL;

	assert_int_equal(vmctl_new(&opts, &ctx, NULL), 0);
	assert_int_equal(vmctl_data_dir(ctx)[0], '/');
	assert_true(str_ends(vmctl_data_dir(ctx), "/some/v"));
	vmctl_free(ctx);
}

static void a_shorter_options_struct_of_an_older_caller_is_taken(void **state)
{
	/* What lies behind `home` is not looked at. */
	struct vmctl_options opts;
	struct vmctl *ctx = NULL;

	memset(&opts, 0xff, sizeof(opts));
	opts.size = offsetof(struct vmctl_options, uri);
	opts.home = "/tmp/nowhere";
	assert_int_equal(vmctl_new(&opts, &ctx, NULL), 0);
	assert_string_equal(vmctl_data_dir(ctx), "/tmp/nowhere");
	vmctl_free(ctx);
}

static char *runtime_dir_of(const char *run)
{
	const struct vmctl_options opts = { .size = sizeof(opts) };
	struct vmctl_error err;
	struct vmctl *ctx = NULL;

	assert_int_equal(setenv("XDG_RUNTIME_DIR", run, 1), 0);
	assert_int_equal(vmctl_new(&opts, &ctx, &err), 0);
	char *dir = strdup(ctx->runtime_dir);
	vmctl_free(ctx);
	return dir;
}

/* su(1) passes on that of another user, cron has one that is gone, and in
 * /tmp anybody may put something in the place of our sockets. */
static void a_runtime_directory_that_is_not_ours_is_not_used(void **state)
{
	char base[] = "/tmp/vmctl-context.XXXXXX";
	struct vmctl_error err;

	assert_non_null(mkdtemp(base));
	assert_int_equal(setenv("XDG_DATA_HOME", base, 1), 0);
	auto_free char *own = path_join(base, "vmctl");
	auto_free char *other = path_join(base, "vmctl/run");
	auto_free char *good = runtime_dir_of(base);
	assert_string_equal(good, own);
	assert_int_equal(chmod(base, 01777), 0);
	auto_free char *open_to_all = runtime_dir_of(base);
	assert_string_equal(open_to_all, other);
	auto_free char *gone = runtime_dir_of("/nonexistent/run");
	assert_string_equal(gone, other);
	auto_free char *relative = runtime_dir_of(".");
	assert_string_equal(relative, other);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(dir_remove(base, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			storage_may_change_while_it_is_empty_and_not_after),
		cmocka_unit_test(
			a_writer_on_a_busy_disk_is_waited_for_without_a_timeout),
		cmocka_unit_test(a_relative_home_is_made_absolute),
		cmocka_unit_test(
			a_runtime_directory_that_is_not_ours_is_not_used),
		cmocka_unit_test(
			a_shorter_options_struct_of_an_older_caller_is_taken),
	};

	return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
