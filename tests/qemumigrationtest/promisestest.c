/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * promisestest.c: what the loop promises, one test for each promise
 */
#include <string.h>

#include "script.h"

/* --- Limits of the policy --- */

/* "stall" is how many passes without progress are allowed; the last of them is enough. */
static void
testStallCountsPasses(void)
{
    unsigned int stall, pass;

    for (stall = 1; stall <= 4; stall++) {
        g_autofree char *policy = g_strdup_printf("stepped,fallback=suspend,stall=%u", stall);
        g_auto(script) s = { 0 };

        scriptInit(&s, policy, CONVERGE_METHOD_QEMU);
        scriptSend(&s, 3000);
        scriptSync(&s, 400 * MB);           /* what later ones are measured by */
        for (pass = 1; pass <= stall; pass++) {
            g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
            scriptSend(&s, 1000);
            scriptSync(&s, 400 * MB);
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
        double share;               /* of the best one that later passes leave */
        unsigned int suspends;
    } rows[] = { { 1.2, 1 }, { 0.999, 1 }, { 0.97, 1 }, { 0.95, 0 }, { 0.5, 0 } };
    gsize i;
    int pass;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, "stepped,fallback=suspend,stall=3", CONVERGE_METHOD_QEMU);
        scriptSend(&s, 3000);
        scriptSync(&s, 400 * MB);
        for (pass = 0; pass < 3; pass++) {
            scriptSend(&s, 1000);
            scriptSync(&s, rows[i].share * 400 * MB);
        }
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

/* The first sync ends no pass: "passes" counts those after it. */
static void
testPassesCountAfterTheFirstSync(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "stepped,passes=2,fallback=suspend", CONVERGE_METHOD_QEMU);
    scriptSend(&s, 3000);
    scriptSync(&s, 400 * MB);
    scriptSend(&s, 1000);
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_SUSPEND), ==, 0);
    scriptSync(&s, 400 * MB);
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
        gint64 ms;                  /* after the link has failed */
        double carries;             /* then, bytes/s */
        unsigned int postcopies;
    } rows[] = {
        { 200, BANDWIDTH, 1 },
        { 200, 0.3 * BANDWIDTH, 0 },        /* seen in the window that has begun */
        { 400, 0.3 * BANDWIDTH, 0 },        /* ...and in the last one */
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

/* --- Commands --- */

/* A command that came too late has failed for the best of reasons. */
static void
testLateCommandIsNoTrouble(void)
{
    static const struct {
        const char *what;
        gboolean over, unreachable, paused;
        gboolean trouble;
    } rows[] = {
        { "the migration goes on", FALSE, FALSE, FALSE, TRUE },
        { "the migration is over", TRUE, FALSE, FALSE, FALSE },
        { "the guest stands still", FALSE, FALSE, TRUE, FALSE },
        { "nothing can be learnt", FALSE, TRUE, FALSE, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        g_test_message("%s", rows[i].what);
        scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
        scriptSend(&s, 3000);
        s.refusing = TRUE;
        s.unreachableAfterApply = rows[i].unreachable;
        s.afterApply = s.sample;
        s.afterApply.active = !rows[i].over;
        s.afterApply.paused = rows[i].paused;
        s.nsaid = 0;
        scriptSync(&s, 400 * MB);

        g_assert_cmpuint(s.nsaid, >, 0);
        g_assert_cmpint(convergeLoopTrouble(s.loop) != NULL, ==, rows[i].trouble);
        g_assert_cmpint(convergeStateIsAside(convergeLoopStatus(s.loop)->state), ==,
                        rows[i].trouble);
        g_assert_cmpuint(s.restores, ==, rows[i].trouble ? 1 : 0);
    }
}

/* What was refused is taken back once, and nothing is asked for any more. */
static void
testActsNoMoreOnceAside(void)
{
    g_auto(script) s = { 0 };
    unsigned int said, probes;

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    scriptSend(&s, 3000);
    s.sample.probeId = 1;
    s.sample.probeMs = 1000;
    s.refusing = TRUE;
    scriptSync(&s, 400 * MB);
    g_assert_cmpint(convergeLoopStatus(s.loop)->state, ==, CONVERGE_STATE_ASIDE);
    said = s.nsaid;
    probes = s.probes;
    scriptSend(&s, 4000);
    scriptSync(&s, 400 * MB);
    g_assert_cmpuint(s.nsaid, ==, said);
    g_assert_cmpuint(s.probes, ==, probes);
    g_assert_cmpuint(s.restores, ==, 1);
}

/* What there is to choose from may not be known any more when the migration is over: that is
 * no trouble either. */
static void
testLateChoiceIsNoTrouble(void)
{
    int over;

    for (over = 0; over < 2; over++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
        s.failingChoice = TRUE;
        s.afterApply = s.sample;
        s.afterApply.active = over == 0;
        convergeLoopStep(s.loop);
        g_assert_cmpint(convergeLoopTrouble(s.loop) != NULL, ==, over == 0);
        g_assert_cmpuint(s.restores, ==, over == 0);
    }
}

/* The stepped law is QEMU's own, whatever the policy wants to throttle with. */
static void
testSteppedLawIsQemus(void)
{
    static const struct {
        const char *policy;
        convergeThrottleMethod wanted;
    } rows[] = {
        { "stepped,actuator=vcpu-quota", CONVERGE_METHOD_QEMU },
        { "adaptive,throttle=none,actuator=vcpu-quota", CONVERGE_METHOD_QEMU },
        { "adaptive,actuator=vcpu-quota", CONVERGE_METHOD_VCPU_QUOTA },
        { "adaptive,throttle=progressive,actuator=dirty-limit", CONVERGE_METHOD_DIRTY_LIMIT },
        { "adaptive", CONVERGE_METHOD_AUTO },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, rows[i].policy, CONVERGE_METHOD_QEMU);
        convergeLoopStep(s.loop);
        g_assert_cmpint(s.wanted, ==, rows[i].wanted);
    }
}

/* Why the loop stands aside stays to be seen, with what could not be put back. */
static void
testAsideSaysWhatFailed(void)
{
    int unrecorded, kept;

    for (unrecorded = 0; unrecorded < 2; unrecorded++) {
        for (kept = 0; kept < 2; kept++) {
            g_auto(script) s = { 0 };

            scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
            scriptSend(&s, 1500);
            scriptProbe(&s, 250 * MB);
            scriptPass(&s, 300 * MB);
            g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >, 0);
            s.refusing = TRUE;
            s.unrecorded = unrecorded != 0;
            s.failingRestore = kept != 0;
            convergeLoopSetCeiling(s.loop, 50);
            convergeLoopStep(s.loop);

            g_assert_cmpint(convergeLoopStatus(s.loop)->state, ==,
                            unrecorded ? CONVERGE_STATE_UNRECORDED : CONVERGE_STATE_ASIDE);
            g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);
            g_assert_nonnull(strstr(convergeLoopTrouble(s.loop), "the script refuses"));
            g_assert_true((strstr(convergeLoopTrouble(s.loop), "the script keeps it") != NULL) ==
                          (kept != 0));
        }
    }
}

