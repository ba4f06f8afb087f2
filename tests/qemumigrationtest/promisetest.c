/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * promisetest.c: what the backend promises about a guest: in which order, how often, and what it
 * leaves alone
 *
 * QEMU is a child process with one vCPU that has no cgroup of its own.  The record goes to a
 * directory of the test.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/loop.h"
#include "fakeqemu.h"
#include "files.h"
#include "libvirt/backend_libvirt.h"
#include "qemu/cpus.h"
#include "qemu/dirty_probe.h"
#include "throttle/dirty_limit.h"
#include "throttle/throttle.h"
#include "throttle/throttle_qemu.h"
#include "undo/undo_file.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* --- What stands for libvirt and the clock --- */

static struct {
    GString *course;            /* names of QMP commands and libvirt calls */
    void (*before)(const char *name);   /* called before each of them; or NULL */
    gboolean resumeFails;
    int throttle;               /* QEMU's own, in the job statistics */
    gint64 downtime;            /* that was set last, ms */
    const char *cpus;           /* what query-cpus-fast replies; NULL: as fakeqemu.h has it */
    const char *unknown;        /* a parameter that this QEMU does not know; or NULL */
    const char *failsOnce;      /* a command that QEMU refuses the next time; or NULL */
    int reason;                 /* why the guest is in its state */
} calls;

static gint64 shiftMs;          /* what the clock is ahead */
static char *records;

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 + shiftMs * 1000;
}

int
virDomainGetUUIDString(virDomainPtr domain G_GNUC_UNUSED,
                       char *uuid)
{
    g_strlcpy(uuid, UUID, VIR_UUID_STRING_BUFLEN);
    return 0;
}

const char *
virDomainGetName(virDomainPtr domain G_GNUC_UNUSED)
{
    return "forged";
}

static void
note(const char *name)
{
    g_string_append_printf(calls.course, "%s ", name);
    if (calls.before)
        calls.before(name);
}

static int
monitorCommand(virDomainPtr dom,
               const char *cmd,
               char **result,
               unsigned int flags)
{
    g_autoptr(JsonNode) node = json_from_string(cmd, NULL);
    const char *name = json_object_get_string_member(json_node_get_object(node), "execute");

    note(name);
    if (calls.cpus && g_str_equal(name, "query-cpus-fast")) {
        *result = strdup(calls.cpus);
        return 0;
    }
    if (g_strcmp0(calls.failsOnce, name) == 0) {
        calls.failsOnce = NULL;
        *result = strdup("{\"error\":{\"desc\":\"not now\"}}");
        return 0;
    }
    if (calls.unknown && g_str_equal(name, "migrate-set-parameters"))
        g_assert_null(strstr(cmd, calls.unknown));
    if (fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags) < 0)
        return -1;
    if (calls.unknown && g_str_equal(name, "query-migrate-parameters")) {
        char *place = strstr(*result, calls.unknown);

        g_assert_nonnull(place);
        *place = 'X';
    }
    return 0;
}

static int
getJobStats(virDomainPtr dom,
            int *type,
            virTypedParameterPtr *params,
            int *nparams,
            unsigned int flags)
{
    int ret = fakeDaemon.getJobStats(dom, type, params, nparams, flags);
    int max = *nparams;

    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                         calls.throttle);
    return ret;
}

static int
getState(virDomainPtr dom,
         int *state,
         int *reason,
         unsigned int flags)
{
    fakeDaemon.getState(dom, state, reason, flags);
    *reason = calls.reason;
    return 0;
}

static int
getId(virDomainPtr dom G_GNUC_UNUSED)
{
    return 7;
}

static int
setMaxDowntime(virDomainPtr dom,
               unsigned long long ms,
               unsigned int flags)
{
    note("set-downtime");
    calls.downtime = (gint64)ms;
    return fakeDaemon.setMaxDowntime(dom, ms, flags);
}

static int
suspend(virDomainPtr dom G_GNUC_UNUSED)
{
    note("suspend");
    return 0;
}

static int
resume(virDomainPtr dom G_GNUC_UNUSED)
{
    note("resume");
    return calls.resumeFails ? -1 : 0;
}

static int
refuse(virDomainPtr dom G_GNUC_UNUSED)
{
    return -1;
}

static int
refusePostCopy(virDomainPtr dom G_GNUC_UNUSED,
               unsigned int flags G_GNUC_UNUSED)
{
    return -1;
}

#define CALLS \
    .getId = getId, .getJobStats = getJobStats, .getState = getState, \
    .setMaxDowntime = setMaxDowntime, .qemuMonitorCommand = monitorCommand, \
    .suspend = suspend, .resume = resume, .abortJob = refuse, .startPostCopy = refusePostCopy

static const convergeLibvirt daemonCalls = { .caller = "daemon", .onHost = TRUE, CALLS };
static const convergeLibvirt clientCalls = { .caller = "client", CALLS };
static const convergeMonitor monitor = { &clientCalls, NULL };

