/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_adaptive.c: the plan that loses the guest least, and when it is worth changing
 */
#include "engine/fit.h"
#include "engine/laws.h"
#include "util/number.h"

/* The plan in force is kept unless another one loses less by both of these... */
#define KEEP_FACTOR 1.15
#define KEEP_MS 50

/* ...in this many looks in a row. */
#define BETTER_LOOKS 2

/* How long it takes until a probe shows that a throttle was loosened by mistake: the time between
 * two probes, and the second that a probe takes (loop.c). */
#define RELEARN_SECONDS 2.0

/* After this many passes without progress under the strongest throttle, it is lifted. */
#define VAIN_PASSES 3

/* After this many passes without progress, no prediction of an end is believed: passes shorter than
 * the interval between samples teach the model nothing. */
#define STUCK_PASSES 8

void
convergeLawAdaptiveNoteSync(convergeLawAdaptive *law,
                            const convergeLadder *ladder)
{
    if (ladder->nStalledPasses == 0)
        law->nStuck = 0;
}

void
convergeLawAdaptiveRefresh(const convergeLawAdaptive *law,
                           convergeControlState *state,
                           const convergeModel *model)
{
    gint64 error = state->prediction.errorMs;
    convergeValley valley;

    if (law->waiting && convergePhasesFindValley(&law->phases, model, &valley)) {
        state->prediction = convergePhasesPredict(&law->phases, model, &valley, &state->plan);
        return;
    }

    state->prediction = convergePlanPredict(&state->limits, model, &state->plan);
    state->prediction.errorMs = error;
}

static convergeReason
reasonOf(convergeClass class_,
         unsigned int throttle)
{
    if (class_ == CONVERGE_CLASS_BEYOND)
        return CONVERGE_REASON_BEYOND;
    return throttle > 0 ? CONVERGE_REASON_HELPS : CONVERGE_REASON_CONVERGES;
}

/* What loosening to @throttle % may cost, ms.  If that is a mistake, all that the guest writes
 * until the mistake is noticed has to be sent.  The worse the model fits what was seen, the
 * likelier is a mistake. */
static gint64
stakeOf(const convergeModel *model,
        unsigned int throttle)
{
    double dirtied = convergeGuestDirtied(&model->most, RELEARN_SECONDS, throttle / 100.0);

    return convergeRound(1000 * MIN(model->fitError, 1) * dirtied / model->bandwidth);
}

/* Whether @choice is worth leaving the plan in force, whose prediction is @current. */
static gboolean
isWorthIt(convergeLawAdaptive *law,
          const convergeControlState *state,
          const convergeModel *model,
          const convergePrediction *current,
          const convergeChoice *choice)
{
    unsigned int now = state->plan.throttle;
    unsigned int next = choice->plan.throttle;
    gboolean better = !current->converges ||
        current->lostMs > choice->prediction.lostMs * KEEP_FACTOR + KEEP_MS;

    if (current->converges && next < now)
        better = better && current->lostMs - choice->prediction.lostMs > stakeOf(model, next);

    law->nBetterLooks = better ? law->nBetterLooks + 1 : 0;

    /* The first throttle comes at once; changing or lifting it takes a second look. */
    return better && (law->nBetterLooks >= BETTER_LOOKS || (now == 0 && next > 0) || !law->hasLooked);
}

/* Lack of progress overrules the prediction: first come the strongest gentle throttle and the
 * longest downtime and, if those do not help either, the strongest throttle of all. */
