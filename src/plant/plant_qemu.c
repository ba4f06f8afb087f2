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

/* QEMU looks at what is left after 50 ms of sending, but asks for the time after each 64 pages
 * only (ram_save_iterate() in migration/ram.c): on a link that crawls it looks later, and while
 * nothing can be sent it does not look at all. */
#define LOOK_BYTES (64.0 * PAGE_BYTES)

/* QEMU measures the bandwidth over this time (BUFFER_DELAY in migration/migration.c). */
#define WINDOW_MS 100

/* Time from one look of QEMU to the next, if each is a bitmap sync. */
#define LOOK_SYNC_MS 55

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
    config->syncInBulk = config->syncInBulk || law->syncInBulk;
    if (config->syncInBulk && config->syncEveryMs == 0)
        config->syncEveryMs = LOOK_SYNC_MS;
    plant->syncDueMs = config->syncEveryMs;
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

    limit = plantLinkWire(plant, plant->sent - plant->evaluatedSent) * (double)plant->params.threshold / 100;
    if (plant->period > limit && ++plant->bad >= plant->law->hits) {
        plant->bad = 0;
        throttleDown(plant, limit / plant->period);
    }
    plant->dirtyBps = plant->period * 1000 / (plant->timeMs - plant->evaluatedMs);
    plant->evaluatedMs = plant->timeMs;
    plant->evaluatedSent = plant->sent;
    plant->period = 0;
}

/* Time to send all remaining memory over the link of this moment while nothing is dirtied, ms. */
static double
shipMs(const convergePlant *plant)
{
    return plant->stallMs + plantLinkMs(plant, plantGuestUnsent(plant)) +
        plant->zero / plant->config.scanRate * 1000;
}

static void
sendAll(convergePlant *plant)
{
    plantGuestSend(plant, 1);
    plant->zeroDone += plant->zero;
    plant->zero = 0;
    plant->result.sentBytes = plantLinkWire(plant, plant->sent);
}

static gint64
ceilTick(gint64 ms)
{
    return (ms + PLANT_TICK_MS - 1) / PLANT_TICK_MS * PLANT_TICK_MS;
}

/* Ends the migration if the link carries all that is left before it changes. */
static gboolean
complete(convergePlant *plant)
{
    convergePlantResult *result = &plant->result;
    gint64 change = plantLinkNextChange(plant);
    double ship = shipMs(plant);
    double pause = ship + (double)plant->config.switchoverMs;

    if (isinf(ship) || (change < G_MAXINT64 && ship > (double)(ceilTick(change) - plant->timeMs)))
        return FALSE;

    sendAll(plant);
    result->completed = TRUE;
    result->pauseMs = llrint(pause) + plant->timeMs - plant->stoppedMs;
    result->lostMs += pause;
    result->totalMs = result->allMs = plant->timeMs - plant->config.setupMs + llrint(pause);
    return TRUE;
}

void
plantQemuPostcopy(convergePlant *plant)
{
    convergePlantResult *result = &plant->result;
    double wait = 0;
    double hot, ship;

    /* QEMU is about to complete the migration by itself. */
    if (plant->stopped)
        return;

    /* The guest runs at the destination once its devices are there. */
    if (convergePlantBandwidth(plant) <= 0)
        wait = plantLinkCarryMs(plant, PAGE_BYTES);
    wait += (double)plant->config.switchoverMs;

    plantGuestSync(plant);
    ship = plant->stallMs + plantLinkCarryMs(plant, plantGuestUnsent(plant)) +
        plant->zero / plant->config.scanRate * 1000;
    hot = plantLinkCarryMs(plant, plantGuestHotUnsent(plant));
    sendAll(plant);

    result->postcopy = result->completed = TRUE;
    result->pauseMs = llrint(wait) + (plant->suspended ? plant->timeMs - plant->suspendedMs : 0);
    result->lostMs += wait + POSTCOPY_LOSS * hot;
    result->totalMs = plant->timeMs - plant->config.setupMs + llrint(wait);
    result->allMs = result->totalMs + llrint(ship);
}

/* QEMU's threshold_size: the bytes that the link would have carried within the downtime limit,
 * both as they were when the bandwidth was measured last. */
static double
threshold(const convergePlant *plant)
{
    return MAX(plant->threshold, PAGE_BYTES);
}

/* QEMU's migration_update_counters(). */
static void
measure(convergePlant *plant)
{
    gint64 ms = plant->timeMs - plant->windowMs;

    if (ms < WINDOW_MS)
        return;
    plant->threshold = plantLinkWire(plant, plant->sent - plant->windowSent) / (double)ms * (double)plant->params.downtime;
    plant->windowMs = plant->timeMs;
    plant->windowSent = plant->sent;
}

/* Whether the next measurement will give the same threshold, so that nothing happens before the
 * pass ends or something changes. */
