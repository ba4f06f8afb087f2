/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.c: names and words of decisions
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
};
G_STATIC_ASSERT(G_N_ELEMENTS(verbNames) == CONVERGE_VERB_LAST);

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
    [CONVERGE_REASON_START] = {
        "start", N_("the policy asks for it from the start") },
    [CONVERGE_REASON_CONVERGES] = {
        "converges", N_("it converges by itself") },
    [CONVERGE_REASON_HELPS] = {
        "throttle-helps", N_("without throttle it does not converge, and this throttle loses least") },
    [CONVERGE_REASON_BEYOND] = {
        "beyond", N_("no allowed throttle and pause is predicted to converge, this is the closest") },
    [CONVERGE_REASON_IN_VAIN] = {
        "in-vain", N_("not even the strongest allowed makes it converge, so the guest is not slowed for nothing") },
    [CONVERGE_REASON_STUCK] = {
        "stuck", N_("it does not get there as predicted") },
    [CONVERGE_REASON_BAD_PASS] = {
        "bad-pass", N_("too much was dirtied again in the last pass") },
    [CONVERGE_REASON_PAUSE] = {
        "pause", N_("of all allowed pauses this one loses least") },
    [CONVERGE_REASON_VALLEY] = {
        "valley", N_("it writes less at times, and then it can be handed over without throttle") },
    [CONVERGE_REASON_RAMP] = {
        "ramp", N_("the ramp of the policy has come to it") },
    [CONVERGE_REASON_CEILING] = {
        "outside-downtime", N_("somebody else has set the limit meanwhile") },
    [CONVERGE_REASON_DEADLINE] = {
        "deadline", N_("the deadline can be kept in no other way") },
    [CONVERGE_REASON_PASSES] = {
        "passes", N_("the allowed number of passes is over") },
    [CONVERGE_REASON_TRANSFER] = {
        "transfer-factor", N_("the allowed amount of data was sent") },
    [CONVERGE_REASON_STALL] = {
        "stall", N_("the allowed number of passes without progress is over") },
    [CONVERGE_REASON_PREDICTION] = {
        "prediction", N_("prediction says that it does not converge within the limits") },
    [CONVERGE_REASON_CHEAPER] = {
        "cheaper", N_("it loses the guest less than any throttle") },
    [CONVERGE_REASON_NO_POSTCOPY] = {
        "no-post-copy", N_("the migration was started without it (VIR_MIGRATE_POSTCOPY, --postcopy)") },
    [CONVERGE_REASON_POSTCOPY_PARALLEL] = {
        "parallel", N_("the migration has parallel connections, which QEMU before 10.1 cannot combine with it") },
    [CONVERGE_REASON_POSTCOPY_VFIO] = {
        "vfio", N_("the guest has a VFIO device, which cannot do it") },
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
        return g_strdup(_("pause the guest and ship the rest"));
    case CONVERGE_VERB_ABORT:
        return g_strdup(_("abort the migration"));
    case CONVERGE_VERB_SKIP:
        return g_strdup(_("no post-copy"));
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

    g_string_append_printf(text, "%s: %s", what, _(reasons[decision->reason].text));

    if (convergeModelReady(model)) {
        g_string_append_printf(text, _("; the guest writes %1$.0f MB/s to %2$.0f MB, the link carries %3$.0f MB/s"),
                               model->guest.writeRate / 1e6, model->guest.workingSet / 1e6,
                               model->bandwidth / 1e6);
    }

    if (decision->predicted && decision->prediction.converges) {
        g_string_append_printf(text, _("; predicted: %1$.1f s more, give or take %2$.1f s, pause %3$lld ms, %4$.1f guest seconds lost"),
                               decision->prediction.remainingMs / 1000.0,
                               decision->prediction.errorMs / 1000.0,
                               (long long)decision->prediction.pauseMs,
                               decision->prediction.lostMs / 1000.0);
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}
