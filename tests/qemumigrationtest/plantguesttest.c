/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plantguesttest.c: what guest, link and QEMU of the plant do, one test for each
 */
#include <math.h>

#include "plant/plant.h"
#include "throttle/throttle_qemu.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)
#define TICK_MS 50

static const convergePlantLaw plain = { .hits = 2, .downtimeMs = 300 };

/* A guest that QEMU has to throttle. */
static const convergePlantConfig busy = {
    .memory = 1000 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 250 * MB,
    .bandwidth = 96 * MB,
};

/* Before memory moves QEMU does not log what the guest dirties: however long the set-up takes,
 * the migration after it is the same. */
static void
testSetupChangesNothing(void)
{
    const struct {
        double used;
        gint64 syncMs; /* in the bulk pass, too; 0: none */
    } rows[] = { { 20 * MB, 0 }, { 40 * MB, 0 }, { 60 * MB, 0 }, { 400 * MB, 0 }, { 400 * MB, 200 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = {
            .memory = 1000 * MB,
            .used = rows[i].used,
            .workingSet = 0.9 * rows[i].used,
            .syncInBulk = rows[i].syncMs > 0,
            .syncEveryMs = rows[i].syncMs,
            .writeRate = 250 * MB,
            .bandwidth = 96 * MB,
        };
        g_autoptr(convergePlant) at = convergePlantNew(&config);
        g_autoptr(convergePlant) late = NULL;

        config.setupMs = 30050;
        late = convergePlantNew(&config);
        convergePlantAdvance(at, GIVE_UP_MS);
        convergePlantAdvance(late, config.setupMs + GIVE_UP_MS);
        g_assert_true(convergePlantGetResult(at)->completed);
        g_assert_cmpint(convergePlantGetResult(late)->totalMs, ==, convergePlantGetResult(at)->totalMs);
        g_assert_cmpuint(convergePlantGetResult(late)->passes, ==, convergePlantGetResult(at)->passes);
        g_assert_cmpuint(convergePlantGetResult(late)->peakThrottle, ==,
                         convergePlantGetResult(at)->peakThrottle);
    }
}

/* After a switch to post-copy a guest loses half of its speed until what it writes to is there;
 * the memory that it does not write to costs it nothing. */
static void
testPostcopyCostsTheWriters(void)
{
    const struct {
        double set;
        double share; /* of the time that all memory takes that is lost */
    } rows[] = { { 400 * MB, 0.5 }, { 0, 0 } };
    const convergeDecision postcopy = { .verb = CONVERGE_VERB_POSTCOPY };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        const convergePlantConfig config = {
            .memory = 400 * MB,
            .used = 400 * MB,
            .workingSet = rows[i].set,
            .writeRate = 250 * MB,
            .bandwidth = 96 * MB,
            .switchoverMs = 20,
        };
        g_autoptr(convergePlant) plant = convergePlantNew(&config);
        const convergePlantResult *result = convergePlantGetResult(plant);
        double ship;

        convergePlantAdvance(plant, 1000);
        g_assert_cmpfloat(result->lostMs, ==, 0);
        convergePlantOps.apply(plant, &postcopy, NULL);
        ship = (double)(result->allMs - result->totalMs);
        g_assert_true(result->completed && result->postcopy);
        g_assert_cmpint(result->pauseMs, ==, 20);
        g_assert_cmpfloat(ship, >, 3000);
        g_assert_cmpfloat(fabs(result->lostMs - 20 - rows[i].share * ship), <=, 1);
    }
}

/* Without the capability QEMU does not throttle, whatever its parameters are. */
static void
testNoAutoConvergeNeverThrottles(void)
{
    int without;

    for (without = 0; without < 2; without++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;

        config.noAutoConverge = without != 0;
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 60 * 1000);
        g_assert_cmpint(convergePlantGetResult(plant)->peakThrottle == 0, ==, without);
    }
}

/* With tailslow the steps get smaller as they near the end. */
static void
testTailslowTakesSmallerSteps(void)
{
    convergePlantLaw laws[2] = { convergePlantLawDefault, convergePlantLawDefault };
    unsigned int throttle[2];
    gint64 now;
    int tailslow;

    laws[1].tailslow = TRUE;
    for (tailslow = 0; tailslow < 2; tailslow++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;

        laws[tailslow].increment = 60;
        laws[tailslow].downtimeMs = 1;
        config.writeRate = 20000 * MB;
        config.law = &laws[tailslow];
        plant = convergePlantNew(&config);
        for (now = 0; convergePlantGetResult(plant)->passes < 7; now += TICK_MS)
            convergePlantAdvance(plant, now);
        throttle[tailslow] = convergePlantGetResult(plant)->peakThrottle;
    }
    g_assert_cmpuint(throttle[1], >, 20);
    g_assert_cmpuint(throttle[1], <, throttle[0]);
}

