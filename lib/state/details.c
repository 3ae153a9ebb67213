/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/details.h"

#include "base/str.h"
#include "state/nic.h"
#include "state/port.h"

DEFINE_CLEANUP(instance_list, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
#define auto_instance_list auto_cleanup(instance_list_cleanup)

int instances_collect(struct state *db, sqlite3_stmt *stmt,
		      int (*read)(sqlite3_stmt *stmt,
				  struct vmctl_instance **ret,
				  struct vmctl_error *err),
		      struct vmctl_instance_list **ret, struct vmctl_error *err)
{
	auto_instance_list struct vmctl_instance_list *list =
		calloc(1, sizeof(*list));
	size_t room = 0;
	int r = list ? 0 : fail_oom(err);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		if (list->count == room) {
			struct vmctl_instance **more;

			room = room ? room * 2 : 16;
			more = reallocarray(list->items, room, sizeof(*more));
			if (!more)
				return fail_oom(err);
			list->items = more;
		}
		r = read(stmt, &list->items[list->count], err);
		if (r == 0)
			list->count++;
	}
	if (r == 0)
		*ret = take_ptr(&list);
	return r;
}

static int add_key(sqlite3_stmt *stmt, struct vmctl_instance *row)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 1);

	return name ? strv_append(&row->keys, name) : -VMCTL_NO_MEMORY;
}

static int add_label(sqlite3_stmt *stmt, struct vmctl_instance *row)
{
	const char *label = (const char *)sqlite3_column_text(stmt, 1);

	return label ? strv_append(&row->labels, label) : -VMCTL_NO_MEMORY;
}

/* The first interface's MAC and address are the instance's. */
static int add_nic(sqlite3_stmt *stmt, struct vmctl_instance *row)
{
	struct state_nic nic = { 0 };

	nic_read(stmt, &nic);
	auto_free char *label = state_nic_label(&nic);
	if (!label || strv_append(&row->networks, label) < 0)
		return -VMCTL_NO_MEMORY;
	if (*row->mac)
		return 0;
	if (!state_row_set(row, &row->mac, nic.mac) ||
	    !state_row_set(row, &row->address, nic.address) ||
	    !state_row_set(row, &row->address_source,
			   !nic.address[0] ? ""
			   : nic.reserved  ? "reservation"
					   : "last seen"))
		return -VMCTL_NO_MEMORY;
	return 0;
}

static int add_port(sqlite3_stmt *stmt, struct vmctl_instance *row)
{
	struct state_port port;
	char text[PORT_TEXT];

	port_read(stmt, &port);
	return strv_append(&row->ports, state_port_text(&port, text));
}

/* The instance's id is the first column, and what the rows come sorted by:
 * as the index that is read has them anyway. */
#define BETWEEN " WHERE instance BETWEEN ?1 AND ?2"
static const struct detail {
	const char *sql;
	int (*add)(sqlite3_stmt *stmt, struct vmctl_instance *row);
} details[] = {
	{ "SELECT instance, name FROM instance_key" BETWEEN
	  " ORDER BY instance, position",
	  add_key },
	{ NIC_COLUMNS BETWEEN " ORDER BY instance, position", add_nic },
	{ "SELECT instance, key || '=' || value FROM label" BETWEEN
	  " ORDER BY instance, key",
	  add_label },
	{ PORT_COLUMNS BETWEEN " AND NOT going ORDER BY instance, " PORT_ORDER,
	  add_port },
};

/* `rows` are sorted by id. Of others between them, that are not in the list,
 * nothing is taken. */
static int read_detail(struct state *db, const struct detail *detail,
		       struct vmctl_instance *const *rows, size_t n,
		       struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	size_t at = 0;
	int r = sql_query(db, &stmt, err, detail->sql, "tt", rows[0]->id,
			  rows[n - 1]->id);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		const char *id = (const char *)sqlite3_column_text(stmt, 0);

		if (!id)
			return fail_oom(err);
		while (at < n && strcmp(rows[at]->id, id) < 0)
			at++;
		if (at < n && str_eq(rows[at]->id, id) &&
		    detail->add(stmt, rows[at]) < 0)
			return fail_oom(err);
	}
	return r;
}

static bool begin(struct vmctl_instance *row)
{
	row->keys = strv_dup(NULL);
	row->networks = strv_dup(NULL);
	row->labels = strv_dup(NULL);
	row->ports = strv_dup(NULL);
	return row->keys && row->networks && row->labels && row->ports;
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(struct vmctl_instance *const *)a)->id,
		      (*(struct vmctl_instance *const *)b)->id);
}

/* The same rows by id, for the caller to free; NULL when memory is short. */
static struct vmctl_instance **sort(struct vmctl_instance *const *rows,
				    size_t n)
{
	struct vmctl_instance **sorted = calloc(n + 1, sizeof(*sorted));

	if (sorted && n) {
		memcpy(sorted, rows, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), by_id);
	}
	return sorted;
}

int details_read(struct state *db, struct vmctl_instance *const *rows, size_t n,
		 struct vmctl_error *err)
{
	auto_free struct vmctl_instance **sorted = sort(rows, n);
	bool ok = sorted;
	int r = 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = begin(rows[i]);
	if (!ok)
		return fail_oom(err);
	for (size_t i = 0; n && r == 0 && i < ARRAY_LEN(details); i++)
		r = read_detail(db, &details[i], sorted, n, err);
	return r;
}

int details_read_network(struct state *db, struct vmctl_instance *const *rows,
			 size_t n, struct vmctl_error *err)
{
#define NOT_USER "position = 0 AND kind <> 'user'"
	static const struct detail network = { NIC_COLUMNS BETWEEN
					       " AND " NOT_USER
					       " ORDER BY instance",
					       add_nic };
	auto_free struct vmctl_instance **sorted = NULL;
	bool any;
	int r = sql_exists(db, &any, NULL, err,
			   "SELECT 1 FROM nic WHERE " NOT_USER, "");

	/* As a rule there are none, and the rows need not be sorted. */
	if (r < 0 || !any || !n)
		return r;
	sorted = sort(rows, n);
	return sorted ? read_detail(db, &network, sorted, n, err)
		      : fail_oom(err);
}
