/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * predict.c: how a migration goes on from here, under a plan of ours or under QEMU's own law
 */
#include <math.h>

#include "engine/fit.h"
#include "engine/predict.h"
#include "util/number.h"

/* QEMU compares what is left with the threshold after every 50 ms of sending (MAX_WAIT
 * in migration/ram.c): on average it notices after half of that. */
#define CHECK_SECONDS 0.025
#define SHORTEST_SECONDS 0.05

/* A prediction looks at so many syncs at most, and at so many in a pass. */
#define PREDICT_STEPS 128
#define PREDICT_PARTS 4
#define STOCK_STEPS 1024
#define STOCK_PARTS 16

/* What is left above the threshold is too much.  A plan does not converge if a pass leaves more than
 * this share of what was too much before it.  That counts from the second pass under the plan's
 * throttle on. */
#define SHRINK 0.97

/* QEMU's auto-converge (migration/ram.c): 20 %, then 10 % more after every second sync that finds
 * more than half as much dirtied as was sent.  Syncs less than a second apart count as one. */
#define STOCK_INITIAL 0.2
#define STOCK_STEP 0.1
#define STOCK_MOST 0.99
#define STOCK_SHARE 0.5
#define STOCK_HITS 2
#define STOCK_SECONDS 1.0

/* After this many such passes under QEMU's strongest throttle its law does not converge either. */
#define STOCK_VAIN 4

/* A migration that is only thought of. */
typedef struct _course course;
struct _course {
    const convergeGuest *guest;
    double bandwidth;
    double threshold;
    double period;    /* s, between syncs in the middle of a pass; 0: there are none */
    double hot, cold; /* left to send, bytes */
    double seconds;   /* since the start of the course; QEMU's law: of the migration */
    double lost;      /* s */
    double hard;      /* s under a throttle of .hardFrom or more */
    double hardFrom;  /* 0..1; 0: none is hard */
    double sinceSync; /* s since the last sync */
    double held;      /* integral of throttle dt over that time, s */
};

static gint64
inMs(double seconds)
{
    return CLAMP(convergeRound(seconds * 1000), 0, CONVERGE_COUNT_MOST);
}

/* What is left is hot and cold in the proportion in which the last pass dirtied both. */
static void
setLeft(course *c,
        double left,
        double passSeconds)
{
    convergeGuest hot = *c->guest;
    double of = passSeconds > 0 ? passSeconds : 1;
    double all = convergeGuestDirtied(c->guest, of, 0);

    hot.coldRate = 0;
    c->hot = left;
    if (c->guest->coldRate > 0 && all > 0)
        c->hot = MIN(left * convergeGuestDirtied(&hot, of, 0) / all, c->guest->workingSet);
    c->cold = left - c->hot;
}

static double
left(const course *c)
{
    return c->hot + c->cold;
}

/* How long this pass still takes. */
static double
passSeconds(const course *c)
{
    double rest = MAX(c->threshold - c->bandwidth * CHECK_SECONDS, 0);

    return MAX((left(c) - rest) / c->bandwidth, SHORTEST_SECONDS);
}

/* How long until the next sync that is looked at: that which ends the pass, or one in its middle.  Where
 * there are many, only @steps of them are. */
static double
stepSeconds(const course *c,
            unsigned int steps)
{
    double seconds = passSeconds(c);

    return c->period > 0 ? MIN(seconds, MAX(c->period, seconds / steps)) : seconds;
}

/* Adds what a set gains by a sync.  What is unsent already is not found again. */
static double
afterSync(double unsent,
          double set,
          double dirtied)
{
    return unsent + dirtied * (1 - MIN(set > 0 ? unsent / set : 0, 1));
}

/* Syncs after @seconds more, and returns how much of what is sent already is to be sent again, bytes. */
static double
endStep(course *c,
        double seconds)
{
    convergeGuest hot = *c->guest;
    double sent = MIN(c->bandwidth * seconds / MAX(left(c), 1), 1);
    double unsent = left(c) * (1 - sent);
    double throttle, dirtied, hotDirtied;

    c->sinceSync += seconds;
    throttle = c->held / c->sinceSync;
    hot.coldRate = 0;
    dirtied = convergeGuestDirtied(c->guest, c->sinceSync, throttle);
    hotDirtied = convergeGuestDirtied(&hot, c->sinceSync, throttle);
    c->hot = afterSync(c->hot * (1 - sent), c->guest->workingSet, hotDirtied);
    c->cold = afterSync(c->cold * (1 - sent), c->guest->coldSet, dirtied - hotDirtied);
    c->sinceSync = c->held = 0;
    return left(c) - unsent;
}

/* Lets @seconds of the pass go by under @throttle (0..1). */
static void
pass(course *c,
     double seconds,
     double throttle)
{
    c->seconds += seconds;
    c->lost += throttle * seconds;
    if (c->hardFrom > 0 && throttle >= c->hardFrom - 0.001)
        c->hard += seconds;
    c->held += throttle * seconds;
}

/* How much more is left than may be left, bytes. */
static double
excess(const course *c)
{
    return left(c) - c->threshold;
}

static gboolean
fits(const course *c)
{
    return left(c) < c->threshold || left(c) < CONVERGE_DIRTIED_FLOOR;
}

