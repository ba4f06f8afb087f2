/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control_state.c: the plan in force, and what it depends on
 */
#include "engine/control_state.h"
#include "util/number.h"

/* What is left of a budget: 1 if it is used up, since 0 stands for a budget without an end. */
static gint64
leftOf(gint64 budget,
       gint64 used)
{
    return budget > 0 ? MAX(budget - used, 1) : 0;
}

void
convergeControlResolve(convergeControlState *state,
                       const convergeModel *model)
{
    gint64 downtimeLaw = convergeControlGet(state, CONVERGE_FIELD_DOWNTIME);

    state->saved = model->saved;
    state->limits = (convergePlanLimits) {
        .throttle = state->throttle,
        .latency = state->primed ? 1 : 2,
        .highestThrottle = convergeControlLawIs(state, CONVERGE_THROTTLE_ADAPTIVE) ?
            (unsigned int)convergeControlGet(state, CONVERGE_FIELD_MAX_THROTTLE) :
            0,
        .ownSteps = convergeControlLawIs(state, CONVERGE_THROTTLE_STEPPED) ||
            convergeControlLawIs(state, CONVERGE_THROTTLE_PROGRESSIVE),
        .adaptiveDowntime = downtimeLaw == CONVERGE_DOWNTIME_ADAPTIVE,
        .fixedDowntime = downtimeLaw == CONVERGE_DOWNTIME_FIXED,
        .downtimeUse = state->downtimeUse,
        .waits = state->waitPass > 0 && state->waitPass == model->pass.n,
        .initialDowntimeMs = convergeControlGet(state, CONVERGE_FIELD_INITIAL_DOWNTIME),
        .maxDowntimeMs = convergeControlGet(state, CONVERGE_FIELD_MAX_DOWNTIME),
        .ceilingMs = state->ceilingMs,
        .overheadMs = state->overheadMs,
        .deadlineMs = convergeControlGet(state, CONVERGE_FIELD_DEADLINE),
        .lostLeftMs = leftOf(convergeControlGet(state, CONVERGE_FIELD_MAX_LOST),
                             convergeRound(model->lostMs)),
        .hardThrottle = (unsigned int)convergeControlGet(state, CONVERGE_FIELD_HARD_THROTTLE),
        .hardLeftMs = leftOf(convergeControlGet(state, CONVERGE_FIELD_MAX_THROTTLE_TIME),
                             state->hardMs),
        .refuted = state->hasRefuted ? (int)state->refuted : -1,
    };
}

gint64
convergeControlHighestDowntime(const convergeControlState *state)
{
    return convergePlanHighestDowntime(&state->limits, state->plan.throttle);
}

unsigned int
convergeControlSetDowntime(convergeControlState *state,
                           gint64 downtimeMs,
                           convergeReason reason,
                           convergeDecision *decision)
{
    state->plan.downtimeMs = downtimeMs;
    state->limitSaved = state->saved;
    *decision = (convergeDecision) {
        .verb = CONVERGE_VERB_DOWNTIME,
        .reason = reason,
        .downtimeMs = downtimeMs,
        .limitMs = convergeModelLimitFor(state->saved, downtimeMs),
        .predicted = state->prediction.converges,
        .prediction = state->prediction,
    };
    return 1;
}

unsigned int
convergeControlSetThrottle(convergeControlState *state,
                           unsigned int throttle,
                           convergeReason reason,
                           convergeDecision *decision)
{
    state->plan.throttle = throttle;
    state->hasThrottled = state->hasThrottled || throttle > 0;
    state->primed = FALSE;
    *decision = (convergeDecision) {
        .verb = throttle > 0 ? CONVERGE_VERB_THROTTLE : CONVERGE_VERB_HOLD,
        .reason = reason,
        .throttle = throttle,
        .predicted = state->prediction.converges,
        .prediction = state->prediction,
    };
    return 1;
}
