/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xml.c: reading untrusted XML
 */
#include <glib/gi18n-lib.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <string.h>

#include "util/error.h"
#include "util/xml.h"

/* At most this many bytes of libxml2's messages are quoted. */
#define PROBLEM_MAX 128

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

/* xmlInitParser() may be called often, but its first call reads a flag without a lock.
 * xmlCleanupParser() must not be called, because the daemon uses libxml2 itself. */
void
convergeXMLInit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, xmlInitParser);
}

/* The argument of a structured error handler of libxml2. */
#if LIBXML_VERSION >= 21200
typedef const xmlError *xmlErrorArg;
#else
typedef xmlErrorPtr xmlErrorArg;
#endif

/* Keeps errors from the process-wide handlers; the context stores the last one. */
static void
ignoreError(void *opaque G_GNUC_UNUSED,
            xmlErrorArg error G_GNUC_UNUSED)
{
}

/* Called at the start of a DOCTYPE, before anything in it is read. */
static void
stopAtDoctype(void *opaque,
              const xmlChar *name G_GNUC_UNUSED,
              const xmlChar *publicId G_GNUC_UNUSED,
              const xmlChar *systemId G_GNUC_UNUSED)
{
    xmlParserCtxtPtr context = opaque;
    gboolean *doctype = context->_private;

    *doctype = TRUE;
    xmlStopParser(context);
}

xmlDocPtr
convergeXMLRead(const char *xml,
                gsize max,
                GError **error)
{
    /* No XML_PARSE_NOENT, _DTDLOAD, _HUGE: see the header.  The text has been validated as
     * UTF-8, so its own encoding declaration is ignored. */
    const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
        XML_PARSE_NOCDATA | XML_PARSE_IGNORE_ENC;
    gsize length = strnlen(xml, max + 1);
    g_autoptr(xmlParserCtxt) context = NULL;
    g_autofree char *problem = NULL;
    gboolean doctype = FALSE;
    const xmlError *last;
    const char *message;
    xmlDocPtr doc;

    if (length > max) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the XML is too long; allowed: %1$zu bytes"), max);
        return NULL;
    }
    if (!g_utf8_validate(xml, length, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the XML has an invalid encoding; allowed: UTF-8"));
        return NULL;
    }

    convergeXMLInit();
    if (!(context = xmlNewParserCtxt())) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, _("out of memory"));
        return NULL;
    }
    context->_private = &doctype;
    context->sax->internalSubset = stopAtDoctype;
    context->sax->serror = ignoreError;

    doc = xmlCtxtReadMemory(context, xml, length, NULL, "UTF-8", options);
    if (doc && !doctype)
        return doc;
    xmlFreeDoc(doc);

    if (doctype) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the XML has a DOCTYPE; allowed: XML without one"));
        return NULL;
    }

    last = xmlCtxtGetLastError(context);
    message = last && last->message ? last->message : "";
    problem = g_utf8_make_valid(message, MIN(strlen(message), PROBLEM_MAX));
    g_strstrip(problem);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("line %1$d is not well-formed XML (%2$s); allowed: one well-formed element"),
                last ? last->line : 1, problem);
    return NULL;
}
