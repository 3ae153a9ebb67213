/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <vmctl/vmctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "context.h"
#include "internal/key.h"

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
#define auto_key auto_cleanup(key_cleanup)
DEFINE_CLEANUP(key_list, struct vmctl_key_list *, vmctl_key_list_free);
#define auto_key_list auto_cleanup(key_list_cleanup)

struct home {
	char dir[256];
	struct vmctl *ctx;
	struct vmctl_error err;
};

static int setup(void **state)
{
	struct home *h = calloc(1, sizeof(*h));
	struct vmctl_options o = { .size = sizeof(o),
				   .home = h->dir,
				   .lock_timeout_ms = -1 };

	snprintf(h->dir, sizeof(h->dir), "%s/vmctl-keys.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(h->dir) || vmctl_new(&o, &h->ctx, &h->err) < 0)
		return -1;
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct home *h = *state;
	int r;

	vmctl_free(h->ctx);
	r = dir_remove(h->dir, NULL);
	free(h);
	return r;
}

static char *in_home(const struct home *h, const char *name)
{
	char *path = path_join(h->dir, name);

	assert_non_null(path);
	return path;
}

static char *keygen(const struct home *h, const char *name)
{
	char *path = in_home(h, name);

	free(must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
		      "me@here", "-f", path, NULL));
	return path;
}

static char *text_of(const char *path)
{
	struct str s = STR_INIT;
	char *text = NULL;

	assert_int_equal(file_read(path, 1 << 20, &s, NULL), 0);
	assert_int_equal(str_take(&s, &text, NULL), 0);
	return text;
}

static int import(struct home *h, const char *name, const char *path)
{
	return vmctl_key_import_file(h->ctx, name, path, NULL, &h->err);
}

static size_t count(struct home *h)
{
	auto_key_list struct vmctl_key_list *list = NULL;

	assert_int_equal(vmctl_key_list(h->ctx, &list, &h->err), 0);
	return list->count;
}

/* --- generate ------------------------------------------------------------ */

static void a_generated_pair_is_what_ssh_keygen_makes_of_it(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;

	assert_int_equal(
		vmctl_key_generate(h->ctx, "work", "my comment", &key, &h->err),
		0);
	auto_free char *pub =
		must_run("ssh-keygen", "-y", "-f", key->private_path, NULL);
	auto_free char *want = str_printf("%s my comment\n", key->public_key);
	auto_free char *pub_path = str_printf("%s.pub", key->private_path);
	auto_free char *beside = text_of(pub_path);
	auto_free char *print =
		must_run("ssh-keygen", "-l", "-f", key->private_path, NULL);

	assert_string_equal(pub, want);
	assert_string_equal(beside, want);
	assert_non_null(strstr(print, key->sha256));
	assert_string_equal(key->type, "ssh-ed25519");
	assert_int_equal(key->bits, 256);
	assert_string_equal(key->comment, "my comment");
	assert_true(key->created_at > 1700000000);
}

static void comments_of_every_length_are_padded_right(void **state)
{
	struct home *h = *state;
	auto_free char *path = in_home(h, "k");
	char comment[40] = "";

	for (size_t n = 0; n < 20; n++) {
		auto_free char *private = NULL;
		auto_free char *public = NULL;

		memset(comment, 'c', n);
		assert_int_equal(
			key_pair_make(comment, &private, &public, &h->err), 0);
		assert_int_equal(file_write_atomic(path, private,
						   strlen(private), 0600, NULL),
				 0);
		auto_free char *pub =
			must_run("ssh-keygen", "-y", "-f", path, NULL);
		auto_free char *want =
			n ? str_printf("%s %s\n", public, comment)
			  : str_printf("%s\n", public);
		assert_string_equal(pub, want);
	}
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void private_files_are_for_their_owner_alone(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;
	auto_free char *dir = in_home(h, "keys");
	mode_t old = umask(0);

	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, &key, &h->err),
			 0);
	umask(old);
	assert_int_equal(mode_of(dir), 0700);
	assert_int_equal(mode_of(key->private_path), 0600);
}

static void key_005_a_taken_name_leaves_nothing(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;
	auto_free char *second = in_home(h, "keys/k~2");
	auto_free char *before = NULL;

	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, &key, &h->err),
			 0);
	before = text_of(key->private_path);
	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, NULL, &h->err),
			 -VMCTL_EXISTS);
	auto_free char *after = text_of(key->private_path);
	assert_string_equal(before, after);
	assert_int_equal(access(second, F_OK), -1);
	assert_int_equal(count(h), 1);
}

/* Two at once pass the first look; the database decides, and the loser takes
 * its files away. */
