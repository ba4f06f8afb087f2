/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * looptest.c: the whole loop against the plant, in virtual time
 */
#include <string.h>

#include "engine/loop.h"
#include "engine/status_table.h"
#include "plant/plant.h"
#include "throttle/throttle_qemu.h"

#define MB 1e6
#define GIVE_UP_MS (30 * 60 * 1000)

typedef struct _loopCase loopCase;
struct _loopCase {
    const char *name;
    convergePlantConfig config;
    const char *policy; /* NULL: QEMU alone */
};

/* Runs one migration to its end, or to GIVE_UP_MS. */
static convergePlantResult
runLoop(const convergePlantConfig *config,
        const char *policyText,
        convergeStatus *status)
{
    g_autoptr(convergePlant) plant = convergePlantNew(config);
    g_autoptr(convergePolicy) policy = NULL;
    g_autoptr(convergeLoop) loop = NULL;
    convergeBackend backend = { &convergePlantOps, plant };
    const convergePlantResult *result = convergePlantGetResult(plant);
    gint64 now = 0;

    if (policyText) {
        policy = convergePolicyParse(policyText, NULL);
        g_assert_nonnull(policy);
        loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_AVAILABLE, NULL, NULL);
    }

    while (!result->completed && !result->aborted && now < GIVE_UP_MS) {
        now += loop ? convergeLoopStep(loop) : 100;
        convergePlantAdvance(plant, now);
    }

    if (loop) {
        convergeLoopEnd(loop, convergePlantGetResult(plant)->completed, now);
        if (status)
            *status = *convergeLoopStatus(loop);
    }
    if (g_test_verbose()) {
        const convergePlantResult *r = convergePlantGetResult(plant);

        g_test_message("%s: total %" G_GINT64_FORMAT " pause %" G_GINT64_FORMAT
                       " lost %.0f passes %" G_GUINT64_FORMAT " peak %u commands %u",
                       policyText ? policyText : "stock", r->totalMs, r->pauseMs,
                       r->lostMs, r->passes, r->peakThrottle, r->commands);
    }
    return *convergePlantGetResult(plant);
}

/* The guest of the lab: 400 MB of 1 GiB at 250 MB/s over 96 MB/s. */
static const convergePlantConfig middle = {
    .memory = 1074 * MB,
    .used = 430 * MB,
    .workingSet = 400 * MB,
    .writeRate = 250 * MB,
    .bandwidth = 96 * MB,
};

static void
testMiddle(void)
{
    convergePlantResult stock = runLoop(&middle, NULL, NULL);
    convergePlantResult stepped = runLoop(&middle, "stepped", NULL);
    convergePlantResult adaptive = runLoop(&middle, "adaptive", NULL);

    g_assert_true(stock.completed);
    g_assert_true(adaptive.completed);

    /* Real migrations are well within these bounds (docs/performance.md). */
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
    g_assert_cmpfloat(adaptive.lostMs, <=, 0.7 * stock.lostMs);
    g_assert_cmpint(adaptive.pauseMs, <=, 300);

    /* "stepped" does what QEMU does by itself. */
    g_assert_cmpint(stepped.totalMs, ==, stock.totalMs);
    g_assert_cmpint(stepped.peakThrottle, ==, stock.peakThrottle);
}

/* Progress never falls while the migration runs, and what comes next is always known once memory
 * moves. */
