/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methodtest.c: how a throttle method is chosen, acts, gives way, and what is measured for it
 */
#include <string.h>

#include "engine/loop.h"
#include "fakeguest.h"
#include "qemu/cpus.h"
#include "qemu/dirty_probe.h"
#include "throttle/dirty_limit.h"

/* --- Throttling --- */

/* A method that gives way puts its limits back before the next one acts, with the same
 * strength. */
static void
testGivesWay(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    convergeSample sample;

    g_string_set_size(calls.course, 0);
    qemu.refusesLimit = TRUE;
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60, NULL));
    g_assert_true(comesBefore("cancel-vcpu-dirty-limit", "migrate-set-parameters"));
    g_assert_cmpint(fakeQemuLimits(), ==, 0);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 60);

    /* Whatever QEMU throttles by now is its own. */
    g_assert_cmpint(turn(backend, &sample), ==, CONVERGE_METHOD_QEMU);
    g_assert_cmpuint(sample.throttle, ==, 0);
    calls.throttle = 60;
    turn(backend, &sample);
    g_assert_cmpuint(sample.throttle, ==, 60);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

/* What is in force is the strongest of all throttles. */
static void
testInForce(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    convergeSample sample;

    calls.throttle = 30;
    turn(backend, &sample);
    g_assert_cmpuint(sample.throttle, ==, 50);
    calls.throttle = 70;
    turn(backend, &sample);
    g_assert_cmpuint(sample.throttle, ==, 70);
}

/* Where a limit acts, QEMU's own throttle is told to hold still, and is told nothing more while
 * the limit changes. */
static void
testHoldsStill(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    convergeSample sample;

    g_assert_cmpuint(qemu.paramSets, ==, 0);
    g_assert_true(say(backend, CONVERGE_VERB_HOLD, 0, NULL));
    g_assert_cmpuint(qemu.paramSets, ==, 1);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_THRESHOLD), ==, 100);
    turn(backend, &sample);
    g_assert_cmpuint(sample.throttle, ==, 0);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 70, NULL));
    g_assert_cmpuint(qemu.paramSets, ==, 1);
}

/* A step is QEMU's own throttle's, and leaves the limit as it is. */
static void
testStep(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);

    g_assert_true(say(backend, CONVERGE_VERB_STEP, 70, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 70);
    g_assert_cmpint(qemu.limits[0], ==, 120);
}

/* After a command that failed, either of two limits may be in force: both are put back. */
static void
testFailedLimit(void)
{
    static const gint64 limits[] = { 120, 60 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);

        calls.failsOnce = "set-vcpu-dirty-limit";
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 75, NULL));
        g_assert_cmpint(fakeQemuLimits(), ==, 0);

        g_clear_pointer(&backend, convergeBackendLibvirtFree);
        backend = newLimited(&clientCalls, 50);
        qemu.refused = "cancel-vcpu-dirty-limit";
        calls.failsOnce = "set-vcpu-dirty-limit";
        g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 75, NULL));
        qemu.refused = NULL;
        qemu.limits[0] = limits[i];
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(qemu.limits[0], ==, 0);
    }
}

/* One limit that cannot be cancelled keeps no other. */
static void
testCancelGoesOn(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    gint64 sum = fakeQemuLimits();

    qemu.limits[1] = 777; /* set by another program: each is cancelled by itself */
    calls.failsOnce = "cancel-vcpu-dirty-limit";
    g_assert_false(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuLimits(), <, sum - 1 + 777);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuLimits(), ==, 777);
}

/* What was said to QEMU before a method was chosen is put back all the same. */
static void
testChosenLater(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60, NULL));
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
}

/* A parameter that this QEMU does not know is neither set nor put back. */
static void
testUnknownParam(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    calls.unknown = "cpu-throttle-tailslow";
    g_assert_true(say(backend, CONVERGE_VERB_STEP, 60, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 60, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 60);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);
}