/* The prediction of a course that has come to its end, or to nothing. */
static convergePrediction
conclude(const course *c,
         gboolean converges,
         gint64 overheadMs)
{
    convergePrediction prediction = { .converges = converges };
    double downtime = converges ? left(c) / c->bandwidth + overheadMs / 1000.0 : 0;

    prediction.pauseMs = inMs(downtime);
    prediction.remainingMs = inMs(c->seconds + downtime);
    prediction.lostMs = inMs(c->lost + downtime);
    prediction.hardMs = inMs(c->hard);
    return prediction;
}

convergePrediction
convergeModelPredict(const convergeModel *model,
                     const convergePlan *plan)
{
    return convergeModelPredictFor(model, &model->guest, model->bandwidth, plan);
}

convergePrediction
convergeModelPredictFor(const convergeModel *model,
                        const convergeGuest *guest,
                        double bandwidth,
                        const convergePlan *plan)
{
    course c = {
        .guest = guest,
        .bandwidth = bandwidth,
        .threshold = bandwidth * plan->downtimeMs / 1000,
        .period = model->pass.periodSeconds,
        .sinceSync = (model->last.timeMs - model->syncMs) / 1000.0,
        .held = model->throttledMs / 1000,
        .hardFrom = plan->hardThrottle / 100.0,
    };
    convergePrediction prediction;
    double throttle = model->last.throttle / 100.0;
    double target = plan->throttle / 100.0;
    double syncs = plan->latency; /* until the throttle is in force */
    double passes = 0;            /* that have ended, with the part of the one under way */
    gboolean converges = FALSE;
    unsigned int i;

    /* Once QEMU throttles, it never stops before the end. */
    target = MAX(target, MIN(throttle, plan->floor / 100.0));
    setLeft(&c, model->last.remainingBytes, model->pass.seconds);
    if (plan->delay > 0 && plan->latency == 0)
        throttle = plan->before / 100.0;

    for (i = 0; i < PREDICT_STEPS; i++) {
        double before = excess(&c);
        double seconds = stepSeconds(&c, PREDICT_PARTS);
        double share = seconds / passSeconds(&c);
        double wait = seconds;
        gboolean asked = passes >= plan->delay;

        if (asked && syncs <= 0)
            wait = 0;
        else if (asked && c.period > 0)
            wait = CLAMP(syncs * c.period - c.sinceSync, 0, seconds);
        pass(&c, wait, throttle);
        pass(&c, seconds - wait, target);
        endStep(&c, seconds);

        passes += share;
        converges = share >= 1 && fits(&c);
        if (converges ||
            (passes > plan->delay + plan->latency + 1 &&
             excess(&c) > before * (1 - (1 - SHRINK) * share)))
            break;

        if (asked)
            syncs -= c.period > 0 ? 1 + floor(seconds / c.period) : 1;
        if (asked && syncs <= 0)
            throttle = target;
    }

    prediction = conclude(&c, converges, plan->overheadMs);
    prediction.passes = (unsigned int)ceil(passes);
    return prediction;
}

/* QEMU's law, in a migration that is only thought of. */
typedef struct _stock stock;
struct _stock {
    double throttle;
    double dirtied;   /* since the last evaluation, bytes */
    double since;     /* s since then */
    double saved;     /* see convergeModel */
    unsigned int bad; /* evaluations in favour of a step, since the last step */
};

/* What QEMU does at a sync that has found @dirtied bytes after @seconds. */
static void
evaluate(stock *law,
         const course *c,
         double dirtied,
         double seconds)
{
    law->dirtied += dirtied;
    law->since += seconds;
    if (law->since <= STOCK_SECONDS)
        return;
    if (law->dirtied > STOCK_SHARE * c->bandwidth * (1 - law->saved) * law->since && ++law->bad >= STOCK_HITS) {
        law->bad = 0;
        law->throttle = law->throttle > 0 ? MIN(law->throttle + STOCK_STEP, STOCK_MOST) :
                                            STOCK_INITIAL;
    }
    law->dirtied = law->since = 0;
}

convergePrediction
convergeModelPredictStock(const convergeModel *model,
                          const convergeGuest *guest,
                          gint64 downtimeMs)
{
    course c = {
        .guest = guest,
        .bandwidth = model->bandwidth,
        .threshold = model->bandwidth * (1 - model->saved) * downtimeMs / 1000,
        .period = model->pass.periodSeconds,
        .seconds = (model->pass.bulkMs - model->startMs) / 1000.0,
    };
    stock law = { .saved = model->saved };
    double vain = 0;
    unsigned int i;

    setLeft(&c, model->pass.bulkLeft, c.seconds);
    if (fits(&c))
        return conclude(&c, TRUE, 0);
    evaluate(&law, &c, model->pass.bulkDirtied, c.seconds);

    for (i = 0; i < STOCK_STEPS && vain < STOCK_VAIN; i++) {
        double before = excess(&c);
        double seconds = stepSeconds(&c, STOCK_PARTS);
        double share = seconds / passSeconds(&c);
        unsigned int syncs = c.period > 0 ? MAX((unsigned int)(seconds / c.period), 1) : 1;
        unsigned int k;
        double dirtied;

        pass(&c, seconds, law.throttle);
        dirtied = endStep(&c, seconds);
        for (k = 0; k < syncs; k++)
            evaluate(&law, &c, dirtied / syncs, seconds / syncs);
        if (share >= 1 && fits(&c))
            return conclude(&c, TRUE, 0);
        if (law.throttle < STOCK_MOST || excess(&c) <= before * (1 - (1 - SHRINK) * share))
            vain = 0;
        else
            vain += share;
    }
    return conclude(&c, FALSE, 0);
}
