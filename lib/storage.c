/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/owner.h"
#include "context.h"

/*
 * Whose the storage is. What is in it goes by digests and ids, of which only
 * one database knows which are wanted: for a second one it would all be
 * leftovers. So a storage that is not within its home has a mark, which says
 * the home's uuid and, for people and for copies of a home, its directory.
 */
#define MARK "vmctl-owner"
#define MARK_MAX 8192
#define FACT_HOME "home"

struct mark {
	char *uuid, *home; /* NULL: there is none */
};

static void mark_done(struct mark *m)
{
	free(m->uuid);
	free(m->home);
}
#define auto_mark auto_cleanup(mark_done) struct mark

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool is_home(const struct vmctl *ctx)
{
	return str_eq(ctx->storage_dir, ctx->data_dir) ||
	       same_file(ctx->storage_dir, ctx->data_dir);
}

static int read_mark(const struct vmctl *ctx, struct mark *ret,
		     struct vmctl_error *err)
{
	auto_free char *path = path_join(ctx->storage_dir, MARK);
	auto_str text = STR_INIT;
	struct vmctl_error why;

	if (!path)
		return fail_oom(err);
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	int r = file_read(path, MARK_MAX, &text, &why);
	if (r == -VMCTL_NOT_FOUND) /* in this moment */
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	/* The uuid and a directory, which may have any other bytes. */
	const char *line = str_text(&text), *nl = strchr(line, '\n');
	size_t n = strlen(line);
	if (n && line[n - 1] == '\n')
		n--;
	size_t first = nl ? (size_t)(nl - line) : n;
	ret->uuid = strndup(line, first);
	ret->home = first < n ? strndup(nl + 1, n - first - 1) : strdup("");
	return ret->uuid && ret->home ? 0 : fail_oom(err);
}

/* --- what is refused ------------------------------------------------------ */

static int fail_foreign(const struct vmctl *ctx, const char *home,
			struct vmctl_error *err)
{
	if (*home)
		fail(err, VMCTL_STATE, 0,
		     "the storage %s belongs to another home, %s",
		     ctx->storage_dir, home);
	else
		fail(err, VMCTL_STATE, 0,
		     "the storage %s has images or instances that are not in "
		     "the records of this home",
		     ctx->storage_dir);
	fail_hint(err, "vmctl config set storage DIRECTORY, one that no other "
		       "home uses; man vmctl-config says more");
	return -VMCTL_STATE;
}

static int fail_copy(const struct vmctl *ctx, const char *home,
		     struct vmctl_error *err)
{
	fail(err, VMCTL_STATE, 0,
	     "this home is a copy of %s, to which the storage %s belongs", home,
	     ctx->storage_dir);
	fail_hint(err,
		  "use that one; or, to go on with the copy alone: mv "
		  "'%s/vmctl.db' '%s/vmctl.db.old'",
		  home, home);
	return -VMCTL_STATE;
}

/* Whether there still is a home with this uuid; one that cannot be looked at
 * may be it. */
static bool is_there(const char *home, const char *uuid)
{
	auto_free char *db = path_join(home, "vmctl.db");
	auto_free char *its = NULL;

	if (db && access(db, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return false;
	return state_peek_fact(home, FACT_HOME, "", &its, NULL) < 0 ||
	       (its && str_eq(its, uuid));
}

/* --- the mark ------------------------------------------------------------- */

static int mark_text(const struct vmctl *ctx, const char *uuid, char **ret,
		     struct vmctl_error *err)
{
	*ret = str_printf("%s\n%s\n", uuid, ctx->data_dir);
	return *ret ? 0 : fail_oom(err);
}

/* Of two homes that do this at the same time one makes the link. */
static int put_mark(const struct vmctl *ctx, const char *uuid,
		    struct vmctl_error *err)
{
	auto_free char *path = path_join(ctx->storage_dir, MARK);
	auto_free char *temporary = path ? str_printf("%s.XXXXXX", path) : NULL;
	auto_free char *text = NULL;
	int r = temporary ? mark_text(ctx, uuid, &text, err) : fail_oom(err);

	if (r < 0)
		return r;
	auto_close int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail_sys(err, errno, "cannot write %s", path);
	r = fd_write_all(fd, text, strlen(text), err);
	if (r == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
		       (link(temporary, path) < 0 && errno != EEXIST)))
		r = fail_sys(err, errno, "cannot write %s", path);
	unlink(temporary);
	return r < 0 ? r : dir_sync(ctx->storage_dir, err);
}

/* A home that was moved. */
static void correct_mark(const struct vmctl *ctx, const char *uuid)
{
	auto_free char *path = path_join(ctx->storage_dir, MARK);
	auto_free char *text = NULL;
	struct vmctl_error why;

	if (ctx->glance || !path || mark_text(ctx, uuid, &text, NULL) < 0)
		return;
	if (file_write_atomic(path, text, strlen(text), 0644, &why) < 0)
		log_debug(&ctx->ev, "%s", why.message);
}

static int check_mark(const struct vmctl *ctx, struct state *db,
		      const struct mark *m, struct vmctl_error *err)
{
	auto_free char *uuid = NULL;
	auto_free char *theirs = path_join(m->home, "vmctl.db");
	auto_free char *own = path_join(ctx->data_dir, "vmctl.db");
	int r = db ? state_fact_get(db, FACT_HOME, "", &uuid, err) : 0;

	if (r < 0)
		return r;
	if (!theirs || !own)
		return fail_oom(err);
	if (!uuid || !str_eq(uuid, m->uuid))
		return fail_foreign(ctx, *m->home ? m->home : "an unknown one",
				    err);
	if (str_eq(m->home, ctx->data_dir) || same_file(theirs, own))
		return 0;
	if (is_there(m->home, uuid))
		return fail_copy(ctx, m->home, err);
	correct_mark(ctx, uuid);
	return 0;
}

/* --- a storage without a mark --------------------------------------------- */

bool storage_is_image(const char *name)
{
	return strlen(name) == 64 + 6 && str_ends(name, ".qcow2") &&
	       strspn(name, "0123456789abcdef") == 64;
}

bool storage_is_instance(const char *name)
{
	return str_is_id(name, 'i', false);
}

static bool has_entry(const struct vmctl *ctx, const char *sub,
		      bool (*is_ours)(const char *name))
{
	auto_free char *path = path_join(ctx->storage_dir, sub);
	auto_dir DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_ours(e->d_name))
			return true;
	return false;
}

