/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "driver/libvirt/document.h"
#include "driver/libvirt/libvirt.h"

/* Addresses that networks keep for somebody. */

static int read_reserved(virNetworkPtr net, struct hv_lease **ret,
			 size_t *ret_n, struct vmctl_error *err)
{
	/* What is kept, which is also what runs: update() changes both. */
	auto_free char *xml = virNetworkGetXMLDesc(
		net, virNetworkIsPersistent(net) == 1 ? VIR_NETWORK_XML_INACTIVE
						      : 0);

	return xml ? hosts_read(xml, ret, ret_n, err)
		   : libvirt_fail(err, "cannot read the network");
}

int network_reserved(struct hv *hv, const char *name, struct hv_lease **ret,
		     size_t *ret_n, struct vmctl_error *err)
{
	auto_network net = NULL;
	int r = network_find(hv, name, &net, err);

	return r < 0 ? r : read_reserved(net, ret, ret_n, err);
}

/* Changes both what runs and what is kept. */
static int update(virNetworkPtr net, unsigned command, const char *xml)
{
	unsigned flags = VIR_NETWORK_UPDATE_AFFECT_CONFIG;

	if (virNetworkIsActive(net) == 1)
		flags |= VIR_NETWORK_UPDATE_AFFECT_LIVE;
	return virNetworkUpdate(net, command, VIR_NETWORK_SECTION_IP_DHCP_HOST,
				-1, xml, flags);
}

static char *host_xml(const char *mac, const char *address,
		      const char *hostname)
{
	auto_str s = STR_INIT;
	char *text = NULL;

	str_add(&s, "<host mac='");
	xml_add(&s, mac);
	str_add(&s, "' ip='");
	xml_add(&s, address);
	if (hostname) {
		str_add(&s, "' name='");
		xml_add(&s, hostname);
	}
	str_add(&s, "'/>");
	return str_take(&s, &text, NULL) < 0 ? NULL : text;
}

/* libvirt has no code for "not there": it says VIR_ERR_OPERATION_INVALID, as
 * for other things. */
static bool said(const char *words)
{
	const virError *e = virGetLastError();

	return e && e->code == VIR_ERR_OPERATION_INVALID && e->message &&
	       strstr(e->message, words);
}

static int reserve(struct hv *hv, virNetworkPtr net,
		   const struct hv_lease *list, size_t n, const char *mac,
		   const char *address, const char *hostname,
		   struct vmctl_error *err)
{
	unsigned command = VIR_NETWORK_UPDATE_COMMAND_ADD_LAST;

	/* Looked through before, because libvirt takes an entry with the name
	 * for the one to modify, whose MAC ever it has. */
	for (size_t i = 0; i < n; i++) {
		bool same_name =
			hostname && strcasecmp(list[i].hostname, hostname) == 0;

		if (strcasecmp(list[i].mac, mac) == 0) {
			if (same_name && str_eq(list[i].address, address))
				return 0;
			command = VIR_NETWORK_UPDATE_COMMAND_MODIFY;
		} else if (str_eq(list[i].address, address)) {
			return fail(err, VMCTL_EXISTS, 0,
				    "the address %s is reserved for another "
				    "machine",
				    address);
		} else if (same_name) {
			log_info(hv->ev,
				 "the name %s is another machine's in the "
				 "network's DNS",
				 hostname);
			hostname = NULL;
		}
	}
	auto_free char *xml = host_xml(mac, address, hostname);
	if (!xml)
		return fail_oom(err);
	return update(net, command, xml) < 0
		       ? libvirt_fail(err, "cannot reserve an address")
		       : 0;
}

int network_reserve(struct hv *hv, const char *name, const char *mac,
		    const char *address, const char *hostname,
		    struct vmctl_error *err)
{
	auto_free struct hv_lease *list = NULL;
	auto_network net = NULL;
	size_t n = 0;
	int r = network_find(hv, name, &net, err);

	if (r == 0)
		r = read_reserved(net, &list, &n, err);
	return r < 0 ? r
		     : reserve(hv, net, list, n, mac, address, hostname, err);
}

int network_unreserve(struct hv *hv, const char *name, const char *mac,
		      const char *address, struct vmctl_error *err)
{
	auto_network net = NULL;
	auto_free char *xml = host_xml(mac, address, NULL);
	struct vmctl_error why;
	int r = network_find(hv, name, &net, &why);

	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (!xml)
		return fail_oom(err);
	if (update(net, VIR_NETWORK_UPDATE_COMMAND_DELETE, xml) == 0 ||
	    said("couldn't locate a matching dhcp host entry"))
		return 0;
	return libvirt_fail(err, "cannot give the address back");
}
