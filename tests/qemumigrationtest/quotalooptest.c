/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotalooptest.c: the loop against the plant, with a throttle that acts at once
 */
#include <math.h>

#include "engine/loop.h"
#include "plant/plant.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)

#define QUOTA "actuator=vcpu-quota"

typedef struct _outcome outcome;
struct _outcome {
    convergePlantResult result;
    convergeStatus status;
    gint64 foreseenMs;      /* the total predicted at the end of the bulk pass; 0: none */
    gint64 foreseenPauseMs; /* the downtime, as predicted just before it */
    gboolean pristine;
};

static outcome
runLoop(const convergePlantConfig *config,
        const char *policyText)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    g_autoptr(convergePolicy) policy = convergePolicyParse(policyText, NULL);
    convergeBackend backend = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE,
                                                   NULL, NULL);
    const convergePlantResult *result = convergePlantGetResult(plant);
    const convergePrediction *prediction = &convergeLoopStatus(loop)->prediction;
    outcome o = { 0 };
    gint64 now = 0;

    while (!result->completed && !result->aborted && now < GIVE_UP_MS) {
        gint64 wait = convergeLoopStep(loop);

        if (prediction->converges) {
            if (o.foreseenMs == 0)
                o.foreseenMs = now + prediction->remainingMs;
            o.foreseenPauseMs = prediction->pauseMs;
        }
        now += wait;
        convergePlantAdvance(plant, now);
    }

    convergeLoopEnd(loop, result->completed, now);
    backend.ops->restore(plant, NULL);
    o.result = *result;
    o.status = *convergeLoopStatus(loop);
    o.pristine = convergePlantIsPristine(plant);
    return o;
}

/* How long it takes to send what the bulk pass leaves dirty, ms. */
static double
leftMs(const convergePlantConfig *config)
{
    double bulk = config->used / config->bandwidth;

    return config->workingSet * -expm1(-config->writeRate * bulk / config->workingSet) /
        config->bandwidth * 1000;
}

static const convergePlantConfig guest = {
    .memory = 1074 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 250 * MB,
    .bandwidth = 96 * MB,
};

/* A middle guest takes little more than the minimum: one bulk pass, and sending once what it
 * left. */
static void
testFloor(void)
{
    const double rates[] = { 150 * MB, 250 * MB, 400 * MB };
    const double sets[] = { 200 * MB, 400 * MB, 800 * MB };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rates); i++) {
        for (j = 0; j < G_N_ELEMENTS(sets); j++) {
            convergePlantConfig config = guest;
            double bulk, left;
            outcome o;

            config.writeRate = rates[i];
            config.workingSet = sets[j];
            config.used = sets[j] + 30 * MB;
            bulk = config.used / config.bandwidth * 1000;
            left = leftMs(&config);
            o = runLoop(&config, "adaptive," QUOTA);

            g_test_message("set %.0f rate %.0f: total %.2f of the floor, lost %.2f, foreseen %.2f",
                           sets[j] / MB, rates[i] / MB, o.result.totalMs / (bulk + left),
                           o.result.lostMs / left, (double)o.foreseenMs / o.result.totalMs);
            g_assert_true(o.result.completed);
            g_assert_true(o.pristine);
            g_assert_cmpfloat(o.result.totalMs, <=, 1.3 * (bulk + left));
            g_assert_cmpfloat(o.result.lostMs, <=, 1.25 * left);
            g_assert_cmpint(o.result.pauseMs, <=, 300);
            g_assert_cmpfloat(fabs(o.foreseenMs - (double)o.result.totalMs), <=,
                              0.2 * o.result.totalMs);
            g_assert_cmpint(o.status.throttle->method, ==, CONVERGE_METHOD_VCPU_QUOTA);
        }
    }
}

/* A guest that converges by itself is left alone. */
static void
testQuiet(void)
{
    const double rates[] = { 0, 2 * MB, 20 * MB };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rates); i++) {
        convergePlantConfig config = guest;
        outcome o;

        config.writeRate = rates[i];
        o = runLoop(&config, "adaptive," QUOTA);
        g_assert_true(o.result.completed);
        g_assert_cmpuint(o.result.peakThrottle, ==, 0);
    }
}

/* For a guest beyond any throttle the fallback comes within one pass after the bulk pass, and
 * costs little more than stopping the guest there would have. */
