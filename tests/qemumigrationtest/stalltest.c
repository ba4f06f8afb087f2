/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stalltest.c: no progress for some time, and the local minimum at which a rung is taken
 */
#include "engine/ladder.h"
#include "script.h"

#define MARGIN 4

/* Passes that end every @everyMs and leave what @left has, over and over from @again on; returns the number of
 * the pass that calls for a rung, or -1. */
static int
dueAt(const guint64 *left,
      int n,
      int again,
      gint64 everyMs,
      gint64 allowedMs,
      int passes)
{
    convergeStall stall = { 0 };
    int i;

    for (i = 0; i < passes; i++) {
        int at = i < n ? i : again + (i - again) % (n - again);

        convergeStallNotePass(&stall, i * everyMs, left[at], allowedMs, MARGIN);
        if (stall.due)
            return i;
    }
    return -1;
}

/* It counts by time, however fast the passes follow each other. */
static void
testByTime(void)
{
    static const guint64 same[] = { 500 };

    g_assert_cmpint(dueAt(same, 1, 0, 1000, 40000, 39), ==, -1);
    g_assert_cmpint(dueAt(same, 1, 0, 1000, 40000, 100), ==, 40);
    g_assert_cmpint(dueAt(same, 1, 0, 100, 40000, 1000), ==, 400);
    g_assert_cmpint(dueAt(same, 1, 0, 10000, 40000, 100), ==, 4);
    g_assert_cmpint(dueAt(same, 1, 0, 1, 31, 100), ==, 31);
}

/* What still shrinks by more than the margin is progress. */
static void
testProgress(void)
{
    guint64 left[1000];
    int i;

    for (i = 0; i < 1000; i++)
        left[i] = 1000000 - i * 900;
    /* 36,000 in 40 s: 3.6 % at first. */
    g_assert_cmpint(dueAt(left, 1000, 0, 1000, 40000, 1000), ==, 40);
    for (i = 0; i < 1000; i++)
        left[i] = 1000000 - i * 990;
    /* 39,600 of 1,000,000 is still less than 4 %; 4 s later it is 4.3 %. */
    g_assert_cmpint(dueAt(left, 1000, 0, 1000, 44000, 1000), ==, -1);
}

/* What is left goes up and down: the rung is taken at the bottom. */
static void
testLocalMinimum(void)
{
    static const guint64 wave[] = { 500, 600, 700, 800, 700, 600 };
    static const guint64 once[] = { 100, 600, 700, 800, 700, 600 };
    int at = dueAt(wave, 6, 0, 1000, 39500, 1000);

    /* Pass 40 has stalled at 700; 42 is the next one at the bottom. */
    g_assert_cmpint(at, ==, 42);
    /* The lucky pass at the beginning does not come again: after 40 s more, the next least is taken. */
    at = dueAt(once, 6, 1, 1000, 40000, 1000);
    g_assert_cmpint(at, >=, 80);
    g_assert_cmpint(at, <, 86);
    g_assert_cmpint(once[1 + (at - 1) % 5], ==, 600);
}

/* Each time that the least is not reached again, the next one is waited for half as long: 40 s from pass 40
 * on, then 20 s. */
static void
testPatience(void)
{
    guint64 left[200];
    int i;

    for (i = 0; i < 200; i++)
        left[i] = 600;
    left[0] = 100;
    left[60] = 500;
    g_assert_cmpint(dueAt(left, 200, 0, 1000, 40000, 200), ==, 100);
}

/* In a migration that does not converge, with @policy; returns when it is given up, ms, or -1. */
static gint64
takenAt(const char *policy)
{
    g_auto(script) s;
    gint64 startMs;
    int i;

    scriptInit(&s, policy, CONVERGE_METHOD_QEMU);
    startMs = s.sample.timeMs;
    for (i = 0; i < 100 && scriptCount(&s, CONVERGE_VERB_ABORT) == 0; i++)
        scriptPass(&s, 200 * MB);
    if (scriptCount(&s, CONVERGE_VERB_ABORT) == 0)
        return -1;
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_ABORT)->reason, ==, CONVERGE_REASON_STALL_TIME);
    return s.sample.timeMs - startMs;
}

static void
testRung(void)
{
    gint64 at = takenAt("stepped,stall-time=40s,fallback=abort");

    /* The bulk pass takes 3 s, and each other one 2 s. */
    g_assert_cmpint(at, >=, 43000);
    g_assert_cmpint(at, <=, 46000);
    g_assert_cmpint(takenAt("stepped,stall-time=10s,fallback=abort"), <=, 16000);
    g_assert_cmpint(takenAt("stepped,fallback=abort"), ==, -1);
}

/* The guard: what is left must be sent in twice the deadline, at the bandwidth of now. */
static void
testGuard(void)
{
    static const struct {
        const char *policy;
        double bandwidth;
        convergeNews news;
        gboolean due;
    } rows[] = {
        { "adaptive,deadline=1min,stall-time=10s,fallback=post-copy", BANDWIDTH, CONVERGE_NEWS_PASS, TRUE },
        /* Not in the middle of a pass. */
        { "adaptive,deadline=1min,stall-time=10s,fallback=post-copy", BANDWIDTH, CONVERGE_NEWS_NONE, FALSE },
        /* 75 s, then 150 s; 30 s of the 120 s have gone by. */
        { "adaptive,deadline=1min,stall-time=10s,fallback=post-copy", 4 * MB, CONVERGE_NEWS_PASS, TRUE },
        { "adaptive,deadline=1min,stall-time=10s,fallback=post-copy", 2 * MB, CONVERGE_NEWS_PASS, FALSE },
        { "adaptive,stall-time=10s,fallback=post-copy", 2 * MB, CONVERGE_NEWS_PASS, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergePolicy) policy = convergePolicyParse(rows[i].policy, NULL);
        convergeModel model = {
            .bandwidth = rows[i].bandwidth,
            .recentBandwidth = rows[i].bandwidth,
            .slowMs = -1,
            .windowMs = 30000,
            .pass.n = 1,
            .last = { .active = TRUE, .timeMs = 30000, .totalBytes = 1000000000, .remainingBytes = 300000000 },
        };
        const convergeControlState state = { .policy = policy, .postcopy = CONVERGE_POSTCOPY_AVAILABLE };
        convergeLadder ladder = { .stall.due = TRUE };
        convergeDecision decisions[2];
        unsigned int n = convergeLadderDecide(&ladder, &state, &model, rows[i].news, decisions);

        g_test_message("row %" G_GSIZE_FORMAT, i);
        g_assert_cmpuint(n, ==, rows[i].due ? 1 : 0);
        if (n > 0)
            g_assert_cmpint(decisions[0].reason, ==, CONVERGE_REASON_STALL_TIME);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stall/by-time", testByTime);
    g_test_add_func("/stall/progress", testProgress);
    g_test_add_func("/stall/local-minimum", testLocalMinimum);
    g_test_add_func("/stall/patience", testPatience);
    g_test_add_func("/stall/rung", testRung);
    g_test_add_func("/stall/guard", testGuard);
    return g_test_run();
}
