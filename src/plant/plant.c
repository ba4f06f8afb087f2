/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant.c: samples and verbs of a modelled migration
 */
#include <math.h>
#include <string.h>

#include "plant/plant_priv.h"
#include "throttle/throttle_qemu.h"

/* Length of a probe: a second is the least that calc-dirty-rate takes before QEMU 8.2. */
#define PROBE_MS 1000

convergePlant *
convergePlantNew(const convergePlantConfig *config)
{
    convergePlant *plant = g_new0(convergePlant, 1);

    plant->config = *config;
    if (plant->config.probeMs <= 0)
        plant->config.probeMs = PROBE_MS;
    plantGuestInit(plant);
    plantQemuInit(plant);
    return plant;
}

void
convergePlantFree(convergePlant *plant)
{
    g_free(plant);
}

const convergePlantResult *
convergePlantGetResult(const convergePlant *plant)
{
    return &plant->result;
}

double
convergePlantSyncRemaining(const convergePlant *plant)
{
    return plant->syncRemaining;
}

void
convergePlantSetPath(convergePlant *plant,
                     double bandwidth)
{
    plant->path = bandwidth;
}

double
convergePlantDemand(const convergePlant *plant)
{
    const convergePlantResult *result = &plant->result;
    double most = plant->config.tlsBandwidth > 0 ? plant->config.tlsBandwidth : INFINITY;

    if (plant->config.compressRate > 0)
        most = MIN(most, plantLinkWire(plant, plant->config.compressRate));

    if (result->completed || result->aborted || plant->timeMs < plant->config.setupMs ||
        plantGuestUnsent(plant) <= 0)
        return 0;
    return most;
}

void
convergePlantSetThrottle(convergePlant *plant,
                         unsigned int throttle)
{
    plant->quota = throttle;
    plantQemuNoteThrottle(plant);
    plant->result.commands++;
}

gboolean
convergePlantIsPristine(const convergePlant *plant)
{
    return plant->quota == 0 && plant->writersQuota == 0 &&
        memcmp(&plant->params, &plant->original, sizeof(plant->params)) == 0;
}

/* The throttle that writers feel, %. */
static unsigned int
slowed(const convergePlant *plant)
{
    return MAX(plantGuestThrottle(plant), plant->writersQuota);
}

/* Finishes a probe that is due.  A page that is written twice counts once. */
static void
collectProbe(convergePlant *plant)
{
    gint64 ms = plant->config.probeMs;

    if (plant->probeStartMs == 0 || plant->timeMs < plant->probeStartMs + ms)
        return;

    plant->probeStartMs = 0;
    plant->probeId++;
    plant->probeThrottle = slowed(plant);
    plant->probeBps = 0;
    if (!plant->config.blindProbe && !plantGuestIsPaused(plant))
        plant->probeBps = plantGuestDistinct(plant, (double)ms / 1000, plantGuestThrottle(plant)) *
            1000 / (double)ms;
}

static gboolean
plantSample(void *opaque,
            convergeSample *sample,
            GError **error G_GNUC_UNUSED)
{
    convergePlant *plant = opaque;

    sample->timeMs = plant->timeMs;
    if (plant->result.completed || plant->result.aborted ||
        plant->timeMs < plant->config.setupMs)
        return TRUE;

    collectProbe(plant);
    sample->paused = plantGuestIsPaused(plant);
    sample->active = TRUE;
    sample->iteration = plant->iteration;
    sample->totalBytes = (guint64)plant->config.memory;
    sample->remainingBytes = (guint64)(plantGuestUnsent(plant) + plant->zero);
    sample->processedBytes = (guint64)plantLinkWire(plant, plant->sent);
    sample->normalBytes = (guint64)plant->sent;
    sample->constantBytes = (guint64)plant->zeroDone;
    sample->dirtyBps = (guint64)plant->dirtyBps;
    sample->throttle = slowed(plant);
    sample->probeId = plant->probeId;
    sample->probeBps = (guint64)plant->probeBps;
    sample->probeMs = plant->config.probeMs;
    sample->probeThrottle = plant->probeThrottle;
    return TRUE;
}

static const convergeThrottleTraits *
plantChoose(void *opaque,
            convergeThrottleMethod wanted,
            char **why,
            GError **error G_GNUC_UNUSED)
{
    convergePlant *plant = opaque;
    convergeThrottleMethod best = MAX(plant->config.bestMethod, CONVERGE_METHOD_QEMU);
    convergeThrottleMethod method = wanted != CONVERGE_METHOD_AUTO ? wanted : best;

    *why = g_strdup("the plant has it");
    plant->slows = convergeThrottles[method]->slows;
    return &convergeThrottles[method]->traits;
}

/* Does what throttle.c does for a real guest. */
static void
applyThrottle(convergePlant *plant,
              const convergeDecision *decision)
{
    plantParams *params = &plant->params;
    gint64 values[CONVERGE_PARAM_LAST];

    if (plant->slows != CONVERGE_SLOWS_BY_TRIGGER && decision->verb != CONVERGE_VERB_STEP) {
        if (plant->slows == CONVERGE_SLOWS_WRITERS)
            plant->writersQuota = decision->throttle;
        else
            plant->quota = decision->throttle;
        plantQemuNoteThrottle(plant);
        if (decision->verb == CONVERGE_VERB_THROTTLE)
            return;
    }

    convergeThrottleQemuMap(decision, params->increment, CONVERGE_THROTTLE_QEMU_LEAST, values);
    params->initial = values[CONVERGE_PARAM_INITIAL];
    params->increment = values[CONVERGE_PARAM_INCREMENT];
    params->max = values[CONVERGE_PARAM_MAX];
    params->threshold = values[CONVERGE_PARAM_THRESHOLD];
    params->tailslow = values[CONVERGE_PARAM_TAILSLOW];
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

    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_STEP:
    case CONVERGE_VERB_THROTTLE:
        applyThrottle(plant, decision);
        break;
    case CONVERGE_VERB_DOWNTIME:
        params->downtime = decision->limitMs;
        break;
    case CONVERGE_VERB_POSTCOPY:
        plantQemuPostcopy(plant);
        break;
    case CONVERGE_VERB_SUSPEND:
        if (!plant->suspended)
            plant->suspendedMs = plant->timeMs;
        plant->suspended = TRUE;
        params->downtime = G_MAXINT32;
        break;
    case CONVERGE_VERB_RESUME:
        /* qmp_cont(): not in the run state finish-migrate. */
        if (plant->stopped) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "Migration is not finalized yet");
            return FALSE;
        }
        if (decision->downtimeMs > 0)
            params->downtime = decision->downtimeMs;
        plant->suspended = FALSE;
        break;
    case CONVERGE_VERB_ABORT:
        plant->result.aborted = TRUE;
        plant->result.totalMs = plant->result.allMs = plant->timeMs - plant->config.setupMs;
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

    plant->probes++;
    if (plant->config.noProbe ||
        (plant->config.probesMost > 0 && plant->probes > plant->config.probesMost)) {
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

    plant->params = plant->original;
    plant->quota = plant->writersQuota = 0;
    return TRUE;
}

const convergeBackendOps convergePlantOps = {
    .sample = plantSample,
    .choose = plantChoose,
    .apply = plantApply,
    .probe = plantProbe,
    .restore = plantRestore,
};
