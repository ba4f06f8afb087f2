/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c: the plans that are allowed, and the best of them
 */
#include <math.h>

#include "engine/plan.h"
#include "util/number.h"

/* Candidates of the throttle, %, and of the passes to wait before it. */
static const unsigned int throttles[] = { 0, 10, 20, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 93, 95, 97, 99 };
static const unsigned int delays[] = { 0, 1, 2, 4, 8, 16 };

/* A throttle that is not gentle costs this many times as much. */
#define HARD_FACTOR 1.5

/* This share of the allowed downtime stays unused, and MARGIN_MS besides, so that the real one does
 * not exceed it: the link varies.  What is not memory, and what a throttled vCPU adds, comes on
 * top. */
#define MARGIN_SHARE 0.06
#define MARGIN_MS 8

/* But at least this share of it is used. */
#define LEAST_SHARE 0.3

/* Candidates for the downtime: the initial one, doubled up to the maximum. */
#define DOWNTIME_FACTOR 2

/* A second of migration costs this share of a lost guest second; the second, if the migration takes
 * longer than LATE_FACTOR times what QEMU's auto-converge would have taken; the third, as long as a
 * plan is followed that does not converge. */
#define TIME_COST 0.25
#define LATE_COST 1.0
#define LATE_FACTOR 1.02
#define VAIN_COST 0.5

/* A guest second lost counts this much more where QEMU's auto-converge would have lost less than
 * that by now. */
#define MORE_COST 1.0
#define MORE_FACTOR 1.05
#define MORE_MS 300

/* In the first WAIT_PASSES passes, a plan that waits for the end of the pass may cost WAIT_FACTOR times
 * as much as the best one, and take WAIT_TIME_FACTOR times as long.  That tells a guest that converges by
 * itself from one that does not.  Found with worlds 1 to 600 of converge-adversary. */
#define WAIT_PASSES 5
#define WAIT_FACTOR 1.3
#define WAIT_TIME_FACTOR 1.7

/* A pass that leaves less than this share of what it sent may be followed by better ones. */
#define SHRINKS 0.85

/* Plausible guests, and how likely they are. */
#define GUESTS 3
static const double likelihood[GUESTS] = { 0.5, 0.2, 0.3 };

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
        .overheadMs = limits->overheadMs,
        .hardThrottle = limits->hardLeftMs > 0 ? limits->hardThrottle : 0,
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

    if (limits->adaptiveDowntime && limits->downtimeUse < CONVERGE_DOWNTIME_FULL) {
        double margin = limits->overheadMs;
        double least = LEAST_SHARE * highest;

        /* Where the limit can be kept, it is. */
        if (margin < highest)
            least = MIN(least, MAX(highest - margin, least / 2));

        if (limits->downtimeUse == CONVERGE_DOWNTIME_SAFE)
            margin += waitFor(limits, throttle) + MARGIN_SHARE * highest + MARGIN_MS;
        highest = convergeRound(MAX(highest - margin, least));
    }
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

/* Whether the guest loses more than it may, or is throttled hard for longer than it may. */
static gboolean
breaksLimits(const convergePlanLimits *limits,
             const convergePrediction *prediction)
{
    return (limits->lostLeftMs > 0 && prediction->lostMs > limits->lostLeftMs) ||
        (limits->hardLeftMs > 0 && prediction->hardMs > limits->hardLeftMs);
}