static unsigned int
decideStuck(convergeLawAdaptive *law,
            convergeControlState *state,
            const convergeLadder *ladder,
            convergeNews news,
            convergeDecision *decisions)
{
    unsigned int highest = state->limits.highestThrottle;
    unsigned int gentle = convergePlanGentleThrottle(&state->limits);
    unsigned int n = 0;

    if (!convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE) ||
        !(news & CONVERGE_NEWS_SYNC) ||
        ladder->nStalledPasses < (law->nStuck + 1) * STUCK_PASSES)
        return 0;

    law->nStuck++;
    if (state->plan.throttle < highest)
        n += convergeControlSetThrottle(state, state->plan.throttle < gentle ? gentle : highest,
                                        CONVERGE_REASON_STUCK, &decisions[n]);
    if (state->limits.adaptiveDowntime &&
        state->plan.downtimeMs < convergeControlHighestDowntime(state))
        n += convergeControlSetDowntime(state, convergeControlHighestDowntime(state),
                                        CONVERGE_REASON_STUCK, &decisions[n]);
    return n;
}

/* Whether throttling is in vain: the guest has shown under the strongest throttle that it is
 * beyond, and no rung was taken.  Then the guest runs free, until it calms down. */
static gboolean
isInVain(convergeLawAdaptive *law,
         const convergeControlState *state,
         const convergeLadder *ladder,
         const convergeModel *model,
         const convergeChoice *choice)
{
    convergePlan strongest = convergePlanStrongest(&state->limits);

    /* An unthrottled guest hides how fast it writes, so it is throttled again only if it has calmed
     * down for sure. */
    if (choice->class_ == CONVERGE_CLASS_CONVERGES ||
        convergePlanPredictFor(&state->limits, model, &model->most, &strongest).converges)
        law->inVain = FALSE;
    else if (choice->class_ == CONVERGE_CLASS_BEYOND &&
             state->plan.throttle == state->limits.highestThrottle &&
             ladder->nHopelessLooks >= CONVERGE_HOPELESS_LOOKS &&
             MIN(ladder->nStalledPasses, ladder->nPassesAtMax) >= VAIN_PASSES)
        law->inVain = TRUE;
    return law->inVain;
}

/* --- Valleys --- */

/* What a plan costs overall: a lost guest second counts as much as a second of migration. */
static gint64
priceOf(const convergePrediction *prediction)
{
    return prediction->remainingMs + prediction->lostMs;
}

/* The shortest downtime with which the present valley, or the next one, suffices. */
static gboolean
findValleyPlan(const convergeLawAdaptive *law,
               const convergeControlState *state,
               const convergeModel *model,
               convergeChoice *choice)
{
    const convergePlanLimits *limits = &state->limits;
    convergePrediction *prediction = &choice->prediction;
    gint64 elapsed = model->last.timeMs - model->startMs;
    gint64 highest = convergePlanHighestDowntime(limits, 0);
    gint64 downtime = convergePlanLowestDowntime(limits, 0);
    convergeValley valley;

    if (!convergePhasesFindValley(&law->phases, model, &valley))
        return FALSE;
    if (!limits->adaptiveDowntime)
        downtime = highest = state->plan.downtimeMs;

    while (TRUE) {
        choice->plan = convergePlanMake(limits, 0, downtime);
        *prediction = convergePhasesPredict(&law->phases, model, &valley, &choice->plan);
        if (prediction->converges && prediction->remainingMs - valley.inMs <= valley.leftMs)
            return limits->deadlineMs == 0 ||
                elapsed + prediction->remainingMs <= limits->deadlineMs;
        if (downtime >= highest)
            return FALSE;
        downtime = MIN(downtime * 2, highest);
    }
}

/* Whether to let the migration end in a valley, without a throttle: the wait must not take longer
 * than it saves the guest.  Its longest end is decided once, so that there is no second wait if the
 * first was in vain.
 *
 * @valley: set to the plan */
