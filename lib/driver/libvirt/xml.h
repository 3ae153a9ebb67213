/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_LIBVIRT_XML_H
#define DRIVER_LIBVIRT_XML_H

#include <libxml/xpath.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

/*
 * XML that others wrote: libvirt's documents keep descriptions, comments and
 * the metadata of other programs, in which anything may stand. Elements are
 * named by XPath, from the root, so that none is mistaken for another.
 */

struct xml {
	xmlDoc *doc;
	xmlXPathContext *paths;
	bool oom; /* remembered, and told by xml_check() */
};

void xml_done(struct xml *x);
#define auto_xml auto_cleanup(xml_done) struct xml

/* Nothing is fetched, and a document type, which may declare entities, is
 * refused: VMCTL_BAD_DATA. In paths `vmctl:` is our own namespace,
 * `dnsmasq:` that of options that libvirt hands on. */
int xml_parse(const char *text, struct xml *ret, struct vmctl_error *err);

/* The elements of a path, in the order of the document. `from` is where a
 * relative one begins; NULL: the document. */
DEFINE_CLEANUP(xml_found, xmlXPathObject *, xmlXPathFreeObject);
#define auto_xml_found auto_cleanup(xml_found_cleanup) xmlXPathObject *
xmlXPathObject *xml_find(struct xml *x, xmlNode *from, const char *path);
size_t xml_count(const xmlXPathObject *found);
xmlNode *xml_nth(const xmlXPathObject *found, size_t i);

/* The first of them; NULL: none. */
xmlNode *xml_first(struct xml *x, xmlNode *from, const char *path);

/* The text of the first element or attribute of a path. "": there is none, or
 * it is longer than what is looked for can be. */
void xml_value(struct xml *x, xmlNode *from, const char *path, char *out,
	       size_t n);

/* 0, or -VMCTL_NO_MEMORY when something above was short of it. */
int xml_check(const struct xml *x, struct vmctl_error *err);

#endif
