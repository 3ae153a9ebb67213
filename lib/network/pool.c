/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <strings.h>

#include "base/str.h"
#include "driver/dhcp.h"
#include "driver/hostport.h"
#include "internal/config.h"
#include "internal/network.h"
#include "network/network.h"

/* Interfaces of instances, and the addresses that networks hold for them. */

/* The network of "nat": made on first need. Another process may make it in
 * the same moment. */
static int ensure_default(struct vmctl *ctx, bool dry, struct hv_network *ret,
			  struct vmctl_error *err)
{
	struct vmctl_error why;
	struct subnet s;
	int r = network_find(ctx, NULL, NETWORK_DEFAULT, ret, &why);

	if (r != -VMCTL_NOT_FOUND) {
		if (r < 0 && err)
			*err = why;
		return r;
	}
	r = subnet_default(ctx, NULL, &s, err);
	if (r < 0)
		return r;
	if (dry) {
		*ret = (struct hv_network){ .prefix = s.prefix, .nat = true };
		snprintf(ret->name, sizeof(ret->name), NETWORK_DEFAULT);
		ipv4_text(s.base + 1, ret->address);
		ipv4_text(s.first, ret->range_first);
		ipv4_text(s.last, ret->range_last);
		return 0;
	}
	r = network_make(ctx, NETWORK_DEFAULT, &s, err);
	if (r == 0)
		log_info(&ctx->ev, "made the network %s", NETWORK_DEFAULT);
	if (r == -VMCTL_IN_USE)
		fail_hint(err, "vmctl config set nat.subnet 10.77.0.0/24");
	/* Whatever libvirt, or our own look at the host's interfaces, said of a
	 * network that is there now: another process was faster. */
	if (network_find(ctx, NULL, NETWORK_DEFAULT, ret, &why) == 0)
		return 0;
	if (r == 0 && err)
		*err = why;
	return r < 0 ? r : -(int)why.code;
}

/* --- choosing an address ---------------------------------------------------
 */

struct choice {
	const struct hv_network *net;
	struct subnet subnet;
	struct hv_lease *leases, *reserved;
	size_t lease_count, reserved_count;
	const struct state_nic *taken;
	size_t taken_count;
};

/* 1: somebody has it, 0: nobody, or -code. */
static int held(struct vmctl *ctx, const struct choice *c, const char *address,
		struct vmctl_error *err)
{
	bool ours = false;
	int r = state_address_taken(ctx->db, ctx->uri, c->net->name, address,
				    &ours, err);

	for (size_t i = 0; i < c->taken_count; i++)
		ours |= str_eq(c->taken[i].address, address) &&
			str_eq(c->taken[i].source, c->net->name);
	return r < 0 ? r : ours;
}

static bool others(const struct hv_lease *list, size_t n, const char *address,
		   const char *mac)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].address, address) &&
		    strcasecmp(list[i].mac, mac))
			return true;
	return false;
}

/* dnsmasq does not give an address to one guest while another has the lease,
 * whatever the reservation says; and other users of this host have instances
 * in the same network. */
static bool elsewhere(const struct choice *c, const char *address,
		      const char *mac)
{
	return others(c->leases, c->lease_count, address, mac) ||
	       others(c->reserved, c->reserved_count, address, mac);
}

/* libvirt accepts a range that has the network's own address in it, and what
 * has two owners is reached by neither. */
static bool not_for_guests(const struct choice *c, const char *address)
{
	uint32_t a, hosts = ~subnet_mask(c->subnet.prefix);

	return !ipv4_parse(address, &a) || (a & hosts) == 0 ||
	       (a & hosts) == hosts || str_eq(address, c->net->address) ||
	       hostport_is_own(address);
}

static int choose_given(struct vmctl *ctx, const struct choice *c,
			const char *ip, struct state_nic *nic,
			struct vmctl_error *err)
{
	uint32_t address;

