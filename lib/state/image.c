/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/state.h"

#include <stdlib.h>

#include "base/str.h"
#include "state/brief.h"
#include "state/db.h"

#define SELECT_IMAGE                                                           \
	"SELECT i.name, i.description, i.os, i.arch, i.user, i.digest,"        \
	" i.source_digest, i.created_at, f.size, f.virtual_size,"              \
	" f.verified_at, f.mark_size, f.mark_mtime_ns, f.mark_inode,"          \
	" (SELECT count(*) FROM instance n WHERE n.base = i.digest),"          \
	" o.source, o.checksum, o.verified_by, o.signed_by, i.host_keys,"      \
	" i.agent"                                                             \
	" FROM image i JOIN image_file f ON f.digest = i.digest"               \
	" LEFT JOIN image_origin o ON o.image = i.name "

#define PREFIX_MIN 8

DEFINE_CLEANUP(image, struct vmctl_image *, vmctl_image_free);
#define auto_image auto_cleanup(image_cleanup)
DEFINE_CLEANUP(image_list, struct vmctl_image_list *, vmctl_image_list_free);
#define auto_image_list auto_cleanup(image_list_cleanup)

static int read_image(sqlite3_stmt *stmt, struct vmctl_image **ret,
		      struct state_file_mark *ret_mark, struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = calloc(1, sizeof(*image));

	if (!image || !sql_text(stmt, 0, &image->name) ||
	    !sql_text(stmt, 1, &image->description) ||
	    !sql_text(stmt, 2, &image->os) ||
	    !sql_text(stmt, 3, &image->arch) ||
	    !sql_text(stmt, 4, &image->user) ||
	    !sql_text(stmt, 5, &image->digest) ||
	    !sql_text(stmt, 6, &image->source_digest) ||
	    !sql_text(stmt, 15, &image->source) ||
	    !sql_text(stmt, 16, &image->checksum) ||
	    !sql_text(stmt, 17, &image->verified_by) ||
	    !sql_text(stmt, 18, &image->signed_by) ||
	    !sql_text(stmt, 19, &image->host_keys) ||
	    !sql_text(stmt, 20, &image->agent))
		return fail_oom(err);
	image->created_at = sqlite3_column_int64(stmt, 7);
	image->size = sqlite3_column_int64(stmt, 8);
	image->virtual_size = sqlite3_column_int64(stmt, 9);
	image->verified_at = sqlite3_column_int64(stmt, 10);
	image->instances = sqlite3_column_int64(stmt, 14);
	if (ret_mark) {
		ret_mark->size = sqlite3_column_int64(stmt, 11);
		ret_mark->mtime_ns = sqlite3_column_int64(stmt, 12);
		ret_mark->inode = sqlite3_column_int64(stmt, 13);
	}
	*ret = take_ptr(&image);
	return 0;
}

static int put_file(struct state *db, const struct vmctl_image *image,
		    const struct state_file_mark *mark, struct vmctl_error *err)
{
	return sql_run(db, NULL, err,
		       "INSERT INTO image_file (digest, size, virtual_size,"
		       " verified_at, mark_size, mark_mtime_ns, mark_inode)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?)"
		       " ON CONFLICT (digest) DO UPDATE SET"
		       " verified_at = excluded.verified_at,"
		       " mark_size = excluded.mark_size,"
		       " mark_mtime_ns = excluded.mark_mtime_ns,"
		       " mark_inode = excluded.mark_inode",
		       "tiiiiii", image->digest, image->size,
		       image->virtual_size, image->verified_at, mark->size,
		       mark->mtime_ns, mark->inode);
}

int state_image_reserve(struct state *db, const struct vmctl_image *image,
			const struct state_file_mark *mark,
			struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = put_file(db, image, mark, err);
	return r < 0 ? r : txn_commit(db, err);
}

/* One text column of all rows. */
static int texts(struct state *db, const char *sql, char ***ret,
		 struct vmctl_error *err)
{
	auto_strv char **list = strv_dup(NULL);
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r;

	if (!list)
		return fail_oom(err);
	r = sql_query(db, &stmt, err, sql, "");
	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		auto_free char *text = NULL;

