/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jobtest.c: the thread of a job, from its start until everything is put back
 *
 * QEMU is a child process.  The record and the journal go to a directory of the test.
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fakeqemu.h"
#include "files.h"
#include "libvirt/job.h"
#include "undo/undo_file.h"

#define UUID "0d4ab2f4-5c3b-4e5e-9d6a-0a1b2c3d4e5f"

/* So far ahead that no wait for a time ends; and so late that each has ended. */
#define NEVER_MS (24 * 60 * 60 * 1000)
#define AT_ONCE_MS (-60 * 1000)

/* --- What stands for libvirt and the clock --- */

static struct {
    GMutex lock;                /* guards all below */
    GCond changed;
    int iteration;              /* in the job statistics */
    guint looks;                /* at the job statistics */
    void (*look)(void);         /* called at each, without the lock; or NULL */
    gboolean hangs;             /* a look does not return */
    gboolean shutOff;
    guint suspends, left, identities;
    int references;             /* to the domain */
    guint64 downtime;           /* that was set last, ms */
    GString *log;
    void (*passed)(virConnectPtr, virDomainPtr, int, void *);
    void *passedOpaque;
    virFreeCallback passedFree;
} calls;

static gint shiftMs;            /* atomic: what the clock is ahead */
static convergeJob *current;    /* of the test, for .look */
static char *top, *records, *journals;
static pid_t child;

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 +
        (gint64)g_atomic_int_get(&shiftMs) * 1000;
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

virConnectPtr
virDomainGetConnect(virDomainPtr domain G_GNUC_UNUSED)
{
    return NULL;
}

int
virDomainRef(virDomainPtr domain G_GNUC_UNUSED)
{
    g_mutex_lock(&calls.lock);
    calls.references++;
    g_mutex_unlock(&calls.lock);
    return 0;
}

int
virDomainFree(virDomainPtr domain G_GNUC_UNUSED)
{
    g_mutex_lock(&calls.lock);
    calls.references--;
    g_mutex_unlock(&calls.lock);
    return 0;
}

static void
change(guint *counter)
{
    g_mutex_lock(&calls.lock);
    ++*counter;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
}

static int
getJobStats(virDomainPtr dom G_GNUC_UNUSED,
            int *type,
            virTypedParameterPtr *params,
            int *nparams,
            unsigned int flags G_GNUC_UNUSED)
{
    void (*look)(void);
    int iteration;
    int max = 0;

    g_mutex_lock(&calls.lock);
    calls.looks++;
    g_cond_broadcast(&calls.changed);
    while (calls.hangs)
        g_cond_wait(&calls.changed, &calls.lock);
    look = calls.look;
    iteration = calls.iteration;
    g_mutex_unlock(&calls.lock);
    if (look)
        look();

    *type = VIR_DOMAIN_JOB_UNBOUNDED;
    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1 << 30);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_REMAINING, 1 << 29);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_ITERATION,
                            (unsigned long long)iteration);
    return 0;
}

static int
getState(virDomainPtr dom G_GNUC_UNUSED,
         int *state,
         int *reason,
         unsigned int flags G_GNUC_UNUSED)
{
    *state = calls.shutOff ? VIR_DOMAIN_SHUTOFF : VIR_DOMAIN_RUNNING;
    *reason = 0;
    return 0;
}

static int
setMaxDowntime(virDomainPtr dom G_GNUC_UNUSED,
               unsigned long long ms,
               unsigned int flags G_GNUC_UNUSED)
{
    g_mutex_lock(&calls.lock);
    calls.downtime = ms;
    qemu.params[CONVERGE_PARAM_DOWNTIME] = (gint64)ms;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
    return 0;
}

static int
monitorCommand(virDomainPtr dom,
               const char *cmd,
               char **result,
               unsigned int flags)
{
    return fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags);
}

static int
suspend(virDomainPtr dom G_GNUC_UNUSED)
{
    change(&calls.suspends);
    return 0;
}

static int
getId(virDomainPtr dom G_GNUC_UNUSED)
{
    return 7;
}

static void
threadInit(void)
{
    change(&calls.identities);
}

static void
writeLog(const char *guest,
         const char *text)
{
    g_mutex_lock(&calls.lock);
    g_string_append_printf(calls.log, "%s: %s\n", guest, text);
    g_mutex_unlock(&calls.lock);
}

static int
registerEvent(virConnectPtr conn G_GNUC_UNUSED,
              virDomainPtr dom G_GNUC_UNUSED,
              int eventID G_GNUC_UNUSED,
              virConnectDomainEventGenericCallback cb,
              void *opaque,
              virFreeCallback freecb)
{
    calls.passed = (virConnectDomainEventMigrationIterationCallback)(void (*)(void))cb;
    calls.passedOpaque = opaque;
    calls.passedFree = freecb;
    return 1;
}

