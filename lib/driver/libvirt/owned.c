/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/log.h"
#include "driver/libvirt/document.h"
#include "driver/libvirt/libvirt.h"

/* Domains by the metadata that domain-xml.c gives them. */

/* false: it is not vmctl's. */
static bool read_owned(struct hv *hv, virDomainPtr dom, struct hv_owned *out)
{
	auto_free char *xml = virDomainGetXMLDesc(dom, 0);
	struct vmctl_error why;
	int state, reason;

	if (!xml || virDomainGetState(dom, &state, &reason, 0) < 0)
		return false;
	*out = (struct hv_owned){ .state = domain_state(dom, state) };
	virDomainGetUUIDString(dom, out->uuid);
	int r = owned_read(xml, out, &why);
	if (r < 0 && r != -VMCTL_NOT_FOUND)
		log_info(hv->ev, "the domain %s: %s", out->uuid, why.message);
	return r == 0;
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
		used += out && read_owned(hv, domains[i], &out[used]);
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
