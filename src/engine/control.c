/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: choose the plan that loses the guest least
 */
#include "engine/ladder.h"

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

/* Kept free of the allowed pause, so that the real one keeps under it whatever happens; and
 * a vCPU under a quota has to be waited for, longer the less it is given: half of what a stop
 * by itself takes (vcpu_quota.c: 20, 38, 124 ms at 90, 95, 99 %), since the link has something
 * to send meanwhile. */
#define PAUSE_MARGIN_MS 40
#define QUOTA_WAIT_MS 0.5

/* Candidates for the pause: the initial one, doubled up to the maximum. */
#define DOWNTIME_FACTOR 2

/* Plans this close are a tie, which the shorter migration wins... */
#define TIE_FACTOR 1.05
#define TIE_MS 20

/* ...and the plan in force is kept unless another loses this much less. */
#define KEEP_FACTOR 1.15
#define KEEP_MS 50

/* ...and so many looks in a row say so. */
#define DOUBTS 2

/* So many passes without progress under the strongest throttle are enough of it. */
#define VAIN_PASSES 3

/* After so many passes without progress no prediction of an end is believed: passes
 * shorter than our samples teach the model nothing. */
#define STUCK_PASSES 8

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

gboolean
convergeControlIsImmediate(const convergeControl *control)
{
    return control->actuator == CONVERGE_ACTUATOR_VCPU_QUOTA ||
        control->actuator == CONVERGE_ACTUATOR_DIRTY_LIMIT;
}

/* Of the allowed pause under @throttle, ms. */
static gint64
pauseMargin(const convergeControl *control,
            unsigned int throttle)
{
    double wait = 0;

    if (control->actuator == CONVERGE_ACTUATOR_VCPU_QUOTA)
        wait = QUOTA_WAIT_MS * throttle / (100.0 - throttle);
    return PAUSE_MARGIN_MS + (gint64)wait;
}

/* What can be had from the actuator. */
static convergePlan
makePlan(const convergeControl *control,
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
    }
    return plan;
}

/* The highest downtime-limit that keeps the real pause, overhead included, under
 * what the policy and anybody outside allow. */
static gint64
highestDowntime(const convergeControl *control,
                unsigned int throttle)
{
    gint64 limit = policyGet(control, CONVERGE_FIELD_MAX_DOWNTIME);

    if (policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE)
        limit = MAX(limit - pauseMargin(control, throttle), (limit + 1) / 2);
    if (control->ceilingMs > 0)
        limit = MIN(limit, control->ceilingMs);
    return limit;
}

/* ...under the throttle in force. */
static gint64
highestNow(const convergeControl *control)
{
    return highestDowntime(control, control->plan.throttle);
}

/* Where it starts. */
static gint64
lowestDowntime(const convergeControl *control,
               unsigned int throttle)
{
    gint64 highest = highestDowntime(control, throttle);

    if (policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_FIXED)
        return highest;
    return MIN(policyGet(control, CONVERGE_FIELD_INITIAL_DOWNTIME), highest);
}

