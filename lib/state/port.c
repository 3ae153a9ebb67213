/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/port.h"

#include <stdio.h>

#include "base/str.h"

static const char *protocol(const struct state_port *port)
{
	return port->udp ? "udp" : "tcp";
}

const char *state_port_text(const struct state_port *port, char buf[PORT_TEXT])
{
	snprintf(buf, PORT_TEXT, "%s:%d->%d/%s", port->address, port->host_port,
		 port->guest_port, protocol(port));
	return buf;
}

bool state_ports_overlap(const struct state_port *a, const struct state_port *b)
{
	static const char any[] = "0.0.0.0";

	return a->udp == b->udp && a->host_port == b->host_port &&
	       (str_eq(a->address, b->address) || str_eq(a->address, any) ||
		str_eq(b->address, any));
}

void port_read(sqlite3_stmt *stmt, struct state_port *out)
{
	char proto[8];

	*out = (struct state_port){ 0 };
	sql_copy(stmt, 0, out->id, sizeof(out->id));
	sql_copy(stmt, 1, proto, sizeof(proto));
	out->udp = str_eq(proto, "udp");
	sql_copy(stmt, 2, out->address, sizeof(out->address));
	out->host_port = sqlite3_column_int(stmt, 3);
	out->guest_port = sqlite3_column_int(stmt, 4);
}

static int read_all(struct state *db, const char *sql, const char *id,
		    struct state_port **ret, size_t *ret_n,
		    struct vmctl_error *err)
{
	auto_free struct state_port *list = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0, room = 0;
	int r = sql_query(db, &stmt, err, sql, "t", id);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		if (n == room) {
			room = room ? room * 2 : 8;
			struct state_port *more =
				reallocarray(list, room, sizeof(*list));
			if (!more)
				return fail_oom(err);
			list = more;
		}
		port_read(stmt, &list[n++]);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

int state_ports(struct state *db, const char *id, struct state_port **ret,
		size_t *ret_n, struct vmctl_error *err)
{
	return read_all(db, SELECT_PORTS, id, ret, ret_n, err);
}

int state_ports_going(struct state *db, const char *id, struct state_port **ret,
		      size_t *ret_n, struct vmctl_error *err)
{
	return read_all(db, SELECT_GOING, id, ret, ret_n, err);
}

/* --- whose it is -----------------------------------------------------------
 */

int state_port_owner(struct state *db, const struct state_port *port,
		     char **ret_name, bool *ret_ssh, struct vmctl_error *err)
{
	auto_free char *name = NULL;
	bool any, ssh = false;
	int r = sql_exists(db, &any, &name, err,
			   "SELECT name FROM port_forward JOIN instance"
			   " ON instance.id = port_forward.instance"
			   " WHERE protocol = ?1 AND host_port = ?2"
			   " AND (host_address IN (?3, '0.0.0.0')"
			   " OR ?3 = '0.0.0.0')",
			   "tit", protocol(port), (int64_t)port->host_port,
			   port->address);

	/* ssh is forwarded from loopback. */
	if (r == 0 && !any && !port->udp) {
		r = sql_exists(db, &any, &name, err,
			       "SELECT name FROM instance WHERE ssh_port = ?1"
			       " AND state <> 'terminated'"
			       " AND ssh_port IS NOT NULL"
			       " AND ?2 IN ('127.0.0.1', '0.0.0.0')",
			       "it", (int64_t)port->host_port, port->address);
		ssh = any;
	}
	if (r < 0)
		return r;
	*ret_name = any ? take_ptr(&name) : NULL;
	if (ret_ssh)
		*ret_ssh = ssh;
	return 0;
}

int state_port_refuse_owned(struct state *db, const struct state_port *port,
			    struct vmctl_error *err)
{
	auto_free char *owner = NULL;
	bool ssh;
	int r = state_port_owner(db, port, &owner, &ssh, err);

	if (r < 0 || !owner)
		return r;
	fail(err, VMCTL_EXISTS, 0,
	     ssh ? "%s port %d of %s is the one of %s's ssh"
		 : "%s port %d of %s is forwarded to %s already",
	     port->udp ? "UDP" : "TCP", port->host_port, port->address, owner);
	fail_hint(err,
		  ssh ? "take another port, or vmctl delete %s"
		      : "take another port, or: vmctl port list %s",
		  owner);
	return -VMCTL_EXISTS;
}

int ports_refuse_clash(struct state *db, const struct state_port *ports,
		       size_t n, bool *ret_drawn, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = state_port_refuse_owned(db, &ports[i], err);
		if (r == -VMCTL_EXISTS && ret_drawn)
			*ret_drawn = ports[i].drawn;
	}
	return r;
}

/* --- changing --------------------------------------------------------------
 */

int ports_put(struct state *db, const char *id, const struct state_port *ports,
	      size_t n, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sql_run(db, NULL, err,
			    "INSERT INTO port_forward (instance, protocol,"
			    " host_address, host_port, guest_port)"
			    " VALUES (?, ?, ?, ?, ?)",
			    "tttii", id, protocol(&ports[i]), ports[i].address,
			    (int64_t)ports[i].host_port,
			    (int64_t)ports[i].guest_port);
	return r;
}

int ports_release(struct state *db, const char *id, struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "DELETE FROM port_forward WHERE instance = ?", "t", id);
}

int state_ports_add(struct state *db, const char *id,
		    const struct state_port *ports, size_t n, bool *ret_drawn,
		    struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	bool drawn = false, live;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_exists(db, &live, NULL, err,
			       "SELECT 1 FROM instance WHERE id = ?"
			       " AND state <> 'terminated'",
			       "t", id);
	if (r == 0 && !live)
		r = fail(err, VMCTL_NOT_FOUND, 0, "no instance has the id %s",
			 id);
	if (r == 0)
		r = ports_refuse_clash(db, ports, n, &drawn, err);
	if (r == 0)
		r = ports_put(db, id, ports, n, err);
	if (r == 0)
		r = txn_commit(db, err);
	if (ret_drawn)
		*ret_drawn = drawn;
	return r;
}

int state_ports_let_go(struct state *db, const char *id,
		       const struct state_port *ports, size_t n,
		       struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sql_run(db, NULL, err,
			    "UPDATE port_forward SET going = 1"
			    " WHERE instance = ? AND protocol = ?"
			    " AND host_address = ? AND host_port = ?",
			    "ttti", id, protocol(&ports[i]), ports[i].address,
			    (int64_t)ports[i].host_port);
	return r < 0 ? r : txn_commit(db, err);
}

int state_port_gone(struct state *db, const char *id,
		    const struct state_port *port, struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "DELETE FROM port_forward WHERE instance = ?"
		       " AND protocol = ? AND host_address = ?"
		       " AND host_port = ? AND going",
		       "ttti", id, protocol(port), port->address,
		       (int64_t)port->host_port);
}

int state_ports_drop(struct state *db, const char *id, struct vmctl_error *err)
{
	bool any;
	int r = sql_exists(db, &any, NULL, err,
			   "SELECT 1 FROM port_forward WHERE instance = ?", "t",
			   id);

	return r < 0 || !any ? r : ports_release(db, id, err);
}

int state_port_known(struct state *db, const char *id,
		     const struct state_port *port, bool *ret,
		     struct vmctl_error *err)
{
	return sql_exists(db, ret, NULL, err,
			  "SELECT 1 FROM port_forward WHERE instance = ?"
			  " AND protocol = ? AND host_address = ?"
			  " AND host_port = ? AND NOT going",
			  "ttti", id, protocol(port), port->address,
			  (int64_t)port->host_port);
}
