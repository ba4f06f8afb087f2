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

static void
fill(convergeModel *model,
     double bandwidth,
     double set,
     double rate,
     double remaining)
{
    *model = (convergeModel) {
        .bandwidth = bandwidth,
        .guest = { set, rate, 1 },
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
            convergePlan plan = {
                .throttle = throttle,
                .latency = 1,
                .floor = CONVERGE_THROTTLE_QEMU_LEAST,
                .downtimeMs = 300,
                .overheadMs = 40,
            };
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
    convergePlan plan = { .throttle = 50, .latency = 1, .downtimeMs = 300, .overheadMs = 40 };
    convergePrediction prediction;

    /* Nothing is learnt from an inactive sample. */
    g_assert_cmpint(convergeModelUpdate(&model, &sample), ==, CONVERGE_NEWS_NONE);
    g_assert_false(model.last.active);

    /* Counters that fall, as after a restart, do no harm. */
    sample = (convergeSample) { .active = TRUE, .iteration = 5, .totalBytes = 1000, .remainingBytes = 1000, .processedBytes = 1000000 };
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

/* --- What is not believed, and what is no news --- */

/* A guest that a bulk pass of 9 s has shown to dirty 300 MB. */
static void
feedBulkPass(convergeModel *model,
             convergeSample *sample)
{
    *model = (convergeModel) { 0 };
    *sample = (convergeSample) { .totalBytes = 1000000000 };
    feedPass(model, sample, 900 * MB, 100 * MB, 9000, 0);
    feedPass(model, sample, 300 * MB, 100 * MB, 500, 0);
    g_assert_cmpuint(model->passes.n, ==, 1);
}

static convergeNews
feedProbe(convergeModel *model,
          convergeSample *sample,
          double bytes,
          gint64 ms,
          unsigned int throttle)
{
    sample->timeMs += 100;
    sample->probeId++;
    sample->probeMs = ms;
    sample->probeBps = (guint64)bytes;
    sample->probeThrottle = throttle;
    return convergeModelUpdate(model, sample);
}

/* Where checksums do not show what the guest dirties, what the passes say is believed: one
 * such probe takes those before it along, a second one all that come after it. */
static void
testRefutedProbesAreNotUsed(void)
{
    convergeModel model;
    convergeSample sample;

    feedBulkPass(&model, &sample);
    feedProbe(&model, &sample, 50 * MB, 1000, 0);
    g_assert_cmpuint(model.probes.n, ==, 1);
    feedProbe(&model, &sample, 1 * MB, 1000, 0);
    g_assert_cmpuint(model.probes.n, ==, 0);
    g_assert_cmpfloat(convergeModelDirtied(&model, 1, 0), >, 30 * MB);

    /* Once may have been an accident. */
    feedProbe(&model, &sample, 50 * MB, 1000, 0);
    g_assert_cmpuint(model.probes.n, ==, 1);

    feedProbe(&model, &sample, 1 * MB, 1000, 0);
    feedProbe(&model, &sample, 50 * MB, 1000, 0);
    feedProbe(&model, &sample, 50 * MB, 1000, 0);
    g_assert_cmpuint(model.probes.n, ==, 0);
    g_assert_cmpfloat(convergeModelDirtied(&model, 1, 0), >, 30 * MB);
}

/* A stronger throttle than in that pass is reason enough to dirty less. */
static void
testThrottledProbeIsNotRefuted(void)
{
    convergeModel model;
    convergeSample sample;

    feedBulkPass(&model, &sample);
    feedProbe(&model, &sample, 1 * MB, 1000, 95);
    g_assert_cmpuint(model.probes.n, ==, 1);
    g_assert_cmpuint(model.probesRefuted, ==, 0);
}

/* A probe without a result is no news, and one that ended before the first look counts. */
static void
testProbesWithResult(void)
{
    convergeModel model;
    convergeSample sample;

    feedBulkPass(&model, &sample);
    g_assert_cmpint(feedProbe(&model, &sample, 50 * MB, 0, 0), ==, CONVERGE_NEWS_NONE);
    g_assert_cmpuint(model.probes.n, ==, 0);
    g_assert_cmpint(feedProbe(&model, &sample, 50 * MB, 1000, 0), ==, CONVERGE_NEWS_PROBE);
    g_assert_cmpuint(model.probes.n, ==, 1);

    model = (convergeModel) { 0 };
    sample = (convergeSample) {
        .active = TRUE,
        .iteration = 1,
        .totalBytes = 1000000000,
        .probeId = 1,
        .probeMs = 1000,
        .probeBps = 50000000,
    };
    convergeModelUpdate(&model, &sample);
    sample.timeMs = 100;
    g_assert_cmpint(convergeModelUpdate(&model, &sample), ==, CONVERGE_NEWS_PROBE);
    g_assert_cmpuint(model.probes.n, ==, 1);
}

/* The newest of each kind are kept, in order. */
static void
testNewestAreKept(void)
{
    convergeModel model;
    convergeSample sample;
    unsigned int i;

    feedBulkPass(&model, &sample);
    for (i = 1; i <= CONVERGE_MODEL_OBSERVATIONS + 2; i++)
        feedProbe(&model, &sample, (50 + i) * MB, 1000, 0);
    g_assert_cmpuint(model.passes.n, ==, 1);
    g_assert_cmpuint(model.probes.n, ==, CONVERGE_MODEL_OBSERVATIONS);
    for (i = 0; i < CONVERGE_MODEL_OBSERVATIONS; i++)
        assertNear(model.probes.item[i].bytes, (50 + 3 + i) * MB, 1e-6);
}

/* Looking for zero pages takes time: a window with a fair share of that tells what the link
 * can do at least, but never that it has become slower. */
static void
testZeroPagesNeverSlowTheLink(void)
{
    convergeModel model;
    convergeSample sample;
    int i;

    feedBulkPass(&model, &sample);
    for (i = 0; i < 20; i++) {
        sample.timeMs += 100;
        sample.constantBytes += 40000000;
        sample.normalBytes += 6000000;
        sample.processedBytes += 6000000;
        convergeModelUpdate(&model, &sample);
    }
    g_assert_cmpfloat(model.bandwidth, >, 90 * MB);
}

/* A link of another speed is news at once, without a sync or a probe; a link that varies a
 * little is not. */
static void
testLinkIsNews(void)
{
    const struct {
        double rate;
        gboolean news;
    } rows[] = { { 40 * MB, TRUE }, { 200 * MB, TRUE }, { 90 * MB, FALSE } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeModel model;
        convergeSample sample;
        unsigned int told = 0;
        int j;

        feedBulkPass(&model, &sample);
        for (j = 0; j < 15; j++) {
            sample.timeMs += 100;
            sample.processedBytes += (guint64)(rows[i].rate / 10);
            sample.normalBytes = sample.processedBytes;
            told |= convergeModelUpdate(&model, &sample);
        }
        g_assert_cmpint((told & CONVERGE_NEWS_LINK) != 0, ==, rows[i].news);
    }
}

/* One observation that is wrong by far does not outweigh all others, not even as the newest. */
static void
testOneWrongObservation(void)
{
    convergeModel model = { 0 };
    convergeSample sample = { .totalBytes = 1000000000 };
    int i;

    for (i = 0; i < 6; i++)
        feedPass(&model, &sample, 100 * MB, 100 * MB, 1000, 0);
    assertNear(convergeModelDirtied(&model, 1, 0), 100 * MB, 0.1);
    feedPass(&model, &sample, 2 * MB, 100 * MB, 1000, 0);
    assertNear(model.pass.dirtied, 2 * MB, 0.01);
    g_assert_cmpfloat(convergeModelDirtied(&model, 1, 0), >, 40 * MB);
}

/* Phases pass: what was seen last weighs most. */
static void
testNewestWeighMost(void)
{
    const double mean = sqrt(50 * 150.0) * MB;
    const struct {
        double older, newer;
    } rows[] = { { 50 * MB, 150 * MB }, { 150 * MB, 50 * MB } };
    gsize i;
    int j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeModel model = { 0 };
        convergeSample sample = { .active = TRUE, .iteration = 1, .totalBytes = 1000000000 };
        double dirtied;

        convergeModelUpdate(&model, &sample);
        for (j = 0; j < 6; j++)
            feedProbe(&model, &sample, j < 3 ? rows[i].older : rows[i].newer, 1000, 0);
        dirtied = convergeModelDirtied(&model, 1, 0);
        g_assert_cmpfloat(MAX(dirtied, mean) / MIN(dirtied, mean), >, 1.2);
        g_assert_true((dirtied > mean) == (rows[i].newer > rows[i].older));
    }
}

/* A guest that was never throttled is assumed to dirty memory in proportion to its CPU time. */
static void
testUnthrottledGuestAnswers(void)
{
    convergeModel model;
    convergeSample sample;

    feedBulkPass(&model, &sample);
    feedProbe(&model, &sample, 50 * MB, 1000, 0);
    assertNear(model.guest.answer, 1, 0.001);
    assertNear(model.least.answer, 1, 0.001);
    assertNear(model.most.answer, 1, 0.001);
}

/* What the observations leave open is between the guest that dirties least and the one that
 * dirties most. */
static void
testUncertaintyHasTwoEnds(void)
{
    convergeModel model;
    convergeSample sample;
    double least, guest, most;

    feedBulkPass(&model, &sample);
    least = model.least.workingSet * (1 - exp(-model.least.writeRate * 0.1 / model.least.workingSet));
    guest = convergeModelDirtied(&model, 1, 0.9);
    most = model.most.workingSet * (1 - exp(-model.most.writeRate * 0.1 / model.most.workingSet));
    g_assert_cmpfloat(least, <, 0.9 * guest);
    g_assert_cmpfloat(most, >, 1.1 * guest);
}

/* --- What is predicted --- */

/* QEMU's throttle, once on, is not driven below its floor; one that can be lifted is. */
static void
testQemuKeepsThrottling(void)
{
    convergeModel model;
    convergePlan plan = { .floor = CONVERGE_THROTTLE_QEMU_LEAST, .downtimeMs = 300 };
    convergePrediction kept, lifted;

    fill(&model, 100 * MB, 1 * MB, 0.001 * MB, 500 * MB);
    model.last.throttle = 80;
    kept = convergeModelPredict(&model, &plan);
    plan.floor = 0;
    lifted = convergeModelPredict(&model, &plan);
    g_assert_true(kept.converges && lifted.converges);
    g_assert_cmpint(lifted.lostMs, ==, lifted.pauseMs);
    assertNear(kept.lostMs - kept.pauseMs, 0.2 * (kept.remainingMs - kept.pauseMs), 0.01);

    /* It does not begin to throttle for that. */
    plan.floor = CONVERGE_THROTTLE_QEMU_LEAST;
    model.last.throttle = 0;
    kept = convergeModelPredict(&model, &plan);
    g_assert_cmpint(kept.lostMs, ==, kept.pauseMs);
}

/* A throttle that comes in force with a later pass takes that much longer to help. */
static void
testLatencyCosts(void)
{
    unsigned int latency;
    gint64 before = 0;

    for (latency = 0; latency <= 3; latency++) {
        convergePlan plan = { .throttle = 90, .latency = latency, .downtimeMs = 300 };
        convergePrediction prediction;
        convergeModel model;

        fill(&model, 100 * MB, 400 * MB, 250 * MB, 400 * MB);
        prediction = convergeModelPredict(&model, &plan);
        g_assert_true(prediction.converges);
        g_assert_cmpint(prediction.remainingMs, >, before + 1000);
        before = prediction.remainingMs;
    }
}

/* What the loop has just changed is in force from then on. */
static void
testNotedThrottleIsInForce(void)
{
    convergeModel model;
    convergeSample sample;

    feedBulkPass(&model, &sample);
    /* The pass takes 3 s, of which 0.5 s have passed. */
    convergeModelNoteThrottle(&model, 80);
    sample.iteration--;
    feedPass(&model, &sample, 250 * MB, 100 * MB, 2500, 80);
    feedPass(&model, &sample, 60 * MB, 100 * MB, 500, 80);
    g_assert_cmpuint(model.passes.n, ==, 2);
    assertNear(model.passes.item[1].throttle, 0.8 * 2.6 / 3, 0.02);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/bandwidth", testBandwidth);
    g_test_add_func("/model/zero-pages", testZeroPages);
    g_test_add_func("/model/fit", testFit);
    g_test_add_func("/model/probe", testProbe);
    g_test_add_func("/model/predict", testPredict);
    g_test_add_func("/model/predict-monotone", testPredictMonotone);
    g_test_add_func("/model/garbage", testGarbage);
    g_test_add_func("/model/refuted-probes-are-not-used", testRefutedProbesAreNotUsed);
    g_test_add_func("/model/throttled-probe-is-not-refuted", testThrottledProbeIsNotRefuted);
    g_test_add_func("/model/probes-with-result", testProbesWithResult);
    g_test_add_func("/model/newest-are-kept", testNewestAreKept);
    g_test_add_func("/model/zero-pages-never-slow-the-link", testZeroPagesNeverSlowTheLink);
    g_test_add_func("/model/link-is-news", testLinkIsNews);
    g_test_add_func("/model/one-wrong-observation", testOneWrongObservation);
    g_test_add_func("/model/newest-weigh-most", testNewestWeighMost);
    g_test_add_func("/model/unthrottled-guest-answers", testUnthrottledGuestAnswers);
    g_test_add_func("/model/uncertainty-has-two-ends", testUncertaintyHasTwoEnds);
    g_test_add_func("/model/qemu-keeps-throttling", testQemuKeepsThrottling);
    g_test_add_func("/model/latency-costs", testLatencyCosts);
    g_test_add_func("/model/noted-throttle-is-in-force", testNotedThrottleIsInForce);
    return g_test_run();
}
