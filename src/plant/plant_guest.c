/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plant_guest.c: writers, their sets, and which pages are dirty
 */
#include <math.h>

#include "plant/plant_priv.h"

#define NOISE_GUEST 2

/* QEMU's dirty limit does not adjust a vCPU that is this close to its quota
 * (system/dirtylimit.c, DIRTYLIMIT_TOLERANCE_RANGE). */
#define DIRTY_LIMIT_TOLERANCE (25.0 * 1024 * 1024)

/* Period over which QEMU's dirty limit counts pages (x-vcpu-dirty-limit-period). */
#define DIRTY_LIMIT_SECONDS 1.0

static void
addRegion(convergePlant *plant,
          const convergePlantWriter *writer)
{
    plantRegion *region = &plant->regions[plant->nregions++];

    region->writer = *writer;
    region->writer.vcpus = MAX(writer->vcpus, 1);
    region->bytes = region->unsent = MAX(writer->set, writer->growTo);
    plant->vcpus += region->writer.vcpus;
}

void
plantGuestInit(convergePlant *plant)
{
    const convergePlantConfig *config = &plant->config;
    convergePlantWriter first = { .set = config->workingSet, .rate = config->writeRate };
    plantRegion *rest;
    double sets = 0;
    unsigned int i;

    if (first.set > 0)
        addRegion(plant, &first);
    for (i = 0; i < MIN(config->nwriters, CONVERGE_PLANT_WRITERS); i++)
        addRegion(plant, &config->writers[i]);
    plant->vcpus = MAX(plant->vcpus, config->vcpus);

    /* The rest of the used memory. */
    rest = &plant->regions[plant->nregions];
    for (i = 0; i < plant->nregions; i++) {
        sets += plant->regions[i].bytes;
        rest->writer.rate += plant->regions[i].writer.background;
    }
    rest->writer.set = rest->bytes = rest->unsent = MAX(config->used - sets, 0);
    plant->nregions++;

    plant->config.used = MAX(config->used, sets);
    plant->config.memory = MAX(config->memory, plant->config.used);
    plant->zero = plant->config.memory - plant->config.used;
}

gboolean
plantGuestIsPaused(const convergePlant *plant)
{
    return plant->suspended || plant->stopped ||
        (plant->timeMs >= plant->config.pausedFromMs && plant->timeMs < plant->config.pausedUntilMs);
}

double
plantGuestUnsent(const convergePlant *plant)
{
    double unsent = 0;
    unsigned int i;

    for (i = 0; i < plant->nregions; i++)
        unsent += plant->regions[i].unsent;
    return unsent;
}

double
plantGuestHotUnsent(const convergePlant *plant)
{
    return plantGuestUnsent(plant) - plant->regions[plant->nregions - 1].unsent;
}

static gint64
cycleMs(const convergePlant *plant)
{
    gint64 cycle = 0;
    unsigned int i;

    for (i = 0; i < plant->config.nphases; i++)
        cycle += plant->config.phases[i].ms;
    return cycle;
}

/* Factor on the writers' full speed, from phases and noise. */
static double
pace(const convergePlant *plant)
{
    double rate = 1;
    unsigned int i;

    if (plant->config.nphases > 0) {
        gint64 at = plant->timeMs % cycleMs(plant);

        for (i = 0; at >= plant->config.phases[i].ms; i++)
            at -= plant->config.phases[i].ms;
        rate = plant->config.phases[i].rate;
    }
    if (plant->config.noise > 0)
        rate *= 1 + plant->config.noise * plantNoise(plant, NOISE_GUEST, plant->timeMs / 1000);
    return rate;
}

gint64
plantGuestNextChange(const convergePlant *plant)
{
    const convergePlantConfig *config = &plant->config;
    gint64 next = G_MAXINT64;
    unsigned int i;

    if (config->nphases > 0) {
        next = plant->timeMs - plant->timeMs % cycleMs(plant);
        for (i = 0; next <= plant->timeMs; i++)
            next += config->phases[i].ms;
    }
    if (plant->timeMs < config->pausedFromMs)
        next = MIN(next, config->pausedFromMs);
    if (plant->timeMs < config->pausedUntilMs)
        next = MIN(next, config->pausedUntilMs);
    if (plant->limited && plant->timeMs < plant->limitedMs)
        next = MIN(next, plant->limitedMs);
    return next;
}

/* Size of the set that the writers of @region write to now, bytes. */
static double
activeBytes(const convergePlant *plant,
            const plantRegion *region)
{
    if (region->writer.growTo <= region->writer.set)
        return region->writer.set;
    return MIN(region->writer.set + region->writer.growth * plant->timeMs / 1000, region->bytes);
}

static double
distinct(const plantRegion *region,
         double active,
         double written)
{
    if (active <= 0)
        return 0;
    return region->writer.sweep ? MIN(written, active) : active * -expm1(-written / active);
}

