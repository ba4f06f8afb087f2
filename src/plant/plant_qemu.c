/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_qemu.c: passes, bitmap syncs, the throttle's trigger, the switchover
 *
 * Follows migration/ram.c and migration/migration.c of QEMU 7.2, unless the law differs.
 * Time jumps from one event to the next; in between, all rates are constant, so that the
 * state has a closed form.
 */
#include <math.h>

#include "plant/plant_priv.h"

/* Evaluations of the throttle trigger are at least this far apart. */
#define TRIGGER_MS 1000

/* Zero pages scanned per second: far above any link. */
#define SCAN_RATE 4e9

/* Time to stop the guest, send the device state and start at the destination. */
#define SWITCHOVER_MS 15

/* Less than a page counts as nothing. */
#define PAGE_BYTES 4096

/* QEMU's dirty limit measures over a second before its first correction. */
#define DIRTY_LIMIT_MS 1000

/* After a switch to post-copy the guest waits for each missing page that it touches, and
 * gets those pages first.  While the writers' sets are fetched, half of its speed is taken
 * to be lost. */
#define POSTCOPY_LOSS 0.5

const convergePlantLaw convergePlantLawDefault = {
    .autoConverge = TRUE,
    .hits = 2,
    .initial = 20,
    .increment = 10,
    .max = 99,
    .threshold = 50,
    .downtimeMs = 300,
};

void
plantQemuInit(convergePlant *plant)
{
    convergePlantConfig *config = &plant->config;
    const convergePlantLaw *law = config->law ? config->law : &convergePlantLawDefault;

    plant->law = law;
    plant->original = (plantParams) {
        law->initial,
        law->increment,
        law->max,
        law->threshold,
        law->tailslow,
        law->downtimeMs,
    };
    plant->params = plant->original;
    plant->iteration = 1;
    if (config->syncEveryMs == 0)
        config->syncEveryMs = law->syncEveryMs;
    if (config->scanRate <= 0)
        config->scanRate = SCAN_RATE;
    if (config->switchoverMs == 0)
        config->switchoverMs = SWITCHOVER_MS;
}

void
plantQemuNoteThrottle(convergePlant *plant)
{
    unsigned int throttle = MAX(plantGuestThrottle(plant), plant->writersQuota);

    plant->result.peakThrottle = MAX(plant->result.peakThrottle, throttle);
}

/* QEMU's mig_throttle_guest_down().
 *
 * @ideal: bytes that the guest may dirty / bytes that it has dirtied */
static void
throttleDown(convergePlant *plant,
             double ideal)
{
    const convergePlantLaw *law = plant->law;
    const plantParams *params = &plant->params;
    gint64 now = plant->throttle;
    gint64 step = params->increment;

    if (plant->config.noAutoConverge)
        return;

    if (law->vcpuDirtyLimit > 0 && !plant->limited) {
        plant->limited = TRUE;
        plant->limitedMs = plant->timeMs + DIRTY_LIMIT_MS;
    }
    if (!law->autoConverge)
        return;

    if (params->tailslow)
        step = MIN(step, (gint64)((100 - now) * (1 - ideal)));
    if (law->fixedThrottle > 0)
        now = law->fixedThrottle;
    else if (now == 0)
        now = params->initial;
    else
        now = MIN(now + step, params->max);
    plant->throttle = (unsigned int)now;
    plantQemuNoteThrottle(plant);
}

static double
left(const convergePlant *plant)
{
    return plantGuestUnsent(plant) + plant->zero;
}

/* QEMU's migration_bitmap_sync() and migration_trigger_throttle(). */
static void
bitmapSync(convergePlant *plant)
{
    double limit;

    plant->period += plantGuestSync(plant);
    plant->iteration++;
    plant->syncRemaining = left(plant);
    plant->stallMs += plant->config.syncMsPerGB * plant->config.memory / 1e9;

    if (plant->timeMs <= plant->evaluatedMs + TRIGGER_MS)
        return;

    limit = (plant->sent - plant->evaluatedSent) * plant->params.threshold / 100;
    if (plant->period > limit && ++plant->bad >= plant->law->hits) {
        plant->bad = 0;
        throttleDown(plant, limit / plant->period);
    }
    plant->dirtyBps = plant->period * 1000 / (plant->timeMs - plant->evaluatedMs);
    plant->evaluatedMs = plant->timeMs;
    plant->evaluatedSent = plant->sent;
    plant->period = 0;
}

/* Time to send all remaining memory while nothing is dirtied, ms. */
static double
shipMs(const convergePlant *plant)
{
    return plant->stallMs + plantGuestUnsent(plant) / convergePlantBandwidth(plant) * 1000 +
        plant->zero / plant->config.scanRate * 1000;
}

