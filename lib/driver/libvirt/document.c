/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/libvirt/document.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/str.h"
#include "base/units.h"
#include "driver/libvirt/xml.h"

/* libvirt.org/formatnetwork.html and formatdomain.html. */

#define IPV4 "/network/ip[not(@family) or @family='ipv4']"

/* As libvirt has it: a prefix, or a mask, or what the address's class gives. */
static int prefix_of(struct xml *x, xmlNode *ip)
{
	struct in_addr addr;
	char value[32];
	int64_t prefix;

	xml_value(x, ip, "@prefix", value, sizeof(value));
	if (parse_int(value, "prefix", 1, 32, &prefix, NULL) == 0)
		return (int)prefix;
	xml_value(x, ip, "@netmask", value, sizeof(value));
	if (inet_pton(AF_INET, value, &addr) == 1)
		return __builtin_popcount(addr.s_addr);
	xml_value(x, ip, "@address", value, sizeof(value));
	if (inet_pton(AF_INET, value, &addr) != 1)
		return 0;
	in_addr_t a = ntohl(addr.s_addr);
	return IN_CLASSA(a) ? 8 : IN_CLASSB(a) ? 16 : IN_CLASSC(a) ? 24 : 0;
}

int network_read(const char *text, struct hv_network *ret,
		 struct vmctl_error *err)
{
	struct hv_network out = *ret;
	auto_xml x = { 0 };
	char mode[16];
	int r = xml_parse(text, &x, err);

	if (r < 0)
		return r;
	xml_value(&x, NULL, "/network/bridge/@name", out.bridge,
		  sizeof(out.bridge));
	xml_value(&x, NULL, "/network/forward/@mode", mode, sizeof(mode));
	out.nat = str_eq(mode, "nat");
	out.no_hosts = xml_first(&x, NULL,
				 "/network/dnsmasq:options/"
				 "dnsmasq:option[@value='no-hosts']") != NULL;
	/* Guests get theirs from the one with DHCP, of which there is one. */
	xmlNode *ip = xml_first(&x, NULL, IPV4 "[dhcp]");
	if (!ip)
		ip = xml_first(&x, NULL, IPV4);
	if (ip) {
		out.prefix = prefix_of(&x, ip);
		xml_value(&x, ip, "@address", out.address, sizeof(out.address));
		xml_value(&x, ip, "dhcp/range/@start", out.range_first,
			  sizeof(out.range_first));
		xml_value(&x, ip, "dhcp/range/@end", out.range_last,
			  sizeof(out.range_last));
	}
	r = xml_check(&x, err);
	if (r == 0)
		*ret = out;
	return r;
}

int hosts_read(const char *text, struct hv_lease **ret, size_t *ret_n,
	       struct vmctl_error *err)
{
	auto_xml x = { 0 };
	size_t n = 0;
	int r = xml_parse(text, &x, err);

	if (r < 0)
		return r;
	auto_xml_found hosts =
		xml_find(&x, NULL, "/network/ip/dhcp/host | /network/dns/host");
	auto_free struct hv_lease *list =
		calloc(xml_count(hosts) + 1, sizeof(*list));
	if (!list)
		return fail_oom(err);
	for (size_t i = 0; i < xml_count(hosts); i++) {
		xmlNode *host = xml_nth(hosts, i);
		struct hv_lease *l = &list[n];

		xml_value(&x, host, "@mac", l->mac, sizeof(l->mac));
		xml_value(&x, host, "@ip", l->address, sizeof(l->address));
		xml_value(&x, host, "@name", l->hostname, sizeof(l->hostname));
		/* Without a MAC it is a name, of DHCP or DNS, that somebody
		 * gave to an address: that is taken, too. */
		n += l->mac[0] || l->address[0];
	}
	r = xml_check(&x, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

#define OURS "/domain/metadata/vmctl:instance/"

int owned_read(const char *text, struct hv_owned *ret, struct vmctl_error *err)
{
	struct hv_owned out = *ret;
	auto_xml x = { 0 };
	int r = xml_parse(text, &x, err);

	if (r < 0)
		return r;
	xml_value(&x, NULL, OURS "vmctl:id", out.id, sizeof(out.id));
	xml_value(&x, NULL, OURS "vmctl:name", out.name, sizeof(out.name));
	/* The one that vmctl defined, whatever was attached since. */
	xml_value(&x, NULL,
		  "/domain/devices/disk[target/@dev='vda']/source/@file",
		  out.disk, sizeof(out.disk));
	r = xml_check(&x, err);
	if (r == 0 && !out.id[0])
		r = fail(err, VMCTL_NOT_FOUND, 0, "it is not vmctl's");
	if (r == 0)
		*ret = out;
	return r;
}

int channels_read(const char *text, struct hv_details *ret,
		  struct vmctl_error *err)
{
	auto_xml x = { 0 };
	size_t n = 0;
	int r = xml_parse(text, &x, err);

	if (r < 0)
		return r;
	auto_xml_found targets = xml_find(
		&x, NULL, "/domain/devices/channel/target[@type='virtio']");
	for (size_t i = 0; i < xml_count(targets); i++) {
		struct hv_channel *c = &ret->channels[n];
		char state[16];

		if (n == ARRAY_LEN(ret->channels))
			break;
		xml_value(&x, xml_nth(targets, i), "@name", c->name,
			  sizeof(c->name));
		xml_value(&x, xml_nth(targets, i), "@state", state,
			  sizeof(state));
		c->up = str_eq(state, "connected");
		n += c->name[0] != '\0';
	}
	r = xml_check(&x, err);
	ret->channel_count = r == 0 ? n : 0;
	return r;
}
