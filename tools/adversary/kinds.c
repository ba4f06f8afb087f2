/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kinds.c: what the guests write, one row for each kind
 */
#include <math.h>

#include "adversary/world.h"

/* Write rates as a multiple of the link, so that all regimes occur on all links. */
#define RATIO_LEAST 0.02
#define RATIO_MOST 20.0

/* A vCPU dirties at most this much: a page fault of the dirty log for each page. */
#define VCPU_BPS 4e9

#define SET_LEAST 10e6
#define SET_SHARE 0.8 /* of the used memory */

/* Adds a writer with a set of @least to @most bytes, and a rate of @slow to @fast times the
 * link.  All sets together stay within the used memory. */
static convergePlantWriter *
addWriter(adversaryWorld *world,
          adversaryDice *dice,
          double least,
          double most,
          double slow,
          double fast)
{
    convergePlantConfig *config = &world->config;
    convergePlantWriter *writer = &config->writers[config->nwriters];
    double room = config->used * SET_SHARE;
    unsigned int i;

    for (i = 0; i < config->nwriters; i++)
        room -= MAX(config->writers[i].set, config->writers[i].growTo);
    most = MAX(MIN(most, room), 1e6);
    least = MIN(least, most);
    config->nwriters++;

    writer->vcpus = (unsigned int)rint(adversaryDiceLog(dice, 1, config->vcpus));
    writer->set = floor(adversaryDiceLog(dice, least, most) / 1e6) * 1e6;
    writer->rate = adversaryRound(
        fmin(world->linkBps * adversaryDiceLog(dice, slow, fast), writer->vcpus * VCPU_BPS));
    return writer;
}

static convergePlantWriter *
addAny(adversaryWorld *world,
       adversaryDice *dice)
{
    return addWriter(world, dice, SET_LEAST, world->config.used * SET_SHARE, RATIO_LEAST, RATIO_MOST);
}

static void
makeHot(adversaryWorld *world,
        adversaryDice *dice)
{
    addAny(world, dice);
}

static void
makeBackground(adversaryWorld *world,
               adversaryDice *dice)
{
    convergePlantWriter *writer = addWriter(world, dice, SET_LEAST, world->config.used * 0.1,
                                            RATIO_LEAST, RATIO_MOST);

    writer->background = adversaryRound(
        fmin(world->linkBps * adversaryDiceLog(dice, 0.01, 2), writer->vcpus * VCPU_BPS));
}

static void
makeTiers(adversaryWorld *world,
          adversaryDice *dice)
{
    double used = world->config.used;

    addWriter(world, dice, SET_LEAST, used * 0.2, 0.1, RATIO_MOST);
    addWriter(world, dice, used * 0.02, used * SET_SHARE, RATIO_LEAST, 2);
}

static void
makeSweeping(adversaryWorld *world,
             adversaryDice *dice)
{
    addAny(world, dice)->sweep = TRUE;
}

/* The set reaches its size in 0.2 to 5 bulk passes. */
static void
makeGrowing(adversaryWorld *world,
            adversaryDice *dice)
{
    convergePlantWriter *writer = addWriter(world, dice, SET_LEAST, world->config.used * 0.3,
                                            RATIO_LEAST, RATIO_MOST);
    double bulks = adversaryDiceBetween(dice, 0.2, 5);
    double most = floor(world->config.used * SET_SHARE / 1e6) * 1e6;

    writer->growTo = adversaryDiceLog(dice, MIN(writer->set * 1.2, most), most);
    writer->growTo = floor(writer->growTo / 1e6) * 1e6;
    writer->growth = adversaryRound((writer->growTo - writer->set) * 1000 /
                                    (bulks * adversaryWorldBulkMs(world)));
}

static void
makePhased(adversaryWorld *world,
           adversaryDice *dice)
{
    convergePlantConfig *config = &world->config;
    unsigned int busy;
    unsigned int i;

    addAny(world, dice);
    config->nphases = adversaryDiceCount(dice, 2, 6);
    busy = adversaryDiceCount(dice, 0, config->nphases - 1);
    for (i = 0; i < config->nphases; i++) {
        config->phases[i].ms = llrint(adversaryDiceLog(dice, 1000, 600000));
        config->phases[i].rate = adversaryDiceCount(dice, 0, 100) * 0.01;
    }
    config->phases[busy].rate = 1;
}

static void
makeFixed(adversaryWorld *world,
          adversaryDice *dice)
{
    addAny(world, dice)->fixedShare = adversaryDiceCount(dice, 10, 100) * 0.01;
}

/* Even the part that no throttle slows down is more than the link carries, in a set that is
 * more than the pause sends; or all of it at 99 % is. */
static void
makeBeyond(adversaryWorld *world,
           adversaryDice *dice)
{
    double sent = world->linkBps * (double)world->downtimeMs / 1000;
    gboolean fixed = adversaryDiceChance(dice, 0.7);
    convergePlantWriter *writer = addWriter(world, dice, sent * 3, world->config.used * SET_SHARE,
                                            fixed ? 2 : 20, fixed ? RATIO_MOST : 200);

    if (fixed)
        writer->fixedShare = adversaryDiceCount(dice, 50, 100) * 0.01;
}

static void
makeIdle(adversaryWorld *world,
         adversaryDice *dice)
{
    addWriter(world, dice, SET_LEAST, world->config.used * SET_SHARE, 0.001, 0.5);
}

/* Two to four writers of any sort. */
static void
makeMixed(adversaryWorld *world,
          adversaryDice *dice)
{
    unsigned int n = adversaryDiceCount(dice, 2, 4);
    unsigned int i;

    for (i = 0; i < n; i++) {
        convergePlantWriter *writer = addWriter(world, dice, SET_LEAST, world->config.used * 0.4,
                                                RATIO_LEAST / n, RATIO_MOST / n);

        writer->sweep = adversaryDiceChance(dice, 0.3);
        if (adversaryDiceChance(dice, 0.3))
            writer->fixedShare = adversaryDiceCount(dice, 10, 100) * 0.01;
        if (adversaryDiceChance(dice, 0.3))
            writer->background = adversaryRound(world->linkBps * adversaryDiceLog(dice, 0.01, 0.5));
    }
}

const adversaryKind adversaryKinds[] = {
    { "hot", 20, makeHot },
    { "background", 15, makeBackground },
    { "tiers", 10, makeTiers },
    { "sweeping", 10, makeSweeping },
    { "growing", 8, makeGrowing },
    { "phased", 10, makePhased },
    { "fixed", 10, makeFixed },
    { "beyond", 8, makeBeyond },
    { "idle", 5, makeIdle },
    { "mixed", 7, makeMixed },
};

const gsize adversaryKindCount = G_N_ELEMENTS(adversaryKinds);
