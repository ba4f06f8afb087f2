/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * learntest.c: what a job learns of its switchover, and what it makes of earlier ones
 */
#include <string.h>

#include "engine/switchover.h"
#include "fakejob.h"
#include "fakeqemu.h"
#include "files.h"

#define NOTHING (-1)

static gint64 learned;
static double learnedBandwidth;

static void
learn(const convergeJob *job,
      gint64 overheadMs,
      double bandwidth)
{
    g_assert_cmpfloat(bandwidth, >, 0);
    g_assert_cmpstr(convergeJobGetDestination(job), ==, "b");
    learned = overheadMs;
    learnedBandwidth = bandwidth;
}

static void
sendMore(void)
{
    g_mutex_lock(&calls.lock);
    calls.sent += 1 << 24;
    g_mutex_unlock(&calls.lock);
}

/* Waits until the loop knows the link, and then for the end of the first pass, if @suspends, and the
 * switchover. */
static void
switchOver(convergeJob *job,
           gboolean suspends)
{
    convergeStatus status;

    do {
        awaitTurn();
        convergeJobGetStatus(job, &status);
    } while (status.bandwidth <= 0);
    g_mutex_lock(&calls.lock);
    calls.iteration = 2;
    calls.sent += 1 << 30; /* all of memory */
    while (suspends && calls.suspends == 0)
        g_cond_wait(&calls.changed, &calls.lock);
    calls.paused = TRUE;
    g_mutex_unlock(&calls.lock);
    awaitTurn();
    awaitTurn();
}

/* What libvirt has measured; 0: nothing. */
static void
complete(guint64 downtimeMs)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int max = 0;

    if (downtimeMs == 0)
        return;
    virTypedParamsAddULLong(&params, &nparams, &max, VIR_DOMAIN_JOB_DOWNTIME, downtimeMs);
    calls.completed(NULL, NULL, params, nparams, calls.completedOpaque);
    virTypedParamsFree(params, nparams);
}

static void
testLearns(void)
{
    static const struct {
        const convergeLibvirt *libvirt;
        const char *policy;
        gint64 bytes; /* sent while the guest stood still; -1: QEMU does not tell */
        guint64 downtimeMs;
        gboolean direct, cancelled;
        convergeJobEnd end;
        gint64 learned;
    } rows[] = {
        { &daemonCalls, ACTS, 0, 123, FALSE, FALSE, CONVERGE_JOB_DONE, 123 },
        { &daemonCalls, ACTS, 0, 123, TRUE, FALSE, CONVERGE_JOB_PENDING, 123 },
        { &daemonCalls, ACTS, 0, 123, TRUE, TRUE, CONVERGE_JOB_PENDING, NOTHING },
        { &daemonCalls, ACTS, 0, 123, FALSE, FALSE, CONVERGE_JOB_FAILED, NOTHING },
        { &daemonCalls, ACTS, 0, 0, FALSE, FALSE, CONVERGE_JOB_DONE, NOTHING },
        { &daemonCalls, ACTS, -1, 123, FALSE, FALSE, CONVERGE_JOB_DONE, NOTHING },
        { &daemonCalls, ACTS, G_GINT64_CONSTANT(1) << 40, 123, FALSE, FALSE, CONVERGE_JOB_DONE, NOTHING },
        /* The policy has paused the guest. */
        { &daemonCalls, "suspend,initial-downtime=50ms", 0, 123, FALSE, FALSE, CONVERGE_JOB_DONE, NOTHING },
        /* A client asks QEMU nothing. */
        { &client, ACTS, 0, 123, FALSE, FALSE, CONVERGE_JOB_DONE, NOTHING },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        gboolean suspends = g_str_has_prefix(rows[i].policy, "suspend");
        g_autoptr(convergeJob) job = NULL;

        g_test_message("row %d", (int)i);
        reset();
        learned = NOTHING;
        calls.look = sendMore;
        calls.iteration = suspends ? 1 : 2;
        qemu.downtimeBytes = rows[i].bytes;
        job = startWith(rows[i].policy, rows[i].libvirt,
                        (convergeJobOptions) { .name = "busy", .destination = "b", .learn = learn });
        switchOver(job, suspends);
        if (!rows[i].direct)
            complete(rows[i].downtimeMs);
        g_assert_true(convergeJobStop(job, rows[i].end));
        if (rows[i].cancelled) {
            g_assert_true(convergeJobRestore(job, (virDomainPtr)&calls));
        } else if (rows[i].direct) {
            convergeCompletionWatch *watch = convergeCompletionWatchStart(rows[i].libvirt, (virDomainPtr)&calls);

            g_assert_cmpint(learned, ==, NOTHING);
            complete(rows[i].downtimeMs);
            g_assert_true(convergeJobConfirm(job, watch));
        }
        g_assert_cmpint(learned, ==, rows[i].learned);
        g_assert_cmpint(calls.references, ==, 0);
    }
}

