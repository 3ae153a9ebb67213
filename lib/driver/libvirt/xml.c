/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/libvirt/xml.h"

#include <libxml/parser.h>
#include <libxml/xpathInternals.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* libvirt.org/formatnetwork.html, "Network namespaces". */
#define DNSMASQ "http://libvirt.org/schemas/network/dnsmasq/1.0"

/* xmlCleanupParser() is for the end of a program: libvirt uses the same
 * libxml2, and so may whoever uses this library. */
void xml_done(struct xml *x)
{
	xmlXPathFreeContext(x->paths);
	xmlFreeDoc(x->doc);
	*x = (struct xml){ 0 };
}

static int fail_parse(struct vmctl_error *err)
{
	const xmlError *e = xmlGetLastError();

	if (e && e->code == XML_ERR_NO_MEMORY)
		return fail_oom(err);
	return fail(err, VMCTL_BAD_DATA, 0,
		    "libvirt's document is not well-formed XML: line %d",
		    e ? e->line : 0);
}

int xml_parse(const char *text, struct xml *ret, struct vmctl_error *err)
{
	size_t len = strlen(text);
	auto_xml x = { 0 };

	if (len > INT_MAX)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "libvirt's document is too long");
	xmlResetLastError();
	x.doc = xmlReadMemory(text, (int)len, NULL, NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR |
				      XML_PARSE_NOWARNING);
	if (!x.doc)
		return fail_parse(err);
	if (xmlGetIntSubset(x.doc))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "libvirt's document declares a document type");
	x.paths = xmlXPathNewContext(x.doc);
	if (!x.paths ||
	    xmlXPathRegisterNs(x.paths, BAD_CAST "vmctl",
			       BAD_CAST "urn:vmctl:instance:1") ||
	    xmlXPathRegisterNs(x.paths, BAD_CAST "dnsmasq", BAD_CAST DNSMASQ))
		return fail_oom(err);
	*ret = x;
	x = (struct xml){ 0 };
	return 0;
}

xmlXPathObject *xml_find(struct xml *x, xmlNode *from, const char *path)
{
	xmlXPathObject *found;

	x->paths->node = from ? from : (xmlNode *)x->doc;
	found = xmlXPathEvalExpression(BAD_CAST path, x->paths);
	/* Paths are constants, which have no faults. */
	x->oom |= !found;
	/* A union's come one path after the other. */
	if (found)
		xmlXPathNodeSetSort(found->nodesetval);
	return found;
}

size_t xml_count(const xmlXPathObject *found)
{
	return found && found->nodesetval ? (size_t)found->nodesetval->nodeNr
					  : 0;
}

xmlNode *xml_nth(const xmlXPathObject *found, size_t i)
{
	return i < xml_count(found) ? found->nodesetval->nodeTab[i] : NULL;
}

xmlNode *xml_first(struct xml *x, xmlNode *from, const char *path)
{
	auto_xml_found found = xml_find(x, from, path);

	return xml_nth(found, 0);
}

void xml_value(struct xml *x, xmlNode *from, const char *path, char *out,
	       size_t n)
{
	xmlNode *node = xml_first(x, from, path);
	xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

	x->oom |= node && !text;
	if (snprintf(out, n, "%s", text ? (const char *)text : "") >= (int)n)
		out[0] = '\0';
	xmlFree(text);
}

int xml_check(const struct xml *x, struct vmctl_error *err)
{
	return x->oom ? fail_oom(err) : 0;
}
