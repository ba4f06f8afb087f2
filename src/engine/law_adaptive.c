/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_adaptive.c: the plan that costs the guest least, and when it is worth changing; law_promise.c tells
 * when it has failed
 */
#include "engine/fit.h"
#include "engine/law_adaptive_priv.h"
#include "util/number.h"

/* The plan in force is kept unless another one costs less by both of these... */
#define KEEP_FACTOR 1.15
#define KEEP_MS 50

/* ...in this many looks in a row. */
#define BETTER_LOOKS 2

/* The first throttle takes this many observations. */
#define OBSERVATIONS_LEAST 2

/* How long it takes until a probe shows that a throttle was loosened by mistake: the time between
 * two probes, and the second that a probe takes (loop.c). */
#define RELEARN_SECONDS 2.0

/* A throttle that no longer seems to converge is given up only after this many passes in which it was in
 * force, or after VAIN_MS. */
#define VAIN_PASSES 2
#define VAIN_MS 15000

/* From this many throttles in vain on, no prediction ends the time in which the guest runs free. */
#define VAIN_MOST 2

/* A valley may come earlier or later by .errorMs; the guest runs free until then. */
static void
addValleyError(convergePrediction *prediction)
{
    convergePrediction early = *prediction;
    convergePrediction late = *prediction;

    early.remainingMs = MAX(early.remainingMs - early.errorMs, 0);
    late.remainingMs += late.errorMs;
    convergePlanAddRange(&early, &late, prediction);
}

void
convergeLawAdaptiveRefresh(const convergeLawAdaptive *law,
                           convergeControlState *state,
                           const convergeModel *model)
{
    convergeValley valley;

    if (law->waiting && convergePhasesFindValley(&law->phases, model, &valley)) {
        state->prediction = convergePhasesPredict(&law->phases, model, &valley, &state->plan);
        addValleyError(&state->prediction);
        return;
    }

    state->prediction = convergePlanPredict(&state->limits, model, &state->plan);
    convergePlanAddError(model, &state->plan, &state->prediction);
}

/* The throttle that @choice asks for now, %. */
static unsigned int
throttleNow(const convergeChoice *choice)
{
    return choice->plan.delay > 0 ? choice->plan.before : choice->plan.throttle;
}

static convergeReason
reasonOf(const convergeChoice *choice)
{
    if (choice->class_ == CONVERGE_CLASS_BEYOND)
        return throttleNow(choice) > 0 ? CONVERGE_REASON_BEYOND : CONVERGE_REASON_IN_VAIN;
    if (choice->plan.delay > 0)
        return CONVERGE_REASON_SHRINKS;
    return choice->plan.throttle > 0 ? CONVERGE_REASON_HELPS : CONVERGE_REASON_CONVERGES;
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

/* Whether enough was seen for the first throttle. */
static gboolean
isSure(const convergeModel *model)
{
    return model->passes.n + model->probes.n >= OBSERVATIONS_LEAST;
}

/* Whether @choice is worth leaving the plan in force. */
static gboolean
isWorthIt(convergeLawAdaptive *law,
          const convergeControlState *state,
          const convergeModel *model,
          const convergeChoice *choice)
{
    unsigned int now = state->plan.throttle;
    unsigned int next = throttleNow(choice);
    gboolean better = choice->currentCost > choice->cost * KEEP_FACTOR + KEEP_MS ||
        (choice->prediction.converges && !choice->current.converges);

    if (choice->trial)
        better = !choice->current.converges;
    if (choice->current.converges && next < now)
        better = better && choice->currentCost - choice->cost > stakeOf(model, next);

    /* A weaker throttle would only put off the end that this one does not bring for sure. */
    if (next > 0 && next < now && !choice->prediction.converges)
        better = FALSE;

    /* One observation does not tell a slow guest from a saturated one; another pass does. */
    if (now == 0 && next > 0 && !isSure(model))
        better = FALSE;

    law->nBetterLooks = better ? law->nBetterLooks + 1 : 0;

    /* The first throttle comes at once; changing or lifting it takes a second look. */
    return better && (law->nBetterLooks >= BETTER_LOOKS || (now == 0 && next > 0) || !law->hasLooked);
}

/* Whether the guest is to run free now, since throttling it was in vain.  An unthrottled guest
 * hides how fast it writes: it is throttled again only after a while, or if it has calmed down for
 * sure. */
static gboolean
runsFree(convergeLawAdaptive *law,
         convergeControlState *state,
         const convergeModel *model,
         const convergeChoice *choice)
{
    convergePlan strongest = convergePlanStrongest(&state->limits);

    if (model->last.timeMs >= law->freeUntilMs)
        return FALSE;
    if (law->nVain >= VAIN_MOST ||
        (choice->class_ != CONVERGE_CLASS_CONVERGES && !convergePlanPredictFor(&state->limits, model, &model->most, &strongest).converges))
        return TRUE;
    law->freeUntilMs = 0;
    state->hasRefuted = FALSE;
    return FALSE;
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

/* Whether the throttle has been in force for long enough to show that it helps. */
static gboolean
isInVain(const convergeLawAdaptive *law,
         const convergeModel *model)
{
    return model->pass.n >= law->forcePass + (VAIN_PASSES << lawPatience(law)) ||
        model->last.timeMs >= law->heldMs + (VAIN_MS << lawPatience(law));
}

static unsigned int
setThrottle(convergeLawAdaptive *law,
            convergeControlState *state,
            const convergeModel *model,
            const convergeChoice *choice,
            convergeDecision *decisions)
{
    unsigned int throttle = throttleNow(choice);
    gint64 promised = lawPromise(law, model, &state->prediction);

    if (throttle == 0 || state->plan.throttle == 0) {
        law->heldMs = model->last.timeMs;
        law->heldPass = model->pass.n + state->limits.latency * !state->throttle->immediate;
        law->leastBytes = 0;
        law->leastMs = 0;
    }
    law->forcePass = model->pass.n;
    /* A throttle that promises nothing better does not put off the time of the one before, and nor does one
     * more promise where none has been kept. */
    if (throttle > 0 && state->plan.throttle > 0 && law->promisedMs > 0 &&
        (!state->prediction.converges || !lawMakesProgress(law, model)))
        promised = MIN(law->promisedMs, promised);
    law->promisedMs = state->prediction.converges || throttle > 0 ? promised : 0;
    return convergeControlSetThrottle(state, throttle, reasonOf(choice), decisions);
}

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
        (throttleNow(choice) != state->plan.throttle || first))
        n += setThrottle(law, state, model, choice, &decisions[n]);
    if (state->limits.adaptiveDowntime && plan->downtimeMs != state->plan.downtimeMs)
        n += convergeControlSetDowntime(state, plan->downtimeMs,
                                        choice->class_ == CONVERGE_CLASS_BEYOND ?
                                            CONVERGE_REASON_BEYOND :
                                            CONVERGE_REASON_PAUSE,
                                        &decisions[n]);
    return n;
}

