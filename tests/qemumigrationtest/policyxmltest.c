/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policyxmltest.c: round trips through XML, hostile input, and the schema
 *
 * VIR_TEST_REGENERATE_OUTPUT=1 regenerates the schema, data/converge-policy.rng, from the field
 * table.
 */
#include <libvirt/libvirt.h>
#include <libxml/parser.h>
#include <string.h>

#include "policy/policy_fields.h"
#include "policy/policy_xml.h"

/* --- Round trips --- */

/* text -> spec -> XML -> spec -> text */
static void
roundTrip(const convergePolicySpec *spec)
{
    g_autofree char *text = convergePolicySpecFormat(spec);
    g_autofree char *xml = convergePolicySpecToXML(spec);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicySpec) again = convergePolicySpecFromXML(xml, &error);
    g_autofree char *textAgain = NULL;
    g_autofree char *xmlAgain = NULL;
    gsize i;

    g_test_message("%s: %s", text, xml);
    g_assert_no_error(error);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_assert_cmpint(convergePolicySpecHas(spec, i), ==, convergePolicySpecHas(again, i));
        g_assert_cmpint(convergePolicySpecGet(spec, i), ==, convergePolicySpecGet(again, i));
    }
    g_assert_cmpstr(convergePolicySpecGetPreset(spec), ==, convergePolicySpecGetPreset(again));

    textAgain = convergePolicySpecFormat(again);
    xmlAgain = convergePolicySpecToXML(again);
    g_assert_cmpstr(text, ==, textAgain);
    g_assert_cmpstr(xml, ==, xmlAgain);
}

static void
testPresets(void)
{
    gsize i;

    for (i = 0; i < convergePresetCount; i++) {
        g_autofree char *row = g_strdup_printf("%s,%s", convergePresets[i].name,
                                               convergePresets[i].fields);
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(row, &error);

        g_assert_no_error(error);
        roundTrip(spec);
    }
}

/* Each field alone, at the ends of its range and in between, without and with a preset. */
static void
testFields(void)
{
    gsize i, j;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        const convergeFieldInfo *info = &convergeFields[i];
        const gint64 values[] = {
            info->min, info->min + (info->max - info->min) / 3, info->builtin, info->max
        };

        for (j = 0; j < G_N_ELEMENTS(values); j++) {
            /* The range of a ladder is given by its rungs. */
            gint64 value = info->type == CONVERGE_TYPE_LADDER ? values[j] % CONVERGE_RUNG_LAST + 1 : values[j];
            g_autofree char *text = convergeFieldFormat(i, value);
            g_autoptr(convergePolicySpec) spec = convergePolicySpecNew();
            g_autoptr(GError) error = NULL;

            convergePolicySpecSetField(spec, info->name, text, &error);
            g_assert_no_error(error);
            roundTrip(spec);
            convergePolicySpecSetPreset(spec, "stepped", &error);
            g_assert_no_error(error);
            roundTrip(spec);
        }
    }
}

/* The XML is in the form that libvirt takes, and that it gives back. */
static void
testForm(void)
{
    g_autoptr(convergePolicySpec) spec =
        convergePolicySpecParse("adaptive,when=always,fallback=post-copy+suspend,max-throttle=80%", NULL);
    g_autofree char *xml = convergePolicySpecToXML(spec);

    g_assert_cmpstr(xml, ==,
                    "<policy preset=\"adaptive\" when=\"always\">\n"
                    "  <max-throttle>80</max-throttle>\n"
                    "  <fallback>post-copy+suspend</fallback>\n"
                    "</policy>\n");
}

/* libvirt's test driver takes what is written, and what it gives back can be read, even if the
 * domain has it with another prefix. */
