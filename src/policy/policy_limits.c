/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_limits.c: the fields that a host can limit, and the triggers of the fallback
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"
#include "policy/policy_limits.h"
#include "util/nearest.h"

static gint64
atMost(gint64 value,
       gint64 limit)
{
    return MIN(value, limit);
}

/* 0 is "none", which is more than every other value. */
static gint64
noMore(gint64 value,
       gint64 limit)
{
    if (value == 0 || limit == 0)
        return MAX(value, limit);
    return MIN(value, limit);
}

/* 0 is "none", which is later than every other value.  Of a time for each GiB (negative) and one for
 * all of a guest's memory, it is not known here which is later. */
static gint64
atLeast(gint64 value,
        gint64 limit)
{
    if (value == 0 || limit == 0)
        return 0;
    if ((value < 0) != (limit < 0))
        return limit;
    return ABS(value) > ABS(limit) ? value : limit;
}

/* The rungs of @ladder that @limit allows.  "continue" is always allowed, and is what remains
 * if no other rung is. */
static gint64
rungsOf(gint64 ladder,
        gint64 limit)
{
    gint64 kept = 0;
    unsigned int count = 0;
    unsigned int i;
    int rung;

    for (i = 0; (rung = convergeLadderRung(ladder, i)) >= 0; i++) {
        if (rung == CONVERGE_RUNG_CONTINUE || convergeLadderHas(limit, rung))
            kept |= (gint64)(rung + 1) << (count++ * CONVERGE_RUNG_BITS);
    }
    return count > 0 ? kept : CONVERGE_RUNG_CONTINUE + 1;
}

/* The built-in limits.  A call may ask for everything: libvirt's access rights decide what
 * its caller may do.  A domain's metadata also applies to migrations that other callers start.
 * Therefore it cannot have a rung that stops the guest or ends the migration, nor a downtime
 * that the guest's clients would take for an outage. */
const convergeLimit convergeLimitRows[] = {
    {
        CONVERGE_FIELD_MAX_THROTTLE,
        { "99", "99" },
        N_("the strongest throttle that may be requested"),
        atMost,
    },
    /* Without it, what the next row limits could be called something else. */
    {
        CONVERGE_FIELD_HARD_THROTTLE,
        { "99", "99" },
        N_("the highest value that may be requested; without it, max-throttle-time limits nothing"),
        atMost,
    },
    {
        CONVERGE_FIELD_MAX_THROTTLE_TIME,
        { "none", "none" },
        N_("the longest time under a hard throttle that may be requested"),
        noMore,
    },
    {
        CONVERGE_FIELD_MAX_DOWNTIME,
        { "2000s", "5s" },
        N_("the longest downtime limit that may be requested"),
        atMost,
    },
    {
        CONVERGE_FIELD_MAX_LOST,
        { "none", "none" },
        N_("the most guest time lost that may be requested"),
        noMore,
    },
    {
        CONVERGE_FIELD_FALLBACK,
        { "continue+post-copy+suspend+abort", "continue+post-copy" },
        N_("the fallbacks that may be requested, in any order; continue is always allowed"),
        rungsOf,
    },
    {
        CONVERGE_FIELD_MAX_SUSPEND,
        { "none", "none" },
        N_("the longest pause by the fallback suspend that may be requested"),
        noMore,
    },
    {
        CONVERGE_FIELD_LINK_LIMIT,
        { "none", "none" },
        N_("the most bandwidth that may be requested"),
        noMore,
    },
    {
        CONVERGE_FIELD_MODE,
        { "act", "act" },
        N_("the most that may be requested: to observe, or to act"),
        atMost,
    },
    {
        CONVERGE_FIELD_WHEN,
        { "always", "always" },
        N_("the most that may be requested: the live migrations that ask for it, or all"),
        atMost,
    },
};

const gsize convergeLimitCount = G_N_ELEMENTS(convergeLimitRows);

const convergeTrigger convergeTriggers[] = {
    { CONVERGE_FIELD_DEADLINE, atLeast },
    { CONVERGE_FIELD_PASSES, atLeast },
    { CONVERGE_FIELD_TRANSFER_FACTOR, atLeast },
    { CONVERGE_FIELD_STALL, atLeast },
    { CONVERGE_FIELD_STALL_TIME, atLeast },
    { CONVERGE_FIELD_STALL_MARGIN, atMost },
    { CONVERGE_FIELD_MAX_LOST, atLeast },
    { CONVERGE_FIELD_FALLBACK_WHEN, atMost },
    { CONVERGE_FIELD_FALLBACK_AFTER, atLeast },
    { CONVERGE_FIELD_MAX_SUSPEND, atLeast }, /* the rung after suspend is taken instead */
};

const gsize convergeTriggerCount = G_N_ELEMENTS(convergeTriggers);

const convergeLimit *
convergeLimitFind(convergeField field)
{
    gsize i;

    for (i = 0; i < convergeLimitCount; i++) {
        if (convergeLimitRows[i].field == field)
            return &convergeLimitRows[i];
    }
    return NULL;
}

gboolean
convergeLimitCheckName(const char *name,
                       GError **error)
{
    const char *names[CONVERGE_FIELD_LAST + 1] = { NULL };
    g_autofree char *known = NULL;
    g_autofree char *quoted = NULL;
    gsize i;

    for (i = 0; i < convergeLimitCount; i++) {
        names[i] = convergeFields[convergeLimitRows[i].field].name;
        if (g_str_equal(names[i], name))
            return TRUE;
    }

    known = g_strjoinv(", ", (char **)names);
    quoted = convergePolicyQuote(name);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("'%1$s' is not a field that a host can limit; allowed: %2$s"),
                quoted, known);
    convergeSuggest(error, name, names);
    return FALSE;
}

gboolean
convergeLimitGet(const convergeLimit *limit,
                 convergeLimits group,
                 const convergePolicyHost *host,
                 gint64 *value,
                 GError **error)
{
    const convergePolicySpec *stated = host ? host->limits[group] : NULL;

    if (!stated || !convergePolicySpecHas(stated, limit->field))
        return convergeFieldParse(limit->field, limit->builtin[group], value, error);

    *value = convergePolicySpecGet(stated, limit->field);
    return TRUE;
}
