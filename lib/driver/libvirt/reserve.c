/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "driver/libvirt/document.h"
#include "driver/libvirt/libvirt.h"

/*
 * Addresses that networks keep for somebody. What runs and what is kept of a
 * network are changed one after the other, each as it needs it: a daemon that
 * was killed in between leaves them different, and libvirt, asked to change
 * both, then changes neither.
 */

static const struct side {
	unsigned affect; /* of virNetworkUpdate() */
	unsigned read;	 /* of virNetworkGetXMLDesc() */
} sides[] = {
	{ VIR_NETWORK_UPDATE_AFFECT_CONFIG, VIR_NETWORK_XML_INACTIVE },
	{ VIR_NETWORK_UPDATE_AFFECT_LIVE, 0 },
};

#define SIDES (sizeof(sides) / sizeof(*sides))

static bool has_side(virNetworkPtr net, const struct side *side)
{
	return side->affect == VIR_NETWORK_UPDATE_AFFECT_LIVE
		       ? virNetworkIsActive(net) == 1
		       : virNetworkIsPersistent(net) == 1;
}

static int read_side(virNetworkPtr net, const struct side *side,
		     struct hv_lease **ret, size_t *ret_n,
		     struct vmctl_error *err)
{
	auto_free char *xml = virNetworkGetXMLDesc(net, side->read);

	return xml ? hosts_read(xml, ret, ret_n, err)
		   : libvirt_fail(err, "cannot read the network");
}

/* Adds what is not in the list yet; there is room for it. */
static void merge(struct hv_lease *list, size_t *n, const struct hv_lease *more,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t j = 0;

		while (j < *n && !(str_eq(list[j].mac, more[i].mac) &&
				   str_eq(list[j].address, more[i].address)))
			j++;
		if (j == *n)
			list[(*n)++] = more[i];
	}
}

int network_reserved(struct hv *hv, const char *name, struct hv_lease **ret,
		     size_t *ret_n, struct vmctl_error *err)
{
	auto_free struct hv_lease *list = NULL;
	auto_network net = NULL;
	size_t n = 0;
	int r = network_find(hv, name, &net, err);

	for (size_t i = 0; r == 0 && i < SIDES; i++) {
		auto_free struct hv_lease *more = NULL;
		struct hv_lease *grown;
		size_t count = 0;

		if (!has_side(net, &sides[i]))
			continue;
		r = read_side(net, &sides[i], &more, &count, err);
		if (r < 0)
			return r;
		grown = realloc(list, (n + count + 1) * sizeof(*list));
		if (!grown)
			return fail_oom(err);
		list = grown;
		merge(list, &n, more, count);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

static int update(virNetworkPtr net, const struct side *side, unsigned command,
		  const char *xml)
{
	return virNetworkUpdate(net, command, VIR_NETWORK_SECTION_IP_DHCP_HOST,
				-1, xml, side->affect);
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

static int reserve(struct hv *hv, virNetworkPtr net, const struct side *side,
		   const char *mac, const char *address, const char *hostname,
		   struct vmctl_error *err)
{
	unsigned command = VIR_NETWORK_UPDATE_COMMAND_ADD_LAST;
	auto_free struct hv_lease *list = NULL;
	size_t n = 0;
	int r = read_side(net, side, &list, &n, err);

	if (r < 0)
		return r;
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
	return update(net, side, command, xml) < 0
		       ? libvirt_fail(err, "cannot reserve an address")
		       : 0;
}

int network_reserve(struct hv *hv, const char *name, const char *mac,
		    const char *address, const char *hostname,
		    struct vmctl_error *err)
{
	auto_network net = NULL;
	int r = network_find(hv, name, &net, err);

	for (size_t i = 0; r == 0 && i < SIDES; i++)
		if (has_side(net, &sides[i]))
			r = reserve(hv, net, &sides[i], mac, address, hostname,
				    err);
	return r;
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
	for (size_t i = 0; i < SIDES; i++)
		if (has_side(net, &sides[i]) &&
		    update(net, &sides[i], VIR_NETWORK_UPDATE_COMMAND_DELETE,
			   xml) < 0 &&
		    !said("couldn't locate a matching dhcp host entry"))
			return libvirt_fail(err,
					    "cannot give the address back");
	return 0;
}
