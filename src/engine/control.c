/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: choose the plan that loses the guest least
 */
#include "engine/control.h"

/* Candidates: no throttle, then steps up to the policy's maximum. */
#define THROTTLE_FIRST 20
#define THROTTLE_STEP 5

/* Candidates for the pause: the initial one, doubled up to the maximum. */
#define DOWNTIME_FACTOR 2

/* Plans this close are a tie, which the shorter migration wins... */
#define TIE_FACTOR 1.05
#define TIE_MS 20

/* ...and the plan in force is kept unless another loses this much less. */
#define KEEP_FACTOR 1.15
#define KEEP_MS 50

/* Without news, look again this often: bandwidth may have changed. */
#define REVIEW_MS 1000

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

static gint64
policyGet(const convergeControl *control,
          convergeField field)
{
    return convergePolicyGet(control->policy, field);
}

/* The highest downtime-limit that keeps the real pause, overhead included, under
 * what the policy and anybody outside allow. */
static gint64
highestDowntime(const convergeControl *control)
{
    gint64 limit = policyGet(control, CONVERGE_FIELD_MAX_DOWNTIME);

    if (policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE)
        limit = MAX(limit - CONVERGE_PAUSE_OVERHEAD_MS, (limit + 1) / 2);
    if (control->ceilingMs > 0)
        limit = MIN(limit, control->ceilingMs);
    return limit;
}

static gint64
lowestDowntime(const convergeControl *control)
{
    gint64 highest = highestDowntime(control);

    if (policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_FIXED)
        return highest;
    return MIN(policyGet(control, CONVERGE_FIELD_INITIAL_DOWNTIME), highest);
}

