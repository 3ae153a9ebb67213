/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/network.h"

#include <stdio.h>

#include "base/file.h"
#include "internal/config.h"
#include "state/brief.h"

void vmctl_network_free(struct vmctl_network *n)
{
	if (!n)
		return;
	free(n->name);
	free(n->subnet);
	free(n->address);
	free(n->range);
	free(n->bridge);
	free(n->mode);
	free(n);
}
DEFINE_CLEANUP(network, struct vmctl_network *, vmctl_network_free);

void vmctl_network_list_free(struct vmctl_network_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_network_free(list->items[i]);
	free(list->items);
	free(list);
}
DEFINE_CLEANUP(network_list, struct vmctl_network_list *,
	       vmctl_network_list_free);

int network_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err)
{
	int r = context_hv(ctx, uri, ret_ops, ret, err);

	if (r < 0 || (*ret_ops)->has_networks(*ret))
		return r;
	fail(err, VMCTL_HYPERVISOR, 0,
	     "the connection %s has no networks: that takes privileges",
	     uri ? uri : ctx->uri);
	fail_hint(err, "use -c qemu:///system (as root, or in the group "
		       "libvirt), or --network user");
	return -VMCTL_HYPERVISOR;
}

static int fail_unknown(const char *name, const struct hv_network *nets,
			size_t n, struct vmctl_error *err)
{
	auto_free const char **names = calloc(n + 1, sizeof(*names));

	for (size_t i = 0; names && i < n; i++)
		names[i] = nets[i].name;
	fail(err, VMCTL_NOT_FOUND, 0, "there is no network '%s'", name);
	fail_hint_nearest(err, name, names, "", "vmctl network list");
	return -VMCTL_NOT_FOUND;
}

int network_find(struct vmctl *ctx, const char *uri, const char *name,
		 struct hv_network *ret, struct vmctl_error *err)
{
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;
	int r = network_hv(ctx, uri, &ops, &hv, err);

	if (r == 0)
		r = ops->net_list(hv, &nets, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(nets[i].name, name)) {
			*ret = nets[i];
			return 0;
		}
	}
	return fail_unknown(name, nets, n, err);
}

bool network_subnet(const struct hv_network *net, struct subnet *ret)
{
	struct subnet s = { .prefix = net->prefix };

	if (!ipv4_parse(net->address, &s.base) || s.prefix < 8 ||
	    s.prefix > 30 || !ipv4_parse(net->range_first, &s.first) ||
	    !ipv4_parse(net->range_last, &s.last) || s.first > s.last)
		return false;
	s.base &= subnet_mask(s.prefix);
	*ret = s;
	return true;
}

/* --- making ----------------------------------------------------------------
 */

/* A network's name is also part of names that libvirt makes, and a word on
 * the command line next to these. */
static int check_name(const char *name, struct vmctl_error *err)
{
	size_t n = strlen(name);

	if (n >= 1 && n <= 15 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-_") == n &&
	    name[0] != '-' && !str_eq(name, "user") && !str_eq(name, "nat"))
		return 0;
	fail(err, VMCTL_INVALID, 0, "'%s' cannot be the name of a network",
	     name);
	fail_hint(err, "a name is 1 to 15 letters, digits, '-' and '_', and "
		       "not 'user' or 'nat'");
	return -VMCTL_INVALID;
}

static int check_overlap(const struct hv_network *nets, size_t n,
			 const char *name, const struct subnet *s,
			 struct vmctl_error *err)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t base;

		if (str_eq(nets[i].name, name))
			return fail(err, VMCTL_EXISTS, 0,
				    "there is a network named %s already",
				    name);
		if (nets[i].prefix <= 0 ||
		    !ipv4_parse(nets[i].address, &base) ||
		    !subnet_overlaps(s, base, nets[i].prefix))
			continue;
		fail(err, VMCTL_IN_USE, 0,
		     "the subnet overlaps that of the network %s (%s/%d)",
		     nets[i].name, nets[i].address, nets[i].prefix);
		fail_hint(err, "choose another with --subnet");
		return -VMCTL_IN_USE;
	}
	return 0;
}

/* A failure may come after the effect. Where that cannot be told the record
 * stays. */
