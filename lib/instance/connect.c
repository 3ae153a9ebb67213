/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/ssh.h"
#include "instance/instance.h"
#include "internal/config.h"

/* User-mode networking accepts a connection at once, also while nobody listens
 * in the guest, so that only silence tells. The first attempts are short, for a
 * guest that boots; later ones give a slow one time. One that answers gets a
 * minute to open a session: starting over would only add to its load. */
#define SILENCE_MS 1500
#define SILENCE_MAX_MS 10000
#define ATTEMPT_MS 60000

/* How long after its start a guest may still be installing its keys. */
#define YOUNG_S 300

static int require_running(const struct vmctl_instance *row,
			   struct vmctl_error *err)
{
	/* One that is asked to shut down runs until it does. */
	if (row->state != VMCTL_STATE_RUNNING &&
	    row->state != VMCTL_STATE_STOPPING)
		return fail_state(row, "is not running", err);
	return 0;
}

/* What opens an instance, kept over all attempts: the private halves that are
 * there to be used, in the order of the keys, and their public ones. */
struct openers {
	char **files, **public_keys;
	const struct ssh_ops *ops;
	struct ssh_keyring *ring;
	long keepalive_ms; /* as struct ssh_target has it */
};

static void openers_done(struct openers *o)
{
	strv_free(o->files);
	strv_free(o->public_keys);
	if (o->ops)
		o->ops->forget(o->ring);
}
#define auto_openers auto_cleanup(openers_done) struct openers

static int find_openers(struct vmctl *ctx, const char *id, struct openers *o,
			struct vmctl_error *err)
{
	struct state_instance_key *keys = NULL;
	const struct config *config;
	size_t n = 0;
	int r = context_config(ctx, &config, err);

	if (r < 0)
		return r;
	o->keepalive_ms = (long)config_number(config, "ssh.keepalive");
	if (!o->keepalive_ms)
		o->keepalive_ms = -1; /* 0 is the driver's own choice */

	o->files = strv_dup(NULL);
	o->public_keys = strv_dup(NULL);
	r = o->files && o->public_keys
		    ? state_instance_keys(ctx->db, id, &keys, &n, err)
		    : fail_oom(err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (keys[i].private_path && *keys[i].private_path &&
		    access(keys[i].private_path, R_OK) == 0 &&
		    (strv_append(&o->files, keys[i].private_path) < 0 ||
		     strv_append(&o->public_keys, keys[i].public_key) < 0))
			r = fail_oom(err);
	state_instance_keys_free(keys, n);
	return r < 0 ? r : ssh_load(&o->ops, err);
}

/* An attempt failed: what does the hypervisor say? The forward may be lost
 * when the guest was started by other means, or when the port it had belongs
 * to somebody else now. */
static int look_again(struct vmctl *ctx, struct vmctl_instance *row,
		      bool *ret_moved, struct vmctl_error *err)
{
	int64_t port = row->ssh_port;
	int r = instance_refresh(ctx, row, err);

	if (r == 0)
		r = require_running(row, err);
	if (r == 0)
		r = instance_reach(ctx, row, err);
	*ret_moved = row->ssh_port != port;
	return r;
}

static bool worth_retrying(const struct vmctl_instance *row, int r, bool moved)
{
	if (r == -VMCTL_TRANSPORT)
		return true;
	/* The keys come with cloud-init, a little after the server. */
	if (r == -VMCTL_DENIED)
		return clock_now() - row->launched_at < YOUNG_S;
	/* Another host key: only if it was another's port. */
	return r == -VMCTL_BAD_DATA && moved;
}

/* The first contact with a guest that makes its own host key. It counts only
 * here, where the guest has also taken a key of ours: what merely listens at
 * that port would not. */
static int pin(struct vmctl *ctx, const struct ssh_ops *ops,
	       struct ssh_conn **conn, struct vmctl_instance *row,
	       struct vmctl_error *err)
{
	auto_free char *key = NULL;
	int r = ops->host_key(*conn, &key, err);

	if (r == 0)
		r = instance_pin(ctx, row, key, err);
	if (r < 0)
		ops->close(take_ptr(conn));
	return r;
}

static int attempt(struct vmctl *ctx, struct openers *with,
		   const struct vmctl_instance *row, const char *user,
		   int64_t left_ms, long patience_ms, struct ssh_conn **ret,
		   struct vmctl_error *err)
{
	if (!*row->address)
		return fail(err, VMCTL_TRANSPORT, 0, "it has no address yet");
	struct ssh_target target = {
		.host = row->address,
		.port = (int)row->ssh_port,
		.user = user ? user : row->user,
		.host_key = row->host_key,
		.any_host_key = !*row->host_key,
		.identities = (const char *const *)with->files,
		.public_keys = (const char *const *)with->public_keys,
		.use_agent = true,
		.keyring = &with->ring,
		/* 0 would be the driver's own limit. */
		.timeout_ms =
			left_ms < ATTEMPT_MS ? (long)left_ms + 1 : ATTEMPT_MS,
		.silence_ms = patience_ms,
		.keepalive_ms = with->keepalive_ms,
	};

	return with->ops->connect(&target, &ctx->ev, ret, err);
}

int instance_connect(struct vmctl *ctx, struct vmctl_instance *row,
		     const char *user, long timeout_ms,
		     const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		     struct vmctl_error *err)
{
	auto_openers with = { 0 };
	struct wait w = wait_begin(timeout_ms, 500);
	struct vmctl_error why;
	bool moved = false;
	long patience = SILENCE_MS;
	/* Running is taken from the record: the attempt itself is the test. */
	int r = row->state == VMCTL_STATE_RUNNING
			? 0
			: look_again(ctx, row, &moved, err);

	if (r == 0)
		r = find_openers(ctx, row->id, &with, err);
	if (r < 0)
		return r;
	for (;;) {
		r = attempt(ctx, &with, row, user, wait_left_ms(&w), patience,
			    ret, &why);
		if (r == 0) {
			progress_at(&ctx->ev, NULL, 0, 0);
			if (!*row->host_key)
				r = pin(ctx, with.ops, ret, row, err);
			if (r < 0)
				return r;
			*ret_ops = with.ops;
			return 0;
		}
		int state = look_again(ctx, row, &moved, err);
		if (state < 0)
			return state;
		patience = patience * 3 / 2 < SILENCE_MAX_MS ? patience * 3 / 2
							     : SILENCE_MAX_MS;
		progress_at(&ctx->ev, "waiting for ssh", 0, 0);
		if (cancelled(&ctx->ev))
			return fail_cancelled(err);
		if (!worth_retrying(row, r, moved) || !wait_more(&w))
			break;
	}
	/* A locked key has its hint already. */
	if (r == -VMCTL_BAD_DATA && !*why.hint)
		fail_hint(&why,
			  "if it was given a new host key: vmctl ssh-config "
			  "forget %s",
			  row->name);
	if (err)
		*err = why;
	fail_prefix(err, "%s", row->name);
	return r;
}
