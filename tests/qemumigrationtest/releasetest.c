/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * releasetest.c: when the adaptive law throttles, and when it lets the guest go
 */
#include "engine/laws.h"
#include "script.h"
#include "throttle/throttle.h"

/* A law in the middle of a migration, with the pieces that it looks at. */
typedef struct _scene scene;
struct _scene {
    convergePolicy *policy;
    convergeModel model;
    convergeControlState state;
    convergeLadder ladder;
    convergeLawAdaptive law;
    convergeDecision said[2];
};

static void
sceneClear(scene *s)
{
    convergePolicyFree(s->policy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(scene, sceneClear)

/* The guest runs under @throttle % since second 20, in the second pass. */
static void
sceneInit(scene *s,
          const char *policy,
          unsigned int throttle)
{
    convergeGuest guest = { 400 * MB, 250 * MB, 1, 0, 0 };
    g_autoptr(GError) error = NULL;

    *s = (scene) {
        .policy = convergePolicyParse(policy, &error),
        .model = {
            .bandwidth = BANDWIDTH,
            .usualBandwidth = BANDWIDTH,
            .slowMs = -1,
            .guest = guest,
            .least = guest,
            .most = guest,
            .syncMs = 20000,
            .pass = { .n = 1, .bulkMs = 20000, .bulkLeft = 400 * MB, .bulkDirtied = 400 * MB },
            .passes.n = 1,
            .probes.n = 1,
        },
    };
    g_assert_no_error(error);
    s->model.last = (convergeSample) {
        .active = TRUE,
        .timeMs = 20000,
        .iteration = 2,
        .totalBytes = 1000000000,
        .remainingBytes = 400000000,
        .throttle = throttle,
    };
    s->state.policy = s->policy;
    s->state.throttle = &convergeThrottles[CONVERGE_METHOD_VCPU_QUOTA]->traits;
    s->state.overheadMs = CONVERGE_PAUSE_OVERHEAD_MS;
    convergeControlResolve(&s->state, &s->model);
    s->state.plan = convergePlanMake(&s->state.limits, throttle, 100);
    s->law.hasLooked = TRUE;
    s->law.heldMs = 20000;
    s->law.forcePass = 1;
}

/* Nothing converges under any throttle. */
static void
makeBeyond(scene *s)
{
    convergeGuest guest = { 400 * MB, 50000 * MB, 1, 0, 0 };

    s->model.guest = s->model.least = s->model.most = guest;
}

static unsigned int
guard(scene *s,
      gint64 nowMs)
{
    s->model.last.timeMs = nowMs;
    convergeControlResolve(&s->state, &s->model);
    return convergeLawAdaptiveGuard(&s->law, &s->state, &s->ladder, &s->model, s->said);
}

/* A choice of a plan with @throttle that costs @cost, where the plan in force costs @now. */
static unsigned int
decide(scene *s,
       unsigned int throttle,
       double cost,
       double now,
       gboolean converges)
{
    convergeChoice choice = {
        .plan = convergePlanMake(&s->state.limits, throttle, s->state.plan.downtimeMs),
        .prediction = { .converges = converges, .remainingMs = 5000, .lostMs = 4000 },
        .class_ = converges ? CONVERGE_CLASS_MIDDLE : CONVERGE_CLASS_BEYOND,
        .cost = cost,
        .current = { .converges = TRUE, .remainingMs = 5000, .lostMs = (gint64)now },
        .currentCost = now,
    };

    return convergeLawAdaptiveDecide(&s->law, &s->state, &s->model, &choice, s->said);
}

/* From no throttle to one at once; to change it takes two looks in a row that say the same, and
 * that it costs clearly less. */
static void
testChangesAfterASecondLook(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive", 0);
    g_assert_cmpuint(decide(&s, 80, 1000, 4000, TRUE), ==, 1);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_THROTTLE);
    g_assert_cmpuint(s.state.plan.throttle, ==, 80);

    g_assert_cmpuint(decide(&s, 97, 1000, 4000, TRUE), ==, 0);
    g_assert_cmpuint(decide(&s, 97, 4000, 4000, TRUE), ==, 0);
    g_assert_cmpuint(decide(&s, 97, 1000, 4000, TRUE), ==, 0);
    g_assert_cmpuint(decide(&s, 97, 1000, 4000, TRUE), ==, 1);
    g_assert_cmpuint(s.state.plan.throttle, ==, 97);

    decide(&s, 80, 3900, 4000, TRUE);
    g_assert_cmpuint(decide(&s, 80, 3900, 4000, TRUE), ==, 0);
}

/* One observation does not tell a slow guest from a saturated one. */
static void
testFirstThrottleTakesTwoObservations(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive", 0);
    s.model.probes.n = 0;
    g_assert_cmpuint(decide(&s, 80, 1000, 4000, TRUE), ==, 0);
    s.model.passes.n = 2;
    g_assert_cmpuint(decide(&s, 80, 1000, 4000, TRUE), ==, 1);
}

/* To loosen a throttle must save more than the mistake would cost, if it is one: the worse the model
 * fits, the more. */
static void
testLooseningIsWeighed(void)
{
    static const struct {
        double fitError, saves;
        gboolean loosens;
    } rows[] = { { 0, 1000, TRUE }, { 0.5, 1000, FALSE }, { 0.5, 8000, TRUE } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };

        sceneInit(&s, "adaptive", 97);
        s.model.fitError = rows[i].fitError;
        decide(&s, 20, 500, 500 + rows[i].saves, TRUE);
        decide(&s, 20, 500, 500 + rows[i].saves, TRUE);
        g_assert_cmpint(s.state.plan.throttle == 20, ==, rows[i].loosens);
    }
}

