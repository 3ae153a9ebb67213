/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>

#include "base/file.h"
#include "base/owner.h"
#include "config/config.h"
#include "context.h"

/*
 * Changing the file. The document is read, changed and published by rename
 * under a lock, so that neither a crash nor another process loses anything. A
 * change may not add a problem; those that are there already are told and
 * stay, so that a broken file can be mended one setting after the other.
 */

const char *vmctl_config_path(struct vmctl *ctx)
{
	return ctx->config_path;
}

/* --- the file ----------------------------------------------------------------
 */

struct change {
	struct vmctl *ctx;
	char *dir, *target; /* the file behind symbolic links */
	char *before;
	json_t *root;
	struct problems problems;
	int lock;
};

static const char lock_name[] = "config.json.lock";

static void change_done(struct change *c)
{
	lock_release(c->dir ? c->dir : "", lock_name, c->lock);
	free(c->dir);
	free(c->target);
	free(c->before);
	json_decref(c->root);
	problems_done(&c->problems);
}
#define auto_change auto_cleanup(change_done) struct change
#define CHANGE_INIT(ctx_) ((struct change){ .ctx = (ctx_), .lock = -1 })

/* A directory that root was told to use may be anybody's. */
static int check_owner(const struct vmctl *ctx, struct vmctl_error *err)
{
	return ctx->one_folder ? 0 : owner_check(ctx->config_path, err);
}

/* Locks, and reads the text. */
static int change_open(struct change *c, struct vmctl_error *err)
{
	const char *path = c->ctx->config_path;
	char *resolved;
	int r;

	if (!path)
		return context_fail_home(err);
	r = check_owner(c->ctx, err);
	if (r < 0)
		return r;
	c->dir = strndup(path, (size_t)(path_base(path) - path));
	/* A file kept elsewhere, as with dotfiles, stays there. */
	resolved = realpath(path, NULL);
	c->target = resolved ? resolved : strdup(path);
	if (!c->dir || !c->target)
		return fail_oom(err);
	r = dir_make(c->dir, 0700, err);
	if (r == 0)
		r = lock_take(c->dir, lock_name, c->ctx->command,
			      c->ctx->lock_timeout_ms, &c->ctx->ev, &c->lock,
			      err);
	return r < 0 ? r : config_file_read(path, &c->before, err);
}

static int change_begin(struct change *c, struct vmctl_error *err)
{
	int r = change_open(c, err);

	if (r == 0)
		r = config_parse(c->before, c->ctx->config_path, &c->root, err);
	return r < 0 ? r : config_check(c->root, &c->problems, err);
}

static bool is_old(const struct change *c, const struct problem *p)
{
	for (size_t i = 0; i < c->problems.count; i++) {
		if (str_eq(c->problems.items[i].message, p->message))
			return true;
	}
	return false;
}

static int publish(struct change *c, const char *text, struct vmctl_error *err)
{
	int r = file_write_atomic(c->target, text, strlen(text), 0600, err);

	/* What was read is read anew by who needs it next. */
	if (r == 0)
		config_free(take_ptr(&c->ctx->config));
	return r;
}

static int change_commit(struct change *c, struct vmctl_error *err)
{
	const char *path = c->ctx->config_path;
	auto_problems after = { 0 };
	auto_free char *text = NULL, *file = NULL;
	int r = config_check(c->root, &after, err);

	for (size_t i = 0; r == 0 && i < after.count; i++) {
		if (!is_old(c, &after.items[i]))
			r = problem_fail(&after.items[i], path, err);
	}
	if (r == 0)
		r = json_text(c->root, 2, &text, err);
	if (r < 0)
		return r;
	file = str_printf("%s\n", text);
	if (!file)
		return fail_oom(err);
	r = str_eq(file, c->before) ? 0 : publish(c, file, err);
	for (size_t i = 0; r == 0 && i < after.count; i++)
		log_warn(&c->ctx->ev, "%s: %s", path, after.items[i].message);
	return r;
}

/* --- set and unset
 * ------------------------------------------------------------ */

static int check_values(const struct vmctl_setting *s, const char *key,
			const char *const *values, const json_t *root,
			struct vmctl_error *err)
{
	size_t n = strv_len(values);
	int r = 0;

