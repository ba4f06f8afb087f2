/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * turntest.c: when the loop looks, and when it measures the guest
 */
#include "script.h"

/* libvirt logs each sample that cannot be had: after some of them, they become rare. */
static void
testRareLooksWhenBlind(void)
{
    g_auto(script) s = { 0 };
    int i;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    s.unreachable = TRUE;
    for (i = 0; i < 9; i++)
        g_assert_cmpint(convergeLoopStep(s.loop), <=, CONVERGE_SAMPLE_SLOWEST_MS);
    g_assert_cmpint(convergeLoopStep(s.loop), >=, 5000);
    s.unreachable = FALSE;
    convergeLoopStep(s.loop);
    s.unreachable = TRUE;
    g_assert_cmpint(convergeLoopStep(s.loop), <=, CONVERGE_SAMPLE_SLOWEST_MS);
}

/* Each turn costs CPU: none is due sooner than QEMU's own figures change, and none later than
 * a probe ends. */
static void
testTurnsAreFewAndInTime(void)
{
    g_auto(script) s = { 0 };
    gint64 at, wait;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    s.sample.remainingBytes = (guint64)(1000 * TOTAL);
    scriptSend(&s, 500); /* the first probe has begun at the first look */
    for (at = s.sample.timeMs; at < 1000 + 1100; at += wait) {
        s.sample.timeMs = at;
        wait = convergeLoopStep(s.loop);
        g_assert_cmpint(wait, >=, 100);
        g_assert_cmpint(wait, <=, CONVERGE_SAMPLE_SLOWEST_MS);
    }
    g_assert_cmpint(at, ==, 1000 + 1100);

    for (s.sample.remainingBytes = (guint64)(50 * MB); s.sample.remainingBytes > 0;
         s.sample.remainingBytes /= 2)
        g_assert_cmpint(convergeLoopStep(s.loop), >=, 100);
}

/* A throttle that acts at once may come with the end of the bulk pass, and must find no probe
 * under way; QEMU's own comes later anyway. */
static void
testNoProbeIntoEndOfBulkPass(void)
{
    static const struct {
        convergeThrottleMethod method;
        gint64 leftMs; /* of the bulk pass */
        gboolean probed;
    } rows[] = {
        { CONVERGE_METHOD_VCPU_QUOTA, 2000, TRUE },
        { CONVERGE_METHOD_VCPU_QUOTA, 1400, FALSE },
        { CONVERGE_METHOD_VCPU_QUOTA, 300, FALSE },
        { CONVERGE_METHOD_DIRTY_LIMIT, 300, FALSE },
        { CONVERGE_METHOD_QEMU, 300, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };
        unsigned int probes;

        scriptInit(&s, "adaptive", rows[i].method);
        scriptSend(&s, 3000);
        probes = s.probes;
        g_assert_cmpuint(probes, ==, 1);
        s.sample.remainingBytes = (guint64)(BANDWIDTH * (double)rows[i].leftMs / 1000);
        s.sample.probeId = 1; /* has ended without a result: the next one is due */
        convergeLoopStep(s.loop);
        g_assert_cmpuint(s.probes, ==, probes + rows[i].probed);
    }
}

/* Without probes there is still what each sync finds: the loop does not ask again. */
static void
testRefusedProbeIsNotAskedForAgain(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    s.refusingProbes = TRUE;
    scriptSend(&s, 4000);
    scriptSync(&s, 400 * MB);
    scriptSend(&s, 4000);
    g_assert_cmpuint(s.probes, ==, 1);
    g_assert_null(convergeLoopTrouble(s.loop));
}

/* A probe is worth its cost only where its answer changes what is done. */
static void
testProbesOnlyForTheAdaptiveLaw(void)
{
    static const struct {
        const char *policy;
        unsigned int probes;
    } rows[] = {
        { "adaptive", 1 },
        { "stepped", 0 },
        { "adaptive,throttle=none", 0 },
        { "adaptive,throttle=progressive", 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, rows[i].policy, CONVERGE_METHOD_QEMU);
        scriptSend(&s, 3000);
        g_assert_cmpuint(s.probes, ==, rows[i].probes);
    }
}

