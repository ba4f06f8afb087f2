/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.c: names and words of decisions
 */
#include <glib/gi18n-lib.h>

#include "engine/decision.h"

static const char *const verbNames[] = {
    [CONVERGE_VERB_HOLD] = "hold",
    [CONVERGE_VERB_STEP] = "step",
    [CONVERGE_VERB_THROTTLE] = "throttle",
    [CONVERGE_VERB_DOWNTIME] = "downtime",
};
G_STATIC_ASSERT(G_N_ELEMENTS(verbNames) == CONVERGE_VERB_LAST);

static const char *const reasonNames[] = {
    [CONVERGE_REASON_START] = "start",
    [CONVERGE_REASON_CONVERGES] = "converges",
    [CONVERGE_REASON_HELPS] = "throttle-helps",
    [CONVERGE_REASON_BEYOND] = "beyond",
    [CONVERGE_REASON_PAUSE] = "pause",
    [CONVERGE_REASON_CEILING] = "outside-downtime",
};
G_STATIC_ASSERT(G_N_ELEMENTS(reasonNames) == CONVERGE_REASON_LAST);

static const char *const reasonTexts[] = {
    [CONVERGE_REASON_START] = N_("the policy asks for it from the start"),
    [CONVERGE_REASON_CONVERGES] = N_("it converges by itself"),
    [CONVERGE_REASON_HELPS] = N_("without throttle it does not converge, and this throttle loses least"),
    [CONVERGE_REASON_BEYOND] = N_("no allowed throttle and pause is predicted to converge, this is the closest"),
    [CONVERGE_REASON_PAUSE] = N_("of all allowed pauses this one loses least"),
    [CONVERGE_REASON_CEILING] = N_("a lower limit was set from outside"),
};
G_STATIC_ASSERT(G_N_ELEMENTS(reasonTexts) == CONVERGE_REASON_LAST);

const char *
convergeVerbName(convergeVerb verb)
{
    return verbNames[verb];
}

const char *
convergeReasonName(convergeReason reason)
{
    return reasonNames[reason];
}

static char *
whatText(const convergeDecision *decision)
{
    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
        return g_strdup(_("no throttle yet"));
    case CONVERGE_VERB_STEP:
        return g_strdup_printf(_("QEMU throttles in steps: %1$u %%, then %2$u %% more, up to %3$u %%"),
                               decision->throttle, decision->increment,
                               decision->maxThrottle);
    case CONVERGE_VERB_THROTTLE:
        return g_strdup_printf(_("throttle %1$u %%"), decision->throttle);
    case CONVERGE_VERB_DOWNTIME:
        return g_strdup_printf(_("allow a pause of %1$lld ms"),
                               (long long)decision->downtimeMs);
    case CONVERGE_VERB_LAST:
    default:
        return g_strdup("");
    }
}

char *
convergeDecisionExplain(const convergeDecision *decision,
                        const convergeModel *model)
{
    g_autofree char *what = whatText(decision);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "%s: %s", what, _(reasonTexts[decision->reason]));

    if (convergeModelReady(model)) {
        g_string_append_printf(text, _("; the guest writes %1$.0f MB/s to %2$.0f MB, the link carries %3$.0f MB/s"),
                               model->writeRate / 1e6, model->workingSet / 1e6,
                               model->bandwidth / 1e6);
    }

    if (decision->predicted && decision->prediction.converges) {
        g_string_append_printf(text, _("; predicted: %1$.1f s more, pause %2$lld ms, %3$.1f guest seconds lost"),
                               decision->prediction.remainingMs / 1000.0,
                               (long long)decision->prediction.pauseMs,
                               decision->prediction.lostMs / 1000.0);
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}