static void
complete(convergePlant *plant)
{
    convergePlantResult *result = &plant->result;
    double pause = shipMs(plant) + plant->config.switchoverMs;

    plantGuestSend(plant, 1);
    plant->zeroDone += plant->zero;
    plant->zero = 0;
    result->completed = TRUE;
    result->pauseMs = llrint(pause) +
        (plant->suspended ? plant->timeMs - plant->suspendedMs : 0);
    result->lostMs += pause;
    result->totalMs = result->allMs = plant->timeMs - plant->config.setupMs + llrint(pause);
    result->sentBytes = plant->sent;
}

void
plantQemuPostcopy(convergePlant *plant)
{
    convergePlantResult *result = &plant->result;
    double hot, ship;

    plantGuestSync(plant);
    ship = shipMs(plant);
    hot = plantGuestHotUnsent(plant) / convergePlantBandwidth(plant) * 1000;
    plantGuestSend(plant, 1);
    plant->zeroDone += plant->zero;
    plant->zero = 0;

    result->postcopy = result->completed = TRUE;
    result->pauseMs = plant->config.switchoverMs;
    result->lostMs += plant->config.switchoverMs + POSTCOPY_LOSS * hot;
    result->totalMs = plant->timeMs - plant->config.setupMs + plant->config.switchoverMs;
    result->allMs = result->totalMs + llrint(ship);
    result->sentBytes = plant->sent;
}

/* QEMU's threshold_size: the bytes that can be sent within the downtime limit. */
static double
threshold(const convergePlant *plant)
{
    return MAX(convergePlantBandwidth(plant) * plant->params.downtime / 1000, PAGE_BYTES);
}

static gint64
ceilTick(gint64 ms)
{
    return (ms + PLANT_TICK_MS - 1) / PLANT_TICK_MS * PLANT_TICK_MS;
}

/* The first tick at which something may happen, but not after @until. */
static gint64
nextEvent(const convergePlant *plant,
          gint64 until)
{
    gint64 change = MIN(plantGuestNextChange(plant), plantLinkNextChange(plant));
    gint64 next = until;
    double pass = plant->stallMs;
    double rest = left(plant);

    if (change < next)
        next = ceilTick(change);
    if (plant->config.syncEveryMs > 0)
        next = MIN(next, ceilTick((plant->timeMs / plant->config.syncEveryMs + 1) * plant->config.syncEveryMs));

    if (rest > 0)
        pass += (shipMs(plant) - plant->stallMs) * MAX(1 - threshold(plant) / rest, 0);
    if (pass < (double)(next - plant->timeMs))
        next = MIN(next, plant->timeMs + ceilTick((gint64)ceil(pass)));
    return MAX(next, plant->timeMs + PLANT_TICK_MS);
}

/* Zero pages and other pages are mixed, so that both are sent in proportion. */
static void
sendFor(convergePlant *plant,
        double ms)
{
    double stall = MIN(plant->stallMs, ms);
    double all;
    double share;
    double scanned;

    plant->stallMs -= stall;
    all = shipMs(plant) - plant->stallMs;
    share = all > 0 ? MIN((ms - stall) / all, 1) : 1;
    scanned = plant->zero * share;
    plant->zero -= scanned;
    plant->zeroDone += scanned;
    plantGuestSend(plant, share);
}

/* QEMU's cpu_throttle_dirty_sync_timer_tick(): does nothing in the bulk pass, and nothing if
 * there was another bitmap sync since its last tick. */
static void
periodicSync(convergePlant *plant)
{
    if (plant->config.syncEveryMs == 0 ||
        plant->timeMs % plant->config.syncEveryMs >= PLANT_TICK_MS)
        return;

    if (plant->iteration > 1 && plant->iteration == plant->timerIteration)
        bitmapSync(plant);
    plant->timerIteration = plant->iteration;
}

static void
runTo(convergePlant *plant,
      gint64 next)
{
    double ms = (double)(next - plant->timeMs);

    sendFor(plant, ms);
    plantGuestRun(plant, ms / 1000);
    plant->timeMs = next;
    if (plant->limited)
        plant->result.peakThrottle = MAX(plant->result.peakThrottle,
                                         (unsigned int)lrint(100 - 100 * convergePlantSpeed(plant)));

    periodicSync(plant);
    if (left(plant) < threshold(plant)) {
        bitmapSync(plant);
        if (left(plant) < threshold(plant))
            complete(plant);
    }
    plant->result.passes = plant->iteration;
    plant->result.sentBytes = plant->sent;
}

void
convergePlantAdvance(convergePlant *plant,
                     gint64 ms)
{
    gint64 until = ms / PLANT_TICK_MS * PLANT_TICK_MS;

    /* Dirtied pages are not logged before the first byte is sent. */
    if (plant->timeMs < plant->config.setupMs) {
        plant->timeMs = MIN(until, ceilTick(plant->config.setupMs));
        plant->evaluatedMs = plant->timeMs;
    }

    while (!plant->result.completed && !plant->result.aborted && plant->timeMs < until)
        runTo(plant, nextEvent(plant, until));
}
