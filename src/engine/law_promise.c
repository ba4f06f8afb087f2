/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_promise.c: what a plan of the adaptive law promises, and what follows if that does not come
 */
#include "engine/law_adaptive_priv.h"
#include "util/number.h"

/* A plan promises the end within this share of the longest time that is predicted for it (the upper
 * end of the interval), and PROMISE_MS besides. */
#define PROMISE_SHARE 0.6
#define PROMISE_MS 2000

/* After a throttle in vain the guest runs free for FREE_FACTOR times as long as it was throttled.  That
 * doubles each further time, but at most FREE_DOUBLINGS times. */
#define FREE_FACTOR 3
#define FREE_DOUBLINGS 1

/* A throttle is not given up while the least that is left at the ends of passes still falls, each time to
 * less than PROGRESS of what it was.  It counts as falling for PROGRESS_PASSES more, and for PROGRESS_SHARE
 * of the time that the guest has been throttled. */
#define PROGRESS 0.96
#define PROGRESS_PASSES 3
#define PROGRESS_SHARE 0.2

/* Each further throttle may take twice as long, so that one comes that takes long enough; but it doubles
 * at most PATIENCE_MOST times. */
#define PATIENCE_MOST 4

/* After this many passes without progress a throttle gets all of the allowed downtime, and a plan
 * without a throttle may be given up. */
#define STALLED_PASSES 3

/* A link that has carried next to nothing for this long counts as dead.  A bitmap sync may hold up
 * sending for SLOW_MS_PER_GB of guest memory besides. */
#define SLOW_MS 1500
#define SLOW_MS_PER_GB 4

unsigned int
lawPatience(const convergeLawAdaptive *law)
{
    return MIN(law->nVain, PATIENCE_MOST);
}

gint64
lawPromise(const convergeLawAdaptive *law,
           const convergeModel *model,
           const convergePrediction *prediction)
{
    gint64 most = MAX(prediction->remaining.mostMs, prediction->remainingMs);

    return model->last.timeMs + ((convergeRound(PROMISE_SHARE * most) + PROMISE_MS) << lawPatience(law));
}

void
convergeLawAdaptiveNotePass(convergeLawAdaptive *law,
                            const convergeControlState *state,
                            const convergeLadder *ladder,
                            const convergeModel *model)
{
    if (state->plan.throttle > 0 &&
        (law->leastBytes == 0 || (double)model->last.remainingBytes < PROGRESS * (double)law->leastBytes)) {
        law->leastMs = law->leastBytes > 0 ? model->last.timeMs : 0;
        law->leastBytes = MAX(model->last.remainingBytes, 1);
    }
    /* A throttle that makes progress may take longer than it has promised. */
    if (ladder->nStalledPasses == 0 && state->prediction.converges)
        law->promisedMs = MAX(law->promisedMs, lawPromise(law, model, &state->prediction));
}

gboolean
lawMakesProgress(const convergeLawAdaptive *law,
                 const convergeModel *model)
{
    double grace = MAX(PROGRESS_PASSES * model->pass.seconds * 1000,
                       PROGRESS_SHARE * (double)(model->last.timeMs - law->heldMs));

    return law->leastMs > 0 && (double)(model->last.timeMs - law->leastMs) < grace;
}

static gboolean
linkIsSlow(const convergeModel *model)
{
    return convergeModelLinkSlowMs(model) >
        SLOW_MS + (gint64)(model->last.totalBytes / 1000000000) * SLOW_MS_PER_GB;
}

unsigned int
lawRelease(convergeLawAdaptive *law,
           convergeControlState *state,
           const convergeModel *model,
           convergeReason reason,
           convergeDecision *decisions)
{
    law->heldMs = model->last.timeMs;
    law->leastBytes = 0;
    law->leastMs = 0;
    law->promisedMs = 0;
    law->nBetterLooks = 0;
    state->prediction = (convergePrediction) { 0 };
    return convergeControlSetThrottle(state, 0, reason, decisions);
}

