/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_fields.c: one row per field that a policy may state
 */
#include <glib/gi18n-lib.h>

#include "policy/policy_fields.h"
#include "util/nearest.h"

static const char *const throttleWords[] = { "none", "stepped", "progressive", "adaptive", NULL };
static const char *const booleanWords[] = { "no", "yes", NULL };
static const char *const methodWords[] = { "auto", "qemu", "vcpu-quota", "dirty-limit", NULL };
static const char *const downtimeWords[] = { "fixed", "ramp", "adaptive", NULL };
static const char *const outsideWords[] = { "ceiling", "ignore", NULL };
static const char *const rungWords[] = { "continue", "post-copy", "suspend", "abort", NULL };
static const char *const fallbackWhenWords[] = { "limit", "prediction", "cheaper", NULL };
static const char *const modeWords[] = { "observe", "act", NULL };
static const char *const linkWords[] = { "share", "turns", NULL };
static const char *const transportWords[] = { "auto", "plain", "multifd", "multifd-zstd", "multifd-zlib", "xbzrle", NULL };
static const char *const whenWords[] = { "requested", "always", NULL };

#define WORDS_MATCH(words, last) G_STATIC_ASSERT(G_N_ELEMENTS(words) == (last) + 1)
WORDS_MATCH(throttleWords, CONVERGE_THROTTLE_LAST);
WORDS_MATCH(methodWords, CONVERGE_METHOD_LAST);
WORDS_MATCH(downtimeWords, CONVERGE_DOWNTIME_LAST);
WORDS_MATCH(outsideWords, CONVERGE_OUTSIDE_LAST);
WORDS_MATCH(rungWords, CONVERGE_RUNG_LAST);
WORDS_MATCH(fallbackWhenWords, CONVERGE_FALLBACK_LAST);
WORDS_MATCH(modeWords, CONVERGE_MODE_LAST);
WORDS_MATCH(linkWords, CONVERGE_LINK_USE_LAST);
WORDS_MATCH(transportWords, CONVERGE_TRANSPORT_LAST);
WORDS_MATCH(whenWords, CONVERGE_WHEN_LAST);

/* The built-in values are QEMU's own defaults, without limits. */

/* QEMU accepts 1..99 % for its throttle parameters and up to 2,000,000 ms for
 * downtime-limit (qapi/migration.json). */
#define THROTTLE_MIN 1
#define THROTTLE_MAX 99

/* QEMU's default for cpu-throttle-initial.  max-cpu-throttle must not be below it when
 * libvirt restores its parameters. */
#define THROTTLE_MAX_MIN 20
#define DOWNTIME_MIN 1
#define DOWNTIME_MAX 2000000

/* Longer than any migration that anybody waits for. */
#define TIME_MAX (G_GINT64_CONSTANT(7) * 24 * 60 * 60 * 1000)
#define COUNT_MAX 1000

/* QEMU's limit on multifd-channels. */
#define STREAMS_MAX 255

/* All that follows the name but the help: a limit that a policy has only if it states one. */
#define BUDGET CONVERGE_TYPE_BUDGET, 1, TIME_MAX, NULL, 0

#define ENUM(words, last) CONVERGE_TYPE_ENUM, 0, (last)-1, words

