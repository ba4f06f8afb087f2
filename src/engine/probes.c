/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probes.c: when the next dirty-rate probe is due, and the next sample
 */
#include <math.h>

#include "engine/probes.h"
#include "util/number.h"

/* A sample costs one query-migrate and a line of the journal: half a millisecond of CPU.
 * The wait is a fraction of what is left of the pass, so that turns come faster towards its end,
 * where a sync should be noticed soon.  QEMU updates its figures every 100 ms. */
#define SAMPLES_PER_REST 4
#define SAMPLE_MS 100

/* How long a probe takes (see backend.h), with its start and end in QEMU; and how much time must be
 * left in the bulk pass to start one, since its end is predicted only as well as the bandwidth. */
#define PROBE_MS 1100
#define PROBE_ROOM_MS 1500

/* Between the end of one probe and the start of the next: QEMU's work for one grows with memory, at
 * about 1 GB/s of pages hashed. */
#define PROBE_PAUSE_MS 1000
#define PROBE_PAUSE_MS_PER_GB 20

/* During a long bulk pass nothing is decided yet, and probes wait for at least one part in this
 * many of the time that the pass has taken. */
#define PROBE_PAUSE_SHARE 20

void
convergeProbesGiveUp(convergeProbes *probes)
{
    probes->dueMs = -1;
}

/* How long to wait after a probe, ms. */
static gint64
pauseAfter(const convergeModel *model)
{
    const convergeSample *sample = &model->last;
    gint64 pause = PROBE_PAUSE_MS +
        (gint64)(sample->totalBytes / 1000000000 * PROBE_PAUSE_MS_PER_GB);

    if (model->pass.n == 0)
        pause = MAX(pause, (sample->timeMs - model->startMs) / PROBE_PAUSE_SHARE);
    return pause;
}

void
convergeProbesNote(convergeProbes *probes,
                   const convergeModel *model)
{
    const convergeSample *sample = &model->last;

    if (sample->probeId == probes->lastId)
        return;

    probes->lastId = sample->probeId;
    probes->dueMs = sample->timeMs;
    if (sample->probeMs > 0) /* otherwise the probe was spoilt, and is repeated at once */
        probes->dueMs += pauseAfter(model);
}

void
convergeProbesHurry(convergeProbes *probes,
                    gint64 nowMs)
{
    if (probes->dueMs > 0)
        probes->dueMs = nowMs;
}

gboolean
convergeProbesAreDue(const convergeProbes *probes,
                     const convergeModel *model,
                     gboolean spareEnd)
{
    if (probes->dueMs < 0 || model->last.timeMs < probes->dueMs)
        return FALSE;
    return !spareEnd ||
        model->last.remainingBytes >= model->bandwidth * PROBE_ROOM_MS / 1000;
}

void
convergeProbesNoteStart(convergeProbes *probes,
                        gint64 nowMs)
{
    probes->dueMs = -1;
    probes->endMs = nowMs + PROBE_MS;
}

/* When the next probe is due, or the one under way should end. */
static gint64
nextProbe(const convergeProbes *probes)
{
    return probes->dueMs < 0 ? probes->endMs : probes->dueMs;
}

gint64
convergeProbesNextSample(const convergeProbes *probes,
                         const convergeModel *model)
{
    gint64 probeMs = nextProbe(probes);
    gint64 wait = CONVERGE_SAMPLE_SLOWEST_MS;
    gint64 rest;

    if (model->bandwidth <= 0)
        return SAMPLE_MS;

    rest = convergeRound(trunc(model->last.remainingBytes * 1000.0 / model->bandwidth));
    wait = MIN(wait, rest / SAMPLES_PER_REST);
    if (probeMs > model->last.timeMs)
        wait = MIN(wait, probeMs - model->last.timeMs);
    return MAX(wait, SAMPLE_MS);
}
