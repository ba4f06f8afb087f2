/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_fields.c: one row per field that a policy may state
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "policy/policy_fields.h"

static const char *const throttleWords[] = { "none", "stepped", "adaptive" };
static const char *const downtimeWords[] = { "fixed", "adaptive" };
static const char *const outsideWords[] = { "ceiling", "ignore" };

G_STATIC_ASSERT(G_N_ELEMENTS(throttleWords) == CONVERGE_THROTTLE_LAST);
G_STATIC_ASSERT(G_N_ELEMENTS(downtimeWords) == CONVERGE_DOWNTIME_LAST);
G_STATIC_ASSERT(G_N_ELEMENTS(outsideWords) == CONVERGE_OUTSIDE_LAST);

/* QEMU accepts 1..99 % for its throttle parameters and up to 2,000,000 ms for
 * downtime-limit (qapi/migration.json). */
#define THROTTLE_MIN 1
#define THROTTLE_MAX 99
#define DOWNTIME_MIN 1
#define DOWNTIME_MAX 2000000

const convergeFieldInfo convergeFields[CONVERGE_FIELD_LAST] = {
    [CONVERGE_FIELD_THROTTLE] = {
        "throttle", CONVERGE_TYPE_ENUM, 0, CONVERGE_THROTTLE_LAST - 1, throttleWords,
        N_("how the vCPUs are slowed down"),
    },
    [CONVERGE_FIELD_INITIAL_THROTTLE] = {
        "initial-throttle", CONVERGE_TYPE_PERCENT, THROTTLE_MIN, THROTTLE_MAX, NULL,
        N_("first throttle of the stepped law"),
    },
    [CONVERGE_FIELD_THROTTLE_INCREMENT] = {
        "throttle-increment", CONVERGE_TYPE_PERCENT, THROTTLE_MIN, THROTTLE_MAX, NULL,
        N_("further steps of the stepped law"),
    },
    [CONVERGE_FIELD_MAX_THROTTLE] = {
        "max-throttle", CONVERGE_TYPE_PERCENT, THROTTLE_MIN, THROTTLE_MAX, NULL,
        N_("throttle that is never exceeded"),
    },
    [CONVERGE_FIELD_DOWNTIME] = {
        "downtime", CONVERGE_TYPE_ENUM, 0, CONVERGE_DOWNTIME_LAST - 1, downtimeWords,
        N_("how the allowed pause is chosen"),
    },
    [CONVERGE_FIELD_INITIAL_DOWNTIME] = {
        "initial-downtime", CONVERGE_TYPE_DURATION, DOWNTIME_MIN, DOWNTIME_MAX, NULL,
        N_("allowed pause at the start"),
    },
    [CONVERGE_FIELD_MAX_DOWNTIME] = {
        "max-downtime", CONVERGE_TYPE_DURATION, DOWNTIME_MIN, DOWNTIME_MAX, NULL,
        N_("allowed pause that is never exceeded"),
    },
    [CONVERGE_FIELD_OUTSIDE_DOWNTIME] = {
        "outside-downtime", CONVERGE_TYPE_ENUM, 0, CONVERGE_OUTSIDE_LAST - 1, outsideWords,
        N_("what an allowed pause set by somebody else during the migration means"),
    },
};

/* Longest first, so that "ms" is not taken for "s". */
static const struct {
    const char *suffix;
    gint64 ms;
} durationUnits[] = {
    { "min", 60 * 1000 },
    { "ms", 1 },
    { "h", 60 * 60 * 1000 },
    { "s", 1000 },
};

/* Longest first: the largest unit that leaves no remainder is printed. */
static const struct {
    const char *suffix;
    gint64 ms;
} printedUnits[] = {
    { "h", 60 * 60 * 1000 },
    { "min", 60 * 1000 },
    { "s", 1000 },
    { "ms", 1 },
};