static gboolean
lawIs(const convergeControl *control,
      convergeThrottleLaw law)
{
    return policyGet(control, CONVERGE_FIELD_THROTTLE) == law;
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

/* A plan that misses the deadline is as good as one that never ends. */
static convergePrediction
predictFor(const convergeControl *control,
           const convergeModel *model,
           const convergeGuest *guest,
           double bandwidth,
           const convergePlan *plan)
{
    convergePrediction prediction = convergeModelPredictFor(model, guest, bandwidth, plan);
    gint64 deadline = policyGet(control, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;

    if (deadline > 0 && elapsed + prediction.remainingMs > deadline)
        prediction.converges = FALSE;
    return prediction;
}

static convergePrediction
predict(const convergeControl *control,
        const convergeModel *model,
        const convergePlan *plan)
{
    return predictFor(control, model, &model->guest, model->bandwidth, plan);
}

/* How wrong it may be: half of what lies between the worst and the best that guest and link
 * may be. */
static void
addError(const convergeModel *model,
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
    gint64 highest = highestDowntime(control, throttle);
    gint64 downtime = lowestDowntime(control, throttle);
    convergePrediction best = { 0 };

    *plan = makePlan(control, throttle, highest);
    while (TRUE) {
        convergePlan candidate = makePlan(control, throttle, downtime);
        convergePrediction prediction = predict(control, model, &candidate);

        if (prediction.converges && (!best.converges || better(&prediction, &best))) {
            best = prediction;
            *plan = candidate;
        }

        if (downtime >= highest)
            return best;
        downtime = MIN(downtime * DOWNTIME_FACTOR, highest);
    }
}

static unsigned int
highestThrottle(const convergeControl *control)
{
    return lawIs(control, CONVERGE_THROTTLE_ADAPTIVE) ?
        (unsigned int)policyGet(control, CONVERGE_FIELD_MAX_THROTTLE) : 0;
}

static unsigned int
gentleThrottle(const convergeControl *control)
{
    return MIN(highestThrottle(control),
               control->actuator == CONVERGE_ACTUATOR_VCPU_QUOTA ? GENTLE_QUOTA : GENTLE_QEMU);
}

/* The next candidate. */
static unsigned int
nextThrottle(unsigned int throttle,
             unsigned int lowest)
{
    throttle += throttle < SMALL_STEPS_FROM ? THROTTLE_STEP : SMALL_STEP;
    return MAX(throttle, lowest);
}

static convergeClass
choose(const convergeControl *control,
       const convergeModel *model,
       convergePlan *plan,
       convergePrediction *prediction)
{
    unsigned int highest = highestThrottle(control);
    unsigned int gentle = gentleThrottle(control);
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
    if (lawIs(control, CONVERGE_THROTTLE_STEPPED) || lawIs(control, CONVERGE_THROTTLE_PROGRESSIVE))
        return CONVERGE_CLASS_UNKNOWN;

    /* What comes closest, and what teaches most about this guest. */
    *plan = makePlan(control, highest, highestDowntime(control, highest));
    return CONVERGE_CLASS_BEYOND;
}

static unsigned int
startDecisions(convergeControl *control,
               convergeDecision *decisions)
{
    decisions[0] = (convergeDecision) { .reason = CONVERGE_REASON_START };

    switch ((convergeThrottleLaw)policyGet(control, CONVERGE_FIELD_THROTTLE)) {
    case CONVERGE_THROTTLE_STEPPED:
        decisions[0].verb = CONVERGE_VERB_STEP;
        decisions[0].throttle = policyGet(control, CONVERGE_FIELD_INITIAL_THROTTLE);
        decisions[0].increment = policyGet(control, CONVERGE_FIELD_THROTTLE_INCREMENT);
        decisions[0].maxThrottle = policyGet(control, CONVERGE_FIELD_MAX_THROTTLE);
        decisions[0].threshold = policyGet(control, CONVERGE_FIELD_THROTTLE_THRESHOLD);
        decisions[0].tailslow = policyGet(control, CONVERGE_FIELD_THROTTLE_TAILSLOW) != 0;
        break;
    case CONVERGE_THROTTLE_ADAPTIVE:
    case CONVERGE_THROTTLE_PROGRESSIVE:
        control->primed = !convergeControlIsImmediate(control);
        decisions[0].verb = control->primed ? CONVERGE_VERB_PRIME : CONVERGE_VERB_HOLD;
        break;
    case CONVERGE_THROTTLE_NONE:
    case CONVERGE_THROTTLE_LAST:
    default:
        decisions[0].verb = CONVERGE_VERB_HOLD;
        break;
    }

    control->started = TRUE;
    control->ceilingSet = FALSE;
    control->plan = makePlan(control, 0, lowestDowntime(control, 0));
    decisions[1] = (convergeDecision) {
        .verb = CONVERGE_VERB_DOWNTIME,
        .reason = CONVERGE_REASON_START,
        .downtimeMs = control->plan.downtimeMs,
    };
    return 2;
}

static unsigned int
setDowntime(convergeControl *control,
            gint64 downtimeMs,
            convergeReason reason,
            convergeDecision *decision)
{
    control->plan.downtimeMs = downtimeMs;
    *decision = (convergeDecision) {
        .verb = CONVERGE_VERB_DOWNTIME,
        .reason = reason,
        .downtimeMs = downtimeMs,
        .predicted = control->prediction.converges,
        .prediction = control->prediction,
    };
    return 1;
}

/* 0 lets go, as far as QEMU can. */
static unsigned int
setThrottle(convergeControl *control,
            unsigned int throttle,
            convergeReason reason,
            convergeDecision *decision)
{
    control->plan.throttle = throttle;
    control->throttled = control->throttled || throttle > 0;
    control->primed = FALSE;
    *decision = (convergeDecision) {
        .verb = throttle > 0 ? CONVERGE_VERB_THROTTLE : CONVERGE_VERB_HOLD,
        .reason = reason,
        .throttle = throttle,
        .predicted = control->prediction.converges,
        .prediction = control->prediction,
    };
    return 1;
}

/* A ceiling set from outside holds at once, whatever the model says; and it is said to
 * QEMU once more, since whoever set it may have said so after us. */
static unsigned int
obeyCeiling(convergeControl *control,
            convergeDecision *decisions)
{
    if (!control->ceilingSet)
        return 0;

    control->ceilingSet = FALSE;
    return setDowntime(control, MIN(control->plan.downtimeMs, highestNow(control)),
                       CONVERGE_REASON_CEILING, decisions);
}

/* The allowed pause that the ramp has come to. */
static gint64
rampDowntime(const convergeControl *control,
             const convergeModel *model)
{
    gint64 initial = policyGet(control, CONVERGE_FIELD_INITIAL_DOWNTIME);
    gint64 highest = highestNow(control);
    gint64 after = policyGet(control, CONVERGE_FIELD_RAMP_AFTER);
    gint64 every = policyGet(control, CONVERGE_FIELD_RAMP_EVERY);
    gint64 passes = policyGet(control, CONVERGE_FIELD_RAMP_PASSES);
    gint64 factor = policyGet(control, CONVERGE_FIELD_RAMP_FACTOR);
    gint64 steps = policyGet(control, CONVERGE_FIELD_RAMP_STEPS);
    gint64 elapsed = model->last.timeMs - model->startMs;
    gint64 rises = 0;
    gint64 value = initial;

    if (passes > 0)
        rises += ((gint64)model->last.iteration - 1) / passes;
    if (every > 0 && elapsed >= after)
        rises += 1 + (elapsed - after) / every;

    if (factor == 1)
        return MIN(initial + MIN(rises, steps) *
                   (policyGet(control, CONVERGE_FIELD_MAX_DOWNTIME) - initial) / steps, highest);

    for (; rises > 0 && value < highest; rises--)
        value *= factor;
    return MIN(value, highest);
}

static unsigned int
decideRamp(convergeControl *control,
           const convergeModel *model,
           convergeDecision *decisions)
{
    gint64 downtime;

    if (policyGet(control, CONVERGE_FIELD_DOWNTIME) != CONVERGE_DOWNTIME_RAMP)
        return 0;

    downtime = rampDowntime(control, model);
    if (downtime == control->plan.downtimeMs)
        return 0;
    return setDowntime(control, downtime, CONVERGE_REASON_RAMP, decisions);
}

/* A step after every pass that dirtied too much of what it sent. */
static unsigned int
decideProgressive(convergeControl *control,
                  const convergeModel *model,
                  convergeNews news,
                  convergeDecision *decisions)
{
    gint64 threshold = policyGet(control, CONVERGE_FIELD_THROTTLE_THRESHOLD);
    gint64 highest = policyGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    gint64 throttle = control->plan.throttle;

    if (!lawIs(control, CONVERGE_THROTTLE_PROGRESSIVE) || !(news & CONVERGE_NEWS_SYNC) ||
        model->passDirtied * 100 <= model->passSent * threshold || throttle >= highest)
        return 0;

    throttle = throttle == 0 ? policyGet(control, CONVERGE_FIELD_INITIAL_THROTTLE) :
        throttle + policyGet(control, CONVERGE_FIELD_THROTTLE_INCREMENT);
    return setThrottle(control, (unsigned int)MIN(throttle, highest),
                       CONVERGE_REASON_BAD_PASS, decisions);
}

static convergeReason
reasonOf(convergeClass class_,
         unsigned int throttle)
{
    if (class_ == CONVERGE_CLASS_BEYOND)
        return CONVERGE_REASON_BEYOND;
    return throttle > 0 ? CONVERGE_REASON_HELPS : CONVERGE_REASON_CONVERGES;
}

/* Whether @prediction is worth leaving the plan in force for. */
static gboolean
isWorthIt(convergeControl *control,
          const convergePrediction *current,
          const convergePrediction *prediction,
          const convergePlan *plan)
{
    gboolean worse = !current->converges ||
        current->lostMs > prediction->lostMs * KEEP_FACTOR + KEEP_MS;

    control->doubts = worse ? control->doubts + 1 : 0;

    /* At once from nothing to something; to change or to let go, twice the same. */
    return worse && (control->doubts >= DOUBTS ||
                     (control->plan.throttle == 0 && plan->throttle > 0) ||
                     !control->chosen);
}

/* The guest has the last word: first the strongest gentle throttle and the longest pause,
 * and if that does not help either, the strongest of all. */
static unsigned int
decideStuck(convergeControl *control,
            convergeNews news,
            convergeDecision *decisions)
{
    unsigned int highest = (unsigned int)policyGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    unsigned int gentle = gentleThrottle(control);
    gboolean pauses = policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE;
    unsigned int n = 0;

    if (!lawIs(control, CONVERGE_THROTTLE_ADAPTIVE) || !(news & CONVERGE_NEWS_SYNC) ||
        control->stalled < (control->disbelieved + 1) * STUCK_PASSES)
        return 0;

    control->disbelieved++;
    if (control->plan.throttle < highest)
        n += setThrottle(control, control->plan.throttle < gentle ? gentle : highest,
                         CONVERGE_REASON_STUCK, &decisions[n]);
    if (pauses && control->plan.downtimeMs < highestNow(control))
        n += setDowntime(control, highestNow(control), CONVERGE_REASON_STUCK, &decisions[n]);
    return n;
}

/* Not even for what dirties least of all that this guest may be. */
static gboolean
isSurelyBeyond(const convergeControl *control,
               const convergeModel *model)
{
    unsigned int highest = highestThrottle(control);
    convergePlan plan = makePlan(control, highest, highestDowntime(control, highest));

    return !predictFor(control, model, &model->least, model->bandwidth, &plan).converges;
}

/* The best plan by what is known now. */
typedef struct _controlChoice controlChoice;
struct _controlChoice {
    convergePlan plan;
    convergePrediction prediction;
    convergeClass class_;
};

static controlChoice
assess(convergeControl *control,
       const convergeModel *model,
       convergeNews news)
{
    controlChoice choice;

    choice.class_ = choose(control, model, &choice.plan, &choice.prediction);
    /* It does so now because it was throttled. */
    if (choice.class_ == CONVERGE_CLASS_CONVERGES && control->throttled)
        choice.class_ = CONVERGE_CLASS_MIDDLE;
    control->class_ = choice.class_;
    control->outlook = choice.prediction;

    if (choice.class_ != CONVERGE_CLASS_BEYOND)
        control->beyond = 0;
    else if (isSurelyBeyond(control, model))
        control->beyond = CONVERGE_BEYOND_LOOKS;
    else if ((news & CONVERGE_NEWS_SYNC) || convergeControlIsImmediate(control))
        control->beyond++;
    return choice;
}

/* Of the plan in force, between two looks. */
static void
refreshPrediction(convergeControl *control,
                  const convergeModel *model)
{
    gint64 error = control->prediction.errorMs;

    control->prediction = predict(control, model, &control->plan);
    control->prediction.errorMs = error;
}

/* Beyond the strongest throttle, by what the guest did under it, and with no rung left to
 * take: then it is not to be slowed for nothing.  It may yet calm down. */
static gboolean
isInVain(convergeControl *control,
         const convergeModel *model,
         const controlChoice *choice)
{
    unsigned int highest = highestThrottle(control);
    convergePlan strongest = makePlan(control, highest, highestDowntime(control, highest));

    /* An unthrottled guest hides how fast it is: only one that has calmed down for sure is
     * throttled again. */
    if (choice->class_ == CONVERGE_CLASS_CONVERGES ||
        predictFor(control, model, &model->most, model->bandwidth, &strongest).converges)
        control->inVain = FALSE;
    else if (choice->class_ == CONVERGE_CLASS_BEYOND &&
             control->plan.throttle == highest &&
             control->beyond >= CONVERGE_BEYOND_LOOKS && control->stalled >= VAIN_PASSES)
        control->inVain = TRUE;
    return control->inVain;
}

static unsigned int
decideAdaptive(convergeControl *control,
               const convergeModel *model,
               const controlChoice *choice,
               convergeDecision *decisions)
{
    gboolean throttles = lawIs(control, CONVERGE_THROTTLE_ADAPTIVE);
    gboolean pauses = policyGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE;
    const convergePlan *plan = &choice->plan;
    convergePrediction current = predict(control, model, &control->plan);
    gboolean worth = isWorthIt(control, &current, &choice->prediction, plan);
    gboolean first = !control->chosen;
    unsigned int n = 0;

    control->chosen = TRUE;
    control->prediction = current;

    if (isInVain(control, model, choice)) {
        if (control->plan.throttle > 0)
            n += setThrottle(control, 0, CONVERGE_REASON_IN_VAIN, decisions);
        return n;
    }

    if (!worth) {
        /* QEMU was kept ready for the throttle that is not needed. */
        if (first && throttles)
            n += setThrottle(control, 0, CONVERGE_REASON_CONVERGES, decisions);
        return n;
    }

    control->doubts = 0;
    control->prediction = choice->prediction;
    addError(model, plan, &control->prediction);

    if (throttles && (plan->throttle != control->plan.throttle || first))
        n += setThrottle(control, plan->throttle, reasonOf(choice->class_, plan->throttle),
                         &decisions[n]);
    if (pauses && plan->downtimeMs != control->plan.downtimeMs)
        n += setDowntime(control, plan->downtimeMs,
                         choice->class_ == CONVERGE_CLASS_BEYOND ? CONVERGE_REASON_BEYOND :
                         CONVERGE_REASON_PAUSE, &decisions[n]);
    return n;
}

unsigned int
convergeControlDecide(convergeControl *control,
                      const convergeModel *model,
                      convergeNews news,
                      convergeDecision decisions[CONVERGE_DECISIONS_MAX])
{
    const convergeSample *sample = &model->last;
    controlChoice choice;
    gboolean assessed;
    unsigned int n;

    /* With no vCPU running nothing is dirtied: the switchover, or somebody's pause,
     * is better left alone. */
    if (!sample->active || sample->postcopy || sample->paused || control->handedOver)
        return 0;

    if (!control->started)
        return startDecisions(control, decisions);

    if (news & CONVERGE_NEWS_SYNC)
        convergeLadderNoteSync(control, model);

    /* A plan is as good as what the last sync and the last probe have taught.  iteration
     * is 1 until the end of the bulk pass. */
    assessed = sample->iteration >= 2 && news && convergeModelReady(model);
    if (assessed)
        choice = assess(control, model, news);
    else if (control->prediction.converges)
        refreshPrediction(control, model);

    n = convergeLadderDecide(control, model, news, decisions);
    if (control->handedOver)
        return n;

    n += obeyCeiling(control, &decisions[n]);
    if (n == 0)
        n += decideRamp(control, model, &decisions[n]);
    if (n > 0 || !assessed)
        return n;

    n += decideProgressive(control, model, news, decisions);
    if (n == 0 && !control->inVain)
        n += decideStuck(control, news, decisions);
    if (n == 0 && control->disbelieved == 0)
        n += decideAdaptive(control, model, &choice, decisions);
    return n;
}