		if (!sql_text(stmt, 0, &text) || strv_append(&list, text) < 0)
			return fail_oom(err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

int state_image_unnamed(struct state *db, char ***ret, struct vmctl_error *err)
{
	return texts(db,
		     "SELECT digest FROM image_file WHERE digest NOT IN"
		     " (SELECT digest FROM image) ORDER BY digest",
		     ret, err);
}

int state_image_forget(struct state *db, const char *digest,
		       struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, NULL, err,
			    "DELETE FROM image_file WHERE digest = ?1 AND"
			    " NOT EXISTS (SELECT 1 FROM image"
			    " WHERE digest = ?1)",
			    "t", digest);
	return r < 0 ? r : txn_commit(db, err);
}

static int refuse_name(struct state *db, const char *name,
		       struct vmctl_error *err)
{
	bool taken;
	int r = sql_exists(db, &taken, NULL, err,
			   "SELECT 1 FROM image WHERE name = ?", "t", name);

	if (r == 0 && taken) {
		r = fail(err, VMCTL_EXISTS, 0,
			 "an image named %s exists already", name);
		fail_hint(err,
			  "choose another name with --name, or first: vmctl "
			  "image delete %s",
			  name);
	}
	return r;
}

static int put_origin(struct state *db, const struct vmctl_image *image,
		      struct vmctl_error *err)
{
	if (!image->verified_by || !*image->verified_by)
		return 0;
	return sql_run(db, NULL, err,
		       "INSERT INTO image_origin (image, source, checksum,"
		       " verified_by, signed_by) VALUES (?, ?, ?, ?, ?)",
		       "ttttt", image->name, image->source ? image->source : "",
		       image->checksum ? image->checksum : "",
		       image->verified_by,
		       image->signed_by ? image->signed_by : "");
}

int state_image_add(struct state *db, const struct vmctl_image *image,
		    const struct state_file_mark *mark, struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int r = txn_begin(db, err);

	if (r == 0)
		r = refuse_name(db, image->name, err);
	if (r == 0)
		r = put_file(db, image, mark, err);
	if (r == 0)
		r = sql_run(db, NULL, err,
			    "INSERT INTO image (name, digest, source_digest,"
			    " description, os, arch, user, host_keys,"
			    " agent, created_at)"
			    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    "ttttttttti", image->name, image->digest,
			    image->source_digest ? image->source_digest : "",
			    image->description ? image->description : "",
			    image->os ? image->os : "",
			    image->arch ? image->arch : "",
			    image->user ? image->user : "",
			    image->host_keys ? image->host_keys : "seed",
			    image->agent ? image->agent : "seed",
			    image->created_at);
	if (r == 0)
		r = put_origin(db, image, err);
	return r < 0 ? r : txn_commit(db, err);
}

static int fail_unknown(struct state *db, const char *name,
			struct vmctl_error *err)
{
	int r = fail(err, VMCTL_NOT_FOUND, 0, "no image is named %s", name);

	state_hint_nearest(db, STATE_WORDS_IMAGES, name, err);
	return r;
}

/* The first row of the query as an image: 1, 0 when there is none. */
static int get_one(struct state *db, const char *sql, const char *text,
		   struct vmctl_image **ret, struct state_file_mark *ret_mark,
		   struct vmctl_error *err)
{
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r = sql_query(db, &stmt, err, sql, "t", text);

	if (r == 0)
		r = sql_step(db, stmt, err);
	if (r == 1)
		r = read_image(stmt, ret, ret_mark, err) < 0 ? -VMCTL_NO_MEMORY
							     : 1;
	return r;
}

static int refuse_ambiguous(struct state *db, const char *prefix,
			    struct vmctl_error *err)
{
	bool several;
	int r = sql_exists(db, &several, NULL, err,
			   "SELECT 1 FROM image"
			   " WHERE substr(digest, 1, length(?1)) = ?1"
			   " GROUP BY NULL HAVING count(DISTINCT digest) > 1",
			   "t", prefix);

