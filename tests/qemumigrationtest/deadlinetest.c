/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadlinetest.c: when a rung is taken for the deadline, and how a pause is watched
 */
#include "engine/ladder.h"
#include "script.h"
#include "throttle/throttle.h"

/* A ladder in the middle of a migration that does not converge. */
typedef struct _scene scene;
struct _scene {
    convergePolicy *policy;
    convergeModel model;
    convergeControlState state;
    convergeLadder ladder;
    convergeDecision said[2];
    unsigned int nsaid; /* in the last turn */
};

static void
sceneClear(scene *s)
{
    convergePolicyFree(s->policy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(scene, sceneClear)

/* Always 300 MB are left, and hardly any are dirtied since the last sync: a stop-and-copy takes
 * 3 s. */
#define COPY_MS 3000

static void
sceneInit(scene *s,
          const char *policy)
{
    convergeGuest guest = { 1 * MB, 1, 1, 0, 0 };
    g_autoptr(GError) error = NULL;

    *s = (scene) {
        .policy = convergePolicyParse(policy, &error),
        .model = {
            .bandwidth = BANDWIDTH,
            .usualBandwidth = BANDWIDTH,
            .recentBandwidth = BANDWIDTH,
            .nWindows = 100,
            .slowMs = -1,
            .guest = guest,
            .least = guest,
            .most = guest,
            .pass.n = 1,
        },
    };
    g_assert_no_error(error);
    s->model.last = (convergeSample) {
        .active = TRUE,
        .iteration = 2,
        .totalBytes = 1000000000,
        .remainingBytes = 300000000,
    };
    s->state.policy = s->policy;
    s->state.postcopy = CONVERGE_POSTCOPY_AVAILABLE;
    s->state.throttle = &convergeThrottles[CONVERGE_METHOD_VCPU_QUOTA]->traits;
    s->state.overheadMs = CONVERGE_PAUSE_OVERHEAD_MS;
}

/* A turn at @ms from the start; returns what is done. */
static convergeVerb
turn(scene *s,
     gint64 ms)
{
    s->model.last.timeMs = s->model.syncMs = s->model.windowMs = ms;
    convergeControlResolve(&s->state, &s->model);
    s->nsaid = s->model.last.paused || s->ladder.suspendedMs > 0 ?
        convergeLadderWatchPause(&s->ladder, &s->state, &s->model, s->said) :
        s->ladder.fallbackTaken && !convergeLadderNextIsDue(&s->ladder, &s->state, &s->model) ?
        0 :
        convergeLadderDecide(&s->ladder, &s->state, &s->model, CONVERGE_NEWS_NONE, s->said);
    return s->nsaid > 0 ? s->said[s->nsaid - 1].verb : CONVERGE_VERB_LAST;
}

/* When the first rung is taken, with a turn every 100 ms; -1: not within two minutes. */
static gint64
takenAt(scene *s,
        convergeVerb *verb)
{
    gint64 ms;

    for (ms = 0; ms < 120000; ms += 100) {
        *verb = turn(s, ms);
        if (*verb != CONVERGE_VERB_LAST && *verb != CONVERGE_VERB_SKIP)
            return ms;
    }
    return -1;
}

/* Each rung is taken when there is just time enough for it, which differs from rung to rung: with
 * the error of the estimate, and the time until the next sample, on the safe side. */
static void
testJustInTime(void)
{
    static const struct {
        const char *policy;
        double error; /* of the bandwidth */
        convergeVerb verb;
        gint64 earliest, latest;
    } rows[] = {
        { "adaptive,deadline=30s,fallback=suspend", 0, CONVERGE_VERB_SUSPEND, 26000, 30000 - COPY_MS - 15 },
        { "adaptive,deadline=30s,fallback=suspend", 0.2, CONVERGE_VERB_SUSPEND, 25000, 30000 - 12 * COPY_MS / 10 },
        { "adaptive,deadline=30s,fallback=suspend", 5, CONVERGE_VERB_SUSPEND, 24000, 30000 - COPY_MS },
        { "adaptive,deadline=30s,fallback=post-copy", 0, CONVERGE_VERB_POSTCOPY, 28000, 29000 },
        { "adaptive,deadline=30s,fallback=abort", 0, CONVERGE_VERB_ABORT, 29400, 30000 },
        { "adaptive,fallback=suspend", 0, CONVERGE_VERB_LAST, -1, -1 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };
        convergeVerb verb;
        gint64 at;

        sceneInit(&s, rows[i].policy);
        s.model.bandwidthError = rows[i].error;
        at = takenAt(&s, &verb);
        g_test_message("%s, error %.1f: %" G_GINT64_FORMAT, rows[i].policy, rows[i].error, at);
        g_assert_cmpint(verb, ==, rows[i].verb);
        g_assert_cmpint(at, >=, rows[i].earliest);
        g_assert_cmpint(at, <=, rows[i].latest);
        if (at >= 0)
            g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_DEADLINE);
    }
}

/* Zero pages and the first moments are no rate.  Before the estimate has settled, or while the link
 * carries next to nothing, no rung is taken before the deadline itself. */
static void
testUnsettledNeverFiresEarly(void)
{
    static const struct {
        unsigned int nWindows;
        gint64 slowMs; /* since when; -1: not */
        double bandwidth;
    } rows[] = {
        { 0, -1, 0 },
        { 3, -1, 1 * MB },
        { 9, -1, BANDWIDTH },
        { 100, 0, BANDWIDTH },
    };
    static const char *const policies[] = {
        "adaptive,deadline=30s,fallback=suspend",
        "adaptive,deadline=30s,fallback=post-copy",
        "nova,deadline=30s",
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; j < G_N_ELEMENTS(policies); j++) {
            g_auto(scene) s = { 0 };
            convergeVerb verb;
            gint64 at;

            sceneInit(&s, policies[j]);
            s.model.nWindows = rows[i].nWindows;
            s.model.slowMs = rows[i].slowMs;
            s.model.bandwidth = rows[i].bandwidth;
            at = takenAt(&s, &verb);
            g_test_message("%s, %u windows: %" G_GINT64_FORMAT, policies[j], rows[i].nWindows, at);
            /* Over a link that carries next to nothing, a pause has no end that could be foretold. */
            if (rows[i].slowMs >= 0 && j == 0)
                g_assert_cmpint(at, ==, -1);
            else
                g_assert_cmpint(at, >=, verb == CONVERGE_VERB_ABORT ? 29400 : 30000);
        }
    }
}

