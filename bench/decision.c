/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decision.c: how long a decision takes, for guests that are expensive to decide for
 *
 * Prints a line for each guest: the fit, the choice of a plan and the prediction of its error, in
 * us, each the fastest of several rounds.  A decision is all three.  Then the same for many random
 * guests: the median, the 99th percentile and the greatest.
 */
#include <math.h>

#include "engine/fit.h"
#include "engine/plan.h"
#include "throttle/throttle.h"

#define MB 1e6
#define LINK (100 * MB)

#define ROUNDS 20
#define TIMES 20
#define RANDOM_GUESTS 3000
#define RANDOM_ROUNDS 3

typedef struct _row row;
struct _row {
    const char *name;
    convergeGuest guest;
    double left;           /* dirty at the end of the bulk pass, bytes */
    double period;         /* s, between syncs in the middle of a pass; 0: none */
    double seconds;        /* the bulk pass */
    unsigned int throttle; /* under which half of the observations were made, % */
    gint64 hardLeftMs;
};

static const row rows[] = {
    { "quiet", { 400 * MB, 20 * MB, 1, 0, 0 }, 300 * MB, 0, 20, 0, 0 },
    { "middle", { 400 * MB, 250 * MB, 1, 0, 0 }, 400 * MB, 0, 20, 0, 0 },
    { "middle, throttled", { 400 * MB, 250 * MB, 0.8, 0, 0 }, 400 * MB, 0, 20, 90, 0 },
    { "middle, hard throttle limited", { 400 * MB, 250 * MB, 0.8, 0, 0 }, 400 * MB, 0, 20, 90, 60000 },
    /* Passes that shrink a little each are predicted one by one. */
    { "at the edge", { 4000 * MB, 98 * MB, 1, 0, 0 }, 3900 * MB, 0, 100, 0, 0 },
    { "at the edge, hot and cold", { 2000 * MB, 80 * MB, 1, 90000 * MB, 17 * MB }, 60000 * MB, 0, 1000, 0, 0 },
    { "at the edge, periodic syncs", { 2000 * MB, 80 * MB, 1, 90000 * MB, 17 * MB }, 60000 * MB, 5, 1000, 0, 0 },
    { "all of it", { 2000 * MB, 80 * MB, 0.7, 90000 * MB, 17 * MB }, 60000 * MB, 5, 1000, 90, 60000 },
    { "a terabyte, periodic syncs", { 200000 * MB, 95 * MB, 1, 800000 * MB, 4 * MB }, 500000 * MB, 5, 10000, 0, 0 },
    { "short passes", { 38 * MB, 500 * MB, 1, 0, 0 }, 38 * MB, 0, 60, 0, 0 },
    { "beyond", { 800 * MB, 50000 * MB, 1, 0, 0 }, 800 * MB, 0, 20, 90, 0 },
};

static void
observe(convergeObservations *list,
        const row *r,
        double seconds,
        double throttle)
{
    list->item[list->n++] = (convergeObservation) {
        .seconds = seconds,
        .throttle = throttle,
        .bytes = MAX(convergeGuestDirtied(&r->guest, seconds, throttle), CONVERGE_DIRTIED_FLOOR),
    };
}

static convergeModel
modelOf(const row *r)
{
    convergeModel model = {
        .bandwidth = LINK,
        .usualBandwidth = LINK,
        .bandwidthError = 0.1,
        .slowMs = -1,
        .pass = { .n = 6, .seconds = r->seconds / 4, .periodSeconds = r->period },
    };
    unsigned int i;

    model.last.active = TRUE;
    model.last.timeMs = model.syncMs = (gint64)(2000 * r->seconds);
    model.last.totalBytes = 1000000000000;
    model.last.remainingBytes = (guint64)(r->left / 2);
    model.last.throttle = r->throttle;
    model.pass.bulkMs = (gint64)(1000 * r->seconds);
    model.pass.bulkLeft = model.pass.bulkDirtied = r->left;
    for (i = 0; i < CONVERGE_MODEL_OBSERVATIONS; i++) {
        observe(&model.passes, r, r->seconds / (1 << i), i % 2 ? r->throttle / 100.0 : 0);
        observe(&model.probes, r, 1, i % 2 ? r->throttle / 100.0 : 0);
    }
    return model;
}

