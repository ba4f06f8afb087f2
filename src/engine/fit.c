/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit.c: the guest that fits a model's observations best
 */
#include <math.h>

#include "engine/fit.h"

/* Weight of an observation relative to the next newer one, since the guest may change. */
#define OBSERVATION_DECAY 0.7

/* ln(4): noise alone does not make an observation miss by more than a factor of four. */
#define OUTLIER 1.4

/* Grid of the fit, first coarse, then fine around the best, twice.  r reaches 64 times what was
 * seen: beyond that, not even a throttle of 99 % makes a difference. */
#define GRID_SETS 18
#define GRID_RATES 20
#define GRID_ANSWERS 5
#define GRID_RATE_SPAN 64.0
#define GRID_FINE 3

/* The sizes that are tried for a cold set: this many times the hot one, and all the rest of memory.
 * Observations hardly tell one from the other. */
#define COLD_SETS 8.0

/* Cost of a cold set: it must explain what a hot set alone does not. */
#define PRIOR_COLD 0.02

/* Where the observations leave the rate open, the fit prefers twice what was seen, with this
 * weight: a saturated guest looks slower than it is. */
#define PRIOR_WEIGHT 0.003
#define PRIOR_RATE 2.0

/* Likewise the weight for a guest that dirties in proportion to its CPU time. */
#define PRIOR_ANSWER 0.3

/* Observations are off by some 15 %.  A guest that fits worse than the best by no more than two
 * standard deviations of that is as plausible. */
#define OBSERVATION_NOISE 0.15
#define PLAUSIBLE (4 * OBSERVATION_NOISE * OBSERVATION_NOISE)

/* Plausible guests are compared by what they dirty in a second under this throttle. */
#define JUDGED_THROTTLE 0.9

/* Observations under a weaker throttle than this tell little of the answer to one. */
#define THROTTLED 0.5

gboolean
convergeObservationIsThrottled(const convergeObservation *observation)
{
    return observation->throttle > THROTTLED;
}

/* Distinct bytes of a set of @bytes that are written to in @seconds at @rate. */
static double
distinct(double bytes,
         double rate,
         double seconds)
{
    return bytes * -expm1(-rate * seconds / bytes);
}

double
convergeGuestDirtied(const convergeGuest *guest,
                     double seconds,
                     double throttle)
{
    double work = (1 - guest->answer * throttle) * seconds;
    double dirtied = distinct(guest->workingSet, guest->writeRate, work);

    if (guest->coldRate > 0)
        dirtied += distinct(guest->coldSet, guest->coldRate, work);
    return dirtied;
}

/* The rate at which a set of @bytes has to be written so that @dirtied are in @seconds. */
static double
rateFor(double bytes,
        double dirtied,
        double seconds)
{
    return -bytes / seconds * log1p(-MIN(dirtied / bytes, 0.95));
}

/* The observations of both kinds. */
typedef struct _evidence evidence;
struct _evidence {
    unsigned int n;
    unsigned int longest; /* the newest of those over the longest time */
    convergeObservation item[2 * CONVERGE_MODEL_OBSERVATIONS];
    double weight[2 * CONVERGE_MODEL_OBSERVATIONS];
    double weights;     /* their sum */
    double memory;      /* bytes */
    double least, most; /* bytes, of all observations */
    gboolean throttled; /* in one of them at least */
};

static void
addAll(evidence *e,
       const convergeObservations *list)
{
    double weights[] = { 1, 1 }; /* of the next one without and with a throttle */
    unsigned int i;

    for (i = list->n; i > 0; i--) {
        const convergeObservation *o = &list->item[i - 1];
        double *next = &weights[convergeObservationIsThrottled(o)];
        double weight = *next;

        e->item[e->n] = *o;
        e->weight[e->n] = weight;
        e->weights += weight;
        if (e->n == 0 || o->seconds > e->item[e->longest].seconds * 1.5)
            e->longest = e->n;
        e->n++;
        e->least = e->least > 0 ? MIN(e->least, o->bytes) : o->bytes;
        e->most = MAX(e->most, o->bytes);
        e->throttled = e->throttled || o->throttle > 0.05;
        *next *= OBSERVATION_DECAY;
    }
}