/* A throttle whose promised end has passed is given up: first comes the longest downtime that keeps
 * its margin, then the one without the margin, then all of what is allowed, and only then is the guest
 * released. */
static void
testBrokenPromise(void)
{
    g_auto(scene) s = { 0 };
    gint64 margin, tight, free;

    sceneInit(&s, "adaptive", 97);
    s.law.promisedMs = 30000;
    g_assert_cmpuint(guard(&s, 29999), ==, 0);

    margin = convergeControlHighestDowntime(&s.state);
    g_assert_cmpint(margin, <, 300);
    g_assert_cmpuint(guard(&s, 30000), ==, 1);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_DOWNTIME);
    g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_UNFULFILLED);
    g_assert_cmpint(s.said[0].downtimeMs, ==, margin);
    g_assert_cmpint(s.law.promisedMs, >, 30000);

    g_assert_cmpuint(guard(&s, s.law.promisedMs), ==, 1);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_DOWNTIME);
    tight = s.said[0].downtimeMs;
    g_assert_cmpint(tight, >, margin);
    g_assert_cmpint(tight, <, 300);

    g_assert_cmpuint(guard(&s, s.law.promisedMs), ==, 1);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_DOWNTIME);
    g_assert_cmpint(s.said[0].downtimeMs, ==, 300);
    g_assert_false(s.state.hasRefuted);

    g_assert_cmpuint(guard(&s, s.law.promisedMs), ==, 1);
    g_assert_cmpint(s.said[0].verb, ==, CONVERGE_VERB_HOLD);
    g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_UNFULFILLED);
    g_assert_cmpuint(s.state.plan.throttle, ==, 0);
    g_assert_true(s.state.hasRefuted);
    g_assert_cmpuint(s.state.refuted, ==, 97);

    /* It runs free for longer than it was throttled. */
    free = s.law.freeUntilMs - s.model.last.timeMs;
    g_assert_cmpint(free, >=, 2 * (s.model.last.timeMs - 20000));

    /* Nothing is promised any more. */
    g_assert_cmpuint(guard(&s, s.law.freeUntilMs + 1), ==, 0);
}

/* A guest that was released in vain is not throttled again at once, unless it has calmed down, and
 * later each time. */
static void
testNotRepeatedAtOnce(void)
{
    g_auto(scene) s = { 0 };
    gint64 free[2];
    int i;

    sceneInit(&s, "adaptive,downtime=fixed", 99);
    makeBeyond(&s);
    for (i = 0; i < 2; i++) {
        gint64 released;

        s.law.promisedMs = s.model.last.timeMs + 10000;
        while (s.state.plan.throttle > 0)
            guard(&s, s.law.promisedMs);
        released = s.model.last.timeMs;
        free[i] = s.law.freeUntilMs - released;

        s.model.last.timeMs = released + free[i] / 2;
        g_assert_cmpuint(decide(&s, 99, 1000, 9000, TRUE), ==, 0);
        g_assert_cmpuint(decide(&s, 99, 1000, 9000, TRUE), ==, 0);
        s.model.last.timeMs = s.law.freeUntilMs;
        g_assert_cmpuint(decide(&s, 99, 1000, 9000, TRUE), ==, 1);
        g_assert_cmpuint(s.state.plan.throttle, ==, 99);
    }
    g_assert_cmpint(free[1], >, free[0]);
}

