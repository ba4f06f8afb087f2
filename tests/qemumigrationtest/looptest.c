/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * looptest.c: the whole loop against the plant, in virtual time
 */
#include "engine/loop.h"
#include "plant/plant.h"

#define MB 1e6
#define GIVE_UP_MS (10 * 60 * 1000)

typedef struct _loopCase loopCase;
struct _loopCase {
    const char *name;
    convergePlantConfig config;
    const char *policy;         /* NULL: QEMU alone */
};

/* Runs one migration to its end, or to GIVE_UP_MS. */
static convergePlantResult
runLoop(const convergePlantConfig *config,
        const char *policyText,
        convergeStatus *status)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(convergeLoop) loop = NULL;
    convergeActuator actuator = { &convergePlantOps, plant };
    gint64 now = 0;

    if (policyText) {
        policy = convergePolicyParse(policyText, NULL);
        g_assert_nonnull(policy);
        loop = convergeLoopNew(policy, &actuator, NULL);
    }

    while (!convergePlantGetResult(plant)->completed && now < GIVE_UP_MS) {
        now += loop ? convergeLoopStep(loop, now) : 100;
        convergePlantAdvance(plant, now);
    }

    if (loop) {
        convergeLoopEnd(loop, convergePlantGetResult(plant)->completed, now);
        if (status)
            *status = *convergeLoopStatus(loop);
    }
    if (g_test_verbose()) {
        const convergePlantResult *r = convergePlantGetResult(plant);

        g_test_message("%s: total %" G_GINT64_FORMAT " pause %" G_GINT64_FORMAT
                       " lost %.0f passes %" G_GUINT64_FORMAT " peak %u",
                       policyText ? policyText : "stock", r->totalMs, r->pauseMs,
                       r->lostMs, r->passes, r->peakThrottle);
    }
    return *convergePlantGetResult(plant);
}

/* The guest of the lab: 400 MB of 1 GiB at 250 MB/s over 96 MB/s. */
static const convergePlantConfig middle = {
    .memory = 1074 * MB, .used = 430 * MB, .workingSet = 400 * MB,
    .writeRate = 250 * MB, .bandwidth = 96 * MB,
};

static void
testMiddle(void)
{
    convergePlantResult stock = runLoop(&middle, NULL, NULL);
    convergePlantResult stepped = runLoop(&middle, "stepped", NULL);
    convergePlantResult adaptive = runLoop(&middle, "adaptive", NULL);

    g_assert_true(stock.completed);
    g_assert_true(adaptive.completed);

    /* The issue's own bar for a real migration. */
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
    g_assert_cmpfloat(adaptive.lostMs, <=, 0.7 * stock.lostMs);
    g_assert_cmpint(adaptive.pauseMs, <=, 300);

    /* "stepped" is what QEMU does by itself. */
    g_assert_cmpint(stepped.totalMs, ==, stock.totalMs);
    g_assert_cmpint(stepped.peakThrottle, ==, stock.peakThrottle);
}

/* One bulk pass and one unthrottled pass is as fast as QEMU's trigger allows. */
static void
testActsAtOnce(void)
{
    convergePlantResult adaptive = runLoop(&middle, "adaptive", NULL);
    double bulk = middle.used / middle.bandwidth;
    double set = middle.workingSet / middle.bandwidth;

    g_assert_cmpfloat(adaptive.totalMs / 1000.0, <, bulk + 2 * set + 2);
}

static void
testNoProbe(void)
{
    convergePlantConfig config = middle;
    convergePlantResult stock = runLoop(&config, NULL, NULL);
    convergePlantResult adaptive;

    config.noProbe = TRUE;
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
}

static void
testQuiet(void)
{
    const double rates[] = { 0, 2 * MB, 20 * MB, 50 * MB };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rates); i++) {
        convergePlantConfig config = middle;
        convergePlantResult stock, adaptive;

        config.writeRate = rates[i];
        stock = runLoop(&config, NULL, NULL);
        adaptive = runLoop(&config, "adaptive", NULL);

        g_assert_true(adaptive.completed);
        g_assert_cmpint(adaptive.peakThrottle, <=, 1);
        g_assert_cmpint(adaptive.pauseMs, <=, stock.pauseMs);
        g_assert_cmpfloat(adaptive.totalMs, <=, 1.05 * stock.totalMs + 500);
    }
}

