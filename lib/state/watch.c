/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include "base/str.h"
#include "state/db.h"

/*
 * Who wants to know of changes is told by triggers of this connection alone:
 * whatever function changes the rows, today's or one that is yet to be written,
 * they notice. The call comes after the commit.
 *
 * The end of an intent counts too. A process that was killed between its
 * commit and the call has left one, and whoever ends that makes the call.
 */
static const char triggers[] =
	"PRAGMA temp_store = MEMORY;"
	"CREATE TEMP TRIGGER watch_add AFTER INSERT ON instance"
	" BEGIN SELECT vmctl_touch(); END;"
	"CREATE TEMP TRIGGER watch_change AFTER UPDATE OF name, user, state"
	" ON instance WHEN old.name <> new.name COLLATE BINARY"
	" OR old.user <> new.user"
	" OR (old.state = 'terminated') <> (new.state = 'terminated')"
	" BEGIN SELECT vmctl_touch(); END;"
	"CREATE TEMP TRIGGER watch_key_add AFTER INSERT ON instance_key"
	" BEGIN SELECT vmctl_touch(); END;"
	"CREATE TEMP TRIGGER watch_key_change AFTER UPDATE ON instance_key"
	" BEGIN SELECT vmctl_touch(); END;"
	"CREATE TEMP TRIGGER watch_key_remove AFTER DELETE ON instance_key"
	" BEGIN SELECT vmctl_touch(); END;"
	"CREATE TEMP TRIGGER watch_end AFTER DELETE ON intent"
	" BEGIN SELECT vmctl_touch(); END";

static void touch(sqlite3_context *call, int argc, sqlite3_value **argv)
{
	struct state *db = sqlite3_user_data(call);

	db->touched = true;
	sqlite3_result_null(call);
}

void state_watch(struct state *db, bool (*wanted)(void *data),
		 void (*changed)(void *data), void *data)
{
	db->wanted = wanted;
	db->changed = changed;
	db->watch_data = data;
}

int watch_begin(struct state *db, struct vmctl_error *err)
{
	/* Of a transaction that was rolled back. */
	db->touched = false;
	if (db->watching || !db->wanted || !db->wanted(db->watch_data))
		return 0;
	int rc = sqlite3_create_function(db->db, "vmctl_touch", 0, SQLITE_UTF8,
					 db, touch, NULL, NULL);
	int r = rc == SQLITE_OK ? sql_exec(db, triggers, err)
				: sql_fail(db, rc, err);
	db->watching = r == 0;
	return r;
}

void watch_committed(struct state *db)
{
	/* What the call itself writes is no reason to call again. */
	if (!db->touched || db->telling)
		return;
	db->touched = false;
	db->telling = true;
	db->changed(db->watch_data);
	db->telling = false;
}

/* --- who can be entered -------------------------------------------------- */

void state_hosts_free(struct state_host *hosts, size_t n)
{
	for (size_t i = 0; hosts && i < n; i++) {
		free(hosts[i].id);
		free(hosts[i].name);
		free(hosts[i].user);
		state_instance_keys_free(hosts[i].keys, hosts[i].key_count);
	}
	free(hosts);
}

struct hosts {
	struct state_host *items;
	size_t count;
};

static void hosts_done(struct hosts *h)
{
	state_hosts_free(h->items, h->count);
}
#define auto_hosts auto_cleanup(hosts_done) struct hosts

static int add_host(struct hosts *h, sqlite3_stmt *stmt,
		    struct vmctl_error *err)
{
	struct state_host *more =
		reallocarray(h->items, h->count + 1, sizeof(*more));

	if (!more)
		return fail_oom(err);
	h->items = more;
	struct state_host *host = &more[h->count++];
	*host = (struct state_host){ 0 };
	return sql_text(stmt, 0, &host->id) && sql_text(stmt, 1, &host->name) &&
			       sql_text(stmt, 2, &host->user)
		       ? 0
		       : fail_oom(err);
}

static int add_key(struct state_host *host, sqlite3_stmt *stmt,
		   struct vmctl_error *err)
{
	struct state_instance_key *more =
		reallocarray(host->keys, host->key_count + 1, sizeof(*more));

	if (!more)
		return fail_oom(err);
	host->keys = more;
	struct state_instance_key *key = &more[host->key_count++];
	*key = (struct state_instance_key){ 0 };
	return sql_text(stmt, 3, &key->name) &&
			       sql_text(stmt, 4, &key->public_key) &&
			       sql_text(stmt, 5, &key->private_path)
		       ? 0
		       : fail_oom(err);
}

int state_hosts(struct state *db, struct state_host **ret, size_t *ret_n,
		struct vmctl_error *err)
{
	auto_hosts h = { 0 };
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err,
			  "SELECT i.id, i.name, i.user, k.name, k.public_key,"
			  " k.private_path FROM instance i"
			  " LEFT JOIN instance_key k ON k.instance = i.id"
			  " WHERE i.state <> 'terminated'"
			  " ORDER BY i.name, k.position",
			  "");

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);
		struct state_host *last =
			h.count ? &h.items[h.count - 1] : NULL;

		if (!last || !id || !str_eq(last->id, id))
			r = add_host(&h, stmt, err);
		if (r >= 0 && sqlite3_column_type(stmt, 3) != SQLITE_NULL)
			r = add_key(&h.items[h.count - 1], stmt, err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&h.items);
	*ret_n = h.count;
	h.count = 0;
	return 0;
}