static void
testBeyond(void)
{
    convergePlantConfig config = guest;
    outcome o;

    config.writeRate = 12000 * MB;
    o = runLoop(&config, "adaptive,fallback=suspend,fallback-when=prediction," QUOTA);
    g_assert_true(o.result.completed);
    g_assert_cmpint(o.status.class_, ==, CONVERGE_CLASS_BEYOND);
    g_assert_cmpuint(o.result.passes, <=, 3);
    g_assert_cmpfloat(o.result.lostMs, <=, 1.3 * leftMs(&config));
}

/* The throttle is lifted once it no longer pays, unlike QEMU's. */
static void
testRelease(void)
{
    convergePlantConfig config = guest;
    g_autoptr(convergePlant) plant = NULL;
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive," QUOTA, NULL);
    g_autoptr(convergeLoop) loop = NULL;
    convergeBackend backend = { &convergePlantOps, NULL };
    const convergePlantResult *result;
    gboolean throttled = FALSE;
    gboolean released = FALSE;
    gint64 now = 0;

    /* The guest writes for 20 s, and then hardly at all. */
    config.used = config.memory = 4000 * MB;
    config.workingSet = 3000 * MB;
    config.nphases = 2;
    config.phases[0] = (convergePlantPhase) { 45000, 1 };
    config.phases[1] = (convergePlantPhase) { 600000, 0.01 };
    backend.opaque = plant = convergePlantNew(&config);
    loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE, NULL, NULL);
    result = convergePlantGetResult(plant);

    while (!result->completed && now < GIVE_UP_MS) {
        now += convergeLoopStep(loop);
        throttled = throttled || convergeLoopStatus(loop)->throttleTarget > 0;
        released = released || (throttled && convergeLoopStatus(loop)->throttleTarget == 0);
        convergePlantAdvance(plant, now);
    }
    g_assert_true(result->completed);
    g_assert_true(throttled);
    g_assert_true(released);
}

/* A link that halves in the middle of the throttled pass. */
static void
testLinkHalves(void)
{
    convergePlantConfig config = guest;
    outcome o;

    config.nlinkChanges = 1;
    config.linkChanges[0] = (convergePlantLinkChange) { 5500, config.bandwidth / 2 };
    o = runLoop(&config, "adaptive," QUOTA);
    g_assert_true(o.result.completed);
    g_assert_cmpint(o.result.pauseMs, <=, 300);
    g_assert_cmpfloat(o.result.lostMs, <=, 1.25 * 2 * leftMs(&guest));
}

/* Just short of beyond, a throttle of 99 % does converge, but loses the guest far more than
 * stopping it at once: the guest counts as beyond. */
static void
testHopeless(void)
{
    convergePlantConfig config = guest;
    outcome throttled, stopped;

    config.writeRate = 8000 * MB;
    throttled = runLoop(&config, "adaptive," QUOTA);
    stopped = runLoop(&config, "adaptive,fallback=suspend,fallback-when=prediction," QUOTA);
    g_test_message("lost by throttling %.1f, by falling back %.1f of a stop at once",
                   throttled.result.lostMs / leftMs(&config),
                   stopped.result.lostMs / leftMs(&config));
    g_assert_true(throttled.result.completed);
    g_assert_true(stopped.result.completed);
    g_assert_cmpuint(stopped.result.passes, <=, 3);
    g_assert_cmpfloat(stopped.result.lostMs, <, 0.6 * throttled.result.lostMs);
}

/* Wherever a command is refused, the guest gets all of its time back. */
static void
testRefused(void)
{
    unsigned int from;

    for (from = 1; from < 8; from++) {
        convergePlantConfig config = guest;

        config.refuseFrom = from;
        g_assert_true(runLoop(&config, "adaptive," QUOTA).pristine);
    }
}

/* In a peak the guest needs a throttle, in a valley none, whether there is a valley when the bulk
 * pass ends, after 56 s, or one has to be waited for, after 206 s. */
