/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_xml.c: policies from and to XML; the field table has the names and values
 *
 * Anybody who may edit the domain can write this text, and the daemon parses it.  Therefore
 * nothing is fetched, no entity is expanded, and sizes are bounded.
 */
#include <glib/gi18n-lib.h>
#include <libxml/xmlwriter.h>
#include <string.h>

#include "policy/policy_fields.h"
#include "policy/policy_xml.h"
#include "util/xml.h"

#define POLICY_XML_MAX (64 * 1024)

/* Far longer than any valid name or value; bounds what messages repeat. */
#define POLICY_XML_WORD_MAX 128

#define ROOT "policy"
#define PRESET "preset"

#define XML(text) ((const xmlChar *)(text))
#define TEXT(xml) ((const char *)(xml))

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlBuffer, xmlBufferFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlTextWriter, xmlFreeTextWriter)

/* The field "when" is the only attribute: it selects migrations, the others control them. */
static gboolean
isAttribute(convergeField field)
{
    return field == CONVERGE_FIELD_WHEN;
}

/* --- From XML --- */

static gboolean
checkLength(const char *word,
            GError **error)
{
    g_autofree char *start = NULL;

    if (strlen(word) <= POLICY_XML_WORD_MAX)
        return TRUE;

    start = g_utf8_make_valid(word, POLICY_XML_WORD_MAX / 4);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("'%1$s...' in the converge policy is too long; allowed: %2$d characters"),
                start, POLICY_XML_WORD_MAX);
    return FALSE;
}

static gboolean
checkElement(xmlNodePtr node,
             GError **error)
{
    if (!checkLength(TEXT(node->name), error))
        return FALSE;

    if (node->ns && !g_str_equal(node->ns->href, CONVERGE_POLICY_XML_NS)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("element '%1$s' of the converge policy is in a wrong namespace; allowed: %2$s"),
                    TEXT(node->name), CONVERGE_POLICY_XML_NS);
        return FALSE;
    }
    return TRUE;
}

/* Whether @node is white space between elements. */
static gboolean
isBlank(xmlNodePtr node)
{
    const char *text = TEXT(node->content);

    return node->type == XML_TEXT_NODE && text[strspn(text, " \t\r\n")] == '\0';
}

/* The text of a field element, without surrounding white space; NULL with @error set. */
static char *
fieldText(xmlNodePtr node,
          GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    xmlNodePtr child;

    if (node->properties) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy has an attribute; allowed: no attributes"),
                    TEXT(node->name));
        return NULL;
    }

    for (child = node->children; child; child = child->next) {
        if (child->type == XML_COMMENT_NODE)
            continue;
        if (child->type != XML_TEXT_NODE) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("field '%1$s' of the converge policy contains more than text; allowed: text"),
                        TEXT(node->name));
            return NULL;
        }
        g_string_append(text, TEXT(child->content));
    }

    g_strstrip(text->str);
    if (!checkLength(text->str, error))
        return NULL;
    return g_strdup(text->str);
}

static gboolean
setElement(convergePolicySpec *spec,
           xmlNodePtr node,
           GError **error)
{
    g_autofree char *value = NULL;
    convergeField field;

    if (!checkElement(node, error) ||
        !convergeFieldFind(TEXT(node->name), &field, error) ||
        !(value = fieldText(node, error)))
        return FALSE;

    if (isAttribute(field)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("field '%1$s' of the converge policy is not an element; allowed: <%2$s %1$s='...'>"),
                    convergeFields[field].name, ROOT);
        return FALSE;
    }
    return convergePolicySpecSetField(spec, convergeFields[field].name, value, error);
}