/* A rung that cannot keep the deadline any more, not even at the best of luck, waits for it: until
 * then the migration may end by itself. */
static void
testTooLateWaits(void)
{
    g_auto(scene) s = { 0 };
    convergeVerb verb;

    sceneInit(&s, "adaptive,deadline=30s,fallback=suspend");
    s.model.last.remainingBytes = s.model.last.totalBytes = 8000000000; /* 80 s */
    g_assert_cmpint(takenAt(&s, &verb), ==, 30000);
    g_assert_cmpint(verb, ==, CONVERGE_VERB_SUSPEND);
}

/* What is predicted to end in time anyway is left alone; at the deadline it is not in time. */
static void
testGoodPredictionIsLeftAlone(void)
{
    static const struct {
        gint64 remainingMs;
        gint64 at;
    } rows[] = { { 100, 30000 }, { 20000, 26400 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };
        convergeVerb verb;
        gint64 at;

        sceneInit(&s, "adaptive,deadline=30s,fallback=suspend");
        s.state.prediction = (convergePrediction) {
            .converges = TRUE,
            .remainingMs = rows[i].remainingMs,
        };
        at = takenAt(&s, &verb);
        if (rows[i].at == 30000)
            g_assert_cmpint(at, >, 30000 - COPY_MS);
        else
            g_assert_cmpint(at, <=, 30000 - COPY_MS);
    }
}

/* A pause whose end cannot be foretold is not begun: the link has to live. */
static void
testSuspendNeedsALink(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,passes=1,fallback=suspend");
    s.model.recentBandwidth = 0.01 * BANDWIDTH;
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_LAST);
    s.model.recentBandwidth = BANDWIDTH;
    s.model.slowMs = 9000;
    g_assert_cmpint(turn(&s, 10100), ==, CONVERGE_VERB_LAST);
    s.model.slowMs = -1;
    g_assert_cmpint(turn(&s, 10200), ==, CONVERGE_VERB_SUSPEND);
}

/* A slow link that is always so is no dead one. */
static void
testSuspendOverASlowLink(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,passes=1,fallback=suspend");
    s.model.bandwidth = s.model.usualBandwidth = s.model.recentBandwidth = 0.25 * MB;
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_SUSPEND);
}

