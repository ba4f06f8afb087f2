/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command_evacuate.c: passes the options of converge-evacuate to the shim
 */
#include <glib/gi18n-lib.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "estimate/measure.h"
#include "policy/policy_fields.h"
#include "util/error.h"

#include "command_estimate.h"
#include "command_evacuate.h"
#include "command_local.h"
#include "command_table.h"

const virshEvacuateFlag virshEvacuateFlags[] = {
    { "p2p", VIR_MIGRATE_PEER2PEER },
    { "tunnelled", VIR_MIGRATE_TUNNELLED },
    { "tls", VIR_MIGRATE_TLS },
    { "persistent", VIR_MIGRATE_PERSIST_DEST },
    { "undefinesource", VIR_MIGRATE_UNDEFINE_SOURCE },
    { "unsafe", VIR_MIGRATE_UNSAFE },
    { "copy-storage-all", VIR_MIGRATE_NON_SHARED_DISK },
    { "copy-storage-inc", VIR_MIGRATE_NON_SHARED_INC },
    { "postcopy", VIR_MIGRATE_POSTCOPY },
    { "abort-on-error", VIR_MIGRATE_ABORT_ON_ERROR },
    { 0 },
};

/* Options with a number, and their ranges. */
static const struct {
    const char *name;
    unsigned long long least, most;
} numbers[] = {
    { VIRSH_EVACUATE_PARALLEL, 1, VIRSH_EVACUATE_PARALLEL_MOST },
    { VIRSH_EVACUATE_LINK, 1, VIRSH_ESTIMATE_BANDWIDTH_MOST },
    { VIRSH_EVACUATE_BANDWIDTH, 1, VIRSH_ESTIMATE_BANDWIDTH_MOST },
    { VIRSH_EVACUATE_CONNECTIONS, 1, 255 },
    { VIRSH_EVACUATE_SECONDS, CONVERGE_MEASURE_LEAST, CONVERGE_MEASURE_MOST },
};

/* The values of an option that may be repeated; empty: none. */
static char **
valuesOf(GHashTable *args,
         const char *name)
{
    const char *values = g_hash_table_lookup(args, name);

    return g_strsplit(values ? values : "", VIRSH_ARGV_SEPARATOR, -1);
}

/* The number behind the last '=' of a rule, and its pattern. */
static gboolean
parseRule(const char *rule,
          char **pattern,
          gint64 *priority)
{
    const char *equals = strrchr(rule, '=');
    gint64 value;

    if (!equals || equals == rule || !convergeFieldParse(CONVERGE_FIELD_PRIORITY, equals + 1, &value, NULL))
        return FALSE;

    *pattern = g_strndup(rule, equals - rule);
    *priority = value;
    return TRUE;
}

static gboolean
checkPatterns(GHashTable *args,
              GError **error)
{
    static const char *const names[] = { VIRSH_EVACUATE_MATCH, VIRSH_EVACUATE_EXCLUDE };
    g_auto(GStrv) rules = valuesOf(args, VIRSH_EVACUATE_PRIORITY);
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_auto(GStrv) patterns = valuesOf(args, names[i]);

        for (j = 0; patterns[j]; j++) {
            if (*patterns[j] && g_utf8_validate(patterns[j], -1, NULL))
                continue;
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("the pattern of option --%1$s is empty or not UTF-8; allowed: a name, in which '*' stands for any text and '?' for one character"),
                        names[i]);
            return FALSE;
        }
    }
    for (j = 0; rules[j]; j++) {
        g_autofree char *pattern = NULL;
        gint64 priority;

        if (parseRule(rules[j], &pattern, &priority) && g_utf8_validate(pattern, -1, NULL))
            continue;
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("invalid value '%1$s' of option --%2$s; allowed: PATTERN=N with a whole number, %3$d..%4$d"),
                    rules[j], VIRSH_EVACUATE_PRIORITY, (int)convergeFields[CONVERGE_FIELD_PRIORITY].min,
                    (int)convergeFields[CONVERGE_FIELD_PRIORITY].max);
        return FALSE;
    }
    return TRUE;
}

/* ms; 0: @text is no time.  A time for each GiB is negative. */
static gint64
parseDeadline(const char *text)
{
    gint64 ms;

    return text && convergeFieldParse(CONVERGE_FIELD_DEADLINE, text, &ms, NULL) && ms > 0 ? ms : 0;
}

static gboolean
checkDestinations(GHashTable *args,
                  GError **error)
{
    g_auto(GStrv) destinations = valuesOf(args, VIRSH_EVACUATE_DESTURI);
    gsize n = g_strv_length(destinations);
    gsize i;

    if (n == 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, _("command '%1$s' requires <%2$s> option"),
                    "converge-evacuate", VIRSH_EVACUATE_DESTURI);
        return FALSE;
    }
    for (i = 0; i < n; i++) {
        if (g_strv_contains((const char *const *)destinations + i + 1, destinations[i])) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                        _("the destination '%1$s' is given twice; allowed: once"), destinations[i]);
            return FALSE;
        }
    }
    if (n > 1 && g_hash_table_contains(args, VIRSH_EVACUATE_MIGRATEURI)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("option --%1$s is about one destination, and there are %2$u"),
                    VIRSH_EVACUATE_MIGRATEURI, (unsigned int)n);
        return FALSE;
    }
    return TRUE;
}

