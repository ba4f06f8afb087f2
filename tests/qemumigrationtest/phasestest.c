/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * phasestest.c: what dirty-rate probes say of a guest's peaks and valleys
 *
 * Probes come every five seconds; a letter is one of them: P of a peak, V of a valley, and
 * '.' of neither.
 */
#include "engine/phases.h"

#define MB 1e6
#define BANDWIDTH (100 * MB)
#define PROBE_MS 5000

typedef struct _watch watch;
struct _watch {
    convergeModel model;
    convergePhases phases;
};

static void
probe(watch *w,
      double rate,
      unsigned int throttle)
{
    w->model.last.timeMs += PROBE_MS;
    w->model.last.probeBps = (guint64)rate;
    w->model.last.probeThrottle = throttle;
    convergePhasesNote(&w->phases, &w->model);
}

/* One probe after the other, @everyMs. */
static void
watchProbesEvery(watch *w,
                 const char *probes,
                 gint64 everyMs)
{
    *w = (watch) { .model.bandwidth = BANDWIDTH, .model.guest = { 400 * MB, 250 * MB, 1 } };
    for (; *probes; probes++) {
        probe(w, *probes == 'P' ? 250 * MB : *probes == 'V' ? 5 * MB :
                                                              60 * MB,
              0);
        w->model.last.timeMs += everyMs - PROBE_MS;
    }
}

static void
watchProbes(watch *w,
            const char *probes)
{
    watchProbesEvery(w, probes, PROBE_MS);
}

/* Whether the next valley can be foreseen, which takes a period seen twice. */
static gboolean
foresees(const watch *w)
{
    convergeValley valley;

    return convergePhasesFindValley(&w->phases, &w->model, &valley) && valley.inMs > 0;
}

