/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plantlinktest.c: what changes of the link do to a modelled migration: when QEMU looks, what it
 * expects of the link, and how long the guest stands still
 */
#include <math.h>
#include <string.h>

#include "plant/plant.h"
#include "util/error.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)
#define SWITCHOVER_MS 15

static const convergeDecision suspend = { .verb = CONVERGE_VERB_SUSPEND };
static const convergeDecision resume = { .verb = CONVERGE_VERB_RESUME, .downtimeMs = 300 };
static const convergeDecision postcopy = { .verb = CONVERGE_VERB_POSTCOPY };
static const convergeDecision abortIt = { .verb = CONVERGE_VERB_ABORT };

/* An idle guest whose memory takes so many MB. */
static convergePlantConfig
idle(double megabytes)
{
    return (convergePlantConfig) {
        .memory = megabytes * MB,
        .used = megabytes * MB,
        .bandwidth = 100 * MB,
    };
}

static void
change(convergePlantConfig *config,
       gint64 ms,
       double bandwidth)
{
    config->linkChanges[config->nlinkChanges++] = (convergePlantLinkChange) { ms, bandwidth };
}

static convergeSample
sampleOf(convergePlant *plant)
{
    convergeSample sample = { 0 };

    g_assert_true(convergePlantOps.sample(plant, &sample, NULL));
    return sample;
}

/* The guest stands still for as long as the link takes, however that changes meanwhile.  All of 1 GB
 * is left when it is suspended after 2 s of 100 MB/s, of which 800 MB then take: */
static void
testStopAndCopyFollowsTheLink(void)
{
    const struct {
        convergePlantLinkChange changes[2];
        gint64 pauseMs;
    } rows[] = {
        { { { 0, 0 } }, 8000 },
        { { { 4000, 200 * MB } }, 2000 + 3000 },
        { { { 4000, 50 * MB } }, 2000 + 12000 },
        { { { 4000, 0 }, { 24000, 100 * MB } }, 2000 + 20000 + 6000 },
        { { { 4020, 200 * MB }, { 5000, 600 * MB } }, 2050 + 950 + 675 },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        for (j = 0; j < G_N_ELEMENTS(rows[i].changes); j++) {
            if (rows[i].changes[j].ms > 0)
                change(&config, rows[i].changes[j].ms, rows[i].changes[j].bandwidth);
        }
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        convergePlantAdvance(plant, 2000);
        g_assert_true(convergePlantOps.apply(plant, &suspend, NULL));
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_true(result->completed);
        g_assert_cmpint(result->pauseMs, ==, rows[i].pauseMs + SWITCHOVER_MS);
        g_assert_cmpint(result->totalMs, ==, 2000 + rows[i].pauseMs + SWITCHOVER_MS);
        g_assert_cmpfloat(fabs(result->lostMs - (double)result->pauseMs), <=, 1);
        g_assert_cmpfloat(fabs(result->sentBytes - 1000 * MB), <=, 1);
    }
}

/* If the link dies under QEMU's own switchover, the guest can be seen to stand still.  QEMU lets it
 * run again only if the migration is aborted. */