/* Allows a longer downtime: first the longest with a margin, which costs nothing until the end, then more
 * of what is allowed.  Returns the number of decisions, which is 0 if nothing longer is allowed. */
static unsigned int
raiseDowntime(convergeLawAdaptive *law,
              convergeControlState *state,
              const convergeModel *model,
              convergeReason reason,
              convergeDecision *decisions)
{
    gint64 highest = convergeControlHighestDowntime(state);
    gint64 now = model->last.timeMs;

    if (!state->limits.adaptiveDowntime)
        return 0;
    while (state->plan.downtimeMs >= highest && state->downtimeUse < CONVERGE_DOWNTIME_FULL) {
        state->downtimeUse++;
        convergeControlResolve(state, model);
        highest = convergeControlHighestDowntime(state);
    }
    if (state->plan.downtimeMs >= highest)
        return 0;
    law->heldPass = model->pass.n;
    law->promisedMs = now + MAX(now - law->heldMs, PROMISE_MS);
    return convergeControlSetDowntime(state, highest, reason, decisions);
}

unsigned int
lawRevokePlan(convergeLawAdaptive *law,
              convergeControlState *state,
              const convergeModel *model,
              convergeReason reason,
              convergeDecision *decisions)
{
    gint64 now = model->last.timeMs;
    unsigned int n = raiseDowntime(law, state, model, reason, decisions);

    if (n > 0)
        return n;

    law->promisedMs = 0;
    state->hasRefuted = state->plan.throttle < state->limits.highestThrottle;
    state->refuted = state->plan.throttle;
    if (state->plan.throttle == 0)
        return 0;

    law->freeUntilMs = now + ((now - law->heldMs) * FREE_FACTOR << MIN(law->nVain, FREE_DOUBLINGS));
    law->nVain++;
    return lawRelease(law, state, model, reason, decisions);
}

unsigned int
convergeLawAdaptiveGuard(convergeLawAdaptive *law,
                         convergeControlState *state,
                         const convergeLadder *ladder,
                         const convergeModel *model,
                         convergeDecision *decisions)
{
    unsigned int n = 0;

    if (!convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE))
        return 0;
    if (model->last.throttle < state->plan.throttle)
        law->forcePass = model->pass.n;

    if (state->plan.throttle > 0 && state->limits.lostLeftMs > 0 &&
        state->limits.lostLeftMs <= state->limits.overheadMs)
        return lawRelease(law, state, model, CONVERGE_REASON_BUDGET, decisions);
    if (state->limits.hardLeftMs == 1 && state->plan.throttle >= state->limits.hardThrottle) {
        law->promisedMs = 0;
        return convergeControlSetThrottle(state, state->limits.hardThrottle - 1,
                                          CONVERGE_REASON_THROTTLE_TIME, decisions);
    }
    if (state->plan.throttle > 0 && linkIsSlow(model)) {
        law->cut = TRUE;
        return lawRelease(law, state, model, CONVERGE_REASON_LINK, decisions);
    }
    /* Passes under a throttle that gain nothing: most often a little more downtime is all it takes. */
    if (state->plan.throttle > 0 &&
        MIN(ladder->nStalledPasses, MAX(model->pass.n, law->heldPass) - law->heldPass) >= STALLED_PASSES)
        n = raiseDowntime(law, state, model, CONVERGE_REASON_UNFULFILLED, decisions);
    if (n > 0)
        return n;
    if (law->promisedMs == 0 || model->last.timeMs < law->promisedMs ||
        (state->plan.throttle == 0 && ladder->nStalledPasses < STALLED_PASSES) ||
        lawMakesProgress(law, model))
        return 0;
    return lawRevokePlan(law, state, model, CONVERGE_REASON_UNFULFILLED, decisions);
}

gboolean
convergeLawAdaptiveLinkIsBack(convergeLawAdaptive *law,
                              const convergeModel *model)
{
    if (!law->cut || convergeModelLinkSlowMs(model) > 0)
        return FALSE;
    law->cut = FALSE;
    return TRUE;
}
