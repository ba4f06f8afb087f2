/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: from model and policy to decisions
 */
#include <math.h>

#include "engine/control.h"

/* QEMU's limit is set anew once compression makes it wrong by more than this share. */
#define LIMIT_DRIFT 0.1

void
convergeControlSetCeiling(convergeControl *control,
                          gint64 ms)
{
    if (control->state.ceilingMs == ms)
        return;
    control->state.ceilingMs = ms;
    control->ceilingSet = TRUE;
}

static unsigned int
startDecisions(convergeControl *control,
               const convergeModel *model,
               convergeDecision *decisions)
{
    convergeControlState *state = &control->state;

    decisions[0] = (convergeDecision) { .reason = CONVERGE_REASON_START };

    switch ((convergeThrottleLaw)convergeControlGet(state, CONVERGE_FIELD_THROTTLE)) {
    case CONVERGE_THROTTLE_STEPPED:
        decisions[0].verb = CONVERGE_VERB_STEP;
        decisions[0].throttle = convergeControlGet(state, CONVERGE_FIELD_INITIAL_THROTTLE);
        decisions[0].increment = convergeControlGet(state, CONVERGE_FIELD_THROTTLE_INCREMENT);
        decisions[0].maxThrottle = convergeControlGet(state, CONVERGE_FIELD_MAX_THROTTLE);
        decisions[0].threshold = convergeControlGet(state, CONVERGE_FIELD_THROTTLE_THRESHOLD);
        decisions[0].tailslow = convergeControlGet(state, CONVERGE_FIELD_THROTTLE_TAILSLOW) != 0;
        break;
    case CONVERGE_THROTTLE_ADAPTIVE:
    case CONVERGE_THROTTLE_PROGRESSIVE:
        state->primed = !state->throttle->immediate;
        decisions[0].verb = state->primed ? CONVERGE_VERB_PRIME : CONVERGE_VERB_HOLD;
        break;
    case CONVERGE_THROTTLE_NONE:
    case CONVERGE_THROTTLE_LAST:
    default:
        decisions[0].verb = CONVERGE_VERB_HOLD;
        break;
    }

    control->started = TRUE;
    control->ceilingSet = FALSE;
    convergeControlResolve(state, model);
    state->plan = convergePlanMake(&state->limits, 0, convergePlanLowestDowntime(&state->limits, 0));
    return 1 + convergeControlSetDowntime(state, state->plan.downtimeMs, CONVERGE_REASON_START, &decisions[1]);
}

/* A ceiling set from outside holds at once, whatever the model predicts.  The decision is made even
 * if it changes nothing, since the setting from outside may have overwritten the loop's value in
 * QEMU. */
static unsigned int
obeyCeiling(convergeControl *control,
            convergeDecision *decisions)
{
    convergeControlState *state = &control->state;

    if (!control->ceilingSet)
        return 0;

    control->ceilingSet = FALSE;
    return convergeControlSetDowntime(state, MIN(state->plan.downtimeMs, convergeControlHighestDowntime(state)),
                                      CONVERGE_REASON_CEILING, decisions);
}

/* QEMU's limit for the downtime in force depends on how well memory is compressed. */
static unsigned int
followCompression(convergeControlState *state,
                  convergeDecision *decision)
{
    double now = (double)convergeModelLimitFor(state->limitSaved, state->plan.downtimeMs);
    double due = (double)convergeModelLimitFor(state->saved, state->plan.downtimeMs);

    if (fabs(due - now) <= LIMIT_DRIFT * now)
        return 0;
    return convergeControlSetDowntime(state, state->plan.downtimeMs, CONVERGE_REASON_COMPRESSION, decision);
}

/* Counts the time since the last turn if the throttle was hard. */
static void
noteHard(convergeControlState *state,
         const convergeModel *model)
{
    const convergeSample *sample = &model->last;

    if (state->turnMs > 0 && sample->throttle >= convergeControlGet(state, CONVERGE_FIELD_HARD_THROTTLE))
        state->hardMs += sample->timeMs - state->turnMs;
    state->turnMs = sample->timeMs;
}