	if (n == 0 || (n > 1 && s->type != VMCTL_SETTING_NAMES))
		return fail(err, VMCTL_INVALID, 0, "%s takes one value", key);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = value_check_text(s, key, values[i], root, err);
	return r;
}

/*
 * Another storage folder would hide what is stored: context_state() refuses to
 * go on then, so it is not let in. When the database cannot be had, there may
 * be nothing in it, or the setting is what is wrong and is being mended.
 */
static int check_move(struct vmctl *ctx, const char *key, const char *to,
		      struct vmctl_error *err)
{
	auto_free char *file = path_join(ctx->data_dir, "vmctl.db");
	struct state *db;
	bool any = false;

	if (!str_eq(key, "storage") || !file || access(file, F_OK) < 0 ||
	    context_state(ctx, &db, NULL) < 0 ||
	    state_stores_files(db, &any, NULL) < 0 || !any ||
	    str_eq(to ? to : ctx->data_dir, context_storage(ctx)))
		return 0;
	fail(err, VMCTL_STATE, 0,
	     "there are images or instances in the storage folder %s",
	     context_storage(ctx));
	fail_hint(err, "it can be changed when they are deleted");
	return -VMCTL_STATE;
}

int vmctl_config_set(struct vmctl *ctx, const char *key,
		     const char *const *values, struct vmctl_error *err)
{
	auto_change c = CHANGE_INIT(ctx);
	auto_place p = { 0 };
	int r = place_of(key, &p, err);

	if (r < 0)
		return r;
	if (!p.setting)
		return fail_setting(key, "vmctl config list", err);
	r = change_begin(&c, err);
	if (r == 0)
		r = check_values(p.setting, key, values, c.root, err);
	if (r == 0)
		r = check_move(ctx, key, values[0], err);
	if (r == 0)
		r = place_put(c.root, &p, value_make(p.setting, values), err);
	return r < 0 ? r : change_commit(&c, err);
}

int vmctl_config_unset(struct vmctl *ctx, const char *key,
		       struct vmctl_error *err)
{
	auto_change c = CHANGE_INIT(ctx);
	auto_place p = { 0 };
	int r = place_of(key, &p, err);

	if (r == 0)
		r = change_begin(&c, err);
	if (r == 0)
		r = check_move(ctx, key, NULL, err);
	if (r < 0)
		return r;
	/* "a.b" as one word is no setting, and can be taken out all the same.
	 */
	if (json_object_get(c.root, key))
		json_object_del(c.root, key);
	else if (place_get(c.root, &p))
		place_remove(c.root, &p);
	else if (!p.setting && !str_starts(key, "types."))
		return fail_setting(key, "vmctl config list", err);
	return change_commit(&c, err);
}

/* --- the whole text
 * ------------------------------------------------------------ */

int vmctl_config_read(struct vmctl *ctx, char **ret, struct vmctl_error *err)
{
	auto_free char *text = NULL;
	int r = ctx->config_path ? 0 : context_fail_home(err);

	/* It is read to be replaced, and a copy is made beside it before. */
	if (r == 0)
		r = check_owner(ctx, err);
	if (r == 0)
		r = config_file_read(ctx->config_path, &text, err);
	if (r < 0)
		return r;
	if (!*text) {
		free(text);
		text = strdup("{\n}\n");
		if (!text)
			return fail_oom(err);
	}
	*ret = take_ptr(&text);
	return 0;
}

int vmctl_config_replace(struct vmctl *ctx, const char *before,
			 const char *text, const char *name,
			 struct vmctl_error *err)
{
	auto_change c = CHANGE_INIT(ctx);
	auto_problems problems = { 0 };
	auto_json json_t *root = NULL;
	auto_free char *now = NULL;
	int r = config_parse(text, name, &root, err);

	if (r == 0)
		r = config_check(root, &problems, err);
	if (r == 0 && problems.count)
		r = problem_fail(&problems.items[0], name, err);
	if (r == 0)
		r = change_open(&c, err);
	if (r == 0)
		r = vmctl_config_read(ctx, &now, err);
	if (r < 0)
		return r;
	if (!str_eq(now, before))
		return fail(err, VMCTL_BUSY, 0,
			    "%s has been changed by somebody else meanwhile",
			    ctx->config_path);
	return publish(&c, text, err);
}