static bool is_made(const struct hv_ops *ops, struct hv *hv, const char *uuid)
{
	auto_free struct hv_network *nets = NULL;
	size_t n = 0;

	if (ops->net_list(hv, &nets, &n, NULL) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (str_eq(nets[i].uuid, uuid))
			return true;
	return false;
}

int network_make(struct vmctl *ctx, const char *name, const struct subnet *s,
		 struct vmctl_error *err)
{
	auto_free struct hv_network *nets = NULL;
	struct hv_network net = { .prefix = s->prefix };
	const struct hv_ops *ops;
	struct state *db;
	struct hv *hv;
	size_t n = 0;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = check_name(name, err);
	if (r == 0)
		r = network_hv(ctx, NULL, &ops, &hv, err);
	if (r == 0)
		r = ops->net_list(hv, &nets, &n, err);
	if (r == 0)
		r = check_overlap(nets, n, name, s, err);
	if (r == 0)
		r = subnet_check_host(s, NULL, err);
	if (r < 0)
		return r;
	r = random_uuid(net.uuid, err);
	if (r < 0)
		return r;
	snprintf(net.name, sizeof(net.name), "%s", name);
	ipv4_text(s->base + 1, net.address);
	ipv4_text(s->first, net.range_first);
	ipv4_text(s->last, net.range_last);
	/* The record first, of that UUID: without a network, or with another
	 * one of the name, it says nothing. */
	r = state_network_add(db, ctx->uri, name, net.uuid, err);
	if (r < 0)
		return r;
	r = ops->net_create(hv, &net, err);
	if (r < 0 && !is_made(ops, hv, net.uuid))
		state_network_forget(db, ctx->uri, name, net.uuid, NULL);
	return r == -VMCTL_IN_USE ? network_tell_holder(err) : r;
}

int subnet_default(struct vmctl *ctx, const char *range, struct subnet *ret,
		   struct vmctl_error *err)
{
	const struct config *config;
	int r = context_config(ctx, &config, err);

	return r < 0 ? r
		     : subnet_parse(config_text(config, "nat.subnet"), range,
				    ret, err);
}

int vmctl_network_create(struct vmctl *ctx,
			 const struct vmctl_network_create *spec,
			 struct vmctl_network **ret, struct vmctl_error *err)
{
	struct subnet s;
	int r = check_name(spec->name, err);

	if (r == 0)
		r = spec->subnet
			    ? subnet_parse(spec->subnet, spec->range, &s, err)
			    : subnet_default(ctx, spec->range, &s, err);
	if (r == 0)
		r = network_make(ctx, spec->name, &s, err);
	return r < 0 ? r : vmctl_network_get(ctx, spec->name, ret, err);
}

/* --- showing ---------------------------------------------------------------
 */

/* Another URI of the same daemon, and so of the same networks, or NULL: root's
 * session is the system's. */
static const char *other_uri(const char *uri)
{
	static const char session[] = "qemu:///session";
	static const char system[] = "qemu:///system";

	if (geteuid() != 0)
		return NULL;
	return str_eq(uri, session)  ? system
	       : str_eq(uri, system) ? session
				     : NULL;
}

int network_users(struct vmctl *ctx, const char *name, int64_t *ret,
		  char **ret_user, struct vmctl_error *err)
{
	const char *other = other_uri(ctx->uri);
	auto_free char *one = NULL, *two = NULL;
	int64_t here = 0, there = 0;
	int r = state_network_users(ctx->db, ctx->uri, name, &here, &one, err);

	if (r == 0 && other)
		r = state_network_users(ctx->db, other, name, &there, &two,
					err);
	if (r < 0)
		return r;
	*ret = here + there;
	if (ret_user)
		*ret_user = one ? take_ptr(&one) : take_ptr(&two);
	return 0;
}

static int describe(struct vmctl *ctx, const struct hv_network *net,
		    struct vmctl_network **ret, struct vmctl_error *err)
{
	auto_cleanup(network_cleanup) struct vmctl_network *n =
		calloc(1, sizeof(*n));
	char base[IPV4_TEXT];
	struct state *db;
	struct subnet s;
	int r = n ? context_state(ctx, &db, err) : fail_oom(err);

	if (r == 0)
		r = state_network_made(db, ctx->uri, net->name, net->uuid,
				       &n->created_at, err);
	if (r == 0)
		r = network_users(ctx, net->name, &n->used, NULL, err);
	if (r < 0)
		return r;
	bool dhcp = network_subnet(net, &s);
	n->name = strdup(net->name);
	n->address = strdup(net->address);
	n->bridge = strdup(net->bridge);
	n->mode = strdup(net->nat ? "nat" : "other");
	n->subnet =
		dhcp ? str_printf("%s/%d", ipv4_text(s.base, base), s.prefix)
		     : strdup("");
	n->range = dhcp ? str_printf("%s-%s", net->range_first, net->range_last)
			: strdup("");
	n->addresses = dhcp ? (int64_t)s.last - s.first + 1 : 0;
	n->active = net->active;
	n->managed = n->created_at != 0;
	if (!n->name || !n->address || !n->bridge || !n->mode || !n->subnet ||
	    !n->range)
		return fail_oom(err);
	*ret = take_ptr(&n);
	return 0;
}

int vmctl_network_get(struct vmctl *ctx, const char *name,
		      struct vmctl_network **ret, struct vmctl_error *err)
{
	struct hv_network net;
	int r = network_find(ctx, NULL, name, &net, err);

	return r < 0 ? r : describe(ctx, &net, ret, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hv_network *)a)->name,
		      ((const struct hv_network *)b)->name);
}

int vmctl_network_list(struct vmctl *ctx, struct vmctl_network_list **ret,
		       struct vmctl_error *err)
{
	auto_cleanup(network_list_cleanup) struct vmctl_network_list *list =
		calloc(1, sizeof(*list));
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;
	int r = list ? network_hv(ctx, NULL, &ops, &hv, err) : fail_oom(err);

	if (r == 0)
		r = ops->net_list(hv, &nets, &n, err);
	if (r < 0)
		return r;
	list->items = calloc(n + 1, sizeof(*list->items));
	if (!list->items)
		return fail_oom(err);
	qsort(nets, n, sizeof(*nets), by_name);
	for (size_t i = 0; i < n; i++) {
		r = describe(ctx, &nets[i], &list->items[i], err);
		if (r < 0)
			return r;
		list->count++;
	}
	*ret = take_ptr(&list);
	return 0;
}

int vmctl_network_used(struct vmctl *ctx, char ***ret, struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	return r < 0 ? r : state_words(db, STATE_WORDS_NETWORKS, ret, err);
}
