/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backendtest.c: what the backend sends to QEMU, and what it puts back
 *
 * Behind fake libvirt calls is a small QEMU with migration parameters.  Like the real one it
 * checks the merged set, and accepts all or nothing.
 */
#include <json-glib/json-glib.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "libvirt/backend_libvirt.h"
#include "libvirt/pass_watch.h"
#include "qemu/dirty_probe.h"
#include "throttle/throttle_qemu.h"

typedef struct _fakeQemu fakeQemu;
struct _fakeQemu {
    gint64 initial, increment, max, threshold, tailslow, downtime;
    gint64 samplePages; /* of a dirty-rate probe, for each GiB */
    gint64 dirtyRate;   /* MiB/s, rounded down */
    guint commands;     /* number of commands that set something */
    gboolean gone;
};

static const fakeQemu pristine = { 20, 10, 99, 50, 0, 300, 0, 0, 0, FALSE };
static fakeQemu qemu;

static char *
query(void)
{
    return g_strdup_printf("{\"return\":{\"cpu-throttle-initial\":%d,\"cpu-throttle-increment\":%d,"
                           "\"max-cpu-throttle\":%d,\"throttle-trigger-threshold\":%d,"
                           "\"cpu-throttle-tailslow\":%s,\"downtime-limit\":%d},\"id\":\"x\"}",
                           (int)qemu.initial, (int)qemu.increment, (int)qemu.max,
                           (int)qemu.threshold, qemu.tailslow ? "true" : "false",
                           (int)qemu.downtime);
}

/* Like migrate_params_check(), on the merged set, all or nothing. */
static gboolean
setParams(JsonObject *arguments)
{
    fakeQemu merged = qemu;

    merged.initial = json_object_get_int_member_with_default(arguments, "cpu-throttle-initial", qemu.initial);
    merged.increment = json_object_get_int_member_with_default(arguments, "cpu-throttle-increment", qemu.increment);
    merged.max = json_object_get_int_member_with_default(arguments, "max-cpu-throttle", qemu.max);
    merged.threshold = json_object_get_int_member_with_default(arguments, "throttle-trigger-threshold", qemu.threshold);
    merged.tailslow = json_object_get_boolean_member_with_default(arguments, "cpu-throttle-tailslow", qemu.tailslow);
    merged.downtime = json_object_get_int_member_with_default(arguments, "downtime-limit", qemu.downtime);
    if (merged.initial < 1 || merged.initial > 99 || merged.increment < 1 ||
        merged.increment > 99 || merged.max < merged.initial || merged.max > 99 ||
        merged.threshold < 1 || merged.threshold > 100)
        return FALSE;
    qemu = merged;
    qemu.commands++;
    return TRUE;
}

/* calc-dirty-rate, with QEMU's limits */
static gboolean
startProbe(JsonObject *arguments)
{
    qemu.samplePages = json_object_get_int_member_with_default(arguments, "sample-pages", 512);
    return qemu.samplePages >= 128 && qemu.samplePages <= 16384;
}

static int
fakeMonitor(virDomainPtr dom G_GNUC_UNUSED,
            const char *cmd,
            char **result,
            unsigned int flags G_GNUC_UNUSED)
{
    g_autoptr(JsonNode) node = json_from_string(cmd, NULL);
    JsonObject *command = json_node_get_object(node);
    const char *name = json_object_get_string_member(command, "execute");
    g_autofree char *reply = NULL;

    if (qemu.gone)
        return -1;

    if (g_str_equal(name, "query-migrate-parameters"))
        reply = query();
    else if ((g_str_equal(name, "migrate-set-parameters") &&
              setParams(json_object_get_object_member(command, "arguments"))) ||
             (g_str_equal(name, "calc-dirty-rate") &&
              startProbe(json_object_get_object_member(command, "arguments"))))
        reply = g_strdup("{\"return\":{}}");
    else if (g_str_equal(name, "query-dirty-rate"))
        reply = g_strdup_printf("{\"return\":{\"status\":\"measured\",\"dirty-rate\":%d}}",
                                (int)qemu.dirtyRate);
    else
        reply = g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}");

    *result = strdup(reply);
    return 0;
}

static int
fakeDowntime(virDomainPtr dom G_GNUC_UNUSED,
             unsigned long long ms,
             unsigned int flags G_GNUC_UNUSED)
{
    qemu.downtime = (gint64)ms;
    return 0;
}

static const convergeLibvirt fake = {
    .caller = "test",
    .setMaxDowntime = fakeDowntime,
    .qemuMonitorCommand = fakeMonitor,
};

static gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb,
    unsigned int throttle)
{
    convergeDecision decision = {
        .verb = verb,
        .throttle = throttle,
        .increment = 10,
        .maxThrottle = 99,
        .threshold = 50,
        .downtimeMs = 100,
        .limitMs = 100,
    };

    return convergeBackendLibvirtOps.apply(backend, &decision, NULL);
}

/* After a failure libvirt resets all parameters that it knows, in one command. */
static gboolean
libvirtResets(gint64 initial)
{
    g_autoptr(JsonObject) arguments = json_object_new();

    json_object_set_int_member(arguments, "cpu-throttle-initial", initial);
    json_object_set_int_member(arguments, "cpu-throttle-increment", 10);
    json_object_set_int_member(arguments, "downtime-limit", 300);
    return setParams(arguments);
}

static void
assertPristine(void)
{
    g_assert_cmpint(qemu.initial, ==, pristine.initial);
    g_assert_cmpint(qemu.increment, ==, pristine.increment);
    g_assert_cmpint(qemu.max, ==, pristine.max);
    g_assert_cmpint(qemu.threshold, ==, pristine.threshold);
    g_assert_cmpint(qemu.tailslow, ==, pristine.tailslow);
    g_assert_cmpint(qemu.downtime, ==, pristine.downtime);
}

/* Verbs in an order that may occur in a migration. */
static const struct {
    convergeVerb verb;
    unsigned int throttle;
} course[] = {
    { CONVERGE_VERB_PRIME, 0 },
    { CONVERGE_VERB_DOWNTIME, 0 },
    { CONVERGE_VERB_THROTTLE, 95 },
    { CONVERGE_VERB_THROTTLE, 20 },
    { CONVERGE_VERB_HOLD, 0 },
    { CONVERGE_VERB_THROTTLE, 99 },
    { CONVERGE_VERB_STEP, 20 },
    { CONVERGE_VERB_STEP, 70 },
};

/* Wherever the migration fails, libvirt's reset is not refused, and afterwards all is as before.
 * The latter holds without libvirt's reset, too. */
static void
testRestore(void)
{
    gsize steps, i;
    int withReset;

    for (withReset = 0; withReset < 2; withReset++) {
        for (steps = 0; steps <= G_N_ELEMENTS(course); steps++) {
            g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
            guint commands;

            qemu = pristine;
            for (i = 0; i < steps; i++)
                g_assert_true(say(backend, course[i].verb, course[i].throttle));

            if (withReset)
                g_assert_true(libvirtResets(20));
            convergeBackendLibvirtEnd(backend);
            g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
            assertPristine();

            commands = qemu.commands;
            g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
            g_assert_cmpuint(qemu.commands, ==, commands);
        }
    }
}

/* The caller states auto_converge.initial: libvirt sets it before the loop, and puts it back. */
static void
testCallerThrottle(void)
{
    const gint64 initial[] = { 5, 30, 80 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(initial); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, TRUE);

        qemu = pristine;
        qemu.initial = initial[i];
        for (j = 0; j < G_N_ELEMENTS(course); j++)
            g_assert_true(say(backend, course[j].verb, course[j].throttle));
        g_assert_true(say(backend, CONVERGE_VERB_STEP, 20));
        g_assert_true(libvirtResets(20));
        convergeBackendLibvirtEnd(backend);
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        assertPristine();
    }
}

/* QEMU throttles by exactly the set-point. */
static void
testSetPoint(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
    unsigned int throttle;

    qemu = pristine;
    for (throttle = CONVERGE_THROTTLE_QEMU_LEAST; throttle <= 99; throttle++) {
        g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, throttle));
        /* QEMU takes initial if it does not throttle yet, otherwise min(now + increment, max). */
        g_assert_cmpint(qemu.initial, ==, throttle);
        g_assert_cmpint(MIN(1 + qemu.increment, qemu.max), ==, throttle);
        g_assert_cmpint(MIN(99 + qemu.increment, qemu.max), ==, throttle);
        g_assert_cmpint(qemu.threshold, ==, 1);
        g_assert_false(qemu.tailslow);
    }
}

/* After a throttle, HOLD lets QEMU act once more to come down; otherwise it keeps QEMU from
 * acting. */
static void
testLetGo(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);

    qemu = pristine;
    g_assert_true(say(backend, CONVERGE_VERB_HOLD, 0));
    g_assert_cmpint(qemu.threshold, ==, 100);

    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, 95));
    g_assert_true(say(backend, CONVERGE_VERB_HOLD, 0));
    g_assert_cmpint(MIN(95 + qemu.increment, qemu.max), ==, CONVERGE_THROTTLE_QEMU_LEAST);
    g_assert_cmpint(qemu.threshold, ==, 1);
}