/* A guest that runs at the destination is paused here, even if post-copy has failed. */
static void
testPostcopy(void)
{
    static const struct {
        int reason;
        gboolean postcopy;
    } rows[] = {
        { VIR_DOMAIN_PAUSED_USER, FALSE },
        { VIR_DOMAIN_PAUSED_MIGRATION, FALSE },
        { VIR_DOMAIN_PAUSED_POSTCOPY, TRUE },
        { VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, TRUE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
        convergeSample sample = { 0 };

        reset();
        qemu.paused = TRUE;
        calls.reason = rows[i].reason;
        g_assert_true(convergeBackendLibvirtOps.sample(backend, &sample, NULL));
        g_assert_true(sample.paused);
        g_assert_true(sample.postcopy == rows[i].postcopy);
    }
}

/* A paused guest has not come to a stop under its limit; a running one that writes nothing
 * has. */
static void
testPausedIsNoStall(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    convergeSample sample;
    int i;

    memset(qemu.current, 0, sizeof(qemu.current));
    qemu.paused = TRUE;
    for (i = 0; i < 10; i++) {
        shiftMs += 2000;
        g_assert_cmpint(turn(backend, &sample), ==, CONVERGE_METHOD_DIRTY_LIMIT);
    }
    qemu.paused = FALSE;
    for (i = 0; i < 2; i++) {
        shiftMs += CONVERGE_DIRTY_LIMIT_STALL_MS;
        turn(backend, &sample);
    }
    g_assert_cmpint(turn(backend, &sample), ==, CONVERGE_METHOD_QEMU);
    g_assert_cmpint(fakeQemuLimits(), ==, 0);
}

/* A guest that stands still while its vCPUs are measured tells nothing of them. */
static void
testPausedIsNotMeasured(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
    convergeSample sample;

    reset();
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_DIRTY_LIMIT, NULL));
    qemu.paused = TRUE;
    shiftMs += 2000;
    g_assert_cmpint(turn(backend, &sample), ==, CONVERGE_METHOD_QEMU);
}

/* Two methods need the measurement, and QEMU makes it once. */
static void
testMeasuredOnce(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&daemonCalls, 50);
    const char *first = strstr(calls.course->str, "calc-dirty-rate");

    g_assert_nonnull(first);
    g_assert_null(strstr(first + 1, "calc-dirty-rate"));

    /* Nor again when it is known. */
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_AUTO, NULL));
    g_assert_null(strstr(first + 1, "calc-dirty-rate"));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

/* --- Choosing --- */

/* A guest that is paused for its handover is not given up: the method is chosen when the guest
 * runs again, and nothing is decided before. */
static void
testChoosesAgain(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("adaptive", NULL);
    g_autoptr(convergeBackendLibvirt) libvirt = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    convergeBackend backend = { &convergeBackendLibvirtOps, libvirt };
    g_autoptr(convergeLoop) loop = convergeLoopNew(policy, &backend, CONVERGE_POSTCOPY_NO_FLAG,
                                                   NULL, NULL);

    reset();
    qemu.thread = 0;
    qemu.paused = TRUE;
    convergeLoopStep(loop);
    convergeLoopStep(loop);
    g_assert_false(convergeStateIsAside(convergeLoopStatus(loop)->state));
    g_assert_null(convergeLoopStatus(loop)->throttle);
    g_assert_cmpuint(qemu.paramSets, ==, 0);
    g_assert_cmpint(calls.downtime, ==, 0);

    qemu.thread = child;
    qemu.paused = FALSE;
    convergeLoopStep(loop);
    g_assert_nonnull(convergeLoopStatus(loop)->throttle);
    g_assert_true(convergeBackendLibvirtOps.restore(libvirt, NULL));
}

/* --- Measuring --- */

/* A probe has a result only if the throttle stayed and the guest ran, and only once. */
static void
testProbeSpoilt(void)
{
    static const struct {
        unsigned int throttle; /* halfway */
        gboolean paused;
        const char *measured;
        gint64 ms; /* of the result; 0: none */
    } rows[] = {
        { 40, FALSE, "measured", 1000 },
        { 50, FALSE, "measured", 0 },
        { 40, TRUE, "measured", 0 },
        { 40, FALSE, "unstarted", 0 },
        { 50, TRUE, "measured", 0 },
        { 40, FALSE, "measured", 1000 },
    };
    convergeDirtyProbe probe = { 0 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeSample start = { .timeMs = 1, .throttle = 40 };
        convergeSample middle = { .timeMs = 500, .throttle = rows[i].throttle, .paused = rows[i].paused };
        convergeSample early = { .timeMs = 1100, .throttle = 40 };
        convergeSample end = { .timeMs = 1200, .throttle = 40 };

        reset();
        g_assert_true(convergeDirtyProbeStart(&probe, &monitor, 1 << 30, 40, NULL));
        probe.startMs = 1;
        convergeDirtyProbeCollect(&probe, &monitor, &start);
        convergeDirtyProbeCollect(&probe, &monitor, &middle);
        qemu.measured = "measuring";
        convergeDirtyProbeCollect(&probe, &monitor, &early);
        g_assert_cmpuint(early.probeId, ==, i);
        qemu.measured = rows[i].measured;
        convergeDirtyProbeCollect(&probe, &monitor, &end);
        g_assert_cmpuint(end.probeId, ==, i + 1);
        g_assert_cmpint(end.probeMs, ==, rows[i].ms);
        g_assert_cmpuint(end.probeThrottle, ==, 40);
    }
}

