/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml_find.c: looks for something in XML of libvirt
 */
#include <libxml/xpath.h>
#include <string.h>

#include "util/xml.h"

#include "xml_find.h"

char *
virshXMLFind(const char *xml,
             const char *path)
{
    g_autoptr(xmlDoc) doc = xml ? convergeXMLRead(xml, strlen(xml), NULL) : NULL;
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found = context ? xmlXPathEvalExpression((const xmlChar *)path, context) : NULL;
    char *text = NULL;

    if (found && !xmlXPathNodeSetIsEmpty(found->nodesetval)) {
        xmlChar *content = xmlNodeGetContent(found->nodesetval->nodeTab[0]);

        text = g_strdup(content ? (const char *)content : "");
        xmlFree(content);
    }
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    return text;
}
