/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commandtest.c: commands of the loop, where they fail or come too late
 */
#include <string.h>

#include "script.h"

/* A command may fail because the migration is over, or is being handed over: that is no trouble. */
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
        scriptSend(&s, 1500);
        scriptProbe(&s, 300 * MB);
        scriptSend(&s, 1500);
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
    scriptSend(&s, 1500);
    scriptProbe(&s, 300 * MB);
    scriptSend(&s, 1500);
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

/* The choice of a throttle may fail because the migration is over: that is no trouble either. */
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

/* A throttle that cannot be kept in force three times in a row is trouble, unless the migration is over.  The backend is
 * polled also afterwards, so that it can try again to put things back. */
static void
testThrottleThatIsNotKeptIsTrouble(void)
{
    static const struct {
        gboolean over, unrecorded;
        convergeState state;
    } rows[] = {
        { FALSE, FALSE, CONVERGE_STATE_ASIDE },
        { FALSE, TRUE, CONVERGE_STATE_UNRECORDED },
        { TRUE, FALSE, CONVERGE_STATE_BULK },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };
        gboolean trouble = !rows[i].over;
        unsigned int polls;
        int turn;

        scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
        scriptSend(&s, 1000);
        g_assert_null(convergeLoopTrouble(s.loop));
        g_assert_cmpuint(s.polls, >, 0);

        s.failingPoll = TRUE;
        s.unrecorded = rows[i].unrecorded;
        s.afterApply = s.sample;
        s.afterApply.active = !rows[i].over;
        s.nsaid = 0;
        for (turn = 0; turn < 3; turn++) {
            g_assert_null(convergeLoopTrouble(s.loop));
            g_assert_cmpuint(s.restores, ==, 0);
            s.sample.active = TRUE;
            convergeLoopStep(s.loop);
        }
        g_assert_cmpint(convergeLoopTrouble(s.loop) != NULL, ==, trouble);
        g_assert_cmpint(convergeLoopStatus(s.loop)->state, ==, rows[i].state);
        g_assert_cmpuint(s.restores, ==, trouble);

        polls = s.polls;
        convergeLoopStep(s.loop);
        g_assert_cmpuint(s.polls, ==, polls + trouble);
        g_assert_cmpuint(s.restores, ==, trouble);
        g_assert_cmpuint(s.nsaid, ==, 0);
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
        { FALSE, TRUE, TRUE, CONVERGE_STATE_POSTCOPY }, /* by another client */
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

/* A pause allowed from outside is a ceiling.  The loop tells QEMU of it once more, since the
 * caller may have told QEMU after the loop did; where nothing changes, the loop is silent. */
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command/late-command-is-no-trouble", testLateCommandIsNoTrouble);
    g_test_add_func("/command/acts-no-more-once-aside", testActsNoMoreOnceAside);
    g_test_add_func("/command/throttle-that-is-not-kept-is-trouble",
                    testThrottleThatIsNotKeptIsTrouble);
    g_test_add_func("/command/late-choice-is-no-trouble", testLateChoiceIsNoTrouble);
    g_test_add_func("/command/stepped-law-is-qemus", testSteppedLawIsQemus);
    g_test_add_func("/command/aside-says-what-failed", testAsideSaysWhatFailed);
    g_test_add_func("/command/reason-never-ends-in-half-a-character", testReasonNeverEndsInHalfACharacter);
    g_test_add_func("/command/postcopy-is-not-done", testPostcopyIsNotDone);
    g_test_add_func("/command/ceiling-is-told-once", testCeilingIsToldOnce);
    g_test_add_func("/command/no-ceiling-after-a-rung", testNoCeilingAfterARung);
    g_test_add_func("/command/released-only-of-a-migration", testReleasedOnlyOfAMigration);
    return g_test_run();
}
