/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c: what the samples tell, put together
 */
#include <math.h>
#include <string.h>

#include "engine/fit.h"
#include "engine/model_priv.h"
#include "util/number.h"

/* A bandwidth that differs by this share is news. */
#define BANDWIDTH_NEWS 0.25

/* A probe must show at least this share of what the last pass implies. */
#define PROBE_SHARE 0.3

/* QEMU's downtime-limit unless it is set, ms. */
#define DOWNTIME_MS 300

/* QEMU takes no higher one (MAX_MIGRATE_DOWNTIME in migration/options.c). */
#define LIMIT_MOST_MS 2000000

/* More is not believed: .saved is a difference of counters that are read at different times. */
#define SAVED_MOST 0.999

/* So many observations with a throttle, and without one, are kept, however old: only both together
 * tell how the guest answers to a throttle. */
#define KEPT_OBSERVATIONS 2

/* Drops the oldest observation that need not be kept. */
static void
dropOne(convergeObservations *list)
{
    unsigned int n[] = { 0, 0 }; /* without and with a throttle */
    unsigned int i;

    for (i = 0; i < list->n; i++)
        n[convergeObservationIsThrottled(&list->item[i])]++;
    for (i = 0; n[convergeObservationIsThrottled(&list->item[i])] <= KEPT_OBSERVATIONS;)
        i++;

    list->n--;
    memmove(&list->item[i], &list->item[i + 1], sizeof(list->item[0]) * (list->n - i));
}

void
modelObserve(convergeObservations *list,
             double seconds,
             double throttle,
             double bytes,
             double pending)
{
    if (list->n == CONVERGE_MODEL_OBSERVATIONS)
        dropOne(list);

    list->item[list->n++] = (convergeObservation) {
        .seconds = seconds,
        .throttle = CLAMP(throttle, 0, 0.99),
        .bytes = MAX(bytes, CONVERGE_DIRTIED_FLOOR),
        .pending = pending,
    };
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

static void
noteProbe(convergeModel *model,
          const convergeSample *sample)
{
    double seconds = sample->probeMs / 1000.0;

    if (model->probesRefuted >= 2)
        return;

    modelObserve(&model->probes, seconds, sample->probeThrottle / 100.0,
                 sample->probeBps * seconds, 0);
    checkProbes(model);
}

/* Called before .last is replaced. */
static unsigned int
noteSyncs(convergeModel *model,
          const convergeSample *sample)
{
    unsigned int news = CONVERGE_NEWS_SYNC;

    if (modelPassNoteSync(model, sample)) {
        news |= CONVERGE_NEWS_PASS;
        checkProbes(model);
    }

    model->syncMs = sample->timeMs;
    model->throttledMs = 0;
    return news;
}

convergeNews
convergeModelUpdate(convergeModel *model,
                    const convergeSample *sample)
{
    unsigned int news = CONVERGE_NEWS_NONE;
    double throttled;

    if (!sample->active)
        return CONVERGE_NEWS_NONE;

    if (!model->last.active) {
        model->startMs = model->syncMs = sample->timeMs;
        model->slowMs = -1;
        modelLinkStart(model, sample);
        modelPassStart(model, sample);
        model->last = *sample;
        model->last.probeId = 0;
        return CONVERGE_NEWS_NONE;
    }

    modelLinkUpdate(model, sample);
    model->passSpoilt = model->passSpoilt || sample->paused;
    throttled = model->last.throttle / 100.0 * (double)(sample->timeMs - model->last.timeMs);
    if (model->last.paused)
        throttled = (double)(sample->timeMs - model->last.timeMs);
    model->throttledMs += throttled;
    model->lostMs += throttled;

    if (sample->iteration > model->last.iteration)
        news |= noteSyncs(model, sample);

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

double
convergeModelPassDirtied(const convergeModel *model)
{
    gint64 elapsed = model->last.timeMs - model->syncMs;

    return convergeGuestDirtied(&model->guest, elapsed / 1000.0,
                                elapsed > 0 ? model->throttledMs / elapsed : 0);
}

void
convergeModelNoteThrottle(convergeModel *model,
                          unsigned int throttle)
{
    model->last.throttle = throttle;
}

void
convergeModelNoteDowntime(convergeModel *model,
                          gint64 ms)
{
    model->downtimeMs = ms;
}

double
convergeModelThreshold(const convergeModel *model)
{
    gint64 downtime = model->downtimeMs > 0 ? model->downtimeMs : DOWNTIME_MS;

    return model->bandwidth * (1 - model->saved) * downtime / 1000;
}

gint64
convergeModelLimitFor(double saved,
                      gint64 ms)
{
    if (saved <= 0)
        return ms;
    return MIN(convergeRound((double)ms / (1 - MIN(saved, SAVED_MOST))), LIMIT_MOST_MS);
}
