/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <dirent.h>

#include "base/file.h"
#include "base/str.h"
#include "instance/instance.h"

/* The keys that an instance to be gets, and the pair that is made when there
 * are none. */

static int draw(struct vmctl *ctx, const char *const *names, bool make,
		struct draft *d)
{
	struct vmctl_error err;

	*d = (struct draft){ .row = calloc(1, sizeof(*d->row)) };
	assert_non_null(d->row);
	d->row->keys = strv_dup(NULL);
	return draft_keys(ctx, d, names, make, &err);
}

/* 0: it holds "default", whose private half is there. */
static int create_at_once(int which, void *data)
{
	struct place *p = data;
	struct vmctl *ctx = place_context(p);
	struct draft d;
	int r = draw(ctx, NULL, true, &d);

	if (r < 0)
		return 1;
	if (d.key_count != 1 || !str_eq(d.keys[0].name, "default"))
		return 2;
	if (access(d.keys[0].private_path, R_OK) < 0)
		return 3;
	draft_done(&d);
	vmctl_free(ctx);
	return 0;
}

static int files_in(const char *path)
{
	auto_dir DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

static void of_creations_at_once_all_use_the_pair_that_one_made(void **state)
{
	struct place *p = *state;
	auto_free char *dir = path_join(p->home, "keys");
	auto_free char *public = NULL;
	struct vmctl_key *key;
	auto_str text = STR_INIT;
	int counts[8];

	race(8, create_at_once, p, counts);
	assert_int_equal(counts[0], 8);
	/* Whose pair it is, is chance; those of the others are gone. */
	assert_int_equal(files_in(dir), 2);
	assert_int_equal(vmctl_key_get(p->ctx, "default", &key, &p->err), 0);
	public = str_printf("%s.pub", key->private_path);
	assert_int_equal(file_read(public, 4096, &text, NULL), 0);
	assert_true(str_starts(str_text(&text), key->public_key));
	vmctl_key_free(key);
}

static void a_dry_run_makes_no_pair(void **state)
{
	struct place *p = *state;
	auto_free char *dir = path_join(p->home, "keys");
	struct draft d;

	assert_int_equal(draw(p->ctx, NULL, false, &d), 0);
	assert_int_equal(d.key_count, 0);
	assert_true(d.key_made);
	draft_done(&d);
	assert_int_equal(access(dir, F_OK), -1);
}

static void keys_that_are_named_are_taken_once_each(void **state)
{
	struct place *p = *state;
	static const char *const names[] = { "b", "a", "b", NULL };
	static const char *const unknown[] = { "a", "nobody", NULL };
	struct draft d;

	assert_int_equal(vmctl_key_generate(p->ctx, "a", NULL, NULL, &p->err),
			 0);
	assert_int_equal(vmctl_key_generate(p->ctx, "b", NULL, NULL, &p->err),
			 0);
	assert_int_equal(draw(p->ctx, names, true, &d), 0);
	assert_int_equal(d.key_count, 2);
	assert_string_equal(d.keys[0].name, "b");
	assert_string_equal(d.keys[1].name, "a");
	draft_done(&d);
	assert_int_equal(draw(p->ctx, unknown, true, &d), -VMCTL_NOT_FOUND);
	draft_done(&d);
	/* And all there are when none is. */
	assert_int_equal(draw(p->ctx, NULL, true, &d), 0);
	assert_int_equal(d.key_count, 2);
	draft_done(&d);
}

static void keys_that_were_deleted_meanwhile_are_left_out(void **state)
{
	struct place *p = *state;
	struct vmctl_key *key = NULL;
	const char *const names[] = { "b", NULL };
	struct draft all, named;

	for (const char *const *n = (const char *const[]){ "a", "b", NULL }; *n;
	     n++) {
		assert_int_equal(
			vmctl_key_generate(p->ctx, *n, "", &key, &p->err), 0);
		vmctl_key_free(key);
	}
	assert_int_equal(draw(p->ctx, NULL, true, &all), 0);
	assert_int_equal(draw(p->ctx, names, true, &named), 0);
	named.key_names = names;
	assert_int_equal(vmctl_key_delete(p->ctx, "b", NULL, &p->err), 0);
	assert_int_equal(draft_keys_again(p->ctx, &all, &p->err), 0);
	assert_int_equal(all.key_count, 1);
	assert_string_equal(all.keys[0].name, "a");
	assert_string_equal(all.row->keys[0], "a");
	assert_null(all.row->keys[1]);
	/* One that was asked for must be there. */
	assert_int_equal(draft_keys_again(p->ctx, &named, &p->err),
			 -VMCTL_NOT_FOUND);
	draft_done(&all);
	draft_done(&named);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(of_creations_at_once_all_use_the_pair_that_one_made),
		TEST(a_dry_run_makes_no_pair),
		TEST(keys_that_are_named_are_taken_once_each),
		TEST(keys_that_were_deleted_meanwhile_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