static void
testValley(void)
{
    const char *const policies[] = { "adaptive," QUOTA, "adaptive,actuator=qemu" };
    const struct {
        double memory, used, set, rate;
        convergePlantPhase busy, quiet;
    } cases[] = {
        { 8590 * MB, 7000 * MB, 1000 * MB, 500 * MB, { 40000, 1 }, { 40000, 0.05 } },
        { 25770 * MB, 25770 * MB, 2577 * MB, 1000 * MB, { 25000, 1 }, { 45000, 0.0025 } },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (j = 0; j < G_N_ELEMENTS(policies); j++) {
            convergePlantConfig config = {
                .memory = cases[i].memory,
                .used = cases[i].used,
                .workingSet = cases[i].set,
                .writeRate = cases[i].rate,
                .bandwidth = 125 * MB,
                .nphases = 2,
                .phases = { cases[i].busy, cases[i].quiet },
            };
            outcome o = runLoop(&config, policies[j]);
            gint64 at = o.result.totalMs % (cases[i].busy.ms + cases[i].quiet.ms);

            g_test_message("%zu %s: %.1f s, lost %.1f s, %.1f s after a peak began: %s",
                           i, policies[j], o.result.totalMs / 1000.0, o.result.lostMs / 1000,
                           at / 1000.0, o.status.reason);
            g_assert_true(o.result.completed);
            g_assert_cmpint(at, >, cases[i].busy.ms);
            g_assert_cmpint(o.result.pauseMs, <=, 300);
            g_assert_cmpuint(o.result.peakThrottle, <=, 1);
            g_assert_cmpfloat(o.result.lostMs, <, 1000);
        }
    }
}

/* There are few turns, since each costs CPU, and most of them come when a sync is near. */
static void
testTurns(void)
{
    g_autoptr(convergePlant) plant = convergePlantNew(&guest);
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive," QUOTA, NULL);
    convergeBackend backend = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE,
                                                   NULL, NULL);
    const convergePlantResult *result = convergePlantGetResult(plant);
    unsigned int turns = 0;
    gint64 latestMs = 0;
    gint64 now = 0;

    while (!result->completed && now < GIVE_UP_MS) {
        guint64 passes = result->passes;
        gint64 wait = convergeLoopStep(loop);
        gint64 ms;

        for (ms = 1; ms <= wait; ms++) {
            convergePlantAdvance(plant, ++now);
            if (result->passes > passes)
                latestMs = MAX(latestMs, wait - ms);
            passes = result->passes;
        }
        turns++;
    }

    g_test_message("%u turns in %.1f s, at most %" G_GINT64_FORMAT " ms behind a sync",
                   turns, result->totalMs / 1000.0, latestMs);
    g_assert_true(result->completed);
    g_assert_cmpfloat(turns, <=, 4 * result->totalMs / 1000.0);
    g_assert_cmpint(latestMs, <=, 200);
}

#define MANY 100

static gpointer
oneOfMany(gpointer opaque)
{
    outcome *o = opaque;
    convergePlantConfig config = guest;

    config.writeRate = o->foreseenMs * MB;
    *o = runLoop(&config, "adaptive," QUOTA);
    return NULL;
}

/* A hundred loops at once, each with a guest of its own, do what each would do alone. */
static void
testMany(void)
{
    g_autofree outcome *alone = g_new0(outcome, MANY);
    g_autofree outcome *together = g_new0(outcome, MANY);
    GThread *threads[MANY];
    gsize i;

    for (i = 0; i < MANY; i++) {
        alone[i].foreseenMs = together[i].foreseenMs = 10 + 5 * (gint64)i;
        oneOfMany(&alone[i]);
    }
    for (i = 0; i < MANY; i++)
        threads[i] = g_thread_new("loop", oneOfMany, &together[i]);
    for (i = 0; i < MANY; i++)
        g_thread_join(threads[i]);

    for (i = 0; i < MANY; i++) {
        g_assert_true(together[i].result.completed);
        g_assert_cmpint(together[i].result.totalMs, ==, alone[i].result.totalMs);
        g_assert_cmpfloat(together[i].result.lostMs, ==, alone[i].result.lostMs);
        g_assert_cmpstr(together[i].status.reason, ==, alone[i].status.reason);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quota-loop/floor", testFloor);
    g_test_add_func("/quota-loop/quiet", testQuiet);
    g_test_add_func("/quota-loop/beyond", testBeyond);
    g_test_add_func("/quota-loop/hopeless", testHopeless);
    g_test_add_func("/quota-loop/release", testRelease);
    g_test_add_func("/quota-loop/link-halves", testLinkHalves);
    g_test_add_func("/quota-loop/refused", testRefused);
    g_test_add_func("/quota-loop/valley", testValley);
    g_test_add_func("/quota-loop/turns", testTurns);
    g_test_add_func("/quota-loop/many", testMany);
    return g_test_run();
}
