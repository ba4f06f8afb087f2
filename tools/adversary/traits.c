/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traits.c: what else is special about a migration, one row for each trait
 */
#include <math.h>

#include "adversary/world.h"

/* QEMU's default period of bitmap syncs since 9.2. */
#define SYNC_EVERY_MS 5000

/* The most that a sync may take where there is one about every 55 ms. */
#define BULK_SYNC_MOST_MS 5

#define SHORT_PROBE_MS 50

/* What a switchover costs besides memory is at most this share of the downtime limit:
 * otherwise no method could keep the limit. */
#define FIXED_SHARE 0.75

static gboolean
makeTls(adversaryWorld *world,
        adversaryDice *dice)
{
    /* As for links, the bulk pass has to end. */
    world->config.tlsBandwidth = adversaryRound(
        fmax(adversaryDiceLog(dice, 0.2e9, 5e9), world->config.used / ADVERSARY_BULK_MOST_S));
    world->linkBps = MIN(world->config.bandwidth, world->config.tlsBandwidth);
    return TRUE;
}

static gboolean
makeSwitchover(adversaryWorld *world,
               adversaryDice *dice)
{
    double most = (double)world->downtimeMs * FIXED_SHARE;

    world->config.switchoverMs = (gint64)fmin(adversaryDiceLog(dice, 15, 150), most);
    return TRUE;
}

static gboolean
makeSlowSync(adversaryWorld *world,
             adversaryDice *dice)
{
    double rest = (double)world->downtimeMs * FIXED_SHARE - (double)MAX(world->config.switchoverMs, 15);
    double most = rest / (world->config.memory / 1e9);

    world->config.syncMsPerGB = floor(fmax(fmin(adversaryDiceLog(dice, 0.1, 3), most), 0) * 1000) / 1000;
    return TRUE;
}

static gboolean
makePeriodicSync(adversaryWorld *world,
                 adversaryDice *dice G_GNUC_UNUSED)
{
    world->config.syncEveryMs = SYNC_EVERY_MS;
    return TRUE;
}

static gboolean
makeNoise(adversaryWorld *world,
          adversaryDice *dice)
{
    world->config.noise = adversaryDiceCount(dice, 1, 20) * 0.01;
    return TRUE;
}

/* A time at which something may happen to the link: within the bulk pass or some time after. */
static gint64
anyTime(const adversaryWorld *world,
        adversaryDice *dice)
{
    double bulk = adversaryWorldBulkMs(world);
    double after;

    if (adversaryDiceChance(dice, 0.4))
        return (gint64)adversaryDiceBetween(dice, 1, MAX(bulk, 1000));
    after = adversaryDiceBetween(dice, 0, 60000);
    return (gint64)(bulk + after + adversaryDiceBetween(dice, 0, bulk));
}

/* The bandwidth that the changes made so far leave at @ms. */
static double
bandwidthAt(const convergePlantConfig *config,
            gint64 ms)
{
    double bandwidth = config->bandwidth;
    unsigned int i;

    for (i = 0; i < config->nlinkChanges && config->linkChanges[i].ms <= ms; i++)
        bandwidth = config->linkChanges[i].bandwidth;
    return bandwidth;
}

/* Removes the changes from @from to @until, both included. */
static void
removeChanges(convergePlantConfig *config,
              gint64 from,
              gint64 until)
{
    unsigned int kept = 0;
    unsigned int i;

    for (i = 0; i < config->nlinkChanges; i++) {
        if (config->linkChanges[i].ms < from || config->linkChanges[i].ms > until)
            config->linkChanges[kept++] = config->linkChanges[i];
    }
    config->nlinkChanges = kept;
}

static void
insertChange(convergePlantConfig *config,
             gint64 ms,
             double bandwidth)
{
    unsigned int i;

    removeChanges(config, ms, ms);
    for (i = config->nlinkChanges++; i > 0 && config->linkChanges[i - 1].ms > ms; i--)
        config->linkChanges[i] = config->linkChanges[i - 1];
    config->linkChanges[i] = (convergePlantLinkChange) { ms, bandwidth };
}