/* Whether @first is in the course, and no @second before it. */
static gboolean
comesBefore(const char *first,
            const char *second)
{
    const char *one = strstr(calls.course->str, first);
    const char *two = strstr(calls.course->str, second);

    return one && (!two || one < two);
}

/* --- The guest --- */

static pid_t child;

static void
startQemu(void)
{
    const pid_t test = getpid();

    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child > 0)
        return;
    /* A test that fails leaves nobody behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == test)
        pause();
    _exit(0);
}

static void
killQemu(void)
{
    if (child > 0) {
        g_assert_cmpint(kill(child, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    }
    child = 0;
}

static void
reset(void)
{
    GString *course = calls.course;

    g_string_set_size(course, 0);
    memset(&calls, 0, sizeof(calls));
    calls.course = course;
    if (child == 0)
        startQemu();
    qemu = fakeQemuPristine;
    qemu.thread = child;
}

static gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb,
    unsigned int throttle,
    GError **error)
{
    convergeDecision decision = {
        .verb = verb, .throttle = throttle, .increment = 10, .maxThrottle = 99, .threshold = 50,
        .downtimeMs = 100,
    };

    return convergeBackendLibvirtOps.apply(backend, &decision, error);
}

static const convergeThrottleTraits *
choose(convergeBackendLibvirt *backend,
       convergeThrottleMethod wanted,
       GError **error)
{
    g_autofree char *why = NULL;

    return convergeBackendLibvirtOps.choose(backend, wanted, &why, error);
}

/* A turn of the loop that decides nothing; returns the method. */
static convergeThrottleMethod
turn(convergeBackendLibvirt *backend,
     convergeSample *sample)
{
    const convergeThrottleTraits *throttle = NULL;
    g_autofree char *why = NULL;

    memset(sample, 0, sizeof(*sample));
    g_assert_true(convergeBackendLibvirtOps.sample(backend, sample, NULL));
    g_assert_true(convergeBackendLibvirtOps.poll(backend, &throttle, &why, NULL));
    return throttle->method;
}

/* A backend that limits dirty rates by @throttle %. */
static convergeBackendLibvirt *
newLimited(const convergeLibvirt *libvirt,
           unsigned int throttle)
{
    convergeBackendLibvirt *backend = convergeBackendLibvirtNew(libvirt, FALSE);
    convergeSample sample;

    reset();
    g_assert_cmpint(choose(backend, CONVERGE_METHOD_DIRTY_LIMIT, NULL)->method, ==,
                    CONVERGE_METHOD_DIRTY_LIMIT);
    shiftMs += 2000;
    g_assert_cmpint(turn(backend, &sample), ==, CONVERGE_METHOD_DIRTY_LIMIT);
    g_assert_true(say(backend, CONVERGE_VERB_THROTTLE, throttle, NULL));
    g_assert_cmpint(fakeQemuLimits(), >, 0);
    return backend;
}

static char *
readKept(const char *member)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(records, UUID);

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
        { FALSE, 20, 20 }, { FALSE, 5, 20 }, { FALSE, 30, 30 }, { FALSE, 99, 99 }, { TRUE, 80, 20 },
    };
    static const struct {
        convergeVerb verb;
        unsigned int throttle;
    } course[] = {
        { CONVERGE_VERB_PRIME, 0 }, { CONVERGE_VERB_HOLD, 0 }, { CONVERGE_VERB_THROTTLE, 25 },
        { CONVERGE_VERB_HOLD, 0 }, { CONVERGE_VERB_THROTTLE, 95 }, { CONVERGE_VERB_THROTTLE, 22 },
    };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, rows[i].stated);
        gint64 lowest = 99;

        reset();
        qemu.params[CONVERGE_PARAM_INITIAL] = rows[i].initial;
        for (j = 0; j < G_N_ELEMENTS(course); j++) {
            g_assert_true(say(backend, course[j].verb, course[j].throttle, NULL));
            lowest = MIN(lowest, qemu.params[CONVERGE_PARAM_MAX]);
        }
        g_assert_cmpint(lowest, ==, MAX(rows[i].least, 20));
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, rows[i].initial);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_MAX], ==, 99);
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);

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
        CONVERGE_VERB_PRIME, CONVERGE_VERB_STEP, CONVERGE_VERB_THROTTLE, CONVERGE_VERB_DOWNTIME,
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
    g_assert_null(convergeUndoFileLoad(records, UUID));
}

/* The record has the name that the caller of the backend gives, not what the domain says. */
static void
testRecordName(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&daemonCalls, FALSE);
    g_autoptr(convergeUndoRecord) record = NULL;

    reset();
    convergeBackendLibvirtSetName(backend, "busy");
    g_assert_nonnull(choose(backend, CONVERGE_METHOD_QEMU, NULL));
    record = convergeUndoFileLoad(records, UUID);
    g_assert_cmpstr(record->name, ==, "busy");

    /* The guest does not come back: there is nothing to undo. */
    convergeBackendLibvirtForget(backend);
    g_assert_null(convergeUndoFileLoad(records, UUID));
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
    record = convergeUndoFileLoad(records, UUID);
    g_assert_nonnull(record);

    killQemu();
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_null(convergeUndoFileLoad(records, UUID));
}

