/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model_link.c: how fast the link is, and whether it still carries anything
 */
#include <math.h>

#include "engine/model_priv.h"

/* A bandwidth window is long enough to smooth QEMU's 100 ms send budget. */
#define WINDOW_MS 300

/* A CPU finds at least this many bytes/ms of zero pages.  A window that spends less than SCAN_SHARE
 * of its time on them tells the bandwidth; one that spends less than SCAN_SHARE_MOST tells a lower
 * bound. */
#define SCAN_RATE 1e6
#define SCAN_SHARE 0.2
#define SCAN_SHARE_MOST 0.5

/* Weight of a new bandwidth window.  The old bandwidth counts for less than half after two
 * windows, so that a link that slows down is noticed within a second. */
#define BANDWIDTH_WEIGHT 0.4

/* Passes that take the link at least this long keep it busy. */
#define BUSY_SECONDS 0.15

/* Weight of a window in what the link usually carries. */
#define USUAL_WEIGHT 0.1

/* A link is slow while it carries less than this share of what it usually does... */
#define SLOW_SHARE 0.25

/* ...and what it carries becomes usual once it has been slow for this long. */
#define SLOW_USUAL_MS 20000

/* Without compression the wire carries a header with each page.  With several streams a page may
 * count a little before it is sent.  So only where the wire carries less than this share of the
 * pages they are compressed. */
#define PLAIN_SHARE 0.9

double
modelMemory(double wire,
            double pages)
{
    return wire < PLAIN_SHARE * pages ? pages : wire;
}

/* Memory carried from the beginning of the window to @sample, bytes. */
static double
carried(const convergeModel *model,
        const convergeSample *sample)
{
    return modelMemory((double)(sample->processedBytes - model->windowProcessed),
                       modelPages(sample) - (double)model->windowNormal - (double)model->windowCompressed);
}

void
modelLinkStart(convergeModel *model,
               const convergeSample *sample)
{
    model->windowMs = sample->timeMs;
    model->windowProcessed = sample->processedBytes;
    model->windowNormal = sample->normalBytes;
    model->windowConstant = sample->constantBytes;
    model->windowCompressed = sample->compressedBytes;
    model->windowIteration = sample->iteration;
}

/* Whether the window was spent on passes that are too short to keep the link busy. */
static gboolean
wasIdle(const convergeModel *model,
        const convergeSample *sample)
{
    double bytes = carried(model, sample);

    return bytes > 0 &&
        bytes < BUSY_SECONDS * model->usualBandwidth * (double)(sample->iteration - model->windowIteration);
}

/* Takes the @bandwidth of a window that tells it, bytes/s. */
static void
noteUsual(convergeModel *model,
          double bandwidth,
          gint64 nowMs)
{
    if (bandwidth >= SLOW_SHARE * model->usualBandwidth) {
        model->slowMs = -1;
        model->usualBandwidth += USUAL_WEIGHT * (bandwidth - model->usualBandwidth);
        return;
    }

    if (model->slowMs < 0)
        model->slowMs = model->windowMs;
    if (bandwidth > 0 && nowMs - model->slowMs >= SLOW_USUAL_MS) {
        model->slowMs = -1;
        model->usualBandwidth = bandwidth;
    }
}

void
modelLinkUpdate(convergeModel *model,
                const convergeSample *sample)
{
    gint64 elapsed = sample->timeMs - model->windowMs;
    guint64 normal = sample->normalBytes - model->windowNormal;
    guint64 constant = sample->constantBytes - model->windowConstant;
    gboolean telling;
    double bandwidth, memory;

    if (elapsed < WINDOW_MS)
        return;

    /* A difference of counters that have fallen would wrap around. */
    if (sample->processedBytes < model->windowProcessed ||
        sample->normalBytes < model->windowNormal ||
        sample->constantBytes < model->windowConstant ||
        sample->compressedBytes < model->windowCompressed) {
        modelLinkStart(model, sample);
        return;
    }

    memory = carried(model, sample);
    bandwidth = memory * 1000 / elapsed;
    model->recentBandwidth = bandwidth;

    /* Finding zero pages takes time but no bandwidth: a window with little else tells how
     * fast the CPU scans memory, not how fast the link is. */
    telling = normal >= constant ||
        (normal >= constant / 8 && constant < SCAN_SHARE * SCAN_RATE * elapsed);
    if (bandwidth > 0 && telling) {
        double saved = 1 - (double)(sample->processedBytes - model->windowProcessed) / memory;

        model->nWindows++;
        if (model->bandwidth > 0) {
            double miss = fabs(bandwidth - model->bandwidth) / model->bandwidth;

            model->bandwidthError += BANDWIDTH_WEIGHT * (miss - model->bandwidthError);
            model->bandwidth += BANDWIDTH_WEIGHT * (bandwidth - model->bandwidth);
            model->saved += BANDWIDTH_WEIGHT * (saved - model->saved);
        } else {
            model->bandwidth = model->usualBandwidth = bandwidth;
            model->saved = saved;
        }
    } else if (bandwidth > model->bandwidth && normal >= constant / 8 &&
               constant < SCAN_SHARE_MOST * SCAN_RATE * elapsed) {
        model->bandwidth = bandwidth;
    }
    if (telling && !wasIdle(model, sample))
        noteUsual(model, bandwidth, sample->timeMs);

    modelLinkStart(model, sample);
}

double
convergeModelCarried(const convergeModel *model)
{
    return carried(model, &model->last);
}

gint64
convergeModelLinkSlowMs(const convergeModel *model)
{
    return model->slowMs < 0 ? 0 : model->last.timeMs - model->slowMs;
}
