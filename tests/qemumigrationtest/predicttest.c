/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * predicttest.c: how a migration is predicted to go on, under a plan and under QEMU's own law
 */
#include "engine/predict.h"
#include "feed.h"
#include "plant/methods.h"

#define LINK (100 * MB)
#define GIVE_UP_MS (60 * 60 * 1000)

/* A sync has just found @left bytes. */
static convergeModel
modelOf(convergeGuest guest,
        double left)
{
    convergeModel model = {
        .bandwidth = LINK,
        .usualBandwidth = LINK,
        .guest = guest,
        .slowMs = -1,
        .pass = { .n = 1, .seconds = 10 },
    };

    model.last.active = TRUE;
    model.last.totalBytes = 10000000000;
    model.last.remainingBytes = (guint64)left;
    return model;
}

/* Writes faster than the link to 200 MB, and a little to 4 GB. */
static const convergeGuest hotAndCold = { 200 * MB, 400 * MB, 1, 4000 * MB, 40 * MB };
static const convergeGuest hot = { 400 * MB, 250 * MB, 1, 0, 0 };
static const convergeGuest fast = { 400 * MB, 2500 * MB, 1, 0, 0 };

/* A throttle that waits for passes in which the cold memory is sent is in force for a shorter
 * time; each pass that it waits is one more. */
static void
testDelay(void)
{
    convergeModel model = modelOf(hotAndCold, 2000 * MB);
    convergePlan plan = { .throttle = 90, .downtimeMs = 300 };
    convergePrediction before = convergeModelPredict(&model, &plan);
    convergePrediction p;

    g_assert_true(before.converges);
    for (plan.delay = 1; plan.delay <= 2; plan.delay++) {
        p = convergeModelPredict(&model, &plan);
        g_assert_true(p.converges);
        g_assert_cmpint(p.lostMs, <, before.lostMs);
        g_assert_cmpint(p.remainingMs, >, before.remainingMs);
        g_assert_cmpuint(p.passes, ==, before.passes + 1);
        before = p;
    }

    /* On a guest that has dirtied all of its hot memory within each pass nothing is gained. */
    model = modelOf(fast, 400 * MB);
    plan = (convergePlan) { .throttle = 97, .downtimeMs = 300 };
    before = convergeModelPredict(&model, &plan);
    plan.delay = 2;
    p = convergeModelPredict(&model, &plan);
    g_assert_true(before.converges && p.converges);
    assertNear((double)p.lostMs, (double)before.lostMs, 0.02);
}

/* A throttle before the throttle counts for the passes of the delay. */
static void
testBefore(void)
{
    convergeModel model = modelOf(hotAndCold, 2000 * MB);
    convergePlan plan = { .throttle = 90, .delay = 1, .downtimeMs = 300 };
    convergePrediction without = convergeModelPredict(&model, &plan);
    convergePrediction with;

    plan.before = 50;
    with = convergeModelPredict(&model, &plan);
    g_assert_true(with.converges);
    /* The first pass takes 20 s. */
    g_assert_cmpint(with.lostMs, >, without.lostMs + 5000);
    g_assert_cmpint(with.remainingMs, <, without.remainingMs);
}