static convergePlanLimits
limitsOf(const row *r,
         convergeThrottleMethod method)
{
    return (convergePlanLimits) {
        .throttle = &convergeThrottles[method]->traits,
        .latency = 1,
        .highestThrottle = 99,
        .adaptiveDowntime = TRUE,
        .initialDowntimeMs = 10,
        .maxDowntimeMs = 300,
        .overheadMs = CONVERGE_PAUSE_OVERHEAD_MS,
        .hardThrottle = 90,
        .hardLeftMs = r->hardLeftMs,
        .refuted = -1,
    };
}

/* In us: the fit, the choice, the error. */
static void
measure(const row *r,
        convergeThrottleMethod method,
        unsigned int rounds,
        unsigned int times,
        double best[3])
{
    convergePlanLimits limits = limitsOf(r, method);
    convergeModel model = modelOf(r);
    convergePlan now = convergePlanMake(&limits, r->throttle, 100);
    convergeChoice choice;
    unsigned int i, j;

    for (i = 0; i < rounds; i++) {
        gint64 at[4];

        at[0] = g_get_monotonic_time();
        for (j = 0; j < times; j++)
            convergeModelFit(&model);
        at[1] = g_get_monotonic_time();
        for (j = 0; j < times; j++)
            choice = convergePlanChoose(&limits, &model, &now);
        at[2] = g_get_monotonic_time();
        for (j = 0; j < times; j++)
            convergePlanAddError(&model, &choice.plan, &choice.prediction);
        at[3] = g_get_monotonic_time();
        for (j = 0; j < 3; j++) {
            double us = (double)(at[j + 1] - at[j]) / times;

            best[j] = i == 0 ? us : MIN(best[j], us);
        }
    }
}

static const convergeThrottleMethod methods[] = {
    CONVERGE_METHOD_QEMU,
    CONVERGE_METHOD_VCPU_QUOTA,
};

/* Between @least and @most, each order of magnitude as likely. */
static double
dice(GRand *rand,
     double least,
     double most)
{
    return least * exp(g_rand_double(rand) * log(most / least));
}

static row
randomRow(GRand *rand)
{
    row r = {
        .name = "random",
        .guest = {
            .workingSet = dice(rand, 10 * MB, 500000 * MB),
            .writeRate = dice(rand, 5 * MB, 20000 * MB),
            .answer = 1 - g_rand_double(rand) / 2,
        },
        .seconds = dice(rand, 5, 5000),
        .throttle = g_rand_boolean(rand) ? (unsigned int)g_rand_int_range(rand, 20, 100) : 0,
        .period = g_rand_boolean(rand) ? 5 : 0,
        .hardLeftMs = g_rand_boolean(rand) ? 60000 : 0,
    };

    if (g_rand_boolean(rand)) {
        r.guest.coldSet = dice(rand, 1, 50) * r.guest.workingSet;
        r.guest.coldRate = dice(rand, 0.01, 1) * r.guest.writeRate;
    }
    r.left = convergeGuestDirtied(&r.guest, r.seconds, 0);
    return r;
}

static int
compare(const void *a,
        const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static void
measureRandom(convergeThrottleMethod method)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autofree double *all = g_new0(double, RANDOM_GUESTS);
    gsize i;

    for (i = 0; i < RANDOM_GUESTS; i++) {
        row r = randomRow(rand);
        double us[3];

        measure(&r, method, RANDOM_ROUNDS, 1, us);
        all[i] = us[0] + us[1] + us[2];
    }
    qsort(all, RANDOM_GUESTS, sizeof(all[0]), compare);
    g_print("%u random guests, %s: median %.0f, p99 %.0f, greatest %.0f us\n", RANDOM_GUESTS,
            convergeThrottleMethodName(method), all[RANDOM_GUESTS / 2],
            all[RANDOM_GUESTS * 99 / 100], all[RANDOM_GUESTS - 1]);
}

int
main(void)
{
    gsize i, j;

    g_print("%-32s %-10s %8s %8s %8s %8s\n", "guest", "throttle", "fit", "choice", "error", "all, us");
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; j < G_N_ELEMENTS(methods); j++) {
            double us[3];

            measure(&rows[i], methods[j], ROUNDS, TIMES, us);
            g_print("%-32s %-10s %8.0f %8.0f %8.0f %8.0f\n", rows[i].name,
                    convergeThrottleMethodName(methods[j]), us[0], us[1], us[2],
                    us[0] + us[1] + us[2]);
        }
    }
    for (j = 0; j < G_N_ELEMENTS(methods); j++)
        measureRandom(methods[j]);
    return 0;
}
