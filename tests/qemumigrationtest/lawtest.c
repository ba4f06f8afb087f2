/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lawtest.c: what the laws of throttle and pause promise, one test for each promise
 */
#include <math.h>

#include "script.h"
#include "throttle/throttle_qemu.h"

/* --- The ramp of the allowed pause --- */

static gint64
downtimeAt(script *s,
           gint64 elapsedMs)
{
    s->sample.timeMs = 1000 + elapsedMs;
    convergeLoopStep(s->loop);
    return convergeLoopStatus(s->loop)->downtimeMs;
}

/* The first rise comes after ramp-after, the next ones ramp-every apart, and none exceeds
 * the maximum. */
static void
testRampByTime(void)
{
    static const struct {
        gint64 ms, doubled, even; /* elapsed, and what is allowed then */
    } rows[] = {
        { 0, 50, 50 },
        { 19900, 50, 50 },
        { 20000, 100, 200 },
        { 29900, 100, 200 },
        { 30000, 200, 350 },
        { 40000, 400, 500 },
        { 50000, 500, 500 },
        { 300000, 500, 500 },
    };
    g_auto(script) doubled = { 0 };
    g_auto(script) even = { 0 };
    gsize i;

    scriptInit(&doubled, "adaptive,throttle=none,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
                         "ramp-after=20s,ramp-every=10s,ramp-factor=2",
               CONVERGE_METHOD_QEMU);
    scriptInit(&even, "adaptive,throttle=none,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
                      "ramp-after=20s,ramp-every=10s,ramp-steps=3",
               CONVERGE_METHOD_QEMU);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(downtimeAt(&doubled, rows[i].ms), ==, rows[i].doubled);
        g_assert_cmpint(downtimeAt(&even, rows[i].ms), ==, rows[i].even);
    }
}

/* Passes count from the first sync on. */
static void
testRampByPasses(void)
{
    static const gint64 allowed[] = { 50, 50, 100, 100, 200, 200, 400, 400, 500, 500, 500 };
    g_auto(script) s = { 0 };
    gsize i;

    scriptInit(&s, "adaptive,throttle=none,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
                   "ramp-passes=2,ramp-factor=2",
               CONVERGE_METHOD_QEMU);
    convergeLoopStep(s.loop);
    for (i = 0; i < G_N_ELEMENTS(allowed); i++) {
        g_assert_cmpint(convergeLoopStatus(s.loop)->downtimeMs, ==, allowed[i]);
        scriptPass(&s, 200 * MB);
    }
}

/* --- The progressive law --- */

/* A step after each pass that dirtied too much of what it sent, at its end and no sooner,
 * and never beyond the maximum. */
static void
testProgressiveStepsAfterBadPasses(void)
{
    static const struct {
        double finds;          /* the sync after a pass that has sent 300 MB */
        unsigned int throttle; /* from then on */
    } rows[] = {
        { 100 * MB, 0 },
        { 300 * MB, 30 },
        { 100 * MB, 30 },
        { 300 * MB, 45 },
        { 300 * MB, 60 },
        { 300 * MB, 70 },
        { 300 * MB, 70 },
    };
    g_auto(script) s = { 0 };
    unsigned int steps = 0;
    gsize i;

    scriptInit(&s, "adaptive,throttle=progressive,initial-throttle=30,throttle-increment=15,"
                   "max-throttle=70,throttle-threshold=50",
               CONVERGE_METHOD_VCPU_QUOTA);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned int before = convergeLoopStatus(s.loop)->throttleTarget;

        /* What the guest has dirtied meanwhile changes nothing before the sync. */
        s.sample.remainingBytes = (guint64)(300 * MB);
        scriptSend(&s, 1500);
        scriptProbe(&s, 200 * MB);
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, before);
        scriptPass(&s, rows[i].finds);
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, rows[i].throttle);
        steps += rows[i].throttle > before;
    }
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, steps);
}

/* --- The adaptive law --- */

/* QEMU is kept ready for a throttle from the start; once it is known that none is needed, it
 * is let go of, and told so once. */
static void
testQemuIsKeptReady(void)
{
    g_auto(script) s = { 0 };
    int i;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    scriptSend(&s, 1500);
    scriptProbe(&s, 10 * MB);
    scriptPass(&s, 30 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_PRIME), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 1);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_HOLD)->reason, ==, CONVERGE_REASON_CONVERGES);
    for (i = 0; i < 3; i++)
        scriptProbe(&s, 10 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 0);
}

/* While one observation leaves open whether a throttle is needed, QEMU is not let go of. */
static void
testQemuStaysReadyWhileUnsure(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    scriptPass(&s, 300 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 0);
    scriptPass(&s, 300 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 0);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 1);
}

