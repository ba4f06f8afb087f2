/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c: what the samples tell, and the prediction that follows
 */
#include <math.h>
#include <string.h>

#include "engine/fit.h"
#include "util/number.h"

/* A bandwidth window is long enough to smooth QEMU's 100 ms send budget. */
#define WINDOW_MS 300

/* A CPU finds at least this many bytes/ms of zero pages.  A window that spends at most the first
 * share of its time on zero pages tells the bandwidth; up to the second share, it tells a lower
 * bound. */
#define SCAN_RATE 1e6
#define SCAN_SHARE 0.2
#define SCAN_SHARE_MOST 0.5

/* Weight of a new bandwidth window.  The old bandwidth counts for less than half after two
 * windows, so that a link that slows down is noticed within a second. */
#define BANDWIDTH_WEIGHT 0.4

/* A bandwidth that differs by this share is news. */
#define BANDWIDTH_NEWS 0.25

/* A probe must show at least this share of what the last pass implies. */
#define PROBE_SHARE 0.3

/* The length of a shorter pass depends mostly on when the samples were taken. */
#define SHORTEST_PASS_MS 250

/* QEMU compares what is left with the threshold after every 50 ms of sending (MAX_WAIT
 * in migration/ram.c): on average it notices after half of that. */
#define CHECK_SECONDS 0.025

#define PREDICT_PASSES 64

/* From the second pass under the plan's throttle on, a pass that leaves more than this share of
 * what the pass before left does not converge. */
#define SHRINK 0.97

static gint64
inMs(double seconds)
{
    return CLAMP(convergeRound(seconds * 1000), 0, CONVERGE_COUNT_MOST);
}

static void
startWindow(convergeModel *model,
            const convergeSample *sample)
{
    model->windowMs = sample->timeMs;
    model->windowProcessed = sample->processedBytes;
    model->windowNormal = sample->normalBytes;
    model->windowConstant = sample->constantBytes;
}

static void
updateBandwidth(convergeModel *model,
                const convergeSample *sample)
{
    gint64 elapsed = sample->timeMs - model->windowMs;
    guint64 normal = sample->normalBytes - model->windowNormal;
    guint64 constant = sample->constantBytes - model->windowConstant;
    double bandwidth;

    if (elapsed < WINDOW_MS)
        return;

    /* A difference of counters that have fallen would wrap around. */
    if (sample->processedBytes < model->windowProcessed ||
        sample->normalBytes < model->windowNormal ||
        sample->constantBytes < model->windowConstant) {
        startWindow(model, sample);
        return;
    }

    bandwidth = (sample->processedBytes - model->windowProcessed) * 1000.0 / elapsed;
    model->recentBandwidth = bandwidth;

    /* Finding zero pages takes time but no bandwidth: a window with little else tells how
     * fast the CPU scans memory, not how fast the link is. */
    if (bandwidth > 0 && (normal >= constant || constant < SCAN_SHARE * SCAN_RATE * elapsed)) {
        if (model->bandwidth > 0) {
            double miss = fabs(bandwidth - model->bandwidth) / model->bandwidth;

            model->bandwidthError += BANDWIDTH_WEIGHT * (miss - model->bandwidthError);
            model->bandwidth += BANDWIDTH_WEIGHT * (bandwidth - model->bandwidth);
        } else {
            model->bandwidth = bandwidth;
        }
    } else if (bandwidth > model->bandwidth && normal >= constant / 8 &&
               constant < SCAN_SHARE_MOST * SCAN_RATE * elapsed) {
        model->bandwidth = bandwidth;
    }

    startWindow(model, sample);
}

static void
addObservation(convergeObservations *list,
               double seconds,
               double throttle,
               double bytes,
               double pending)
{
    convergeObservation *slot;

    if (list->n == CONVERGE_MODEL_OBSERVATIONS) {
        memmove(list->item, list->item + 1, sizeof(list->item[0]) * (list->n - 1));
        list->n--;
    }

    slot = &list->item[list->n++];
    slot->seconds = seconds;
    slot->throttle = CLAMP(throttle, 0, 0.99);
    slot->bytes = MAX(bytes, CONVERGE_DIRTIED_FLOOR);
    slot->pending = pending;
}

/* D(t) saturates, so that a shorter time has at least its proportional share of what a
 * longer one dirties.  A probe far below that misses what the guest does: QEMU compares
 * checksums, and a guest that overwrites memory with the same content dirties it too. */
static void
checkProbes(convergeModel *model)
{
    const convergeObservation *pass, *probe;

    if (model->passes.n == 0 || model->probes.n == 0)
        return;

    pass = &model->passes.item[model->passes.n - 1];
    probe = &model->probes.item[model->probes.n - 1];
    if (pass->throttle < probe->throttle ||
        probe->bytes >= PROBE_SHARE * pass->bytes * MIN(probe->seconds / pass->seconds, 1))
        return;

    model->probes.n = 0;
    model->probesRefuted++;
}

static double
workedOff(const convergeSample *sample)
{
    return (double)sample->normalBytes + (double)sample->constantBytes +
        (double)sample->compressedBytes;
}

