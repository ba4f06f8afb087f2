/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml_find.h: looks for something in XML of libvirt
 */
#pragma once

/* The text of the first node that @path, in XPath, leads to; NULL: there is none, or @xml, which may be
 * NULL, is no XML.  Free with g_free(). */
char *virshXMLFind(const char *xml, const char *path);