/* Each throttle that follows one in vain is promised more time, but not without an end. */
static void
testPatience(void)
{
    gint64 before = 0;
    unsigned int i;

    for (i = 0; i < 8; i++) {
        g_auto(scene) s = { 0 };
        gint64 promised;

        sceneInit(&s, "adaptive", 0);
        s.law.nVain = i;
        g_assert_cmpuint(decide(&s, 97, 1000, 9000, TRUE), ==, 1);
        promised = s.law.promisedMs - s.model.last.timeMs;
        g_assert_cmpint(promised, >=, before);
        g_assert_cmpint(promised == before, ==, i > 4);
        before = promised;
    }
}

/* Other throttles that are not predicted to converge either do not put off the end of the first one, and
 * weaker ones are not even tried. */
static void
testHopelessThrottlesAddNoTime(void)
{
    static const struct {
        unsigned int throttle;
        gboolean tried;
    } rows[] = { { 95, TRUE }, { 93, FALSE }, { 97, TRUE }, { 95, FALSE }, { 99, TRUE }, { 97, FALSE } };
    g_auto(scene) s = { 0 };
    gint64 promised;
    gsize i;

    sceneInit(&s, "adaptive", 90);
    s.law.promisedMs = promised = 30000;
    s.law.nVain = 4;
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        s.model.last.timeMs += 1000;
        decide(&s, rows[i].throttle, 1000, 9000, FALSE);
        g_assert_cmpuint(decide(&s, rows[i].throttle, 1000, 9000, FALSE), ==, rows[i].tried);
        g_assert_cmpint(s.law.promisedMs, <=, promised);
        g_assert_cmpint(s.law.promisedMs, >, 0);
    }
}

/* One throttle after the other that promises the end does not put it off either, unless less is left by
 * then. */
static void
testBrokenPromisesAddNoTime(void)
{
    static const gboolean progress[] = { FALSE, TRUE };
    gsize k;

    for (k = 0; k < G_N_ELEMENTS(progress); k++) {
        g_auto(scene) s = { 0 };
        gint64 promised;
        int i;

        sceneInit(&s, "adaptive", 97);
        s.law.promisedMs = promised = 22000;
        s.law.leastBytes = 100000000;
        s.law.leastMs = 20000;
        for (i = 0; i < 6; i++) {
            s.model.last.timeMs += 1000;
            if (progress[k])
                s.law.leastMs = s.model.last.timeMs;
            decide(&s, i % 2 ? 97 : 99, 1000, 9000, TRUE);
            g_assert_cmpuint(decide(&s, i % 2 ? 97 : 99, 1000, 9000, TRUE), ==, 1);
        }
        g_assert_cmpint(s.law.promisedMs > promised, ==, progress[k]);
    }
}

/* While passes under it still leave less and less, a throttle is not given up, whatever it promised. */
static void
testProgressIsNotGivenUp(void)
{
    static const gint64 left[] = { 350, 300, 250, 200, 150, 100, 100, 100, 100, 100 };
    g_auto(scene) s = { 0 };
    gsize i;

    sceneInit(&s, "adaptive,downtime=fixed", 99);
    s.model.pass.seconds = 1;
    for (i = 0; i < G_N_ELEMENTS(left) && s.state.plan.throttle > 0; i++) {
        s.model.last.timeMs += 1000;
        s.model.last.remainingBytes = (guint64)left[i] * 1000000;
        s.model.pass.n++;
        convergeLawAdaptiveNotePass(&s.law, &s.state, &s.ladder, &s.model);
        /* The first pass shows none yet. */
        s.law.promisedMs = i > 0 ? 20000 : 0;
        guard(&s, s.model.last.timeMs);
    }
    /* 3 passes after the last that left less. */
    g_assert_cmpuint(i, ==, 9);
    g_assert_cmpuint(s.state.plan.throttle, ==, 0);
    g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_UNFULFILLED);
}

/* A guest that no throttle helps runs free in the end, and is allowed the whole pause, as by stock QEMU. */
static void
testHopelessGetsAllOfThePause(void)
{
    g_auto(script) s = { 0 };
    int i;

    scriptInit(&s, "adaptive,max-downtime=400ms", CONVERGE_METHOD_VCPU_QUOTA);
    scriptSend(&s, 1500);
    scriptProbe(&s, 280 * MB);
    for (i = 0; i < 30; i++)
        scriptPass(&s, 280 * MB);
    g_assert_cmpint(convergeLoopStatus(s.loop)->class_, ==, CONVERGE_CLASS_BEYOND);
    g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);
    g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_DOWNTIME)->downtimeMs, ==, 400);
}

