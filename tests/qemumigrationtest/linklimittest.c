/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linklimittest.c: a migration keeps to its part of what may be sent
 */
#include "fakejob.h"
#include "fakeqemu.h"

#define MIB (1024 * 1024)
#define BANDWIDTH G_GINT64_CONSTANT(1000000000)

static gint nSharers; /* atomic */

static guint
sharers(void)
{
    return (guint)g_atomic_int_get(&nSharers);
}

static convergeJob *
startLimited(const char *policy,
             guint64 sent,
             gint64 bandwidth)
{
    reset();
    calls.sent = sent;
    fakeQemuSetParam(CONVERGE_PARAM_BANDWIDTH, bandwidth);
    return startWith(policy, &daemonCalls, (convergeJobOptions) { .name = "busy", .sharers = sharers });
}

/* Another client sets what the migration may send, which is then the ceiling. */
static void
setOutside(gint64 bandwidth)
{
    awaitTurn();
    fakeQemuSetParam(CONVERGE_PARAM_BANDWIDTH, bandwidth);
    awaitTurn();
}

/* The smallest of all bounds holds, and none is set where nothing is to be done. */
static void
testParts(void)
{
    static const struct {
        const char *policy;
        gint sharers;
        guint64 sent;
        gint64 bandwidth; /* as libvirt has set it */
        gint64 limited;
    } rows[] = {
        { "adaptive,link-limit=100", 1, MIB, BANDWIDTH, 100 * MIB },
        { "adaptive,link-limit=100", 4, MIB, BANDWIDTH, 25 * MIB },
        { "adaptive,link-limit=100", 0, MIB, BANDWIDTH, 100 * MIB }, /* it is not counted yet */
        { "adaptive,link-limit=100", 1, MIB, 0, 100 * MIB },         /* 0: no bound */
        { "adaptive,link-limit=100", 2, MIB, 40 * MIB, 40 * MIB },
        { "adaptive,link-limit=100", 1, 0, BANDWIDTH, BANDWIDTH }, /* libvirt has set nothing yet */
        { "adaptive", 2, MIB, BANDWIDTH, BANDWIDTH },
        { "adaptive,link-limit=100,mode=observe", 1, MIB, BANDWIDTH, BANDWIDTH },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeJob) job = NULL;

        g_atomic_int_set(&nSharers, rows[i].sharers);
        job = startLimited(rows[i].policy, rows[i].sent, rows[i].bandwidth);
        awaitTurn();
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, rows[i].limited);
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, rows[i].bandwidth);
        g_assert_false(hasRecord());
    }
}

/* The part follows the number of those that share. */
static void
testNeighbours(void)
{
    static const gint counts[] = { 1, 3, 2, 1 };
    g_autoptr(convergeJob) job = startLimited("adaptive,link-limit=60", MIB, BANDWIDTH);
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_atomic_int_set(&nSharers, counts[i]);
        awaitTurn();
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, 60 * MIB / counts[i]);
    }
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, BANDWIDTH);
}

/* What somebody else sets in the middle is a ceiling, too, and is what remains. */
static void
testOutside(void)
{
    static const gint64 outside[] = { 30 * MIB, 2 * BANDWIDTH };
    gsize i;

    g_atomic_int_set(&nSharers, 1);
    for (i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_autoptr(convergeJob) job = startLimited("adaptive,link-limit=100", MIB, BANDWIDTH);

        setOutside(outside[i]);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, MIN(outside[i], 100 * MIB));
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_BANDWIDTH), ==, outside[i]);
    }
}

/* A QEMU that does not take the limit is told of once, and the migration goes on under its policy. */
static void
testRefused(void)
{
    g_autoptr(convergeJob) job = NULL;

    reset();
    calls.sent = MIB;
    qemu.refused = "max-bandwidth";
    job = start("adaptive,link-limit=100", &daemonCalls);
    awaitTurn();
    awaitTurn();
    g_assert_cmpuint(logged("QEMU refused a command"), ==, 1);
    g_assert_cmpint(stateOf(job), !=, CONVERGE_STATE_ASIDE);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    jobsInit();
    g_test_add_func("/link-limit/parts", testParts);
    g_test_add_func("/link-limit/neighbours", testNeighbours);
    g_test_add_func("/link-limit/outside", testOutside);
    g_test_add_func("/link-limit/refused", testRefused);
    status = g_test_run();
    jobsClear();
    return status;
}