static void
testLimits(void)
{
    convergePlantResult weak = runLoop(&middle, "adaptive,max-throttle=80", NULL);
    convergePlantResult brief = runLoop(&middle, "adaptive,max-downtime=100ms", NULL);

    g_assert_true(weak.completed);
    g_assert_cmpint(weak.peakThrottle, <=, 80);
    g_assert_cmpint(weak.peakThrottle, >, 0);
    g_assert_true(brief.completed);
    g_assert_cmpint(brief.pauseMs, <=, 100);
}

/* 600 MB in 50 ms, the pathological guest of 2015: no throttle reaches it. */
static void
testBeyond(void)
{
    convergePlantConfig config = middle;
    convergeStatus status;
    convergePlantResult result;

    config.memory = 4000 * MB;
    config.used = 1000 * MB;
    config.workingSet = 800 * MB;
    config.writeRate = 12000 * MB;
    result = runLoop(&config, "adaptive", &status);
    g_assert_false(result.completed);
    g_assert_cmpint(status.class_, ==, CONVERGE_CLASS_BEYOND);
}

static void
testLinkHalves(void)
{
    convergePlantConfig config = middle;
    convergePlantResult stock, adaptive;

    config.bandwidthChangeMs = 7000;
    config.bandwidthAfter = 48 * MB;
    stock = runLoop(&config, NULL, NULL);
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
    g_assert_cmpint(adaptive.pauseMs, <=, 300);
}

/* A QEMU that refuses is left as it is, and the migration goes on as stock. */
static void
testStandsAside(void)
{
    convergePlantConfig config = middle;
    g_autoptr(convergePlant) plant = NULL;
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    g_autoptr(convergeLoop) loop = NULL;
    convergeActuator actuator = { &convergePlantOps, NULL };

    config.refuse = TRUE;
    actuator.opaque = plant = convergePlantNew(&config);
    loop = convergeLoopNew(policy, &actuator, NULL);
    convergeLoopStep(loop, 0);
    g_assert_cmpint(convergeLoopStatus(loop)->state, ==, CONVERGE_STATE_ASIDE);
    g_assert_nonnull(convergeLoopTrouble(loop));
    convergeLoopStep(loop, 100);
    g_assert_true(convergePlantIsPristine(plant));
}

/* A pause allowed from outside is a ceiling, whatever the policy would take. */
static void
testCeiling(void)
{
    g_autoptr(convergePlant) plant = convergePlantNew(&middle);
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeActuator actuator = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &actuator, NULL);
    gint64 now = 0;

    convergeLoopSetCeiling(loop, 50);
    while (!convergePlantGetResult(plant)->completed && now < GIVE_UP_MS) {
        now += convergeLoopStep(loop, now);
        convergePlantAdvance(plant, now);
    }
    g_assert_true(convergePlantGetResult(plant)->completed);
    g_assert_cmpint(convergePlantGetResult(plant)->pauseMs, <=, 50 + CONVERGE_PAUSE_OVERHEAD_MS);
    g_assert_cmpint(convergeLoopStatus(loop)->downtimeMs, <=, 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/middle", testMiddle);
    g_test_add_func("/loop/acts-at-once", testActsAtOnce);
    g_test_add_func("/loop/no-probe", testNoProbe);
    g_test_add_func("/loop/quiet", testQuiet);
    g_test_add_func("/loop/limits", testLimits);
    g_test_add_func("/loop/beyond", testBeyond);
    g_test_add_func("/loop/link-halves", testLinkHalves);
    g_test_add_func("/loop/stands-aside", testStandsAside);
    g_test_add_func("/loop/ceiling", testCeiling);
    return g_test_run();
}