/* A sync holds up sending: the last one while the guest stands still. */
static void
testSyncHoldsUpSending(void)
{
    convergePlantConfig config = { .memory = 1000 * MB, .used = 100 * MB, .bandwidth = 100 * MB };
    g_autoptr(convergePlant) quick = convergePlantNew(&config);
    g_autoptr(convergePlant) slow = NULL;

    config.syncMsPerGB = 700;
    slow = convergePlantNew(&config);
    convergePlantAdvance(quick, GIVE_UP_MS);
    convergePlantAdvance(slow, GIVE_UP_MS);
    g_assert_true(convergePlantGetResult(slow)->completed);
    g_assert_cmpint(convergePlantGetResult(slow)->pauseMs, ==,
                    convergePlantGetResult(quick)->pauseMs + 700);
    g_assert_cmpint(convergePlantGetResult(slow)->totalMs, ==,
                    convergePlantGetResult(quick)->totalMs + 700);
}

/* QEMU's dirty limit measures over a second before it slows the guest down. */
static void
testDirtyLimitComesAfterASecond(void)
{
    const convergePlantLaw law = { .hits = 1, .threshold = 50, .downtimeMs = 300, .vcpuDirtyLimit = 1 * MB };
    convergePlantConfig config = busy;
    g_autoptr(convergePlant) plant = NULL;
    gint64 syncMs = 0;
    gint64 now;

    config.law = &law;
    plant = convergePlantNew(&config);
    for (now = 0; convergePlantSpeed(plant) == 1 && now < GIVE_UP_MS; now += TICK_MS) {
        convergePlantAdvance(plant, now);
        if (syncMs == 0 && convergePlantGetResult(plant)->passes > 1)
            syncMs = now;
    }
    g_assert_cmpfloat(convergePlantSpeed(plant), <, 1);
    g_assert_cmpint(now, >=, syncMs + 1000);
}

/* A guest that is suspended stands still from then on until it runs at the destination. */
static void
testSuspendedIsPaused(void)
{
    const convergeDecision suspend = { .verb = CONVERGE_VERB_SUSPEND };
    g_autoptr(convergePlant) plant = convergePlantNew(&busy);
    const convergePlantResult *result = convergePlantGetResult(plant);
    double lost;

    convergePlantAdvance(plant, 6000);
    lost = result->lostMs;
    convergePlantOps.apply(plant, &suspend, NULL);
    g_assert_cmpfloat(convergePlantSpeed(plant), ==, 0);
    convergePlantAdvance(plant, GIVE_UP_MS);
    g_assert_true(result->completed);
    g_assert_cmpint(result->pauseMs, ==, result->totalMs - 6000);
    g_assert_cmpfloat(fabs(result->lostMs - lost - (double)result->pauseMs), <=, 1);
}

/* A guest that is resumed writes again, and what it has lost until then stays lost. */
static void
testResumed(void)
{
    const convergeDecision suspend = { .verb = CONVERGE_VERB_SUSPEND };
    const convergeDecision resume = { .verb = CONVERGE_VERB_RESUME, .downtimeMs = 300 };
    convergePlantConfig config = busy;
    g_autoptr(convergePlant) plant = NULL;
    double lost;

    config.noAutoConverge = TRUE;
    config.linkChanges[0] = (convergePlantLinkChange) { 6000, 1 };
    config.nlinkChanges = 1;
    plant = convergePlantNew(&config);
    convergePlantAdvance(plant, 6000);
    convergePlantOps.apply(plant, &suspend, NULL);
    convergePlantAdvance(plant, 9000);
    lost = convergePlantGetResult(plant)->lostMs;
    g_assert_cmpfloat(lost, >=, 2900);

    convergePlantOps.apply(plant, &resume, NULL);
    g_assert_cmpfloat(convergePlantSpeed(plant), ==, 1);
    convergePlantAdvance(plant, 12000);
    g_assert_false(convergePlantGetResult(plant)->completed);
    g_assert_cmpfloat(convergePlantGetResult(plant)->lostMs, ==, lost);
}

/* While no vCPU runs nothing is dirtied. */
static void
testPausedGuestDirtiesNothing(void)
{
    convergePlantConfig config = busy;
    g_autoptr(convergePlant) plant = NULL;

    config.pausedUntilMs = 10000;
    plant = convergePlantNew(&config);
    convergePlantAdvance(plant, GIVE_UP_MS);
    g_assert_true(convergePlantGetResult(plant)->completed);
    g_assert_cmpuint(convergePlantGetResult(plant)->passes, ==, 2);
}