static gboolean
setAttribute(convergePolicySpec *spec,
             xmlAttrPtr attribute,
             GError **error)
{
    const char *name = TEXT(attribute->name);
    const char *when = convergeFields[CONVERGE_FIELD_WHEN].name;
    /* As entities are not expanded, the value is one text node, or none if empty. */
    const char *value = attribute->children ? TEXT(attribute->children->content) : "";
    g_autofree char *prefix = NULL;

    if (!checkLength(name, error) || !checkLength(value, error))
        return FALSE;

    if (!attribute->ns && g_str_equal(name, PRESET))
        return convergePolicySpecSetPreset(spec, value, error);
    if (!attribute->ns && g_str_equal(name, when))
        return convergePolicySpecSetField(spec, name, value, error);

    prefix = convergePolicyQuote(attribute->ns && attribute->ns->prefix ?
                                     TEXT(attribute->ns->prefix) :
                                     "");
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown attribute '%1$s%2$s%3$s' of the converge policy; allowed: %4$s, %5$s"),
                prefix, attribute->ns ? ":" : "", name, PRESET, when);
    return FALSE;
}

static gboolean
setPolicy(convergePolicySpec *spec,
          xmlNodePtr root,
          GError **error)
{
    xmlAttrPtr attribute;
    xmlNodePtr node;

    if (!checkElement(root, error))
        return FALSE;

    if (!g_str_equal(root->name, ROOT)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("unknown element '%1$s' instead of a converge policy; allowed: %2$s"),
                    TEXT(root->name), ROOT);
        return FALSE;
    }

    for (attribute = root->properties; attribute; attribute = attribute->next) {
        if (!setAttribute(spec, attribute, error))
            return FALSE;
    }

    for (node = root->children; node; node = node->next) {
        if (node->type == XML_COMMENT_NODE || isBlank(node))
            continue;
        if (node->type != XML_ELEMENT_NODE) {
            /* A processing instruction may lack content; text never does. */
            g_autofree char *text = g_strdup(TEXT(node->type == XML_PI_NODE ?
                                                      node->name :
                                                      node->content));

            if (checkLength(text, error))
                g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                            _("'%1$s' is not allowed between the fields of the converge policy; allowed: elements and comments"),
                            g_strstrip(text));
            return FALSE;
        }
        if (!setElement(spec, node, error))
            return FALSE;
    }
    return TRUE;
}

convergePolicySpec *
convergePolicySpecFromXML(const char *xml,
                          GError **error)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecNew();
    g_autoptr(xmlDoc) doc = NULL;

    if (!(doc = convergeXMLRead(xml, POLICY_XML_MAX, error)) ||
        !setPolicy(spec, xmlDocGetRootElement(doc), error)) {
        g_prefix_error(error, "%s: ", _("domain metadata"));
        return NULL;
    }
    return g_steal_pointer(&spec);
}

/* --- To XML --- */

/* The writer of libxml2 only fails when out of memory.  GLib aborts in that case, too. */
static void
check(int rc)
{
    if (rc < 0)
        g_error("out of memory");
}

char *
convergePolicySpecToXML(const convergePolicySpec *spec)
{
    const char *preset = convergePolicySpecGetPreset(spec);
    g_autoptr(xmlBuffer) buffer = NULL;
    g_autoptr(xmlTextWriter) writer = NULL;
    int attributes;
    gsize i;

    convergeXMLInit();
    if (!(buffer = xmlBufferCreate()) || !(writer = xmlNewTextWriterMemory(buffer, 0)))
        g_error("out of memory");

    check(xmlTextWriterSetIndent(writer, 1));
    check(xmlTextWriterSetIndentString(writer, XML("  ")));
    check(xmlTextWriterStartElement(writer, XML(ROOT)));
    if (preset)
        check(xmlTextWriterWriteAttribute(writer, XML(PRESET), XML(preset)));

    /* Attributes before elements. */
    for (attributes = 1; attributes >= 0; attributes--) {
        for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
            g_autofree char *value = NULL;

            if (!convergePolicySpecHas(spec, i) || isAttribute(i) != attributes)
                continue;
            value = convergeFieldFormat(i, convergePolicySpecGet(spec, i));
            check(attributes ?
                      xmlTextWriterWriteAttribute(writer, XML(convergeFields[i].name), XML(value)) :
                      xmlTextWriterWriteElement(writer, XML(convergeFields[i].name), XML(value)));
        }
    }

    check(xmlTextWriterEndElement(writer));
    check(xmlTextWriterFlush(writer));
    return g_strdup(TEXT(xmlBufferContent(buffer)));
}
