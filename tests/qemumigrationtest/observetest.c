/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * observetest.c: a loop that decides and writes, and does nothing
 */
#include <string.h>

#include "libvirt/backend_observe.h"
#include "script.h"

/* A guest that dirties more than the link carries while nothing throttles it. */
static void
runBusy(script *s)
{
    int i;

    scriptSend(s, 3000);
    for (i = 0; i < 6; i++)
        scriptPass(s, 150 * MB);
}

static void
testDoesNothing(void)
{
    g_auto(script) acts = { 0 };
    g_auto(script) observes = { 0 };
    const convergeStatus *status;

    scriptInit(&acts, "adaptive", CONVERGE_METHOD_VCPU_QUOTA);
    runBusy(&acts);
    g_assert_cmpuint(acts.nsaid, >, 2);
    g_assert_cmpuint(acts.probes, >, 0);

    scriptInit(&observes, "adaptive,mode=observe", CONVERGE_METHOD_VCPU_QUOTA);
    runBusy(&observes);
    g_assert_cmpuint(observes.nsaid, ==, 0);
    g_assert_cmpuint(observes.probes, ==, 0);
    g_assert_cmpuint(observes.restores, ==, 0);

    status = convergeLoopStatus(observes.loop);
    g_assert_nonnull(strstr(status->reason, "observed only, not done: "));
    g_assert_cmpint(status->downtimeMs, ==, 0);
    g_assert_cmpuint(status->throttleTarget, ==, 0);
    g_assert_null(status->throttle);
    g_assert_cmpint(status->state, ==, CONVERGE_STATE_WATCHING);
    g_assert_true(status->tally.planned);
    g_assert_true(status->tally.planPrediction.converges);
    g_assert_cmpint(status->tally.planPrediction.remainingMs, >, status->tally.planAtMs);
    g_assert_cmpuint(status->tally.strongestThrottle, ==, 0);
}

/* The migration goes on without the plan's throttle: that it does not end as promised tells nothing. */
static void
testPlanStands(void)
{
    g_auto(script) s = { 0 };
    g_autofree char *reason = NULL;
    int i;

    scriptInit(&s, "adaptive,mode=observe", CONVERGE_METHOD_VCPU_QUOTA);
    runBusy(&s);
    g_assert_true(convergeLoopStatus(s.loop)->tally.planned);
    reason = g_strdup(convergeLoopStatus(s.loop)->reason);
    for (i = 0; i < 40; i++)
        scriptPass(&s, 150 * MB);
    g_assert_cmpstr(convergeLoopStatus(s.loop)->reason, ==, reason);
}

/* No rung is taken, and none is told as taken. */
static void
testTakesNoRung(void)
{
    g_auto(script) s = { 0 };
    const convergeStatus *status;

    scriptInit(&s, "adaptive,mode=observe,throttle=none,passes=2,fallback=abort", CONVERGE_METHOD_QEMU);
    runBusy(&s);
    status = convergeLoopStatus(s.loop);
    g_assert_cmpuint(s.nsaid, ==, 0);
    g_assert_cmpuint(status->rungs, ==, 0);
    g_assert_true(status->tally.planned);
}

/* Stock's throttle is what has been in force. */
static void
testStock(void)
{
    g_auto(script) s = { 0 };
    const convergeTally *tally;

    scriptInit(&s, "adaptive,mode=observe", CONVERGE_METHOD_QEMU);
    scriptSend(&s, 3000);
    scriptPass(&s, 150 * MB);
    s.sample.throttle = 95;
    scriptSend(&s, 1000);
    s.sample.throttle = 20;
    scriptSend(&s, 500);
    s.sample.paused = TRUE;
    scriptSend(&s, 400);
    tally = &convergeLoopStatus(s.loop)->tally;
    g_assert_cmpuint(tally->strongestThrottle, ==, 95);
    g_assert_cmpint(tally->strongestMs, ==, 1000);
    g_assert_cmpint(tally->heldMs, ==, 1000);
    g_assert_cmpfloat_with_epsilon(tally->throttledMs, 950 + 100, 0.1);
    g_assert_cmpint(tally->pausedMs, ==, 300);
}

/* A prediction counts from the first byte; only the first one is kept. */
static void
testPlan(void)
{
    convergeModel model = { .startMs = 1000, .last = { .timeMs = 5000 }, .lostMs = 700 };
    convergeDecision first = {
        .verb = CONVERGE_VERB_THROTTLE,
        .predicted = TRUE,
        .prediction = { .converges = TRUE, .remainingMs = 3000, .remaining = { 2000, 6000 }, .lostMs = 100, .lost = { 50, 200 }, .pauseMs = 30, .pause = { 20, 40 } },
    };
    const convergeDecision start = { .verb = CONVERGE_VERB_HOLD };
    convergeTally tally = { 0 };
    const convergePrediction *plan = &tally.planPrediction;

    convergeTallyDecide(&tally, &model, &start, "start");
    g_assert_false(tally.planned);
    convergeTallyDecide(&tally, &model, &first, "first");
    convergeTallyDecide(&tally, &model, &first, "second");
    g_assert_cmpstr(tally.plan, ==, "first");
    g_assert_cmpint(tally.planAtMs, ==, 4000);
    g_assert_cmpint(plan->remainingMs, ==, 7000);
    g_assert_cmpint(plan->remaining.leastMs, ==, 6000);
    g_assert_cmpint(plan->remaining.mostMs, ==, 10000);
    g_assert_cmpint(plan->lostMs, ==, 800);
    g_assert_cmpint(plan->lost.leastMs, ==, 750);
    g_assert_cmpint(plan->pauseMs, ==, 30);
    g_assert_cmpint(plan->pause.mostMs, ==, 40);
}

static gboolean
readSample(void *opaque,
           convergeSample *sample,
           GError **error G_GNUC_UNUSED)
{
    sample->iteration = *(const guint64 *)opaque;
    return TRUE;
}

/* The backend passes samples on, and nothing else. */
static void
testBackend(void)
{
    static const convergeBackendOps reads = { .sample = readSample };
    guint64 iteration = 7;
    const convergeBackend inner = { &reads, &iteration };
    const convergeBackendOps *ops = &convergeBackendObserveOps;
    const convergeDecision abort = { .verb = CONVERGE_VERB_ABORT };
    convergeSample sample = { 0 };
    g_autofree char *why = NULL;

    g_assert_true(ops->sample((void *)&inner, &sample, NULL));
    g_assert_cmpuint(sample.iteration, ==, 7);
    g_assert_cmpint(ops->choose((void *)&inner, CONVERGE_METHOD_AUTO, &why, NULL)->method, ==, CONVERGE_METHOD_VCPU_QUOTA);
    g_assert_nonnull(strstr(why, "vcpu-quota"));
    g_assert_true(ops->apply((void *)&inner, &abort, NULL));
    g_assert_true(ops->restore((void *)&inner, NULL));
    g_assert_null(ops->poll);
    g_assert_null(ops->probe);
    g_assert_null(ops->release);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/observe/does-nothing", testDoesNothing);
    g_test_add_func("/observe/plan-stands", testPlanStands);
    g_test_add_func("/observe/takes-no-rung", testTakesNoRung);
    g_test_add_func("/observe/stock", testStock);
    g_test_add_func("/observe/plan", testPlan);
    g_test_add_func("/observe/backend", testBackend);
    return g_test_run();
}