const convergeFieldInfo convergeFields[CONVERGE_FIELD_LAST] = {
    [CONVERGE_FIELD_THROTTLE] = {
        "throttle",
        ENUM(throttleWords, CONVERGE_THROTTLE_LAST),
        CONVERGE_THROTTLE_NONE,
        N_("how the vCPUs are slowed down"),
    },
    [CONVERGE_FIELD_INITIAL_THROTTLE] = {
        "initial-throttle",
        CONVERGE_TYPE_PERCENT,
        THROTTLE_MIN,
        THROTTLE_MAX,
        NULL,
        20,
        N_("first step of the stepped and progressive laws"),
    },
    [CONVERGE_FIELD_THROTTLE_INCREMENT] = {
        "throttle-increment",
        CONVERGE_TYPE_PERCENT,
        THROTTLE_MIN,
        THROTTLE_MAX,
        NULL,
        10,
        N_("each further step of the stepped and progressive laws"),
    },
    [CONVERGE_FIELD_MAX_THROTTLE] = {
        "max-throttle",
        CONVERGE_TYPE_PERCENT,
        THROTTLE_MAX_MIN,
        THROTTLE_MAX,
        NULL,
        99,
        N_("limit that the throttle never exceeds"),
    },
    [CONVERGE_FIELD_HARD_THROTTLE] = {
        "hard-throttle",
        CONVERGE_TYPE_PERCENT,
        THROTTLE_MIN,
        THROTTLE_MAX,
        NULL,
        50,
        N_("throttle from which on max-throttle-time counts"),
    },
    [CONVERGE_FIELD_MAX_THROTTLE_TIME] = {
        "max-throttle-time",
        BUDGET,
        N_("longest time, all in all, under a throttle of hard-throttle or more"),
    },
    [CONVERGE_FIELD_THROTTLE_THRESHOLD] = {
        "throttle-threshold",
        CONVERGE_TYPE_PERCENT,
        1,
        100,
        NULL,
        50,
        N_("a pass is bad if the guest dirties more than this share of the data sent"),
    },
    [CONVERGE_FIELD_THROTTLE_TAILSLOW] = {
        "throttle-tailslow",
        ENUM(booleanWords, 2),
        FALSE,
        N_("whether the stepped law takes smaller steps towards the end"),
    },
    [CONVERGE_FIELD_ACTUATOR] = {
        "actuator",
        ENUM(methodWords, CONVERGE_METHOD_LAST),
        CONVERGE_METHOD_AUTO,
        N_("throttle method that slows the vCPUs down: the best available, or the one named"),
    },
    [CONVERGE_FIELD_QMP] = {
        "qmp",
        ENUM(booleanWords, 2),
        TRUE,
        N_("whether monitor commands may be sent to QEMU; the first one taints the domain"),
    },
    [CONVERGE_FIELD_DOWNTIME] = {
        "downtime",
        ENUM(downtimeWords, CONVERGE_DOWNTIME_LAST),
        CONVERGE_DOWNTIME_FIXED,
        N_("how the downtime limit is chosen"),
    },
    [CONVERGE_FIELD_INITIAL_DOWNTIME] = {
        "initial-downtime",
        CONVERGE_TYPE_DURATION,
        DOWNTIME_MIN,
        DOWNTIME_MAX,
        NULL,
        300,
        N_("downtime limit at the start"),
    },
    [CONVERGE_FIELD_MAX_DOWNTIME] = {
        "max-downtime",
        CONVERGE_TYPE_DURATION,
        DOWNTIME_MIN,
        DOWNTIME_MAX,
        NULL,
        300,
        N_("value that the downtime limit never exceeds"),
    },
    [CONVERGE_FIELD_RAMP_AFTER] = {
        "ramp-after",
        CONVERGE_TYPE_SCALED,
        0,
        TIME_MAX,
        NULL,
        0,
        N_("when the ramp raises the downtime limit for the first time"),
    },
    [CONVERGE_FIELD_RAMP_EVERY] = {
        "ramp-every",
        CONVERGE_TYPE_SCALED,
        0,
        TIME_MAX,
        NULL,
        0,
        N_("time between two rises of the ramp"),
    },
    [CONVERGE_FIELD_RAMP_PASSES] = {
        "ramp-passes",
        CONVERGE_TYPE_COUNT,
        0,
        COUNT_MAX,
        NULL,
        0,
        N_("passes between two rises of the ramp"),
    },
    [CONVERGE_FIELD_RAMP_FACTOR] = {
        "ramp-factor",
        CONVERGE_TYPE_COUNT,
        1,
        COUNT_MAX,
        NULL,
        1,
        N_("factor by which each rise multiplies the downtime limit; 1: equal steps"),
    },
    [CONVERGE_FIELD_RAMP_STEPS] = {
        "ramp-steps",
        CONVERGE_TYPE_COUNT,
        1,
        COUNT_MAX,
        NULL,
        10,
        N_("number of equal steps from the initial to the maximum downtime limit"),
    },
    [CONVERGE_FIELD_OUTSIDE_DOWNTIME] = {
        "outside-downtime",
        ENUM(outsideWords, CONVERGE_OUTSIDE_LAST),
        CONVERGE_OUTSIDE_CEILING,
        N_("what a downtime limit set by another client during the migration means"),
    },
    [CONVERGE_FIELD_DEADLINE] = {
        "deadline",
        CONVERGE_TYPE_SCALED,
        0,
        TIME_MAX,
        NULL,
        0,
        N_("limit: time from the first byte sent until the guest runs at the destination"),
    },
    [CONVERGE_FIELD_PASSES] = {
        "passes",
        CONVERGE_TYPE_COUNT,
        0,
        COUNT_MAX,
        NULL,
        0,
        N_("limit: passes over memory"),
    },
    [CONVERGE_FIELD_TRANSFER_FACTOR] = {
        "transfer-factor",
        CONVERGE_TYPE_COUNT,
        0,
        COUNT_MAX,
        NULL,
        0,
        N_("limit: data sent, as a multiple of guest memory"),
    },
    [CONVERGE_FIELD_STALL] = {
        "stall",
        CONVERGE_TYPE_COUNT,
        0,
        COUNT_MAX,
        NULL,
        0,
        N_("limit: passes in a row that leave no less memory to send than before"),
    },
    [CONVERGE_FIELD_STALL_TIME] = {
        "stall-time",
        BUDGET,
        N_("limit: time in which no pass leaves less memory to send than the passes before it"),
    },
    [CONVERGE_FIELD_STALL_MARGIN] = {
        "stall-margin",
        CONVERGE_TYPE_PERCENT,
        0,
        50,
        NULL,
        4,
        N_("what a pass must leave less to be progress for stall-time"),
    },
    [CONVERGE_FIELD_MAX_LOST] = {
        "max-lost",
        BUDGET,
        N_("limit: guest time lost to throttle and downtime, also if only predicted"),
    },
    [CONVERGE_FIELD_FALLBACK] = {
        "fallback",
        CONVERGE_TYPE_LADDER,
        0,
        CONVERGE_RUNG_LAST - 1,
        rungWords,
        CONVERGE_RUNG_CONTINUE + 1,
        N_("what is done, in this order, when a limit is hit or the goal is out of reach"),
    },
    [CONVERGE_FIELD_FALLBACK_WHEN] = {
        "fallback-when",
        ENUM(fallbackWhenWords, CONVERGE_FALLBACK_LAST),
        CONVERGE_FALLBACK_LIMIT,
        N_("when the fallback is taken: at a limit, also by prediction, or also if cheaper"),
    },
    [CONVERGE_FIELD_FALLBACK_AFTER] = {
        "fallback-after",
        BUDGET,
        N_("time after one fallback until the next one is taken, if the migration goes on"),
    },
    [CONVERGE_FIELD_MAX_SUSPEND] = {
        "max-suspend",
        BUDGET,
        N_("longest time for which the fallback suspend may pause the guest"),
    },
    [CONVERGE_FIELD_LINK] = {
        "link",
        ENUM(linkWords, CONVERGE_LINK_USE_LAST),
        CONVERGE_LINK_USE_SHARE,
        N_("whether migrations that leave the host at the same time share its link or take turns"),
    },
    [CONVERGE_FIELD_PRIORITY] = {
        "priority",
        CONVERGE_TYPE_COUNT,
        1,
        100,
        NULL,
        50,
        N_("of the migrations that take turns, the one with the highest priority is first"),
    },
    [CONVERGE_FIELD_LONGEST_WAIT] = {
        "longest-wait",
        CONVERGE_TYPE_DURATION,
        0,
        TIME_MAX,
        NULL,
        3600000,
        N_("how long a migration waits for its turn at most"),
    },
    [CONVERGE_FIELD_LINK_LIMIT] = {
        "link-limit",
        CONVERGE_TYPE_COUNT,
        0,
        1048576,
        NULL,
        0,
        N_("MiB/s that the migrations which leave the host at the same time may send together"),
    },
    [CONVERGE_FIELD_TRANSPORT] = {
        "transport",
        ENUM(transportWords, CONVERGE_TRANSPORT_LAST),
        CONVERGE_TRANSPORT_PLAIN,
        N_("streams and compression: what the caller asks for, the one named, or the best"),
    },
    [CONVERGE_FIELD_STREAMS] = {
        "streams",
        CONVERGE_TYPE_COUNT,
        1,
        STREAMS_MAX,
        NULL,
        4,
        N_("connections of a transport that has several; auto uses this many at most"),
    },
    [CONVERGE_FIELD_COMPRESSION_LEVEL] = {
        "compression-level",
        CONVERGE_TYPE_COUNT,
        1,
        20,
        NULL,
        1,
        N_("effort of a transport that compresses; zlib knows no more than 9"),
    },
    [CONVERGE_FIELD_CPU_BUDGET] = {
        "cpu-budget",
        CONVERGE_TYPE_COUNT,
        1,
        COUNT_MAX,
        NULL,
        2,
        N_("processors that auto plans to use on each host at most"),
    },
    [CONVERGE_FIELD_MODE] = {
        "mode",
        ENUM(modeWords, CONVERGE_MODE_LAST),
        CONVERGE_MODE_ACT,
        N_("whether decisions are carried out, or only written down"),
    },
    [CONVERGE_FIELD_WHEN] = {
        "when",
        ENUM(whenWords, CONVERGE_WHEN_LAST),
        CONVERGE_WHEN_REQUESTED,
        N_("which live migrations the policy applies to: those that ask for it, or all"),
    },
};

const char *
convergeThrottleMethodName(convergeThrottleMethod method)
{
    return methodWords[method];
}

const char *
convergeTransportName(convergeTransport transport)
{
    return transportWords[transport];
}

gboolean
convergeThrottleMethodFind(const char *name,
                           convergeThrottleMethod *method)
{
    gsize i;

    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (g_str_equal(name, methodWords[i])) {
            *method = i;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
convergeFieldFind(const char *name,
                  convergeField *field,
                  GError **error)
{
    const char *names[CONVERGE_FIELD_LAST + 1] = { NULL };
    g_autofree char *known = NULL;
    g_autofree char *quoted = NULL;
    gsize i;

    for (i = 0; i < CONVERGE_FIELD_LAST; i++) {
        if (g_str_equal(convergeFields[i].name, name)) {
            *field = i;
            return TRUE;
        }
        names[i] = convergeFields[i].name;
    }

    known = g_strjoinv(", ", (char **)names);
    quoted = convergePolicyQuote(name);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown field '%1$s' in the converge policy; allowed: %2$s"),
                quoted, known);
    convergeSuggest(error, name, names);
    return FALSE;
}
