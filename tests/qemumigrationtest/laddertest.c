/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * laddertest.c: limits of a policy, and the rungs that are taken when one is hit
 */
#include "script.h"

/* "stall" is how many passes without progress are allowed; the last of them is enough. */
static void
testStallCountsPasses(void)
{
    unsigned int stall, pass;

    for (stall = 1; stall <= 4; stall++) {
        g_autofree char *policy = g_strdup_printf("stepped,fallback=suspend,stall=%u", stall);
        g_auto(script) s = { 0 };

        scriptInit(&s, policy, CONVERGE_METHOD_QEMU);
        scriptPass(&s, 400 * MB); /* what later ones are measured by */
        for (pass = 1; pass <= stall; pass++) {
            g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
            scriptPass(&s, 400 * MB);
        }
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
        g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_SUSPEND)->reason, ==, CONVERGE_REASON_STALL);
    }
}

/* A pass that leaves a little less than the best one before it has made no progress. */
static void
testLittleLessIsNoProgress(void)
{
    static const struct {
        double share; /* of the best one that later passes leave */
        unsigned int suspends;
    } rows[] = { { 1.2, 1 }, { 0.999, 1 }, { 0.97, 1 }, { 0.95, 0 }, { 0.5, 0 } };
    gsize i;
    int pass;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, "stepped,fallback=suspend,stall=3", CONVERGE_METHOD_QEMU);
        scriptPass(&s, 400 * MB);
        for (pass = 0; pass < 3; pass++)
            scriptPass(&s, rows[i].share * 400 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, rows[i].suspends);
    }
}

/* Each rung is taken once: one that fails gives way to the next. */
static void
testRungIsTakenOnce(void)
{
    g_auto(script) s = { 0 };
    int pass;

    scriptInit(&s, "stepped,passes=1,fallback=post-copy+suspend+abort", CONVERGE_METHOD_QEMU);
    scriptSend(&s, 3000);
    s.refusing = TRUE;
    for (pass = 0; pass < 6; pass++) {
        scriptSync(&s, 400 * MB);
        scriptSend(&s, 1000);
    }
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_POSTCOPY), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_ABORT), ==, 1);
    /* A rung that fails is no reason to take anything back. */
    g_assert_null(convergeLoopTrouble(s.loop));
    g_assert_cmpuint(convergeLoopStatus(s.loop)->rungs, ==, 0);
}

/* Once a rung is taken, nothing more is decided, and the guest is measured no more. */
static void
testNothingAfterARung(void)
{
    g_auto(script) s = { 0 };
    unsigned int said, probes;
    int pass;

    scriptInit(&s, "adaptive,passes=1,fallback=suspend+abort", CONVERGE_METHOD_VCPU_QUOTA);
    scriptSend(&s, 3000);
    scriptSync(&s, 400 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
    said = s.nsaid;
    probes = s.probes;
    for (pass = 0; pass < 4; pass++) {
        scriptSend(&s, 3000);
        s.sample.probeId++;
        s.sample.probeMs = 1000;
        scriptSync(&s, 400 * MB);
    }
    g_assert_cmpuint(s.nsaid, ==, said);
    g_assert_cmpuint(s.probes, ==, probes);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->rungs, ==, 1);
}

/* "passes" counts passes, the bulk pass included; a sync in the middle of one ends none. */
static void
testSyncsAreNoPasses(void)
{
    g_auto(script) s = { 0 };
    int sync;

    scriptInit(&s, "stepped,passes=2,fallback=suspend", CONVERGE_METHOD_QEMU);
    scriptPass(&s, 400 * MB);
    for (sync = 0; sync < 5; sync++) {
        scriptSend(&s, 300);
        scriptSync(&s, 390 * MB);
    }
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
    scriptPass(&s, 400 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
}

/* Before anything is known of the link, the deadline alone counts. */
static void
testDeadlineWithoutBandwidth(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive,deadline=10s,fallback=abort", CONVERGE_METHOD_QEMU);
    for (; s.sample.timeMs < 10900; s.sample.timeMs += 100)
        convergeLoopStep(s.loop);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_ABORT), ==, 0);
    s.sample.timeMs = 11000;
    convergeLoopStep(s.loop);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_ABORT), ==, 1);
}

/* What is due by the margin kept for late looks, but is predicted to end in time anyway, is
 * left alone. */
static void
testDeadlineSparesWhatIsAsGoodAsDone(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive,deadline=4900ms,fallback=abort", CONVERGE_METHOD_QEMU);
    scriptPass(&s, 100 * MB);
    scriptPass(&s, 20 * MB);
    scriptSend(&s, 500);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_ABORT), ==, 0);
    /* QEMU does not end it, though. */
    scriptSend(&s, 1000);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_ABORT), ==, 1);
}

/* However large the guest is. */
static void
testTransferFactorOfAHugeGuest(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "stepped,transfer-factor=4,fallback=suspend", CONVERGE_METHOD_QEMU);
    s.sample.totalBytes = G_GUINT64_CONSTANT(1) << 62;
    scriptSend(&s, 1000);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);

    s.sample.totalBytes = (guint64)(40 * MB);
    scriptSend(&s, 500);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
    scriptSend(&s, 300);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
}

/* Post-copy on a link that has just failed would lose the guest. */
static void
testNoPostcopyOnFailingLink(void)
{
    static const struct {
        gint64 ms;      /* after the link has failed */
        double carries; /* then, bytes/s */
        unsigned int postcopies;
    } rows[] = {
        { 200, BANDWIDTH, 1 },
        { 200, 0.3 * BANDWIDTH, 0 }, /* seen in the window that has begun */
        { 400, 0.3 * BANDWIDTH, 0 }, /* ...and in the last one */
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };
        convergeSample *sample = &s.sample;
        guint64 sent = (guint64)(rows[i].carries * (double)rows[i].ms / 1000);

        scriptInit(&s, "stepped,passes=1,fallback=post-copy", CONVERGE_METHOD_QEMU);
        scriptSend(&s, 3000);
        convergeLoopStep(s.loop);
        sample->timeMs += rows[i].ms;
        sample->processedBytes += sent;
        sample->normalBytes += sent;
        scriptSync(&s, 400 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_POSTCOPY), ==, rows[i].postcopies);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ladder/stall-counts-passes", testStallCountsPasses);
    g_test_add_func("/ladder/little-less-is-no-progress", testLittleLessIsNoProgress);
    g_test_add_func("/ladder/rung-is-taken-once", testRungIsTakenOnce);
    g_test_add_func("/ladder/nothing-after-a-rung", testNothingAfterARung);
    g_test_add_func("/ladder/syncs-are-no-passes", testSyncsAreNoPasses);
    g_test_add_func("/ladder/deadline-without-bandwidth", testDeadlineWithoutBandwidth);
    g_test_add_func("/ladder/deadline-spares-what-is-as-good-as-done", testDeadlineSparesWhatIsAsGoodAsDone);
    g_test_add_func("/ladder/transfer-factor-of-a-huge-guest", testTransferFactorOfAHugeGuest);
    g_test_add_func("/ladder/no-postcopy-on-failing-link", testNoPostcopyOnFailingLink);
    return g_test_run();
}