/* Time under a throttle of hard-throttle or more. */
static void
testHardTime(void)
{
    static const struct {
        unsigned int throttle, hard, before, delay;
        double share; /* of the time that the memory takes */
    } rows[] = {
        { 90, 90, 0, 0, 1 },
        { 90, 80, 0, 0, 1 },
        { 90, 91, 0, 0, 0 },
        { 90, 0, 0, 0, 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeModel model = modelOf(hot, 400 * MB);
        convergePlan plan = {
            .throttle = rows[i].throttle,
            .hardThrottle = rows[i].hard,
            .downtimeMs = 300,
        };
        convergePrediction p = convergeModelPredict(&model, &plan);

        g_assert_true(p.converges);
        g_assert_cmpfloat(ABS((double)p.hardMs - rows[i].share * (double)(p.remainingMs - p.pauseMs)),
                          <=, 2);
    }

    /* In the passes before, it is not. */
    {
        convergeModel model = modelOf(hotAndCold, 2000 * MB);
        convergePlan plan = { .throttle = 90, .hardThrottle = 90, .delay = 1, .before = 89, .downtimeMs = 300 };
        convergePrediction p = convergeModelPredict(&model, &plan);

        g_assert_true(p.converges);
        g_assert_cmpint(p.hardMs, >, 0);
        g_assert_cmpint(p.hardMs, <=, p.remainingMs - 19000);
    }
}

/* QEMU's throttle comes in force at a sync.  If there is one every 5 s, that does not have to wait
 * for the end of the pass. */
static void
testLatencyWithPeriodicSyncs(void)
{
    convergeModel model = modelOf(hot, 3000 * MB);
    convergePlan plan = { .throttle = 90, .latency = 1, .downtimeMs = 300 };
    convergePrediction atTheEnd = convergeModelPredict(&model, &plan);
    convergePrediction periodic;

    model.pass.periodSeconds = 5;
    periodic = convergeModelPredict(&model, &plan);
    g_assert_true(atTheEnd.converges && periodic.converges);
    /* 25 of 30 s more under the throttle... */
    g_assert_cmpint(periodic.lostMs, >, atTheEnd.lostMs + 10000);
    /* ...leave less. */
    g_assert_cmpint(periodic.remainingMs, <=, atTheEnd.remainingMs);
}

/* What is unsent and what is dirtied may be the same pages: together they are no more than the
 * set, and no less than either. */
static void
testUnsentAndDirtiedOverlap(void)
{
    static const gint64 limits[] = { 300, 1000, 2000 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(limits); i++) {
        /* The whole set is dirty, and is dirtied anew at once. */
        convergeGuest fastest = { 400 * MB, 100000 * MB, 1, 0, 0 };
        convergeModel model = modelOf(fastest, 400 * MB);
        convergePlan plan = { .downtimeMs = limits[i] };
        convergePrediction p = convergeModelPredict(&model, &plan);

        g_assert_false(p.converges);
        /* Once the limit has room for the set, and for no more, it does converge. */
        plan.downtimeMs = 4100;
        p = convergeModelPredict(&model, &plan);
        g_assert_true(p.converges);
        assertNear((double)p.pauseMs, 4000, 0.02);
    }
}

/* Where syncs come in the middle of a pass, what they find is sent in the same pass: it ends once the link
 * has carried what was left and what was dirtied meanwhile, but for the last period. */
static void
testSyncsInAPassPutOffItsEnd(void)
{
    convergeGuest guest = { 1e12, 50 * MB, 1, 0, 0 };
    convergeModel model = modelOf(guest, 10000 * MB);
    convergePlan plan = { .downtimeMs = 3000 };
    convergePrediction p;

    model.pass.periodSeconds = 5;
    p = convergeModelPredict(&model, &plan);
    g_assert_true(p.converges);
    assertNear((double)p.remainingMs, 1000 * (10000 - 300) / (100 - 50.0), 0.07);
    g_assert_cmpint(p.pauseMs, <=, 3000 + CONVERGE_PAUSE_OVERHEAD_MS);
}

/* Likelier than not a plan that never ends is seen to within few passes, and costs no more. */
static void
testNeverEnds(void)
{
    convergeModel model = modelOf(hot, 400 * MB);
    convergePlan plan = { .throttle = 20, .downtimeMs = 300 };
    convergePrediction p = convergeModelPredict(&model, &plan);

    g_assert_false(p.converges);
    g_assert_cmpuint(p.passes, <=, 4);
    assertNear((double)p.lostMs, 0.2 * (double)p.remainingMs, 0.01);
    g_assert_cmpint(p.pauseMs, ==, 0);
}

/* --- QEMU's own law --- */

/* The model of @config that knows all, at the end of the bulk pass. */
static convergeModel
knowAll(const convergePlantConfig *config)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    convergeModel model = { 0 };
    gint64 now = 0;

    while (model.pass.n == 0 && now < GIVE_UP_MS) {
        convergeSample sample = { 0 };

        g_assert_true(convergePlantOps.sample(plant, &sample, NULL));
        convergeModelUpdate(&model, &sample);
        now += 100;
        convergePlantAdvance(plant, now);
    }
    g_assert_cmpuint(model.pass.n, ==, 1);
    model.guest = (convergeGuest) { config->workingSet, config->writeRate, 1, 0, 0 };
    model.bandwidth = config->bandwidth;
    return model;
}

