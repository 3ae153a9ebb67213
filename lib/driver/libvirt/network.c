/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "driver/libvirt/document.h"
#include "driver/libvirt/libvirt.h"

/* Networks and their leases (libvirt.org/formatnetwork.html). */

int network_find(struct hv *hv, const char *name, virNetworkPtr *ret,
		 struct vmctl_error *err)
{
	virNetworkPtr net = virNetworkLookupByName(hv->conn, name);

	if (!net)
		return libvirt_fail(err, "cannot find the network");
	*ret = net;
	return 0;
}

/* What the network is in libvirt is known without its document. */
static void look_at(struct hv *hv, virNetworkPtr net, struct hv_network *out)
{
	auto_free char *xml = virNetworkGetXMLDesc(net, 0);
	struct vmctl_error why;

	snprintf(out->name, sizeof(out->name), "%s", virNetworkGetName(net));
	virNetworkGetUUIDString(net, out->uuid);
	out->active = virNetworkIsActive(net) == 1;
	if (xml && network_read(xml, out, &why) < 0)
		log_info(hv->ev, "the network %s: %s", out->name, why.message);
}

int network_list(struct hv *hv, struct hv_network **ret, size_t *ret_n,
		 struct vmctl_error *err)
{
	virNetworkPtr *nets = NULL;
	int n = virConnectListAllNetworks(hv->conn, &nets, 0);

	if (n < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) {
		fail(err, VMCTL_HYPERVISOR, 0,
		     "libvirt's network driver is not installed");
		fail_hint(err, "sudo apt-get install "
			       "libvirt-daemon-driver-network dnsmasq-base, or "
			       "use --network user");
		return -VMCTL_HYPERVISOR;
	}
	if (n < 0)
		return libvirt_fail(err, "cannot list the networks");
	struct hv_network *out = calloc((size_t)n + 1, sizeof(*out));
	for (int i = 0; i < n; i++) {
		if (out)
			look_at(hv, nets[i], &out[i]);
		virNetworkFree(nets[i]);
	}
	free(nets);
	if (!out)
		return fail_oom(err);
	*ret = out;
	*ret_n = (size_t)n;
	return 0;
}

/* --- changing --------------------------------------------------------------
 */

static int network_xml(const struct hv_network *net, char **ret,
		       struct vmctl_error *err)
{
	auto_str s = STR_INIT;

	str_add(&s, "<network xmlns:dnsmasq="
		    "'http://libvirt.org/schemas/network/dnsmasq/1.0'>\n"
		    "  <name>");
	xml_add(&s, net->name);
	str_add(&s, "</name>\n  <uuid>");
	xml_add(&s, net->uuid);
	str_add(&s, "</uuid>\n  <forward mode='nat'/>\n"
		    "  <bridge stp='on' delay='0'/>\n");
	/* Guests find each other by name, and no name of theirs is asked for
	 * in the world outside. */
	str_add(&s, "  <domain name='");
	xml_add(&s, net->name);
	str_add(&s, "' localOnly='yes'/>\n  <ip address='");
	xml_add(&s, net->address);
	str_addf(&s, "' prefix='%d'>\n    <dhcp>\n      <range start='",
		 net->prefix);
	xml_add(&s, net->range_first);
	str_add(&s, "' end='");
	xml_add(&s, net->range_last);
	/* What the names of this host's /etc/hosts stand for is no business of
	 * guests, where they would hide an instance of the same name. */
	str_add(&s, "'/>\n    </dhcp>\n  </ip>\n"
		    "  <dnsmasq:options>\n"
		    "    <dnsmasq:option value='no-hosts'/>\n"
		    "  </dnsmasq:options>\n</network>\n");
	return str_take(&s, ret, err);
}

/*
 * libvirt quotes the whole command line of dnsmasq and then what that says:
 * "failed to create listening socket for 192.168.123.1: Address already in use"
 * of names, "failed to bind DHCP server socket: …" of addresses. Its code is
 * that of any program that failed.
 */
static int fail_start(const char *name, struct vmctl_error *err)
{
	const virError *e = virGetLastError();
	const char *why = e && e->message ? e->message : "";
	bool dhcp = strstr(why, "DHCP server socket");

	if (!strstr(why, "dnsmasq") || !strstr(why, "ddress already in use"))
		return libvirt_fail(err, "cannot start the network");
	return fail(err, VMCTL_IN_USE, 0,
		    "cannot start the network %s: %s port %d, by which it "
		    "gives %s, is in use",
		    name, dhcp ? "UDP" : "TCP or UDP", dhcp ? 67 : 53,
		    dhcp ? "addresses" : "names");
}