static unsigned int
highestThrottle(const convergeControl *control,
                const convergeModel *model)
{
    switch ((convergeThrottleLaw)policyGet(control, CONVERGE_FIELD_THROTTLE)) {
    case CONVERGE_THROTTLE_ADAPTIVE:
        return policyGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    case CONVERGE_THROTTLE_STEPPED:     /* QEMU's, not ours to choose */
        return model->last.throttle;
    case CONVERGE_THROTTLE_NONE:
    case CONVERGE_THROTTLE_LAST:
    default:
        return 0;
    }
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

/* Best pause for @throttle. */
static convergePrediction
predictThrottle(const convergeControl *control,
                const convergeModel *model,
                unsigned int throttle,
                convergePlan *plan)
{
    gint64 highest = highestDowntime(control);
    gint64 downtime = lowestDowntime(control);
    convergePrediction best = { 0 };

    *plan = (convergePlan) { throttle, highest };
    while (TRUE) {
        convergePlan candidate = { throttle, downtime };
        convergePrediction prediction = convergeModelPredict(model, &candidate);

        if (prediction.converges && (!best.converges || better(&prediction, &best))) {
            best = prediction;
            *plan = candidate;
        }

        if (downtime >= highest)
            return best;
        downtime = MIN(downtime * DOWNTIME_FACTOR, highest);
    }
}

static convergeClass
choose(const convergeControl *control,
       const convergeModel *model,
       convergePlan *plan,
       convergePrediction *prediction)
{
    unsigned int highest = highestThrottle(control, model);
    unsigned int throttle;
    gboolean byItself;

    if (policyGet(control, CONVERGE_FIELD_THROTTLE) == CONVERGE_THROTTLE_STEPPED) {
        *prediction = predictThrottle(control, model, highest, plan);
        return prediction->converges ? CONVERGE_CLASS_MIDDLE : CONVERGE_CLASS_UNKNOWN;
    }

    *prediction = predictThrottle(control, model, 0, plan);
    byItself = prediction->converges;

    for (throttle = MIN(THROTTLE_FIRST, highest); throttle > 0;
         throttle = MIN(throttle + THROTTLE_STEP, highest)) {
        convergePlan candidate;
        convergePrediction predicted = predictThrottle(control, model, throttle, &candidate);

        if (predicted.converges && (!prediction->converges || better(&predicted, prediction))) {
            *prediction = predicted;
            *plan = candidate;
        }
        if (throttle == highest)
            break;
    }

    if (prediction->converges)
        return byItself ? CONVERGE_CLASS_CONVERGES : CONVERGE_CLASS_MIDDLE;

    /* What comes closest, and what teaches most about this guest. */
    *plan = (convergePlan) { highest, highestDowntime(control) };
    return CONVERGE_CLASS_BEYOND;
}

static unsigned int
startDecisions(convergeControl *control,
               convergeDecision *decisions)
{
    decisions[0] = (convergeDecision) {
        .verb = CONVERGE_VERB_HOLD,
        .reason = CONVERGE_REASON_START,
    };
    if (policyGet(control, CONVERGE_FIELD_THROTTLE) == CONVERGE_THROTTLE_STEPPED) {
        decisions[0].verb = CONVERGE_VERB_STEP;
        decisions[0].throttle = policyGet(control, CONVERGE_FIELD_INITIAL_THROTTLE);
        decisions[0].increment = policyGet(control, CONVERGE_FIELD_THROTTLE_INCREMENT);
        decisions[0].maxThrottle = policyGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    }

    control->started = TRUE;
    control->plan = (convergePlan) { 0, lowestDowntime(control) };
    decisions[1] = (convergeDecision) {
        .verb = CONVERGE_VERB_DOWNTIME,
        .reason = CONVERGE_REASON_START,
        .downtimeMs = control->plan.downtimeMs,
    };
    return 2;
}

/* A ceiling set from outside holds at once, whatever the model says. */
static unsigned int
obeyCeiling(convergeControl *control,
            convergeDecision *decisions)
{
    gint64 highest = highestDowntime(control);

    if (control->plan.downtimeMs <= highest)
        return 0;

    control->plan.downtimeMs = highest;
    decisions[0] = (convergeDecision) {
        .verb = CONVERGE_VERB_DOWNTIME,
        .reason = CONVERGE_REASON_CEILING,
        .downtimeMs = highest,
    };
    return 1;
}

static convergeReason
reasonOf(convergeClass class_)
{
    switch (class_) {
    case CONVERGE_CLASS_MIDDLE:
        return CONVERGE_REASON_HELPS;
    case CONVERGE_CLASS_BEYOND:
        return CONVERGE_REASON_BEYOND;
    case CONVERGE_CLASS_UNKNOWN:
    case CONVERGE_CLASS_CONVERGES:
    case CONVERGE_CLASS_LAST:
    default:
        return CONVERGE_REASON_CONVERGES;
    }
}

unsigned int
convergeControlDecide(convergeControl *control,
                      const convergeModel *model,
                      convergeNews news,
                      convergeDecision decisions[CONVERGE_DECISIONS_MAX])
{
    const convergeSample *sample = &model->last;
    convergePrediction current;
    convergePrediction prediction;
    convergePlan plan;
    unsigned int ndecisions = 0;

    /* With no vCPU running nothing is dirtied: the switchover, or somebody's pause,
     * is better left alone. */
    if (!sample->active || sample->postcopy || sample->paused)
        return 0;

    if (!control->started)
        return startDecisions(control, decisions);

    if ((ndecisions = obeyCeiling(control, decisions)) > 0)
        return ndecisions;

    /* iteration is 1 until the sync that ends the bulk pass. */
    if (sample->iteration < 2 || !convergeModelReady(model))
        return 0;

    if (!news && sample->timeMs - control->decidedMs < REVIEW_MS)
        return 0;
    control->decidedMs = sample->timeMs;

    control->class_ = choose(control, model, &plan, &prediction);
    current = convergeModelPredict(model, &control->plan);
    control->prediction = current;

    if (current.converges && control->class_ != CONVERGE_CLASS_BEYOND &&
        current.lostMs <= prediction.lostMs * KEEP_FACTOR + KEEP_MS)
        return 0;

    control->prediction = prediction;

    if (plan.throttle != control->plan.throttle &&
        policyGet(control, CONVERGE_FIELD_THROTTLE) == CONVERGE_THROTTLE_ADAPTIVE) {
        decisions[ndecisions++] = (convergeDecision) {
            .verb = CONVERGE_VERB_THROTTLE,
            .reason = reasonOf(control->class_),
            .throttle = plan.throttle,
            .predicted = TRUE,
            .prediction = prediction,
        };
    }

    if (plan.downtimeMs != control->plan.downtimeMs) {
        decisions[ndecisions++] = (convergeDecision) {
            .verb = CONVERGE_VERB_DOWNTIME,
            .reason = control->class_ == CONVERGE_CLASS_BEYOND ?
                CONVERGE_REASON_BEYOND : CONVERGE_REASON_PAUSE,
            .downtimeMs = plan.downtimeMs,
            .predicted = TRUE,
            .prediction = prediction,
        };
    }

    control->plan = plan;
    return ndecisions;
}
