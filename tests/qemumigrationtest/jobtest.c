/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jobtest.c: the thread of a job, from its start until everything is put back
 */
#include <string.h>

#include "fakejob.h"
#include "fakeqemu.h"

/* --- How a migration ends --- */

static void
testEnds(void)
{
    static const struct {
        convergeJobEnd end;
        convergeState state;
        gboolean pristine; /* QEMU's parameters are as they were */
        gboolean record;   /* there is one left */
    } rows[] = {
        { CONVERGE_JOB_FAILED, CONVERGE_STATE_FAILED, TRUE, FALSE },
        { CONVERGE_JOB_PENDING, CONVERGE_STATE_DONE, FALSE, TRUE },
        { CONVERGE_JOB_DONE, CONVERGE_STATE_DONE, FALSE, FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeJob) job = NULL;

        reset();
        job = start(ACTS, &daemonCalls);
        awaitDowntime(50);
        awaitTurn();
        g_assert_true(hasRecord());
        g_assert_cmpint(calls.references, ==, 1);
        g_assert_true(convergeJobStop(job, rows[i].end));
        g_assert_cmpint(stateOf(job), ==, rows[i].state);
        g_assert_true((fakeQemuParam(CONVERGE_PARAM_DOWNTIME) == 300) == rows[i].pristine);
        g_assert_true(hasRecord() == rows[i].record);
        g_assert_cmpuint(calls.left, ==, 1);
        g_assert_cmpuint(calls.identities, ==, 1);
        g_assert_cmpint(calls.references, ==, 0);

        if (rows[i].end == CONVERGE_JOB_PENDING)
            g_assert_true(convergeJobRestore(job, (virDomainPtr)&calls));
        g_assert_false(hasRecord());
        g_assert_cmpint(calls.references, ==, 0);
        g_assert_true((fakeQemuParam(CONVERGE_PARAM_DOWNTIME) == 300) ==
                      (rows[i].end != CONVERGE_JOB_DONE));
    }
}

/* Until Confirm a daemon that starts anew would put things back. */
static void
testConfirm(void)
{
    g_autoptr(convergeJob) job = NULL;

    reset();
    job = start(ACTS, &daemonCalls);
    awaitDowntime(50);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_PENDING));
    g_assert_true(hasRecord());
    g_assert_true(convergeJobConfirm(job, NULL));
    g_assert_false(hasRecord());
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 50);
    g_assert_cmpuint(calls.left, ==, 2);
}

/* What the caller has stated is libvirt's to take back, once memory has moved. */
static void
testCallerThrottle(void)
{
    g_autoptr(convergeJob) job = NULL;

    reset();
    job = startWith("stepped,initial-throttle=40", &client,
                    (convergeJobOptions) { .callerThrottle = TRUE });
    awaitTurn();
    g_assert_true(convergeJobCallerThrottles(job));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 40);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 40);
}

/* --- No more acts --- */

static convergeJob *current; /* of the test, for calls.look */

static void
overNow(void)
{
    convergeJobOver(current);
}

static void
awaitStopping(void)
{
    while (!convergeJobIsStopping(current))
        g_usleep(1000);
}

/* libvirt's job ends, or the migration call returns, while the loop looks: what it has decided
 * is not done any more. */
static void
testTooLate(void)
{
    void (*const looks[])(void) = { overNow, awaitStopping };
    guint n;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(looks); i++) {
        g_autoptr(convergeJob) job = NULL;

        reset();
        calls.iteration = 1;
        current = job = start("suspend", &client);
        awaitTurn();
        g_mutex_lock(&calls.lock);
        n = calls.looks;
        calls.iteration = 2;
        calls.look = looks[i];
        calls.hangs = TRUE;
        g_mutex_unlock(&calls.lock);
        awaitLooks(n + 1);
        letLook();
        if (i == 0)
            awaitStopping();
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
        g_assert_cmpuint(calls.suspends, ==, 0);
        g_assert_cmpuint(calls.looks, ==, n + 1);
        g_assert_null(convergeJobExplainRung(job, NULL));
    }
}