static char *
formatDuration(gint64 ms)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(printedUnits) - 1; i++) {
        if (ms >= printedUnits[i].ms && ms % printedUnits[i].ms == 0)
            break;
    }

    return g_strdup_printf("%" G_GINT64_FORMAT "%s", ms / printedUnits[i].ms,
                           printedUnits[i].suffix);
}

char *
convergeFieldFormat(convergeField field,
                    gint64 value)
{
    const convergeFieldInfo *info = &convergeFields[field];

    switch (info->type) {
    case CONVERGE_TYPE_ENUM:
        return g_strdup(info->words[value]);
    case CONVERGE_TYPE_DURATION:
        return formatDuration(value);
    case CONVERGE_TYPE_PERCENT:
    case CONVERGE_TYPE_LAST:
    default:
        return g_strdup_printf("%" G_GINT64_FORMAT, value);
    }
}

char *
convergeFieldAllowed(convergeField field)
{
    const convergeFieldInfo *info = &convergeFields[field];
    g_autofree char *min = NULL;
    g_autofree char *max = NULL;

    if (info->type == CONVERGE_TYPE_ENUM) {
        g_autoptr(GString) list = g_string_new(NULL);
        gint64 i;

        for (i = 0; i <= info->max; i++)
            g_string_append_printf(list, "%s%s", i ? ", " : "", info->words[i]);
        return g_string_free(g_steal_pointer(&list), FALSE);
    }

    min = convergeFieldFormat(field, info->min);
    max = convergeFieldFormat(field, info->max);
    if (info->type == CONVERGE_TYPE_PERCENT)
        return g_strdup_printf("%s..%s %%", min, max);

    /* TRANSLATORS: range of a duration, then its possible units */
    return g_strdup_printf(_("%1$s..%2$s, with unit ms, s, min or h"), min, max);
}

/* Parses digits only: g_ascii_strtoll alone would take "+5", " 5" and "0x5".
 * @rest is what follows them. */
static gboolean
parseDigits(const char *text,
            gint64 *value,
            const char **rest)
{
    gsize digits = strspn(text, "0123456789");

    /* 12 digits hold every allowed value and cannot overflow a gint64, not even
     * multiplied by the milliseconds of an hour. */
    if (digits == 0 || digits > 12)
        return FALSE;

    *value = g_ascii_strtoll(text, NULL, 10);
    *rest = text + digits;
    return TRUE;
}

static gboolean
parseValue(const convergeFieldInfo *info,
           const char *text,
           gint64 *value)
{
    const char *rest;
    gsize i;

    switch (info->type) {
    case CONVERGE_TYPE_ENUM:
        for (i = 0; i <= (gsize)info->max; i++) {
            if (g_str_equal(text, info->words[i])) {
                *value = i;
                return TRUE;
            }
        }
        return FALSE;

    case CONVERGE_TYPE_PERCENT:
        return parseDigits(text, value, &rest) &&
            (*rest == '\0' || g_str_equal(rest, "%"));

    case CONVERGE_TYPE_DURATION:
        if (!parseDigits(text, value, &rest))
            return FALSE;
        for (i = 0; i < G_N_ELEMENTS(durationUnits); i++) {
            if (g_str_equal(rest, durationUnits[i].suffix)) {
                *value *= durationUnits[i].ms;
                return TRUE;
            }
        }
        return FALSE;

    case CONVERGE_TYPE_LAST:
    default:
        return FALSE;
    }
}

gboolean
convergeFieldParse(convergeField field,
                   const char *text,
                   gint64 *value,
                   GError **error)
{
    const convergeFieldInfo *info = &convergeFields[field];
    g_autofree char *allowed = NULL;
    gint64 parsed = 0;

    if (parseValue(info, text, &parsed) &&
        parsed >= info->min && parsed <= info->max) {
        *value = parsed;
        return TRUE;
    }

    allowed = convergeFieldAllowed(field);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("field '%1$s' of the converge policy has the value '%2$s'; allowed: %3$s"),
                info->name, text, allowed);
    return FALSE;
}