static gboolean
waitsForValley(convergeLawAdaptive *law,
               const convergeControlState *state,
               const convergeModel *model,
               const convergeChoice *choice,
               convergeChoice *valley)
{
    gint64 now = model->last.timeMs;

    /* What a throttle in force has cost already would be lost. */
    if (state->plan.throttle > 0 || !findValleyPlan(law, state, model, valley))
        return FALSE;

    if (law->waitUntilMs == 0) {
        if (choice->prediction.converges &&
            (choice->plan.throttle == 0 ||
             priceOf(&valley->prediction) > priceOf(&choice->prediction)))
            return FALSE;
        law->waitUntilMs = now;
        if (choice->prediction.converges)
            law->waitUntilMs += priceOf(&choice->prediction);
        else
            law->waitUntilMs += 2 * priceOf(&valley->prediction);
    }
    return now + valley->prediction.remainingMs <= law->waitUntilMs;
}

/* --- The law --- */

/* Leaves the plan in force for @choice. */
static unsigned int
changePlan(convergeLawAdaptive *law,
           convergeControlState *state,
           const convergeModel *model,
           const convergeChoice *choice,
           gboolean first,
           convergeDecision *decisions)
{
    const convergePlan *plan = &choice->plan;
    unsigned int n = 0;

    law->nBetterLooks = 0;
    state->prediction = choice->prediction;
    convergePlanAddError(model, plan, &state->prediction);

    if (convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE) &&
        (plan->throttle != state->plan.throttle || first))
        n += convergeControlSetThrottle(state, plan->throttle,
                                        reasonOf(choice->class_, plan->throttle), &decisions[n]);
    if (state->limits.adaptiveDowntime && plan->downtimeMs != state->plan.downtimeMs)
        n += convergeControlSetDowntime(state, plan->downtimeMs,
                                        choice->class_ == CONVERGE_CLASS_BEYOND ?
                                            CONVERGE_REASON_BEYOND :
                                            CONVERGE_REASON_PAUSE,
                                        &decisions[n]);
    return n;
}

static unsigned int
decideByPrediction(convergeLawAdaptive *law,
                   convergeControlState *state,
                   const convergeLadder *ladder,
                   const convergeModel *model,
                   const convergeChoice *choice,
                   convergeDecision *decisions)
{
    gboolean throttles = convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE);
    convergePrediction current = convergePlanPredict(&state->limits, model, &state->plan);
    gboolean worth = isWorthIt(law, state, model, &current, choice);
    gboolean first = !law->hasLooked;
    gboolean waited = law->waiting;
    convergeChoice valley;
    unsigned int n = 0;

    law->hasLooked = TRUE;
    state->prediction = current;

    if (isInVain(law, state, ladder, model, choice)) {
        state->class_ = CONVERGE_CLASS_BEYOND;
        if (state->plan.throttle > 0)
            n += convergeControlSetThrottle(state, 0, CONVERGE_REASON_IN_VAIN, decisions);
        return n;
    }

    law->waiting = waitsForValley(law, state, model, choice, &valley);
    if (law->waiting) {
        state->prediction = valley.prediction;
        if (throttles && !waited)
            n += convergeControlSetThrottle(state, 0, CONVERGE_REASON_VALLEY, &decisions[n]);
        if (state->limits.adaptiveDowntime &&
            valley.plan.downtimeMs != state->plan.downtimeMs)
            n += convergeControlSetDowntime(state, valley.plan.downtimeMs,
                                            CONVERGE_REASON_VALLEY, &decisions[n]);
        return n;
    }

    if (worth)
        return changePlan(law, state, model, choice, first, decisions);

    /* QEMU was primed for a throttle that is not needed. */
    if (first && throttles)
        n += convergeControlSetThrottle(state, 0, CONVERGE_REASON_CONVERGES, decisions);
    return n;
}

unsigned int
convergeLawAdaptiveDecide(convergeLawAdaptive *law,
                          convergeControlState *state,
                          const convergeLadder *ladder,
                          const convergeModel *model,
                          convergeNews news,
                          const convergeChoice *choice,
                          convergeDecision *decisions)
{
    unsigned int n = 0;

    if (!law->inVain)
        n = decideStuck(law, state, ladder, news, decisions);
    if (n == 0 && law->nStuck == 0)
        n = decideByPrediction(law, state, ladder, model, choice, decisions);
    return n;
}