static void
testOutlook(void)
{
    static const char *const policies[] = { "adaptive", "adaptive,actuator=vcpu-quota", "stepped" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autoptr(convergePlant) plant = convergePlantNew(&middle);
        g_autoptr(convergePolicy) policy = convergePolicyParse(policies[i], NULL);
        convergeBackend backend = { &convergePlantOps, plant };
        g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG, NULL, NULL);
        const convergeStatus *status = convergeLoopStatus(loop);
        unsigned int progress = 0;
        gboolean decides = FALSE;
        gboolean switches = FALSE;
        gint64 now = 0;

        while (!convergePlantGetResult(plant)->completed && now < GIVE_UP_MS) {
            now += convergeLoopStep(loop);
            g_assert_cmpuint(status->progress, >=, progress);
            g_assert_cmpuint(status->progress, <, 100);
            progress = status->progress;
            decides |= g_str_has_prefix(status->next, "decide at the end of the first pass, in ");
            switches |= g_str_has_prefix(status->next, "switch over with a pause of ");
            if (status->state == CONVERGE_STATE_BULK)
                g_assert_cmpuint(progress, <=, 50);
            convergePlantAdvance(plant, now);
        }
        g_assert_true(decides);
        g_assert_true(switches);
        g_assert_cmpuint(progress, >, 50);
    }
}

/* Before a guest counts as hopeless, the rung that would be taken is named. */
static void
testOutlookBeyond(void)
{
    convergePlantConfig config = middle;
    g_autoptr(convergePlant) plant = NULL;
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive,deadline=10min,fallback=abort,fallback-when=limit", NULL);
    g_autoptr(convergeLoop) loop = NULL;
    convergeBackend backend = { &convergePlantOps, NULL };
    gint64 now = 0;

    g_assert_nonnull(policy);
    config.writeRate = 12000 * MB;
    backend.opaque = plant = convergePlantNew(&config);
    loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG, NULL, NULL);
    while (now < 60 * 1000) {
        now += convergeLoopStep(loop);
        convergePlantAdvance(plant, now);
    }
    g_assert_true(g_str_has_prefix(convergeLoopStatus(loop)->next, "abort in 5"));
    g_assert_true(g_str_has_suffix(convergeLoopStatus(loop)->next, " s, when the deadline is reached, or sooner"));
}

/* QEMU's throttle comes after the bulk pass and one more pass, as early as its trigger allows. */
static void
testActsAtOnce(void)
{
    convergePlantResult adaptive = runLoop(&middle, "adaptive", NULL);
    double bulk = middle.used / middle.bandwidth;
    double set = middle.workingSet / middle.bandwidth;

    g_assert_cmpfloat(adaptive.totalMs / 1000.0, <, bulk + 2 * set + 2);
}

static void
testNoProbe(void)
{
    convergePlantConfig config = middle;
    convergePlantResult stock = runLoop(&config, NULL, NULL);
    convergePlantResult adaptive;

    config.noProbe = TRUE;
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
}

static void
testQuiet(void)
{
    const double rates[] = { 0, 2 * MB, 20 * MB, 50 * MB };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rates); i++) {
        convergePlantConfig config = middle;
        convergePlantResult stock, adaptive;

        config.writeRate = rates[i];
        stock = runLoop(&config, NULL, NULL);
        adaptive = runLoop(&config, "adaptive", NULL);

        g_assert_true(adaptive.completed);
        g_assert_cmpint(adaptive.peakThrottle, <=, 1);
        g_assert_cmpint(adaptive.pauseMs, <=, stock.pauseMs);
        g_assert_cmpfloat(adaptive.totalMs, <=, 1.05 * stock.totalMs + 500);
    }
}

static void
testLimits(void)
{
    convergePlantResult weak = runLoop(&middle, "adaptive,max-throttle=80", NULL);
    convergePlantResult brief = runLoop(&middle, "adaptive,max-downtime=100ms", NULL);

    g_assert_true(weak.completed);
    g_assert_cmpint(weak.peakThrottle, <=, 80);
    g_assert_cmpint(weak.peakThrottle, >, 0);
    g_assert_true(brief.completed);
    g_assert_cmpint(brief.pauseMs, <=, 100);
}

/* 600 MB in 50 ms, the pathological guest of 2015, for which no throttle suffices. */
static void
testBeyond(void)
{
    convergePlantConfig config = middle;
    convergeStatus status;
    convergePlantResult result;

    config.memory = 4000 * MB;
    config.used = 1000 * MB;
    config.workingSet = 800 * MB;
    config.writeRate = 12000 * MB;
    result = runLoop(&config, "adaptive", &status);
    g_assert_false(result.completed);
    /* The guest is not slowed down for nothing: mostly QEMU's throttle is at its minimum. */
    g_assert_cmpfloat(result.lostMs, <, GIVE_UP_MS / 2.0);
    g_assert_cmpint(status.class_, ==, CONVERGE_CLASS_BEYOND);
}

