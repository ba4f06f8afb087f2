/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policydatatest.c: every policy in policydata/, in its own form and in the others
 *
 * Files whose name ends in -invalid must be refused, with a message that contains what follows
 * "refused: " in the file, and tells what is allowed.  All others must be accepted, XML also by
 * the schema.  invalid.txt holds policies as text that must be refused.
 */
#include <libxml/relaxng.h>
#include <string.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_xml.h"

/* If there are fewer, files are missing. */
#define INVALID_MIN 200

static char *
readData(const char *name,
         gsize *length)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "policydata", name, NULL);
    g_autoptr(GError) error = NULL;
    char *data = NULL;

    g_file_get_contents(path, &data, length, &error);
    g_assert_no_error(error);
    return data;
}

/* The files of policydata/ whose name ends in @suffix. */
static GPtrArray *
listData(const char *suffix,
         gboolean invalid)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "policydata", NULL);
    g_autofree char *ending = g_strconcat("-invalid", suffix, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, suffix) && g_str_has_suffix(name, ending) == invalid)
            g_ptr_array_add(names, g_strdup(name));
    }
    g_assert_cmpuint(names->len, >, 0);
    return names;
}

/* Resolves one policy, alone in its layer, as a migration does. */
static gboolean
resolve(const convergePolicySpec *spec,
        convergeLayer layer,
        GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
    g_autoptr(convergePolicy) policy = NULL;

    if (!spec)
        return FALSE;
    layers[layer] = spec;
    policy = convergePolicyResolve(layers, NULL, error);
    return policy != NULL;
}

static gboolean
takeText(const char *text,
         GError **error)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, error);

    return resolve(spec, CONVERGE_LAYER_CALL, error);
}

static gboolean
takeXML(const char *xml,
        GError **error)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(xml, error);

    return resolve(spec, CONVERGE_LAYER_DOMAIN, error);
}

static gboolean
takeConf(const char *text,
         gsize length,
         const char *path,
         GError **error)
{
    g_autoptr(convergePolicyConf) conf = convergePolicyConfParse(text, length, path, error);

    return conf != NULL;
}

/* @word: what is wrong, or NULL if the message cannot quote it */
static void
assertRefused(gboolean taken,
              GError *const *where,
              convergeErrorCode code,
              const char *what,
              const char *word)
{
    const GError *error = *where;

    g_test_message("%s: %s", what, error ? error->message : "taken");
    g_assert_false(taken);
    g_assert_error(error, CONVERGE_ERROR, (int)code);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 1024);
    g_assert_false(g_str_has_suffix(error->message, "."));
    if (word)
        g_assert_nonnull(strstr(error->message, word));

    /* The message tells what is allowed: a list, the form, or the field that bounds the other. */
    g_assert_true(strstr(error->message, "allowed") || strstr(error->message, "FIELD=VALUE") ||
                  strstr(error->message, ", above '"));
}

/* The text after "refused: ", up to the end of the line or comment. */
static char *
refusedWord(const char *data,
            gsize length)
{
    const char *start = g_strstr_len(data, length, "refused: ");
    g_auto(GStrv) parts = NULL;

    if (!start)
        return NULL;
    start += strlen("refused: ");
    parts = g_strsplit_set(start, "\n", 2);
    if (g_str_has_suffix(parts[0], " -->"))
        parts[0][strlen(parts[0]) - strlen(" -->")] = '\0';
    return g_strdup(parts[0]);
}

/* "PRESET,FIELD=VALUE" in the two other forms, which ignore blanks around a value. */
static void
testOtherForms(const char *text,
               const char *word)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_auto(GStrv) field = NULL;
    g_autofree char *xml = NULL;
    g_autofree char *conf = NULL;
    g_autoptr(GError) badXML = NULL;
    g_autoptr(GError) badConf = NULL;

    if (g_strv_length(parts) != 2 || strpbrk(text, " <>é"))
        return;
    field = g_strsplit(parts[1], "=", 2);
    if (g_strv_length(field) != 2 || !*field[0] || g_str_equal(field[0], "preset") ||
        !g_ascii_isalpha(*field[0]) || !*parts[0])
        return;

    xml = g_markup_printf_escaped("<policy preset=\"%s\"><%s>%s</%s></policy>",
                                  parts[0], field[0], field[1], field[0]);
    conf = g_strdup_printf("[default]\npreset=%s\n%s=%s\n", parts[0], field[0], field[1]);

    /* In XML the preset is an attribute; as an element it is refused as well. */
    assertRefused(takeXML(xml, &badXML), &badXML, CONVERGE_ERROR_POLICY, xml, word);
    assertRefused(takeConf(conf, strlen(conf), "host.conf", &badConf), &badConf, CONVERGE_ERROR_HOST,
                  conf, word);
}

