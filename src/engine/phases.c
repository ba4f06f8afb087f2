/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * phases.c: peaks and valleys
 */
#include <string.h>

#include "engine/fit.h"
#include "engine/phases.h"
#include "util/number.h"

/* Shares of the bandwidth.  An unthrottled guest below the first converges within a few passes,
 * above the second it does not converge.  In between, the phase stays what it was, so that noise
 * makes no edges. */
#define VALLEY 0.3
#define PEAK 1.0

/* Weight of a new probe within a phase: the first one may have seen an edge. */
#define PROBE_WEIGHT 0.5

/* If a phase had fewer probes than this, phases may have been missed, and the earlier edges do not
 * count. */
#define PROBES_LEAST 2

/* One period may differ from the next by this share. */
#define PERIOD_SHARE 0.25

/* How far off an edge between two probes may be, ms; and how many times that a period must be. */
#define EDGE_MS 3000
#define PERIOD_EDGES 4

/* A probe is scaled up as if the guest had at least this share of its speed. */
#define SPEED_LEAST 0.03

void
convergePhasesNote(convergePhases *phases,
                   const convergeModel *model)
{
    const convergeSample *sample = &model->last;
    double speed = 1 - model->guest.answer * sample->probeThrottle / 100.0;
    double rate = (double)sample->probeBps / MAX(speed, SPEED_LEAST);
    convergePhase phase = phases->now;

    if (model->bandwidth <= 0)
        return;
    if (rate < VALLEY * model->bandwidth)
        phase = CONVERGE_PHASE_VALLEY;
    else if (rate > PEAK * model->bandwidth)
        phase = CONVERGE_PHASE_PEAK;
    if (phase == CONVERGE_PHASE_UNKNOWN)
        return;

    if (phase == phases->now) {
        phases->rate[phase] += PROBE_WEIGHT * (rate - phases->rate[phase]);
        phases->probes++;
        phases->probedMs = sample->timeMs;
        return;
    }

    if (phases->now != CONVERGE_PHASE_UNKNOWN) {
        if (phases->probes < PROBES_LEAST)
            phases->nedges = 0;
        if (phases->nedges == CONVERGE_PHASES_EDGES)
            memmove(phases->edgeMs, phases->edgeMs + 1,
                    sizeof(phases->edgeMs[0]) * --phases->nedges);
        phases->edgeMs[phases->nedges++] = (phases->probedMs + sample->timeMs) / 2;
    }
    phases->now = phase;
    phases->rate[phase] = rate;
    phases->probes = 1;
    phases->probedMs = sample->timeMs;
}

/* A valley counts only after a peak. */
static gboolean
isInValley(const convergePhases *phases)
{
    return phases->now == CONVERGE_PHASE_VALLEY && phases->rate[CONVERGE_PHASE_PEAK] > 0;
}

/* In ms; 0: none is known. */
static gint64
period(const convergePhases *phases)
{
    const gint64 *edges = phases->edgeMs;
    unsigned int n = phases->nedges;
    gint64 newest, before;

    if (n < CONVERGE_PHASES_EDGES)
        return 0;
    newest = edges[n - 1] - edges[n - 3];
    before = edges[n - 2] - edges[n - 4];
    return newest >= PERIOD_EDGES * EDGE_MS &&
            ABS(newest - before) <= MAX(PERIOD_SHARE * newest, EDGE_MS) ?
        newest :
        0;
}

gboolean
convergePhasesFindValley(const convergePhases *phases,
                         const convergeModel *model,
                         convergeValley *valley)
{
    gint64 now = model->last.timeMs;
    gint64 every = period(phases);
    const gint64 *newest;

    if (phases->nedges == 0)
        return FALSE;
    newest = &phases->edgeMs[phases->nedges - 1];

    if (isInValley(phases)) {
        valley->inMs = 0;
        /* Without a known period, expect it to last as long again as it has. */
        valley->leftMs = now - newest[0];
        /* The newest edge began this valley; the two edges before it are the end and the beginning
         * of the last one. */
        if (every > 0)
            valley->leftMs = MAX(newest[0] + newest[-1] - newest[-2] - now, 0);
        return TRUE;
    }

    /* The newest edge ended the last valley, and the one before it began that valley. */
    if (every == 0 || phases->now != CONVERGE_PHASE_PEAK ||
        now > newest[-1] + every + EDGE_MS)
        return FALSE;
    valley->inMs = MAX(newest[-1] + every - now, 0);
    valley->leftMs = newest[0] - newest[-1];
    return TRUE;
}

convergePrediction
convergePhasesPredict(const convergePhases *phases,
                      const convergeModel *model,
                      const convergeValley *valley,
                      const convergePlan *plan)
{
    convergeModel then = *model;
    convergeGuest guest = model->guest;
    gint64 begins = valley->inMs > 0 ? model->last.timeMs + valley->inMs :
                                       phases->edgeMs[phases->nedges - 1];
    double peak = MAX(begins - model->syncMs, 0) / 1000.0;
    double elapsed = (model->last.timeMs - model->syncMs) / 1000.0;
    double held = elapsed > 0 ? model->throttledMs / 1000.0 / elapsed : 0;
    double dirty = model->last.remainingBytes;
    convergePrediction prediction;

    /* The probes that tell the rates count hot and cold memory alike. */
    guest.workingSet = MAX(guest.workingSet,
                           convergeGuestDirtied(&model->guest, model->pass.seconds, 0));
    guest.coldRate = 0;

    /* What was dirtied since the last sync, and what will be until the valley, counts as
     * pending already. */
    guest.writeRate = phases->rate[CONVERGE_PHASE_PEAK];
    dirty += convergeGuestDirtied(&guest, peak, held);
    guest.writeRate = MAX(phases->rate[CONVERGE_PHASE_VALLEY], 1);
    dirty += convergeGuestDirtied(&guest, MAX(elapsed - peak, 0), held);
    dirty = MIN(dirty, MAX(guest.workingSet, model->last.remainingBytes));
    then.last.remainingBytes = (guint64)convergeRound(trunc(MAX(dirty, 0)));
    then.syncMs = then.last.timeMs;
    then.throttledMs = 0;

    prediction = convergeModelPredictFor(&then, &guest, model->bandwidth, plan);
    prediction.remainingMs += valley->inMs;
    prediction.errorMs = period(phases) == 0 ? prediction.remainingMs :
                                               MIN(prediction.remainingMs, EDGE_MS);
    return prediction;
}