/* A probe samples enough pages of any guest, and of a large one no more than QEMU's minimum. */
static void
testProbePages(void)
{
    const guint64 mib = 1024 * 1024;
    const guint64 sizes[] = { 1, 36 * mib, 384 * mib, 1024 * mib, 16384 * mib, 1048576 * mib };
    const convergeMonitor monitor = { .libvirt = &fake };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(sizes); i++) {
        convergeDirtyProbe probe = { 0 };
        guint64 pages;

        qemu = pristine;
        g_assert_true(convergeDirtyProbeStart(&probe, &monitor, sizes[i], 0, NULL));
        pages = qemu.samplePages * sizes[i] / (1024 * mib);
        if (sizes[i] >= 32 * mib)
            g_assert_cmpuint(pages, >=, 511);
        if (sizes[i] > 32768 * mib)
            g_assert_cmpint(qemu.samplePages, ==, 128);
    }
}

/* Half of a MiB/s is added to a rate, which QEMU rounds down; 0 stays 0. */
static void
testProbeRate(void)
{
    const convergeMonitor monitor = { .libvirt = &fake };
    const struct {
        gint64 said, bps;
    } rows[] = { { 0, 0 }, { 1, 3 << 19 }, { 250, 501 << 19 } };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        convergeDirtyProbe probe = { .startMs = 1 };
        convergeSample sample = { .timeMs = 2000 };

        qemu = pristine;
        qemu.dirtyRate = rows[i].said;
        convergeDirtyProbeCollect(&probe, &monitor, &sample);
        g_assert_cmpuint(sample.probeId, ==, 1);
        g_assert_cmpint(sample.probeMs, ==, 1000);
        g_assert_cmpuint(sample.probeBps, ==, (guint64)rows[i].bps);
    }
}

/* If nothing was done, nothing is sent to QEMU, not even a query. */
static void
testUntouched(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);

    qemu = pristine;
    qemu.gone = TRUE;
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
}

static void
testRefused(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&fake, FALSE);
    convergeDecision wrong = { .verb = CONVERGE_VERB_STEP, .throttle = 120, .increment = 10, .maxThrottle = 99, .threshold = 50 };
    g_autoptr(GError) error = NULL;

    qemu = pristine;
    g_assert_false(convergeBackendLibvirtOps.apply(backend, &wrong, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU);
    assertPristine();
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpuint(qemu.commands, ==, 0);
}

/* The event callback that was registered last. */
static struct {
    virConnectDomainEventMigrationIterationCallback cb;
    void *opaque;
    virFreeCallback freecb;
    gboolean refuses;
} event;

static int
fakeRegister(virConnectPtr conn G_GNUC_UNUSED,
             virDomainPtr dom G_GNUC_UNUSED,
             int eventID,
             virConnectDomainEventGenericCallback cb,
             void *opaque,
             virFreeCallback freecb)
{
    g_assert_cmpint(eventID, ==, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION);
    if (event.refuses)
        return -1;
    event.cb = (virConnectDomainEventMigrationIterationCallback)(void (*)(void))cb;
    event.opaque = opaque;
    event.freecb = freecb;
    return 7;
}

static int
fakeDeregister(virConnectPtr conn G_GNUC_UNUSED,
               int callbackID)
{
    g_assert_cmpint(callbackID, ==, 7);
    return 0;
}

/* libvirt complains, since the test has no domain with a connection. */
static void
ignoreError(void *opaque G_GNUC_UNUSED,
            virErrorPtr error G_GNUC_UNUSED)
{
}

static void
countPass(void *opaque)
{
    (*(guint *)opaque)++;
}

/* An event that libvirt delivers after the end of the watch has no effect. */
static void
testPassWatch(void)
{
    const convergeLibvirt without = { .caller = "test" };
    const convergeLibvirt with = {
        .caller = "test",
        .domainEventRegisterAny = fakeRegister,
        .domainEventDeregisterAny = fakeDeregister,
    };
    convergePassWatch *watch;
    guint passes = 0;

    virSetErrorFunc(NULL, ignoreError);
    g_assert_null(convergePassWatchStart(&without, NULL, countPass, &passes));
    event.refuses = TRUE;
    g_assert_null(convergePassWatchStart(&with, NULL, countPass, &passes));
    event.refuses = FALSE;

    watch = convergePassWatchStart(&with, NULL, countPass, &passes);
    g_assert_nonnull(watch);
    event.cb(NULL, NULL, 1, event.opaque);
    event.cb(NULL, NULL, 2, event.opaque);
    g_assert_cmpuint(passes, ==, 2);

    convergePassWatchStop(watch, &with, NULL);
    event.cb(NULL, NULL, 3, event.opaque);
    event.freecb(event.opaque);
    g_assert_cmpuint(passes, ==, 2);
}

