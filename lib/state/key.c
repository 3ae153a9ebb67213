/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <stdlib.h>

#include "base/str.h"
#include "state/brief.h"
#include "state/db.h"
#include "state/key.h"

#define COLUMNS                                                                \
	"name, type, bits, public_key, comment, sha256, md5, private_path,"    \
	" created_at"

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
#define auto_key auto_cleanup(key_cleanup)
DEFINE_CLEANUP(key_list, struct vmctl_key_list *, vmctl_key_list_free);
#define auto_key_list auto_cleanup(key_list_cleanup)

static int read_key(sqlite3_stmt *stmt, struct vmctl_key **ret,
		    struct vmctl_error *err)
{
	auto_key struct vmctl_key *key = calloc(1, sizeof(*key));

	if (!key || !sql_text(stmt, 0, &key->name) ||
	    !sql_text(stmt, 1, &key->type) ||
	    !sql_text(stmt, 3, &key->public_key) ||
	    !sql_text(stmt, 4, &key->comment) ||
	    !sql_text(stmt, 5, &key->sha256) || !sql_text(stmt, 6, &key->md5))
		return fail_oom(err);
	if (sqlite3_column_type(stmt, 7) != SQLITE_NULL &&
	    !sql_text(stmt, 7, &key->private_path))
		return fail_oom(err);
	key->bits = sqlite3_column_int64(stmt, 2);
	key->created_at = sqlite3_column_int64(stmt, 8);
	*ret = take_ptr(&key);
	return 0;
}

static int refuse_known(struct state *db, const struct vmctl_key *key,
			struct vmctl_error *err)
{
	auto_free char *other = NULL;
	bool taken;
	int r = sql_exists(db, &taken, NULL, err,
			   "SELECT 1 FROM ssh_key WHERE name = ?", "t",
			   key->name);

	if (r == 0 && taken) {
		r = fail(err, VMCTL_EXISTS, 0, "a key named %s exists already",
			 key->name);
		fail_hint(err, "vmctl key show %s", key->name);
		return r;
	}
	if (r == 0)
		r = sql_exists(db, &taken, &other, err,
			       "SELECT name FROM ssh_key WHERE public_key = ?",
			       "t", key->public_key);
	if (r == 0 && taken) {
		r = fail(err, VMCTL_EXISTS, 0,
			 "this key is stored already, under the name %s",
			 other);
		fail_hint(err, "vmctl key show %s", other);
	}
	return r;
}

static int insert(struct state *db, const struct vmctl_key *key,
		  struct vmctl_error *err)
{
	int r = refuse_known(db, key, err);

	return r < 0 ? r
		     : sql_run(db, NULL, err,
			       "INSERT INTO ssh_key (" COLUMNS ") VALUES"
			       " (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			       "ttittttti", key->name, key->type, key->bits,
			       key->public_key,
			       key->comment ? key->comment : "", key->sha256,
			       key->md5,
			       key->private_path && *key->private_path
				       ? key->private_path
				       : NULL,
			       key->created_at);
}

int state_keys_add(struct state *db, const struct vmctl_key *const *keys,
		   size_t n, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = insert(db, keys[i], err);
	return r < 0 ? r : txn_commit(db, err);
}

int state_key_add(struct state *db, const struct vmctl_key *key,
		  struct vmctl_error *err)
{
	return state_keys_add(db, &key, 1, err);
}

static int fail_unknown(struct state *db, const char *name,
			struct vmctl_error *err)
{
	int r = fail(err, VMCTL_NOT_FOUND, 0, "no key is named %s", name);

	state_hint_nearest(db, STATE_WORDS_KEYS, name, err);
	return r;
}

int state_key_get(struct state *db, const char *name, struct vmctl_key **ret,
		  struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err,
			  "SELECT " COLUMNS " FROM ssh_key WHERE name = ?", "t",
			  name);

	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	return r == 1 ? read_key(stmt, ret, err) : fail_unknown(db, name, err);
}

int state_key_list(struct state *db, struct vmctl_key_list **ret,
		   struct vmctl_error *err)
{
	auto_key_list struct vmctl_key_list *list = calloc(1, sizeof(*list));
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r;

	if (!list)
		return fail_oom(err);
	r = sql_query(db, &stmt, err,
		      "SELECT " COLUMNS " FROM ssh_key ORDER BY name", "");
	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct vmctl_key **more = reallocarray(
			list->items, list->count + 1, sizeof(*more));

		if (!more)
			return fail_oom(err);
		list->items = more;
		r = read_key(stmt, &more[list->count], err);
		if (r == 0)
			list->count++;
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

/* Terminated instances need no private file any more. */
#define LIVE_FILE                                                              \
	"SELECT 1 FROM instance_key k JOIN instance i ON i.id = k.instance"    \
	" WHERE k.private_path = ?1 AND i.state <> 'terminated'"

static int refuse_other(struct state *db, const char *name, const char *sha256,
			struct vmctl_error *err)
{
	auto_free char *now = NULL;
	bool known;
	int r = sql_exists(db, &known, &now, err,
			   "SELECT sha256 FROM ssh_key WHERE name = ?", "t",
			   name);

	if (r < 0)
		return r;
	if (!known)
		return fail_unknown(db, name, err);
	if (str_eq(now, sha256))
		return 0;
	fail(err, VMCTL_STATE, 0, "the key %s is another one now, %s", name,
	     now);
	fail_hint(err, "vmctl key show %s", name);
	return -VMCTL_STATE;
}

int state_key_delete(struct state *db, const char *name, const char *sha256,
		     bool *ret_needed, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	auto_free char *file = NULL;
	bool known, needed = false;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_other(db, name, sha256, err);
	if (r == 0)
		r = sql_exists(db, &known, &file, err,
			       "SELECT private_path FROM ssh_key"
			       " WHERE name = ?",
			       "t", name);
	if (r == 0)
		r = sql_exists(db, &needed, NULL, err, LIVE_FILE, "t", file);
	if (r == 0)
		r = sql_run(db, NULL, err, "DELETE FROM ssh_key WHERE name = ?",
			    "t", name);
	if (r == 0)
		r = txn_commit(db, err);
	if (r == 0)
		*ret_needed = needed;
	return r;
}

int state_key_file_needed(struct state *db, const char *private_path, bool *ret,
			  struct vmctl_error *err)
{
	return sql_exists(db, ret, NULL, err,
			  "SELECT 1 FROM ssh_key WHERE private_path = ?1"
			  " UNION ALL " LIVE_FILE,
			  "t", private_path);
}

/* --- for instances ----------------------------------------------------------
 */

/* Whoever deletes a key removes its file unless one of these is there: then the
 * instance could be entered by nobody. A file of that name may have been made
 * since, for another key. */
static int require_key(struct state *db, const struct state_instance_key *key,
		       enum state_clash *clash, struct vmctl_error *err)
{
	bool known;
	int r = sql_exists(db, &known, NULL, err,
			   "SELECT 1 FROM ssh_key WHERE private_path = ?1"
			   " AND public_key = ?2 UNION ALL " LIVE_FILE
			   " AND k.public_key = ?2",
			   "tt", key->private_path, key->public_key);

	if (r < 0 || known)
		return r;
	*clash = STATE_CLASH_KEY;
	r = fail(err, VMCTL_NOT_FOUND, 0, "the key %s has been deleted",
		 key->name);
	fail_hint(err, "vmctl key list");
	return r;
}

int keys_require(struct state *db, const struct state_instance_key *keys,
		 size_t n, enum state_clash *clash, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (keys[i].private_path && *keys[i].private_path)
			r = require_key(db, &keys[i], clash, err);
	return r;
}