/* Another process may start it in the same moment. */
static int bring_up(virNetworkPtr net, struct vmctl_error *err)
{
	/* Asked first: each call forgets what the one before failed of. */
	const char *name = virNetworkGetName(net);
	struct vmctl_error why;

	if (virNetworkIsActive(net) == 1 || virNetworkCreate(net) == 0)
		return 0;
	int r = fail_start(name ? name : "", &why);
	if (virNetworkIsActive(net) == 1)
		return 0;
	if (err)
		*err = why;
	return r;
}

int network_create(struct hv *hv, const struct hv_network *net,
		   struct vmctl_error *err)
{
	auto_network made = NULL;
	auto_free char *xml = NULL;
	int r = network_xml(net, &xml, err);

	if (r < 0)
		return r;
	made = virNetworkDefineXML(hv->conn, xml);
	if (!made)
		return libvirt_fail(err, "cannot define the network");
	r = virNetworkSetAutostart(made, 1) < 0
		    ? libvirt_fail(err, "cannot have the network started")
		    : bring_up(made, err);
	if (r < 0)
		virNetworkUndefine(made);
	return r;
}

int network_start(struct hv *hv, const char *name, struct vmctl_error *err)
{
	auto_network net = NULL;
	int r = network_find(hv, name, &net, err);

	return r < 0 ? r : bring_up(net, err);
}

int network_delete(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	auto_network net = virNetworkLookupByUUIDString(hv->conn, uuid);

	if (!net)
		return libvirt_fail(err, "cannot find the network");
	if ((virNetworkIsActive(net) == 1 && virNetworkDestroy(net) < 0) ||
	    (virNetworkIsPersistent(net) == 1 && virNetworkUndefine(net) < 0))
		return libvirt_fail(err, "cannot remove the network");
	return 0;
}

/* --- addresses -------------------------------------------------------------
 */

int network_leases(struct hv *hv, const char *name, struct hv_lease **ret,
		   size_t *ret_n, struct vmctl_error *err)
{
	auto_network net = NULL;
	virNetworkDHCPLeasePtr *leases = NULL;
	int r = network_find(hv, name, &net, err);

	if (r < 0)
		return r;
	int n = virNetworkGetDHCPLeases(net, NULL, &leases, 0);
	if (n < 0)
		return libvirt_fail(err, "cannot list the leases");
	struct hv_lease *out = calloc((size_t)n + 1, sizeof(*out));
	for (int i = 0; i < n; i++) {
		if (out) {
			snprintf(out[i].mac, sizeof(out[i].mac), "%s",
				 leases[i]->mac ? leases[i]->mac : "");
			snprintf(out[i].address, sizeof(out[i].address), "%s",
				 leases[i]->ipaddr);
			snprintf(out[i].hostname, sizeof(out[i].hostname), "%s",
				 leases[i]->hostname ? leases[i]->hostname
						     : "");
			out[i].expires = leases[i]->expirytime;
		}
		virNetworkDHCPLeaseFree(leases[i]);
	}
	free(leases);
	if (!out)
		return fail_oom(err);
	*ret = out;
	*ret_n = (size_t)n;
	return 0;
}

/* What the agent says is a guest's own text: nothing but an address passes. */
static bool wanted(const virDomainIPAddress *a)
{
	struct in_addr unused;

	return a->type == VIR_IP_ADDR_TYPE_IPV4 && a->addr &&
	       inet_pton(AF_INET, a->addr, &unused) == 1 &&
	       !str_starts(a->addr, "127.") && !str_starts(a->addr, "169.254.");
}

int network_address(struct hv *hv, const char *uuid,
		    enum hv_address_source source, const char *mac,
		    char ret[46], struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	virDomainInterfacePtr *nics = NULL;
	bool found = false;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	if (source == HV_ADDRESS_AGENT)
		virDomainAgentSetResponseTimeout(dom, AGENT_TIMEOUT_S, 0);
	int n = virDomainInterfaceAddresses(
		dom, &nics,
		source == HV_ADDRESS_AGENT
			? VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
			: VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
		0);
	for (int i = 0; i < n; i++) {
		bool ours = nics[i]->hwaddr &&
			    strcasecmp(nics[i]->hwaddr, mac) == 0;
		for (unsigned j = 0; ours && !found && j < nics[i]->naddrs;
		     j++) {
			if (!wanted(&nics[i]->addrs[j]))
				continue;
			snprintf(ret, 46, "%s", nics[i]->addrs[j].addr);
			found = true;
		}
		virDomainInterfaceFree(nics[i]);
	}
	free(nics);
	if (found)
		return 0;
	return fail(err, VMCTL_NOT_FOUND, 0, "no address is known");
}