/* A QEMU that was taken over by its guest may send anything. */
static void
testDeepReply(void)
{
    static const struct {
        const char *open;
        gsize levels;
        gboolean good;
    } rows[] = {
        { "[", 20, TRUE },
        { "[", 1000000, FALSE },
        { "{\"a\":", 1000000, FALSE },
        { "]", 1000000, FALSE },
        { "[]", 1000000, FALSE },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) text = g_string_new("{\"return\":");
        g_autoptr(JsonNode) node = NULL;

        for (j = 0; j < rows[i].levels; j++)
            g_string_append(text, rows[i].open);
        for (j = 0; rows[i].good && j < rows[i].levels; j++)
            g_string_append_c(text, ']');
        g_string_append_c(text, '}');
        node = convergeQmpParse(text->str, NULL);
        g_assert_true((node != NULL) == rows[i].good);
    }
}

/* Brackets in a string do not count as levels. */
static void
testBracketsInString(void)
{
    g_autofree char *brackets = g_strnfill(1000, '[');
    g_autofree char *text = g_strdup_printf("{\"return\":{\"name\":\"\\\"%s\\\\\"}}", brackets);
    g_autoptr(JsonNode) node = convergeQmpParse(text, NULL);

    g_assert_nonnull(node);
}

/* libvirt asks for its own cpu-throttle-initial together with all else that it puts back: had
 * max-cpu-throttle been set below that, QEMU would refuse all of it. */
static void
testMaxNeverBelowLibvirtsInitial(void)
{
    static const struct {
        gint64 initial;   /* before the migration */
        gint64 asked;     /* what libvirt asks for afterwards */
        gboolean callers; /* the initial one is of the migration's parameters */
    } rows[] = {
        { 5, 5, FALSE },
        { 20, 20, FALSE },
        { 35, 35, FALSE },
        { 80, 80, FALSE },
        { 5, 20, TRUE },
        { 80, 20, TRUE },
    };
    static const convergeVerb verbs[] = {
        CONVERGE_VERB_PRIME,
        CONVERGE_VERB_HOLD,
        CONVERGE_VERB_THROTTLE,
        CONVERGE_VERB_STEP,
    };
    gsize i, j;
    unsigned int throttle;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (j = 0; j < G_N_ELEMENTS(verbs); j++) {
            for (throttle = 1; throttle <= 99; throttle += 7) {
                g_autoptr(convergeBackendLibvirt) backend =
                    convergeBackendLibvirtNew(&fake, rows[i].callers);
                convergeDecision decision = {
                    .verb = verbs[j],
                    .throttle = throttle,
                    .increment = 10,
                    .maxThrottle = throttle,
                    .threshold = 50,
                };

                qemu = pristine;
                qemu.initial = rows[i].initial;
                g_assert_true(convergeBackendLibvirtOps.apply(backend, &decision, NULL));
                g_assert_cmpint(qemu.max, >=, rows[i].asked);
                /* And no higher than for that. */
                if (verbs[j] == CONVERGE_VERB_THROTTLE)
                    g_assert_cmpint(qemu.max, ==, MAX((gint64)throttle, MAX(20, rows[i].asked)));
                g_assert_true(libvirtResets(rows[i].asked));
                convergeBackendLibvirtEnd(backend);
                g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
                g_assert_cmpint(qemu.initial, ==, rows[i].asked);
                g_assert_cmpint(qemu.max, ==, pristine.max);
            }
        }
    }
}

/* The backend of the guest that libvirt pauses or lets run. */
static struct {
    convergeBackendLibvirt *backend;
    gboolean over; /* the migration is, before libvirt gets to pause the guest */
    guint suspends, resumes;
} guest;

static int
fakeSuspend(virDomainPtr dom G_GNUC_UNUSED)
{
    guest.suspends++;
    if (guest.over)
        convergeBackendLibvirtCancel(guest.backend);
    return 0;
}

static int
fakeResume(virDomainPtr dom G_GNUC_UNUSED)
{
    guest.resumes++;
    return 0;
}