/* Until the call returns the thread takes no more turns, not even such as see nothing. */
static void
testOver(void)
{
    g_autoptr(convergeJob) job = NULL;
    gint reads;

    reset();
    job = start(ACTS, &client);
    awaitDowntime(50);
    convergeJobOver(job);
    reads = g_atomic_int_get(&clockReads);
    g_usleep(50000);
    g_assert_cmpint(g_atomic_int_get(&clockReads), <, reads + 100); /* one may be under way */
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
}

/* A QEMU that does not answer keeps no caller waiting, and what was changed goes back when it
 * does. */
static void
testHangs(void)
{
    g_autoptr(convergeJob) job = NULL;
    g_autofree char *trouble = NULL;

    reset();
    job = start(ACTS, &client);
    awaitDowntime(50);
    g_mutex_lock(&calls.lock);
    calls.hangs = TRUE;
    calls.looks = 0;
    g_mutex_unlock(&calls.lock);
    awaitLooks(1);

    g_atomic_int_set(&shiftMs, AT_ONCE_MS);
    g_assert_false(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_atomic_int_set(&shiftMs, 0);
    trouble = convergeJobTakeTrouble(job);
    g_assert_nonnull(strstr(trouble, "does not answer"));
    g_assert_cmpuint(calls.left, ==, 0);

    letLook();
    g_mutex_lock(&calls.lock);
    while (calls.left == 0)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 300);
}

/* --- Before the first look --- */

static gboolean
refuse(convergeJob *job G_GNUC_UNUSED,
       virDomainPtr dom G_GNUC_UNUSED,
       GError **error)
{
    g_assert_cmpuint(calls.identities, ==, 1);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, "not yet");
    return FALSE;
}

static gboolean
refuseWhenOver(convergeJob *job,
               virDomainPtr dom,
               GError **error)
{
    current = job;
    awaitStopping();
    return refuse(job, dom, error);
}

/* A job that may not enter stands aside, which is told once, and changes nothing. */
static void
testMayNotEnter(void)
{
    const convergeLibvirt *const callers[] = { &client, &daemonCalls };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(callers); i++) {
        g_autoptr(convergeJob) job = NULL;
        g_autofree char *trouble = NULL;

        reset();
        job = startWith("suspend", callers[i], (convergeJobOptions) { .name = "busy", .enter = refuse });
        awaitTurn();
        g_assert_cmpint(stateOf(job), ==, CONVERGE_STATE_ASIDE);
        g_assert_cmpuint(calls.suspends + qemu.paramSets, ==, 0);
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));

        trouble = convergeJobTakeTrouble(job);
        if (i == 0) {
            g_assert_cmpstr(trouble, ==, "the migration goes on without a policy: not yet");
            g_assert_null(convergeJobTakeTrouble(job));
        } else {
            g_assert_null(trouble);
            g_assert_cmpstr(calls.log->str, ==, "busy: the migration goes on without a policy: not yet\n");
        }
    }
}

/* A wait that is broken off, since libvirt's job is over, is no trouble. */
static void
testOverBeforeEntering(void)
{
    g_autoptr(convergeJob) job = NULL;

    reset();
    job = startWith("suspend", &client, (convergeJobOptions) { .enter = refuseWhenOver });
    convergeJobOver(job);
    g_mutex_lock(&calls.lock);
    while (calls.identities == 0)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
    g_usleep(20000); /* most likely the wait has ended by now */
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_null(convergeJobTakeTrouble(job));
    g_assert_cmpuint(calls.looks, ==, 0);
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    jobsInit();
    g_test_add_func("/job/ends", testEnds);
    g_test_add_func("/job/confirm", testConfirm);
    g_test_add_func("/job/caller-throttle", testCallerThrottle);
    g_test_add_func("/job/too-late", testTooLate);
    g_test_add_func("/job/over", testOver);
    g_test_add_func("/job/hangs", testHangs);
    g_test_add_func("/job/may-not-enter", testMayNotEnter);
    g_test_add_func("/job/over-before-entering", testOverBeforeEntering);
    status = g_test_run();
    jobsClear();
    return status;
}
