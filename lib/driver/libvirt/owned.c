/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "driver/libvirt/libvirt.h"

/* Domains by the metadata that domain-xml.c gives them. */

static const struct {
	const char *text;
	char is;
} entities[] = {
	{ "&amp;", '&' },   { "&lt;", '<' },   { "&gt;", '>' },
	{ "&apos;", '\'' }, { "&quot;", '"' },
};

/* In place: it only gets shorter. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p;) {
		size_t i = 0, len = 1;
		char c = *p;

		while (i < ARRAY_LEN(entities) &&
		       !str_starts(p, entities[i].text))
			i++;
		if (i < ARRAY_LEN(entities)) {
			c = entities[i].is;
			len = strlen(entities[i].text);
		}
		*to++ = c;
		p += len;
	}
	*to = '\0';
}

/* The text of the first such element, which has no attributes; "": none. */
static void element_text(const char *xml, const char *element, char *out,
			 size_t n)
{
	auto_free char *open = str_printf("<%s>", element);
	const char *at = open ? strstr(xml, open) : NULL;

	out[0] = '\0';
	if (!at)
		return;
	at += strlen(open);
	snprintf(out, n, "%.*s", (int)strcspn(at, "<"), at);
	unescape(out);
}

/* false: it is none of vmctl's. */
static bool read_owned(virDomainPtr dom, struct hv_owned *out)
{
	auto_free char *meta = virDomainGetMetadata(
		dom, VIR_DOMAIN_METADATA_ELEMENT, "urn:vmctl:instance:1", 0);
	int state, reason;

	if (!meta || virDomainGetState(dom, &state, &reason, 0) < 0)
		return false;
	auto_free char *xml = virDomainGetXMLDesc(dom, 0);
	if (!xml)
		return false;
	*out = (struct hv_owned){ .state = domain_state(dom, state) };
	virDomainGetUUIDString(dom, out->uuid);
	element_text(xml, "vmctl:id", out->id, sizeof(out->id));
	element_text(xml, "vmctl:name", out->name, sizeof(out->name));
	xml_attribute(xml, "source", "file", out->disk, sizeof(out->disk));
	unescape(out->disk);
	return out->id[0] != '\0';
}

int domains_owned(struct hv *hv, struct hv_owned **ret, size_t *ret_n,
		  struct vmctl_error *err)
{
	virDomainPtr *domains = NULL;
	int n = virConnectListAllDomains(hv->conn, &domains, 0);
	size_t used = 0;

	if (n < 0)
		return libvirt_fail(err, "cannot list the domains");
	struct hv_owned *out = calloc((size_t)n + 1, sizeof(*out));
	for (int i = 0; i < n; i++) {
		used += out && read_owned(domains[i], &out[used]);
		virDomainFree(domains[i]);
	}
	free(domains);
	if (!out)
		return fail_oom(err);
	*ret = out;
	*ret_n = used;
	return 0;
}

int domain_document(struct hv *hv, const char *uuid, char **ret,
		    struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	char *xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE |
						     VIR_DOMAIN_XML_SECURE);
	if (!xml)
		return libvirt_fail(err, "cannot read the domain");
	*ret = xml;
	return 0;
}
