/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "driver/openssh.h"
#include "instance/waiting.h"
#include "internal/config.h"

/* A session with a guest. */

/* An instance that is recorded as running is not asked after for so long: its
 * ssh server answers at once, and then nothing else is needed. */
#define TRUST_MS 250
/* … and where nobody can be asked, a server that is only slow has so long. */
#define ALONE_MS 15000

void openers_done(struct openers *o)
{
	strv_free(o->files);
	strv_free(o->public_keys);
	strv_free(o->agent_keys);
	openssh_agent_done(&o->agent);
	if (o->ops)
		o->ops->forget(o->ring);
	*o = (struct openers){ 0 };
}

static int add_key(struct openers *o, const struct state_instance_key *key)
{
	int r = strv_append(&o->agent_keys, key->public_key);

	if (r == 0 && key->private_path && *key->private_path &&
	    access(key->private_path, R_OK) == 0) {
		r = strv_append(&o->files, key->private_path);
		if (r == 0)
			r = strv_append(&o->public_keys, key->public_key);
	}
	return r;
}

int openers_find(struct vmctl *ctx, const char *id, struct openers *o,
		 struct vmctl_error *err)
{
	struct state_instance_key *keys = NULL;
	const struct config *config;
	size_t n = 0;
	int r = context_config(ctx, &config, err);

	if (r < 0)
		return r;
	openers_done(o); /* of an earlier attempt that failed half way */
	o->keepalive_ms = (long)config_number(config, "ssh.keepalive");
	if (!o->keepalive_ms)
		o->keepalive_ms = -1; /* 0 is the driver's own choice */

	o->files = strv_dup(NULL);
	o->public_keys = strv_dup(NULL);
	o->agent_keys = strv_dup(NULL);
	r = o->files && o->public_keys && o->agent_keys
		    ? state_instance_keys(ctx->db, id, &keys, &n, err)
		    : fail_oom(err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (add_key(o, &keys[i]) < 0)
			r = fail_oom(err);
	state_instance_keys_free(keys, n);
	return r < 0 ? r : ssh_load(&o->ops, err);
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

struct wants_agent {
	struct openers *with;
	const char *name;
	const struct events *ev;
};

/* Found out once for all attempts: it takes a process. */
static const struct ssh_agent *find_agent(void *data)
{
	struct wants_agent *w = data;

	if (!w->with->agent_known)
		openssh_agent(w->name, w->ev, &w->with->agent);
	w->with->agent_known = true;
	return &w->with->agent;
}

int openers_try(struct vmctl *ctx, struct openers *with,
		struct vmctl_instance *row, const char *user, int socket,
		long timeout_ms, const struct events *ev, struct ssh_conn **ret,
		struct vmctl_error *err)
{
	struct ssh_conn *conn = NULL;
	struct wants_agent wants = { with, row->name, ev };
	struct ssh_target target = {
		.host = row->address,
		.port = (int)row->ssh_port,
		.user = user ? user : row->user,
		.host_key = row->host_key,
		.any_host_key = !*row->host_key,
		.identities = (const char *const *)with->files,
		.public_keys = (const char *const *)with->public_keys,
		.agent_keys = (const char *const *)with->agent_keys,
		.agent = find_agent,
		.agent_data = &wants,
		.keyring = &with->ring,
		.timeout_ms = timeout_ms,
		.socket = socket,
		.keepalive_ms = with->keepalive_ms,
	};
	int r = with->ops->connect(&target, ev, &conn, err);

	if (r == 0 && !*row->host_key)
		r = pin(ctx, with->ops, &conn, row, err);
	if (r == 0)
		*ret = conn;
	return r;
}

int instance_connect(struct vmctl *ctx, struct vmctl_instance *row,
		     const char *user, long timeout_ms,
		     const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		     struct vmctl_error *err)
{
	auto_cleanup(waited_done) struct waited t = {
		.row = row,
		.user = user,
		.missing = WAIT_BIT(VMCTL_WAIT_SSH),
		.keep = true,
	};
	struct waiting w = { .ctx = ctx, .targets = &t, .count = 1 };

	if (row->state == VMCTL_STATE_RUNNING && *row->address && timeout_ms) {
		t.look_at = t.address_at = clock_mono_ms() + TRUST_MS;
		t.by_record = true;
		t.trusted_until = clock_mono_ms() + ALONE_MS;
	}
	int r = waiting_run(&w, timeout_ms, err);
	if (r < 0)
		return r;
	progress_at(&ctx->ev, NULL, 0, 0);
	if (!t.why.code) {
		*ret_ops = t.openers.ops;
		*ret = take_ptr(&t.conn);
		return 0;
	}
	/* That the time is up says less than what went wrong until then. */
	if (t.why.code == VMCTL_TIMEOUT && t.no_ssh.code && !t.lost) {
		t.why = t.no_ssh;
		/* A guest that lets nobody in is not one that is slow. */
		if (t.why.code != VMCTL_DENIED)
			t.why.sys_errno = ETIMEDOUT;
		fail_prefix(&t.why, "%s", row->name);
	}
	if (err)
		*err = t.why;
	return -(int)t.why.code;
}