/* Clients decode what they are told: it never ends in half a character. */
static void
testReasonNeverEndsInHalfACharacter(void)
{
    gsize lead;

    for (lead = 0; lead < 4; lead++) {
        g_auto(script) s = { 0 };
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        g_string_append_printf(text, "%.*s", (int)lead, "xxxx");
        while (text->len < 1000)
            g_string_append(text, "\xe2\x82\xac");
        scriptInit(&s, "adaptive", CONVERGE_METHOD_QEMU);
        error = g_error_new_literal(CONVERGE_ERROR, CONVERGE_ERROR_QEMU, text->str);
        convergeLoopStandAside(s.loop, error);
        g_assert_true(g_utf8_validate(convergeLoopStatus(s.loop)->reason, -1, NULL));
        g_assert_cmpuint(strlen(convergeLoopStatus(s.loop)->reason), >, 500);
    }
}

/* libvirt calls it a success once the guest runs at the destination; with post-copy memory is
 * still on its way then. */
static void
testPostcopyIsNotDone(void)
{
    static const struct {
        gboolean switched, seen, succeeded;
        convergeState state;
    } rows[] = {
        { FALSE, FALSE, TRUE, CONVERGE_STATE_DONE },
        { TRUE, FALSE, TRUE, CONVERGE_STATE_POSTCOPY },
        { FALSE, TRUE, TRUE, CONVERGE_STATE_POSTCOPY },     /* by somebody else */
        { FALSE, FALSE, FALSE, CONVERGE_STATE_FAILED },
        { TRUE, TRUE, FALSE, CONVERGE_STATE_FAILED },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        scriptInit(&s, rows[i].switched ? "post-copy" : "adaptive", CONVERGE_METHOD_QEMU);
        scriptPass(&s, 100 * MB);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_POSTCOPY), ==, rows[i].switched);
        s.sample.postcopy = rows[i].seen;
        convergeLoopStep(s.loop);
        convergeLoopEnd(s.loop, rows[i].succeeded, s.sample.timeMs);
        g_assert_cmpint(convergeLoopStatus(s.loop)->state, ==, rows[i].state);
    }
}

/* --- A pause allowed from outside --- */

/* It is a ceiling, and told to QEMU once more, since whoever has set it may have told QEMU
 * after the loop: once, and not again where nothing changes. */
static void
testCeilingIsToldOnce(void)
{
    static const struct {
        gint64 ceiling;
        gint64 told;
        unsigned int times;
    } rows[] = { { 400, 100, 1 }, { 60, 60, 2 }, { 60, 60, 2 }, { 30, 30, 3 } };
    g_auto(script) s = { 0 };
    unsigned int before;
    gsize i;

    scriptInit(&s, "adaptive,throttle=none,downtime=adaptive,initial-downtime=100ms", CONVERGE_METHOD_QEMU);
    convergeLoopStep(s.loop);
    before = scriptCount(&s, CONVERGE_VERB_DOWNTIME);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeLoopSetCeiling(s.loop, rows[i].ceiling);
        scriptSend(&s, 200);
        g_assert_cmpint(convergeLoopStatus(s.loop)->downtimeMs, ==, rows[i].told);
        g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_DOWNTIME), ==, before + rows[i].times);
    }
}