static void key_005_of_many_at_once_one_wins(void **state)
{
	struct home *h = *state;
	auto_free char *keys = in_home(h, "keys");
	int won = 0, status;

	for (int i = 0; i < 6; i++) {
		if (fork() == 0) {
			struct vmctl_options o = { .size = sizeof(o),
						   .home = h->dir,
						   .lock_timeout_ms = -1 };
			struct vmctl *ctx;

			if (vmctl_new(&o, &ctx, NULL) < 0)
				_exit(9);
			_exit(-vmctl_key_generate(ctx, "k", NULL, NULL, NULL));
		}
	}
	for (int i = 0; i < 6; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 0)
			won++;
		else
			assert_int_equal(WEXITSTATUS(status), VMCTL_EXISTS);
	}
	assert_int_equal(won, 1);
	auto_free char *list = must_run("ls", keys, NULL);
	int files = 0;
	for (const char *p = list; (p = strchr(p, '\n')); p++)
		files++;
	assert_int_equal(files, 2);
}

static void a_file_left_by_a_killed_process_is_in_nobodys_way(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;
	auto_free char *dir = in_home(h, "keys");
	auto_free char *left = in_home(h, "keys/k");

	assert_int_equal(dir_make(dir, 0700, NULL), 0);
	assert_int_equal(file_write_atomic(left, "left", 4, 0600, NULL), 0);
	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, &key, &h->err),
			 0);
	auto_free char *still = text_of(left);
	assert_string_equal(still, "left");
	assert_string_not_equal(key->private_path, left);
	free(must_run("ssh-keygen", "-y", "-f", key->private_path, NULL));
}

static void a_comment_must_be_fit_for_a_line(void **state)
{
	struct home *h = *state;
	static const char *const bad[] = { "a\nb", "\x1b[0m", "gr\xfc\xdf" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			vmctl_key_generate(h->ctx, "k", bad[i], NULL, &h->err),
			-VMCTL_INVALID);
	assert_int_equal(count(h), 0);
}

/* --- import -------------------------------------------------------------- */

static void key_007_what_is_imported_comes_back(void **state)
{
	struct home *h = *state;
	auto_free char *file = keygen(h, "id");
	auto_free char *pub = str_printf("%s.pub", file);
	auto_free char *text = text_of(pub);
	auto_key struct vmctl_key *key = NULL;

	assert_int_equal(import(h, "me", pub), 0);
	assert_int_equal(vmctl_key_get(h->ctx, "me", &key, &h->err), 0);
	assert_string_equal(key->name, "me");
	assert_string_equal(key->comment, "me@here");
	assert_memory_equal(text, key->public_key, strlen(key->public_key));
	assert_memory_equal(key->sha256, "SHA256:", 7);
	assert_memory_equal(key->md5, "MD5:", 4);
	assert_string_equal(key->private_path, file);
}

static void another_keys_private_half_is_not_recorded(void **state)
{
	struct home *h = *state;
	auto_free char *one = keygen(h, "one");
	auto_free char *two = keygen(h, "two");
	auto_free char *one_pub = str_printf("%s.pub", one);
	auto_free char *two_pub = str_printf("%s.pub", two);
	auto_free char *text = text_of(one_pub);
	auto_key struct vmctl_key *key = NULL;

	assert_int_equal(vmctl_key_import(h->ctx, "k", text, strlen(text), two,
					  NULL, &h->err),
			 -VMCTL_BAD_DATA);
	assert_int_equal(vmctl_key_import(h->ctx, "k", text, strlen(text),
					  one_pub, NULL, &h->err),
			 -VMCTL_BAD_DATA);
	assert_int_equal(rename(one_pub, two_pub), 0);
	assert_int_equal(import(h, "k", two_pub), 0);
	assert_int_equal(vmctl_key_get(h->ctx, "k", &key, &h->err), 0);
	assert_null(key->private_path);
}

static void key_008_a_private_key_is_refused_with_what_to_type(void **state)
{
	struct home *h = *state;
	auto_free char *file = keygen(h, "id");
	auto_free char *pub = str_printf("%s.pub", file);
	auto_free char *hint = str_printf("vmctl key import me %s", pub);

	assert_int_equal(import(h, "me", file), -VMCTL_BAD_DATA);
	assert_non_null(strstr(h->err.message, "private key"));
	assert_string_equal(h->err.hint, hint);
	assert_int_equal(unlink(pub), 0);
	assert_int_equal(import(h, "me", file), -VMCTL_BAD_DATA);
	assert_non_null(strstr(h->err.hint, "ssh-keygen -y"));
	assert_int_equal(count(h), 0);
}

static void key_001_what_is_no_file_is_refused_in_one_line(void **state)
{
	struct home *h = *state;
	auto_free char *fifo = in_home(h, "fifo");
	auto_free char *big = in_home(h, "big.pub");
	auto_free char *much = calloc(1, 10 << 20);
	auto_free char *none = in_home(h, "none");

	free(must_run("mkfifo", fifo, NULL));
	memset(much, 'A', 10 << 20);
	assert_int_equal(file_write_atomic(big, much, 10 << 20, 0600, NULL), 0);
	assert_int_equal(import(h, "k", fifo), -VMCTL_BAD_DATA);
	assert_int_equal(import(h, "k", big), -VMCTL_BAD_DATA);
	assert_int_equal(import(h, "k", h->dir), -VMCTL_BAD_DATA);
	assert_int_equal(import(h, "k", "/dev/zero"), -VMCTL_BAD_DATA);
	assert_int_equal(import(h, "k", none), -VMCTL_NOT_FOUND);
	assert_int_equal(count(h), 0);
}