	if (r == 0 && several)
		r = fail(err, VMCTL_INVALID, 0,
			 "the digests of several images begin with %s", prefix);
	return r;
}

static bool is_digest_prefix(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return text[n] == '\0' && n >= PREFIX_MIN && n <= 64;
}

int state_image_get(struct state *db, const char *name,
		    struct vmctl_image **ret, struct state_file_mark *ret_mark,
		    struct vmctl_error *err)
{
	int r = get_one(db, SELECT_IMAGE "WHERE i.name = ?", name, ret,
			ret_mark, err);

	if (r == 0 && is_digest_prefix(name)) {
		r = refuse_ambiguous(db, name, err);
		if (r == 0)
			r = get_one(db,
				    SELECT_IMAGE
				    "WHERE substr(i.digest, 1, length(?1)) = ?1"
				    " ORDER BY i.name",
				    name, ret, ret_mark, err);
	}
	if (r == 0)
		return fail_unknown(db, name, err);
	return r < 0 ? r : 0;
}

int state_image_list(struct state *db, struct vmctl_image_list **ret,
		     struct vmctl_error *err)
{
	auto_image_list struct vmctl_image_list *list =
		calloc(1, sizeof(*list));
	auto_stmt sqlite3_stmt *stmt = NULL;
	int r;

	if (!list)
		return fail_oom(err);
	r = sql_query(db, &stmt, err, SELECT_IMAGE "ORDER BY i.name", "");
	while (r >= 0 && (r = sql_step(db, stmt, err)) == 1) {
		struct vmctl_image **more = reallocarray(
			list->items, list->count + 1, sizeof(*more));

		if (!more)
			return fail_oom(err);
		list->items = more;
		r = read_image(stmt, &more[list->count], NULL, err);
		if (r == 0)
			list->count++;
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

int state_image_verified(struct state *db, const char *digest,
			 int64_t verified_at,
			 const struct state_file_mark *mark,
			 struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	int changes, r = txn_begin(db, err);

	if (r == 0)
		r = sql_run(db, &changes, err,
			    "UPDATE image_file SET verified_at = ?,"
			    " mark_size = ?, mark_mtime_ns = ?, mark_inode = ?"
			    " WHERE digest = ?",
			    "iiiit", verified_at, mark->size, mark->mtime_ns,
			    mark->inode, digest);
	if (r == 0 && changes == 0)
		r = fail(err, VMCTL_NOT_FOUND, 0,
			 "no image has the digest %s any more", digest);
	return r < 0 ? r : txn_commit(db, err);
}

static int refuse_in_use(struct state *db, const char *name, const char *digest,
			 struct vmctl_error *err)
{
	auto_free char *user = NULL;
	bool used;
	int r = sql_exists(db, &used, &user, err,
			   "SELECT name FROM instance WHERE base = ?"
			   " ORDER BY name",
			   "t", digest);

	if (r == 0 && used) {
		r = fail(err, VMCTL_IN_USE, 0,
			 "the disk of instance %s stands on image %s", user,
			 name);
		fail_hint(err, "first: vmctl delete %s", user);
	}
	return r;
}

int state_image_delete(struct state *db, const char *name, bool *ret_last,
		       struct vmctl_error *err)
{
	auto_rollback struct state *txn = db;
	auto_free char *digest = NULL;
	bool known, others = false;
	int r = txn_begin(db, err);

	if (r == 0)
		r = sql_exists(db, &known, &digest, err,
			       "SELECT digest FROM image WHERE name = ?", "t",
			       name);
	if (r == 0 && !known)
		r = fail_unknown(db, name, err);
	if (r == 0)
		r = sql_exists(db, &others, NULL, err,
			       "SELECT 1 FROM image WHERE digest = ?"
			       " AND name <> ?",
			       "tt", digest, name);
	if (r == 0 && !others)
		r = refuse_in_use(db, name, digest, err);
	if (r == 0)
		r = sql_run(db, NULL, err, "DELETE FROM image WHERE name = ?",
			    "t", name);
	if (r == 0)
		r = txn_commit(db, err);
	if (r == 0)
		*ret_last = !others;
	return r;
}