static void
testSuspendKeepsDowntimeLimit(void)
{
    convergeLibvirt libvirt = fake;
    int over;

    libvirt.suspend = fakeSuspend;
    libvirt.resume = fakeResume;
    for (over = 0; over < 2; over++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&libvirt, FALSE);

        qemu = pristine;
        memset(&guest, 0, sizeof(guest));
        guest.backend = backend;
        guest.over = over != 0;
        g_assert_true(say(backend, CONVERGE_VERB_DOWNTIME, 0));
        g_assert_true(say(backend, CONVERGE_VERB_SUSPEND, 0));
        g_assert_cmpuint(guest.suspends, ==, 1);
        g_assert_cmpint(qemu.downtime, ==, 100);

        /* libvirt itself lets a guest run again that was paused in time. */
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpuint(guest.resumes, ==, over ? 1 : 0);
        assertPristine();
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpuint(guest.resumes, ==, over ? 1 : 0);
    }
}

/* --- Switching over --- */

static int domainState, domainReason;
static guint looks;

static int
lookAtState(virDomainPtr dom G_GNUC_UNUSED,
            int *state,
            int *reason,
            unsigned int flags G_GNUC_UNUSED)
{
    *state = domainState;
    *reason = domainReason;
    return 0;
}

static int
countLooks(virDomainPtr dom G_GNUC_UNUSED,
           int *type,
           virTypedParameterPtr *params,
           int *nparams,
           unsigned int flags G_GNUC_UNUSED)
{
    looks++;
    *type = VIR_DOMAIN_JOB_NONE;
    *params = NULL;
    *nparams = 0;
    return 0;
}

static int
acceptPostCopy(virDomainPtr dom G_GNUC_UNUSED,
               unsigned int flags G_GNUC_UNUSED)
{
    return 0;
}

/* Returns whether libvirt was asked for statistics. */
static gboolean
asks(convergeBackendLibvirt *backend,
     int state,
     int reason)
{
    guint before = looks;
    convergeSample sample = { 0 };
    gboolean taken;

    domainState = state;
    domainReason = reason;
    taken = convergeBackendLibvirtOps.sample(backend, &sample, NULL);
    g_assert_true(taken == (looks > before));
    return taken;
}

/* While the guest may be switching to post-copy, libvirt is not asked: it would log an error.  But not
 * for ever. */
static void
testSwitching(void)
{
    static const convergeLibvirt watched = {
        .getState = lookAtState,
        .getJobStats = countLooks,
        .startPostCopy = acceptPostCopy,
    };
    const convergeDecision postcopy = { .verb = CONVERGE_VERB_POSTCOPY };
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&watched, FALSE);

    /* Without post-copy, a guest that is stopped for the switchover is no such case. */
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));

    convergeBackendLibvirtMayPostcopy(backend);
    g_assert_true(asks(backend, VIR_DOMAIN_RUNNING, 0));
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER));
    g_assert_false(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY));
    g_assert_true(asks(backend, VIR_DOMAIN_RUNNING, 0));

    /* The verb comes before libvirt notices anything. */
    g_assert_true(convergeBackendLibvirtOps.apply(backend, &postcopy, NULL));
    g_assert_false(asks(backend, VIR_DOMAIN_RUNNING, 0));
    g_assert_false(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY));
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED));

    while (!asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION))
        g_usleep(10000);
    g_assert_true(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
    g_assert_true(asks(backend, VIR_DOMAIN_RUNNING, 0));
    g_assert_false(asks(backend, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    g_test_add_func("/backend/restore", testRestore);
    g_test_add_func("/backend/caller-throttle", testCallerThrottle);
    g_test_add_func("/backend/set-point", testSetPoint);
    g_test_add_func("/backend/let-go", testLetGo);
    g_test_add_func("/backend/pass-watch", testPassWatch);
    g_test_add_func("/backend/probe-pages", testProbePages);
    g_test_add_func("/backend/probe-rate", testProbeRate);
    g_test_add_func("/backend/untouched", testUntouched);
    g_test_add_func("/backend/refused", testRefused);
    g_test_add_func("/backend/deep-reply", testDeepReply);
    g_test_add_func("/backend/brackets-in-string", testBracketsInString);
    g_test_add_func("/backend/max-never-below-libvirts-initial", testMaxNeverBelowLibvirtsInitial);
    g_test_add_func("/backend/switching", testSwitching);
    g_test_add_func("/backend/suspend-keeps-downtime-limit", testSuspendKeepsDowntimeLimit);
    return g_test_run();
}
