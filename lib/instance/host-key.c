/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh.h"
#include "instance/instance.h"
#include "internal/key.h"

/* The host key that an instance is known by. */

/* A dry run shows where the key goes, and no key that will never be used. */
int draft_host_key(struct draft *d, struct vmctl_error *err)
{
	static const char later[] = "(made when the instance is created)";
	int r;

	/* The guest makes its own: pinned at the first contact. */
	if (d->guest_makes_host_key) {
		d->row->host_key = strdup("");
		d->row->host_key_sha256 = strdup("");
		return d->row->host_key && d->row->host_key_sha256
			       ? 0
			       : fail_oom(err);
	}
	r = d->user_data
		    ? user_data_host_key(d->user_data, &d->host_key_private,
					 &d->row->host_key, err)
		    : 0;
	if (r < 0)
		return r;
	if (d->row->host_key)
		return key_fingerprint(d->row->host_key,
				       &d->row->host_key_sha256, err);
	if (d->dry) {
		d->host_key_private = strdup(later);
		d->row->host_key = strdup(later);
		d->row->host_key_sha256 = strdup("");
		return d->host_key_private && d->row->host_key &&
				       d->row->host_key_sha256
			       ? 0
			       : fail_oom(err);
	}
	r = key_pair_make(d->row->name, &d->host_key_private, &d->row->host_key,
			  err);
	return r < 0 ? r
		     : key_fingerprint(d->row->host_key,
				       &d->row->host_key_sha256, err);
}

static int fail_other(const struct vmctl_instance *row, const char *is,
		      struct vmctl_error *err)
{
	fail(err, VMCTL_BAD_DATA, 0,
	     "the host key of %s is %s, but %s is expected: another machine "
	     "answers there",
	     row->name, is, row->host_key_sha256);
	fail_hint(err,
		  "if it was given a new host key: vmctl ssh-config forget %s",
		  row->name);
	return -VMCTL_BAD_DATA;
}

/* Another process was at the same first contact. */
static int compare(struct vmctl *ctx, struct vmctl_instance *row,
		   const char *host_key, const char *sha256,
		   struct vmctl_error *err)
{
	auto_instance *now = NULL;
	int r = state_instance_get(ctx->db, row->id, &now, err);

	if (r == 0 && !str_eq(now->host_key, host_key))
		r = fail_other(now, sha256, err);
	return r;
}

int instance_pin(struct vmctl *ctx, struct vmctl_instance *row,
		 const char *host_key, struct vmctl_error *err)
{
	auto_free char *sha256 = NULL;
	char *key = strdup(host_key);
	bool pinned = false;
	int r = key ? key_fingerprint(host_key, &sha256, err) : fail_oom(err);

	if (r == 0)
		r = state_instance_pin(ctx->db, row->id, host_key, sha256,
				       &pinned, err);
	if (r == 0 && !pinned)
		r = compare(ctx, row, host_key, sha256, err);
	if (r < 0) {
		free(key);
		return r;
	}
	if (pinned)
		log_note(&ctx->ev,
			 "%s: first contact; its host key, %s, is accepted "
			 "from now on and no other",
			 row->name, sha256);
	r = state_row_set(row, &row->host_key, key) &&
			    state_row_set(row, &row->host_key_sha256, sha256)
		    ? 0
		    : fail_oom(err);
	free(key);
	return r;
}

int vmctl_instance_forget_host_key(struct vmctl *ctx, const char *name,
				   struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r = instance_find(ctx, name, &row, err);

	return r < 0 ? r : state_instance_unpin(ctx->db, row->id, err);
}

/*
 * Key exchange and authentication on a connection of our own: OpenSSH asks
 * before the server has proved that it has the key.
 */
static int first_contact(struct vmctl *ctx, struct vmctl_instance *row,
			 long timeout_ms, struct vmctl_error *err)
{
	const struct ssh_ops *ops = NULL;
	struct ssh_conn *conn = NULL;
	int r = instance_connect(ctx, row, NULL, timeout_ms, &ops, &conn, err);

	if (r == 0)
		ops->close(conn);
	if (r == -VMCTL_DENIED || (r == -VMCTL_BAD_DATA && !*row->host_key)) {
		fail_prefix(err, "the host key of %s is not known yet",
			    row->name);
		fail_hint(err, "vmctl ssh %s", row->name);
	}
	return r;
}

int vmctl_instance_host_key(struct vmctl *ctx, const char *name,
			    const char *seen_sha256, long timeout_ms,
			    char **ret, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r = instance_find(ctx, name, &row, err);

	if (r == 0 && !*row->host_key && timeout_ms >= 0)
		r = first_contact(ctx, row, timeout_ms, err);
	if (r < 0)
		return r;
	if (seen_sha256 && *row->host_key &&
	    !str_eq(seen_sha256, row->host_key_sha256))
		return fail_other(row, seen_sha256, err);
	*ret = strdup(row->host_key);
	return *ret ? 0 : fail_oom(err);
}