static void
testInvalidText(void)
{
    gsize length;
    g_autofree char *data = readData("invalid.txt", &length);
    g_auto(GStrv) lines = g_strsplit(data, "\n", -1);
    g_autoptr(GPtrArray) xml = listData(".xml", TRUE);
    g_autoptr(GPtrArray) conf = listData(".conf", TRUE);
    gsize rows = 0;
    gsize i;

    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) row = g_strsplit(lines[i], "\t", 2);
        g_autoptr(GError) error = NULL;

        if (!*lines[i] || *lines[i] == '#')
            continue;
        rows++;
        g_assert_cmpuint(g_strv_length(row), ==, 2);
        assertRefused(takeText(row[0], &error), &error, CONVERGE_ERROR_POLICY, row[0], row[1]);
        testOtherForms(row[0], row[1]);
    }
    g_assert_cmpuint(rows + xml->len + conf->len, >=, INVALID_MIN);
}

static void
testInvalidXML(void)
{
    g_autoptr(GPtrArray) names = listData(".xml", TRUE);
    gsize i;

    for (i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        gsize length;
        g_autofree char *data = readData(name, &length);
        g_autofree char *word = refusedWord(data, length);
        g_autoptr(GError) error = NULL;

        assertRefused(takeXML(data, &error), &error, CONVERGE_ERROR_POLICY, name, word);
    }
}

static void
testInvalidConf(void)
{
    g_autoptr(GPtrArray) names = listData(".conf", TRUE);
    gsize i;

    for (i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        gsize length;
        g_autofree char *data = readData(name, &length);
        g_autofree char *word = refusedWord(data, length);
        g_autoptr(GError) error = NULL;

        g_assert_nonnull(word);
        assertRefused(takeConf(data, length, name, &error), &error, CONVERGE_ERROR_HOST, name, word);
        g_assert_true(g_str_has_prefix(error->message, name));
    }
}

static void
testGoodConf(void)
{
    g_autoptr(GPtrArray) names = listData(".conf", FALSE);
    gsize i;

    for (i = 0; i < names->len; i++) {
        gsize length;
        g_autofree char *data = readData(names->pdata[i], &length);
        g_autoptr(GError) error = NULL;

        g_assert_true(takeConf(data, length, names->pdata[i], &error));
        g_assert_no_error(error);
    }
}

/* The parser, a round trip, and the schema, before and after it. */
static void
testGoodXML(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "..", "data",
                                                  "converge-policy.rng", NULL);
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(path);
    xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
    g_autoptr(GPtrArray) names = listData(".xml", FALSE);
    gsize i;
    int j;

    g_assert_nonnull(schema);

    for (i = 0; i < names->len; i++) {
        gsize length;
        g_autofree char *data = readData(names->pdata[i], &length);
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePolicySpec) spec = convergePolicySpecFromXML(data, &error);
        g_autofree char *bare = NULL;
        g_autofree char *written = NULL;
        g_autoptr(convergePolicySpec) again = NULL;
        g_autofree char *text = NULL;
        g_autofree char *textAgain = NULL;
        const char *forms[2] = { data, NULL };

        g_test_message("%s", (const char *)names->pdata[i]);
        g_assert_no_error(error);
        bare = convergePolicySpecToXML(spec);
        g_assert_true(g_str_has_prefix(bare, "<policy"));
        again = convergePolicySpecFromXML(bare, &error);
        g_assert_no_error(error);

        text = convergePolicySpecFormat(spec);
        textAgain = convergePolicySpecFormat(again);
        g_assert_cmpstr(text, ==, textAgain);

        written = g_strdup_printf("<policy xmlns=\"%s\"%s", CONVERGE_POLICY_XML_NS,
                                  bare + strlen("<policy"));
        forms[1] = written;

        for (j = 0; j < 2; j++) {
            xmlDocPtr doc = xmlReadDoc((const xmlChar *)forms[j], NULL, NULL, XML_PARSE_NONET);
            xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(schema);

            g_assert_nonnull(doc);
            g_assert_cmpint(xmlRelaxNGValidateDoc(valid, doc), ==, 0);
            xmlRelaxNGFreeValidCtxt(valid);
            xmlFreeDoc(doc);
        }
    }

    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policydata/invalid-text", testInvalidText);
    g_test_add_func("/policydata/invalid-xml", testInvalidXML);
    g_test_add_func("/policydata/invalid-conf", testInvalidConf);
    g_test_add_func("/policydata/good-xml", testGoodXML);
    g_test_add_func("/policydata/good-conf", testGoodConf);
    return g_test_run();
}