static void
testLinkHalves(void)
{
    convergePlantConfig config = middle;
    convergePlantResult stock, adaptive;

    config.linkChanges[config.nlinkChanges++] = (convergePlantLinkChange) { 7000, 48 * MB };
    stock = runLoop(&config, NULL, NULL);
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpfloat(adaptive.totalMs, <=, 0.6 * stock.totalMs);
    g_assert_cmpint(adaptive.pauseMs, <=, 300);
}

/* If QEMU refuses a command, sooner or later, its parameters are put back, and the migration goes
 * on as stock. */
static void
testStandsAside(void)
{
    unsigned int from;

    for (from = 1; from <= 4; from++) {
        convergePlantConfig config = middle;
        g_autoptr(convergePlant) plant = NULL;
        g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
        g_autoptr(convergeLoop) loop = NULL;
        convergeBackend backend = { &convergePlantOps, NULL };
        gint64 now = 0;

        config.refuseFrom = from;
        backend.opaque = plant = convergePlantNew(&config);
        loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG, NULL, NULL);
        while (!convergeLoopTrouble(loop) && now < GIVE_UP_MS) {
            now += convergeLoopStep(loop);
            convergePlantAdvance(plant, now);
        }
        g_assert_cmpint(convergeLoopStatus(loop)->state, ==, CONVERGE_STATE_ASIDE);
        g_assert_true(convergePlantIsPristine(plant));

        while (!convergePlantGetResult(plant)->completed && now < GIVE_UP_MS) {
            now += convergeLoopStep(loop);
            convergePlantAdvance(plant, now);
        }
        g_assert_true(convergePlantGetResult(plant)->completed);
        g_assert_true(convergePlantIsPristine(plant));
        g_assert_cmpuint(convergePlantGetResult(plant)->commands, ==, from);
    }
}

/* A downtime allowed from outside is a ceiling, whatever the policy allows. */
static void
testCeiling(void)
{
    g_autoptr(convergePlant) plant = convergePlantNew(&middle);
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeBackend backend = { &convergePlantOps, plant };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG, NULL, NULL);
    gint64 now = 0;

    convergeLoopSetCeiling(loop, 50);
    while (!convergePlantGetResult(plant)->completed && now < GIVE_UP_MS) {
        now += convergeLoopStep(loop);
        convergePlantAdvance(plant, now);
    }
    g_assert_true(convergePlantGetResult(plant)->completed);
    g_assert_cmpint(convergePlantGetResult(plant)->pauseMs, <=, 50 + CONVERGE_PAUSE_OVERHEAD_MS);
    g_assert_cmpint(convergeLoopStatus(loop)->downtimeMs, <=, 50);
}

/* The reason why a rung was skipped stays visible, whatever is done instead. */
static void
testSkippedRung(void)
{
    static const char *const policies[] = {
        "stepped,max-throttle=20,passes=2,fallback=post-copy+suspend",
        "stepped,max-throttle=20,passes=2,fallback=post-copy+continue",
    };
    static const char *const says[] = {
        [CONVERGE_POSTCOPY_NO_FLAG] = "VIR_MIGRATE_POSTCOPY",
        [CONVERGE_POSTCOPY_PARALLEL] = "parallel connections",
        [CONVERGE_POSTCOPY_VFIO] = "VFIO",
        [CONVERGE_POSTCOPY_AVAILABLE] = "switch to post-copy",
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(policies); i++) {
        for (j = 0; j < G_N_ELEMENTS(says); j++) {
            g_autoptr(convergePlant) plant = convergePlantNew(&middle);
            g_autoptr(convergePolicy) policy = convergePolicyParse(policies[i], NULL);
            convergeBackend backend = { &convergePlantOps, plant };
            g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, j, NULL, NULL);
            const convergePlantResult *result = convergePlantGetResult(plant);
            gint64 now = 0;

            while (!result->completed && now < 60 * 1000) {
                now += convergeLoopStep(loop);
                convergePlantAdvance(plant, now);
            }
            g_test_message("%s", convergeLoopStatus(loop)->reason);
            g_assert_nonnull(strstr(convergeLoopStatus(loop)->reason, says[j]));
            g_assert_cmpint(result->postcopy, ==, j == CONVERGE_POSTCOPY_AVAILABLE);
            g_assert_cmpint(result->completed, ==, i == 0 || j == CONVERGE_POSTCOPY_AVAILABLE);
        }
    }
}

