/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.c: decisions in names and sentences
 */
#include <glib/gi18n-lib.h>

#include "engine/decision.h"

static const char *const verbNames[] = {
    [CONVERGE_VERB_HOLD] = "hold",
    [CONVERGE_VERB_PRIME] = "prime",
    [CONVERGE_VERB_STEP] = "step",
    [CONVERGE_VERB_THROTTLE] = "throttle",
    [CONVERGE_VERB_DOWNTIME] = "downtime",
    [CONVERGE_VERB_POSTCOPY] = "post-copy",
    [CONVERGE_VERB_SUSPEND] = "suspend",
    [CONVERGE_VERB_ABORT] = "abort",
    [CONVERGE_VERB_SKIP] = "skip",
    [CONVERGE_VERB_RESUME] = "resume",
};
G_STATIC_ASSERT(G_N_ELEMENTS(verbNames) == CONVERGE_VERB_LAST);

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
    [CONVERGE_REASON_START] = {
        "start", N_("the policy starts with this") },
    [CONVERGE_REASON_CONVERGES] = { "converges", N_("the migration converges by itself") },
    [CONVERGE_REASON_HELPS] = { "throttle-helps", N_("without a throttle the migration does not converge, and this one loses the least guest time") },
    [CONVERGE_REASON_BEYOND] = { "beyond", N_("no allowed throttle and pause is predicted to converge, and this comes closest") },
    [CONVERGE_REASON_IN_VAIN] = { "in-vain", N_("not even the strongest allowed throttle makes the migration converge, and the guest is not slowed down for nothing") },
    [CONVERGE_REASON_SHRINKS] = { "shrinks", N_("each pass without a throttle still leaves much less than the last one, so that a throttle costs less later") },
    [CONVERGE_REASON_BAD_PASS] = { "bad-pass", N_("the guest dirtied too much memory in the last pass") },
    [CONVERGE_REASON_PAUSE] = { "pause", N_("of all allowed pauses this one loses the least guest time") },
    [CONVERGE_REASON_VALLEY] = { "valley", N_("the guest writes less at times, and the migration can complete then without a throttle") },
    [CONVERGE_REASON_RAMP] = { "ramp", N_("the policy's ramp has reached this value") },
    [CONVERGE_REASON_CEILING] = { "outside-downtime", N_("the allowed pause was limited from outside") },
    [CONVERGE_REASON_DEADLINE] = { "deadline", N_("the deadline cannot be kept in any other way") },
    [CONVERGE_REASON_PASSES] = { "passes", N_("the allowed number of passes is used up") },
    [CONVERGE_REASON_TRANSFER] = { "transfer-factor", N_("the allowed amount of data has been sent") },
    [CONVERGE_REASON_STALL] = { "stall", N_("the allowed number of passes without progress is used up") },
    [CONVERGE_REASON_PREDICTION] = { "prediction", N_("the migration is predicted not to converge within the limits") },
    [CONVERGE_REASON_CHEAPER] = { "cheaper", N_("this loses less guest time than any throttle") },
    [CONVERGE_REASON_NO_POSTCOPY] = { "no-post-copy", N_("the migration was started without post-copy (VIR_MIGRATE_POSTCOPY, --postcopy)") },
    [CONVERGE_REASON_POSTCOPY_PARALLEL] = { "parallel", N_("the migration uses parallel connections, which QEMU before 10.1 cannot combine with post-copy") },
    [CONVERGE_REASON_POSTCOPY_VFIO] = { "vfio", N_("the guest has a VFIO device, which does not support post-copy") },
    [CONVERGE_REASON_LINK] = { "link", N_("nothing moves on the link, so that a throttle gains nothing") },
    [CONVERGE_REASON_UNFULFILLED] = { "unfulfilled", N_("the throttle did not bring what it promised") },
    [CONVERGE_REASON_BUDGET] = { "max-lost", N_("more guest time would be lost than the policy allows") },
    [CONVERGE_REASON_THROTTLE_TIME] = { "max-throttle-time", N_("the allowed time of hard throttling is used up") },
    [CONVERGE_REASON_OVERDUE] = { "overdue", N_("the pause takes longer than was promised or is allowed") },
    [CONVERGE_REASON_STALL_TIME] = { "stall-time", N_("there was no progress for the allowed time, and little is left now") },
    [CONVERGE_REASON_AFTER] = { "fallback-after", N_("the fallback before has not ended the migration within the allowed time") },
    [CONVERGE_REASON_COMPRESSION] = { "compression", N_("QEMU's limit follows how well memory is compressed") },
};
G_STATIC_ASSERT(G_N_ELEMENTS(reasons) == CONVERGE_REASON_LAST);

const char *
convergeVerbName(convergeVerb verb)
{
    return verbNames[verb];
}

const char *
convergeReasonName(convergeReason reason)
{
    return reasons[reason].name;
}

static char *
whatText(const convergeDecision *decision)
{
    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
        return g_strdup(_("no throttle"));
    case CONVERGE_VERB_PRIME:
        return g_strdup(_("no throttle yet"));
    case CONVERGE_VERB_POSTCOPY:
        return g_strdup(_("switch to post-copy"));
    case CONVERGE_VERB_SUSPEND:
        return g_strdup(_("pause the guest and send the rest"));
    case CONVERGE_VERB_ABORT:
        return g_strdup(_("abort the migration"));
    case CONVERGE_VERB_SKIP:
        return g_strdup(decision->reason == CONVERGE_REASON_OVERDUE ? _("no pause") :
                                                                      _("no post-copy"));
    case CONVERGE_VERB_RESUME:
        return g_strdup(_("let the guest run again"));
    case CONVERGE_VERB_STEP:
        return g_strdup_printf(_("let QEMU throttle in steps, by %1$u %% at first, then by %2$u %% more each time, up to %3$u %%"),
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

    /* TRANSLATORS: what is decided, and why */
    g_string_append_printf(text, _("%1$s: %2$s"), what, _(reasons[decision->reason].text));

    if (convergeModelReady(model)) {
        g_string_append(text, "; ");
        g_string_append_printf(text, _("the guest writes %1$.0f MB/s to a working set of %2$.0f MB, and the link carries %3$.0f MB/s"),
                               model->guest.writeRate / 1e6, model->guest.workingSet / 1e6,
                               model->bandwidth / 1e6);
    }
    if (model->saved > 0) {
        g_string_append(text, "; ");
        g_string_append_printf(text, _("compression saves %1$.0f %% of that"), model->saved * 100);
    }

    if (decision->predicted && decision->prediction.converges) {
        g_string_append(text, "; ");
        g_string_append_printf(text, _("the migration is predicted to end in %1$.1f s, give or take %2$.1f s, with a pause of %3$lld ms and %4$.1f guest seconds lost"),
                               decision->prediction.remainingMs / 1000.0,
                               decision->prediction.errorMs / 1000.0,
                               (long long)decision->prediction.pauseMs,
                               decision->prediction.lostMs / 1000.0);
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}