static void
noteSync(convergeModel *model,
         const convergeSample *sample)
{
    gint64 elapsed = sample->timeMs - model->syncMs;
    double unsent;

    model->passDirtied = 0;

    /* Several syncs between two samples: which pass dirtied what is unknown. */
    if (sample->iteration == model->last.iteration + 1 && elapsed >= SHORTEST_PASS_MS &&
        !model->passSpoilt) {
        /* What was still unsent at the sync was not dirtied in this pass.  There is such a
         * rest because the zero pages at the end of the bulk pass are skipped in no time,
         * and because QEMU 9.2+ also syncs in the middle of a pass, every 5 s. */
        unsent = (double)model->last.remainingBytes -
            (workedOff(sample) - workedOff(&model->last));
        model->passDirtied = MAX((double)sample->remainingBytes - MAX(unsent, 0), 0);
        model->passSent = (double)sample->processedBytes - (double)model->syncProcessed;
        addObservation(&model->passes, elapsed / 1000.0, model->throttledMs / elapsed,
                       model->passDirtied, MAX(unsent, 0));
        checkProbes(model);
    }

    model->syncMs = sample->timeMs;
    model->syncProcessed = sample->processedBytes;
    model->throttledMs = 0;
    model->passSpoilt = FALSE;
}

static void
noteProbe(convergeModel *model,
          const convergeSample *sample)
{
    double seconds = sample->probeMs / 1000.0;

    if (model->probesRefuted >= 2)
        return;

    addObservation(&model->probes, seconds, sample->probeThrottle / 100.0,
                   sample->probeBps * seconds, 0);
    checkProbes(model);
}

convergeNews
convergeModelUpdate(convergeModel *model,
                    const convergeSample *sample)
{
    unsigned int news = CONVERGE_NEWS_NONE;

    if (!sample->active)
        return CONVERGE_NEWS_NONE;

    if (!model->last.active) {
        model->startMs = model->syncMs = sample->timeMs;
        model->syncProcessed = sample->processedBytes;
        startWindow(model, sample);
        model->last = *sample;
        model->last.probeId = 0;
        return CONVERGE_NEWS_NONE;
    }

    updateBandwidth(model, sample);
    model->passSpoilt = model->passSpoilt || sample->paused;
    model->throttledMs += model->last.throttle / 100.0 *
        (double)(sample->timeMs - model->last.timeMs);

    if (sample->iteration > model->last.iteration) {
        noteSync(model, sample);
        news |= CONVERGE_NEWS_SYNC;
    }

    if (sample->probeId != model->last.probeId && sample->probeMs > 0) {
        noteProbe(model, sample);
        news |= CONVERGE_NEWS_PROBE;
    }

    model->last = *sample;

    if (news)
        convergeModelFit(model);
    if (model->bandwidthNews > 0 &&
        fabs(model->bandwidth - model->bandwidthNews) > BANDWIDTH_NEWS * model->bandwidthNews)
        news |= CONVERGE_NEWS_LINK;
    if (news)
        model->bandwidthNews = model->bandwidth;

    return news;
}

gboolean
convergeModelReady(const convergeModel *model)
{
    return model->bandwidth > 0 && model->guest.workingSet > 0;
}

double
convergeModelDirtied(const convergeModel *model,
                     double seconds,
                     double throttle)
{
    return convergeGuestDirtied(&model->guest, seconds, throttle);
}

/* The mean throttle since the last sync, 0..1. */
static double
passThrottle(const convergeModel *model)
{
    gint64 elapsed = model->last.timeMs - model->syncMs;

    return elapsed > 0 ? model->throttledMs / elapsed : 0;
}

double
convergeModelPassDirtied(const convergeModel *model)
{
    return convergeGuestDirtied(&model->guest, (model->last.timeMs - model->syncMs) / 1000.0,
                                passThrottle(model));
}

void
convergeModelNoteThrottle(convergeModel *model,
                          unsigned int throttle)
{
    model->last.throttle = throttle;
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
    convergePrediction prediction = { 0 };
    double threshold = bandwidth * plan->downtimeMs / 1000;
    double throttle = model->last.throttle / 100.0;
    double target = plan->throttle / 100.0;
    double pending = model->last.remainingBytes;
    double inPass = (model->last.timeMs - model->syncMs) / 1000.0;
    double held = passThrottle(model) * inPass;
    double seconds = 0;
    double lost = 0;
    double left = MAX(threshold - bandwidth * CHECK_SECONDS, 0);

    /* Once QEMU throttles, it never stops before the end. */
    target = MAX(target, MIN(throttle, plan->floor / 100.0));
    if (plan->latency == 0)
        throttle = target;

    for (prediction.passes = 1; prediction.passes <= PREDICT_PASSES; prediction.passes++) {
        double pass = MAX((pending - left) / bandwidth, CHECK_SECONDS);
        double unsent = MIN(left, pending);
        double now;

        seconds += pass;
        lost += throttle * pass;
        inPass += pass;
        held += throttle * pass;
        now = unsent + convergeGuestDirtied(guest, inPass, held / inPass);

        if (now < threshold || now < CONVERGE_DIRTIED_FLOOR) {
            double downtime = now / bandwidth + plan->overheadMs / 1000.0;

            prediction.converges = TRUE;
            prediction.pauseMs = inMs(downtime);
            prediction.remainingMs = inMs(seconds + downtime);
            prediction.lostMs = inMs(lost + downtime);
            return prediction;
        }

        if (prediction.passes > plan->latency + 1 && now > pending * SHRINK)
            break;

        pending = now;
        if (prediction.passes >= plan->latency)
            throttle = target;
        inPass = held = 0;
    }

    return prediction;
}