/* Once it is sure that a throttle helps, the guest does not have to run free. */
static void
testCalmsDown(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,downtime=fixed", 97);
    s.law.promisedMs = 30000;
    while (s.state.plan.throttle > 0)
        guard(&s, s.law.promisedMs);
    g_assert_cmpint(s.law.freeUntilMs, >, s.model.last.timeMs);
    s.model.last.timeMs += 1000;
    g_assert_cmpuint(decide(&s, 99, 1000, 9000, TRUE), ==, 1);
    g_assert_cmpuint(s.state.plan.throttle, ==, 99);
}

/* A throttle that makes progress may take longer than it has promised. */
static void
testProgressExtendsThePromise(void)
{
    static const unsigned int stalled[] = { 0, 1 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(stalled); i++) {
        g_auto(scene) s = { 0 };

        sceneInit(&s, "adaptive", 97);
        s.law.promisedMs = 30000;
        s.ladder.nStalledPasses = stalled[i];
        s.state.prediction = (convergePrediction) {
            .converges = TRUE,
            .remainingMs = 20000,
            .remaining = { 10000, 50000 },
        };
        s.model.last.timeMs = 29000;
        convergeLawAdaptiveNotePass(&s.law, &s.state, &s.ladder, &s.model);
        g_assert_cmpint(s.law.promisedMs > 29000 + 20000, ==, stalled[i] == 0);
    }
}

/* Without a throttle a broken promise costs nothing: it takes passes without progress, too. */
static void
testFreePlanIsGivenUpLater(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive,downtime=fixed", 0);
    s.law.promisedMs = 30000;
    g_assert_cmpuint(guard(&s, 40000), ==, 0);
    g_assert_false(s.state.hasRefuted);
    s.ladder.nStalledPasses = 3;
    guard(&s, 40000);
    while (s.law.promisedMs > 0)
        guard(&s, s.law.promisedMs);
    /* From now on a throttle is needed. */
    g_assert_true(s.state.hasRefuted);
    g_assert_cmpuint(s.state.refuted, ==, 0);
}

/* While nothing moves nothing is gained by a throttle: it is released within 3 s, and asked for
 * again when the link is back. */
static void
testDeadLink(void)
{
    static const struct {
        double carries; /* of the bandwidth, while it is dead */
    } rows[] = { { 0 }, { 0.01 }, { 0.1 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(script) s = { 0 };
        gint64 died;

        scriptInit(&s, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
        scriptSend(&s, 1500);
        scriptProbe(&s, 380 * MB);
        scriptPass(&s, 400 * MB);
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >, 0);
        scriptSend(&s, 1000);

        died = s.sample.timeMs;
        while (convergeLoopStatus(s.loop)->throttleTarget > 0 && s.sample.timeMs < died + 3000) {
            guint64 sent = (guint64)(rows[i].carries * BANDWIDTH / 10);

            s.sample.timeMs += 100;
            s.sample.processedBytes += sent;
            s.sample.normalBytes += sent;
            s.sample.remainingBytes -= sent;
            convergeLoopStep(s.loop);
        }
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);
        g_assert_cmpint(scriptLast(&s, CONVERGE_VERB_HOLD)->reason, ==, CONVERGE_REASON_LINK);

        /* It stays free for as long as that lasts. */
        s.sample.timeMs += 5000;
        scriptProbe(&s, 380 * MB);
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, ==, 0);

        /* At the end of the next pass at the latest. */
        scriptPass(&s, 400 * MB);
        g_assert_cmpuint(convergeLoopStatus(s.loop)->throttleTarget, >, 0);
    }
}

