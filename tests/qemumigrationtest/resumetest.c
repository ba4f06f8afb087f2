/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resumetest.c: a guest that was paused during its migration runs again, on one host only
 */
#include "fakeqemu.h"
#include "qemu/guest_resume.h"

#define BANDWIDTH 1000000000

/* A guest that is paused while its migration sends memory. */
static void
pauseGuest(void)
{
    qemu = fakeQemuPristine;
    qemu.status = "active";
    qemu.runState = "paused";
    qemu.remaining = 1 << 30;
}

/* While the guest is told to run, QEMU is to send as little as it can. */
static void
testRuns(void)
{
    pauseGuest();
    g_assert_true(convergeGuestResume(&fakeMonitor, NULL));
    g_assert_cmpstr(qemu.runState, ==, "running");
    g_assert_cmpint(qemu.bandwidthAtCont, >, 0);
    g_assert_cmpint(qemu.bandwidthAtCont, <=, 64 * 1024);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, BANDWIDTH);
}

/* max-bandwidth is 0 where nothing bounds it. */
static void
testUnbounded(void)
{
    pauseGuest();
    fakeQemuSetParam(CONVERGE_PARAM_BANDWIDTH, 0);
    g_assert_true(convergeGuestResume(&fakeMonitor, NULL));
    g_assert_cmpint(qemu.bandwidthAtCont, >, 0);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, 0);
}

static void
testRunsAlready(void)
{
    pauseGuest();
    qemu.runState = "running";
    g_assert_true(convergeGuestResume(&fakeMonitor, NULL));
    g_assert_cmpint(qemu.paramSets, ==, 0);
    g_assert_cmpint(qemu.bandwidthAtCont, ==, 0);
}

static void
assertRefused(int code)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(convergeGuestResume(&fakeMonitor, &error));
    g_assert_error(error, CONVERGE_ERROR, code);
    g_assert_cmpint(qemu.bandwidthAtCont, ==, 0);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, BANDWIDTH);
}

/* QEMU lets a guest run whose memory has all been sent, although the destination may run it. */
static void
testTooLate(void)
{
    static const char *const statuses[] = { "none", "setup", "pre-switchover", "device", "completed", "failed",
                                            "cancelling", "postcopy-active", "postcopy-paused" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(statuses); i++) {
        pauseGuest();
        qemu.status = statuses[i];
        assertRefused(CONVERGE_ERROR_QEMU);
    }

    pauseGuest();
    qemu.remaining = CONVERGE_RESUME_LEAST - 1;
    assertRefused(CONVERGE_ERROR_QEMU);
    qemu.remaining = CONVERGE_RESUME_LEAST;
    g_assert_true(convergeGuestResume(&fakeMonitor, NULL));
}

/* Only a guest that a command has paused: not one with a broken disk, nor one that is handed over. */
static void
testOtherPause(void)
{
    static const char *const states[] = { "finish-migrate", "postmigrate", "io-error", "internal-error", "shutdown" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(states); i++) {
        pauseGuest();
        qemu.runState = states[i];
        assertRefused(CONVERGE_ERROR_QEMU);
    }
}

/* If everything is sent all the same, the guest does not run on. */
static void
testEndsMeanwhile(void)
{
    g_autoptr(GError) error = NULL;

    pauseGuest();
    qemu.endsAtCont = "completed";
    g_assert_false(convergeGuestResume(&fakeMonitor, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    g_assert_cmpint(qemu.bandwidthAtCont, >, 0);
    g_assert_cmpstr(qemu.runState, ==, "paused");
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, BANDWIDTH);
}

/* Whatever QEMU refuses, it may send as much as before. */
static void
testFailures(void)
{
    static const char *const refused[] = { "query-status", "query-migrate-parameters", "migrate-set-parameters",
                                           "query-migrate", "cont" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(refused); i++) {
        pauseGuest();
        qemu.refused = refused[i];
        assertRefused(CONVERGE_ERROR_QEMU);
        g_assert_cmpstr(qemu.runState, ==, "paused");
    }
}

/* A guest that runs keeps no bound because QEMU was busy once. */
static void
testLiftedAgain(void)
{
    pauseGuest();
    qemu.refusedAtRuns = 2;
    g_assert_true(convergeGuestResume(&fakeMonitor, NULL));
    g_assert_cmpstr(qemu.runState, ==, "running");
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, BANDWIDTH);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resume/runs", testRuns);
    g_test_add_func("/resume/unbounded", testUnbounded);
    g_test_add_func("/resume/lifted-again", testLiftedAgain);
    g_test_add_func("/resume/runs-already", testRunsAlready);
    g_test_add_func("/resume/too-late", testTooLate);
    g_test_add_func("/resume/other-pause", testOtherPause);
    g_test_add_func("/resume/ends-meanwhile", testEndsMeanwhile);
    g_test_add_func("/resume/failures", testFailures);
    return g_test_run();
}
