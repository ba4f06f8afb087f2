/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jobtelltest.c: what a job tells, and what it is told
 */
#include <string.h>

#include "fakejob.h"
#include "fakeqemu.h"
#include "files.h"
#include "undo/undo_file.h"

/* --- What is told --- */

/* A second goes by, in which a gigabyte is sent. */
static void
goOn(void)
{
    g_atomic_int_add(&shiftMs, 1000);
    g_mutex_lock(&calls.lock);
    calls.sent += 1 << 30;
    g_mutex_unlock(&calls.lock);
}

/* A rung is logged once, with the name of the options; the author of the policy is told. */
static void
testRung(void)
{
    static const struct {
        convergeLayer layer;
        const char *author;
    } rows[] = {
        { CONVERGE_LAYER_CALL, "as the migration call asks" },
        { CONVERGE_LAYER_HOST, "as the host's configuration asks" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeJob) job = NULL;
        g_autofree char *text = NULL;
        convergeVerb verb = CONVERGE_VERB_LAST;

        reset();
        calls.look = goOn;
        job = startBy(rows[i].layer, "stepped,transfer-factor=2,fallback=suspend", &daemonCalls,
                      (convergeJobOptions) { .name = "busy" });
        awaitLooks(4);
        awaitTurn();
        g_assert_cmpuint(calls.suspends, ==, 1);
        text = convergeJobExplainRung(job, &verb);
        g_assert_cmpint(verb, ==, CONVERGE_VERB_SUSPEND);
        g_assert_nonnull(strstr(text, rows[i].author));
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
        g_assert_cmpuint(logged("busy: fallback of the converge policy"), ==, 1);
        g_assert_cmpuint(logged(rows[i].author), ==, 1);
        g_assert_cmpuint(logged("forged"), ==, 0);
    }
}

/* Only the first trouble is kept for the caller.  A guest that is gone needs nothing put back. */
static void
testTrouble(void)
{
    int gone;

    for (gone = 0; gone < 2; gone++) {
        g_autoptr(convergeJob) job = NULL;
        g_autofree char *trouble = NULL;

        reset();
        job = start(ACTS, &client);
        awaitDowntime(50);
        awaitTurn();
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_PENDING));
        g_assert_null(convergeJobTakeTrouble(job));
        qemu.refused = "query-migrate-parameters";
        calls.shutOff = gone != 0;
        g_assert_true(convergeJobRestore(job, (virDomainPtr)&calls));
        qemu.refused = "no such command";
        qemu.dies = qemu.commands + 1;
        g_assert_true(convergeJobRestore(job, (virDomainPtr)&calls));
        trouble = convergeJobTakeTrouble(job);
        if (gone)
            g_assert_null(trouble);
        else
            g_assert_nonnull(strstr(trouble, "it does not want to"));
        g_assert_null(convergeJobTakeTrouble(job));
    }
}

/* The journal is named after the guest; where there can be none, that is told. */
static void
testJournal(void)
{
    g_autoptr(convergeJob) job = NULL;
    g_autoptr(convergeJob) without = NULL;
    g_autofree char *file = g_build_filename(top, "file", NULL);
    g_autofree char *journals = g_build_filename(top, "journals", NULL);
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    g_autofree char *trouble = NULL;
    convergeStatus status;

    reset();
    job = startWith(ACTS, &client, (convergeJobOptions) { .name = "busy", .journalDir = journals });
    awaitTurn();
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_null(convergeJobTakeTrouble(job));
    convergeJobGetStatus(job, &status);
    g_assert_true(g_str_has_prefix(status.journal, "busy-"));
    path = g_build_filename(journals, status.journal, NULL);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "\"client\""));
    g_assert_nonnull(strstr(text, JOB_UUID));

    reset();
    filesPut(file, "");
    without = startWith(ACTS, &client, (convergeJobOptions) { .name = "busy", .journalDir = file });
    awaitTurn();
    g_assert_true(convergeJobStop(without, CONVERGE_JOB_FAILED));
    trouble = convergeJobTakeTrouble(without);
    g_assert_nonnull(trouble);
}

