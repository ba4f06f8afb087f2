/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lawtest.c: what the laws of throttle and pause promise, one test for each promise
 */
#include "script.h"

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
        gint64 ms, doubled, even;   /* elapsed, and what is allowed then */
    } rows[] = {
        { 0, 50, 50 }, { 19900, 50, 50 }, { 20000, 100, 200 }, { 29900, 100, 200 },
        { 30000, 200, 350 }, { 40000, 400, 500 }, { 50000, 500, 500 }, { 300000, 500, 500 },
    };
    g_auto(script) doubled = { 0 };
    g_auto(script) even = { 0 };
    gsize i;

    scriptInit(&doubled, "adaptive,throttle=none,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
               "ramp-after=20s,ramp-every=10s,ramp-factor=2", CONVERGE_METHOD_QEMU);
    scriptInit(&even, "adaptive,throttle=none,downtime=ramp,initial-downtime=50ms,max-downtime=500ms,"
               "ramp-after=20s,ramp-every=10s,ramp-steps=3", CONVERGE_METHOD_QEMU);
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
               "ramp-passes=2,ramp-factor=2", CONVERGE_METHOD_QEMU);
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
        double finds;               /* the sync after a pass that has sent 300 MB */
        unsigned int throttle;      /* from then on */
    } rows[] = {
        { 100 * MB, 0 }, { 300 * MB, 30 }, { 100 * MB, 30 }, { 300 * MB, 45 },
        { 300 * MB, 60 }, { 300 * MB, 70 }, { 300 * MB, 70 },
    };
    g_auto(script) s = { 0 };
    unsigned int steps = 0;
    gsize i;

    scriptInit(&s, "adaptive,throttle=progressive,initial-throttle=30,throttle-increment=15,"
               "max-throttle=70,throttle-threshold=50", CONVERGE_METHOD_VCPU_QUOTA);
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
    scriptPass(&s, 30 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_PRIME), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 1);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_HOLD)->reason, ==, CONVERGE_REASON_CONVERGES);
    for (i = 0; i < 3; i++)
        scriptProbe(&s, 10 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 1);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 0);
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

/* From no throttle to one at once; to change it takes two looks in a row that say the same. */
static void
testChangesAfterASecondLook(void)
{
    g_auto(script) s = { 0 };
    unsigned int throttle;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    scriptSend(&s, 1500);
    scriptProbe(&s, 150 * MB);
    scriptPass(&s, 200 * MB);
    throttle = convergeLoopStatus(s.loop)->throttleTarget;
    g_assert_cmpuint(throttle, >, 0);

    scriptSend(&s, 500);
    s.sample.remainingBytes = (guint64)(200 * MB);
    scriptProbe(&s, 220 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, throttle);
    scriptSend(&s, 500);
    scriptProbe(&s, 220 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >, throttle);
}

/* So also the first throttle comes at once, where earlier looks found that none is needed. */
static void
testFirstThrottleComesAtOnce(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    scriptPass(&s, 30 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 0);
    s.sample.remainingBytes = (guint64)(200 * MB);
    scriptSend(&s, 300);
    scriptProbe(&s, 250 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 1);
}

/* Passes too short to teach the model anything: it predicts an end that never comes. */
static void
shortPass(script *s,
          double finds)
{
    s->sample.timeMs += 200;
    s->sample.processedBytes += (guint64)(BANDWIDTH / 5);
    s->sample.normalBytes = s->sample.processedBytes;
    scriptSync(s, finds);
}

/* After eight passes without progress no prediction of an end is believed; after eight more
 * the strongest throttle of all is taken.  Progress ends the disbelief. */
static void
testEightPassesWithoutProgress(void)
{
    g_auto(script) s = { 0 };
    unsigned int pass, said;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
    scriptPass(&s, 30 * MB);            /* the least; nothing is needed */
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);
    for (pass = 1; pass < 8; pass++)
        shortPass(&s, 30 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);
    shortPass(&s, 30 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 95);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_THROTTLE)->reason, ==, CONVERGE_REASON_STUCK);

    for (pass = 9; pass < 16; pass++)
        shortPass(&s, 30 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 95);
    shortPass(&s, 30 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 99);

    /* There is nothing stronger to say. */
    said = s.nsaid;
    for (pass = 0; pass < 20; pass++)
        shortPass(&s, 30 * MB);
    g_assert_cmpuint(s.nsaid, ==, said);

    /* Progress: the count starts anew, and with it what is believed. */
    shortPass(&s, 28 * MB);
    shortPass(&s, 28 * MB);
    shortPass(&s, 28 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, <, 99);
}

