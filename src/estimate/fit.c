/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit.c: working set and write rate of a guest that is not being migrated
 */
#include <math.h>
#include <string.h>

#include "estimate/fit.h"

#define GIB (1024.0 * 1024 * 1024)
#define PAGE 4096

/* Points of the grid in each dimension.  The search runs twice, the second time only over
 * the area that the first has left possible. */
#define GRID 80

/* The grid's r reaches from half the slowest to 64 times the fastest observed rate, as in the
 * engine (model.c). */
#define RATE_SPAN 64.0

/* 95 % quantile of chi-squared with two degrees of freedom, one for each fitted parameter. */
#define SIGNIFICANT 5.99

/* Prior for r, at twice the fastest observed rate as in the engine (PRIOR_RATE in model.c).
 * It decides only if the measurements leave r open; otherwise it is far too weak to matter. */
#define PRIOR_RATE 2.0
#define PRIOR_WEIGHT 0.05

/* QEMU truncates the rate to whole MiB/s. */
#define RESOLUTION (1024.0 * 1024)

/* If no sampled page has changed, at most this many changes were to be expected: 95 % quantile
 * of a Poisson distribution. */
#define UNSEEN 3.0

typedef struct {
    const convergeObservation *seen;
    gsize n;
    double memory;
    double pages;   /* sampled in each measurement */
    double fastest; /* greatest observed rate, bytes/s */
} fitInput;

/* The least and greatest possible values. */
typedef struct {
    double set[2], rate[2];
} fitBox;

static double
dirtied(double workingSet,
        double writeRate,
        double seconds)
{
    return workingSet * -expm1(-writeRate * seconds / workingSet);
}

/* x ln(x / y), 0 for x = 0. */
static double
xlogx(double x,
      double y)
{
    return x > 0 ? x * log(x / y) : 0;
}

/* Twice the difference in log likelihood from a perfect fit. */
static double
deviance(const fitInput *input,
         double workingSet,
         double writeRate)
{
    double sum = 0;
    gsize i;

    for (i = 0; i < input->n; i++) {
        const convergeObservation *o = &input->seen[i];
        double pages = input->pages;
        double changed = MIN(o->bytes / input->memory, 1) * pages;
        double expected = dirtied(workingSet, writeRate, o->seconds) / input->memory * pages;

        expected = CLAMP(expected, 1e-9, pages - 1e-9);
        sum += 2 * (xlogx(changed, expected) + xlogx(pages - changed, pages - expected));
    }
    return sum;
}

static double
gridAt(const double range[2],
       gsize i)
{
    return range[0] * pow(range[1] / range[0], (double)i / (GRID - 1));
}

static double
prior(const fitInput *input,
      double writeRate)
{
    double open = log(writeRate / (PRIOR_RATE * input->fastest));

    return PRIOR_WEIGHT * open * open;
}

/* Stores the best pair of @box in @fit->corner[0]; returns its deviance. */
static double
findBest(const fitInput *input,
         const fitBox *box,
         convergeSampledFit *fit)
{
    double best = INFINITY;
    double least = INFINITY;
    gsize i, j;

    for (i = 0; i < GRID; i++) {
        for (j = 0; j < GRID; j++) {
            convergeDirtying pair = { gridAt(box->set, i), gridAt(box->rate, j) };
            double miss = deviance(input, pair.workingSet, pair.writeRate);
            double cost = miss + prior(input, pair.writeRate);

            if (cost < best) {
                best = cost;
                least = miss;
                fit->corner[0] = pair;
            }
        }
    }
    return least;
}

/* Stores the extremes of all pairs in @box with a deviance up to @limit in the other corners. */
static void
findCorners(const fitInput *input,
            const fitBox *box,
            double limit,
            convergeSampledFit *fit)
{
    gsize i, j;

    for (i = 1; i < CONVERGE_FIT_CORNERS; i++)
        fit->corner[i] = fit->corner[0];

    for (i = 0; i < GRID; i++) {
        for (j = 0; j < GRID; j++) {
            convergeDirtying pair = { gridAt(box->set, i), gridAt(box->rate, j) };

            if (deviance(input, pair.workingSet, pair.writeRate) > limit)
                continue;
            if (pair.workingSet < fit->corner[1].workingSet)
                fit->corner[1] = pair;
            if (pair.workingSet > fit->corner[2].workingSet)
                fit->corner[2] = pair;
            if (pair.writeRate < fit->corner[3].writeRate)
                fit->corner[3] = pair;
            if (pair.writeRate > fit->corner[4].writeRate)
                fit->corner[4] = pair;
        }
    }
}

