/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: the laws, and when a plan is worth changing
 */
#include "engine/fit.h"
#include "engine/ladder.h"
#include "engine/plan.h"
#include "util/number.h"

/* The plan in force is kept unless another loses this much less. */
#define KEEP_FACTOR 1.15
#define KEEP_MS 50

/* ...and so many looks in a row say so. */
#define DOUBTS 2

/* So long it takes until a probe tells that a throttle was loosened by mistake: the pause
 * between two of them, and its own second (loop.c). */
#define RELEARN_SECONDS 2.0

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

gboolean
convergeControlIsImmediate(const convergeControl *control)
{
    return control->actuator == CONVERGE_METHOD_VCPU_QUOTA ||
        control->actuator == CONVERGE_METHOD_DIRTY_LIMIT;
}

static gboolean
controlsPause(const convergeControl *control)
{
    return convergeControlGet(control, CONVERGE_FIELD_DOWNTIME) == CONVERGE_DOWNTIME_ADAPTIVE;
}

/* The highest downtime-limit under the throttle in force. */
static gint64
highestNow(const convergeControl *control)
{
    return convergePlanHighestDowntime(control, control->plan.throttle);
}

static unsigned int
startDecisions(convergeControl *control,
               convergeDecision *decisions)
{
    decisions[0] = (convergeDecision) { .reason = CONVERGE_REASON_START };

    switch ((convergeThrottleLaw)convergeControlGet(control, CONVERGE_FIELD_THROTTLE)) {
    case CONVERGE_THROTTLE_STEPPED:
        decisions[0].verb = CONVERGE_VERB_STEP;
        decisions[0].throttle = convergeControlGet(control, CONVERGE_FIELD_INITIAL_THROTTLE);
        decisions[0].increment = convergeControlGet(control, CONVERGE_FIELD_THROTTLE_INCREMENT);
        decisions[0].maxThrottle = convergeControlGet(control, CONVERGE_FIELD_MAX_THROTTLE);
        decisions[0].threshold = convergeControlGet(control, CONVERGE_FIELD_THROTTLE_THRESHOLD);
        decisions[0].tailslow = convergeControlGet(control, CONVERGE_FIELD_THROTTLE_TAILSLOW) != 0;
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
    control->plan = convergePlanMake(control, 0, convergePlanLowestDowntime(control, 0));
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
    gint64 initial = convergeControlGet(control, CONVERGE_FIELD_INITIAL_DOWNTIME);
    gint64 most = convergeControlGet(control, CONVERGE_FIELD_MAX_DOWNTIME);
    gint64 highest = highestNow(control);
    gint64 after = convergeControlGet(control, CONVERGE_FIELD_RAMP_AFTER);
    gint64 every = convergeControlGet(control, CONVERGE_FIELD_RAMP_EVERY);
    gint64 passes = convergeControlGet(control, CONVERGE_FIELD_RAMP_PASSES);
    gint64 factor = convergeControlGet(control, CONVERGE_FIELD_RAMP_FACTOR);
    gint64 steps = convergeControlGet(control, CONVERGE_FIELD_RAMP_STEPS);
    gint64 elapsed = model->last.timeMs - model->startMs;
    gint64 rises = 0;
    gint64 value = initial;

    if (passes > 0)
        rises += ((gint64)model->last.iteration - 1) / passes;
    if (every > 0 && elapsed >= after)
        rises += 1 + (elapsed - after) / every;

    if (factor == 1)
        return MIN(initial + MIN(rises, steps) * (most - initial) / steps, highest);

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

    if (convergeControlGet(control, CONVERGE_FIELD_DOWNTIME) != CONVERGE_DOWNTIME_RAMP)
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
    gint64 threshold = convergeControlGet(control, CONVERGE_FIELD_THROTTLE_THRESHOLD);
    gint64 highest = convergeControlGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    gint64 throttle = control->plan.throttle;

    if (!convergeControlLawIs(control, CONVERGE_THROTTLE_PROGRESSIVE) ||
        !(news & CONVERGE_NEWS_SYNC) ||
        model->passDirtied * 100 <= model->passSent * threshold || throttle >= highest)
        return 0;

    throttle = throttle == 0 ? convergeControlGet(control, CONVERGE_FIELD_INITIAL_THROTTLE) :
        throttle + convergeControlGet(control, CONVERGE_FIELD_THROTTLE_INCREMENT);
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

/* What loosening to @throttle may cost, ms: if it was a mistake, the sending of all that is
 * written until it is known better; and it is one the likelier, the less the model can
 * explain what was seen. */
static gint64
stakeOf(const convergeModel *model,
        unsigned int throttle)
{
    double dirtied = convergeGuestDirtied(&model->most, RELEARN_SECONDS, throttle / 100.0);

    return convergeRound(1000 * MIN(model->fitError, 1) * dirtied / model->bandwidth);
}

/* Whether @prediction is worth leaving the plan in force for. */
static gboolean
isWorthIt(convergeControl *control,
          const convergeModel *model,
          const convergePrediction *current,
          const convergePrediction *prediction,
          const convergePlan *plan)
{
    gboolean worse = !current->converges ||
        current->lostMs > prediction->lostMs * KEEP_FACTOR + KEEP_MS;

    if (current->converges && plan->throttle < control->plan.throttle)
        worse = worse && current->lostMs - prediction->lostMs > stakeOf(model, plan->throttle);

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
    unsigned int highest = (unsigned int)convergeControlGet(control, CONVERGE_FIELD_MAX_THROTTLE);
    unsigned int gentle = convergePlanGentleThrottle(control);
    gboolean pauses = controlsPause(control);
    unsigned int n = 0;

    if (!convergeControlLawIs(control, CONVERGE_THROTTLE_ADAPTIVE) ||
        !(news & CONVERGE_NEWS_SYNC) ||
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
    convergePrediction least;

    choice.class_ = convergePlanChoose(control, model, &choice.plan, &choice.prediction);
    /* It does so now because it was throttled. */
    if (choice.class_ == CONVERGE_CLASS_CONVERGES && control->throttled)
        choice.class_ = CONVERGE_CLASS_MIDDLE;
    control->class_ = choice.class_;
    control->outlook = choice.prediction;

    if (choice.class_ == CONVERGE_CLASS_UNKNOWN ||
        !convergeLadderIsHopeless(model, &choice.prediction)) {
        control->beyond = 0;
        return choice;
    }

    least = convergePlanPredictLeast(control, model);
    if (convergeLadderIsHopeless(model, &least))
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
    convergeValley valley;

    if (control->waiting && convergePhasesFindValley(&control->phases, model, &valley)) {
        control->prediction = convergePhasesPredict(&control->phases, model, &valley,
                                                    &control->plan);
        return;
    }

    control->prediction = convergePlanPredict(control, model, &control->plan);
    control->prediction.errorMs = error;
}

/* Beyond the strongest throttle, by what the guest did under it, and with no rung left to
 * take: then it is not to be slowed for nothing.  It may yet calm down. */
static gboolean
isInVain(convergeControl *control,
         const convergeModel *model,
         const controlChoice *choice)
{
    unsigned int highest = convergePlanHighestThrottle(control);
    convergePlan strongest = convergePlanMake(control, highest,
                                              convergePlanHighestDowntime(control, highest));

    /* An unthrottled guest hides how fast it is: only one that has calmed down for sure is
     * throttled again. */
    if (choice->class_ == CONVERGE_CLASS_CONVERGES ||
        convergePlanPredictFor(control, model, &model->most, model->bandwidth, &strongest).converges)
        control->inVain = FALSE;
    else if (choice->class_ == CONVERGE_CLASS_BEYOND &&
             control->plan.throttle == highest && control->beyond >= CONVERGE_BEYOND_LOOKS &&
             MIN(control->stalled, control->strongest) >= VAIN_PASSES)
        control->inVain = TRUE;
    return control->inVain;
}

/* What a plan costs all in all: a second of the guest for a second of the migration. */
static gint64
priceOf(const convergePrediction *prediction)
{
    return prediction->remainingMs + prediction->lostMs;
}

/* The least pause with which the valley that is, or the next one, suffices. */
static gboolean
findValleyPlan(const convergeControl *control,
               const convergeModel *model,
               convergePlan *plan,
               convergePrediction *prediction)
{
    gint64 deadline = convergeControlGet(control, CONVERGE_FIELD_DEADLINE);
    gint64 elapsed = model->last.timeMs - model->startMs;
    gint64 highest = convergePlanHighestDowntime(control, 0);
    gint64 downtime = convergePlanLowestDowntime(control, 0);
    convergeValley valley;

    if (!convergePhasesFindValley(&control->phases, model, &valley))
        return FALSE;
    if (!controlsPause(control))
        downtime = highest = control->plan.downtimeMs;

    while (TRUE) {
        *plan = convergePlanMake(control, 0, downtime);
        *prediction = convergePhasesPredict(&control->phases, model, &valley, plan);
        if (prediction->converges && prediction->remainingMs - valley.inMs <= valley.leftMs)
            return deadline == 0 || elapsed + prediction->remainingMs <= deadline;
        if (downtime >= highest)
            return FALSE;
        downtime = MIN(downtime * 2, highest);
    }
}

/* A guest that writes less at times may be handed over then, and not throttled at all: if
 * that takes no longer than it saves.  How long that is at most is decided once: if it was in
 * vain, it is not done again. */
static gboolean
waitsForValley(convergeControl *control,
               const convergeModel *model,
               const controlChoice *choice,
               convergePlan *plan,
               convergePrediction *prediction)
{
    gint64 now = model->last.timeMs;

    /* What a throttle in force has cost already would be spent for nothing. */
    if (control->plan.throttle > 0 || !findValleyPlan(control, model, plan, prediction))
        return FALSE;

    if (control->waitUntilMs == 0) {
        if (choice->prediction.converges &&
            (choice->plan.throttle == 0 ||
             priceOf(prediction) > priceOf(&choice->prediction)))
            return FALSE;
        control->waitUntilMs = now + (choice->prediction.converges ?
            priceOf(&choice->prediction) : 2 * priceOf(prediction));
    }
    return now + prediction->remainingMs <= control->waitUntilMs;
}

static unsigned int
decideAdaptive(convergeControl *control,
               const convergeModel *model,
               const controlChoice *choice,
               convergeDecision *decisions)
{
    gboolean throttles = convergeControlLawIs(control, CONVERGE_THROTTLE_ADAPTIVE);
    gboolean pauses = controlsPause(control);
    const convergePlan *plan = &choice->plan;
    convergePrediction current = convergePlanPredict(control, model, &control->plan);
    gboolean worth = isWorthIt(control, model, &current, &choice->prediction, plan);
    gboolean first = !control->chosen;
    gboolean waited;
    convergePlan valleyPlan;
    convergePrediction valley;
    unsigned int n = 0;

    control->chosen = TRUE;
    control->prediction = current;

    if (isInVain(control, model, choice)) {
        control->class_ = CONVERGE_CLASS_BEYOND;
        if (control->plan.throttle > 0)
            n += setThrottle(control, 0, CONVERGE_REASON_IN_VAIN, decisions);
        return n;
    }

    waited = control->waiting;
    control->waiting = waitsForValley(control, model, choice, &valleyPlan, &valley);
    if (control->waiting) {
        control->prediction = valley;
        if (throttles && !waited)
            n += setThrottle(control, 0, CONVERGE_REASON_VALLEY, &decisions[n]);
        if (pauses && valleyPlan.downtimeMs != control->plan.downtimeMs)
            n += setDowntime(control, valleyPlan.downtimeMs, CONVERGE_REASON_VALLEY,
                             &decisions[n]);
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
    convergePlanAddError(model, plan, &control->prediction);

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
    if (!sample->active || sample->postcopy || sample->paused || control->fallbackTaken)
        return 0;

    if (!control->started)
        return startDecisions(control, decisions);

    if (news & CONVERGE_NEWS_PROBE)
        convergePhasesNote(&control->phases, model);
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
    if (control->fallbackTaken)
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