static void
testLibvirt(void)
{
    static const char other[] = "<c:policy xmlns:c='" CONVERGE_POLICY_XML_NS "' preset='nova'>"
                                "<c:stall>3</c:stall></c:policy>";
    virConnectPtr conn = virConnectOpen("test:///default");
    virDomainPtr dom = conn ? virDomainLookupByName(conn, "test") : NULL;
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse("nova,stall=3", NULL);
    g_autofree char *written = convergePolicySpecToXML(spec);
    const char *const forms[] = { written, other };
    gsize i;

    if (!dom) {
        g_test_skip("libvirt has no test driver");
        if (conn)
            virConnectClose(conn);
        return;
    }

    for (i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(convergePolicySpec) again = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        char *xml = NULL;

        g_assert_cmpint(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, forms[i],
                                             CONVERGE_POLICY_XML_KEY, CONVERGE_POLICY_XML_NS, 0),
                        ==, 0);
        xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, CONVERGE_POLICY_XML_NS, 0);
        g_assert_nonnull(xml);
        again = convergePolicySpecFromXML(xml, &error);
        free(xml);
        g_assert_no_error(error);
        text = convergePolicySpecFormat(again);
        g_assert_cmpstr(text, ==, "nova,stall=3");
    }

    virDomainFree(dom);
    virConnectClose(conn);
}

/* --- Hostile input --- */

static void
assertRefused(const char *xml,
              const char *word)
{
    g_autoptr(GError) error = NULL;
    gint64 before = g_get_monotonic_time();
    g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(xml, &error);

    g_test_message("%s", error ? error->message : "taken");
    g_assert_null(spec);
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY);
    g_assert_nonnull(strstr(error->message, word));
    g_assert_nonnull(strstr(error->message, "allowed"));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 1024);
    g_assert_cmpint(g_get_monotonic_time() - before, <, 5 * G_USEC_PER_SEC);
}

/* Returns @before, then @unit @count times, then @after. */
static char *
repeat(const char *before,
       const char *unit,
       gsize count,
       const char *after)
{
    GString *text = g_string_new(before);

    while (count--)
        g_string_append(text, unit);
    g_string_append(text, after);
    return g_string_free(text, FALSE);
}

/* What is repeated -> what the message must contain */
static const struct {
    const char *before, *unit;
    gsize count;
    const char *after;
    const char *word;
} huge[] = {
    { "<policy><stall>", "3333333333", 1024 * 1024, "</stall></policy>", "65536 bytes" },
    { "<policy>", "<stall>", 100000, "", "65536 bytes" },
    { "<policy>", "<a>", 20000, "", "line 1" },
    { "<policy>", "<stall>", 5000, "", "line 1" },
    { "<policy>", "<!---->", 9000, "<x/></policy>", "'x'" },
    { "<policy><stall>", "3", 60000, "</stall></policy>", "too long" },
    { "<policy><", "s", 40000, "/></policy>", "too long" },
    { "<", "p", 40000, "/>", "too long" },
    { "<", "p", 60000, "/>", "line 1" },
    { "<policy ", "a", 40000, "=''/>", "too long" },
    { "<policy preset='", "a", 60000, "'/>", "too long" },
    { "<policy><max", "\xc3\xa9", 20000, "/></policy>", "too long" },
    { "<policy>", "text", 15000, "</policy>", "too long" },
    { "<policy>", "<![CDATA[]]>x", 4000, "</policy>", "allowed" },
    { "<policy><stall>", "&#51;", 10000, "</stall></policy>", "too long" },
    { "<policy><?", "p", 40000, "?></policy>", "too long" },
    { "<policy ", "xmlns:a='urn:a' ", 4000, "/>", "line 1" },
    { "<policy>", "<stall>3</stall>", 4000, "</policy>", "'stall'" },
    { "<!DOCTYPE policy [", "<!ENTITY a 'b'>", 4000, "]><policy/>", "DOCTYPE" },
    { "<policy xmlns='", "u", 60000, "'/>", "namespace" },
};

static void
testHuge(void)
{
    g_autofree char *prefix = repeat("", "p", 20000, "");
    g_autofree char *prefixed = g_strdup_printf("<policy xmlns:%s='urn:a' %s:a=''/>", prefix, prefix);
    gsize i;

    /* The prefix occurs in two places. */
    assertRefused(prefixed, "unknown attribute 'ppp");

    for (i = 0; i < G_N_ELEMENTS(huge); i++) {
        g_autofree char *xml = repeat(huge[i].before, huge[i].unit, huge[i].count, huge[i].after);

        assertRefused(xml, huge[i].word);
    }
}

