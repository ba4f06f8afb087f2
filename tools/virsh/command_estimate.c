/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_estimate.c: passes the options of converge-estimate to the shim
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "estimate/measure.h"
#include "util/error.h"

#include "command_estimate.h"
#include "command_local.h"
#include "command_table.h"

#define SEPARATOR "|"

/* Options with a number, and their ranges. */
static const struct {
    const char *name;
    unsigned long long least, most;
} numbers[] = {
    { VIRSH_ESTIMATE_BANDWIDTH, 1, VIRSH_ESTIMATE_BANDWIDTH_MOST },
    { VIRSH_ESTIMATE_SECONDS, CONVERGE_MEASURE_LEAST, CONVERGE_MEASURE_MOST },
};

static const char *const booleans[] = {
    VIRSH_ESTIMATE_TLS,
    VIRSH_ESTIMATE_EXACT,
    VIRSH_ESTIMATE_JSON,
    VIRSH_ESTIMATE_VERBOSE,
};

char *
virshConvergeEstimateFormat(GHashTable *args,
                            GError **error)
{
    g_autoptr(GString) words = g_string_new(NULL);
    g_auto(GStrv) policies = NULL;
    const char *value;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!virshConvergeArgsCheckNumber(args, numbers[i].name, numbers[i].least, numbers[i].most, error))
            return NULL;
        if ((value = g_hash_table_lookup(args, numbers[i].name)))
            g_string_append_printf(words, "%s=%s" SEPARATOR, numbers[i].name, value);
    }

    for (i = 0; i < G_N_ELEMENTS(booleans); i++) {
        if (g_hash_table_contains(args, booleans[i]))
            g_string_append_printf(words, "%s" SEPARATOR, booleans[i]);
    }

    value = g_hash_table_lookup(args, VIRSH_ESTIMATE_POLICY);
    policies = g_strsplit(value ? value : "", VIRSH_ARGV_SEPARATOR, -1);
    for (i = 0; policies[i]; i++) {
        /* The simulation runs on this machine, which must therefore know the policy. */
        if (!*policies[i]) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("Failed to get option '%1$s': Option argument is empty"),
                        VIRSH_ESTIMATE_POLICY);
            return NULL;
        }
        if (!virshConvergePolicyCheck(policies[i], error))
            return NULL;
        g_string_append_printf(words, "%s=%s" SEPARATOR, VIRSH_ESTIMATE_POLICY, policies[i]);
    }

    return g_string_free(g_steal_pointer(&words), FALSE);
}

void
virshConvergeEstimateParse(const char *words,
                           virshEstimateOptions *options)
{
    g_auto(GStrv) parts = g_strsplit(words ? words : "", SEPARATOR, -1);
    g_autoptr(GStrvBuilder) policies = g_strv_builder_new();
    gsize i;

    *options = (virshEstimateOptions) { 0 };

    for (i = 0; parts[i]; i++) {
        const char *equals = strchr(parts[i], '=');
        const char *value = equals ? equals + 1 : "";
        size_t length = equals ? (size_t)(equals - parts[i]) : strlen(parts[i]);
        g_autofree char *name = g_strndup(parts[i], length);

        options->tls |= g_str_equal(name, VIRSH_ESTIMATE_TLS);
        options->exact |= g_str_equal(name, VIRSH_ESTIMATE_EXACT);
        options->json |= g_str_equal(name, VIRSH_ESTIMATE_JSON);
        options->verbose |= g_str_equal(name, VIRSH_ESTIMATE_VERBOSE);
        if (g_str_equal(name, VIRSH_ESTIMATE_BANDWIDTH))
            options->bandwidth = g_ascii_strtoull(value, NULL, 10);
        else if (g_str_equal(name, VIRSH_ESTIMATE_SECONDS))
            options->seconds = (unsigned int)g_ascii_strtoull(value, NULL, 10);
        else if (g_str_equal(name, VIRSH_ESTIMATE_POLICY))
            g_strv_builder_add(policies, value);
    }

    options->policies = g_strv_builder_end(policies);
}
