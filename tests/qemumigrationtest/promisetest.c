/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * promisetest.c: what the backend promises: in which order, how often, and what it leaves alone
 */
#include <glib/gstdio.h>
#include <string.h>

#include "fakeguest.h"
#include "undo/undo_file.h"

static char *
readKept(const char *member)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(records, GUEST_UUID);

    if (!record || !json_object_has_member(record->kept, member))
        return g_strdup("");
    return json_to_string(json_object_get_member(record->kept, member), FALSE);
}

/* --- QEMU's parameters --- */

/* libvirt puts the operator's cpu-throttle-initial back in one command, which QEMU would refuse
 * under a lower max-cpu-throttle.  What the caller has stated is not the operator's. */
static void
testLeastMax(void)
{
    static const struct {
        gboolean stated;
        gint64 initial;
        gint64 least;
    } rows[] = {
        { FALSE, 20, 20 },
        { FALSE, 5, 20 },
        { FALSE, 30, 30 },
        { FALSE, 99, 99 },
        { TRUE, 80, 20 },
    };
    static const struct {
        convergeVerb verb;
        unsigned int throttle;
    } course[] = {
        { CONVERGE_VERB_PRIME, 0 },
        { CONVERGE_VERB_HOLD, 0 },
        { CONVERGE_VERB_THROTTLE, 25 },
        { CONVERGE_VERB_HOLD, 0 },
        { CONVERGE_VERB_THROTTLE, 95 },
        { CONVERGE_VERB_THROTTLE, 22 },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, rows[i].stated);
        gint64 lowest = 99;

        reset();
        fakeQemuSetParam(CONVERGE_PARAM_INITIAL, rows[i].initial);
        for (j = 0; j < G_N_ELEMENTS(course); j++) {
            g_assert_true(say(backend, course[j].verb, course[j].throttle, NULL));
            lowest = MIN(lowest, fakeQemuParam(CONVERGE_PARAM_MAX));
        }
        g_assert_cmpint(lowest, ==, MAX(rows[i].least, 20));
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, rows[i].initial);
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_MAX), ==, 99);
    }
}

/* Nothing is set before it is written down what has to be undone. */
static void
seeWrittenDown(const char *name)
{
    g_autofree char *params = readKept("parameters");
    g_autofree char *limits = readKept("dirty-limits");

    if (g_str_equal(name, "migrate-set-parameters"))
        g_assert_nonnull(strstr(params, "{\"name\":\"max-cpu-throttle\",\"original\":99,\"written\":[77]}"));
    if (g_str_equal(name, "set-downtime"))
        g_assert_nonnull(strstr(params, "{\"name\":\"downtime-limit\",\"original\":300,\"written\":[100]}"));
    if (g_str_equal(name, "set-vcpu-dirty-limit"))
        g_assert_nonnull(strstr(limits, "\"rate\":240"));
}

static void
testWrittenDownFirst(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_autoptr(convergeBackendLibvirt) limited = NULL;
    convergeSample sample;

    reset();
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    calls.before = seeWrittenDown;
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 77, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_DOWNTIME, 0, NULL));
    g_assert_nonnull(strstr(calls.course->str, "migrate-set-parameters"));
    g_assert_nonnull(strstr(calls.course->str, "set-downtime"));
    calls.before = NULL;
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 300);

    reset();
    limited = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_assert_nonnull(choose(limited, CONVERGE_METHOD_DIRTY_LIMIT, NULL));
    shiftMs += 2000;
    turn(limited, &sample);
    calls.before = seeWrittenDown;
    g_assert_true(say(limited, CONVERGE_VERB_THROTTLE, 50, NULL));
    g_assert_cmpint(qemu.limits[0], ==, 120);
    calls.before = NULL;
    g_assert_true(convergeBackendLibvirtOps.restore(limited, NULL));
}