static int make_mark(struct vmctl *ctx, struct state *db,
		     struct vmctl_error *err)
{
	auto_free char *uuid = NULL;
	char drawn[UUID_TEXT];
	int r = random_uuid(drawn, err);

	if (r == 0)
		r = state_fact_first(db, FACT_HOME, "", drawn, &uuid, err);
	return r < 0 ? r : put_mark(ctx, uuid, err);
}

/* `ours`: things in it are recorded, from the time before there were marks. */
static int check_unmarked(struct vmctl *ctx, struct state *db, bool ours,
			  struct vmctl_error *err)
{
	auto_free char *other = path_join(ctx->storage_dir, "vmctl.db");
	struct vmctl_error why;

	if (!other)
		return fail_oom(err);
	if (access(other, F_OK) == 0)
		return fail_foreign(ctx, ctx->storage_dir, err);
	if (!ours && (has_entry(ctx, "images", storage_is_image) ||
		      has_entry(ctx, "instances", storage_is_instance)))
		return fail_foreign(ctx, "", err);
	/* What is there already stays usable where nothing can be written. */
	if (ours && !ctx->glance && access(ctx->storage_dir, F_OK) == 0 &&
	    make_mark(ctx, db, &why) < 0)
		log_debug(&ctx->ev, "%s", why.message);
	return 0;
}

static int check_owner(struct vmctl *ctx, struct state *db, bool ours,
		       struct vmctl_error *err)
{
	auto_mark m = { 0 };
	int r = read_mark(ctx, &m, err);

	if (r < 0)
		return r;
	if (m.uuid)
		return check_mark(ctx, db, &m, err);
	return is_home(ctx) ? 0 : check_unmarked(ctx, db, ours, err);
}

/*
 * Where the files of images and instances are is a setting, but once there are
 * any, another directory would only mean that they are not found.
 */
int context_storage_check(struct vmctl *ctx, struct state *db,
			  struct vmctl_error *err)
{
	auto_free char *recorded = NULL;
	bool any = false;
	int r = db ? state_fact_get(db, "storage", "", &recorded, err) : 0;

	if (r == 0 && db)
		r = state_stores_files(db, &any, err);
	if (r < 0)
		return r;
	bool same = recorded && str_eq(recorded, ctx->storage_dir);
	if (recorded && !same && any) {
		fail(err, VMCTL_STATE, 0,
		     "the setting storage is %s, but there are images or "
		     "instances in %s",
		     ctx->storage_dir, recorded);
		fail_hint(err, "vmctl config set storage %s", recorded);
		return -VMCTL_STATE;
	}
	r = check_owner(ctx, db, any, err);
	/* A database that cannot be written holds nothing new either. */
	if (r == 0 && db && !same)
		state_fact_set(db, "storage", "", ctx->storage_dir, NULL);
	return r;
}

int context_storage_claim(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_mark before = { 0 }, after = { 0 };
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r < 0 || is_home(ctx))
		return r;
	/* With sudo -E, root reads another user's settings. */
	if (ctx->config_path && owner_differs(ctx->config_path))
		r = owner_check(ctx->storage_dir, err);
	if (r < 0)
		return r;
	r = dir_make(ctx->storage_dir, context_dir_mode(ctx), err);
	if (r == 0)
		r = read_mark(ctx, &before, err);
	if (r == 0 && before.uuid)
		return check_mark(ctx, db, &before, err);
	/* Another home may have come between. */
	if (r == 0)
		r = make_mark(ctx, db, err);
	if (r == 0)
		r = read_mark(ctx, &after, err);
	if (r < 0)
		return r;
	return after.uuid ? check_mark(ctx, db, &after, err)
			  : fail(err, VMCTL_STATE, 0,
				 "%s/" MARK " was removed just now",
				 ctx->storage_dir);
}
