/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/brief.h"

#include <stdlib.h>

#include "base/str.h"
#include "state/details.h"

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);
#define auto_instance auto_cleanup(instance_cleanup)
DEFINE_CLEANUP(instance_list, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
#define auto_instance_list auto_cleanup(instance_list_cleanup)

/* The source of an interface as state_nic_label() says it. */
#define NIC_LABEL                                                              \
	"CASE kind WHEN 'network' THEN source"                                 \
	" WHEN 'bridge' THEN 'bridge=' || source ELSE 'user' END"
#define TEXTS 5 /* the first of them */
#define SELECT_BRIEF(more)                                                     \
	"SELECT state, memory, disk, coalesce(ssh_port, 0), created_at,"       \
	" id, name, type, image" more " FROM instance"                         \
	" WHERE state <> 'terminated' ORDER BY name"

static int read_brief(sqlite3_stmt *stmt, struct vmctl_instance **ret,
		      struct vmctl_error *err)
{
	auto_instance struct vmctl_instance *out = calloc(1, sizeof(*out));

	if (!out)
		return fail_oom(err);
	char **const texts[] = {
		&out->id,     &out->name,	&out->type, &out->image,
		&out->reason, &out->connection, &out->uuid,
	};

	if (!sql_texts(stmt, TEXTS, texts,
		       (size_t)sqlite3_column_count(stmt) - TEXTS, &out->own.p,
		       &out->own.n))
		return fail_oom(err);
	out->address = out->address_source = out->mac =
		out->own.p + out->own.n - 1;
	out->state = state_parse((const char *)sqlite3_column_text(stmt, 0));
	out->memory = sqlite3_column_int64(stmt, 1);
	out->disk = sqlite3_column_int64(stmt, 2);
	out->ssh_port = sqlite3_column_int64(stmt, 3);
	out->created_at = sqlite3_column_int64(stmt, 4);
	*ret = take_ptr(&out);
	return 0;
}

int state_instance_brief(struct state *db, bool live,
			 struct vmctl_instance_list **ret,
			 struct vmctl_error *err)
{
	auto_instance_list struct vmctl_instance_list *list = NULL;
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err,
			  live ? SELECT_BRIEF(", reason, connection, uuid")
			       : SELECT_BRIEF(""),
			  "");

	if (r == 0)
		r = instances_collect(db, stmt, read_brief, &list, err);
	if (r == 0)
		r = details_read_network(db, list->items, list->count, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

int state_words(struct state *db, enum state_words what, char ***ret,
		struct vmctl_error *err)
{
	static const char *const queries[] = {
		[STATE_WORDS_LABELS] =
			"SELECT DISTINCT key || '=' || value FROM label"
			" JOIN instance ON id = instance"
			" WHERE state <> 'terminated' ORDER BY 1",
		[STATE_WORDS_NETWORKS] = "SELECT DISTINCT " NIC_LABEL
					 " FROM nic WHERE live ORDER BY 1",
		[STATE_WORDS_INSTANCES] =
			"SELECT name FROM instance"
			" WHERE state <> 'terminated' ORDER BY name",
		[STATE_WORDS_IMAGES] = "SELECT name FROM image ORDER BY name",
		[STATE_WORDS_KEYS] = "SELECT name FROM ssh_key ORDER BY name",
	};
	auto_strv char **words = strv_dup(NULL);
	auto_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0, room = 0;
	int r = words ? sql_query(db, &stmt, err, queries[what], "")
		      : fail_oom(err);

	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		/* strv_append() counts them each time. */
		if (n + 1 >= room) {
			char **more;

			room = room ? room * 2 : 16;
			more = reallocarray(words, room, sizeof(*more));
			if (!more)
				return fail_oom(err);
			words = more;
		}
		words[n + 1] = NULL;
		if (!sql_text(stmt, 0, &words[n]))
			return fail_oom(err);
		n++;
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&words);
	return 0;
}

void state_hint_nearest(struct state *db, enum state_words what,
			const char *name, struct vmctl_error *err)
{
	static const char *const lists[] = {
		[STATE_WORDS_LABELS] = "vmctl list --columns name,labels",
		[STATE_WORDS_NETWORKS] = "vmctl network list",
		[STATE_WORDS_INSTANCES] = "vmctl list",
		[STATE_WORDS_IMAGES] = "vmctl image list",
		[STATE_WORDS_KEYS] = "vmctl key list",
	};
	auto_strv char **words = NULL;
	struct vmctl_error unused;

	(void)state_words(db, what, &words, &unused);
	fail_hint_nearest(err, name, (const char *const *)words, "",
			  lists[what]);
}