	if (!ipv4_parse(ip, &address))
		return fail(err, VMCTL_INVALID, 0,
			    "'%s' is not an IPv4 address", ip);
	if (!subnet_has(&c->subnet, address)) {
		fail(err, VMCTL_INVALID, 0,
		     "%s is outside the range of the network %s", ip,
		     c->net->name);
		fail_hint(err, "it gives %s to %s", c->net->range_first,
			  c->net->range_last);
		return -VMCTL_INVALID;
	}
	ipv4_text(address, nic->address);
	if (not_for_guests(c, nic->address)) {
		fail(err, VMCTL_EXISTS, 0,
		     "%s is not for guests: the host or the network %s itself "
		     "has it",
		     nic->address, c->net->name);
		fail_hint(err, "vmctl network show %s", c->net->name);
		return -VMCTL_EXISTS;
	}
	int r = held(ctx, c, nic->address, err);
	if (r < 0)
		return r;
	if (r || elsewhere(c, nic->address, nic->mac)) {
		fail(err, VMCTL_EXISTS, 0, "%s is taken", nic->address);
		fail_hint(err, "vmctl network leases %s", c->net->name);
		return -VMCTL_EXISTS;
	}
	return 0;
}

static int choose_free(struct vmctl *ctx, const struct choice *c,
		       struct state_nic *nic, struct vmctl_error *err)
{
	for (uint32_t a = c->subnet.first; a <= c->subnet.last; a++) {
		ipv4_text(a, nic->address);
		int r = held(ctx, c, nic->address, err);
		if (r < 0)
			return r;
		if (!r && !elsewhere(c, nic->address, nic->mac) &&
		    !not_for_guests(c, nic->address))
			return 0;
	}
	fail(err, VMCTL_LIMIT, 0,
	     "the network %s has no free address between %s and %s",
	     c->net->name, c->net->range_first, c->net->range_last);
	fail_hint(err, "vmctl network leases %s", c->net->name);
	return -VMCTL_LIMIT;
}

static int choose_address(struct vmctl *ctx, const struct hv_network *net,
			  const char *ip, const struct state_nic *taken,
			  size_t taken_count, struct state_nic *nic,
			  struct vmctl_error *err)
{
	struct choice c = { .net = net,
			    .taken = taken,
			    .taken_count = taken_count };
	auto_free struct hv_lease *leases = NULL, *reserved = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	int r = network_hv(ctx, NULL, &ops, &hv, err);

	if (r < 0)
		return r;
	if (!network_subnet(net, &c.subnet)) {
		/* Somebody else gives addresses there. */
		if (ip)
			return fail(err, VMCTL_INVALID, 0,
				    "the network %s gives no addresses: --ip "
				    "cannot be had",
				    net->name);
		return 0;
	}
	if (net->active)
		r = ops->net_leases(hv, net->name, &leases, &c.lease_count,
				    err);
	/* In a dry run the network may not be there yet. */
	if (r == 0 && net->bridge[0])
		r = ops->net_reserved(hv, net->name, &reserved,
				      &c.reserved_count, err);
	if (r < 0)
		return r;
	c.leases = leases;
	c.reserved = reserved;
	r = ip ? choose_given(ctx, &c, ip, nic, err)
	       : choose_free(ctx, &c, nic, err);
	nic->reserved = r == 0;
	return r;
}

/* --- choosing an interface -------------------------------------------------
 */

static int choose_bridge(const char *name, const char *ip,
			 struct state_nic *nic, struct vmctl_error *err)
{
	auto_free char *path = str_printf("/sys/class/net/%s/bridge", name);

	if (!path)
		return fail_oom(err);
	if (!*name || strchr(name, '/') || access(path, F_OK) < 0) {
		fail(err, VMCTL_NOT_FOUND, 0, "this host has no bridge '%s'",
		     name);
		fail_hint(err, "ip link show type bridge");
		return -VMCTL_NOT_FOUND;
	}
	if (ip)
		return fail(err, VMCTL_INVALID, 0,
			    "--ip cannot be had on a bridge: its own network "
			    "gives the addresses");
	nic->kind = STATE_NIC_BRIDGE;
	snprintf(nic->source, sizeof(nic->source), "%s", name);
	return 0;
}

static int default_wish(struct vmctl *ctx, const char **ret,
			struct vmctl_error *err)
{
	const struct config *config;
	const struct hv_ops *ops;
	struct hv *hv;
	int r = context_config(ctx, &config, err);

	if (r < 0)
		return r;
	*ret = config_text(config, "network");
	if (*ret)
		return 0;
	r = context_hv(ctx, NULL, &ops, &hv, err);
	if (r == 0)
		*ret = ops->is_session(hv) ? "user" : "nat";
	return r;
}

