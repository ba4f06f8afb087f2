/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.c: a modelled guest, link and QEMU 7.2, in virtual time
 */
#include <math.h>

#include "plant/plant.h"

/* QEMU looks at what is left after every 50 ms of sending (MAX_WAIT). */
#define TICK_MS 50

/* Evaluations of the throttle trigger are at least this far apart. */
#define TRIGGER_MS 1000

/* Zero pages scanned per second: far above any link. */
#define SCAN_RATE 4e9

/* Stop, device state, start at the destination. */
#define OVERHEAD_MS 40

typedef struct _plantParams plantParams;
struct _plantParams {
    gint64 initial, increment, max, threshold, downtime;
};

/* QEMU's defaults. */
static const plantParams defaults = { 20, 10, 99, 50, 300 };

struct _convergePlant {
    convergePlantConfig config;
    plantParams params;
    convergePlantResult result;
    gint64 timeMs;
    double unsent;              /* bytes still to send of this pass */
    double zero;                /* zero pages still to scan in the bulk pass */
    double dirty;               /* bytes dirtied since the last sync */
    double sent;                /* bytes over the link */
    guint64 iteration;
    unsigned int throttle;
    unsigned int quota;         /* CPU quota's throttle, %; acts at once */
    convergeThrottleActuator actuator;
    unsigned int bad;           /* trigger evaluations that were bad */
    gboolean suspended;
    gint64 syncedMs;
    gint64 evaluatedMs;
    double evaluatedSent;
    double period;              /* bytes dirtied since the last evaluation */
    gint64 probeStartMs;        /* 0: none runs */
    guint64 probeId;
    double probeBps;
    unsigned int probeThrottle;
};

convergePlant *
convergePlantNew(const convergePlantConfig *config)
{
    convergePlant *plant = g_new0(convergePlant, 1);

    plant->config = *config;
    plant->params = defaults;
    plant->unsent = config->used;
    plant->zero = config->memory - config->used;
    plant->iteration = 1;
    return plant;
}

void
convergePlantFree(convergePlant *plant)
{
    g_free(plant);
}

static double
bandwidth(const convergePlant *plant)
{
    if (plant->config.bandwidthChangeMs > 0 && plant->timeMs >= plant->config.bandwidthChangeMs)
        return plant->config.bandwidthAfter;
    return plant->config.bandwidth;
}

/* mig_throttle_guest_down() */
static void
throttleDown(convergePlant *plant)
{
    const plantParams *params = &plant->params;

    if (plant->config.noAutoConverge)
        return;

    if (plant->throttle == 0)
        plant->throttle = (unsigned int)params->initial;
    else
        plant->throttle = (unsigned int)MIN(plant->throttle + params->increment, params->max);
    plant->result.peakThrottle = MAX(plant->result.peakThrottle, plant->throttle);
}

/* migration_bitmap_sync(), migration_trigger_throttle() */
static void
bitmapSync(convergePlant *plant)
{
    plant->iteration++;
    plant->syncedMs = plant->timeMs;
    plant->unsent += plant->dirty;
    plant->period += plant->dirty;
    plant->dirty = 0;

    if (plant->timeMs <= plant->evaluatedMs + TRIGGER_MS)
        return;

    if (plant->period > (plant->sent - plant->evaluatedSent) * plant->params.threshold / 100 &&
        ++plant->bad >= 2) {
        plant->bad = 0;
        throttleDown(plant);
    }
    plant->evaluatedMs = plant->timeMs;
    plant->evaluatedSent = plant->sent;
    plant->period = 0;
}

static void
complete(convergePlant *plant)
{
    double pause = plant->unsent / bandwidth(plant) * 1000 + OVERHEAD_MS;

    plant->result.completed = TRUE;
    plant->result.pauseMs = llrint(pause);
    plant->result.lostMs += pause;
    plant->result.totalMs = plant->timeMs + plant->result.pauseMs;
}

static gboolean
isPaused(const convergePlant *plant)
{
    return plant->suspended || (plant->timeMs >= plant->config.pausedFromMs &&
                                plant->timeMs < plant->config.pausedUntilMs);
}

/* What the vCPUs are slowed down by, all taken together. */
static unsigned int
slowed(const convergePlant *plant)
{
    return MAX(plant->throttle, plant->quota);
}

static void
tick(convergePlant *plant)
{
    double seconds = TICK_MS / 1000.0;
    double speed = (100 - slowed(plant)) / 100.0;
    double threshold = bandwidth(plant) * plant->params.downtime / 1000;
    double writes = isPaused(plant) ? 0 : plant->config.writeRate * speed * seconds;
    double budget = seconds;
    double scan;
    double send;

    /* Zero pages and others are mixed: both are worked off in proportion. */
    scan = MIN(plant->zero, plant->zero / (plant->unsent + 1) * bandwidth(plant) * budget);
    scan = MIN(scan, SCAN_RATE * budget);
    budget -= scan / SCAN_RATE;
    send = MIN(plant->unsent, bandwidth(plant) * MAX(budget, 0));

    plant->zero -= scan;
    plant->unsent -= send;
    plant->sent += send;

    /* A write to a page that is dirty already does not count again. */
    if (plant->config.workingSet > 0)
        plant->dirty += (plant->config.workingSet - plant->dirty) *
            -expm1(-writes / plant->config.workingSet);

    plant->timeMs += TICK_MS;
    plant->result.lostMs += isPaused(plant) ? TICK_MS : slowed(plant) / 100.0 * TICK_MS;

    if (plant->config.syncEveryMs > 0 && plant->iteration > 1 &&
        plant->timeMs - plant->syncedMs >= plant->config.syncEveryMs)
        bitmapSync(plant);

    if (plant->unsent + plant->zero < threshold) {
        plant->zero = 0;
        bitmapSync(plant);
        if (plant->unsent < threshold || plant->unsent < 1)
            complete(plant);
    }
    plant->result.passes = plant->iteration;
}

