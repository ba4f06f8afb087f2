/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c: the plans that a policy allows, and the best of them
 */
#include "engine/plan.h"
#include "util/number.h"

/* Candidates: no throttle, then steps up to the policy's maximum. */
#define THROTTLE_STEP 5

/* Above this a vCPU stands still for more than 190 ms at a time, by 10 ms x p / (1 - p) of
 * QEMU's cpu-throttle and a tick of 4 ms x p / (1 - p) of a quota: only where nothing gentler
 * converges. */
#define GENTLE_QEMU 95
#define GENTLE_QUOTA 97

/* From here on the candidates come in small steps, since what is left to the vCPU is small
 * too. */
#define SMALL_STEPS_FROM 95
#define SMALL_STEP 2

/* ...or where that saves so much of what the guest loses. */
#define HARD_FACTOR 1.5

/* Kept free of the allowed pause, so that the real one keeps under it whatever happens... */
#define PAUSE_MARGIN_MS 40

/* ...and a throttled vCPU has to be waited for, so many ms x p / (1 - p), the less it is given.
 * Under a quota half of what a stop by itself takes (vcpu_quota.c: 20, 38, 124 ms at 90, 95,
 * 99 %), since the link has something to send meanwhile; under QEMU's throttle of 95 % pauses
 * in the lab came out 14..57 ms above downtime-limit. */
#define QUOTA_WAIT_MS 0.5
#define QEMU_WAIT_MS 1.0

/* Candidates for the pause: the initial one, doubled up to the maximum. */
#define DOWNTIME_FACTOR 2

/* Plans this close are a tie, which the shorter migration wins. */
#define TIE_FACTOR 1.05
#define TIE_MS 20

/* For a vCPU under @throttle, ms. */
static gint64
waitFor(const convergeControl *control,
        unsigned int throttle)
{
    double slice = convergeControlIsImmediate(control) ? QUOTA_WAIT_MS : QEMU_WAIT_MS;

    return convergeRound(floor(slice * throttle / (100.0 - throttle)));
}

convergePlan
convergePlanMake(const convergeControl *control,
                 unsigned int throttle,
                 gint64 downtimeMs)
{
    convergePlan plan = {
        .throttle = throttle,
        .downtimeMs = downtimeMs,
        .overheadMs = CONVERGE_PAUSE_OVERHEAD_MS,
    };

    if (!convergeControlIsImmediate(control)) {
        plan.latency = control->primed ? 1 : 2;
        plan.floor = CONVERGE_THROTTLE_FLOOR;
        plan.overheadMs += waitFor(control, throttle);
    }
    return plan;
}

gint64
convergePlanHighestDowntime(const convergeControl *control,
                            unsigned int throttle)
{
    gint64 limit = convergeControlGet(control, CONVERGE_FIELD_MAX_DOWNTIME);

    if (convergeControlGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE)
        limit = MAX(limit - PAUSE_MARGIN_MS - waitFor(control, throttle), (limit + 1) / 2);
    if (control->ceilingMs > 0)
        limit = MIN(limit, control->ceilingMs);
    return limit;
}

gint64
convergePlanLowestDowntime(const convergeControl *control,
                           unsigned int throttle)
{
    gint64 highest = convergePlanHighestDowntime(control, throttle);

    if (convergeControlGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_FIXED)
        return highest;
    return MIN(convergeControlGet(control, CONVERGE_FIELD_INITIAL_DOWNTIME), highest);
}

static gboolean
better(const convergePrediction *a,
       const convergePrediction *b)
{
    if (a->converges != b->converges)
        return a->converges;
    if (a->lostMs * TIE_FACTOR + TIE_MS < b->lostMs)
        return TRUE;
    if (b->lostMs * TIE_FACTOR + TIE_MS < a->lostMs)
        return FALSE;
    return a->remainingMs < b->remainingMs;
}

