/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "base/str.h"
#include "driver/arp.h"
#include "internal/network.h"
#include "network/network.h"

static void lease_free(struct vmctl_lease *l)
{
	if (!l)
		return;
	free(l->network);
	free(l->address);
	free(l->mac);
	free(l->hostname);
	free(l->instance);
	free(l);
}

void vmctl_lease_list_free(struct vmctl_lease_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		lease_free(list->items[i]);
	free(list->items);
	free(list);
}
DEFINE_CLEANUP(lease_list, struct vmctl_lease_list *, vmctl_lease_list_free);

static int add(struct vmctl *ctx, struct vmctl_lease_list *list,
	       const char *network, const struct hv_lease *from,
	       struct vmctl_error *err)
{
	struct vmctl_lease **grown =
		reallocarray(list->items, list->count + 1, sizeof(*grown));
	struct vmctl_lease *l = grown ? calloc(1, sizeof(*l)) : NULL;

	if (grown)
		list->items = grown;
	if (!l)
		return fail_oom(err);
	list->items[list->count++] = l;
	int r = state_mac_owner(ctx->db, from->mac, &l->instance, err);
	if (r < 0)
		return r;
	if (!l->instance)
		l->instance = strdup("");
	l->network = strdup(network);
	l->address = strdup(from->address);
	l->mac = strdup(from->mac);
	l->hostname = strdup(from->hostname);
	l->expires_at = from->expires;
	return l->instance && l->network && l->address && l->mac && l->hostname
		       ? 0
		       : fail_oom(err);
}

int vmctl_network_leases(struct vmctl *ctx, const char *name,
			 struct vmctl_lease_list **ret, struct vmctl_error *err)
{
	auto_cleanup(lease_list_cleanup) struct vmctl_lease_list *list =
		calloc(1, sizeof(*list));
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv_network one;
	struct state *db;
	struct hv *hv;
	size_t n = 0;
	int r = list ? context_state(ctx, &db, err) : fail_oom(err);

	if (r == 0 && name)
		r = network_find(ctx, NULL, name, &one, err);
	if (r == 0)
		r = network_hv(ctx, NULL, &ops, &hv, err);
	if (r == 0)
		r = ops->net_list(hv, &nets, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_free struct hv_lease *leases = NULL;
		size_t count = 0;

		if (!nets[i].active || (name && !str_eq(nets[i].name, name)))
			continue;
		r = ops->net_leases(hv, nets[i].name, &leases, &count, err);
		for (size_t j = 0; r == 0 && j < count; j++)
			r = add(ctx, list, nets[i].name, &leases[j], err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

static int from_lease(struct vmctl *ctx, const char *uri,
		      const struct state_nic *nic, char ret[46],
		      struct vmctl_error *err)
{
	auto_free struct hv_lease *leases = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;
	int r = network_hv(ctx, uri, &ops, &hv, err);

	if (r == 0)
		r = ops->net_leases(hv, nic->source, &leases, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(leases[i].mac, nic->mac) ||
		    strchr(leases[i].address, ':'))
			continue;
		memcpy(ret, leases[i].address, sizeof(leases[i].address));
		return 0;
	}
	return fail(err, VMCTL_NOT_FOUND, 0, "there is no lease yet");
}

static bool is_local(const struct vmctl *ctx, const char *uri)
{
	return strstr(uri ? uri : ctx->uri, ":///");
}

/*
 * An agent says what its guest likes, and the host connects to what it said:
 * forwarded ports, ssh, cp. So an address counts only where such a guest can
 * be, in the subnet of its network or bridge; else it could have the host reach
 * any other machine that it may.
 */
static bool lies_there(struct vmctl *ctx, const char *uri,
		       const struct state_nic *nic, const char *address)
{
	struct hv_network net = { 0 };
	const char *bridge = nic->source;
	uint32_t a, own;

	if (!ipv4_parse(address, &a))
		return false;
	if (nic->kind == STATE_NIC_NETWORK) {
		if (network_find(ctx, uri, nic->source, &net, NULL) < 0)
			return false;
		bridge = net.bridge;
		uint32_t mask = subnet_mask(net.prefix);
		if (net.prefix > 0 && ipv4_parse(net.address, &own) &&
		    (a & mask) == (own & mask))
			return true;
	}
	return is_local(ctx, uri) && subnet_is_beside(bridge, a);
}

/* Who has the MAC, as this host's kernel found out when it asked. */
static int from_neighbours(struct vmctl *ctx, const char *uri, const char *uuid,
			   const struct state_nic *nic, char ret[46],
			   struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct hv *hv;
	int r = context_hv(ctx, uri, &ops, &hv, err);

	if (r < 0 ||
	    ops->address(hv, uuid, HV_ADDRESS_ARP, nic->mac, ret, err) == 0)
		return r;
	/* libvirt 9.0 cannot read what newer kernels answer ("wrong nlmsg
	 * len"); on this host the table is there for all to read. */
	if (nic->kind != STATE_NIC_BRIDGE || !is_local(ctx, uri))
		return fail(err, VMCTL_NOT_FOUND, 0, "no address is known");
	return arp_find(nic->mac, nic->source, ret, err);
}

int network_look_up(struct vmctl *ctx, const char *uri, const char *uuid,
		    const struct state_nic *nic, char ret[46],
		    const char **ret_source, struct vmctl_error *err)
{
	char told[46] = "";
	const struct hv_ops *ops;
	struct hv *hv;
	int r = context_hv(ctx, uri, &ops, &hv, err);

	if (r < 0)
		return r;
	if (nic->kind == STATE_NIC_NETWORK) {
		*ret_source = "lease";
		if (from_lease(ctx, uri, nic, ret, err) == 0)
			return 0;
	}
	*ret_source = "agent";
	if (ops->address(hv, uuid, HV_ADDRESS_AGENT, nic->mac, told, NULL) < 0)
		told[0] = '\0';
	if (*told && lies_there(ctx, uri, nic, told)) {
		memcpy(ret, told, sizeof(told));
		return 0;
	}
	r = from_neighbours(ctx, uri, uuid, nic, ret, err);
	if (r == 0 && !str_eq(ret, told))
		*ret_source = "arp";
	if (r < 0 && *told)
		log_debug(&ctx->ev, "the guest says %s, which is not beside %s",
			  told, nic->source);
	return r;
}