static void
testLinkDiesAtTheSwitchover(void)
{
    int aborted;

    for (aborted = 0; aborted < 2; aborted++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(GError) error = NULL;
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        change(&config, 9800, 0);
        change(&config, 20000, 100 * MB);
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        convergePlantAdvance(plant, 15000);
        g_assert_false(result->completed);
        g_assert_true(sampleOf(plant).active);
        g_assert_true(sampleOf(plant).paused);
        g_assert_cmpfloat(convergePlantSpeed(plant), ==, 0);
        g_assert_false(convergePlantOps.apply(plant, &resume, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
        convergePlantOps.apply(plant, &postcopy, NULL);
        g_assert_false(result->completed);
        if (aborted)
            convergePlantOps.apply(plant, &abortIt, NULL);
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_cmpint(result->completed, ==, !aborted);
        g_assert_cmpint(result->aborted, ==, aborted);
        if (aborted)
            g_assert_cmpfloat(fabs(result->lostMs - 5250), <=, 1);
        else
            g_assert_cmpint(result->pauseMs, ==, 20000 - 9750 + 250 - 50 + SWITCHOVER_MS);
    }
}

/* QEMU stops the guest for good at a look.  On a link that crawls the first look comes after 64
 * pages, on a dead one never: until then a suspended guest can be resumed. */
static void
testResumableUntilQemuLooks(void)
{
    const struct {
        double bandwidth;
        gint64 afterMs;
        gboolean resumable;
    } rows[] = {
        { 100 * MB, 0, TRUE },
        { 100 * MB, 200, FALSE },
        { 1 * MB, 250, TRUE },
        { 1 * MB, 400, FALSE },
        { 0, 60000, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        /* A migration whose end nothing changes any more has ended. */
        change(&config, 2000, rows[i].bandwidth);
        change(&config, 2450, rows[i].bandwidth * 0.99);
        change(&config, 100000, 100 * MB);
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        convergePlantAdvance(plant, 2000);
        g_assert_true(convergePlantOps.apply(plant, &suspend, NULL));
        convergePlantAdvance(plant, 2000 + rows[i].afterMs);
        g_assert_false(result->completed);
        g_assert_true(sampleOf(plant).paused);
        g_assert_cmpint(convergePlantOps.apply(plant, &resume, NULL), ==, rows[i].resumable);
        g_assert_cmpint(sampleOf(plant).paused, ==, !rows[i].resumable);
        g_assert_cmpfloat(fabs(result->lostMs - (double)rows[i].afterMs), <=, 1);
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_true(result->completed);
        /* The pause in the middle is no part of that at the end. */
        if (rows[i].resumable)
            g_assert_cmpint(result->pauseMs, <=, 300 + SWITCHOVER_MS);
    }
}

/* What post-copy fetches comes over the link with its changes, and over a dead link the guest cannot
 * even begin to run at the destination. */
static void
testPostcopyFollowsTheLink(void)
{
    const struct {
        convergePlantLinkChange changes[2];
        gint64 pauseMs, shipMs;
        double hotMs; /* for the writer's set, which comes first */
    } rows[] = {
        { { { 0, 0 } }, 0, 8000, 3200 },
        { { { 4000, 200 * MB } }, 0, 2000 + 3000, 2000 + 600 },
        { { { 2000, 0 }, { 30000, 100 * MB } }, 28000, 28000 + 8000, 28000 + 3200 },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        config.workingSet = 400 * MB;
        for (j = 0; j < G_N_ELEMENTS(rows[i].changes); j++) {
            if (rows[i].changes[j].bandwidth > 0 || rows[i].changes[j].ms > 0)
                change(&config, rows[i].changes[j].ms, rows[i].changes[j].bandwidth);
        }
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        convergePlantAdvance(plant, 2000);
        convergePlantOps.apply(plant, &postcopy, NULL);
        g_assert_true(result->postcopy);
        g_assert_cmpint(ABS(result->pauseMs - rows[i].pauseMs - SWITCHOVER_MS), <=, 1);
        g_assert_cmpint(ABS(result->allMs - result->totalMs - rows[i].shipMs), <=, 1);
        g_assert_cmpfloat(fabs(result->lostMs - (double)result->pauseMs - rows[i].hotMs / 2), <=, 2);
    }
}

/* Of a suspended guest the time until the switch counts as well; a link that never comes back gives a
 * number, too. */
static void
testPostcopyOfASuspendedGuest(void)
{
    int back;

    for (back = 0; back < 2; back++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        change(&config, 2000, 0);
        if (back)
            change(&config, 9000, 100 * MB);
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        convergePlantAdvance(plant, 2000);
        convergePlantOps.apply(plant, &suspend, NULL);
        convergePlantAdvance(plant, 9000);
        convergePlantOps.apply(plant, &postcopy, NULL);
        g_assert_true(result->postcopy);
        if (back)
            g_assert_cmpint(result->pauseMs, ==, 7000 + SWITCHOVER_MS);
        else
            g_assert_cmpint(result->pauseMs, >, 1000000000);
        g_assert_cmpint(result->totalMs, >=, result->pauseMs);
        g_assert_cmpint(result->allMs, >=, result->totalMs);
        g_assert_true(isfinite(result->lostMs));
    }
}

/* After an outage the first byte comes late, up to two minutes; a link that crawled was no outage, and
 * one that dies again meanwhile was never back. */
static void
testRecovery(void)
{
    const struct {
        double recovery;
        convergePlantLinkChange changes[4];
        gint64 backMs; /* the time of the first byte */
    } rows[] = {
        { 0, { { 1000, 0 }, { 11000, 50 * MB } }, 11000 },
        { 0.5, { { 1000, 0 }, { 11000, 50 * MB } }, 16000 },
        { 1, { { 1000, 0 }, { 11000, 50 * MB } }, 21000 },
        { 1, { { 1000, 0 }, { 11000, 50 * MB }, { 12000, 80 * MB } }, 21000 },
        { 1, { { 1000, 0 }, { 11000, 50 * MB }, { 12000, 0 }, { 13000, 50 * MB } }, 25000 },
        { 1, { { 1000, 0 }, { 601000, 50 * MB } }, 721000 },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;
        guint64 sent;

        config.recovery = rows[i].recovery;
        for (j = 0; j < G_N_ELEMENTS(rows[i].changes) && rows[i].changes[j].ms > 0; j++)
            change(&config, rows[i].changes[j].ms, rows[i].changes[j].bandwidth);
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 1000);
        sent = sampleOf(plant).processedBytes;
        convergePlantAdvance(plant, rows[i].backMs);
        g_assert_cmpuint(sampleOf(plant).processedBytes, ==, sent);
        convergePlantAdvance(plant, rows[i].backMs + 50);
        g_assert_cmpuint(sampleOf(plant).processedBytes, >, sent);
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_true(convergePlantGetResult(plant)->completed);
    }

    {
        convergePlantConfig config = idle(1000);
        g_autoptr(convergePlant) plant = NULL;

        config.recovery = 1;
        change(&config, 1000, 0.1 * MB);
        change(&config, 11000, 50 * MB);
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 11000);
        g_assert_cmpfloat(convergePlantBandwidth(plant), ==, 50 * MB);
    }
}

/* QEMU knows the link and the limit of its last measurement, over 100 ms: not before the first one
 * ends, and not a change after it. */
static void
testThresholdIsMeasured(void)
{
    const convergeDecision downtime = { .verb = CONVERGE_VERB_DOWNTIME, .downtimeMs = 3000, .limitMs = 3000 };
    const struct {
        double used;    /* MB */
        gint64 setupMs; /* before it */
        gint64 dropMs;  /* the link drops to a tenth; 0: never */
        gint64 allowMs; /* a longer downtime is allowed; 0: never */
        gint64 totalMs, pauseMs;
    } rows[] = {
        { 9, 0, 0, 0, 100 + 15, 15 },          /* no measurement yet: all is sent first */
        { 20.2, 0, 0, 0, 100 + 117, 117 },     /* the first one suffices */
        { 20.2, 7050, 0, 0, 100 + 117, 117 },  /* it begins with the first byte */
        { 100.2, 0, 0, 0, 750 + 267, 267 },    /* 30.2 MB are left at 700 ms */
        { 99, 0, 700, 0, 700 + 2915, 2915 },   /* it expects to send 29 MB in 290 ms */
        { 100.2, 0, 650, 0, 3900 + 285, 285 }, /* it has seen some of the drop */
        { 100, 0, 0, 100, 200 + 815, 815 },    /* the limit takes effect after 200 ms, not 150 */
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = idle(rows[i].used);
        g_autoptr(convergePlant) plant = NULL;
        const convergePlantResult *result;

        config.setupMs = rows[i].setupMs;
        if (rows[i].dropMs > 0)
            change(&config, rows[i].dropMs, 10 * MB);
        plant = convergePlantNew(&config);
        result = convergePlantGetResult(plant);
        if (rows[i].allowMs > 0) {
            convergePlantAdvance(plant, rows[i].allowMs);
            convergePlantOps.apply(plant, &downtime, NULL);
        }
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_true(result->completed);
        g_assert_cmpint(result->totalMs, ==, rows[i].totalMs);
        g_assert_cmpint(result->pauseMs, ==, rows[i].pauseMs);
    }
}

/* What a switchover costs besides memory is part of the pause, as in QEMU's downtime, and of nothing
 * that QEMU expects. */
static void
testSwitchoverIsPause(void)
{
    convergePlantConfig config = idle(100);
    g_autoptr(convergePlant) cheap = convergePlantNew(&config);
    g_autoptr(convergePlant) dear = NULL;

    config.switchoverMs = 400;
    dear = convergePlantNew(&config);
    convergePlantAdvance(cheap, GIVE_UP_MS);
    convergePlantAdvance(dear, GIVE_UP_MS);
    g_assert_cmpint(convergePlantGetResult(dear)->pauseMs, ==,
                    convergePlantGetResult(cheap)->pauseMs + 400 - SWITCHOVER_MS);
    g_assert_cmpint(convergePlantGetResult(dear)->totalMs, ==,
                    convergePlantGetResult(cheap)->totalMs + 400 - SWITCHOVER_MS);
}

/* A link that carries nothing for a while brings the migration to a stop, and no more. */
static void
testDeadLinkStopsTheMigration(void)
{
    convergePlantConfig config = { .memory = 1000 * MB, .used = 400 * MB, .bandwidth = 100 * MB };
    g_autoptr(convergePlant) plant = NULL;
    convergeSample before = { 0 };
    convergeSample after = { 0 };

    config.linkChanges[config.nlinkChanges++] = (convergePlantLinkChange) { 1000, 0 };
    config.linkChanges[config.nlinkChanges++] = (convergePlantLinkChange) { 60000, 100 * MB };
    plant = convergePlantNew(&config);
    convergePlantAdvance(plant, 1000);
    convergePlantOps.sample(plant, &before, NULL);
    convergePlantAdvance(plant, 59000);
    convergePlantOps.sample(plant, &after, NULL);
    g_assert_cmpfloat(convergePlantBandwidth(plant), ==, 0);
    g_assert_true(after.active);
    g_assert_cmpuint(before.processedBytes, >, 0);
    g_assert_cmpuint(before.processedBytes, ==, after.processedBytes);
    g_assert_cmpuint(before.remainingBytes, ==, after.remainingBytes);
    convergePlantAdvance(plant, GIVE_UP_MS);
    g_assert_true(convergePlantGetResult(plant)->completed);
    g_assert_cmpint(convergePlantGetResult(plant)->totalMs, <, 64000);
}

/* Encryption makes no link faster. */
static void
testTlsIsALimit(void)
{
    const struct {
        double tls, bandwidth;
    } rows[] = { { 0, 100 * MB }, { 500 * MB, 100 * MB }, { 40 * MB, 40 * MB } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergePlantConfig config = {
            .memory = 1000 * MB,
            .used = 400 * MB,
            .bandwidth = 100 * MB,
            .tlsBandwidth = rows[i].tls,
        };
        g_autoptr(convergePlant) plant = convergePlantNew(&config);

        g_assert_cmpfloat(convergePlantBandwidth(plant), ==, rows[i].bandwidth);
    }
}

/* A byte on the wire stands for several of memory, as fast as they can be compressed. */
static void
testCompression(void)
{
    const struct {
        double compression, rate, bandwidth;
    } rows[] = { { 0, 0, 100 * MB }, { 1, 0, 100 * MB }, { 3, 0, 300 * MB }, { 3, 250 * MB, 250 * MB }, { 3, 50 * MB, 50 * MB } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergePlantConfig config = {
            .memory = 1000 * MB,
            .used = 600 * MB,
            .bandwidth = 100 * MB,
            .compression = rows[i].compression,
            .compressRate = rows[i].rate,
        };
        g_autoptr(convergePlant) plant = convergePlantNew(&config);
        const convergePlantResult *result = convergePlantGetResult(plant);

        g_assert_cmpfloat(convergePlantBandwidth(plant), ==, rows[i].bandwidth);
        convergePlantAdvance(plant, 60000);
        g_assert_true(result->completed);
        g_assert_cmpfloat(fabs(result->sentBytes - 600 * MB / MAX(rows[i].compression, 1)), <, MB);
        g_assert_cmpfloat(fabs((double)result->totalMs - 600 * MB / rows[i].bandwidth * 1000), <, 150);
    }
}

/* QEMU takes what is left for as long on the wire as it is in memory, so its limit has to allow for
 * that; else it goes on sending although the pause would be short enough. */
static void
testLimitUnderCompression(void)
{
    const struct {
        gint64 limitMs, longestMs, shortestMs;
    } rows[] = { { 300, 115 + 15, 0 }, { 900, 315 + 15, 200 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergePlantLaw law = { .hits = 2, .threshold = 50, .downtimeMs = rows[i].limitMs };
        const convergePlantConfig config = {
            .memory = 1000 * MB,
            .used = 600 * MB,
            .workingSet = 400 * MB,
            .writeRate = 200 * MB,
            .bandwidth = 100 * MB,
            .compression = 3,
            .law = &law,
        };
        g_autoptr(convergePlant) plant = convergePlantNew(&config);
        const convergePlantResult *result = convergePlantGetResult(plant);

        convergePlantAdvance(plant, 60000);
        g_assert_true(result->completed);
        g_assert_cmpint(result->pauseMs, <=, rows[i].longestMs);
        g_assert_cmpint(result->pauseMs, >=, rows[i].shortestMs);
    }
}

/* A QEMU that cannot send does not look, and does not make up for it. */
static void
testNoSyncsWhileTheLinkIsDead(void)
{
    convergePlantConfig config = {
        .memory = 1000 * MB,
        .used = 1000 * MB,
        .bandwidth = 100 * MB,
        .syncInBulk = TRUE,
        .syncEveryMs = 200,
        .linkChanges = { { 1000, 0 }, { 6000, 100 * MB } },
        .nlinkChanges = 2,
    };
    const struct {
        gint64 ms;
        guint64 syncs;
    } rows[] = { { 1000, 6 }, { 6000, 6 }, { 7000, 12 } };
    g_autoptr(convergePlant) plant = convergePlantNew(&config);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantAdvance(plant, rows[i].ms);
        g_assert_cmpuint(convergePlantGetResult(plant)->passes, ==, rows[i].syncs);
    }
}

/* A look that is a sync needs no other one before the switchover. */
static void
testOneSyncALook(void)
{
    convergePlantConfig config = {
        .memory = 100 * MB,
        .used = 100 * MB,
        .bandwidth = 100 * MB,
        .syncInBulk = TRUE,
        .syncEveryMs = 50,
    };
    g_autoptr(convergePlant) plant = convergePlantNew(&config);
    const convergePlantResult *result = convergePlantGetResult(plant);

    convergePlantAdvance(plant, GIVE_UP_MS);
    g_assert_true(result->completed);
    /* One for the start, and one for each 50 ms until the guest is stopped. */
    g_assert_cmpuint(result->passes, ==, 1 + (guint64)(result->totalMs - result->pauseMs) / 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plant-link/stop-and-copy-follows-the-link", testStopAndCopyFollowsTheLink);
    g_test_add_func("/plant-link/link-dies-at-the-switchover", testLinkDiesAtTheSwitchover);
    g_test_add_func("/plant-link/resumable-until-qemu-looks", testResumableUntilQemuLooks);
    g_test_add_func("/plant-link/postcopy-follows-the-link", testPostcopyFollowsTheLink);
    g_test_add_func("/plant-link/postcopy-of-a-suspended-guest", testPostcopyOfASuspendedGuest);
    g_test_add_func("/plant-link/recovery", testRecovery);
    g_test_add_func("/plant-link/threshold-is-measured", testThresholdIsMeasured);
    g_test_add_func("/plant-link/switchover-is-pause", testSwitchoverIsPause);
    g_test_add_func("/plant-link/dead-link-stops-the-migration", testDeadLinkStopsTheMigration);
    g_test_add_func("/plant-link/tls-is-a-limit", testTlsIsALimit);
    g_test_add_func("/plant-link/compression", testCompression);
    g_test_add_func("/plant-link/limit-under-compression", testLimitUnderCompression);
    g_test_add_func("/plant-link/no-syncs-while-the-link-is-dead", testNoSyncsWhileTheLinkIsDead);
    g_test_add_func("/plant-link/one-sync-a-look", testOneSyncALook);
    return g_test_run();
}