/* A probe takes as long as this QEMU's, and tells what was dirtied in that time; of a guest that
 * stands still, nothing. */
static void
testProbeLength(void)
{
    const struct {
        gint64 probeMs, saidMs;
        gint64 pausedUntilMs;
        double least, most; /* bytes/s */
    } rows[] = {
        { 0, 1000, 0, 180 * MB, 190 * MB },
        { 50, 50, 0, 244 * MB, 248 * MB },
        { 50, 50, 60000, 0, 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;
        convergeSample sample = { 0 };

        config.probeMs = rows[i].probeMs;
        config.pausedUntilMs = rows[i].pausedUntilMs;
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 100);
        g_assert_true(convergePlantOps.probe(plant, NULL));
        convergePlantAdvance(plant, 100 + rows[i].saidMs - TICK_MS);
        convergePlantOps.sample(plant, &sample, NULL);
        g_assert_cmpuint(sample.probeId, ==, 0);
        convergePlantAdvance(plant, 100 + rows[i].saidMs);
        convergePlantOps.sample(plant, &sample, NULL);
        g_assert_cmpuint(sample.probeId, ==, 1);
        g_assert_cmpint(sample.probeMs, ==, rows[i].saidMs);
        g_assert_cmpfloat(sample.probeBps, >=, rows[i].least);
        g_assert_cmpfloat(sample.probeBps, <=, rows[i].most);
    }
}

/* The timer of QEMU 9.2 waits for the end of the bulk pass; a QEMU of which each look is a sync does
 * not: a sync every 55 ms in the mean, on the grid of 50, also where syncs take a while. */
static void
testSyncsInTheBulkPass(void)
{
    const struct {
        gboolean inBulk;
        gint64 everyMs;
        double syncMsPerGB;
        guint64 syncs; /* in the first second, and the start */
    } rows[] = {
        { FALSE, 55, 0, 1 },
        { TRUE, 0, 0, 19 },
        { TRUE, 55, 0, 19 },
        { TRUE, 200, 0, 6 },
        { TRUE, 0, 50, 11 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;
        convergeSample sample = { 0 };

        config.syncInBulk = rows[i].inBulk;
        config.syncEveryMs = rows[i].everyMs;
        config.syncMsPerGB = rows[i].syncMsPerGB;
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 1000);
        convergePlantOps.sample(plant, &sample, NULL);
        g_assert_cmpuint(sample.iteration, ==, rows[i].syncs);
        /* What was dirtied again after it was sent is known to QEMU already. */
        g_assert_cmpint(convergePlantAccount(plant) < (double)(sample.processedBytes + sample.constantBytes + sample.remainingBytes) - 1 * MB,
                        ==, rows[i].inBulk);
        convergePlantAdvance(plant, GIVE_UP_MS);
        g_assert_true(convergePlantGetResult(plant)->completed);
    }
}

/* While the bulk pass goes on, most of a set that will grow is unsent, but not all of what is written
 * to. */
static void
testSyncsInTheBulkPassOfAGrowingSet(void)
{
    convergePlantConfig config = {
        .memory = 1000 * MB,
        .used = 1000 * MB,
        .bandwidth = 100 * MB,
        .nwriters = 1,
        .writers = { { .set = 50 * MB, .rate = 500 * MB, .growTo = 1000 * MB, .growth = 1 * MB } },
        .syncInBulk = TRUE,
    };
    g_autoptr(convergePlant) plant = convergePlantNew(&config);
    convergeSample sample = { 0 };

    convergePlantAdvance(plant, 3000);
    convergePlantOps.sample(plant, &sample, NULL);
    g_assert_cmpuint(sample.processedBytes + sample.remainingBytes, >, 1100 * 1000 * 1000);
}

/* QEMU's dirty limit leaves alone who is near it. */
static void
testDirtyLimitIsTolerant(void)
{
    const convergePlantLaw law = { .hits = 1, .threshold = 50, .downtimeMs = 300, .vcpuDirtyLimit = 1 * MB };
    const struct {
        double rate;
        gboolean slowed;
    } rows[] = { { 24 * MB, FALSE }, { 250 * MB, TRUE } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;

        config.law = &law;
        config.writeRate = rows[i].rate;
        config.bandwidth = 10 * MB;
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 120 * 1000);
        g_assert_cmpuint(convergePlantGetResult(plant)->passes, >, 1);
        g_assert_cmpint(convergePlantSpeed(plant) < 1, ==, rows[i].slowed);
    }
}

/* A guest that never writes to what is still unsent leaves more to send at each sync in the
 * middle of a pass. */