/* Truncated XML is not well-formed, and a NUL truncates. */
static void
testCut(void)
{
    static const char whole[] = "<policy preset='nova'><stall>3</stall></policy>";
    g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(whole, NULL);
    gsize i;

    g_assert_nonnull(spec);
    for (i = 0; i < sizeof(whole) - 1; i++) {
        g_autofree char *cut = g_strndup(whole, i);

        assertRefused(cut, "line 1");
    }
}

/* Parses and formats, in several threads at once. */
static gpointer
parseOften(gpointer opaque G_GNUC_UNUSED)
{
    int i;

    for (i = 0; i < 200; i++) {
        g_autoptr(convergePolicySpec) good = convergePolicySpecFromXML("<policy preset='nova'/>", NULL);
        g_autoptr(convergePolicySpec) bad = convergePolicySpecFromXML("<policy preset='nova'>", NULL);
        g_autofree char *xml = convergePolicySpecToXML(good);

        g_assert_null(bad);
        g_assert_cmpstr(xml, ==, "<policy preset=\"nova\"/>\n");
    }
    return NULL;
}

static void
testThreads(void)
{
    GThread *threads[4];
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("parse", parseOften, NULL);
    for (i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

/* --- The schema --- */

static void
appendChoice(GString *out,
             const char *const *words)
{
    g_string_append(out, "          <choice>\n");
    for (; *words; words++)
        g_string_append_printf(out, "            <value>%s</value>\n", *words);
    g_string_append(out, "          </choice>\n");
}

static void
appendPattern(GString *out,
              const char *pattern)
{
    g_string_append_printf(out,
                           "            <data type=\"token\">\n"
                           "              <param name=\"pattern\">%s</param>\n"
                           "            </data>\n",
                           pattern);
}

static void
appendRange(GString *out,
            const convergeFieldInfo *info)
{
    g_string_append_printf(out,
                           "            <data type=\"unsignedInt\">\n"
                           "              <param name=\"minInclusive\">%" G_GINT64_FORMAT "</param>\n"
                           "              <param name=\"maxInclusive\">%" G_GINT64_FORMAT "</param>\n"
                           "            </data>\n",
                           info->min, info->max);
}

/* Appends what a field may hold, as far as a schema can express it. */
static void
appendContent(GString *out,
              const convergeFieldInfo *info)
{
    g_autofree char *words = NULL;
    g_autofree char *ladder = NULL;

    if (info->type == CONVERGE_TYPE_ENUM) {
        appendChoice(out, info->words);
        return;
    }

    g_string_append(out, "          <choice>\n");
    switch (info->type) {
    case CONVERGE_TYPE_PERCENT:
        appendRange(out, info);
        appendPattern(out, "[0-9]{1,12}%");
        break;
    case CONVERGE_TYPE_DURATION:
    case CONVERGE_TYPE_BUDGET:
        appendPattern(out, "[0-9]{1,12}(ms|s|min|h)");
        break;
    case CONVERGE_TYPE_SCALED:
        appendPattern(out, "[0-9]{1,12}(ms|s|min|h)(/GiB)?");
        break;
    case CONVERGE_TYPE_COUNT:
        appendRange(out, info);
        break;
    case CONVERGE_TYPE_LADDER:
        words = g_strjoinv("|", (char **)info->words);
        ladder = g_strdup_printf("(%s)(\\+(%s)){0,%d}", words, words, CONVERGE_RUNGS_MAX - 1);
        appendPattern(out, ladder);
        break;
    case CONVERGE_TYPE_ENUM:
    case CONVERGE_TYPE_LAST:
    default:
        g_assert_not_reached();
    }
    if (info->type == CONVERGE_TYPE_BUDGET ||
        (info->type != CONVERGE_TYPE_LADDER && info->type != CONVERGE_TYPE_PERCENT && info->min == 0))
        g_string_append(out, "            <value>none</value>\n");
    g_string_append(out, "          </choice>\n");
}

static void
appendField(GString *out,
            const convergeFieldInfo *info,
            const char *tag)
{
    g_autofree char *help = g_markup_escape_text(info->help, -1);

    g_string_append_printf(out,
                           "      <optional>\n"
                           "        <%s name=\"%s\">\n"
                           "          <a:documentation>%s</a:documentation>\n",
                           tag, info->name, help);
    appendContent(out, info);
    g_string_append_printf(out, "        </%s>\n      </optional>\n", tag);
}

static char *
makeSchema(void)
{
    GString *out = g_string_new("<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n"
                                "<!-- The policy of a domain, an element below its <metadata>.  Generated from the field\n"
                                "     table, see policyxmltest.c; the parser checks the ranges of durations. -->\n"
                                "<grammar ns=\"" CONVERGE_POLICY_XML_NS "\"\n"
                                "         xmlns=\"http://relaxng.org/ns/structure/1.0\"\n"
                                "         xmlns:a=\"http://relaxng.org/ns/compatibility/annotations/1.0\"\n"
                                "         datatypeLibrary=\"http://www.w3.org/2001/XMLSchema-datatypes\">\n"
                                "  <start>\n"
                                "    <element name=\"policy\">\n"
                                "      <optional>\n"
                                "        <attribute name=\"preset\">\n"
                                "          <data type=\"string\">\n"
                                "            <param name=\"pattern\">[a-zA-Z0-9_.\\-]+</param>\n"
                                "          </data>\n"
                                "        </attribute>\n"
                                "      </optional>\n");
    gsize i;

    appendField(out, &convergeFields[CONVERGE_FIELD_WHEN], "attribute");
    g_string_append(out, "      <interleave>\n");
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (i != CONVERGE_FIELD_WHEN)
            appendField(out, &convergeFields[i], "element");
    }
    g_string_append(out, "      </interleave>\n    </element>\n  </start>\n</grammar>\n");
    return g_string_free(out, FALSE);
}

static void
testSchema(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "..", "data",
                                                  "converge-policy.rng", NULL);
    g_autofree char *expected = makeSchema();
    g_autofree char *schema = NULL;
    g_autoptr(GError) error = NULL;

    if (g_getenv("VIR_TEST_REGENERATE_OUTPUT"))
        g_file_set_contents(path, expected, -1, NULL);
    g_file_get_contents(path, &schema, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(schema, ==, expected);
}

/* libxml2 must print nothing. */
static void G_GNUC_PRINTF(2, 3)
    genericError(void *opaque G_GNUC_UNUSED,
                 const char *format,
                 ...)
{
    g_error("libxml2 printed '%s'", format);
}

/* What is allowed is allowed to the last character: a longer word is refused for its length, one
 * as long as that for what it is. */
static void
testLengthLimitIsExact(void)
{
    static const char *const rows[] = {
        "<policy><%s/></policy>",
        "<policy %s=''/>",
        "<policy preset='%s'/>",
        "<policy><stall>%s</stall></policy>",
    };
    gsize i, length;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (length = 128; length <= 129; length++) {
            g_autofree char *word = g_strnfill(length, 'a');
            g_autofree char *xml = g_strdup_printf(rows[i], word);
            g_autoptr(GError) error = NULL;
            g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(xml, &error);

            g_assert_null(spec);
            g_assert_cmpint(strstr(error->message, "too long") != NULL, ==, length > 128);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    xmlSetGenericErrorFunc(NULL, genericError);
    g_test_add_func("/policyxml/presets", testPresets);
    g_test_add_func("/policyxml/fields", testFields);
    g_test_add_func("/policyxml/form", testForm);
    g_test_add_func("/policyxml/libvirt", testLibvirt);
    g_test_add_func("/policyxml/huge", testHuge);
    g_test_add_func("/policyxml/cut", testCut);
    g_test_add_func("/policyxml/threads", testThreads);
    g_test_add_func("/policyxml/schema", testSchema);
    g_test_add_func("/policyxml/length-limit-is-exact", testLengthLimitIsExact);
    return g_test_run();
}