/* throttle=none never throttles; if QEMU's auto-converge is on nevertheless, it is kept small. */
static void
testNeverThrottles(void)
{
    convergePlantConfig config = middle;
    convergePlantResult result = runLoop(&config, "adaptive,throttle=none", NULL);

    g_assert_cmpuint(result.peakThrottle, <=, CONVERGE_THROTTLE_QEMU_LEAST);
    config.noAutoConverge = TRUE;
    result = runLoop(&config, "adaptive,throttle=none", NULL);
    g_assert_cmpuint(result.peakThrottle, ==, 0);
}

/* In long passes the many probes do not push out what the passes have taught. */
static void
testHugeGuest(void)
{
    convergePlantConfig config = {
        .memory = 1e12,
        .used = 0.3e12,
        .workingSet = 200e9,
        .writeRate = 0.9e9,
        .bandwidth = 1.2e9,
    };
    convergePlantResult stock, adaptive;

    stock = runLoop(&config, NULL, NULL);
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpfloat(adaptive.lostMs, <=, stock.lostMs);

    config.syncEveryMs = 5000;
    stock = runLoop(&config, NULL, NULL);
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    /* A quarter less, for 1 % more time. */
    g_assert_cmpfloat(adaptive.lostMs, <=, 0.8 * stock.lostMs);
    g_assert_cmpfloat((double)adaptive.totalMs, <=, 1.02 * (double)stock.totalMs);
}

/* Probes that see nothing do not make a guest count as quiet. */
static void
testBlindProbes(void)
{
    const double rates[] = { 150 * MB, 250 * MB, 600 * MB };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rates); i++) {
        convergePlantConfig config = middle;
        convergePlantResult stock, adaptive;

        config.writeRate = rates[i];
        config.blindProbe = TRUE;
        stock = runLoop(&config, NULL, NULL);
        adaptive = runLoop(&config, "adaptive", NULL);
        g_assert_true(adaptive.completed);
        g_assert_cmpint(adaptive.totalMs, <=, stock.totalMs);
    }
}

/* Where stock completes, the default preset completes too, no later, and losing no more. */
static void
testNoWorseThanStock(void)
{
    const double sets[] = { 10 * MB, 20 * MB, 30 * MB, 50 * MB, 200 * MB, 400 * MB, 800 * MB };
    const double rates[] = { 30 * MB, 80 * MB, 96 * MB, 120 * MB, 400 * MB, 1500 * MB, 2300 * MB };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(sets); i++) {
        for (j = 0; j < G_N_ELEMENTS(rates); j++) {
            convergePlantConfig config = middle;
            convergePlantResult stock, adaptive;

            config.workingSet = sets[i];
            config.used = sets[i] + 30 * MB;
            config.writeRate = rates[j];
            stock = runLoop(&config, NULL, NULL);
            adaptive = runLoop(&config, "adaptive", NULL);
            g_test_message("set %.0f rate %.0f: stock %d %.0f/%.0f adaptive %d %.0f/%.0f commands %u",
                           sets[i] / MB, rates[j] / MB, stock.completed,
                           stock.totalMs / 1e3, stock.lostMs / 1e3, adaptive.completed,
                           adaptive.totalMs / 1e3, adaptive.lostMs / 1e3, adaptive.commands);
            if (!stock.completed)
                continue;
            g_assert_true(adaptive.completed);
            g_assert_cmpfloat(adaptive.totalMs, <=, 1.1 * stock.totalMs + 1000);
            g_assert_cmpfloat(adaptive.lostMs, <=, 1.2 * stock.lostMs + 500);
            /* A few decisions, whatever the guest: the control does not oscillate. */
            g_assert_cmpuint(adaptive.commands, <=, 20);
        }
    }
}