static int
deregisterEvent(virConnectPtr conn G_GNUC_UNUSED,
                int callbackID G_GNUC_UNUSED)
{
    calls.passedFree(calls.passedOpaque);
    return 0;
}

#define CALLS \
    .getId = getId, .getJobStats = getJobStats, .getState = getState, \
    .setMaxDowntime = setMaxDowntime, .qemuMonitorCommand = monitorCommand, .suspend = suspend, \
    .domainEventRegisterAny = registerEvent, .domainEventDeregisterAny = deregisterEvent, \
    .threadInit = threadInit

static const convergeLibvirt client = { .caller = "client", CALLS };
static const convergeLibvirt daemonCalls = { .caller = "daemon", .onHost = TRUE, .log = writeLog, CALLS };

/* --- The job --- */

static void
noteLeft(convergeJob *job G_GNUC_UNUSED)
{
    change(&calls.left);
}

static void
reset(void)
{
    const pid_t test = getpid();

    g_atomic_int_set(&shiftMs, 0);
    g_string_set_size(calls.log, 0);
    calls.iteration = 2;        /* the first pass is over */
    calls.look = NULL;
    calls.hangs = calls.shutOff = FALSE;
    calls.looks = calls.suspends = calls.left = calls.identities = 0;
    calls.downtime = 0;
    if (child == 0 && (child = fork()) == 0) {
        /* A test that fails leaves nobody behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == test)
            pause();
        _exit(0);
    }
    g_assert_cmpint(child, >, 0);
    qemu = fakeQemuPristine;
    qemu.thread = child;
}

/* @author: who states the policy */
static convergeJob *
startBy(convergeLayer author,
        const char *text,
        const convergeLibvirt *libvirt,
        convergeJobOptions options)
{
    g_autoptr(convergePolicySpec) spec = convergePolicySpecParse(text, NULL);
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = { NULL };
    g_autoptr(convergePolicy) policy = NULL;
    convergeJob *job;

    layers[author] = spec;
    policy = convergePolicyResolve(layers, NULL, NULL);
    g_assert_nonnull(policy);
    options.left = noteLeft;
    job = convergeJobStart((virDomainPtr)&calls, policy, libvirt, &options, NULL);
    g_assert_nonnull(job);
    return job;
}

static convergeJob *
startWith(const char *text,
          const convergeLibvirt *libvirt,
          convergeJobOptions options)
{
    return startBy(CONVERGE_LAYER_CALL, text, libvirt, options);
}

static convergeJob *
start(const char *text,
      const convergeLibvirt *libvirt)
{
    return startWith(text, libvirt, (convergeJobOptions) { .name = "busy" });
}

static void
awaitLooks(guint n)
{
    g_mutex_lock(&calls.lock);
    while (calls.looks < n)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

/* What was looked at by now has been acted on. */
static void
awaitTurn(void)
{
    guint looks;

    g_mutex_lock(&calls.lock);
    looks = calls.looks;
    g_mutex_unlock(&calls.lock);
    awaitLooks(looks + 2);
}

static void
awaitDowntime(guint64 ms)
{
    g_mutex_lock(&calls.lock);
    while (calls.downtime != ms)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

static gboolean
hasRecord(void)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(records, UUID);

    return record != NULL;
}

static convergeState
stateOf(convergeJob *job)
{
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    return status.state;
}

/* How often @text is in the log. */
static guint
logged(const char *text)
{
    g_auto(GStrv) parts = NULL;

    g_mutex_lock(&calls.lock);
    parts = g_strsplit(calls.log->str, text, -1);
    g_mutex_unlock(&calls.lock);
    return g_strv_length(parts) - 1;
}

/* A policy under which the loop throttles, or at least sets QEMU's parameters, at once. */
#define ACTS "adaptive,actuator=qemu,initial-downtime=50ms"

/* --- How a migration ends --- */

static void
testEnds(void)
{
    static const struct {
        convergeJobEnd end;
        convergeState state;
        gboolean pristine;      /* QEMU's parameters are as they were */
        gboolean record;        /* there is one left */
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
        g_assert_true((qemu.params[CONVERGE_PARAM_DOWNTIME] == 300) == rows[i].pristine);
        g_assert_true(hasRecord() == rows[i].record);
        g_assert_cmpuint(calls.left, ==, 1);
        g_assert_cmpuint(calls.identities, ==, 1);
        g_assert_cmpint(calls.references, ==, 0);

        if (rows[i].end == CONVERGE_JOB_PENDING)
            g_assert_true(convergeJobRestore(job, (virDomainPtr)&calls));
        g_assert_false(hasRecord());
        g_assert_cmpint(calls.references, ==, 0);
        g_assert_true((qemu.params[CONVERGE_PARAM_DOWNTIME] == 300) ==
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
    g_assert_true(convergeJobConfirm(job));
    g_assert_false(hasRecord());
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
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
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 40);
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_INITIAL], ==, 40);
}

/* --- No more acts --- */

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

static gpointer
startLooking(gpointer opaque G_GNUC_UNUSED)
{
    g_mutex_lock(&calls.lock);
    calls.hangs = FALSE;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
    return NULL;
}

/* libvirt's job ends, or the migration call returns, while the loop looks: what it has decided
 * is not done any more. */
static void
testTooLate(void)
{
    void (*const looks[])(void) = { overNow, awaitStopping };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(looks); i++) {
        g_autoptr(convergeJob) job = NULL;

        reset();
        calls.look = looks[i];
        calls.hangs = TRUE;
        current = job = start("suspend", &client);
        awaitLooks(1);
        startLooking(NULL);
        if (i == 0)
            awaitStopping();
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
        g_assert_cmpuint(calls.suspends, ==, 0);
        g_assert_cmpuint(calls.looks, ==, 1);
        g_assert_null(convergeJobExplainRung(job, NULL));
    }
}

/* A QEMU that does not answer keeps nobody waiting, and what was changed goes back when it
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

    startLooking(NULL);
    g_mutex_lock(&calls.lock);
    while (calls.left == 0)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
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

/* Whoever may not enter stands aside, which is told once, and changes nothing. */
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
            g_assert_cmpstr(trouble, ==, "the migration goes on as stock: not yet");
            g_assert_null(convergeJobTakeTrouble(job));
        } else {
            g_assert_null(trouble);
            g_assert_cmpstr(calls.log->str, ==, "busy: the migration goes on as stock: not yet\n");
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
    g_usleep(20000);            /* most likely the wait has ended by now */
    g_assert_true(convergeJobStop(job, CONVERGE_JOB_FAILED));
    g_assert_null(convergeJobTakeTrouble(job));
    g_assert_cmpuint(calls.looks, ==, 0);
}

