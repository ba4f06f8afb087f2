/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modeltest.c: what the model learns from samples, and what it predicts
 */
#include <math.h>

#include "engine/model.h"
#include "throttle/throttle_qemu.h"

#define MB 1e6

static void
assertNear(double value,
           double expected,
           double tolerance)
{
    if (fabs(value - expected) > tolerance * expected)
        g_error("%g is not within %g of %g", value, tolerance, expected);
}

/* Feeds samples of one pass, one every 100 ms: what remains falls from @from at @rate for @ms. */
static void
feedPass(convergeModel *model,
         convergeSample *sample,
         double from,
         double rate,
         gint64 ms,
         unsigned int throttle)
{
    guint64 processed = sample->processedBytes;
    gint64 start = sample->timeMs;
    gint64 t;

    sample->active = TRUE;
    sample->iteration++;
    sample->throttle = throttle;
    for (t = 0; t < ms; t += 100) {
        sample->timeMs = start + t;
        sample->remainingBytes = (guint64)MAX(from - rate * t / 1000, 0);
        sample->processedBytes = sample->normalBytes = processed + (guint64)(rate * t / 1000);
        convergeModelUpdate(model, sample);
    }
    sample->timeMs = start + ms;
    sample->processedBytes = sample->normalBytes = processed + (guint64)(rate * ms / 1000);
}

static double
saturating(double set,
           double rate,
           double seconds)
{
    return set * (1 - exp(-rate * seconds / set));
}

static void
testBandwidth(void)
{
    convergeModel model = { 0 };
    convergeSample sample = { .totalBytes = 1000000000 };

    g_assert_false(convergeModelReady(&model));
    feedPass(&model, &sample, 800 * MB, 100 * MB, 4000, 0);
    assertNear(model.bandwidth, 100 * MB, 0.02);

    /* That the link has slowed down is noticed within a second or so. */
    feedPass(&model, &sample, 400 * MB, 50 * MB, 1500, 0);
    assertNear(model.bandwidth, 50 * MB, 0.15);
}

/* Windows of zero pages tell nothing about the link. */
static void
testZeroPages(void)
{
    convergeModel model = { 0 };
    convergeSample sample = { .active = TRUE, .iteration = 1, .totalBytes = 4000000000 };
    int i;

    for (i = 0; i < 20; i++) {
        sample.timeMs = i * 100;
        sample.constantBytes = i * 300000000ULL / 10;
        sample.processedBytes = i * 1000000ULL / 10;
        convergeModelUpdate(&model, &sample);
    }
    g_assert_cmpfloat(model.bandwidth, ==, 0);
}

/* Two passes of different length tell working set and rate apart. */
static void
testFit(void)
{
    const double set = 400 * MB;
    const double rate = 120 * MB;
    convergeModel model = { 0 };
    convergeSample sample = { .totalBytes = 1000000000 };
    double first = saturating(set, rate, 9);
    double second = saturating(set, rate, first / (100 * MB));

    feedPass(&model, &sample, 900 * MB, 100 * MB, 9000, 0);
    feedPass(&model, &sample, first, 100 * MB, (gint64)(first / (100 * MB) * 1000), 0);
    feedPass(&model, &sample, second, 100 * MB, 500, 0);

    g_assert_true(convergeModelReady(&model));
    g_assert_cmpuint(model.passes.n, ==, 2);
    assertNear(convergeModelDirtied(&model, 2, 0), saturating(set, rate, 2), 0.15);
    assertNear(convergeModelDirtied(&model, 60, 0), set, 0.15);
}

/* A short probe tells a fast guest from one that only seems slow. */
static void
testProbe(void)
{
    const double set = 400 * MB;
    const double rate = 1000 * MB;
    convergeModel model = { 0 };
    convergeSample sample = { .totalBytes = 1000000000 };

    feedPass(&model, &sample, 900 * MB, 100 * MB, 9000, 0);
    sample.probeId = 1;
    sample.probeMs = 1000;
    sample.probeBps = (guint64)saturating(set, rate, 1);
    feedPass(&model, &sample, saturating(set, rate, 9), 100 * MB, 500, 0);

    g_assert_cmpuint(model.probes.n, ==, 1);
    assertNear(convergeModelDirtied(&model, 1, 0), saturating(set, rate, 1), 0.1);
    assertNear(convergeModelDirtied(&model, 1, 0.9), saturating(set, rate, 0.1), 0.35);
}