/* --- Suspending --- */

/* QEMU is not to finish the pass first.  The limit of before is put back. */
static void
testSuspend(void)
{
    g_autoptr(convergeBackendLibvirt) backend = convergeBackendLibvirtNew(&clientCalls, FALSE);

    reset();
    g_assert_true(say(backend, CONVERGE_VERB_SUSPEND, 0, NULL));
    g_assert_true(comesBefore("suspend", "set-downtime"));
    g_assert_cmpint(calls.downtime, ==, 2000000);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    g_assert_null(strstr(calls.course->str, "resume"));
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 20);

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
    enum { RUNS, PAUSED, CANCELLED, LAST };
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
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 70);
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 50);
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
        g_assert_true((qemu.params[CONVERGE_PARAM_INITIAL] == 20) == (i == 0));

        qemu.refused = NULL;
        g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    }
}

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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 60);

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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_THRESHOLD], ==, 100);
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 70);
    g_assert_cmpint(qemu.limits[0], ==, 120);
}

/* After a command that failed it is open which of two limits is in force: both are ours. */
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

    qemu.limits[1] = 777;       /* somebody else's: each is cancelled by itself */
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 20);
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 60);
    g_assert_true(convergeBackendLibvirtOps.restore(backend, NULL));
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 20);
}

/* A guest that runs at the destination is paused here, even if post-copy has failed. */
static void
testPostcopy(void)
{
    static const struct {
        int reason;
        gboolean postcopy;
    } rows[] = {
        { VIR_DOMAIN_PAUSED_USER, FALSE }, { VIR_DOMAIN_PAUSED_MIGRATION, FALSE },
        { VIR_DOMAIN_PAUSED_POSTCOPY, TRUE }, { VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, TRUE },
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
        unsigned int throttle;  /* halfway */
        gboolean paused;
        const char *measured;
        gint64 ms;              /* of the result; 0: none */
    } rows[] = {
        { 40, FALSE, "measured", 1000 },
        { 50, FALSE, "measured", 0 },
        { 40, TRUE, "measured", 0 },
        { 40, FALSE, "unstarted", 0 },
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
        guint n;                /* 0: an error */
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
    gboolean root = geteuid() == 0;
    char *top;
    int status;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    calls.course = g_string_new(NULL);

    /* Root's records have one place, and root may write anywhere: root becomes somebody else. */
    if (root)
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
    top = filesNewDir();
    g_setenv("XDG_RUNTIME_DIR", top, TRUE);
    records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(records, top));

    g_test_add_func("/promise/params/least-max", testLeastMax);
    g_test_add_func("/promise/record/written-down-first", testWrittenDownFirst);
    g_test_add_func("/promise/record/not-written-down", testNotWrittenDown);
    g_test_add_func("/promise/record/none", testNoRecord);
    g_test_add_func("/promise/record/name", testRecordName);
    g_test_add_func("/promise/record/qemu-gone", testQemuGone);
    g_test_add_func("/promise/suspend/downtime", testSuspend);
    g_test_add_func("/promise/suspend/late", testLateSuspend);
    g_test_add_func("/promise/refused-verbs", testRefusedVerbs);
    g_test_add_func("/promise/release/only-when-running", testRelease);
    g_test_add_func("/promise/release/not-qemus-own", testReleaseQemu);
    g_test_add_func("/promise/release/failure-is-told", testReleaseFails);
    g_test_add_func("/promise/restore/goes-on", testRestoreGoesOn);
    g_test_add_func("/promise/throttle/gives-way", testGivesWay);
    g_test_add_func("/promise/throttle/in-force", testInForce);
    g_test_add_func("/promise/throttle/holds-still", testHoldsStill);
    g_test_add_func("/promise/throttle/step", testStep);
    g_test_add_func("/promise/throttle/failed-limit", testFailedLimit);
    g_test_add_func("/promise/throttle/cancel-goes-on", testCancelGoesOn);
    g_test_add_func("/promise/throttle/chosen-later", testChosenLater);
    g_test_add_func("/promise/params/unknown", testUnknownParam);
    g_test_add_func("/promise/paused/postcopy", testPostcopy);
    g_test_add_func("/promise/paused/no-stall", testPausedIsNoStall);
    g_test_add_func("/promise/paused/not-measured", testPausedIsNotMeasured);
    g_test_add_func("/promise/measured-once", testMeasuredOnce);
    g_test_add_func("/promise/chooses-again", testChoosesAgain);
    g_test_add_func("/promise/probe/spoilt", testProbeSpoilt);
    g_test_add_func("/promise/probe/start", testProbeStart);
    g_test_add_func("/promise/cpus", testCpus);
    status = g_test_run();
    killQemu();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    filesRemove(top);
    g_free(top);
    g_free(records);
    g_string_free(calls.course, TRUE);
    return status;
}