/* The record has the name of the options, too. */
static void
testNames(void)
{
    g_autoptr(convergeJob) job = NULL;
    g_autoptr(convergeUndoRecord) record = NULL;

    reset();
    job = start(ACTS, &daemonCalls);
    awaitDowntime(50);
    record = convergeUndoFileLoad(records, JOB_UUID);
    g_assert_cmpstr(record->name, ==, "busy");
    g_assert_cmpstr(convergeJobGetUUID(job), ==, JOB_UUID);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
}

/* --- Downtime from outside --- */

static void
testOutsideDowntime(void)
{
    g_autoptr(convergeJob) job = NULL;
    g_autoptr(convergeJob) ignores = NULL;
    g_autoptr(convergeJob) aside = NULL;

    /* What the policy has not set yet is not limited. */
    reset();
    calls.hangs = TRUE;
    job = start(ACTS, &client);
    awaitLooks(1);
    g_assert_cmpint(convergeJobOutsideDowntime(job, 7000), ==, 7000);
    letLook();

    awaitDowntime(50);
    awaitTurn();
    g_assert_cmpint(convergeJobOutsideDowntime(job, 7000), ==, 50);
    g_assert_cmpint(convergeJobOutsideDowntime(job, 20), ==, 20);
    convergeJobSetCeiling(job, 20);
    awaitDowntime(20);
    convergeJobSetCeiling(job, 0);
    awaitDowntime(1);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));

    reset();
    ignores = start(ACTS ",outside-downtime=ignore", &client);
    awaitDowntime(50);
    awaitTurn();
    g_assert_cmpint(convergeJobOutsideDowntime(ignores, 20), ==, 50);
    g_assert_cmpint(convergeJobOutsideDowntime(ignores, 7000), ==, 50);
    convergeJobSetCeiling(ignores, 20);
    awaitTurn();
    g_assert_cmpuint(calls.downtime, ==, 50);
    g_assert_true(convergeJobStop(ignores, CONVERGE_JOB_FAILED));

    /* A job that stands aside limits no other program. */
    reset();
    aside = start(ACTS, &client);
    awaitDowntime(50);
    awaitTurn();
    g_mutex_lock(&calls.lock);
    calls.refuses = TRUE;
    g_mutex_unlock(&calls.lock);
    convergeJobSetCeiling(aside, 20);
    while (stateOf(aside) != CONVERGE_STATE_ASIDE)
        awaitTurn();
    g_assert_cmpint(convergeJobOutsideDowntime(aside, 7000), ==, 7000);
    g_assert_true(convergeJobStop(aside, CONVERGE_JOB_FAILED));
}

/* --- Word of a pass --- */

static void
tellPass(void)
{
    calls.passed(NULL, NULL, 2, calls.passedOpaque);
}

/* At the end of the bulk pass the loop looks at once; otherwise this test does not end.  One word
 * is one look. */
static void
testPass(void)
{
    g_autoptr(convergeJob) job = NULL;
    guint looks;

    reset();
    calls.iteration = 1;
    g_atomic_int_set(&shiftMs, NEVER_MS);
    job = start("adaptive,actuator=dirty-limit", &client);
    awaitLooks(1);
    g_usleep(20000); /* most likely the loop waits by now */
    tellPass();
    awaitLooks(2);
    g_usleep(50000);
    g_mutex_lock(&calls.lock);
    looks = calls.looks;
    g_mutex_unlock(&calls.lock);
    g_assert_cmpuint(looks, <=, 3);
    g_atomic_int_set(&shiftMs, 0);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    jobsInit();
    g_test_add_func("/job-tell/rung", testRung);
    g_test_add_func("/job-tell/trouble", testTrouble);
    g_test_add_func("/job-tell/journal", testJournal);
    g_test_add_func("/job-tell/names", testNames);
    g_test_add_func("/job-tell/outside-downtime", testOutsideDowntime);
    g_test_add_func("/job-tell/pass", testPass);
    status = g_test_run();
    jobsClear();
    return status;
}