/* It is predicted as the plant runs it, on guests from those that need no throttle to those that
 * need a strong one. */
static void
testStockIsPredicted(void)
{
    static const double rates[] = { 20 * MB, 60 * MB, 100 * MB, 150 * MB, 250 * MB, 400 * MB, 700 * MB };
    static const double sets[] = { 100 * MB, 400 * MB, 3000 * MB };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(sets); i++) {
        for (j = 0; j < G_N_ELEMENTS(rates); j++) {
            convergePlantConfig config = {
                .memory = 4000 * MB,
                .used = sets[i] + 500 * MB,
                .workingSet = sets[i],
                .writeRate = rates[j],
                .bandwidth = LINK,
            };
            convergeMethodOptions options = { .giveUpMs = GIVE_UP_MS };
            convergeMethodOutcome stock;
            convergeModel model = knowAll(&config);
            convergePrediction p = convergeModelPredictStock(&model, &model.guest, 300);

            convergeMethodRunOne(convergeMethodFind("qemu-7.2"), &config, &options, &stock);
            g_test_message("set %.0f rate %.0f: %d %.1f s, %.1f lost; predicted %d %.1f s, %.1f lost",
                           sets[i] / MB, rates[j] / MB, stock.result.completed,
                           (double)stock.result.totalMs / 1000, stock.result.lostMs / 1000,
                           p.converges, (double)p.remainingMs / 1000, (double)p.lostMs / 1000);
            g_assert_cmpint(p.converges, ==, stock.result.completed);
            if (!p.converges)
                continue;
            g_assert_cmpfloat(ABS((double)p.remainingMs - (double)stock.result.totalMs), <=,
                              0.15 * (double)stock.result.totalMs + 300);
            g_assert_cmpfloat(ABS((double)p.lostMs - stock.result.lostMs), <=,
                              0.25 * stock.result.lostMs + 300);
        }
    }
}

/* A guest that writes faster than any throttle can help is none for QEMU's either. */
static void
testStockNeverEnds(void)
{
    convergePlantConfig config = {
        .memory = 4000 * MB,
        .used = 900 * MB,
        .workingSet = 800 * MB,
        .writeRate = 20000 * MB,
        .bandwidth = LINK,
    };
    convergeModel model = knowAll(&config);

    g_assert_false(convergeModelPredictStock(&model, &model.guest, 300).converges);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/predict/delay", testDelay);
    g_test_add_func("/predict/before", testBefore);
    g_test_add_func("/predict/hard-time", testHardTime);
    g_test_add_func("/predict/latency-with-periodic-syncs", testLatencyWithPeriodicSyncs);
    g_test_add_func("/predict/syncs-in-a-pass-put-off-its-end", testSyncsInAPassPutOffItsEnd);
    g_test_add_func("/predict/unsent-and-dirtied-overlap", testUnsentAndDirtiedOverlap);
    g_test_add_func("/predict/never-ends", testNeverEnds);
    g_test_add_func("/predict/stock-is-predicted", testStockIsPredicted);
    g_test_add_func("/predict/stock-never-ends", testStockNeverEnds);
    return g_test_run();
}
