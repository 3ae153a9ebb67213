/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/nic.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "state/db.h"

static const char *const kinds[] = {
	[STATE_NIC_USER] = "user",
	[STATE_NIC_NETWORK] = "network",
	[STATE_NIC_BRIDGE] = "bridge",
};

int nics_put(struct state *db, const char *id, const struct state_nic *nics,
	     size_t n, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sql_run(db, NULL, err,
			    "INSERT INTO nic (instance, kind, source, mac,"
			    " address, position, reserved, live)"
			    " VALUES (?, ?, ?, ?, nullif(?, ''), ?, ?, 1)",
			    "tttttii", id, kinds[nics[i].kind], nics[i].source,
			    nics[i].mac, nics[i].address, (int64_t)i,
			    (int64_t)nics[i].reserved);
	return r;
}

int nics_release(struct state *db, const char *id, struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "UPDATE nic SET live = 0 WHERE instance = ?", "t", id);
}

void nic_read(sqlite3_stmt *stmt, struct state_nic *out)
{
	char kind[16];

	sql_copy(stmt, 1, kind, sizeof(kind));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kind, kinds[i]))
			out->kind = (enum state_nic_kind)i;
	sql_copy(stmt, 2, out->source, sizeof(out->source));
	sql_copy(stmt, 3, out->mac, sizeof(out->mac));
	sql_copy(stmt, 4, out->address, sizeof(out->address));
	out->reserved = sqlite3_column_int(stmt, 5) != 0;
}

int state_nics(struct state *db, const char *id, struct state_nic **ret,
	       size_t *ret_n, struct vmctl_error *err)
{
	auto_free struct state_nic *list = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = sql_query(db, &stmt, err, SELECT_NICS, "t", id);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct state_nic *more =
			reallocarray(list, n + 1, sizeof(*list));

		if (!more)
			return fail_oom(err);
		list = more;
		list[n] = (struct state_nic){ 0 };
		nic_read(stmt, &list[n++]);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

char *state_nic_label(const struct state_nic *nic)
{
	switch (nic->kind) {
	case STATE_NIC_USER:
		break;
	case STATE_NIC_NETWORK:
		return strdup(nic->source);
	case STATE_NIC_BRIDGE:
		return str_printf("bridge=%s", nic->source);
	}
	return strdup("user");
}

int state_nics_drop_addresses(struct state *db, const char *id,
			      struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "UPDATE nic SET address = NULL, reserved = 0"
		       " WHERE instance = ?",
		       "t", id);
}

int state_nic_seen(struct state *db, const char *id, const char *mac,
		   const char *address, struct vmctl_error *err)
{
	bool news;
	int r = sql_exists(db, &news, NULL, err,
			   "SELECT 1 FROM nic WHERE instance = ? AND mac = ?"
			   " AND NOT reserved AND address IS NOT ?",
			   "ttt", id, mac, address);

	if (r < 0 || !news)
		return r;
	return sql_run(db, NULL, err,
		       "UPDATE nic SET address = ?3 WHERE instance = ?1"
		       " AND mac = ?2 AND NOT reserved",
		       "ttt", id, mac, address);
}

int state_address_taken(struct state *db, const char *connection,
			const char *network, const char *address, bool *ret,
			struct vmctl_error *err)
{
	return sql_exists(db, ret, NULL, err,
			  "SELECT 1 FROM nic JOIN instance"
			  " ON instance.id = nic.instance"
			  " WHERE live AND reserved AND kind = 'network'"
			  " AND source = ? AND address = ? AND connection = ?",
			  "ttt", network, address, connection);
}

int state_mac_owner(struct state *db, const char *mac, char **ret_name,
		    struct vmctl_error *err)
{
	bool known;

	return sql_exists(db, &known, ret_name, err,
			  "SELECT name FROM nic JOIN instance"
			  " ON instance.id = nic.instance"
			  " WHERE live AND mac = ?",
			  "t", mac);
}

int state_network_users(struct state *db, const char *connection,
			const char *network, int64_t *ret, char **ret_name,
			struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	auto_free char *name = NULL;
	int r = sql_query(db, &stmt, err,
			  "SELECT count(DISTINCT instance.id),"
			  " min(instance.name) FROM nic JOIN instance"
			  " ON instance.id = nic.instance"
			  " WHERE live AND kind = 'network' AND source = ?"
			  " AND connection = ?",
			  "tt", network, connection);

	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r < 0)
		return r;
	if (ret_name && sqlite3_column_type(stmt, 1) != SQLITE_NULL &&
	    !sql_text(stmt, 1, &name))
		return fail_oom(err);
	*ret = sqlite3_column_int64(stmt, 0);
	if (ret_name)
		*ret_name = take_ptr(&name);
	return 0;
}