static gboolean
checkTogether(GHashTable *args,
              GError **error)
{
    if (g_hash_table_contains(args, "tunnelled") && !g_hash_table_contains(args, "p2p")) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY, _("option --%1$s is required by option --%2$s"),
                    "p2p", "tunnelled");
        return FALSE;
    }
    /* Nobody can be asked while the output is for a program. */
    if (g_hash_table_contains(args, VIRSH_EVACUATE_JSON) && !g_hash_table_contains(args, VIRSH_EVACUATE_DRY_RUN) &&
        !g_hash_table_contains(args, VIRSH_EVACUATE_YES)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("option --%1$s asks no question; allowed: with --%2$s or --%3$s"), VIRSH_EVACUATE_JSON,
                    VIRSH_EVACUATE_DRY_RUN, VIRSH_EVACUATE_YES);
        return FALSE;
    }
    return TRUE;
}

char *
virshConvergeEvacuateFormat(GHashTable *args,
                            GError **error)
{
    const char *policy = g_hash_table_lookup(args, VIRSH_EVACUATE_POLICY);
    const char *deadline = g_hash_table_lookup(args, VIRSH_EVACUATE_DEADLINE);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!virshConvergeArgsCheckNumber(args, numbers[i].name, numbers[i].least, numbers[i].most, error))
            return NULL;
    }
    if (deadline && parseDeadline(deadline) == 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("invalid value '%1$s' of option --%2$s; allowed: a time such as 90s, 10min or 2h"), deadline,
                    VIRSH_EVACUATE_DEADLINE);
        return NULL;
    }
    /* The forecast is made on this machine, which must therefore know the policy. */
    if ((policy && !virshConvergePolicyCheck(policy, error)) || !checkPatterns(args, error) ||
        !checkDestinations(args, error) || !checkTogether(args, error))
        return NULL;
    return virshConvergeArgsFormat(args);
}

static guint64
numberOf(GHashTable *args,
         const char *name)
{
    const char *value = g_hash_table_lookup(args, name);

    return value ? g_ascii_strtoull(value, NULL, 10) : 0;
}

void
virshConvergeEvacuateParse(const char *words,
                           virshEvacuateOptions *options)
{
    g_autoptr(GHashTable) args = virshConvergeArgsRead(words);
    const virshEvacuateFlag *flag;

    *options = (virshEvacuateOptions) {
        .destinations = valuesOf(args, VIRSH_EVACUATE_DESTURI),
        .match = valuesOf(args, VIRSH_EVACUATE_MATCH),
        .exclude = valuesOf(args, VIRSH_EVACUATE_EXCLUDE),
        .priority = valuesOf(args, VIRSH_EVACUATE_PRIORITY),
        .policy = g_strdup(g_hash_table_lookup(args, VIRSH_EVACUATE_POLICY)),
        .migrateURI = g_strdup(g_hash_table_lookup(args, VIRSH_EVACUATE_MIGRATEURI)),
        .deadlineMs = parseDeadline(g_hash_table_lookup(args, VIRSH_EVACUATE_DEADLINE)),
        .link = numberOf(args, VIRSH_EVACUATE_LINK),
        .bandwidth = numberOf(args, VIRSH_EVACUATE_BANDWIDTH),
        .parallel = (unsigned int)numberOf(args, VIRSH_EVACUATE_PARALLEL),
        .connections = (unsigned int)numberOf(args, VIRSH_EVACUATE_CONNECTIONS),
        .seconds = (unsigned int)numberOf(args, VIRSH_EVACUATE_SECONDS),
        .dryRun = g_hash_table_contains(args, VIRSH_EVACUATE_DRY_RUN),
        .yes = g_hash_table_contains(args, VIRSH_EVACUATE_YES),
        .json = g_hash_table_contains(args, VIRSH_EVACUATE_JSON),
    };
    for (flag = virshEvacuateFlags; flag->name; flag++) {
        if (g_hash_table_contains(args, flag->name))
            options->flags |= flag->flag;
    }
    if (options->connections > 0)
        options->flags |= VIR_MIGRATE_PARALLEL;
}

void
virshEvacuateOptionsClear(virshEvacuateOptions *options)
{
    g_clear_pointer(&options->destinations, g_strfreev);
    g_clear_pointer(&options->match, g_strfreev);
    g_clear_pointer(&options->exclude, g_strfreev);
    g_clear_pointer(&options->priority, g_strfreev);
    g_clear_pointer(&options->policy, g_free);
    g_clear_pointer(&options->migrateURI, g_free);
}

gboolean
virshEvacuateMatches(char *const *patterns,
                     const char *name)
{
    for (; *patterns; patterns++) {
        if (g_pattern_match_simple(*patterns, name))
            return TRUE;
    }
    return FALSE;
}

int
virshEvacuatePriority(char *const *rules,
                      const char *name)
{
    gint64 last = 0;

    for (; *rules; rules++) {
        g_autofree char *pattern = NULL;
        gint64 priority;

        if (parseRule(*rules, &pattern, &priority) && g_pattern_match_simple(pattern, name))
            last = priority;
    }
    return (int)last;
}
