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

/* Grid of the fit, first coarse, then fine around the best.  r reaches 64 times what was
 * seen: beyond that, not even a throttle of 99 % makes a difference. */
#define GRID_SETS 16
#define GRID_RATES 24
#define GRID_ANSWERS 4
#define GRID_RATE_SPAN 64.0
#define GRID_FINE 4

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

double
convergeGuestDirtied(const convergeGuest *guest,
                     double seconds,
                     double throttle)
{
    double work = (1 - guest->answer * throttle) * seconds;

    return guest->workingSet * -expm1(-guest->writeRate * work / guest->workingSet);
}

/* Returns @miss and the weighted squares of ln(predicted / observed); stops adding above @limit.
 * Beyond OUTLIER the cost is linear: one wrong observation must not outweigh all others. */
static double
addMisses(const convergeObservations *list,
          const convergeGuest *guest,
          double miss,
          double limit)
{
    double weight = 1;
    gsize i;

    for (i = list->n; i > 0 && miss <= limit; i--) {
        const convergeObservation *o = &list->item[i - 1];
        double seen = 1 - MIN(o->pending / guest->workingSet, 0.9);
        double predicted = convergeGuestDirtied(guest, o->seconds, o->throttle) * seen;
        double off = fabs(log(MAX(predicted, CONVERGE_DIRTIED_FLOOR) / o->bytes));

        miss += weight * (off <= OUTLIER ? off * off : OUTLIER * (2 * off - OUTLIER));
        weight *= OBSERVATION_DECAY;
    }
    return miss;
}

static double
addWeights(const convergeObservations *list,
           double weights)
{
    double weight = 1;
    gsize i;

    for (i = list->n; i > 0; i--) {
        weights += weight;
        weight *= OBSERVATION_DECAY;
    }
    return weights;
}

/* The most that was dirtied, the highest rate at full speed, and whether there was a throttle. */
static void
addExtremes(const convergeObservations *list,
            double *largest,
            double *fastest,
            gboolean *throttled)
{
    gsize i;

    for (i = 0; i < list->n; i++) {
        const convergeObservation *o = &list->item[i];

        *largest = MAX(*largest, o->bytes);
        *fastest = MAX(*fastest, o->bytes / (o->seconds * (1 - o->throttle)));
        *throttled = *throttled || o->throttle > 0.05;
    }
}

/* The cost of what the observations leave open.  @slowest: the least rate that was seen */
static double
priorOf(double writeRate,
        double answer,
        double slowest)
{
    double open = log(writeRate / (PRIOR_RATE * slowest));

    return PRIOR_WEIGHT * open * open + PRIOR_ANSWER * (1 - answer) * (1 - answer);
}

/* Prior and misfit together; @miss is set to the misfit.  The newest observations rule most guests
 * out: above @limit the sum is not completed, and both may be too low. */
static double
costOf(const convergeModel *model,
       const convergeGuest *guest,
       double prior,
       double limit,
       double *miss)
{
    *miss = addMisses(&model->passes, guest, 0, limit - prior);
    *miss = addMisses(&model->probes, guest, *miss, limit - prior);
    return *miss + prior;
}

static double
judge(const convergeGuest *guest)
{
    return convergeGuestDirtied(guest, 1, JUDGED_THROTTLE);
}

void
convergeModelFit(convergeModel *model)
{
    double costs[GRID_ANSWERS][GRID_RATES][GRID_SETS];
    double sets[GRID_SETS];
    double rates[GRID_RATES];
    double weights = addWeights(&model->probes, addWeights(&model->passes, 0));
    gboolean throttled = FALSE;
    double smallest = 0;
    double slowest = 0;
    double best = INFINITY;
    double setStep, rateStep, miss, least, most;
    convergeGuest center = { 0 };
    int answers, i, j, k;

    addExtremes(&model->passes, &smallest, &slowest, &throttled);
    addExtremes(&model->probes, &smallest, &slowest, &throttled);
    if (smallest <= 0)
        return;

    setStep = log(MAX(model->last.totalBytes, smallest) / smallest) / (GRID_SETS - 1);
    rateStep = log(2 * GRID_RATE_SPAN) / (GRID_RATES - 1);
    answers = throttled ? GRID_ANSWERS : 1;
    for (i = 0; i < GRID_SETS; i++)
        sets[i] = smallest * exp(setStep * i);
    for (j = 0; j < GRID_RATES; j++)
        rates[j] = slowest / 2 * exp(rateStep * j);

#define AT(i, j, k) \
    { \
        sets[i], rates[j], 1 - (k) / (double)GRID_ANSWERS \
    }

    for (k = 0; k < answers; k++) {
        for (j = 0; j < GRID_RATES; j++) {
            double prior = priorOf(rates[j], 1 - k / (double)GRID_ANSWERS, slowest);

            for (i = 0; i < GRID_SETS; i++) {
                convergeGuest guest = AT(i, j, k);

                costs[k][j][i] = costOf(model, &guest, prior, best + PLAUSIBLE, &miss);
                if (costs[k][j][i] < best) {
                    best = costs[k][j][i];
                    center = guest;
                }
            }
        }
    }

    model->guest = center;
    for (k = throttled ? -1 : 0; k <= (throttled ? 1 : 0); k++) {
        double answer = CLAMP(center.answer + k / (2.0 * GRID_ANSWERS), 0, 1);

        for (j = -GRID_FINE; j <= GRID_FINE; j++) {
            double rate = center.writeRate * exp(rateStep * j / GRID_FINE);
            double prior = priorOf(rate, answer, slowest);

            for (i = -GRID_FINE; i <= GRID_FINE; i++) {
                convergeGuest guest = {
                    MAX(center.workingSet * exp(setStep * i / GRID_FINE), smallest),
                    rate,
                    answer,
                };
                double cost = costOf(model, &guest, prior, best, &miss);

                if (cost <= best) {
                    best = cost;
                    model->guest = guest;
                    model->fitError = sqrt(miss / weights);
                }
            }
        }
    }

    model->least = model->most = model->guest;
    least = most = judge(&model->guest);
    for (k = 0; k < answers; k++) {
        for (j = 0; j < GRID_RATES; j++) {
            for (i = 0; i < GRID_SETS; i++) {
                convergeGuest guest = AT(i, j, k);
                double judged;

                if (costs[k][j][i] > best + PLAUSIBLE)
                    continue;
                judged = judge(&guest);
                if (judged < least) {
                    least = judged;
                    model->least = guest;
                }
                if (judged > most) {
                    most = judged;
                    model->most = guest;
                }
            }
        }
    }
#undef AT
}