/* Throttling in the bulk pass buys nothing, whatever is known by then. */
static void
testNoThrottleInTheBulkPass(void)
{
    g_auto(script) s = { 0 };
    int i;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    for (i = 0; i < 5; i++) {
        scriptSend(&s, 400);
        scriptProbe(&s, 250 * MB);
    }
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 0);
    scriptPass(&s, 300 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 1);
}

/* A throttle that acts at once is in force from when it was asked for, not from the next look
 * on: what is dirtied under it does not make the guest seem slow. */
static void
testThrottleCountsFromItsDecision(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    scriptSend(&s, 1500);
    scriptProbe(&s, 250 * MB);
    scriptPass(&s, 300 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >=, 90);
    s.sample.timeMs += 3000;
    s.sample.processedBytes += (guint64)(300 * MB);
    s.sample.normalBytes = s.sample.processedBytes;
    s.sample.remainingBytes = 0;
    convergeLoopStep(s.loop);
    scriptSync(&s, 30 * MB);
    g_assert_cmpfloat(convergeLoopStatus(s.loop)->dirtyRate, >, 100 * MB);
}

/* --- What a plan may be --- */

/* A plan that would end after the deadline is not considered. */
static void
testPlanKeepsTheDeadline(void)
{
    static const struct {
        const char *policy;
        convergeClass class_;
    } rows[] = {
        { "adaptive", CONVERGE_CLASS_MIDDLE },
        { "adaptive,deadline=30s", CONVERGE_CLASS_MIDDLE },
        { "adaptive,deadline=5s", CONVERGE_CLASS_BEYOND },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, rows[i].policy, CONVERGE_METHOD_VCPU_QUOTA);
        scriptSend(&s, 1500);
        scriptProbe(&s, 250 * MB);
        scriptPass(&s, 300 * MB);
        g_assert_cmpint(convergeLoopStatus(s.loop)->class_, ==, rows[i].class_);
    }
}

/* The stepped and progressive laws may yet come to a throttle that helps: they are not judged
 * by prediction, and no fallback is taken because of it. */
static void
testNoVerdictOnStepsOfTheirOwn(void)
{
    static const struct {
        const char *policy;
        convergeClass class_;
    } rows[] = {
        { "adaptive,throttle=progressive,fallback=suspend,fallback-when=prediction", CONVERGE_CLASS_UNKNOWN },
        { "stepped,fallback=suspend,fallback-when=prediction", CONVERGE_CLASS_UNKNOWN },
        { "adaptive,throttle=none,fallback=suspend,fallback-when=prediction", CONVERGE_CLASS_BEYOND },
    };
    gsize i;
    int pass;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, rows[i].policy, CONVERGE_METHOD_QEMU);
        for (pass = 0; pass < 4; pass++)
            scriptPass(&s, 300 * MB);
        g_assert_cmpint(convergeLoopStatus(s.loop)->class_, ==, rows[i].class_);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==,
                         rows[i].class_ == CONVERGE_CLASS_BEYOND);
    }
}

/* --- Guests that no throttle helps --- */

/* Where even the guest that dirties least of all that may be might converge, a second look must
 * say the same.  With QEMU's own throttle, only a sync is one. */
static void
testSecondLookIsASync(void)
{
    static const struct {
        convergeThrottleMethod method;
        unsigned int afterProbe; /* whether it has fallen back by then */
    } rows[] = { { CONVERGE_METHOD_QEMU, 0 }, { CONVERGE_METHOD_VCPU_QUOTA, 1 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, "adaptive,max-throttle=40,fallback=suspend,fallback-when=prediction",
                   rows[i].method);
        scriptSend(&s, 1500);
        scriptProbe(&s, 150 * MB);
        scriptPass(&s, 303 * MB);
        g_assert_cmpint(convergeLoopStatus(s.loop)->class_, ==, CONVERGE_CLASS_BEYOND);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
        scriptSend(&s, 300);
        scriptProbe(&s, 150 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, rows[i].afterProbe);
        scriptPass(&s, 300 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/law/ramp-by-time", testRampByTime);
    g_test_add_func("/law/ramp-by-passes", testRampByPasses);
    g_test_add_func("/law/progressive-steps-after-bad-passes", testProgressiveStepsAfterBadPasses);
    g_test_add_func("/law/qemu-is-kept-ready", testQemuIsKeptReady);
    g_test_add_func("/law/qemu-stays-ready-while-unsure", testQemuStaysReadyWhileUnsure);
    g_test_add_func("/law/no-throttle-in-the-bulk-pass", testNoThrottleInTheBulkPass);
    g_test_add_func("/law/throttle-counts-from-its-decision", testThrottleCountsFromItsDecision);
    g_test_add_func("/law/plan-keeps-the-deadline", testPlanKeepsTheDeadline);
    g_test_add_func("/law/no-verdict-on-steps-of-their-own", testNoVerdictOnStepsOfTheirOwn);
    g_test_add_func("/law/second-look-is-a-sync", testSecondLookIsASync);
    return g_test_run();
}