void
convergePlantAdvance(convergePlant *plant,
                     gint64 ms)
{
    while (!plant->result.completed && !plant->result.aborted && plant->timeMs + TICK_MS <= ms)
        tick(plant);
}

const convergePlantResult *
convergePlantGetResult(const convergePlant *plant)
{
    return &plant->result;
}

gboolean
convergePlantIsPristine(const convergePlant *plant)
{
    return plant->quota == 0 &&
        plant->params.initial == defaults.initial &&
        plant->params.increment == defaults.increment &&
        plant->params.max == defaults.max &&
        plant->params.threshold == defaults.threshold &&
        plant->params.downtime == defaults.downtime;
}

/* Over one second, pages written twice counting once. */
static void
collectProbe(convergePlant *plant)
{
    if (plant->probeStartMs == 0 || plant->timeMs < plant->probeStartMs + 1000)
        return;

    plant->probeStartMs = 0;
    plant->probeId++;
    plant->probeThrottle = slowed(plant);
    plant->probeBps = plant->config.workingSet > 0 && !plant->config.blindProbe ?
        plant->config.workingSet * -expm1(-plant->config.writeRate *
                                          (100 - slowed(plant)) / 100.0 /
                                          plant->config.workingSet) : 0;
}

static gboolean
plantSample(void *opaque,
            convergeSample *sample,
            GError **error G_GNUC_UNUSED)
{
    convergePlant *plant = opaque;

    sample->timeMs = plant->timeMs;
    if (plant->result.completed || plant->result.aborted)
        return TRUE;

    collectProbe(plant);
    sample->paused = isPaused(plant);
    sample->active = TRUE;
    sample->iteration = plant->iteration;
    sample->totalBytes = (guint64)plant->config.memory;
    sample->remainingBytes = (guint64)(plant->unsent + plant->zero);
    sample->processedBytes = sample->normalBytes = (guint64)plant->sent;
    if (plant->iteration == 1)
        sample->constantBytes = (guint64)(plant->config.memory - plant->config.used - plant->zero);
    else
        sample->constantBytes = (guint64)(plant->config.memory - plant->config.used);
    sample->throttle = slowed(plant);
    sample->probeId = plant->probeId;
    sample->probeBps = (guint64)plant->probeBps;
    sample->probeMs = 1000;
    sample->probeThrottle = plant->probeThrottle;
    return TRUE;
}

static convergeThrottleActuator
plantChoose(void *opaque,
            convergeThrottleActuator wanted,
            char **why)
{
    convergePlant *plant = opaque;

    plant->actuator = wanted != CONVERGE_ACTUATOR_AUTO ? wanted :
        MAX(plant->config.actuator, CONVERGE_ACTUATOR_QEMU);
    *why = g_strdup("the plant has it");
    return plant->actuator;
}

static gboolean
plantApply(void *opaque,
           const convergeDecision *decision,
           GError **error)
{
    convergePlant *plant = opaque;
    plantParams *params = &plant->params;

    plant->result.commands++;
    if (plant->config.refuseFrom > 0 && plant->result.commands >= plant->config.refuseFrom) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the plant refuses");
        return FALSE;
    }

    /* As actuator_libvirt.c says them to QEMU. */
    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
        plant->quota = 0;
        params->initial = params->increment = 1;
        params->max = CONVERGE_THROTTLE_FLOOR;
        params->threshold = decision->verb == CONVERGE_VERB_PRIME ? 1 : 100;
        break;
    case CONVERGE_VERB_STEP:
        params->initial = decision->throttle;
        params->increment = decision->increment;
        params->max = decision->maxThrottle;
        params->threshold = decision->threshold;
        break;
    case CONVERGE_VERB_THROTTLE:
        if (plant->actuator > CONVERGE_ACTUATOR_QEMU) {
            plant->quota = decision->throttle;
            plant->result.peakThrottle = MAX(plant->result.peakThrottle, plant->quota);
            break;
        }
        params->initial = MAX(decision->throttle, 1);
        params->increment = 99;
        params->max = MAX(decision->throttle, CONVERGE_THROTTLE_FLOOR);
        params->threshold = 1;
        break;
    case CONVERGE_VERB_DOWNTIME:
        params->downtime = decision->downtimeMs;
        break;
    case CONVERGE_VERB_POSTCOPY:
        plant->result.postcopy = plant->result.completed = TRUE;
        plant->result.pauseMs = OVERHEAD_MS;
        plant->result.totalMs = plant->timeMs + OVERHEAD_MS;
        break;
    case CONVERGE_VERB_SUSPEND:
        plant->suspended = TRUE;
        params->downtime = G_MAXINT32;
        break;
    case CONVERGE_VERB_ABORT:
        plant->result.aborted = TRUE;
        break;
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        break;
    }
    return TRUE;
}

static gboolean
plantProbe(void *opaque,
           GError **error)
{
    convergePlant *plant = opaque;

    if (plant->config.noProbe) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "the plant has no probe");
        return FALSE;
    }

    plant->probeStartMs = MAX(plant->timeMs, 1);
    return TRUE;
}

static gboolean
plantRestore(void *opaque,
             GError **error G_GNUC_UNUSED)
{
    convergePlant *plant = opaque;

    plant->params = defaults;
    plant->quota = 0;
    return TRUE;
}

const convergeActuatorOps convergePlantOps = {
    .sample = plantSample,
    .choose = plantChoose,
    .apply = plantApply,
    .probe = plantProbe,
    .restore = plantRestore,
};