static void key_004_names_are_checked(void **state)
{
	struct home *h = *state;
	static const char *const bad[] = {
		"",
		".",
		"..",
		"-k",
		"a b",
		"a/b",
		"../x",
		"a\nb",
		"\xc3\xa9",
		"id.pub",
		"01234567890123456789012345678901234567890123456789012345678901"
		"23",
	};
	static const char *const good[] = {
		"a",
		"0",
		"me@here",
		"A.b_c-d",
		"01234567890123456789012345678901234567890123456789012345678901"
		"2",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			vmctl_key_generate(h->ctx, bad[i], NULL, NULL, &h->err),
			-VMCTL_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(vmctl_key_generate(h->ctx, good[i], NULL, NULL,
						    &h->err),
				 0);
}

static void key_005_the_same_key_under_another_name_is_refused(void **state)
{
	struct home *h = *state;
	auto_free char *file = keygen(h, "id");
	auto_free char *pub = str_printf("%s.pub", file);

	assert_int_equal(import(h, "first", pub), 0);
	assert_int_equal(import(h, "second", pub), -VMCTL_EXISTS);
	assert_non_null(strstr(h->err.message, "first"));
	assert_int_equal(import(h, "first", pub), -VMCTL_EXISTS);
}

/* --- delete -------------------------------------------------------------- */

static void deleting_removes_what_vmctl_made_and_nothing_else(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;
	auto_free char *file = keygen(h, "id");
	auto_free char *pub = str_printf("%s.pub", file);
	auto_free char *keys = in_home(h, "keys");

	assert_int_equal(
		vmctl_key_generate(h->ctx, "made", NULL, &key, &h->err), 0);
	assert_int_equal(import(h, "own", pub), 0);
	assert_int_equal(vmctl_key_delete(h->ctx, "own", NULL, &h->err), 0);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(vmctl_key_delete(h->ctx, "made", NULL, &h->err), 0);
	auto_free char *left = must_run("ls", "-A", keys, NULL);
	assert_string_equal(left, "");
	assert_int_equal(vmctl_key_delete(h->ctx, "made", NULL, &h->err),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(count(h), 0);
}

static void make_instance(struct home *h, const struct vmctl_key *key)
{
	struct vmctl_instance row = sample_instance(1, "web1", digest_of("aa"));
	const struct state_instance_key held = { key->name, key->public_key,
						 key->private_path };
	struct fixture f = { 0 };

	assert_int_equal(context_state(h->ctx, &f.db, &h->err), 0);
	image_put(&f, "mini", digest_of("aa"));
	assert_int_equal(state_instance_add(f.db, &row, &held, 1, NIC(row),
					    "test", NULL, &h->err),
			 0);
}

static void key_006_an_instances_private_half_stays_until_the_last(void **state)
{
	struct home *h = *state;
	auto_key struct vmctl_key *key = NULL;
	auto_key struct vmctl_key *again = NULL;
	struct state *db;

	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, &key, &h->err),
			 0);
	make_instance(h, key);
	assert_int_equal(vmctl_key_delete(h->ctx, "k", NULL, &h->err), 0);
	assert_int_equal(access(key->private_path, F_OK), 0);

	/* A new key of that name has a file of its own. */
	assert_int_equal(vmctl_key_generate(h->ctx, "k", NULL, &again, &h->err),
			 0);
	assert_string_not_equal(again->private_path, key->private_path);

	assert_int_equal(context_state(h->ctx, &db, &h->err), 0);
	assert_int_equal(state_instance_set(db, "i-00000001",
					    VMCTL_STATE_TERMINATED, "",
					    &h->err),
			 0);
	assert_int_equal(key_file_release(h->ctx, key->private_path, &h->err),
			 0);
	assert_int_equal(access(key->private_path, F_OK), -1);
	assert_int_equal(key_file_release(h->ctx, again->private_path, &h->err),
			 0);
	assert_int_equal(access(again->private_path, F_OK), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_generated_pair_is_what_ssh_keygen_makes_of_it),
		TEST(comments_of_every_length_are_padded_right),
		TEST(private_files_are_for_their_owner_alone),
		TEST(key_005_a_taken_name_leaves_nothing),
		TEST(key_005_of_many_at_once_one_wins),
		TEST(a_file_left_by_a_killed_process_is_in_nobodys_way),
		TEST(a_comment_must_be_fit_for_a_line),
		TEST(key_007_what_is_imported_comes_back),
		TEST(another_keys_private_half_is_not_recorded),
		TEST(key_008_a_private_key_is_refused_with_what_to_type),
		TEST(key_001_what_is_no_file_is_refused_in_one_line),
		TEST(key_004_names_are_checked),
		TEST(key_005_the_same_key_under_another_name_is_refused),
		TEST(deleting_removes_what_vmctl_made_and_nothing_else),
		TEST(key_006_an_instances_private_half_stays_until_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