int network_choose(struct vmctl *ctx, const char *wish, const char *ip,
		   bool dry, const struct state_nic *taken, size_t taken_count,
		   struct state_nic *nic, struct vmctl_error *err)
{
	static const char bridge[] = "bridge=";
	struct hv_network net;
	int r = wish ? 0 : default_wish(ctx, &wish, err);

	if (r < 0)
		return r;
	nic->reserved = false;
	nic->address[0] = nic->source[0] = '\0';
	if (str_starts(wish, bridge))
		return choose_bridge(wish + strlen(bridge), ip, nic, err);
	if (str_eq(wish, "user")) {
		nic->kind = STATE_NIC_USER;
		if (ip)
			return fail(err, VMCTL_INVALID, 0,
				    "--ip needs a network; user-mode "
				    "networking has forwarded ports instead");
		return 0;
	}
	r = str_eq(wish, "nat") ? ensure_default(ctx, dry, &net, err)
				: network_find(ctx, NULL, wish, &net, err);
	if (r < 0)
		return r;
	nic->kind = STATE_NIC_NETWORK;
	snprintf(nic->source, sizeof(nic->source), "%s", net.name);
	return choose_address(ctx, &net, ip, taken, taken_count, nic, err);
}

/* --- holding and giving back -----------------------------------------------
 */

int network_up(struct vmctl *ctx, const char *uri, const struct state_nic *nic,
	       struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct hv *hv;
	int r;

	if (nic->kind != STATE_NIC_NETWORK)
		return 0;
	r = network_hv(ctx, uri, &ops, &hv, err);
	if (r == 0)
		r = ops->net_start(hv, nic->source, err);
	return r == -VMCTL_IN_USE ? network_tell_holder(err) : r;
}

int network_lock(struct vmctl *ctx, const char *name, struct network_lock *ret,
		 struct vmctl_error *err)
{
	struct network_lock lock = { .dir = context_path(ctx, "locks") };

	if (!lock.dir)
		return fail_oom(err);
	/* It becomes the name of a file. */
	snprintf(lock.name, sizeof(lock.name), "network-%.63s", name);
	for (char *p = lock.name; (p = strchr(p, '/'));)
		*p = '~';
	int r = lock_take(lock.dir, lock.name, ctx->command,
			  ctx->lock_timeout_ms, &ctx->ev, &lock.fd, err);
	if (r < 0) {
		free(lock.dir);
		return r;
	}
	*ret = lock;
	return 0;
}

void network_unlock(struct network_lock *lock)
{
	if (lock->fd >= 0)
		lock_release(lock->dir, lock->name, lock->fd);
	free(lock->dir);
}

int network_hold(struct vmctl *ctx, const char *uri,
		 const struct state_nic *nic, const char *hostname,
		 struct vmctl_error *err)
{
	auto_network_lock lock = { .fd = -1 };
	const struct hv_ops *ops;
	struct hv *hv;
	int r = nic->kind == STATE_NIC_NETWORK
			? network_lock(ctx, nic->source, &lock, err)
			: 0;

	if (r == 0)
		r = network_up(ctx, uri, nic, err);
	if (r < 0 || !nic->reserved)
		return r;
	r = network_hv(ctx, uri, &ops, &hv, err);
	return r < 0 ? r
		     : ops->net_reserve(hv, nic->source, nic->mac, nic->address,
					hostname, err);
}

int network_give_back(struct vmctl *ctx, const char *uri,
		      const struct state_nic *nic, struct vmctl_error *err)
{
	const struct hv_ops *ops;
	struct hv_network net;
	struct vmctl_error why;
	struct hv *hv;
	int r;

	if (!nic->reserved)
		return 0;
	r = network_find(ctx, uri, nic->source, &net, &why);
	if (r == -VMCTL_NOT_FOUND) /* and the reservation with it */
		return 0;
	if (r == 0)
		r = network_hv(ctx, uri, &ops, &hv, &why);
	if (r == 0)
		r = ops->net_unreserve(hv, nic->source, nic->mac, nic->address,
				       &why);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (net.active && net.bridge[0] &&
	    dhcp_release(net.bridge, net.address, nic->address, nic->mac,
			 &why) < 0)
		log_info(&ctx->ev, "%s", why.message);
	return 0;
}