/* Of memory that is compressed, the link has carried less than was sent. */
static void
testLearnsTheLink(void)
{
    static const guint64 ratios[] = { 0, 4 };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(ratios); i++) {
        g_autoptr(convergeJob) job = NULL;
        convergeStatus status;

        reset();
        calls.look = sendMore;
        calls.iteration = 2;
        calls.ratio = ratios[i];
        qemu.downtimeBytes = 0;
        job = startWith(ACTS, &daemonCalls, (convergeJobOptions) { .name = "busy", .destination = "b", .learn = learn });
        switchOver(job, FALSE);
        complete(123);
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_DONE));
        convergeJobGetStatus(job, &status);
        g_assert_cmpfloat_with_epsilon(status.saved, ratios[i] > 0 ? 0.75 : 0, 0.01);
        g_assert_cmpfloat_with_epsilon(learnedBandwidth / status.bandwidth, ratios[i] > 0 ? 0.25 : 1, 0.01);
    }
}

/* While memory is still sent, QEMU is not asked. */
static void
testAsksNotTooSoon(void)
{
    g_autoptr(convergeJob) job = NULL;
    guint commands;

    reset();
    calls.remains = TRUE;
    job = startWith(ACTS, &daemonCalls, (convergeJobOptions) { .name = "busy", .learn = learn });
    awaitDowntime(50);
    calls.paused = TRUE;
    awaitTurn();
    commands = qemu.migrateQueries;
    awaitTurn();
    g_assert_cmpuint(qemu.migrateQueries, ==, commands);
    g_mutex_lock(&calls.lock);
    calls.remains = FALSE;
    g_mutex_unlock(&calls.lock);
    awaitTurn();
    awaitTurn();
    g_assert_cmpuint(qemu.migrateQueries, ==, commands + 1);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_DONE));
}

/* A watch that nobody waits for any more lets the domain go. */
static void
testDropped(void)
{
    reset();
    convergeCompletionWatchDrop(NULL);
    convergeCompletionWatchDrop(convergeCompletionWatchStart(&daemonCalls, (virDomainPtr)&calls));
    g_mutex_lock(&calls.lock);
    while (calls.references > 0)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

/* --- What is expected --- */

static gint64 known;

static gint64
expect(const convergeJob *job G_GNUC_UNUSED,
       char **why)
{
    if (known >= 0)
        *why = g_strdup("it was so");
    return known;
}

/* The journal tells what was expected and why; the downtime that is allowed at most is shorter by
 * that. */
static void
testExpects(void)
{
    static const struct {
        gint64 known;
        guint64 downtime; /* of 300 ms, without a margin of 26 ms and the overhead */
    } rows[] = { { NOTHING, 259 }, { 100, 174 }, { 0, 274 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *dir = g_build_filename(top, "journals", NULL);
        g_autofree char *line = g_strdup_printf("\"overhead_ms\":%d,\"text\":\"it was so\"", (int)rows[i].known);
        g_autofree char *path = NULL;
        g_autofree char *text = NULL;
        g_autoptr(convergeJob) job = NULL;
        convergeStatus status;

        reset();
        known = rows[i].known;
        job = startWith("adaptive,initial-downtime=300ms,max-downtime=300ms,actuator=qemu", &daemonCalls,
                        (convergeJobOptions) { .name = "busy", .journalDir = dir, .expect = expect });
        awaitDowntime(rows[i].downtime);
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_DONE));
        convergeJobGetStatus(job, &status);
        path = g_build_filename(dir, status.journal, NULL);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_true((strstr(text, line) != NULL) == (known >= 0));
        g_assert_true((strstr(text, "\"type\":\"overhead\"") != NULL) == (known >= 0));
        filesRemove(dir);
    }
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    jobsInit();
    g_test_add_func("/learn/learns", testLearns);
    g_test_add_func("/learn/link", testLearnsTheLink);
    g_test_add_func("/learn/asks-not-too-soon", testAsksNotTooSoon);
    g_test_add_func("/learn/dropped", testDropped);
    g_test_add_func("/learn/expects", testExpects);
    status = g_test_run();
    jobsClear();
    return status;
}