/* A rung is the last word of its turn. */
static void
testNoCeilingAfterARung(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive,passes=1,fallback=suspend", CONVERGE_METHOD_QEMU);
    scriptSend(&s, 3000);
    convergeLoopSetCeiling(s.loop, 50);
    scriptSync(&s, 100 * MB);
    scriptSend(&s, 300);
    g_assert_cmpint(s.said[s.nsaid - 1].verb, ==, CONVERGE_VERB_SUSPEND);
}

/* The throttle is let go of when QEMU has ended a migration, but not before there was one. */
static void
testReleasedOnlyOfAMigration(void)
{
    g_auto(script) s = { 0 };

    scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    s.sample.active = FALSE;
    convergeLoopStep(s.loop);
    g_assert_cmpuint(s.releases, ==, 0);
    s.sample.active = TRUE;
    convergeLoopStep(s.loop);
    g_assert_cmpuint(s.releases, ==, 0);
    s.sample.active = FALSE;
    convergeLoopStep(s.loop);
    g_assert_cmpuint(s.releases, ==, 1);
}

/* --- Turns and probes --- */

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
    scriptSend(&s, 500);            /* the first probe has begun at the first look */
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
        gint64 leftMs;              /* of the bulk pass */
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
        s.sample.probeId = 1;       /* has ended without a result: the next one is due */
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
        { "adaptive", 1 }, { "stepped", 0 }, { "adaptive,throttle=none", 0 },
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
 * longer the bulk pass has taken; after one that was spoilt there is none. */
static void
testPauseBetweenProbes(void)
{
    static const struct {
        double memory;
        gint64 bulkMs;              /* so far */
        gint64 probeMs;             /* 0: it was spoilt */
        gint64 leastMs, mostMs;     /* of the pause */
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
        CONVERGE_METHOD_VCPU_QUOTA, CONVERGE_METHOD_DIRTY_LIMIT,
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
    g_test_add_func("/promises/stall-counts-passes", testStallCountsPasses);
    g_test_add_func("/promises/little-less-is-no-progress", testLittleLessIsNoProgress);
    g_test_add_func("/promises/rung-is-taken-once", testRungIsTakenOnce);
    g_test_add_func("/promises/nothing-after-a-rung", testNothingAfterARung);
    g_test_add_func("/promises/passes-count-after-the-first-sync", testPassesCountAfterTheFirstSync);
    g_test_add_func("/promises/deadline-without-bandwidth", testDeadlineWithoutBandwidth);
    g_test_add_func("/promises/deadline-spares-what-is-as-good-as-done", testDeadlineSparesWhatIsAsGoodAsDone);
    g_test_add_func("/promises/transfer-factor-of-a-huge-guest", testTransferFactorOfAHugeGuest);
    g_test_add_func("/promises/no-postcopy-on-failing-link", testNoPostcopyOnFailingLink);
    g_test_add_func("/promises/late-command-is-no-trouble", testLateCommandIsNoTrouble);
    g_test_add_func("/promises/late-choice-is-no-trouble", testLateChoiceIsNoTrouble);
    g_test_add_func("/promises/stepped-law-is-qemus", testSteppedLawIsQemus);
    g_test_add_func("/promises/aside-says-what-failed", testAsideSaysWhatFailed);
    g_test_add_func("/promises/reason-never-ends-in-half-a-character", testReasonNeverEndsInHalfACharacter);
    g_test_add_func("/promises/postcopy-is-not-done", testPostcopyIsNotDone);
    g_test_add_func("/promises/ceiling-is-told-once", testCeilingIsToldOnce);
    g_test_add_func("/promises/no-ceiling-after-a-rung", testNoCeilingAfterARung);
    g_test_add_func("/promises/acts-no-more-once-aside", testActsNoMoreOnceAside);
    g_test_add_func("/promises/released-only-of-a-migration", testReleasedOnlyOfAMigration);
    g_test_add_func("/promises/rare-looks-when-blind", testRareLooksWhenBlind);
    g_test_add_func("/promises/turns-are-few-and-in-time", testTurnsAreFewAndInTime);
    g_test_add_func("/promises/no-probe-into-end-of-bulk-pass", testNoProbeIntoEndOfBulkPass);
    g_test_add_func("/promises/refused-probe-is-not-asked-for-again", testRefusedProbeIsNotAskedForAgain);
    g_test_add_func("/promises/probes-only-for-the-adaptive-law", testProbesOnlyForTheAdaptiveLaw);
    g_test_add_func("/promises/no-probe-of-a-paused-guest", testNoProbeOfAPausedGuest);
    g_test_add_func("/promises/pause-between-probes", testPauseBetweenProbes);
    g_test_add_func("/promises/probe-starts-with-throttle", testProbeStartsWithThrottle);
    return g_test_run();
}