/* --- Guests that no throttle helps --- */

/* The strongest throttle that the policy allows, %: far too little for this guest. */
#define STRONGEST 30

static void
watchBeyond(script *s,
            convergeThrottleMethod method)
{
    scriptInit(s, "adaptive,max-throttle=30", method);
    scriptSend(s, 1500);
    scriptProbe(s, 800 * MB);
    scriptPass(s, 800 * MB);
    g_assert_cmpint(convergeLoopStatus(s->loop)->class_, ==, CONVERGE_CLASS_BEYOND);
    g_assert_cmpuint(convergeLoopStatus(s->loop)->throttleTarget, ==, STRONGEST);
}

static gboolean
isInVain(const script *s)
{
    const convergeDecision *hold = scriptLast(s, CONVERGE_VERB_HOLD);

    return hold && hold->reason == CONVERGE_REASON_IN_VAIN;
}

/* Three passes without progress that found the strongest throttle in force are enough of it. */
static void
testInVainAfterThreePasses(void)
{
    g_auto(script) s = { 0 };
    int pass;

    watchBeyond(&s, CONVERGE_METHOD_VCPU_QUOTA);
    for (pass = 0; pass < 3; pass++) {
        g_assert_false(isInVain(&s));
        scriptPass(&s, 800 * MB);
    }
    g_assert_true(isInVain(&s));
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);

    /* It is said once, and is not tried again while the guest goes on like that. */
    for (pass = 0; pass < 12; pass++)
        scriptPass(&s, 800 * MB);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 2);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_THROTTLE), ==, 1);
}

/* QEMU takes a while to the strongest throttle: only passes that found it in force count, and
 * those in a row. */
static void
testInVainOnlyByTheThrottleInForce(void)
{
    static const unsigned int inForce[] = { 10, 30, 30, 20, 30, 30, 30 };
    g_auto(script) s = { 0 };
    gsize i;

    watchBeyond(&s, CONVERGE_METHOD_QEMU);
    for (i = 0; i < G_N_ELEMENTS(inForce); i++) {
        g_assert_false(isInVain(&s));
        s.sample.throttle = inForce[i];
        scriptPass(&s, 800 * MB);
    }
    g_assert_true(isInVain(&s));
}

/* While each pass leaves less than the one before, nothing is in vain. */
static void
testNotInVainWithProgress(void)
{
    g_auto(script) s = { 0 };
    double finds;

    watchBeyond(&s, CONVERGE_METHOD_VCPU_QUOTA);
    for (finds = 760 * MB; finds > 500 * MB; finds *= 0.95)
        scriptPass(&s, finds);
    g_assert_false(isInVain(&s));
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, STRONGEST);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/law/ramp-by-time", testRampByTime);
    g_test_add_func("/law/ramp-by-passes", testRampByPasses);
    g_test_add_func("/law/progressive-steps-after-bad-passes", testProgressiveStepsAfterBadPasses);
    g_test_add_func("/law/qemu-is-kept-ready", testQemuIsKeptReady);
    g_test_add_func("/law/no-throttle-in-the-bulk-pass", testNoThrottleInTheBulkPass);
    g_test_add_func("/law/changes-after-a-second-look", testChangesAfterASecondLook);
    g_test_add_func("/law/first-throttle-comes-at-once", testFirstThrottleComesAtOnce);
    g_test_add_func("/law/eight-passes-without-progress", testEightPassesWithoutProgress);
    g_test_add_func("/law/in-vain-after-three-passes", testInVainAfterThreePasses);
    g_test_add_func("/law/in-vain-only-by-the-throttle-in-force", testInVainOnlyByTheThrottleInForce);
    g_test_add_func("/law/not-in-vain-with-progress", testNotInVainWithProgress);
    return g_test_run();
}