convergePrediction
convergePlanPredictFor(const convergePlanLimits *limits,
                       const convergeModel *model,
                       const convergeGuest *guest,
                       const convergePlan *plan)
{
    convergePrediction prediction = convergeModelPredictFor(model, guest, model->bandwidth, plan);
    gint64 elapsed = model->last.timeMs - model->startMs;

    if ((int)plan->throttle <= limits->refuted || breaksLimits(limits, &prediction))
        prediction.converges = FALSE;
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

/* What lies between the plausible guests is known too well: links change, guests change, and so do
 * plans.  Widened by these, the intervals hold what comes in nine cases of ten: calibrated with
 * worlds 1 to 500 of converge-adversary, and checked with others. */
typedef struct _widening widening;
struct _widening {
    double least, most; /* factors */
    double slackMs;
};

static const widening widenRemaining = { 0.4, 2.5, 50 };
static const widening widenPause = { 0.5, 1.25, 50 };
static const widening widenLost = { 0.6, 4, 300 };

static convergeInterval
widen(const widening *by,
      gint64 best,
      gint64 likely,
      gint64 worst)
{
    double least = MIN(MIN(best, likely), worst) * by->least - by->slackMs;
    double most = MAX(MAX(best, likely), worst) * by->most + by->slackMs;

    return (convergeInterval) { convergeRound(MAX(least, 0)), convergeRound(most) };
}

void
convergePlanAddError(const convergeModel *model,
                     const convergePlan *plan,
                     convergePrediction *prediction)
{
    double error = MIN(model->bandwidthError, 0.5);
    convergePrediction best, worst;

    if (!prediction->converges)
        return;

    best = convergeModelPredictFor(model, &model->least, model->bandwidth * (1 + error), plan);
    worst = convergeModelPredictFor(model, &model->most, model->bandwidth * (1 - error), plan);
    if (!best.converges)
        best = *prediction;
    /* If the worst case never ends, the error is as long as the prediction. */
    if (!worst.converges) {
        worst = *prediction;
        worst.remainingMs *= 2;
        worst.lostMs *= 2;
    }
    convergePlanAddRange(&best, &worst, prediction);
}

void
convergePlanAddRange(const convergePrediction *best,
                     const convergePrediction *worst,
                     convergePrediction *prediction)
{
    prediction->remaining = widen(&widenRemaining, best->remainingMs, prediction->remainingMs,
                                  worst->remainingMs);
    prediction->pause = widen(&widenPause, best->pauseMs, prediction->pauseMs, worst->pauseMs);
    prediction->lost = widen(&widenLost, best->lostMs, prediction->lostMs, worst->lostMs);
    prediction->errorMs = MAX(prediction->remaining.mostMs - prediction->remainingMs,
                              prediction->remainingMs - prediction->remaining.leastMs);
}

unsigned int
convergePlanGentleThrottle(const convergePlanLimits *limits)
{
    return MIN(limits->highestThrottle, limits->throttle->gentle);
}

/* What plans are compared by. */
typedef struct _judge judge;
struct _judge {
    const convergePlanLimits *limits;
    const convergeModel *model;
    const convergeGuest *guests[GUESTS];
    gint64 lateMs[GUESTS];      /* from now on: the end under QEMU's auto-converge; 0: it has none */
    double stockLostMs[GUESTS]; /* guest time lost then, from the start of the migration */
    double least[GUESTS];       /* the cost of the best plan; INFINITY: none converges */
    unsigned int throttle;      /* in force, % */
};

typedef struct _candidate candidate;
struct _candidate {
    convergePlan plan;
    convergePrediction predictions[GUESTS];
};

static judge
judgeMake(const convergePlanLimits *limits,
          const convergeModel *model,
          unsigned int throttle)
{
    judge j = { limits, model, { &model->guest, &model->least, &model->most }, { 0 }, { 0 }, { 0 }, throttle };
    gint64 elapsed = model->last.timeMs - model->startMs;
    unsigned int i;

    for (i = 0; i < GUESTS; i++) {
        convergePrediction stock = convergeModelPredictStock(model, j.guests[i],
                                                             limits->maxDowntimeMs);

        j.least[i] = INFINITY;
        if (stock.converges && model->pass.n > 0)
            j.lateMs[i] = MAX(convergeRound(stock.remainingMs * LATE_FACTOR) - elapsed, 1);
        j.stockLostMs[i] = stock.lostMs * MORE_FACTOR + MORE_MS;
    }
    return j;
}

/* The cost under guest @i of a plan that converges. */
static double
costOf(const judge *j,
       unsigned int i,
       const convergePrediction *prediction)
{
    double cost = prediction->lostMs + TIME_COST * prediction->remainingMs;

    if (j->lateMs[i] > 0)
        cost += LATE_COST * MAX(prediction->remainingMs - j->lateMs[i], 0) +
            MORE_COST * MAX(j->model->lostMs + prediction->lostMs - j->stockLostMs[i], 0);
    return cost;
}

static candidate
candidateMake(judge *j,
              unsigned int throttle,
              unsigned int before,
              unsigned int delay,
              gint64 downtimeMs)
{
    candidate c = { .plan = convergePlanMake(j->limits, throttle, downtimeMs) };
    unsigned int i;

    c.plan.before = before;
    c.plan.delay = delay;
    for (i = 0; i < GUESTS; i++) {
        c.predictions[i] = convergePlanPredictFor(j->limits, j->model, j->guests[i], &c.plan);
        if (c.predictions[i].converges)
            j->least[i] = MIN(j->least[i], costOf(j, i, &c.predictions[i]));
    }
    return c;
}

/* The expected cost. */
static double
expect(const judge *j,
       const candidate *c)
{
    double sum = 0;
    unsigned int i;

    for (i = 0; i < GUESTS; i++) {
        const convergePrediction *prediction = &c->predictions[i];
        double cost = costOf(j, i, prediction);

        if (!prediction->converges) {
            cost = prediction->lostMs + VAIN_COST * prediction->remainingMs;
            if (isfinite(j->least[i]))
                cost += j->least[i];
        }
        sum += likelihood[i] * cost;
    }
    if (c->plan.throttle > convergePlanGentleThrottle(j->limits))
        sum *= HARD_FACTOR;
    return sum;
}

/* Adds a candidate for each delay.  The throttle in force is not lifted for one: what it has cost
 * already would be lost. */
static void
addDelays(judge *j,
          unsigned int throttle,
          unsigned int before,
          GArray *all)
{
    gint64 downtime = convergePlanHighestDowntime(j->limits, throttle);
    gboolean mayWait = throttle > 0 && j->throttle <= before;
    unsigned int i;

    for (i = before > 0 ? 1 : 0; i < (mayWait ? G_N_ELEMENTS(delays) : 1); i++) {
        candidate c = candidateMake(j, throttle, before, delays[i], downtime);

        g_array_append_val(all, c);
    }
}

/* All candidates that @limits allow, as an array of candidate. */
static GArray *
candidatesMake(judge *j)
{
    const convergePlanLimits *limits = j->limits;
    GArray *all = g_array_new(FALSE, FALSE, sizeof(candidate));
    unsigned int highest = limits->highestThrottle;
    unsigned int i;

    for (i = 0; i < G_N_ELEMENTS(throttles); i++) {
        unsigned int throttle = MIN(throttles[i], highest);

        if (throttle > 0 && throttle < limits->throttle->least)
            continue;
        addDelays(j, throttle, 0, all);
        /* A throttle that may be in force for a short time only needs a weaker one before it. */
        if (limits->hardLeftMs > 0 && throttle >= limits->hardThrottle)
            addDelays(j, throttle, limits->hardThrottle - 1, all);
        if (throttles[i] >= highest)
            break;
    }
    return all;
}

/* Lets the downtime of @c be shorter where that costs less. */
static void
refine(judge *j,
       candidate *c)
{
    gint64 highest = c->plan.downtimeMs;
    gint64 downtime = convergePlanLowestDowntime(j->limits, c->plan.throttle);

    if (!c->predictions[0].converges)
        return;

    for (; downtime < highest; downtime *= DOWNTIME_FACTOR) {
        candidate other = candidateMake(j, c->plan.throttle, c->plan.before, c->plan.delay,
                                        downtime);

        if (expect(j, &other) < expect(j, c))
            *c = other;
    }
}

/* Whether @c loses more than QEMU's auto-converge if the guest is the plausible one that dirties least. */
static gboolean
mayRegret(const judge *j,
          const candidate *c)
{
    return j->lateMs[1] > 0 && j->model->lostMs + c->predictions[1].lostMs > j->stockLostMs[1];
}

/* Whether the last pass left less than it sent. */
static gboolean
shrinks(const convergeModel *model)
{
    return model->pass.n > 1 && model->pass.dirtied < SHRINKS * model->pass.sent;
}

/* Whether @wait, which leaves the guest alone until the end of the pass, is to be preferred to @best,
 * though it costs more.  The first passes tell much about the guest. */
static gboolean
mayWait(const judge *j,
        const candidate *best,
        const candidate *wait)
{
    gint64 remaining = wait->predictions[0].remainingMs;

    return j->model->pass.n <= WAIT_PASSES &&
        (j->limits->waits || shrinks(j->model) || mayRegret(j, best)) &&
        remaining <= WAIT_TIME_FACTOR * best->predictions[0].remainingMs &&
        (j->lateMs[0] == 0 || remaining <= j->lateMs[0]) &&
        expect(j, wait) <= WAIT_FACTOR * expect(j, best);
}

convergeChoice
convergePlanChoose(const convergePlanLimits *limits,
                   const convergeModel *model,
                   const convergePlan *current)
{
    judge j = judgeMake(limits, model, current->throttle);
    g_autoptr(GArray) all = candidatesMake(&j);
    candidate now = candidateMake(&j, current->throttle, 0, 0, current->downtimeMs);
    const candidate *best = NULL;
    const candidate *trial = NULL;
    const candidate *wait = NULL;
    gboolean byItself = FALSE;
    convergeChoice choice = { 0 };
    candidate chosen;
    guint i;

    for (i = 0; i < all->len; i++) {
        const candidate *c = &g_array_index(all, candidate, i);

        /* A plan that does not converge only puts off one that does. */
        if (!best || c->predictions[0].converges > best->predictions[0].converges ||
            (c->predictions[0].converges == best->predictions[0].converges &&
             expect(&j, c) < expect(&j, best)))
            best = c;
        if (c->predictions[1].converges && c->plan.delay == 0 &&
            (!trial || costOf(&j, 1, &c->predictions[1]) < costOf(&j, 1, &trial->predictions[1])))
            trial = c;
        if (c->predictions[0].converges && c->plan.delay > 0 && c->plan.before == current->throttle &&
            (!wait || expect(&j, c) < expect(&j, wait)))
            wait = c;
        byItself = byItself || (c->plan.throttle == 0 && c->predictions[0].converges);
    }

    /* As long as a plausible guest converges, the throttle has to show that this one does not. */
    if (!best->predictions[0].converges && trial) {
        best = trial;
        choice.trial = TRUE;
    }

    if (wait && current->throttle == 0 && best->plan.throttle > 0 && best->plan.delay == 0 &&
        mayWait(&j, best, wait))
        best = wait;

    chosen = *best;
    refine(&j, &chosen);
    if (chosen.plan.throttle > 0) {
        candidate without = g_array_index(all, candidate, 0);

        /* A throttle that comes after the end is none. */
        refine(&j, &without);
        if (without.predictions[0].converges && expect(&j, &without) <= expect(&j, &chosen))
            chosen = without;
    }
    choice.plan = chosen.plan;
    choice.prediction = chosen.predictions[0];
    choice.cost = expect(&j, &chosen);
    choice.current = now.predictions[0];
    choice.currentCost = expect(&j, &now);

    if (choice.prediction.converges)
        choice.class_ = byItself ? CONVERGE_CLASS_CONVERGES : CONVERGE_CLASS_MIDDLE;
    else
        choice.class_ = limits->ownSteps ? CONVERGE_CLASS_UNKNOWN : CONVERGE_CLASS_BEYOND;
    return choice;
}