/* As long as nothing moves, no plan is worth a throttle, and that the link is back is told once. */
static void
testNoThrottleOnADeadLink(void)
{
    g_auto(scene) s = { 0 };

    sceneInit(&s, "adaptive", 97);
    g_assert_false(convergeLawAdaptiveLinkIsBack(&s.law, &s.model));
    s.model.slowMs = 27000;
    g_assert_cmpuint(guard(&s, 30000), ==, 1);
    g_assert_cmpint(s.said[0].reason, ==, CONVERGE_REASON_LINK);
    g_assert_false(convergeLawAdaptiveLinkIsBack(&s.law, &s.model));
    g_assert_cmpuint(decide(&s, 97, 1000, 9000, TRUE), ==, 0);
    g_assert_cmpuint(decide(&s, 97, 1000, 9000, TRUE), ==, 0);

    s.model.slowMs = -1;
    g_assert_true(convergeLawAdaptiveLinkIsBack(&s.law, &s.model));
    g_assert_false(convergeLawAdaptiveLinkIsBack(&s.law, &s.model));
    g_assert_cmpuint(decide(&s, 97, 1000, 9000, TRUE), ==, 1);
    g_assert_cmpuint(s.state.plan.throttle, ==, 97);
    /* That it was released has refuted nothing. */
    g_assert_false(s.state.hasRefuted);
}

/* A large guest's bitmap sync holds up sending for longer. */
static void
testSyncIsNoDeadLink(void)
{
    static const struct {
        guint64 bytes;
        gint64 deadMs;
        gboolean released;
    } rows[] = {
        { 1000000000, 1400, FALSE },
        { 1000000000, 1700, TRUE },
        { 1000000000000, 4000, FALSE },
        { 1000000000000, 6000, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };

        sceneInit(&s, "adaptive", 97);
        s.model.last.totalBytes = rows[i].bytes;
        s.model.slowMs = 30000 - rows[i].deadMs;
        g_assert_cmpint(guard(&s, 30000) == 1, ==, rows[i].released);
    }
}

/* The budgets of the policy. */
static void
testBudgets(void)
{
    static const struct {
        const char *policy;
        double lostMs;
        gint64 hardMs;
        unsigned int throttle; /* then, from 97 */
        convergeReason why;
    } rows[] = {
        { "adaptive,max-lost=10s", 8000, 0, 97, CONVERGE_REASON_LAST },
        { "adaptive,max-lost=10s", 9990, 0, 0, CONVERGE_REASON_BUDGET },
        { "adaptive,max-lost=10s", 30000, 0, 0, CONVERGE_REASON_BUDGET },
        { "adaptive,max-throttle-time=10s,hard-throttle=90", 0, 9000, 97, CONVERGE_REASON_LAST },
        { "adaptive,max-throttle-time=10s,hard-throttle=90", 0, 10000, 89, CONVERGE_REASON_THROTTLE_TIME },
        { "adaptive,max-throttle-time=10s,hard-throttle=98", 0, 10000, 97, CONVERGE_REASON_LAST },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(scene) s = { 0 };

        sceneInit(&s, rows[i].policy, 97);
        s.model.lostMs = rows[i].lostMs;
        s.state.hardMs = rows[i].hardMs;
        g_assert_cmpuint(guard(&s, 21000), ==, rows[i].why != CONVERGE_REASON_LAST);
        g_assert_cmpuint(s.state.plan.throttle, ==, rows[i].throttle);
        if (rows[i].why != CONVERGE_REASON_LAST)
            g_assert_cmpint(s.said[0].reason, ==, rows[i].why);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/release/changes-after-a-second-look", testChangesAfterASecondLook);
    g_test_add_func("/release/first-throttle-takes-two-observations", testFirstThrottleTakesTwoObservations);
    g_test_add_func("/release/loosening-is-weighed", testLooseningIsWeighed);
    g_test_add_func("/release/broken-promise", testBrokenPromise);
    g_test_add_func("/release/not-repeated-at-once", testNotRepeatedAtOnce);
    g_test_add_func("/release/patience", testPatience);
    g_test_add_func("/release/hopeless-throttles-add-no-time", testHopelessThrottlesAddNoTime);
    g_test_add_func("/release/broken-promises-add-no-time", testBrokenPromisesAddNoTime);
    g_test_add_func("/release/progress-is-not-given-up", testProgressIsNotGivenUp);
    g_test_add_func("/release/hopeless-gets-all-of-the-pause", testHopelessGetsAllOfThePause);
    g_test_add_func("/release/calms-down", testCalmsDown);
    g_test_add_func("/release/progress-extends-the-promise", testProgressExtendsThePromise);
    g_test_add_func("/release/free-plan-is-given-up-later", testFreePlanIsGivenUpLater);
    g_test_add_func("/release/dead-link", testDeadLink);
    g_test_add_func("/release/no-throttle-on-a-dead-link", testNoThrottleOnADeadLink);
    g_test_add_func("/release/sync-is-no-dead-link", testSyncIsNoDeadLink);
    g_test_add_func("/release/budgets", testBudgets);
    return g_test_run();
}