/* --- What is told --- */

/* A rung is logged once, with the name of the options; who asks for it is told. */
static void
testRung(void)
{
    static const struct {
        convergeLayer layer;
        const char *author;
    } rows[] = {
        { CONVERGE_LAYER_CALL, "the call asks for it" },
        { CONVERGE_LAYER_HOST, "the host's configuration asks for it" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(convergeJob) job = NULL;
        g_autofree char *text = NULL;
        convergeVerb verb = CONVERGE_VERB_LAST;

        reset();
        job = startBy(rows[i].layer, "suspend", &daemonCalls, (convergeJobOptions) { .name = "busy" });
        awaitTurn();
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

/* Only the first trouble is kept for who asks.  A guest that is gone needs nothing put back. */
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
        qemu.refused = "query-migrate-parameters";
        calls.shutOff = gone != 0;
        g_assert_true(convergeJobStop(job, CONVERGE_JOB_PENDING));
        g_assert_null(convergeJobTakeTrouble(job));
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
    g_assert_nonnull(strstr(text, UUID));

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
    record = convergeUndoFileLoad(records, UUID);
    g_assert_cmpstr(record->name, ==, "busy");
    g_assert_cmpstr(convergeJobGetUUID(job), ==, UUID);
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
    startLooking(NULL);

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

    /* Whoever stands aside leaves others their way. */
    reset();
    qemu.refused = "max-cpu-throttle";
    aside = start(ACTS ",throttle=adaptive", &client);
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
    g_usleep(20000);            /* most likely the loop waits by now */
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
    gboolean root = geteuid() == 0;
    int status;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);
    calls.log = g_string_new(NULL);

    /* Root's records have one place: root becomes somebody else. */
    if (root)
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
    top = filesNewDir();
    g_setenv("XDG_RUNTIME_DIR", top, TRUE);
    records = convergeUndoFileDefaultDir();
    journals = g_build_filename(top, "journals", NULL);
    g_assert_true(g_str_has_prefix(records, top));

    g_test_add_func("/job/ends", testEnds);
    g_test_add_func("/job/confirm", testConfirm);
    g_test_add_func("/job/caller-throttle", testCallerThrottle);
    g_test_add_func("/job/too-late", testTooLate);
    g_test_add_func("/job/hangs", testHangs);
    g_test_add_func("/job/may-not-enter", testMayNotEnter);
    g_test_add_func("/job/over-before-entering", testOverBeforeEntering);
    g_test_add_func("/job/rung", testRung);
    g_test_add_func("/job/trouble", testTrouble);
    g_test_add_func("/job/journal", testJournal);
    g_test_add_func("/job/names", testNames);
    g_test_add_func("/job/outside-downtime", testOutsideDowntime);
    g_test_add_func("/job/pass", testPass);
    status = g_test_run();

    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
    filesRemove(top);
    g_free(top);
    g_free(records);
    g_free(journals);
    g_string_free(calls.log, TRUE);
    return status;
}