/* The share of their speed that the dirty limit leaves to the writers of @region, 0..1. */
static double
limitedSpeed(const convergePlant *plant,
             const plantRegion *region,
             double rate)
{
    double quota = (plant->law->vcpuDirtyLimit + DIRTY_LIMIT_TOLERANCE) *
        MAX(region->writer.vcpus, 1) * DIRTY_LIMIT_SECONDS;
    double active = activeBytes(plant, region);

    if (plant->writersQuota > 0)
        return (100 - plant->writersQuota) / 100.0;
    if (!plant->limited || plant->timeMs < plant->limitedMs || quota >= active ||
        distinct(region, active, rate * DIRTY_LIMIT_SECONDS) <= quota)
        return 1;
    return (region->writer.sweep ? quota : -active * log1p(-quota / active)) /
        (rate * DIRTY_LIMIT_SECONDS);
}

unsigned int
plantGuestThrottle(const convergePlant *plant)
{
    return MAX(plant->throttle, plant->quota);
}

/* Bytes/s written to @region under @throttle (%). */
static double
writeRate(const convergePlant *plant,
          const plantRegion *region,
          unsigned int throttle)
{
    double fixed = region->writer.fixedShare;
    double rate = region->writer.rate * pace(plant);

    return rate * (fixed + (1 - fixed) * (100 - throttle) / 100.0 * limitedSpeed(plant, region, rate));
}

double
convergePlantSpeed(const convergePlant *plant)
{
    double speed = plant->vcpus;
    unsigned int i;

    if (plantGuestIsPaused(plant))
        return 0;
    if (plant->vcpus == 0)
        return (100 - plantGuestThrottle(plant)) / 100.0;

    for (i = 0; i < plant->nregions; i++) {
        const plantRegion *region = &plant->regions[i];

        speed -= region->writer.vcpus *
            (1 - limitedSpeed(plant, region, region->writer.rate * pace(plant)));
    }
    return speed / plant->vcpus * (100 - plantGuestThrottle(plant)) / 100.0;
}

void
plantGuestRun(convergePlant *plant,
              double seconds)
{
    unsigned int i;

    plant->result.lostMs += (1 - convergePlantSpeed(plant)) * seconds * 1000;
    if (plantGuestIsPaused(plant))
        return;

    for (i = 0; i < plant->nregions; i++) {
        plantRegion *region = &plant->regions[i];
        double written = writeRate(plant, region, plantGuestThrottle(plant)) * seconds;
        double active = activeBytes(plant, region);

        /* A write to a dirty page does not count again. */
        if (region->writer.sweep)
            region->dirty = MIN(region->dirty + written, active);
        else if (active > 0)
            region->dirty += (active - region->dirty) * -expm1(-written / active);
    }
}

void
plantGuestSend(convergePlant *plant,
               double share)
{
    unsigned int i;

    for (i = 0; i < plant->nregions; i++) {
        plantRegion *region = &plant->regions[i];
        double sent = region->unsent * share;

        region->unsent -= sent;
        region->clean += sent;
        plant->sent += sent;
    }
}

/* Whether the bulk pass goes on: memory that the guest does not write to is still unsent. */
static gboolean
isBulk(const convergePlant *plant)
{
    return plant->iteration == 1 ||
        (plant->config.syncInBulk && plant->sent + plant->zeroDone < plant->config.memory);
}

double
plantGuestSync(convergePlant *plant)
{
    double added = 0;
    unsigned int i;

    for (i = 0; i < plant->nregions; i++) {
        plantRegion *region = &plant->regions[i];
        double within = isBulk(plant) ? region->bytes : activeBytes(plant, region);
        double fresh = region->dirty;

        if (within <= 0)
            continue;
        if (!plant->config.disjoint)
            fresh *= 1 - MIN(region->unsent / within, 1);
        fresh = MIN(fresh, region->clean);
        region->unsent += fresh;
        region->clean -= fresh;
        region->dirty = 0;
        added += fresh;
    }
    return added;
}

double
plantGuestDistinct(const convergePlant *plant,
                   double seconds,
                   unsigned int throttle)
{
    double bytes = 0;
    unsigned int i;

    for (i = 0; i < plant->nregions; i++)
        bytes += distinct(&plant->regions[i], activeBytes(plant, &plant->regions[i]),
                          writeRate(plant, &plant->regions[i], throttle) * seconds);
    return bytes;
}

double
convergePlantAccount(const convergePlant *plant)
{
    double bytes = plant->zero + plant->zeroDone;
    unsigned int i;

    for (i = 0; i < plant->nregions; i++)
        bytes += MAX(plant->regions[i].unsent, 0) + MAX(plant->regions[i].clean, 0);
    return bytes;
}