static void
testDisjointWritesAreAllAnew(void)
{
    double remaining[2];
    int disjoint;

    for (disjoint = 0; disjoint < 2; disjoint++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;
        gint64 now;

        config.law = &plain;
        config.syncEveryMs = 1000;
        config.disjoint = disjoint != 0;
        plant = convergePlantNew(&config);
        for (now = 0; convergePlantGetResult(plant)->passes < 3; now += TICK_MS)
            convergePlantAdvance(plant, now);
        remaining[disjoint] = convergePlantSyncRemaining(plant);
    }
    g_assert_cmpfloat(remaining[1], >, 1.01 * remaining[0]);
}

/* A blind probe measures nothing, and is a result all the same. */
static void
testBlindProbeSeesNothing(void)
{
    int blind;

    for (blind = 0; blind < 2; blind++) {
        convergePlantConfig config = busy;
        g_autoptr(convergePlant) plant = NULL;
        convergeSample sample = { 0 };

        config.blindProbe = blind != 0;
        plant = convergePlantNew(&config);
        convergePlantAdvance(plant, 100);
        g_assert_true(convergePlantOps.probe(plant, NULL));
        convergePlantAdvance(plant, 2000);
        convergePlantOps.sample(plant, &sample, NULL);
        g_assert_cmpuint(sample.probeId, ==, 1);
        g_assert_cmpint(sample.probeMs, ==, 1000);
        g_assert_cmpint(sample.probeBps == 0, ==, blind);
    }
}

/* A plant that refuses goes on refusing. */
static void
testRefusesFromThenOn(void)
{
    const convergeDecision downtime = { .verb = CONVERGE_VERB_DOWNTIME, .downtimeMs = 100, .limitMs = 100 };
    convergePlantConfig config = busy;
    g_autoptr(convergePlant) plant = NULL;
    int i;

    config.refuseFrom = 3;
    plant = convergePlantNew(&config);
    for (i = 1; i <= 5; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(convergePlantOps.apply(plant, &downtime, &error), ==, i < 3);
        g_assert_cmpint(error != NULL, ==, i >= 3);
    }
}

/* QEMU's own throttle, once on, is not driven below its floor, however little is asked for. */
static void
testQemuThrottleHasAFloor(void)
{
    const convergeDecision throttle = { .verb = CONVERGE_VERB_THROTTLE, .throttle = 5 };
    g_autoptr(convergePlant) plant = convergePlantNew(&busy);
    g_autofree char *why = NULL;

    convergePlantOps.choose(plant, CONVERGE_METHOD_QEMU, &why, NULL);
    g_assert_true(convergePlantOps.apply(plant, &throttle, NULL));
    convergePlantAdvance(plant, 60 * 1000);
    g_assert_cmpuint(convergePlantGetResult(plant)->peakThrottle, ==, CONVERGE_THROTTLE_QEMU_LEAST);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plant-guest/setup-changes-nothing", testSetupChangesNothing);
    g_test_add_func("/plant-guest/postcopy-costs-the-writers", testPostcopyCostsTheWriters);
    g_test_add_func("/plant-guest/no-auto-converge-never-throttles", testNoAutoConvergeNeverThrottles);
    g_test_add_func("/plant-guest/tailslow-takes-smaller-steps", testTailslowTakesSmallerSteps);
    g_test_add_func("/plant-guest/sync-holds-up-sending", testSyncHoldsUpSending);
    g_test_add_func("/plant-guest/dirty-limit-comes-after-a-second", testDirtyLimitComesAfterASecond);
    g_test_add_func("/plant-guest/suspended-is-paused", testSuspendedIsPaused);
    g_test_add_func("/plant-guest/resumed", testResumed);
    g_test_add_func("/plant-guest/paused-guest-dirties-nothing", testPausedGuestDirtiesNothing);
    g_test_add_func("/plant-guest/probe-length", testProbeLength);
    g_test_add_func("/plant-guest/syncs-in-the-bulk-pass", testSyncsInTheBulkPass);
    g_test_add_func("/plant-guest/syncs-in-the-bulk-pass-of-a-growing-set", testSyncsInTheBulkPassOfAGrowingSet);
    g_test_add_func("/plant-guest/dirty-limit-is-tolerant", testDirtyLimitIsTolerant);
    g_test_add_func("/plant-guest/disjoint-writes-are-all-anew", testDisjointWritesAreAllAnew);
    g_test_add_func("/plant-guest/blind-probe-sees-nothing", testBlindProbeSeesNothing);
    g_test_add_func("/plant-guest/refuses-from-then-on", testRefusesFromThenOn);
    g_test_add_func("/plant-guest/qemu-throttle-has-a-floor", testQemuThrottleHasAFloor);
    return g_test_run();
}