/* Where that cannot be written down, nothing is set. */
static void
testNotWrittenDown(void)
{
    static const convergeVerb verbs[] = {
        CONVERGE_VERB_PRIME,
        CONVERGE_VERB_STEP,
        CONVERGE_VERB_THROTTLE,
        CONVERGE_VERB_DOWNTIME,
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(verbs); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
        g_autoptr(GError) error = NULL;

        reset();
        g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
        g_assert_cmpint(g_chmod(records, 0500), ==, 0);
        g_assert_false(say(backend, verbs[i], 20, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
        g_assert_cmpint(g_chmod(records, 0700), ==, 0);
        g_assert_cmpmem(qemu.params, sizeof(qemu.params), fakeQemuPristine.params,
                        sizeof(fakeQemuPristine.params));
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    }
}

/* A daemon that cannot keep a record changes nothing of the guest; a client keeps none. */
static void
testNoRecord(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_autoptr(convergeBackendLibvirt) client = convergeBackendLibvirtNew(&clientCalls, FALSE);
    g_autoptr(GError) error = NULL;

    reset();
    qemu.thread = 0;
    g_assert_null(choose(backend, CONVERGE_METHOD_QEMU, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD);
    g_assert_nonnull(strstr(error->message, "it does not want to"));

    g_assert_nonnull(choose(client, CONVERGE_METHOD_QEMU, NULL));
    g_assert_true(say(client, CONVERGE_VERB_THROTTLE, 50, NULL));
    g_assert_true(convergeBackendLibvirtOps.restore(client, NULL));
    g_assert_null(convergeUndoFileLoad(records, GUEST_UUID));
}

/* The record has the name that the caller of the backend gives, not the name of the domain. */
static void
testRecordName(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_autoptr(convergeUndoRecord) record = NULL;

    reset();
    convergeBackendLibvirtSetName(backend, "busy");
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    record = convergeUndoFileLoad(records, GUEST_UUID);
    g_assert_cmpstr(record->name, ==, "busy");

    /* The guest does not come back: there is nothing to undo. */
    convergeBackendLibvirtForget(backend);
    g_assert_null(convergeUndoFileLoad(records, GUEST_UUID));
}

/* With its QEMU gone nothing is left to put back, and the record goes. */
static void
testQemuGone(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_autoptr(convergeUndoRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    reset();
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 50, NULL));
    qemu.refused = "query-migrate-parameters";
    g_assert_false(convergeBackendLibvirtOps.restore(backend, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    record = convergeUndoFileLoad(records, GUEST_UUID);
    g_assert_nonnull(record);

    killQemu();
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_null(convergeUndoFileLoad(records, GUEST_UUID));
}

/* What was not set is not asked for. */
static void
testNothingSet(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    qemu.refused = "migrate-set-parameters";
    g_assert_false(say(backend, CONVERGE_VERB_THROTTLE, 50, NULL));
    g_string_set_size(calls.course, 0);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpstr(calls.course->str, ==, "");
}

/* The allowed downtime is put back whether or not a call that failed has set it. */
static void
testFailedDowntime(void)
{
    int lands;

    for (lands = 0; lands < 2; lands++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
        convergeDecision decision = { .verb = CONVERGE_VERB_DOWNTIME, .downtimeMs = 500, .limitMs = 500 };

        reset();
        g_assert_true(convergeBackendLibvirtOps.apply(backend, &decision, NULL));
        calls.downtimeFails = TRUE;
        calls.downtimeLands = lands;
        decision.downtimeMs = decision.limitMs = 1000;
        g_assert_false(convergeBackendLibvirtOps.apply(backend, &decision, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, lands ? 1000 : 500);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 300);
    }
}

/* --- Suspending --- */

/* The limit stays, or QEMU would answer no command until the migration is over. */
static void
testSuspend(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    g_assert_true(say(backend, CONVERGE_VERB_SUSPEND, 0, NULL));
    g_assert_nonnull(strstr(calls.course->str, "suspend"));
    g_assert_null(strstr(calls.course->str, "set-downtime"));
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 300);
    g_assert_null(strstr(calls.course->str, "resume"));
}

/* The limit comes first: with a longer one QEMU might pause the guest again at once. */
static void
testResume(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
    const convergeDecision resume = { .verb = CONVERGE_VERB_RESUME, .downtimeMs = 500 };

    reset();
    g_assert_true(say(backend, CONVERGE_VERB_SUSPEND, 0, NULL));
    g_string_set_size(calls.course, 0);
    qemu.status = "active";
    qemu.runState = "paused";
    qemu.remaining = 1 << 30;
    g_assert_true(convergeBackendLibvirtOps.apply(backend, &resume, NULL));
    g_assert_true(comesBefore("set-downtime", "cont"));
    g_assert_nonnull(strstr(calls.course->str, "cont"));
    g_assert_null(strstr(calls.course->str, "resume"));
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_DOWNTIME), ==, 500);
}

static convergeBackendLibvirt *cancelling;

static void
cancelInSuspend(const char *name)
{
    if (g_str_equal(name, "suspend"))
        convergeBackendLibvirtCancel(cancelling);
}

/* libvirt kept the call waiting until the migration was over, and does not let the guest run
 * again by itself: it is resumed, once, and whatever else fails. */
static void
testLateSuspend(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
    g_autoptr(GError) error = NULL;

    reset();
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 50, NULL));
    cancelling = backend;
    calls.before = cancelInSuspend;
    g_assert_true(say(backend, CONVERGE_VERB_SUSPEND, 0, NULL));
    g_assert_null(strstr(calls.course->str, "set-downtime"));

    calls.resumeFails = TRUE;
    g_assert_false(convergeBackendLibvirtOps.restore(backend, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 20);

    calls.resumeFails = FALSE;
    g_string_set_size(calls.course, 0);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_nonnull(strstr(calls.course->str, "resume"));
    g_string_set_size(calls.course, 0);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_null(strstr(calls.course->str, "resume"));
}