/* A sync in the middle of a pass: what was unsent does not count as dirtied in this pass. */
static void
testSyncMidPass(void)
{
    convergeModel model = { 0 };
    convergeSample sample = { .totalBytes = 1000000000 };

    feedPass(&model, &sample, 900 * MB, 100 * MB, 5000, 0);
    feedPass(&model, &sample, 400 * MB + 50 * MB, 100 * MB, 500, 0);
    g_assert_cmpuint(model.passes.n, ==, 1);
    assertNear(model.passes.item[0].bytes, 50 * MB, 0.25);
    assertNear(model.passes.item[0].seconds, 5, 0.05);
}

static void
fill(convergeModel *model,
     double bandwidth,
     double set,
     double rate,
     double remaining)
{
    *model = (convergeModel) {
        .bandwidth = bandwidth, .guest = { set, rate, 1 },
    };
    model->last.active = TRUE;
    model->last.remainingBytes = (guint64)remaining;
}

static void
testPredict(void)
{
    convergeModel model;
    convergePlan plan = { .latency = 1, .downtimeMs = 300, .overheadMs = 40 };
    convergePrediction free, throttled;

    /* An idle guest takes one more pass. */
    fill(&model, 100 * MB, 1 * MB, 0.001 * MB, 500 * MB);
    free = convergeModelPredict(&model, &plan);
    g_assert_true(free.converges);
    assertNear(free.remainingMs, 5000, 0.1);
    g_assert_cmpint(free.lostMs, ==, free.pauseMs);

    /* A guest faster than the link does not converge without a throttle, but with one. */
    fill(&model, 100 * MB, 400 * MB, 250 * MB, 400 * MB);
    free = convergeModelPredict(&model, &plan);
    g_assert_false(free.converges);
    plan.throttle = 90;
    throttled = convergeModelPredict(&model, &plan);
    g_assert_true(throttled.converges);
    g_assert_cmpint(throttled.pauseMs, <=, plan.downtimeMs + plan.overheadMs);
    g_assert_cmpint(throttled.lostMs, >=, throttled.pauseMs);
    g_assert_cmpint(throttled.lostMs, <, throttled.remainingMs);
}

/* Monotony that must hold for any numbers. */
static void
testPredictMonotone(void)
{
    unsigned int throttle;
    double bandwidth;

    for (bandwidth = 50 * MB; bandwidth <= 400 * MB; bandwidth *= 2) {
        gboolean converged = FALSE;

        for (throttle = 0; throttle < 100; throttle++) {
            convergePlan plan = { throttle, 1, CONVERGE_THROTTLE_QEMU_LEAST, 300, 40 };
            convergePrediction prediction;
            convergeModel model;

            fill(&model, bandwidth, 400 * MB, 250 * MB, 400 * MB);
            prediction = convergeModelPredict(&model, &plan);

            /* If a weaker throttle converges, a stronger one does too. */
            if (converged)
                g_assert_true(prediction.converges);
            converged = prediction.converges;
        }
        g_assert_true(converged);
    }
}

static void
testGarbage(void)
{
    convergeModel model = { 0 };
    convergeSample sample = { 0 };
    convergePlan plan = { 50, 1, CONVERGE_THROTTLE_QEMU_LEAST, 300, 40 };
    convergePrediction prediction;

    /* Nothing is learnt from an inactive sample. */
    g_assert_cmpint(convergeModelUpdate(&model, &sample), ==, CONVERGE_NEWS_NONE);
    g_assert_false(model.last.active);

    /* Counters that fall, as after a restart, do no harm. */
    sample = (convergeSample) { .active = TRUE, .iteration = 5, .totalBytes = 1000,
                                .remainingBytes = 1000, .processedBytes = 1000000 };
    convergeModelUpdate(&model, &sample);
    sample.timeMs = 1000;
    sample.iteration = 6;
    sample.processedBytes = 0;
    convergeModelUpdate(&model, &sample);
    g_assert_cmpfloat(model.bandwidth, ==, 0);
    g_assert_false(convergeModelReady(&model));

    /* Once they grow again, the model learns again. */
    sample.timeMs = 2000;
    sample.iteration = 7;
    sample.processedBytes = sample.normalBytes = 500000;
    convergeModelUpdate(&model, &sample);
    g_assert_true(convergeModelReady(&model));
    prediction = convergeModelPredict(&model, &plan);
    g_assert_cmpint(prediction.remainingMs, >=, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/bandwidth", testBandwidth);
    g_test_add_func("/model/zero-pages", testZeroPages);
    g_test_add_func("/model/fit", testFit);
    g_test_add_func("/model/probe", testProbe);
    g_test_add_func("/model/sync-mid-pass", testSyncMidPass);
    g_test_add_func("/model/predict", testPredict);
    g_test_add_func("/model/predict-monotone", testPredictMonotone);
    g_test_add_func("/model/garbage", testGarbage);
    return g_test_run();
}
