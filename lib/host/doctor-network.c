/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include <vmctl/network.h>

#include "driver/hostport.h"
#include "host/doctor.h"
#include "internal/network.h"

/* Networks of the hypervisor. */

static bool has_networks(const struct doctor *d)
{
	const struct doctor_link *link = doctor_answers(d, d->ctx->uri);

	return link && link->networks;
}

/* The bridge of the network that vmctl makes is in that subnet itself. */
void check_subnet(struct doctor *d)
{
	struct vmctl_error why = { 0 };

	if (!has_networks(d))
		say_ok(d, "machines use user-mode networking, which no "
			  "interface of this host can be in the way of");
	else if (network_conflict(d->ctx, &why) < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	else
		say_ok(d, "no interface or route of this host is in the way");
}

static void look_for_dnsmasq(struct doctor *d)
{
	auto_free char *path = doctor_program("dnsmasq");

	if (path)
		return;
	say_problem(d, "there is no dnsmasq, which gives machines their "
		       "addresses");
	doctor_type(d, "sudo apt-get install dnsmasq-base");
}

/* A network's dnsmasq needs these at an address of its own, which is not free
 * where a socket of all addresses is. For DHCP libvirt's own has such a one,
 * whose name an ordinary user is not told. */
static void look_at_ports(struct doctor *d)
{
	static const struct {
		bool udp;
		int port;
	} needed[] = { { true, 53 }, { false, 53 }, { true, 67 } };
	char who[128];

	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		bool udp = needed[i].udp;
		int port = needed[i].port;

		if (!hostport_holder(udp, HOSTPORT_NOBODYS, port, who,
				     sizeof(who)) ||
		    (port == 67 &&
		     (!strchr(who, '(') || str_starts(who, "dnsmasq "))))
			continue;
		say_problem(d,
			    "%s port %d of all addresses is in use by %s, so "
			    "that no network can be started",
			    udp ? "UDP" : "TCP", port, who);
		doctor_type(d, "end it, or have it listen at addresses of its "
			       "own alone");
	}
}

/* Networks stay, and an older version made them so. */
static void look_at_hosts(struct doctor *d, const struct hv_network *net)
{
	struct vmctl_network *n = NULL;

	if (net->no_hosts || !d->db ||
	    vmctl_network_get(d->ctx, net->name, &n, NULL) < 0)
		return;
	if (n->managed) {
		say_warning(d,
			    "%s, which an older vmctl made, tells guests the "
			    "names in this host's /etc/hosts, where they hide "
			    "instances of the same names",
			    n->name);
		doctor_type(d,
			    "%svmctl network delete %s, then vmctl network "
			    "create %s --subnet %s --range %s",
			    n->used ? "when no instance is in it: " : "",
			    n->name, n->name, n->subnet, n->range);
	}
	vmctl_network_free(n);
}

void check_networks(struct doctor *d)
{
	auto_free struct hv_network *nets = NULL;
	struct vmctl_error why = { 0 };
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;

	if (!has_networks(d)) {
		say_ok(d, "none is needed");
		return;
	}
	look_for_dnsmasq(d);
	look_at_ports(d);
	if (context_hv(d->ctx, NULL, &ops, &hv, &why) < 0 ||
	    ops->net_list(hv, &nets, &n, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct hv_network *net = &nets[i];

		if (net->active)
			say_ok(d, "%s is up: %s/%d on %s", net->name,
			       net->address, net->prefix, net->bridge);
		else
			say_note(d,
				 "%s is down; it is started with the first "
				 "instance in it",
				 net->name);
		look_at_hosts(d, net);
	}
	if (!n)
		say_ok(d, "none yet: vmctl makes one when it is needed");
}

/* --- reservations --------------------------------------------------------- */

/* Networks belong to the host, and what is reserved in them may be for the
 * instance of somebody else: ours is what a deleted one of ours had, and has
 * been given to no other since. */
static bool was_ours(struct doctor *d, const struct vmctl_instance_list *list,
		     const char *network, const char *mac)
{
	auto_free char *owner = NULL;
	bool had = false;

	if (state_mac_owner(d->db, mac, &owner, NULL) < 0 || owner)
		return false;
	for (size_t i = 0; i < list->count && !had; i++) {
		auto_free struct state_nic *nics = NULL;
		size_t n = 0;

		if (list->items[i]->state != VMCTL_STATE_TERMINATED ||
		    state_nics(d->db, list->items[i]->id, &nics, &n, NULL) < 0)
			continue;
		for (size_t j = 0; j < n; j++)
			had |= strcasecmp(nics[j].mac, mac) == 0 &&
			       str_eq(nics[j].source, network);
	}
	return had;
}

static void look_at_reservation(struct doctor *d, const struct hv_ops *ops,
				struct hv *hv, const char *network,
				const struct hv_lease *l)
{
	struct vmctl_error why = { 0 };

	if (!d->fix) {
		say_problem(d,
			    "the network %s keeps %s for an instance that "
			    "was deleted (%s)",
			    network, l->address, l->mac);
		doctor_type(d, "vmctl host doctor --fix");
	} else if (ops->net_unreserve(hv, network, l->mac, l->address, &why) <
		   0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	} else {
		say_fixed(d,
			  "the network %s no longer keeps %s for an "
			  "instance that was deleted (%s)",
			  network, l->address, l->mac);
	}
}

void check_reservations(struct doctor *d)
{
	struct vmctl_instance_list *list = NULL;
	auto_free struct hv_network *nets = NULL;
	struct vmctl_error why = { 0 };
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n = 0;

	if (!has_networks(d))
		return;
	if (context_hv(d->ctx, NULL, &ops, &hv, &why) < 0 ||
	    ops->net_list(hv, &nets, &n, &why) < 0 ||
	    state_instance_list(d->db, true, &list, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		auto_free struct hv_lease *kept = NULL;
		size_t m = 0;

		if (ops->net_reserved(hv, nets[i].name, &kept, &m, NULL) < 0)
			continue;
		for (size_t j = 0; j < m; j++)
			if (was_ours(d, list, nets[i].name, kept[j].mac))
				look_at_reservation(d, ops, hv, nets[i].name,
						    &kept[j]);
	}
	vmctl_instance_list_free(list);
}