static void
testRefusedVerbs(void)
{
    static const convergeVerb verbs[] = { CONVERGE_VERB_ABORT, CONVERGE_VERB_POSTCOPY };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(verbs); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);
        g_autoptr(GError) error = NULL;

        reset();
        g_assert_false(say(backend, verbs[i], 0, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT);
    }
}

/* --- Letting go --- */

/* After the migration QEMU is asked only where the method outlives it, the guest runs, and
 * libvirt's job is not over: otherwise QEMU may be handing the guest over. */
static void
testRelease(void)
{
    enum { RUNS,
           PAUSED,
           CANCELLED,
           LAST };
    int what;

    for (what = 0; what < LAST; what++) {
        g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);

        g_assert_true(say(backend, CONVERGE_VERB_STEP, 70, NULL));
        qemu.paused = what == PAUSED;
        if (what == CANCELLED)
            convergeBackendLibvirtCancel(backend);
        g_string_set_size(calls.course, 0);
        g_assert_true(convergeBackendLibvirtOps.release(backend, NULL));
        g_assert_true((calls.course->len == 0) == (what != RUNS));
        g_assert_true((fakeQemuLimits() == 0) == (what == RUNS));
        g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 70);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(fakeQemuLimits(), ==, 0);
    }
}

/* QEMU's own throttle ends with its migration. */
static void
testReleaseQemu(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 50, NULL));
    g_string_set_size(calls.course, 0);
    g_assert_true(convergeBackendLibvirtOps.release(backend, NULL));
    g_assert_cmpstr(calls.course->str, ==, "");
    g_assert_cmpint(fakeQemuParam(CONVERGE_PARAM_INITIAL), ==, 50);
}

/* A release that fails is told. */
static void
testReleaseFails(void)
{
    g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
    g_autoptr(GError) error = NULL;

    qemu.refused = "cancel-vcpu-dirty-limit";
    g_assert_false(convergeBackendLibvirtOps.release(backend, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
}

/* One method that cannot be put back keeps no other, and is not forgotten over it. */
static void
testRestoreGoesOn(void)
{
    static const char *const refused[] = { "cancel-vcpu-dirty-limit", "migrate-set-parameters" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(convergeBackendLibvirt) backend = newLimited(&clientCalls, 50);
        g_autoptr(GError) error = NULL;

        g_assert_true(say(backend, CONVERGE_VERB_STEP, 70, NULL));
        qemu.refused = refused[i];
        g_assert_false(convergeBackendLibvirtOps.restore(backend, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
        g_assert_true((fakeQemuLimits() == 0) == (i == 1));
        g_assert_true((fakeQemuParam(CONVERGE_PARAM_INITIAL) == 20) == (i == 0));

        qemu.refused = NULL;
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    }
}

int
main(int argc,
     char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    guestsInit();
    g_test_add_func("/promise/params/least-max", testLeastMax);
    g_test_add_func("/promise/record/written-down-first", testWrittenDownFirst);
    g_test_add_func("/promise/record/not-written-down", testNotWrittenDown);
    g_test_add_func("/promise/record/none", testNoRecord);
    g_test_add_func("/promise/record/name", testRecordName);
    g_test_add_func("/promise/record/qemu-gone", testQemuGone);
    g_test_add_func("/promise/params/nothing-set", testNothingSet);
    g_test_add_func("/promise/params/failed-downtime", testFailedDowntime);
    g_test_add_func("/promise/suspend/downtime", testSuspend);
    g_test_add_func("/promise/suspend/late", testLateSuspend);
    g_test_add_func("/promise/resume", testResume);
    g_test_add_func("/promise/refused-verbs", testRefusedVerbs);
    g_test_add_func("/promise/release/only-when-running", testRelease);
    g_test_add_func("/promise/release/not-qemus-own", testReleaseQemu);
    g_test_add_func("/promise/release/failure-is-told", testReleaseFails);
    g_test_add_func("/promise/restore/goes-on", testRestoreGoesOn);
    status = g_test_run();
    guestsClear();
    return status;
}