static void
testPeriodSeenTwice(void)
{
    static const struct {
        const char *probes;
        gboolean foreseen;
    } rows[] = {
        { "PPPVVVPPPVVVPPP", TRUE },
        { "PPPVVVPPPVVV", FALSE }, /* in a valley */
        { "PPPVVVPPP", FALSE },    /* seen once */
        { "PPPPPPPPPPPPPPP", FALSE },
        /* One period may differ a little from the next, but no more. */
        { "PPPPVVVVPPPPVVVVVPPPP", TRUE },
        { "PPPVVVVVVVVVVPPPVVVPPP", FALSE },
        /* Two probes for each phase are enough. */
        { "VVPPVVPPVVPP", TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        watch w;

        g_test_message("%s", rows[i].probes);
        watchProbes(&w, rows[i].probes);
        g_assert_cmpint(foresees(&w), ==, rows[i].foreseen);
    }
}

/* Where between two probes an edge was is not known: a period that is hardly longer than that
 * may be made of it. */
static void
testShortPeriodIsNone(void)
{
    watch w;

    watchProbesEvery(&w, "PPVVPPVVPPVVPP", 2500);
    g_assert_false(foresees(&w));
    watchProbesEvery(&w, "PPVVPPVVPPVVPP", 3500);
    g_assert_true(foresees(&w));
}

/* A phase that only one probe has seen may be one of a hundred that were not seen: what was
 * known of the period is forgotten. */
static void
testPhaseOfOneProbeIsNone(void)
{
    watch w;

    watchProbes(&w, "PPPVVVPPPVVVPPP");
    g_assert_true(foresees(&w));
    watchProbes(&w, "PPPVVVPPPVVVPPPVPPP");
    g_assert_false(foresees(&w));
    /* Edges that one probe makes four times are no period either. */
    watchProbes(&w, "PPPPPVPPPPPVPPPPP");
    g_assert_false(foresees(&w));
    watchProbes(&w, "PPPPVVPPPPVVPPPP");
    g_assert_true(foresees(&w));
}

/* In between the guest stays in the phase that it is in, so that noise makes no edges. */
static void
testInBetweenIsNoEdge(void)
{
    watch w;

    watchProbes(&w, "....");
    g_assert_cmpint(w.phases.now, ==, CONVERGE_PHASE_UNKNOWN);
    watchProbes(&w, "PP.P.P");
    g_assert_cmpint(w.phases.now, ==, CONVERGE_PHASE_PEAK);
    g_assert_cmpuint(w.phases.nedges, ==, 0);
    watchProbes(&w, "PP.V.V.");
    g_assert_cmpint(w.phases.now, ==, CONVERGE_PHASE_VALLEY);
    g_assert_cmpuint(w.phases.nedges, ==, 1);
}

/* The first probe of a phase may have seen an edge: its rate follows later ones. */
static void
testRateFollowsLaterProbes(void)
{
    watch w;
    int i;

    watchProbes(&w, "P");
    for (i = 0; i < 8; i++)
        probe(&w, 150 * MB, 0);
    g_assert_cmpfloat(w.phases.rate[CONVERGE_PHASE_PEAK], <, 152 * MB);
    g_assert_cmpfloat(w.phases.rate[CONVERGE_PHASE_PEAK], >, 149 * MB);
}

/* A throttled guest in a peak is not taken for one in a valley. */
static void
testThrottledPeakIsPeak(void)
{
    watch w;

    watchProbes(&w, "PP");
    probe(&w, 25 * MB, 90);
    g_assert_cmpint(w.phases.now, ==, CONVERGE_PHASE_PEAK);

    /* But little is not made much of where next to nothing is left to the vCPUs. */
    probe(&w, 0.5 * MB, 99);
    g_assert_cmpint(w.phases.now, ==, CONVERGE_PHASE_VALLEY);
}

/* A guest that was never busy has no valleys: it is as it is. */
static void
testNoValleyWithoutPeak(void)
{
    convergeValley valley;
    watch w;

    watchProbes(&w, "VVVV");
    g_assert_false(convergePhasesFindValley(&w.phases, &w.model, &valley));
}

/* One that has just come is taken to last as long again as it has lasted; one of a period,
 * as long as the last one. */
static void
testValleyLastsAsLongAgain(void)
{
    convergeValley valley;
    watch w;

    watchProbes(&w, "PPPPVVV");
    g_assert_true(convergePhasesFindValley(&w.phases, &w.model, &valley));
    g_assert_cmpint(valley.inMs, ==, 0);
    g_assert_cmpint(valley.leftMs, ==, 2 * PROBE_MS + PROBE_MS / 2);

    watchProbes(&w, "PPPVVVVPPPVVVVPPPVV");
    g_assert_true(convergePhasesFindValley(&w.phases, &w.model, &valley));
    g_assert_cmpint(valley.inMs, ==, 0);
    g_assert_cmpint(valley.leftMs, ==, 4 * PROBE_MS - (PROBE_MS + PROBE_MS / 2));
}

/* A valley that is overdue is not waited for. */
static void
testOverdueValleyIsNotForeseen(void)
{
    convergeValley valley;
    watch w;

    watchProbes(&w, "PPPVVVPPPVVVPPP");
    g_assert_true(foresees(&w));
    watchProbes(&w, "PPPVVVPPPVVVPPPPPPPP");
    g_assert_false(convergePhasesFindValley(&w.phases, &w.model, &valley));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/phases/period-seen-twice", testPeriodSeenTwice);
    g_test_add_func("/phases/short-period-is-none", testShortPeriodIsNone);
    g_test_add_func("/phases/phase-of-one-probe-is-none", testPhaseOfOneProbeIsNone);
    g_test_add_func("/phases/in-between-is-no-edge", testInBetweenIsNoEdge);
    g_test_add_func("/phases/rate-follows-later-probes", testRateFollowsLaterProbes);
    g_test_add_func("/phases/throttled-peak-is-peak", testThrottledPeakIsPeak);
    g_test_add_func("/phases/no-valley-without-peak", testNoValleyWithoutPeak);
    g_test_add_func("/phases/valley-lasts-as-long-again", testValleyLastsAsLongAgain);
    g_test_add_func("/phases/overdue-valley-is-not-foreseen", testOverdueValleyIsNotForeseen);
    return g_test_run();
}
