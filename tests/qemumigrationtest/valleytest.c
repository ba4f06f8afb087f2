/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * valleytest.c: when a valley of the guest is waited for
 */
#include <string.h>

#include "script.h"

/* A probe every five seconds: P of a peak, in which the guest has @set dirty again within two
 * seconds, V of a valley, in which it hardly writes. */
static void
watchPhases(script *s,
            const char *probes,
            double set)
{
    for (; *probes; probes++) {
        scriptSend(s, 4900);
        scriptProbe(s, (*probes == 'P' ? 0.9 * set : 2 * MB) * (100 - s->sample.throttle) / 100);
        scriptSend(s, 100);
    }
}

static void
watchPhasesInBulkPass(script *s,
                      const char *policy,
                      const char *probes,
                      double set)
{
    scriptInit(s, policy, CONVERGE_METHOD_VCPU_QUOTA);
    s->sample.totalBytes = (guint64)(12 * TOTAL);
    s->sample.remainingBytes = (guint64)(5 * BANDWIDTH) * strlen(probes);
    watchPhases(s, probes, set);
    scriptSync(s, set);
}

static gboolean
waitsForValley(const script *s)
{
    return convergeLoopStatus(s->loop)->throttleTarget == 0 &&
        scriptLast(s, CONVERGE_VERB_HOLD)->reason == CONVERGE_REASON_VALLEY;
}

/* A valley is waited for where that is cheaper than a throttle, the valley is long enough to
 * send what is dirty, and the deadline can be kept. */
static void
testWaitsForValleyWhereItPays(void)
{
    static const struct {
        const char *policy;
        const char *probes;
        double set;
        gboolean waits;
    } rows[] = {
        { "adaptive", "PPPVVVPPPVVVPPP", 500 * MB, TRUE },
        { "adaptive", "PPPVVVPPPVVVPP", 500 * MB, FALSE }, /* too long until it comes */
        { "adaptive", "PPPVVPPPVVPPP", 500 * MB, TRUE },
        { "adaptive", "PPPVVPPPVVPPP", 1200 * MB, FALSE }, /* too short */
        { "adaptive,deadline=90s", "PPPVVVPPPVVVPPP", 500 * MB, TRUE },
        { "adaptive,deadline=79s", "PPPVVVPPPVVVPPP", 500 * MB, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };

        g_test_message("%s %s %.0f MB", rows[i].policy, rows[i].probes, rows[i].set / MB);
        watchPhasesInBulkPass(&s, rows[i].policy, rows[i].probes, rows[i].set);
        g_assert_cmpint(waitsForValley(&s), ==, rows[i].waits);
    }
}

/* How long it is waited at most is decided once, however long the valley is.  If that was in vain,
 * no other one is waited for. */
static void
testWaitsForValleyOnce(void)
{
    g_auto(script) s = { 0 };
    int i;

    watchPhasesInBulkPass(&s, "adaptive", "PPPPPPVVVVVVPPPPPPVVVVVVPPPPPP", 500 * MB);
    g_assert_true(waitsForValley(&s));
    g_assert_cmpuint(scriptCount(&s, CONVERGE_VERB_HOLD), ==, 2); /* the first one at the start */

    /* The valley is there, but what the probes do not see is dirty all the same. */
    for (i = 0; i < 4; i++) {
        watchPhases(&s, "V", 500 * MB);
        scriptSync(&s, 400 * MB);
    }
    g_assert_false(waitsForValley(&s));
    for (i = 0; i < 3; i++) {
        watchPhases(&s, "VVPPPPPPVVV", 500 * MB);
        scriptSync(&s, 400 * MB);
        g_assert_false(waitsForValley(&s));
    }
}

/* What a throttle in force has cost already would be spent for nothing. */
static void
testNoWaitingUnderAThrottle(void)
{
    g_auto(script) s = { 0 };

    watchPhasesInBulkPass(&s, "adaptive", "PPPVVPPPVVPPP", 1200 * MB);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >, 0);
    /* In this one the rest could be sent. */
    watchPhases(&s, "V", 1200 * MB);
    s.sample.remainingBytes = (guint64)(200 * MB);
    scriptProbe(&s, 2 * MB);
    g_assert_false(waitsForValley(&s));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/valley/waits-for-valley-where-it-pays", testWaitsForValleyWhereItPays);
    g_test_add_func("/valley/waits-for-valley-once", testWaitsForValleyOnce);
    g_test_add_func("/valley/no-waiting-under-a-throttle", testNoWaitingUnderAThrottle);
    return g_test_run();
}