/* Once somebody else has let the guest run, a later pause is theirs. */
static void
testResumedByOthers(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,passes=1,fallback=suspend");
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_SUSPEND);
    s.model.last.paused = TRUE;
    g_assert_cmpint(turn(&s, 10100), ==, CONVERGE_VERB_LAST);
    s.model.last.paused = FALSE;
    g_assert_cmpint(turn(&s, 10200), ==, CONVERGE_VERB_LAST);
    s.model.last.paused = TRUE;
    g_assert_cmpint(turn(&s, 600000), ==, CONVERGE_VERB_LAST);
}

/* A pause that takes much longer than was foretold ends, and is begun again when there is a link
 * again, twice at most. */
static void
testOverduePauseEnds(void)
{
    g_auto(scene) s = { 0 };
    gint64 now = 10000;
    int i;

    sceneInit(&s, "adaptive,passes=1,fallback=suspend");
    for (i = 0; i < 3; i++) {
        gint64 paused = now;

        s.model.recentBandwidth = BANDWIDTH;
        g_assert_cmpint(turn(&s, now), ==, CONVERGE_VERB_SUSPEND);
        s.model.last.paused = TRUE;
        s.model.recentBandwidth = 0;
        while (turn(&s, now) == CONVERGE_VERB_LAST && now < paused + 60000)
            now += 100;
        g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_RESUME);
        g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_OVERDUE);
        /* Not before it is clear that it takes longer, and not much later. */
        g_assert_cmpint(now - paused, >=, 2 * COPY_MS);
        g_assert_cmpint(now - paused, <=, 3 * COPY_MS + 2000);

        s.model.last.paused = FALSE;
        g_assert_cmpint(turn(&s, now + 100), ==, CONVERGE_VERB_LAST);
        now += 1000;
    }
    s.model.recentBandwidth = BANDWIDTH;
    g_assert_cmpint(turn(&s, now), ==, CONVERGE_VERB_LAST);
}

/* What somebody else has paused is not resumed. */
static void
testOthersPausesAreTheirs(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,passes=5,fallback=suspend");
    s.model.last.paused = TRUE;
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_LAST);
    g_assert_cmpint(turn(&s, 600000), ==, CONVERGE_VERB_LAST);
}

/* The policy bounds a pause: one that would take longer is skipped, and one that does is ended. */
static void
testMaxSuspend(void)
{
    g_auto(scene) s = { 0 };
    g_auto(scene) fits = { 0 };
    gint64 now = 10000;

    sceneInit(&s, "adaptive,passes=1,fallback=suspend+abort,max-suspend=2s");
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_ABORT);
    g_assert_cmpuint(s.nsaid, ==, 2);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_SKIP);
    g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_OVERDUE);

    sceneInit(&fits, "adaptive,passes=1,fallback=suspend+abort,max-suspend=4s");
    g_assert_cmpint(turn(&fits, now), ==, CONVERGE_VERB_SUSPEND);
    fits.model.last.paused = TRUE;
    g_assert_cmpint(turn(&fits, now + 3900), ==, CONVERGE_VERB_LAST);
    g_assert_cmpint(turn(&fits, now + 4000), ==, CONVERGE_VERB_RESUME);
}

/* Turns until something is done; returns when, or -1 within @ms. */
static gint64
nextAfter(scene *s,
          gint64 now,
          gint64 ms,
          convergeVerb *verb)
{
    gint64 end = now + ms;

    for (; now < end; now += 100) {
        if ((*verb = turn(s, now)) != CONVERGE_VERB_LAST)
            return now;
    }
    return -1;
}