/* The rate that a guest with this answer to a throttle has at least, bytes/s. */
static double
slowestFor(const evidence *e,
           double answer)
{
    double slowest = 0;
    unsigned int i;

    for (i = 0; i < e->n; i++) {
        const convergeObservation *o = &e->item[i];

        slowest = MAX(slowest, o->bytes / (o->seconds * (1 - answer * o->throttle)));
    }
    return slowest;
}

/* The share of what is dirtied of a set of @bytes that a sync finds, when @pending bytes of it are
 * unsent anyway. */
static double
seenOf(double bytes,
       double pending)
{
    return 1 - MIN(pending / bytes, 0.9);
}

/* The weighted squares of ln(predicted / observed); stops adding above @limit.  Beyond OUTLIER the
 * cost is linear: one wrong observation must not outweigh all others.
 *
 * @hot: what the hot set alone dirties in each observation, bytes */
static double
missOf(const evidence *e,
       const convergeGuest *guest,
       const double *hot,
       double limit)
{
    double miss = 0;
    unsigned int i;

    for (i = 0; i < e->n && miss <= limit; i++) {
        const convergeObservation *o = &e->item[i];
        double work = (1 - guest->answer * o->throttle) * o->seconds;
        double cold = guest->coldRate > 0 ? distinct(guest->coldSet, guest->coldRate, work) : 0;
        /* What was unsent is hot and cold as what is dirtied, as long as there is so much that is hot. */
        double share = hot[i] / MAX(hot[i] + cold, 1);
        double hotPending = MIN(o->pending * share, guest->workingSet);
        double seen = seenOf(guest->workingSet, hotPending) * hot[i];
        double written = o->pending + o->bytes;
        double sets = guest->workingSet;
        double off;

        if (cold > 0) {
            seen += seenOf(guest->coldSet, o->pending - hotPending) * cold;
            sets += guest->coldSet;
        }
        off = fabs(log(MAX(seen, CONVERGE_DIRTIED_FLOOR) / o->bytes));
        miss += e->weight[i] * (off <= OUTLIER ? off * off : OUTLIER * (2 * off - OUTLIER));

        /* All that was left after the sync had been written to. */
        if (o->pending > 0 && sets < written)
            miss += e->weight[i] * pow(log(written / sets), 2);
    }
    return miss;
}

/* The cost of what the observations leave open. */
static double
priorOf(const evidence *e,
        const convergeGuest *guest)
{
    double open = log(guest->writeRate / (PRIOR_RATE * slowestFor(e, guest->answer)));
    double off = 1 - guest->answer;

    return PRIOR_WEIGHT * open * open + PRIOR_ANSWER * off * off;
}

/* Finds the cold set that fits best beside the hot set of @guest, or none, and returns the cost of
 * both.  Its rate is the one that explains the longest observation.
 *
 * @limit: a cost above that is not added up to its end, and may be too low; most guests are ruled
 *         out by a few observations
 * @miss: set to the misfit alone */
static double
addCold(const evidence *e,
        convergeGuest *guest,
        double limit,
        double *miss)
{
    const convergeObservation *o = &e->item[e->longest];
    double rest = MAX(e->memory - guest->workingSet, 0);
    double sets[] = { 0, MIN(COLD_SETS * guest->workingSet, rest), rest };
    double prior = priorOf(e, guest);
    double hot[G_N_ELEMENTS(e->item)];
    convergeGuest best = *guest;
    double least = INFINITY;
    unsigned int i;

    for (i = 0; i < e->n; i++)
        hot[i] = distinct(guest->workingSet, guest->writeRate,
                          (1 - guest->answer * e->item[i].throttle) * e->item[i].seconds);

    for (i = 0; i < G_N_ELEMENTS(sets); i++) {
        convergeGuest with = *guest;
        double cost = prior;
        double missing = o->bytes - hot[e->longest];
        double off;

        if (i > 0) {
            if (missing <= 0 || sets[i] <= CONVERGE_DIRTIED_FLOOR)
                continue;
            with.coldSet = sets[i];
            with.coldRate = rateFor(sets[i], missing,
                                    (1 - guest->answer * o->throttle) * o->seconds);
            if (with.coldRate > guest->writeRate)
                continue;
            cost += PRIOR_COLD;
        }
        off = missOf(e, &with, hot, MIN(limit, least) - cost);
        if (cost + off < least) {
            least = cost + off;
            best = with;
            *miss = off;
        }
    }
    *guest = best;
    return least;
}

