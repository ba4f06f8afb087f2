/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-conf.c: what is taken as a host's configuration reads the same once written;
 * what is refused says why, briefly
 */
#include <string.h>

#include "fuzz.h"
#include "policy/policy_conf.h"
#include "policy/policy_fields.h"

static void
writeGroup(GString *out,
           const char *group,
           const convergePolicySpec *spec)
{
    const char *preset = convergePolicySpecGetPreset(spec);
    gsize i;

    g_string_append_printf(out, "[%s]\n", group);
    if (preset)
        g_string_append_printf(out, "preset = %s\n", preset);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        g_autofree char *value = NULL;

        if (!convergePolicySpecHas(spec, i))
            continue;
        value = convergeFieldFormat(i, convergePolicySpecGet(spec, i));
        g_string_append_printf(out, "%s = %s\n", convergeFields[i].name, value);
    }
}

static char *
writeConf(const convergePolicyConf *conf)
{
    GHashTable *sites = convergePolicyConfGetSites(conf);
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(sites), (GCompareFunc)strcmp);
    GString *out = g_string_new(NULL);
    GList *each;

    writeGroup(out, "default", convergePolicyConfGetDefault(conf));
    for (each = names; each; each = each->next) {
        g_autofree char *group = g_strconcat("policy ", (const char *)each->data, NULL);

        writeGroup(out, group, g_hash_table_lookup(sites, each->data));
    }
    return g_string_free(out, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicyConf) conf = convergePolicyConfParse((const char *)data, size, "fuzz", &error);
    g_autoptr(convergePolicyConf) again = NULL;
    g_autofree char *written = NULL;
    g_autofree char *writtenAgain = NULL;

    g_assert_true((conf == NULL) == (error != NULL));
    if (!conf) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }

    written = writeConf(conf);
    again = convergePolicyConfParse(written, strlen(written), "fuzz", &error);
    g_assert_no_error(error);
    writtenAgain = writeConf(again);
    g_assert_cmpstr(written, ==, writtenAgain);
    return 0;
}
