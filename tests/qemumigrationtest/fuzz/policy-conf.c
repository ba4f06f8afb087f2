/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-conf.c: a valid host configuration survives a round trip, and keeps a domain that
 * asks for everything within its limits; an invalid one is refused with a short reason
 */
#include <string.h>

#include "fuzz.h"
#include "policy/policy_conf.h"
#include "policy/policy_fields.h"
#include "policy/policy_limits.h"

static void
writeGroup(GString *out,
           const char *group,
           const convergePolicySpec *spec)
{
    const char *preset = convergePolicySpecGetPreset(spec);
    g_autoptr(GString) locks = g_string_new(NULL);
    gsize i;

    g_string_append_printf(out, "[%s]\n", group);
    if (preset)
        g_string_append_printf(out, "preset = %s\n", preset);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (convergePolicySpecLocks(spec, i))
            g_string_append_printf(locks, " %s", convergeFields[i].name);
    }
    if (locks->len)
        g_string_append_printf(out, "lock =%s\n", locks->str);
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
    GHashTable *sites = convergePolicyConfGetHost(conf)->sites;
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(sites), (GCompareFunc)strcmp);
    GString *out = g_string_new(NULL);
    GList *each;

    writeGroup(out, "default", convergePolicyConfGetDefault(conf));
    writeGroup(out, "limits", convergePolicyConfGetHost(conf)->limits[CONVERGE_LIMITS_ALL]);
    writeGroup(out, "domain-limits", convergePolicyConfGetHost(conf)->limits[CONVERGE_LIMITS_DOMAIN]);
    for (each = names; each; each = each->next) {
        g_autofree char *group = g_strconcat("policy ", (const char *)each->data, NULL);

        writeGroup(out, group, g_hash_table_lookup(sites, each->data));
    }
    return g_string_free(out, FALSE);
}

/* Whatever a domain asks for, it is limited, not refused. */
static void
limitDomain(const convergePolicyConf *conf)
{
    const convergePolicyHost *host = convergePolicyConfGetHost(conf);
    g_autoptr(GError) error = NULL;
    g_autoptr(convergePolicySpec) domain =
        convergePolicySpecParse("adaptive,max-throttle=99,max-downtime=2000s,"
                                "fallback=abort+suspend+post-copy,when=always",
                                &error);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = convergePolicyConfGetDefault(conf),
        [CONVERGE_LAYER_DOMAIN] = domain,
    };
    g_autoptr(convergePolicy) policy = convergePolicyResolve(layers, host, &error);
    gboolean locks = FALSE;
    gsize i;
    int group;

    g_assert_no_error(error);
    for (i = 0; i < CONVERGE_FIELD_LAST; i++)
        locks |= convergePolicyIsLocked(policy, i);
    for (i = 0; i < convergeLimitCount; i++) {
        const convergeLimit *row = &convergeLimitRows[i];
        gint64 value = convergePolicyGet(policy, row->field);

        /* What the host locks is the host's, and so is what follows from it. */
        if (locks)
            break;
        for (group = 0; group < CONVERGE_LIMITS_LAST; group++) {
            gint64 limit = 0;

            g_assert_true(convergeLimitGet(row, group, host, &limit, NULL));
            g_assert_cmpint(row->within(value, limit), ==, value);
        }
    }
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

    limitDomain(conf);
    written = writeConf(conf);
    again = convergePolicyConfParse(written, strlen(written), "fuzz", &error);
    g_assert_no_error(error);
    writtenAgain = writeConf(again);
    g_assert_cmpstr(written, ==, writtenAgain);
    return 0;
}
