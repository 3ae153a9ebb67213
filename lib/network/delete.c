/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"
#include "network/network.h"

/* Only what vmctl made, and nobody uses. */

/* Other users' instances are in other databases; what shows is what the
 * network keeps for them. */
static int check_others(struct vmctl *ctx, const char *name,
			struct vmctl_error *err)
{
	auto_free struct hv_lease *kept = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0, i = 0;
	int r = network_hv(ctx, NULL, &ops, &hv, err);

	if (r == 0)
		r = ops->net_reserved(hv, name, &kept, &n, err);
	while (i < n && !kept[i].mac[0]) /* a name of an address, no machine */
		i++;
	if (r < 0 || i == n)
		return r;
	fail(err, VMCTL_IN_USE, 0,
	     "the network %s is in use: it keeps %s for %s, which is none of "
	     "your instances",
	     name, kept[i].address,
	     kept[i].hostname[0] ? kept[i].hostname : kept[i].mac);
	fail_hint(err, "virsh -c %s net-dumpxml %s", ctx->uri, name);
	return -VMCTL_IN_USE;
}

static int refuse_foreign(struct vmctl *ctx, const struct hv_network *net,
			  struct vmctl_error *err)
{
	int64_t made = 0;
	int r = state_network_made(ctx->db, ctx->uri, net->name, net->uuid,
				   &made, err);

	if (r < 0 || made)
		return r;
	fail(err, VMCTL_UNSUPPORTED, 0, "the network %s was not made by vmctl",
	     net->name);
	fail_hint(err, "virsh -c %s net-destroy %s", ctx->uri, net->name);
	return -VMCTL_UNSUPPORTED;
}

static int refuse_used(struct vmctl *ctx, const char *name,
		       struct vmctl_error *err)
{
	auto_free char *user = NULL;
	int64_t users = 0;
	int r = network_users(ctx, name, &users, &user, err);

	if (r < 0 || !users)
		return r < 0 ? r : check_others(ctx, name, err);
	fail(err, VMCTL_IN_USE, 0, "the network %s is in use by %s%s", name,
	     user, users > 1 ? " and others" : "");
	fail_hint(err, "vmctl delete %s", user);
	return -VMCTL_IN_USE;
}

int vmctl_network_delete(struct vmctl *ctx, const char *name,
			 struct vmctl_error *err)
{
	auto_network_lock lock = { .fd = -1 };
	const struct hv_ops *ops;
	struct hv_network net;
	struct state *db;
	struct hv *hv;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = network_lock(ctx, name, &lock, err);
	if (r == 0)
		r = network_find(ctx, NULL, name, &net, err);
	if (r == 0)
		r = refuse_foreign(ctx, &net, err);
	if (r == 0)
		r = refuse_used(ctx, name, err);
	if (r == 0)
		r = network_hv(ctx, NULL, &ops, &hv, err);
	if (r == 0)
		r = ops->net_delete(hv, net.uuid, err);
	return r < 0 ? r
		     : state_network_forget(db, ctx->uri, name, net.uuid, err);
}