convergePrediction
convergePlanPredictFor(const convergeControl *control,
                       const convergeModel *model,
                       const convergeGuest *guest,
                       double bandwidth,
                       const convergePlan *plan)
{
    convergePrediction prediction = convergeModelPredictFor(model, guest, bandwidth, plan);
    gint64 deadline = convergeControlGet(control, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;

    if (deadline > 0 && elapsed + prediction.remainingMs > deadline)
        prediction.converges = FALSE;
    return prediction;
}

convergePrediction
convergePlanPredict(const convergeControl *control,
                    const convergeModel *model,
                    const convergePlan *plan)
{
    return convergePlanPredictFor(control, model, &model->guest, model->bandwidth, plan);
}

void
convergePlanAddError(const convergeModel *model,
                     const convergePlan *plan,
                     convergePrediction *prediction)
{
    double error = MIN(model->bandwidthError, 0.5);
    convergePrediction best, worst;

    best = convergeModelPredictFor(model, &model->least, model->bandwidth * (1 + error), plan);
    worst = convergeModelPredictFor(model, &model->most, model->bandwidth * (1 - error), plan);

    /* Where the worst never ends, it is as wrong as it is long. */
    prediction->errorMs = !best.converges || !worst.converges ? prediction->remainingMs :
        (worst.remainingMs - best.remainingMs) / 2;
}

/* Best pause for @throttle. */
static convergePrediction
predictThrottle(const convergeControl *control,
                const convergeModel *model,
                unsigned int throttle,
                convergePlan *plan)
{
    gint64 highest = convergePlanHighestDowntime(control, throttle);
    gint64 downtime = convergePlanLowestDowntime(control, throttle);
    convergePrediction best = { 0 };

    *plan = convergePlanMake(control, throttle, highest);
    while (TRUE) {
        convergePlan candidate = convergePlanMake(control, throttle, downtime);
        convergePrediction prediction = convergePlanPredict(control, model, &candidate);

        if (prediction.converges && (!best.converges || better(&prediction, &best))) {
            best = prediction;
            *plan = candidate;
        }

        if (downtime >= highest)
            return best;
        downtime = MIN(downtime * DOWNTIME_FACTOR, highest);
    }
}

unsigned int
convergePlanHighestThrottle(const convergeControl *control)
{
    return convergeControlLawIs(control, CONVERGE_THROTTLE_ADAPTIVE) ?
        (unsigned int)convergeControlGet(control, CONVERGE_FIELD_MAX_THROTTLE) : 0;
}

unsigned int
convergePlanGentleThrottle(const convergeControl *control)
{
    return MIN(convergePlanHighestThrottle(control),
               control->actuator == CONVERGE_METHOD_VCPU_QUOTA ? GENTLE_QUOTA : GENTLE_QEMU);
}

/* The next candidate. */
static unsigned int
nextThrottle(unsigned int throttle,
             unsigned int lowest)
{
    throttle += throttle < SMALL_STEPS_FROM ? THROTTLE_STEP : SMALL_STEP;
    return MAX(throttle, lowest);
}

convergeClass
convergePlanChoose(const convergeControl *control,
                   const convergeModel *model,
                   convergePlan *plan,
                   convergePrediction *prediction)
{
    unsigned int highest = convergePlanHighestThrottle(control);
    unsigned int gentle = convergePlanGentleThrottle(control);
    unsigned int lowest = convergeControlIsImmediate(control) ? THROTTLE_STEP :
        CONVERGE_THROTTLE_FLOOR;
    unsigned int throttle = 0;
    gboolean byItself;

    *prediction = predictThrottle(control, model, 0, plan);
    byItself = prediction->converges;

    while (throttle < gentle) {
        convergePlan candidate;
        convergePrediction predicted;

        throttle = MIN(nextThrottle(throttle, lowest), gentle);
        predicted = predictThrottle(control, model, throttle, &candidate);
        if (predicted.converges && (!prediction->converges || better(&predicted, prediction))) {
            *prediction = predicted;
            *plan = candidate;
        }
    }

    if (highest > gentle && !byItself) {
        convergePlan candidate;
        convergePrediction predicted = predictThrottle(control, model, highest, &candidate);

        if (!prediction->converges ||
            (predicted.converges && predicted.lostMs * HARD_FACTOR < prediction->lostMs)) {
            *prediction = predicted;
            *plan = candidate;
        }
    }

    if (prediction->converges)
        return byItself ? CONVERGE_CLASS_CONVERGES : CONVERGE_CLASS_MIDDLE;

    /* Laws with steps of their own may yet come to it. */
    if (convergeControlLawIs(control, CONVERGE_THROTTLE_STEPPED) ||
        convergeControlLawIs(control, CONVERGE_THROTTLE_PROGRESSIVE))
        return CONVERGE_CLASS_UNKNOWN;

    /* What comes closest, and what teaches most about this guest. */
    *plan = convergePlanMake(control, highest, convergePlanHighestDowntime(control, highest));
    return CONVERGE_CLASS_BEYOND;
}

convergePrediction
convergePlanPredictLeast(const convergeControl *control,
                         const convergeModel *model)
{
    unsigned int highest = convergePlanHighestThrottle(control);
    convergePlan plan = convergePlanMake(control, highest,
                                         convergePlanHighestDowntime(control, highest));

    return convergePlanPredictFor(control, model, &model->least, model->bandwidth, &plan);
}
