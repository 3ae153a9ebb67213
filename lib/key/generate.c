/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/key.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "context.h"
#include "internal/key.h"
#include "key/key.h"

#define PLACES_MAX 1000

/* The two files of a pair being made. Those that exist are removed again
 * unless `keep` is set. */
struct pair {
	char *private, *public;
	bool keep;
};

static void pair_done(struct pair *p)
{
	if (p->private && !p->keep)
		(void)unlink(p->private);
	if (p->public && !p->keep)
		(void)unlink(p->public);
	free(p->private);
	free(p->public);
}
#define auto_pair auto_cleanup(pair_done) struct pair

/* A new file that nobody else may read. *ret_taken: there is one already. */
static int write_new(const char *path, const char *text, mode_t mode,
		     bool *ret_taken, struct vmctl_error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	auto_close int fd = open(path, flags, mode);
	int r;

	*ret_taken = fd < 0 && errno == EEXIST;
	if (*ret_taken)
		return 0;
	if (fd < 0)
		return fail_sys(err, errno, "cannot make %s", path);
	r = fd_write_all(fd, text, strlen(text), err);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = fail_sys(err, errno, "cannot write %s", path);
	if (r < 0)
		(void)unlink(path);
	return r;
}

/* Both files at one place. *ret_taken when either exists already. */
static int write_pair(const char *place, const char *private,
		      const char *public, struct pair *ret, bool *ret_taken,
		      struct vmctl_error *err)
{
	auto_free char *path = strdup(place);
	auto_free char *pub = str_printf("%s.pub", place);
	int r;

	if (!path || !pub)
		return fail_oom(err);
	r = write_new(path, private, 0600, ret_taken, err);
	if (r < 0 || *ret_taken)
		return r;
	r = write_new(pub, public, 0644, ret_taken, err);
	if (r < 0 || *ret_taken) {
		(void)unlink(path);
		return r;
	}
	ret->private = take_ptr(&path);
	ret->public = take_ptr(&pub);
	return 0;
}

/*
 * The files are called after the key. A file of that name that is there
 * already is never touched: it may be what an instance is still entered with
 * after its key was deleted, or what a killed process left. `~` cannot be in
 * the name of a key, so the other places belong to nobody else.
 */
static int place_pair(const char *dir, const char *name, const char *private,
		      const char *public, struct pair *ret,
		      struct vmctl_error *err)
{
	bool taken = true;

	for (int i = 1; taken && i <= PLACES_MAX; i++) {
		auto_free char *place =
			i == 1 ? path_join(dir, name)
			       : str_printf("%s/%s~%d", dir, name, i);
		int r;

		if (!place)
			return fail_oom(err);
		r = write_pair(place, private, public, ret, &taken, err);
		if (r < 0)
			return r;
	}
	if (taken)
		return fail(err, VMCTL_EXISTS, 0,
			    "there are %d private keys named %s in %s",
			    PLACES_MAX, name, dir);
	return dir_sync(dir, err);
}

/* Fails early when the name is taken: state_key_add() is what decides. */
static int check_free(struct state *db, const char *name,
		      struct vmctl_error *err)
{
	auto_key struct vmctl_key *other = NULL;
	int r = state_key_get(db, name, &other, err);

	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	fail(err, VMCTL_EXISTS, 0, "a key named %s exists already", name);
	fail_hint(err, "vmctl key show %s", name);
	return -VMCTL_EXISTS;
}

/* The text of the .pub file. */
static char *public_text(const char *line, const char *comment)
{
	return *comment ? str_printf("%s %s\n", line, comment)
			: str_printf("%s\n", line);
}

static int make_pair(struct vmctl *ctx, const char *name, const char *comment,
		     struct pair *ret_files, struct pubkey *ret_pub,
		     struct vmctl_error *err)
{
	auto_secret char *private = NULL;
	auto_free char *line = NULL;
	auto_free char *text = NULL;
	auto_free char *dir = context_path(ctx, "keys");
	int r;

	if (!dir)
		return fail_oom(err);
	r = key_pair_make(comment, &private, &line, err);
	if (r < 0)
		return r;
	text = public_text(line, comment);
	if (!text)
		return fail_oom(err);
	r = pubkey_parse(text, strlen(text), ret_pub, err);
	if (r == 0)
		r = dir_make(dir, 0700, err);
	if (r == 0)
		r = place_pair(dir, name, private, text, ret_files, err);
	return r;
}

int vmctl_key_generate(struct vmctl *ctx, const char *name, const char *comment,
		       struct vmctl_key **ret, struct vmctl_error *err)
{
	auto_pair files = { 0 };
	auto_pubkey pub = { 0 };
	auto_key struct vmctl_key *key = NULL;
	struct state *db;
	int r = key_name_check(name, err);

	if (!comment)
		comment = "";
	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0)
		r = check_free(db, name, err);
	if (r == 0)
		r = make_pair(ctx, name, comment, &files, &pub, err);
	if (r == 0)
		r = key_record(name, &pub, files.private, &key, err);
	if (r == 0)
		r = state_key_add(db, key, err);
	if (r < 0)
		return r;
	files.keep = true;
	if (ret)
		*ret = take_ptr(&key);
	return 0;
}
