/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_ramp.c: the downtime rises by time or by passes
 */
#include "engine/laws.h"

/* The allowed downtime that the ramp has reached, ms. */
static gint64
rampDowntime(const convergeControlState *state,
             const convergeModel *model)
{
    gint64 initial = convergeControlGet(state, CONVERGE_FIELD_INITIAL_DOWNTIME);
    gint64 most = convergeControlGet(state, CONVERGE_FIELD_MAX_DOWNTIME);
    gint64 highest = convergeControlHighestDowntime(state);
    gint64 after = convergeControlGet(state, CONVERGE_FIELD_RAMP_AFTER);
    gint64 every = convergeControlGet(state, CONVERGE_FIELD_RAMP_EVERY);
    gint64 passes = convergeControlGet(state, CONVERGE_FIELD_RAMP_PASSES);
    gint64 factor = convergeControlGet(state, CONVERGE_FIELD_RAMP_FACTOR);
    gint64 steps = convergeControlGet(state, CONVERGE_FIELD_RAMP_STEPS);
    gint64 elapsed = model->last.timeMs - model->startMs;
    gint64 rises = 0;
    gint64 value = initial;

    if (passes > 0)
        rises += (gint64)model->pass.n / passes;
    if (every > 0 && elapsed >= after)
        rises += 1 + (elapsed - after) / every;

    if (factor == 1)
        return MIN(initial + MIN(rises, steps) * (most - initial) / steps, highest);

    for (; rises > 0 && value < highest; rises--)
        value *= factor;
    return MIN(value, highest);
}

unsigned int
convergeLawRampDecide(convergeControlState *state,
                      const convergeModel *model,
                      convergeDecision *decisions)
{
    gint64 downtime;

    if (convergeControlGet(state, CONVERGE_FIELD_DOWNTIME) != CONVERGE_DOWNTIME_RAMP)
        return 0;

    downtime = rampDowntime(state, model);
    if (downtime == state->plan.downtimeMs)
        return 0;
    return convergeControlSetDowntime(state, downtime, CONVERGE_REASON_RAMP, decisions);
}
