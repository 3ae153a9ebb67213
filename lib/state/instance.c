/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <stdlib.h>

#include "base/str.h"
#include "state/brief.h"
#include "state/db.h"
#include "state/details.h"

#define SELECT_INSTANCE                                                        \
	"SELECT id, name, reason, type, image, image_digest, user,"            \
	" accel, uuid, host_key, host_key_sha256, note, connection, state,"    \
	" vcpus, memory, disk, coalesce(ssh_port, 0), created_at,"             \
	" launched_at, terminated_at FROM instance "

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);
#define auto_instance auto_cleanup(instance_cleanup)
DEFINE_CLEANUP(instance_list, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
#define auto_instance_list auto_cleanup(instance_list_cleanup)

enum vmctl_state state_parse(const char *text)
{
	for (int i = 0; text && i < VMCTL_STATE_COUNT; i++) {
		if (str_eq(text, vmctl_state_name((enum vmctl_state)i)))
			return (enum vmctl_state)i;
	}
	return VMCTL_STATE_UNKNOWN;
}

/* All but what stands in other tables. */
static int read_instance(sqlite3_stmt *stmt, struct vmctl_instance **ret,
			 struct vmctl_error *err)
{
	auto_instance struct vmctl_instance *out = calloc(1, sizeof(*out));

	if (!out)
		return fail_oom(err);
	char **const texts[] = {
		&out->id,
		&out->name,
		&out->reason,
		&out->type,
		&out->image,
		&out->image_digest,
		&out->user,
		&out->accel,
		&out->uuid,
		&out->host_key,
		&out->host_key_sha256,
		&out->note,
	};

	/* The connection outlives the row where wait borrows it. */
	if (!sql_texts(stmt, 0, texts, ARRAY_LEN(texts), &out->own.p,
		       &out->own.n) ||
	    !sql_text(stmt, ARRAY_LEN(texts), &out->connection))
		return fail_oom(err);
	out->state = state_parse((const char *)sqlite3_column_text(stmt, 13));
	out->vcpus = sqlite3_column_int64(stmt, 14);
	out->memory = sqlite3_column_int64(stmt, 15);
	out->disk = sqlite3_column_int64(stmt, 16);
	out->ssh_port = sqlite3_column_int64(stmt, 17);
	out->created_at = sqlite3_column_int64(stmt, 18);
	out->launched_at = sqlite3_column_int64(stmt, 19);
	out->terminated_at = sqlite3_column_int64(stmt, 20);
	out->address = out->address_source = out->mac =
		out->own.p + out->own.n - 1;
	*ret = take_ptr(&out);
	return 0;
}

static int fail_unknown(struct state *db, const char *name,
			struct vmctl_error *err)
{
	int r = fail(err, VMCTL_NOT_FOUND, 0, "no instance is named %s", name);

	state_hint_nearest(db, STATE_WORDS_INSTANCES, name, err);
	return r;
}

static int get(struct state *db, const char *where, const char *name,
	       struct vmctl_instance **ret, struct vmctl_error *err)
{
	auto_instance struct vmctl_instance *out = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_free char *sql = str_printf(SELECT_INSTANCE "%s", where);
	int r = sql ? sql_query(db, &stmt, err, sql, "t", name) : fail_oom(err);

	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r == 0)
		return fail_unknown(db, name, err);
	if (r > 0)
		r = read_instance(stmt, &out, err);
	if (r == 0)
		r = details_read(db, &out, 1, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&out);
	return 0;
}

int state_instance_get(struct state *db, const char *name,
		       struct vmctl_instance **ret, struct vmctl_error *err)
{
	return get(db,
		   "WHERE (name = ?1 AND state <> 'terminated') OR id = ?1"
		   " ORDER BY id = ?1",
		   name, ret, err);
}

int state_instance_deleted(struct state *db, const char *name,
			   struct vmctl_instance **ret, struct vmctl_error *err)
{
	return get(db,
		   "WHERE name = ?1 AND state = 'terminated'"
		   " ORDER BY terminated_at DESC, created_at DESC, rowid DESC",
		   name, ret, err);
}

int state_instance_list(struct state *db, bool terminated,
			struct vmctl_instance_list **ret,
			struct vmctl_error *err)
{
	auto_instance_list struct vmctl_instance_list *list = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err,
			  terminated ? SELECT_INSTANCE
				  "ORDER BY name, created_at, id"
				     : SELECT_INSTANCE
				  "WHERE state <> 'terminated' ORDER BY name",
			  "");

	if (r == 0)
		r = instances_collect(db, stmt, read_instance, &list, err);
	if (r == 0)
		r = details_read(db, list->items, list->count, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

void state_instance_keys_free(struct state_instance_key *keys, size_t n)
{
	for (size_t i = 0; keys && i < n; i++) {
		free(keys[i].name);
		free(keys[i].public_key);
		free(keys[i].private_path);
	}
	free(keys);
}

static int read_key(sqlite3_stmt *stmt, struct state_instance_key *out,
		    struct vmctl_error *err)
{
	if (!sql_text(stmt, 0, &out->name) ||
	    !sql_text(stmt, 1, &out->public_key))
		return fail_oom(err);
	if (sqlite3_column_type(stmt, 2) != SQLITE_NULL &&
	    !sql_text(stmt, 2, &out->private_path))
		return fail_oom(err);
	return 0;
}

int state_instance_keys(struct state *db, const char *id,
			struct state_instance_key **ret, size_t *ret_n,
			struct vmctl_error *err)
{
	struct state_instance_key *list = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r;

	r = sql_query(db, &stmt, err,
		      "SELECT name, public_key, private_path FROM instance_key"
		      " WHERE instance = ? ORDER BY position",
		      "t", id);
	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct state_instance_key *more =
			reallocarray(list, n + 1, sizeof(*list));

		if (!more) {
			r = fail_oom(err);
			break;
		}
		list = more;
		list[n] = (struct state_instance_key){ 0 };
		r = read_key(stmt, &list[n++], err);
	}
	if (r < 0) {
		state_instance_keys_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