/* Shrinks @box to the possible pairs and one point of the grid more on each side. */
static void
shrink(fitBox *box,
       const convergeSampledFit *fit)
{
    double set = pow(box->set[1] / box->set[0], 1.0 / (GRID - 1));
    double rate = pow(box->rate[1] / box->rate[0], 1.0 / (GRID - 1));

    box->set[0] = MAX(box->set[0], fit->corner[1].workingSet / set);
    box->set[1] = MIN(box->set[1], fit->corner[2].workingSet * set);
    box->rate[0] = MAX(box->rate[0], fit->corner[3].writeRate / rate);
    box->rate[1] = MIN(box->rate[1], fit->corner[4].writeRate * rate);
}

double
convergeFitPages(double memory,
                 gboolean exact)
{
    return MAX(exact ? memory / PAGE : memory / GIB * CONVERGE_SAMPLED_PER_GIB, 1);
}

convergeObservation
convergeFitObservation(double seconds,
                       guint64 mibps)
{
    double rate = mibps > 0 ? ((double)mibps + 0.5) * RESOLUTION : 0;

    return (convergeObservation) { .seconds = seconds, .bytes = rate * seconds };
}

static void
fitQuiet(const fitInput *input,
         convergeSampledFit *fit)
{
    double seconds = input->seen[0].seconds;
    double set = UNSEEN / (input->pages * (double)input->n) * input->memory;
    gsize i;

    for (i = 1; i < input->n; i++)
        seconds = MAX(seconds, input->seen[i].seconds);

    fit->quiet = TRUE;
    fit->scatter = 1;
    fit->workingSet.high = set;
    fit->writeRate.high = MAX(set / seconds, RESOLUTION);
    for (i = 1; i < CONVERGE_FIT_CORNERS; i++)
        fit->corner[i] = (convergeDirtying) { set, fit->writeRate.high };
}

void
convergeFitDirtying(const convergeObservation *seen,
                    gsize n,
                    double memory,
                    double setMost,
                    double pages,
                    convergeSampledFit *fit)
{
    fitInput input = { .seen = seen, .n = n, .memory = memory, .pages = pages };
    double largest = 0;
    double slowest = INFINITY;
    fitBox box;
    double limit = 0;
    gsize i;

    memset(fit, 0, sizeof(*fit));

    for (i = 0; i < n; i++) {
        double rate = seen[i].bytes / seen[i].seconds;

        largest = MAX(largest, seen[i].bytes);
        input.fastest = MAX(input.fastest, rate);
        slowest = MIN(slowest, rate);
    }

    if (largest <= 0) {
        fitQuiet(&input, fit);
        return;
    }

    box.set[0] = MIN(largest, memory) / 4;
    box.set[1] = CLAMP(setMost, MIN(largest, memory), memory);
    box.rate[0] = MAX(slowest / 2, MIN(RESOLUTION / 2, input.fastest / 2));
    box.rate[1] = RATE_SPAN * input.fastest;

    for (i = 0; i < 2; i++) {
        double least = findBest(&input, &box, fit);

        /* If even the best pair misses by more than sampling explains, the guest varies, and
         * the limit is widened accordingly. */
        fit->scatter = MAX(n > 2 ? least / (double)(n - 2) : 1, 1);
        limit = least + SIGNIFICANT * fit->scatter;
        findCorners(&input, &box, limit, fit);
        if (i == 0)
            shrink(&box, fit);
    }

    fit->workingSet = (convergeRange) { fit->corner[0].workingSet, fit->corner[1].workingSet,
                                        fit->corner[2].workingSet };
    fit->writeRate = (convergeRange) { fit->corner[0].writeRate, fit->corner[3].writeRate,
                                       fit->corner[4].writeRate };
    fit->setOpen = fit->workingSet.high > 0.99 * memory && largest < 0.9 * memory;
    fit->rateOpen = fit->writeRate.high > 0.99 * RATE_SPAN * input.fastest;
}
