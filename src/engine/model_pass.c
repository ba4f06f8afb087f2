/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model_pass.c: which bitmap syncs end a pass, and what they tell of the guest
 */
#include "engine/model_priv.h"

/* What is observed over a shorter time depends mostly on when the samples were taken. */
#define SHORTEST_MS 250

/* QEMU goes by the bandwidth of its last 100 ms, and may look 50 ms late.  So a sync ends a pass if
 * what was unsent before it is below LIMIT_SLACK times QEMU's limit and what the link carries in
 * LATE_SECONDS, or if at least SENT_SHARE of what there was to send has been sent. */
#define LIMIT_SLACK 1.5
#define LATE_SECONDS 0.1
#define SENT_SHARE 0.97

/* Syncs in the middle of a pass that are at least this far apart are observed as those that end passes. */
#define PERIOD_SECONDS 1.0

/* Begins a pass. */
static void
begin(convergeModel *model,
      const convergeSample *sample)
{
    convergePass *pass = &model->pass;

    pass->beginMs = sample->timeMs;
    pass->beginLeft = (double)sample->remainingBytes;
    pass->beginWorked = modelWorkedOff(sample);
    pass->beginPages = modelPages(sample);
    pass->beginSent = sample->processedBytes;
    pass->fresh = 0;
    pass->nInside = 0;
}

/* Begins to gather for the next observation. */
static void
gather(convergeModel *model,
       gint64 nowMs)
{
    model->gatherMs = nowMs;
    model->gatherThrottled = 0;
    model->gatherFresh = 0;
    model->gatherSyncs = 0;
    model->gatherPending = 0;
    model->passSpoilt = FALSE;
}

void
modelPassStart(convergeModel *model,
               const convergeSample *sample)
{
    begin(model, sample);
    gather(model, sample->timeMs);
    /* A loop that begins late may have missed the end of the bulk pass. */
    if (sample->iteration > 1 && modelWorkedOff(sample) >= SENT_SHARE * (double)sample->totalBytes) {
        model->pass.n = 1;
        model->pass.bulkMs = sample->timeMs;
        model->pass.bulkLeft = (double)sample->remainingBytes;
    }
}

/* Passes that end faster than samples come are observed together, as that many equal ones. */
static void
observe(convergeModel *model,
        const convergeSample *sample,
        double pending)
{
    double elapsed = (double)(sample->timeMs - model->gatherMs);
    guint64 n = model->gatherSyncs;

    if (elapsed < SHORTEST_MS)
        return;
    if (!model->passSpoilt)
        modelObserve(&model->passes, elapsed / 1000 / n, model->gatherThrottled / elapsed,
                     model->gatherFresh / n, pending);
    gather(model, sample->timeMs);
}

/* Where syncs come fast, those in the middle of a pass tell little.  What the pass leaves is
 * what was dirtied since it was sent, which was on average half of the pass ago. */
static void
observeWhole(convergeModel *model,
             const convergeSample *sample)
{
    double elapsed = (double)(sample->timeMs - model->pass.beginMs);

    if (elapsed >= SHORTEST_MS && !model->passSpoilt)
        modelObserve(&model->passes, elapsed / 2000, model->gatherThrottled / elapsed,
                     (double)sample->remainingBytes, 0);
    gather(model, sample->timeMs);
}

gboolean
modelPassNoteSync(convergeModel *model,
                  const convergeSample *sample)
{
    convergePass *pass = &model->pass;
    guint64 syncs = sample->iteration - model->last.iteration;
    double worked = modelWorkedOff(sample);
    double moved = worked - modelWorkedOff(&model->last);
    double before = (double)model->last.remainingBytes;
    double now = (double)sample->remainingBytes;
    double fresh = MAX(now - before + moved, 0);
    double unsent = syncs == 1 ? before - moved : MIN(before, now) - moved / syncs;
    double limit = LIMIT_SLACK * convergeModelThreshold(model) + LATE_SECONDS * model->bandwidth;
    gboolean ended = unsent <= limit || worked - pass->beginWorked >= SENT_SHARE * pass->beginLeft;

    pass->fresh += fresh;
    unsent = MAX(unsent, 0);
    model->gatherThrottled += model->throttledMs;
    model->gatherFresh += fresh;
    model->gatherSyncs += syncs;
    model->gatherPending += unsent * (double)syncs;

    if (!ended) {
        pass->nInside += syncs;
        pass->periodSeconds = (double)(sample->timeMs - model->syncMs) / 1000 / syncs;
        return FALSE;
    }

    /* Only syncs below the limit are as many ends of passes. */
    if (unsent > limit)
        syncs = 1;
    if (pass->nInside == 0)
        observe(model, sample, unsent);
    else if (pass->periodSeconds >= PERIOD_SECONDS && pass->n > 0)
        observe(model, sample, model->gatherPending / (double)model->gatherSyncs);
    else
        observeWhole(model, sample);

    if (pass->n == 0) {
        pass->bulkMs = sample->timeMs;
        pass->bulkLeft = now;
        pass->bulkDirtied = pass->fresh;
    }
    pass->n += syncs;
    pass->dirtied = pass->fresh / syncs;
    pass->sent = modelMemory((double)(sample->processedBytes - pass->beginSent), modelPages(sample) - pass->beginPages) / syncs;
    pass->seconds = (double)(sample->timeMs - pass->beginMs) / 1000 / syncs;
    begin(model, sample);
    return TRUE;
}