static gboolean
isSteady(const convergePlant *plant)
{
    double ship = shipMs(plant);
    double next = 0;

    if (plant->stallMs > 0)
        return FALSE;
    if (ship > 0 && !isinf(ship))
        next = plantLinkWire(plant, plantGuestUnsent(plant)) / ship * (double)plant->params.downtime;
    return next <= 0 || (plant->windowMs == plant->timeMs && fabs(plant->threshold - next) <= 1e-9 * next);
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

    if (!isSteady(plant))
        return plant->timeMs + PLANT_TICK_MS;
    if (change < next)
        next = ceilTick(change);
    if (plant->config.syncInBulk)
        next = MIN(next, ceilTick(plant->syncDueMs));
    else if (plant->config.syncEveryMs > 0)
        next = MIN(next, ceilTick((plant->timeMs / plant->config.syncEveryMs + 1) * plant->config.syncEveryMs));

    if (rest > threshold(plant))
        pass += (shipMs(plant) - plant->stallMs) * (1 - threshold(plant) / rest);
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
    plant->result.sentBytes = plantLinkWire(plant, plant->sent);
}

/* QEMU's cpu_throttle_dirty_sync_timer_tick(): does nothing in the bulk pass, and nothing if
 * there was another bitmap sync since its last tick. */
static void
periodicSync(convergePlant *plant)
{
    if (plant->config.syncEveryMs == 0 || plant->config.syncInBulk ||
        plant->timeMs % plant->config.syncEveryMs >= PLANT_TICK_MS)
        return;

    if (plant->iteration > 1 && plant->iteration == plant->timerIteration)
        bitmapSync(plant);
    plant->timerIteration = plant->iteration;
}

/* Every look is a bitmap sync where QEMU compares the memory that post-copy cannot fetch, which is
 * none, with the threshold, instead of all that is left.
 *
 * Seen with 11.1 and the capability postcopy-ram.  Before, only release candidates of 9.0 did so:
 * "migration/postcopy: Fix high frequency sync", qemu-devel, 22 March 2024, tells the history.
 * 7.2, 10.0 and 10.2 compare all that is left (migration_iteration_run() in
 * migration/migration.c). */
static gboolean
lookSync(convergePlant *plant)
{
    if (!plant->config.syncInBulk || plant->timeMs < plant->syncDueMs)
        return FALSE;

    /* In the mean once a period, although looks are on the grid. */
    plant->syncDueMs = plant->config.syncEveryMs + MAX(plant->syncDueMs, plant->timeMs - PLANT_TICK_MS);
    bitmapSync(plant);
    return TRUE;
}

/* QEMU's migration_rate_limit() and migration_iteration_run(). */
static void
look(convergePlant *plant)
{
    double worked = plant->sent + plant->zeroDone;
    gboolean synced;

    if (left(plant) > 0 && worked < plant->looked + LOOK_BYTES)
        return;
    plant->looked = worked;

    measure(plant);
    synced = lookSync(plant);
    if (left(plant) >= threshold(plant))
        return;
    if (!synced)
        bitmapSync(plant);
    if (left(plant) >= threshold(plant))
        return;

    plant->stopped = TRUE;
    plant->stoppedMs = plant->suspended ? plant->suspendedMs : plant->timeMs;
    complete(plant);
}

static void
runTo(convergePlant *plant,
      gint64 next)
{
    double ms = (double)(next - plant->timeMs);

    sendFor(plant, ms);
    plantGuestRun(plant, ms / 1000);
    plant->timeMs = next;
    if (plant->stopped)
        return;
    if (plant->limited)
        plant->result.peakThrottle = MAX(plant->result.peakThrottle,
                                         (unsigned int)lrint(100 - 100 * convergePlantSpeed(plant)));

    periodicSync(plant);
    look(plant);
    plant->result.passes = plant->iteration;
}

/* While the guest stands still, only the link changes. */
static void
standStill(convergePlant *plant,
           gint64 until)
{
    gint64 change = plantLinkNextChange(plant);

    if (!complete(plant))
        runTo(plant, change < until ? MIN(ceilTick(change), until) : until);
}

void
convergePlantAdvance(convergePlant *plant,
                     gint64 ms)
{
    gint64 until = ms / PLANT_TICK_MS * PLANT_TICK_MS;

    /* Dirtied pages are not logged before the first byte is sent. */
    if (plant->timeMs < plant->config.setupMs) {
        plant->timeMs = MIN(until, ceilTick(plant->config.setupMs));
        plant->evaluatedMs = plant->windowMs = plant->timeMs;
        plant->syncDueMs = plant->timeMs + plant->config.syncEveryMs;
    }

    while (!plant->result.completed && !plant->result.aborted && plant->timeMs < until) {
        if (plant->stopped)
            standStill(plant, until);
        else
            runTo(plant, nextEvent(plant, until));
    }
}