static gboolean
makeLinkChanges(adversaryWorld *world,
                adversaryDice *dice)
{
    unsigned int n = adversaryDiceCount(dice, 1, 4);
    unsigned int i;

    for (i = 0; i < n; i++) {
        gint64 ms = anyTime(world, dice);

        insertChange(&world->config, ms,
                     adversaryRound(world->config.bandwidth * adversaryDiceLog(dice, 0.1, 3)));
    }
    return TRUE;
}

static gboolean
makeOutage(adversaryWorld *world,
           adversaryDice *dice)
{
    static const double crawls[] = { 0, 0, 10e3, 100e3, 1e6 };
    unsigned int n = adversaryDiceCount(dice, 1, 2);
    unsigned int i;

    for (i = 0; i < n; i++) {
        gint64 from = anyTime(world, dice);
        gint64 until = from + llrint(adversaryDiceLog(dice, 5000, 120000));
        double crawl = crawls[adversaryDiceCount(dice, 0, G_N_ELEMENTS(crawls) - 1)];
        double after = bandwidthAt(&world->config, until);

        removeChanges(&world->config, from, until);
        insertChange(&world->config, from, MIN(crawl, world->config.bandwidth / 10));
        insertChange(&world->config, until, after);
    }
    if (adversaryDiceChance(dice, 0.5))
        world->config.recovery = adversaryDiceCount(dice, 10, 100) * 0.01;
    return TRUE;
}

static gboolean
makeNoProbe(adversaryWorld *world,
            adversaryDice *dice G_GNUC_UNUSED)
{
    world->config.noProbe = TRUE;
    return TRUE;
}

static gboolean
makeBlindProbe(adversaryWorld *world,
               adversaryDice *dice G_GNUC_UNUSED)
{
    world->config.blindProbe = TRUE;
    return TRUE;
}

static gboolean
makeFewProbes(adversaryWorld *world,
              adversaryDice *dice)
{
    world->config.probesMost = adversaryDiceCount(dice, 1, 4);
    return TRUE;
}

static gboolean
makeSetup(adversaryWorld *world,
          adversaryDice *dice)
{
    world->config.setupMs = llrint(adversaryDiceLog(dice, 50, 5000) / 50) * 50;
    return TRUE;
}

/* Post-copy is allowed, and QEMU is so new that each of its looks at what is left is a sync, which
 * leaves nothing to do for the periodic one.  Where syncs are slow as well, it would hardly send. */
static gboolean
makeSyncInBulk(adversaryWorld *world,
               adversaryDice *dice G_GNUC_UNUSED)
{
    if (world->config.syncEveryMs > 0 ||
        world->config.syncMsPerGB * world->config.memory / 1e9 > BULK_SYNC_MOST_MS)
        return FALSE;
    world->config.syncInBulk = TRUE;
    return TRUE;
}

/* QEMU >= 8.2 measures over 50 ms. */
static gboolean
makeShortProbe(adversaryWorld *world,
               adversaryDice *dice G_GNUC_UNUSED)
{
    world->config.probeMs = SHORT_PROBE_MS;
    return TRUE;
}

/* A row that needs the result of another stands after it. */
const adversaryTrait adversaryTraits[] = {
    { "tls", 0.15, makeTls, TRUE },
    { "switchover", 0.5, makeSwitchover, TRUE },
    { "slow-sync", 0.15, makeSlowSync, TRUE },
    { "periodic-sync", 0.35, makePeriodicSync, TRUE },
    { "sync-in-bulk", 0.09, makeSyncInBulk, TRUE },
    { "noise", 0.5, makeNoise, TRUE },
    { "link-changes", 0.2, makeLinkChanges, TRUE },
    { "outage", 0.12, makeOutage, TRUE },
    { "no-probe", 0.08, makeNoProbe, TRUE },
    { "blind-probe", 0.08, makeBlindProbe, TRUE },
    { "short-probe", 0.3, makeShortProbe, TRUE },
    { "few-probes", 0.08, makeFewProbes, TRUE },
    { "setup", 0.2, makeSetup, TRUE },
};

const gsize adversaryTraitCount = G_N_ELEMENTS(adversaryTraits);
