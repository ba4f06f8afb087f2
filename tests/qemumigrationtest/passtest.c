/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * passtest.c: which bitmap syncs end a pass, and what they tell of the guest
 */
#include "feed.h"

#define RATE (100 * MB)

/* QEMU 9.2: a sync every 5 s finds what was dirtied of what has been sent; the rest is unsent
 * still.  Only the one at the end of what there was to send ends the pass. */
static void
testPeriodicSyncsEndNoPass(void)
{
    feed f;
    int sync;

    feedInit(&f, 3000 * MB);
    feedSend(&f, RATE, 30000);
    g_assert_true(feedSync(&f, 1, 1400 * MB) & CONVERGE_NEWS_PASS);
    g_assert_cmpuint(f.model.pass.n, ==, 1);
    feedTakeNews(&f);

    for (sync = 1; sync <= 3; sync++) {
        convergeNews news;

        feedSend(&f, RATE, 5000);
        news = feedSync(&f, 1, f.sample.remainingBytes + 200 * MB);
        g_assert_true(news & CONVERGE_NEWS_SYNC);
        /* The third comes when as much has been sent as there was. */
        g_assert_cmpint((news & CONVERGE_NEWS_PASS) != 0, ==, sync == 3);
    }
    g_assert_cmpuint(f.model.pass.n, ==, 2);
    assertNear(f.model.pass.periodSeconds, 5, 0.01);
    assertNear(f.model.pass.dirtied, 600 * MB, 0.01);
    assertNear(f.model.pass.seconds, 15, 0.01);
    assertNear(f.model.pass.sent, 1500 * MB, 0.01);
}

/* Each sync of a pass finds what was dirtied since the one before and was not unsent anyway: all of them
 * are observed together as equal ones. */
static void
testSyncsOfAPassAreObservedTogether(void)
{
    feed f;

    feedInit(&f, 3000 * MB);
    feedPass(&f, RATE, 1000 * MB);
    g_assert_cmpuint(f.model.passes.n, ==, 1);
    feedSend(&f, RATE, 5000);
    feedSync(&f, 1, 600 * MB);
    feedSend(&f, RATE, 5000);
    feedSync(&f, 1, 400 * MB);
    g_assert_cmpuint(f.model.passes.n, ==, 2);
    assertNear(f.model.passes.item[1].seconds, 5, 0.01);
    assertNear(f.model.passes.item[1].bytes, 200 * MB, 0.01);
    assertNear(f.model.passes.item[1].pending, 300 * MB, 0.01);
}

/* QEMU 11.1 with post-copy allowed syncs at each look, from the start: no pass ends before all of
 * memory was sent, and none of the syncs makes the bulk pass seem over. */
static void
testSyncsAtEachLookEndNoBulkPass(void)
{
    feed f;
    int i;

    feedInit(&f, 3000 * MB);
    for (i = 0; i < 50; i++) {
        feedSend(&f, RATE, 500);
        g_assert_cmpint(feedSync(&f, 9, f.sample.remainingBytes + 10 * MB), ==, CONVERGE_NEWS_SYNC);
    }
    g_assert_cmpuint(f.model.pass.n, ==, 0);
    g_assert_cmpuint(f.model.passes.n, ==, 0);
    for (; f.model.pass.n == 0 && i < 100; i++) {
        feedSend(&f, RATE, 500);
        feedSync(&f, 9, f.sample.remainingBytes + 10 * MB);
    }
    /* After 30 s of sending, and not after the 33 that it takes to send what was found as well. */
    g_assert_cmpint(f.model.pass.bulkMs - f.model.startMs, >=, 28800);
    g_assert_cmpint(f.model.pass.bulkMs - f.model.startMs, <=, 30600);
}

/* QEMU ends a pass when what is left fits the allowed downtime: the sync that follows is a pass's,
 * however much is unsent. */