/* Before a guest counts as hopeless, more of the allowed downtime is used. */
static void
useMoreDowntime(convergeControlState *state,
                const convergeModel *model,
                convergeChoice *choice)
{
    convergePlanLimits limits = state->limits;

    while (!choice->prediction.converges && limits.downtimeUse < CONVERGE_DOWNTIME_FULL) {
        limits.downtimeUse++;
        *choice = convergePlanChoose(&limits, model, &state->plan);
    }
    state->downtimeUse = limits.downtimeUse;
    state->limits = limits;
}

/* Finds the best plan by what is known now. */
static convergeChoice
assess(convergeControl *control,
       const convergeModel *model,
       convergeNews news)
{
    convergeControlState *state = &control->state;
    convergeChoice choice = convergePlanChoose(&state->limits, model, &state->plan);

    if (!choice.prediction.converges && state->limits.adaptiveDowntime)
        useMoreDowntime(state, model, &choice);

    /* A guest may converge now only because it was throttled. */
    if (choice.class_ == CONVERGE_CLASS_CONVERGES && state->hasThrottled)
        choice.class_ = CONVERGE_CLASS_MIDDLE;
    state->class_ = choice.class_;
    state->outlook = choice.prediction;
    if (choice.plan.delay > 0)
        state->waitPass = model->pass.n;
    convergeLadderNoteLook(&control->ladder, state, model, news);
    return choice;
}

unsigned int
convergeControlDecide(convergeControl *control,
                      const convergeModel *model,
                      convergeNews news,
                      convergeDecision decisions[CONVERGE_DECISIONS_MAX])
{
    const convergeSample *sample = &model->last;
    convergeControlState *state = &control->state;
    convergeChoice choice;
    gboolean assessed;
    unsigned int n;

    noteHard(state, model);

    /* While no vCPU runs nothing is dirtied.  The guest is in its switchover, or was paused from
     * outside, and is left alone; but for a pause of our own that takes too long. */
    if (sample->active && !sample->postcopy && (sample->paused || control->ladder.suspendedMs > 0))
        return convergeLadderWatchPause(&control->ladder, state, model, decisions);
    if (!sample->active || sample->postcopy || sample->paused ||
        (control->ladder.fallbackTaken && !convergeLadderNextIsDue(&control->ladder, state, model)))
        return 0;

    if (!control->started)
        return startDecisions(control, model, decisions);

    convergeControlResolve(state, model);
    if (news & CONVERGE_NEWS_PROBE)
        convergePhasesNote(&control->adaptive.phases, model);
    if (news & CONVERGE_NEWS_PASS) {
        convergeLadderNotePass(&control->ladder, state, model);
        convergeLawAdaptiveNotePass(&control->adaptive, state, &control->ladder, model);
    }
    if (convergeLawAdaptiveLinkIsBack(&control->adaptive, model))
        news |= CONVERGE_NEWS_LINK;

    /* Only news bring the knowledge for a new plan. */
    assessed = model->pass.n > 0 && news && convergeModelReady(model);
    if (assessed)
        choice = assess(control, model, news);
    else if (state->prediction.converges)
        convergeLawAdaptiveRefresh(&control->adaptive, state, model);

    n = convergeLadderDecide(&control->ladder, state, model, news, decisions);
    if (control->ladder.fallbackTaken)
        return n;

    n += obeyCeiling(control, &decisions[n]);
    if (n == 0)
        n += convergeLawRampDecide(state, model, &decisions[n]);
    /* With syncs in the middle of the bulk pass a primed QEMU would throttle in it. */
    if (n == 0 && state->primed && model->pass.n == 0 && model->pass.nInside > 0)
        n += convergeControlSetThrottle(state, 0, CONVERGE_REASON_START, &decisions[n]);
    if (n == 0)
        n += convergeLawAdaptiveGuard(&control->adaptive, state, &control->ladder, model,
                                      &decisions[n]);
    if (n == 0 && assessed)
        n = convergeLawProgressiveDecide(state, model, news, decisions);
    if (n == 0 && assessed)
        n = convergeLawAdaptiveDecide(&control->adaptive, state, model, &choice, decisions);
    if (n == 0)
        n = followCompression(state, decisions);
    return n;
}