/* What is seen while the guest stands still tells nothing about the guest. */
static void
testSuspendedMeanwhile(void)
{
    convergePlantConfig config = middle;
    convergePlantResult stock = runLoop(&config, NULL, NULL);
    convergePlantResult adaptive;

    config.pausedFromMs = 1500;
    config.pausedUntilMs = 3500;
    adaptive = runLoop(&config, "adaptive", NULL);
    g_assert_true(adaptive.completed);
    g_assert_cmpint(adaptive.totalMs, <=, stock.totalMs);
}

/* Post-copy over a link that has just failed would lose the guest, so it has to wait. */
static void
testNoPostcopyOnDeadLink(void)
{
    convergePlantConfig config = middle;
    convergePlantResult result = runLoop(&config, "adaptive,deadline=11s,fallback=post-copy", NULL);

    g_assert_true(result.postcopy);
    config.linkChanges[config.nlinkChanges++] = (convergePlantLinkChange) { 4900, 1 };
    result = runLoop(&config, "adaptive,deadline=11s,fallback=post-copy", NULL);
    g_assert_false(result.postcopy);
}

/* Each preset does what is typical of it. */
static void
testPresets(void)
{
    convergePlantConfig config = middle;
    double ship = middle.workingSet / middle.bandwidth * 1000;
    convergePlantResult result;

    result = runLoop(&config, "suspend", NULL);
    g_assert_true(result.completed);
    g_assert_cmpuint(result.peakThrottle, ==, 0);
    g_assert_cmpfloat(result.lostMs, <, 1.2 * ship);

    result = runLoop(&config, "post-copy", NULL);
    g_assert_true(result.postcopy);
    g_assert_cmpuint(result.passes, ==, 2);

    result = runLoop(&config, "stop-conditions", NULL);
    g_assert_true(result.completed);
    g_assert_cmpuint(result.passes, >=, 8);
    g_assert_cmpuint(result.passes, <=, 13);

    result = runLoop(&config, "downtime-ramp", NULL);
    g_assert_true(result.completed);
    /* 30 ms x 2^n until four seconds of sending fit: from the 8th minute on. */
    g_assert_cmpint(result.totalMs, >, 7 * 60 * 1000);
    g_assert_cmpint(result.pauseMs, >, 3000);

    result = runLoop(&config, "deadline,deadline=15s,max-throttle=20,fallback=suspend", NULL);
    g_assert_true(result.completed);
    g_assert_cmpint(result.totalMs, <=, 15000);

    result = runLoop(&config, "escalate", NULL);
    g_assert_true(result.completed);
    g_assert_cmpuint(result.peakThrottle, >=, 80);

    result = runLoop(&config, "responsive", NULL);
    g_assert_true(result.completed);

    result = runLoop(&config, "stepped,passes=4,fallback=abort", NULL);
    g_assert_true(result.aborted);

    result = runLoop(&config, "cheapest", NULL);
    g_assert_true(result.completed);

    /* The guest is beyond, and pausing it at once is cheaper. */
    config.writeRate = 12000 * MB;
    result = runLoop(&config, "cheapest", NULL);
    g_assert_true(result.completed);
    g_assert_cmpfloat(result.lostMs, <, 1.3 * ship);

    result = runLoop(&config, "adaptive,fallback=suspend,fallback-when=prediction", NULL);
    g_assert_true(result.completed);
}