static void
delayProbe(const char *name)
{
    if (g_str_equal(name, "calc-dirty-rate"))
        shiftMs += 5000;
}

/* QEMU took its time to start: the probe's second begins when QEMU has answered. */
static void
testProbeStart(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
    convergeSample sample;

    reset();
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    turn(backend, &sample);
    calls.before = delayProbe;
    g_assert_true(convergeBackendLibvirtOps.probe(backend, NULL));
    turn(backend, &sample);
    g_assert_cmpuint(sample.probeId, ==, 0);
    shiftMs += 1500;
    turn(backend, &sample);
    g_assert_cmpuint(sample.probeId, ==, 1);
}

/* --- vCPUs --- */

static void
testCpus(void)
{
    static const struct {
        const char *reply;
        guint n; /* 0: an error */
    } rows[] = {
        { "{\"return\":[{\"cpu-index\":3,\"thread-id\":11},{\"cpu-index\":1,\"thread-id\":12}]}", 2 },
        { "{\"return\":[{\"thread-id\":11}]}", 1 },
        { "{\"return\":[]}", 0 },
        { "{\"return\":{}}", 0 },
        { "{\"return\":[{\"cpu-index\":0}]}", 0 },
        { "{\"return\":[{\"thread-id\":11},{\"thread-id\":0}]}", 0 },
        { "{\"return\":[{\"thread-id\":-1}]}", 0 },
        { "{\"return\":[{\"thread-id\":2147483648}]}", 0 },
        { "{\"return\":[{\"thread-id\":11},7]}", 0 },
        { "{\"error\":{\"desc\":\"no\"}}", 0 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeQemuCpus) cpus = NULL;
        g_autoptr(GError) error = NULL;

        reset();
        calls.cpus = rows[i].reply;
        cpus = convergeQemuCpusQuery(&monitor, &error);
        g_test_message("%s", rows[i].reply);
        if (rows[i].n == 0) {
            g_assert_null(cpus);
            g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
            continue;
        }
        g_assert_no_error(error);
        g_assert_cmpuint(cpus->threads->len, ==, rows[i].n);
        g_assert_cmpuint(cpus->indexes->len, ==, rows[i].n);
        g_assert_cmpint(g_array_index(cpus->threads, pid_t, 0), ==, 11);
        g_assert_cmpint(g_array_index(cpus->indexes, gint64, 0), ==, rows[i].n == 2 ? 3 : -1);
    }
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    guestsInit();
    g_test_add_func("/method/throttle/gives-way", testGivesWay);
    g_test_add_func("/method/throttle/in-force", testInForce);
    g_test_add_func("/method/throttle/holds-still", testHoldsStill);
    g_test_add_func("/method/throttle/step", testStep);
    g_test_add_func("/method/throttle/failed-limit", testFailedLimit);
    g_test_add_func("/method/throttle/cancel-goes-on", testCancelGoesOn);
    g_test_add_func("/method/throttle/chosen-later", testChosenLater);
    g_test_add_func("/method/params/unknown", testUnknownParam);
    g_test_add_func("/method/paused/postcopy", testPostcopy);
    g_test_add_func("/method/paused/no-stall", testPausedIsNoStall);
    g_test_add_func("/method/paused/not-measured", testPausedIsNotMeasured);
    g_test_add_func("/method/measured-once", testMeasuredOnce);
    g_test_add_func("/method/chooses-again", testChoosesAgain);
    g_test_add_func("/method/probe/spoilt", testProbeSpoilt);
    g_test_add_func("/method/probe/start", testProbeStart);
    g_test_add_func("/method/cpus", testCpus);
    status = g_test_run();
    guestsClear();
    return status;
}