/* No probe while no vCPU runs. */
static void
testNoProbeOfAPausedGuest(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    s.sample.paused = TRUE;
    scriptSend(&s, 3000);
    g_assert_cmpuint(s.probes, ==, 0);
    s.sample.paused = FALSE;
    scriptSend(&s, 1000);
    g_assert_cmpuint(s.probes, ==, 1);
}

/* Between two probes there is a pause, the longer the more memory QEMU has to hash and the
 * longer the bulk pass has taken; after a spoilt probe there is no pause. */
static void
testPauseBetweenProbes(void)
{
    static const struct {
        double memory;
        gint64 bulkMs;          /* so far */
        gint64 probeMs;         /* 0: it was spoilt */
        gint64 leastMs, mostMs; /* of the pause */
    } rows[] = {
        { TOTAL, 3000, 1000, 1000, 1200 },
        { TOTAL, 3000, 0, 0, 0 },
        { 100 * TOTAL, 3000, 1000, 3000, 3200 },
        { TOTAL, 60000, 1000, 3000, 3300 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };
        convergeSample *sample = &s.sample;
        gint64 endMs, at;

        scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
        sample->totalBytes = (guint64)rows[i].memory;
        sample->remainingBytes = (guint64)(1000 * TOTAL);
        scriptSend(&s, rows[i].bulkMs);
        g_assert_cmpuint(s.probes, ==, 1);
        sample->probeId = 1;
        sample->probeMs = rows[i].probeMs;
        sample->probeBps = 1;
        endMs = sample->timeMs;
        for (at = endMs; s.probes == 1 && at < endMs + 20000; at = sample->timeMs)
            scriptSend(&s, 100);
        at -= 100;
        g_test_message("pause %" G_GINT64_FORMAT " ms", at - endMs);
        g_assert_cmpuint(s.probes, ==, 2);
        g_assert_cmpint(at - endMs, >=, rows[i].leastMs);
        g_assert_cmpint(at - endMs, <=, rows[i].mostMs);
    }
}

/* How the guest answers to a throttle that is in force at once matters most: the next probe
 * starts with it. */
static void
testProbeStartsWithThrottle(void)
{
    static const convergeThrottleMethod methods[] = {
        CONVERGE_METHOD_VCPU_QUOTA,
        CONVERGE_METHOD_DIRTY_LIMIT,
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(methods); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, "adaptive", methods[i]);
        scriptSend(&s, 3000);
        s.sample.probeId = 1;
        s.sample.probeMs = 1000;
        s.sample.probeBps = (guint64)(250 * MB);
        scriptSend(&s, 300);
        g_assert_cmpuint(s.probes, ==, 1);
        scriptSync(&s, 400 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 1);
        g_assert_cmpuint(s.probes, ==, 2);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turn/rare-looks-when-blind", testRareLooksWhenBlind);
    g_test_add_func("/turn/turns-are-few-and-in-time", testTurnsAreFewAndInTime);
    g_test_add_func("/turn/no-probe-into-end-of-bulk-pass", testNoProbeIntoEndOfBulkPass);
    g_test_add_func("/turn/refused-probe-is-not-asked-for-again", testRefusedProbeIsNotAskedForAgain);
    g_test_add_func("/turn/probes-only-for-the-adaptive-law", testProbesOnlyForTheAdaptiveLaw);
    g_test_add_func("/turn/no-probe-of-a-paused-guest", testNoProbeOfAPausedGuest);
    g_test_add_func("/turn/pause-between-probes", testPauseBetweenProbes);
    g_test_add_func("/turn/probe-starts-with-throttle", testProbeStartsWithThrottle);
    return g_test_run();
}