/* "Pause at A, abort at B": the rungs have limits of their own. */
static void
testNextRung(void)
{
    static const struct {
        const char *policy;
        gboolean pauses; /* QEMU does what it is told at once */
        convergeVerb first, second;
        gint64 after; /* ms between them; -1: no second one */
    } rows[] = {
        { "adaptive,passes=1,fallback=suspend+abort,fallback-after=5s", TRUE, CONVERGE_VERB_SUSPEND, CONVERGE_VERB_ABORT, 5000 },
        { "adaptive,passes=1,fallback=suspend+abort,fallback-after=5s", FALSE, CONVERGE_VERB_SUSPEND, CONVERGE_VERB_ABORT, 5000 },
        /* QEMU never switches to post-copy. */
        { "adaptive,passes=1,fallback=post-copy+abort,fallback-after=60s", FALSE, CONVERGE_VERB_POSTCOPY, CONVERGE_VERB_ABORT, 60000 },
        { "adaptive,passes=1,fallback=post-copy+suspend,fallback-after=60s", FALSE, CONVERGE_VERB_POSTCOPY, CONVERGE_VERB_SUSPEND, 60000 },
        { "adaptive,passes=1,fallback=post-copy+abort", FALSE, CONVERGE_VERB_POSTCOPY, CONVERGE_VERB_LAST, -1 },
        { "adaptive,passes=1,fallback=post-copy,fallback-after=5s", FALSE, CONVERGE_VERB_POSTCOPY, CONVERGE_VERB_LAST, -1 },
        { "adaptive,passes=1,fallback=post-copy+continue,fallback-after=5s", FALSE, CONVERGE_VERB_POSTCOPY, CONVERGE_VERB_LAST, -1 },
        /* The guest runs again before the next rung. */
        { "adaptive,passes=1,fallback=suspend+post-copy,fallback-after=5s", TRUE, CONVERGE_VERB_SUSPEND, CONVERGE_VERB_RESUME, 5000 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };
        convergeVerb verb;
        gint64 at;

        sceneInit(&s, rows[i].policy);
        g_test_message("%s", rows[i].policy);
        g_assert_cmpint(turn(&s, 10000), ==, rows[i].first);
        s.model.last.paused = rows[i].pauses;
        at = nextAfter(&s, 10100, 120000, &verb);
        g_assert_cmpint(verb, ==, rows[i].second);
        g_assert_cmpint(at, ==, rows[i].after < 0 ? -1 : 10000 + rows[i].after);
        if (rows[i].after < 0)
            continue;

        g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_AFTER);
        if (verb == CONVERGE_VERB_RESUME) {
            s.model.last.paused = FALSE;
            g_assert_cmpint(turn(&s, at + 100), ==, CONVERGE_VERB_POSTCOPY);
        }
        /* Each is taken once. */
        g_assert_cmpint(nextAfter(&s, at + 200, 1000, &verb), ==, -1);
    }
}

/* A pause that was ended since it took too long, and is begun again, does not put the next rung off. */
static void
testNextRungAfterPauses(void)
{
    g_auto(scene) s = { 0 };
    convergeVerb verb;

    sceneInit(&s, "adaptive,passes=1,fallback=suspend+abort,fallback-after=15s");
    g_assert_cmpint(turn(&s, 10000), ==, CONVERGE_VERB_SUSPEND);
    s.model.last.paused = TRUE;
    g_assert_cmpint(nextAfter(&s, 10100, 14000, &verb), <, 20000);
    g_assert_cmpint(verb, ==, CONVERGE_VERB_RESUME);
    s.model.last.paused = FALSE;
    g_assert_cmpint(turn(&s, 21000), ==, CONVERGE_VERB_SUSPEND);
    s.model.last.paused = TRUE;
    g_assert_cmpint(nextAfter(&s, 21100, 14000, &verb), ==, 25000);
    g_assert_cmpint(verb, ==, CONVERGE_VERB_ABORT);
    /* An abort that fails leaves nobody paused. */
    convergeLadderRungFailed(&s.ladder, CONVERGE_VERB_ABORT);
    g_assert_cmpint(nextAfter(&s, 25100, 14000, &verb), >, 0);
    g_assert_cmpint(verb, ==, CONVERGE_VERB_RESUME);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/deadline/just-in-time", testJustInTime);
    g_test_add_func("/deadline/unsettled-never-fires-early", testUnsettledNeverFiresEarly);
    g_test_add_func("/deadline/too-late-waits", testTooLateWaits);
    g_test_add_func("/deadline/good-prediction-is-left-alone", testGoodPredictionIsLeftAlone);
    g_test_add_func("/deadline/suspend-needs-a-link", testSuspendNeedsALink);
    g_test_add_func("/deadline/overdue-pause-ends", testOverduePauseEnds);
    g_test_add_func("/deadline/others-pauses-are-theirs", testOthersPausesAreTheirs);
    g_test_add_func("/deadline/suspend-over-a-slow-link", testSuspendOverASlowLink);
    g_test_add_func("/deadline/resumed-by-others", testResumedByOthers);
    g_test_add_func("/deadline/max-suspend", testMaxSuspend);
    g_test_add_func("/deadline/next-rung", testNextRung);
    g_test_add_func("/deadline/next-rung-after-pauses", testNextRungAfterPauses);
    return g_test_run();
}