unsigned int
convergeLawAdaptiveDecide(convergeLawAdaptive *law,
                          convergeControlState *state,
                          const convergeModel *model,
                          const convergeChoice *choice,
                          convergeDecision *decisions)
{
    gboolean throttles = convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE);
    gboolean worth = isWorthIt(law, state, model, choice);
    gboolean first = !law->hasLooked;
    gboolean waited = law->waiting;
    convergeChoice valley;
    unsigned int n = 0;

    /* QEMU stays ready to throttle while that is only put off. */
    law->hasLooked = law->hasLooked || throttleNow(choice) == 0 || isSure(model);
    state->prediction = choice->current;
    convergePlanAddError(model, &state->plan, &state->prediction);
    if (law->promisedMs == 0 && state->prediction.converges)
        law->promisedMs = lawPromise(law, model, &state->prediction);

    if (runsFree(law, state, model, choice) || law->cut) {
        if (state->plan.throttle > 0)
            n += lawRelease(law, state, model, CONVERGE_REASON_IN_VAIN, decisions);
        return n;
    }

    law->waiting = waitsForValley(law, state, model, choice, &valley);
    if (law->waiting) {
        state->prediction = valley.prediction;
        addValleyError(&state->prediction);
        if (throttles && !waited)
            n += convergeControlSetThrottle(state, 0, CONVERGE_REASON_VALLEY, &decisions[n]);
        if (state->limits.adaptiveDowntime &&
            valley.plan.downtimeMs != state->plan.downtimeMs)
            n += convergeControlSetDowntime(state, valley.plan.downtimeMs,
                                            CONVERGE_REASON_VALLEY, &decisions[n]);
        return n;
    }

    /* Nothing is predicted to converge any more, not even with the throttle in force. */
    if (worth && state->plan.throttle > 0 && choice->plan.throttle == 0 &&
        choice->class_ == CONVERGE_CLASS_BEYOND)
        return isInVain(law, model) && !lawMakesProgress(law, model) ?
            lawRevokePlan(law, state, model, CONVERGE_REASON_IN_VAIN, decisions) :
            0;
    if (worth)
        return changePlan(law, state, model, choice, first, decisions);

    /* QEMU was primed for a throttle that is not needed. */
    if (first && law->hasLooked && throttles)
        n += convergeControlSetThrottle(state, 0, reasonOf(choice), decisions);
    return n;
}
