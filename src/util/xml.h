/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml.h: reading untrusted XML, inside a daemon that uses libxml2 itself
 *
 * Nothing is fetched, no entity is expanded, and sizes are bounded.  All functions may be
 * called from any thread: they change none of libxml2's process-wide or per-thread
 * settings.
 */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* Must come before the first use of libxml2 other than convergeXMLRead(). */
void convergeXMLInit(void);

/* Parses UTF-8 of at most @max bytes; free with xmlFreeDoc().
 *
 * Returns NULL with CONVERGE_ERROR_POLICY set if the text is longer, not UTF-8, not
 * well-formed, or has a DOCTYPE. */
xmlDocPtr convergeXMLRead(const char *xml, gsize max, GError **error);