static void
testUnsentBelowTheLimitEndsThePass(void)
{
    static const struct {
        gint64 downtimeMs;
        double unsent;
        gboolean ends;
    } rows[] = {
        { 300, 20 * MB, TRUE },
        { 300, 30 * MB, TRUE },
        { 300, 120 * MB, FALSE },
        { 1000, 120 * MB, TRUE },
        { 1000, 300 * MB, FALSE },
        { 0, 30 * MB, TRUE }, /* QEMU's own limit is 300 ms */
        { 0, 120 * MB, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        feed f;

        feedInit(&f, 2000 * MB);
        convergeModelNoteDowntime(&f.model, rows[i].downtimeMs);
        feedPass(&f, RATE, 1000 * MB);
        feedSend(&f, RATE, (gint64)((1000 * MB - rows[i].unsent) / RATE * 1000));
        g_assert_cmpint((feedSync(&f, 1, rows[i].unsent + 200 * MB) & CONVERGE_NEWS_PASS) != 0, ==,
                        rows[i].ends);
        /* What was unsent is not what was dirtied. */
        if (rows[i].ends)
            assertNear(f.model.passes.item[1].bytes, 200 * MB, 0.01);
    }
}

/* Passes that end faster than samples come are counted, and observed together as equal ones. */
static void
testShortPassesCount(void)
{
    feed f;

    feedInit(&f, 2000 * MB);
    feedPass(&f, RATE, 40 * MB);
    g_assert_cmpuint(f.model.pass.n, ==, 1);

    /* Five passes of 100 ms, in each of which 10 MB are sent and dirtied. */
    f.sample.timeMs += 500;
    f.sample.processedBytes += 50000000;
    f.sample.normalBytes += 50000000;
    g_assert_true(feedSync(&f, 5, 40 * MB) & CONVERGE_NEWS_PASS);
    g_assert_cmpuint(f.model.pass.n, ==, 6);
    g_assert_cmpuint(f.model.passes.n, ==, 2);
    assertNear(f.model.passes.item[1].seconds, 0.1, 0.05);
    assertNear(f.model.passes.item[1].bytes, 10 * MB, 0.05);
}

/* What is observed over a moment depends on when the samples were taken: such passes are gathered
 * until there is enough of them. */
static void
testMomentsAreGathered(void)
{
    feed f;
    int i;

    feedInit(&f, 2000 * MB);
    feedPass(&f, RATE, 20 * MB);
    for (i = 1; i <= 3; i++) {
        feedSend(&f, RATE, 100);
        feedSync(&f, 1, 20 * MB);
        g_assert_cmpuint(f.model.pass.n, ==, 1 + i);
        g_assert_cmpuint(f.model.passes.n, ==, i < 3 ? 1 : 2);
    }
    assertNear(f.model.passes.item[1].seconds, 0.1, 0.01);
    assertNear(f.model.passes.item[1].bytes, 10 * MB, 0.01);
}

/* In a pass for some of which the guest stood still it dirtied less than it would have, wherever
 * in the pass that was. */
static void
testSpoiltPassIsNotObserved(void)
{
    static const struct {
        gboolean periodic; /* a sync in the middle of the pass, after the pause */
    } rows[] = { { FALSE }, { TRUE } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        feed f;

        feedInit(&f, 2000 * MB);
        feedPass(&f, RATE, 1000 * MB);
        feedSend(&f, RATE, 1000);
        f.sample.paused = TRUE;
        feedSend(&f, RATE, 1000);
        f.sample.paused = FALSE;
        feedSend(&f, RATE, 3000);
        if (rows[i].periodic)
            feedSync(&f, 1, f.sample.remainingBytes + 50 * MB);
        feedPass(&f, RATE, 100 * MB);
        g_assert_cmpuint(f.model.pass.n, ==, 2);
        g_assert_cmpuint(f.model.passes.n, ==, 1);

        /* The pass after it is whole. */
        feedPass(&f, RATE, 80 * MB);
        g_assert_cmpuint(f.model.passes.n, ==, 2);
    }
}

/* The throttle of an observation is the mean over its time. */
static void
testThrottleIsAveraged(void)
{
    feed f;

    feedInit(&f, 2000 * MB);
    feedPass(&f, RATE, 1000 * MB);
    feedSend(&f, RATE, 5000);
    convergeModelNoteThrottle(&f.model, 80);
    f.sample.throttle = 80;
    feedPass(&f, RATE, 300 * MB);
    assertNear(f.model.passes.item[1].throttle, 0.4, 0.03);
}

/* The end of the bulk pass is kept. */
static void
testBulkPassIsKept(void)
{
    feed f;

    feedInit(&f, 2000 * MB);
    feedPass(&f, RATE, 700 * MB);
    feedPass(&f, RATE, 300 * MB);
    g_assert_cmpint(f.model.pass.bulkMs, ==, 21000);
    assertNear(f.model.pass.bulkLeft, 700 * MB, 1e-9);
    assertNear(f.model.pass.bulkDirtied, 700 * MB, 1e-9);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pass/periodic-syncs-end-no-pass", testPeriodicSyncsEndNoPass);
    g_test_add_func("/pass/syncs-of-a-pass-are-observed-together", testSyncsOfAPassAreObservedTogether);
    g_test_add_func("/pass/syncs-at-each-look-end-no-bulk-pass", testSyncsAtEachLookEndNoBulkPass);
    g_test_add_func("/pass/unsent-below-the-limit-ends-the-pass", testUnsentBelowTheLimitEndsThePass);
    g_test_add_func("/pass/short-passes-count", testShortPassesCount);
    g_test_add_func("/pass/moments-are-gathered", testMomentsAreGathered);
    g_test_add_func("/pass/spoilt-pass-is-not-observed", testSpoiltPassIsNotObserved);
    g_test_add_func("/pass/throttle-is-averaged", testThrottleIsAveraged);
    g_test_add_func("/pass/bulk-pass-is-kept", testBulkPassIsKept);
    return g_test_run();
}
