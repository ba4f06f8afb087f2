/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c: the plans that are allowed, and the best of them
 */
#include "engine/plan.h"
#include "util/number.h"

/* Candidates: no throttle, then steps up to the policy's maximum. */
#define THROTTLE_STEP 5

/* From here on the steps are smaller, since what is left to the vCPU is small too. */
#define SMALL_STEPS_FROM 95
#define SMALL_STEP 2

/* A throttle that is not gentle is taken if nothing gentler converges, or if the guest loses this
 * many times less under it. */
#define HARD_FACTOR 1.5

/* This much of the allowed downtime stays unused, so that the real one does not exceed it.  What a
 * throttled vCPU adds comes on top. */
#define PAUSE_MARGIN_MS 40

/* Candidates for the downtime: the initial one, doubled up to the maximum. */
#define DOWNTIME_FACTOR 2

/* Plans that lose about the same, within both, are a tie, which the shorter migration wins. */
#define TIE_FACTOR 1.05
#define TIE_MS 20

static const char *const classNames[] = {
    [CONVERGE_CLASS_UNKNOWN] = "unknown",
    [CONVERGE_CLASS_CONVERGES] = "converges",
    [CONVERGE_CLASS_MIDDLE] = "middle",
    [CONVERGE_CLASS_BEYOND] = "beyond",
};
G_STATIC_ASSERT(G_N_ELEMENTS(classNames) == CONVERGE_CLASS_LAST);

const char *
convergeClassName(convergeClass class_)
{
    return classNames[class_];
}

/* How long the switchover waits for a vCPU under @throttle %, ms. */
static gint64
waitFor(const convergePlanLimits *limits,
        unsigned int throttle)
{
    return convergeRound(floor(limits->throttle->waitMs * throttle / (100.0 - throttle)));
}

convergePlan
convergePlanMake(const convergePlanLimits *limits,
                 unsigned int throttle,
                 gint64 downtimeMs)
{
    convergePlan plan = {
        .throttle = throttle,
        .downtimeMs = downtimeMs,
        .overheadMs = CONVERGE_PAUSE_OVERHEAD_MS,
    };

    if (!limits->throttle->immediate) {
        plan.latency = limits->latency;
        plan.floor = limits->throttle->least;
        plan.overheadMs += waitFor(limits, throttle);
    }
    return plan;
}

gint64
convergePlanHighestDowntime(const convergePlanLimits *limits,
                            unsigned int throttle)
{
    gint64 highest = limits->maxDowntimeMs;

    if (limits->adaptiveDowntime)
        highest = MAX(highest - PAUSE_MARGIN_MS - waitFor(limits, throttle), (highest + 1) / 2);
    if (limits->ceilingMs > 0)
        highest = MIN(highest, limits->ceilingMs);
    return highest;
}

gint64
convergePlanLowestDowntime(const convergePlanLimits *limits,
                           unsigned int throttle)
{
    gint64 highest = convergePlanHighestDowntime(limits, throttle);

    return limits->fixedDowntime ? highest : MIN(limits->initialDowntimeMs, highest);
}

convergePlan
convergePlanStrongest(const convergePlanLimits *limits)
{
    unsigned int throttle = limits->highestThrottle;

    return convergePlanMake(limits, throttle, convergePlanHighestDowntime(limits, throttle));
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
convergePlanPredictFor(const convergePlanLimits *limits,
                       const convergeModel *model,
                       const convergeGuest *guest,
                       const convergePlan *plan)
{
    convergePrediction prediction = convergeModelPredictFor(model, guest, model->bandwidth, plan);
    gint64 elapsed = model->last.timeMs - model->startMs;

    if (limits->deadlineMs > 0 && elapsed + prediction.remainingMs > limits->deadlineMs)
        prediction.converges = FALSE;
    return prediction;
}

convergePrediction
convergePlanPredict(const convergePlanLimits *limits,
                    const convergeModel *model,
                    const convergePlan *plan)
{
    return convergePlanPredictFor(limits, model, &model->guest, plan);
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

    /* If the worst case never ends, the error is as long as the prediction. */
    if (best.converges && worst.converges)
        prediction->errorMs = (worst.remainingMs - best.remainingMs) / 2;
    else
        prediction->errorMs = prediction->remainingMs;
}

/* The prediction for @throttle % with the best downtime; @plan is set to that plan. */
static convergePrediction
predictThrottle(const convergePlanLimits *limits,
                const convergeModel *model,
                unsigned int throttle,
                convergePlan *plan)
{
    gint64 highest = convergePlanHighestDowntime(limits, throttle);
    gint64 downtime = convergePlanLowestDowntime(limits, throttle);
    convergePrediction best = { 0 };

    *plan = convergePlanMake(limits, throttle, highest);
    while (TRUE) {
        convergePlan candidate = convergePlanMake(limits, throttle, downtime);
        convergePrediction prediction = convergePlanPredict(limits, model, &candidate);

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
convergePlanGentleThrottle(const convergePlanLimits *limits)
{
    return MIN(limits->highestThrottle, limits->throttle->gentle);
}

/* The next candidate. */
static unsigned int
nextThrottle(unsigned int throttle,
             unsigned int lowest)
{
    throttle += throttle < SMALL_STEPS_FROM ? THROTTLE_STEP : SMALL_STEP;
    return MAX(throttle, lowest);
}

convergeChoice
convergePlanChoose(const convergePlanLimits *limits,
                   const convergeModel *model)
{
    unsigned int highest = limits->highestThrottle;
    unsigned int gentle = convergePlanGentleThrottle(limits);
    unsigned int lowest = MAX(limits->throttle->least, THROTTLE_STEP);
    unsigned int throttle = 0;
    convergeChoice choice;
    gboolean byItself;

    choice.prediction = predictThrottle(limits, model, 0, &choice.plan);
    byItself = choice.prediction.converges;

    while (throttle < gentle) {
        convergePlan candidate;
        convergePrediction predicted;

        throttle = MIN(nextThrottle(throttle, lowest), gentle);
        predicted = predictThrottle(limits, model, throttle, &candidate);
        if (predicted.converges &&
            (!choice.prediction.converges || better(&predicted, &choice.prediction))) {
            choice.prediction = predicted;
            choice.plan = candidate;
        }
    }

    if (highest > gentle && !byItself) {
        convergePlan candidate;
        convergePrediction predicted = predictThrottle(limits, model, highest, &candidate);

        if (!choice.prediction.converges ||
            (predicted.converges && predicted.lostMs * HARD_FACTOR < choice.prediction.lostMs)) {
            choice.prediction = predicted;
            choice.plan = candidate;
        }
    }

    if (choice.prediction.converges) {
        choice.class_ = byItself ? CONVERGE_CLASS_CONVERGES : CONVERGE_CLASS_MIDDLE;
    } else if (limits->ownSteps) {
        choice.class_ = CONVERGE_CLASS_UNKNOWN;
    } else {
        /* The strongest plan comes closest, and teaches most about this guest. */
        choice.plan = convergePlanStrongest(limits);
        choice.class_ = CONVERGE_CLASS_BEYOND;
    }
    return choice;
}