static double
judge(const convergeGuest *guest)
{
    return convergeGuestDirtied(guest, 1, JUDGED_THROTTLE);
}

/* A point of the coarse grid. */
typedef struct _point point;
struct _point {
    convergeGuest guest;
    double cost;
};

static void
tryFine(const evidence *e,
        convergeModel *model,
        const convergeGuest *center,
        double setStep,
        double rateStep,
        double answerStep,
        double *best)
{
    int i, j, k;

    for (k = answerStep > 0 ? -1 : 0; k <= (answerStep > 0 ? 1 : 0); k++) {
        for (j = -GRID_FINE; j <= GRID_FINE; j++) {
            for (i = -GRID_FINE; i <= GRID_FINE; i++) {
                convergeGuest guest = {
                    .workingSet = MIN(center->workingSet * exp(setStep * i / GRID_FINE), e->memory),
                    .writeRate = center->writeRate * exp(rateStep * j / GRID_FINE),
                    .answer = CLAMP(center->answer + k * answerStep, 0, 1),
                };
                double miss;
                double cost = addCold(e, &guest, *best, &miss);

                if (cost <= *best) {
                    *best = cost;
                    model->guest = guest;
                    model->fitError = sqrt(miss / e->weights);
                }
            }
        }
    }
}

/* Sets .least and .most. */
static void
findRange(convergeModel *model,
          const point *points,
          unsigned int n,
          double limit)
{
    double least = judge(&model->guest);
    double most = least;
    unsigned int i;

    model->least = model->most = model->guest;
    for (i = 0; i < n; i++) {
        double judged;

        if (points[i].cost > limit)
            continue;
        judged = judge(&points[i].guest);
        if (judged < least) {
            least = judged;
            model->least = points[i].guest;
        }
        if (judged > most) {
            most = judged;
            model->most = points[i].guest;
        }
    }
}

void
convergeModelFit(convergeModel *model)
{
    point points[GRID_ANSWERS * GRID_RATES * GRID_SETS];
    evidence e = { .memory = model->last.totalBytes };
    unsigned int n = 0;
    double best = INFINITY;
    double setStep, rateStep, answerStep, miss;
    convergeGuest center;
    int answers, i, j, k;

    addAll(&e, &model->passes);
    addAll(&e, &model->probes);
    if (e.n == 0)
        return;

    e.memory = MAX(e.memory, e.most);
    answers = e.throttled ? GRID_ANSWERS : 1;
    answerStep = answers > 1 ? 1.0 / (GRID_ANSWERS - 1) : 0;
    setStep = log(e.memory / (e.least / 2)) / (GRID_SETS - 1);
    rateStep = log(2 * GRID_RATE_SPAN) / (GRID_RATES - 1);

    for (k = 0; k < answers; k++) {
        double slowest = slowestFor(&e, 1 - k * answerStep);

        for (j = 0; j < GRID_RATES; j++) {
            for (i = 0; i < GRID_SETS; i++) {
                point *at = &points[n++];

                at->guest = (convergeGuest) {
                    .workingSet = e.least / 2 * exp(setStep * i),
                    .writeRate = slowest / 2 * exp(rateStep * j),
                    .answer = 1 - k * answerStep,
                };
                at->cost = addCold(&e, &at->guest, best + PLAUSIBLE, &miss);
                if (at->cost < best) {
                    best = at->cost;
                    model->guest = at->guest;
                    model->fitError = sqrt(miss / e.weights);
                }
            }
        }
    }

    center = model->guest;
    tryFine(&e, model, &center, setStep, rateStep, answerStep / 2, &best);
    center = model->guest;
    tryFine(&e, model, &center, setStep / GRID_FINE, rateStep / GRID_FINE, answerStep / 4, &best);
    findRange(model, points, n, best + PLAUSIBLE);
}