/* All of memory has arrived by the deadline, wherever that falls between two turns. */
static void
testDeadline(void)
{
    convergePlantConfig config = middle;
    gint64 deadline;

    config.writeRate = 150 * MB;
    for (deadline = 12000; deadline <= 20000; deadline += 35) {
        g_autofree char *policy = g_strdup_printf("adaptive,max-throttle=20,fallback=suspend,"
                                                  "deadline=%" G_GINT64_FORMAT "ms",
                                                  deadline);
        convergePlantResult result = runLoop(&config, policy, NULL);

        g_assert_true(result.completed);
        g_assert_cmpint(result.totalMs, <=, deadline);
    }
}

/* While the guest is throttled every statistic has a value, except for the journal, which this
 * loop does not write. */
static void
testStatus(void)
{
    convergePlantConfig config = middle;
    g_autoptr(convergePlant) plant = NULL;
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    convergeBackend backend = { &convergePlantOps };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG, NULL, NULL);
    const convergeStatus *status = convergeLoopStatus(loop);
    gint64 now = 0;
    gsize i;

    config.bandwidth /= 2;
    config.compression = 2;
    backend.opaque = plant = convergePlantNew(&config);
    while (status->state != CONVERGE_STATE_THROTTLING && now < GIVE_UP_MS) {
        now += convergeLoopStep(loop);
        convergePlantAdvance(plant, now);
    }

    for (i = 0; i < convergeStatCount; i++) {
        const convergeStat *stat = &convergeStats[i];
        gboolean known = stat->text ? stat->text(status, "adaptive") != NULL :
                                      stat->number(status) > 0;

        if (known == g_str_equal(stat->name, "journal"))
            g_error("'%s' is %s", stat->name, known ? "known" : "not known");
    }
}

/* However well memory is compressed, the guest is let go to the destination as soon as the rest fits the
 * allowed downtime, and no later than where nothing is compressed and the link is as fast. */
static void
testCompressed(void)
{
    static const double ratios[] = { 1, 3, 30, 360, 1000 };
    convergePlantConfig config = middle;
    double plainMs = 0;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(ratios); i++) {
        convergePlantResult result;

        config.bandwidth = middle.bandwidth / ratios[i];
        config.compression = ratios[i];
        result = runLoop(&config, "adaptive", NULL);
        g_assert_true(result.completed);
        g_assert_cmpint(result.pauseMs, <=, 300);
        if (i == 0)
            plainMs = (double)result.totalMs;
        g_assert_cmpfloat((double)result.totalMs, <, 1.1 * plainMs);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/middle", testMiddle);
    g_test_add_func("/loop/outlook", testOutlook);
    g_test_add_func("/loop/outlook-beyond", testOutlookBeyond);
    g_test_add_func("/loop/acts-at-once", testActsAtOnce);
    g_test_add_func("/loop/no-probe", testNoProbe);
    g_test_add_func("/loop/quiet", testQuiet);
    g_test_add_func("/loop/limits", testLimits);
    g_test_add_func("/loop/beyond", testBeyond);
    g_test_add_func("/loop/link-halves", testLinkHalves);
    g_test_add_func("/loop/stands-aside", testStandsAside);
    g_test_add_func("/loop/ceiling", testCeiling);
    g_test_add_func("/loop/skipped-rung", testSkippedRung);
    g_test_add_func("/loop/never-throttles", testNeverThrottles);
    g_test_add_func("/loop/huge-guest", testHugeGuest);
    g_test_add_func("/loop/blind-probes", testBlindProbes);
    g_test_add_func("/loop/no-worse-than-stock", testNoWorseThanStock);
    g_test_add_func("/loop/suspended-meanwhile", testSuspendedMeanwhile);
    g_test_add_func("/loop/no-postcopy-on-dead-link", testNoPostcopyOnDeadLink);
    g_test_add_func("/loop/deadline", testDeadline);
    g_test_add_func("/loop/compressed", testCompressed);
    g_test_add_func("/loop/presets", testPresets);
    g_test_add_func("/loop/status", testStatus);
    return g_test_run();
}
