/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakejob.c: jobs of a guest whose QEMU is a process
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fakejob.h"
#include "fakeqemu.h"
#include "files.h"
#include "undo/undo_file.h"

/* --- What stands for libvirt and the clock --- */

jobCalls calls;
gint shiftMs;
gint clockReads;
char *top, *records;

static pid_t child;
static gboolean root;

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    g_atomic_int_inc(&clockReads);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 +
        (gint64)g_atomic_int_get(&shiftMs) * 1000;
}

int
virDomainGetUUIDString(virDomainPtr domain G_GNUC_UNUSED,
                       char *uuid)
{
    g_strlcpy(uuid, JOB_UUID, VIR_UUID_STRING_BUFLEN);
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
    g_cond_broadcast(&calls.changed);
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
    gboolean done;
    guint64 sent, carried;
    int iteration;
    int max = 0;

    g_mutex_lock(&calls.lock);
    calls.looks++;
    g_cond_broadcast(&calls.changed);
    while (calls.hangs)
        g_cond_wait(&calls.changed, &calls.lock);
    look = calls.look;
    iteration = calls.iteration;
    sent = calls.sent;
    carried = calls.ratio > 0 ? sent / calls.ratio : sent;
    done = calls.paused && !calls.remains;
    g_mutex_unlock(&calls.lock);
    if (look)
        look();

    *type = VIR_DOMAIN_JOB_UNBOUNDED;
    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1 << 30);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_REMAINING, done ? 0 : 1 << 29);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_PROCESSED, carried);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, sent);
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
    g_mutex_lock(&calls.lock);
    *state = calls.shutOff ? VIR_DOMAIN_SHUTOFF : calls.paused ? VIR_DOMAIN_PAUSED :
                                                                 VIR_DOMAIN_RUNNING;
    g_mutex_unlock(&calls.lock);
    *reason = 0;
    return 0;
}

static int
setMaxDowntime(virDomainPtr dom G_GNUC_UNUSED,
               unsigned long long ms,
               unsigned int flags G_GNUC_UNUSED)
{
    gboolean refused;

    g_mutex_lock(&calls.lock);
    refused = calls.refuses;
    if (!refused) {
        calls.downtime = ms;
        fakeQemuSetParam(CONVERGE_PARAM_DOWNTIME, (gint64)ms);
        g_cond_broadcast(&calls.changed);
    }
    g_mutex_unlock(&calls.lock);
    return refused ? -1 : 0;
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
              int eventID,
              virConnectDomainEventGenericCallback cb,
              void *opaque,
              virFreeCallback freecb)
{
    if (eventID == VIR_DOMAIN_EVENT_ID_JOB_COMPLETED) {
        calls.completed = (virConnectDomainEventJobCompletedCallback)(void (*)(void))cb;
        calls.completedOpaque = opaque;
        calls.completedFree = freecb;
    } else {
        calls.passed = (virConnectDomainEventMigrationIterationCallback)(void (*)(void))cb;
        calls.passedOpaque = opaque;
        calls.passedFree = freecb;
    }
    return eventID;
}

static int
deregisterEvent(virConnectPtr conn G_GNUC_UNUSED,
                int callbackID)
{
    if (callbackID == VIR_DOMAIN_EVENT_ID_JOB_COMPLETED)
        calls.completedFree(calls.completedOpaque);
    else
        calls.passedFree(calls.passedOpaque);
    return 0;
}

#define CALLS \
    .getId = getId, .getJobStats = getJobStats, .getState = getState, \
    .setMaxDowntime = setMaxDowntime, .qemuMonitorCommand = monitorCommand, .suspend = suspend, \
    .domainEventRegisterAny = registerEvent, .domainEventDeregisterAny = deregisterEvent, \
    .threadInit = threadInit

const convergeLibvirt client = { .caller = "client", CALLS };
const convergeLibvirt daemonCalls = { .caller = "daemon", .onHost = TRUE, .log = writeLog, CALLS };

/* --- The job --- */

static void
noteLeft(convergeJob *job G_GNUC_UNUSED)
{
    change(&calls.left);
}

void
reset(void)
{
    const pid_t test = getpid();

    g_atomic_int_set(&shiftMs, 0);
    g_string_set_size(calls.log, 0);
    calls.iteration = 2; /* the first pass is over */
    calls.look = NULL;
    calls.sent = 0;
    calls.hangs = calls.refuses = calls.shutOff = calls.paused = calls.remains = FALSE;
    calls.looks = calls.suspends = calls.left = calls.identities = 0;
    calls.downtime = 0;
    if (child == 0 && (child = fork()) == 0) {
        /* A test that fails leaves no process behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == test)
            pause();
        _exit(0);
    }
    g_assert_cmpint(child, >, 0);
    qemu = fakeQemuPristine;
    qemu.thread = child;
}

convergeJob *
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

convergeJob *
startWith(const char *text,
          const convergeLibvirt *libvirt,
          convergeJobOptions options)
{
    return startBy(CONVERGE_LAYER_CALL, text, libvirt, options);
}

convergeJob *
start(const char *text,
      const convergeLibvirt *libvirt)
{
    return startWith(text, libvirt, (convergeJobOptions) { .name = "busy" });
}

void
awaitLooks(guint n)
{
    g_mutex_lock(&calls.lock);
    while (calls.looks < n)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

void
awaitTurn(void)
{
    guint looks;

    g_mutex_lock(&calls.lock);
    looks = calls.looks;
    g_mutex_unlock(&calls.lock);
    awaitLooks(looks + 2);
}

void
awaitDowntime(guint64 ms)
{
    g_mutex_lock(&calls.lock);
    while (calls.downtime != ms)
        g_cond_wait(&calls.changed, &calls.lock);
    g_mutex_unlock(&calls.lock);
}

gboolean
hasRecord(void)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(records, JOB_UUID);

    return record != NULL;
}

convergeState
stateOf(convergeJob *job)
{
    convergeStatus status;

    convergeJobGetStatus(job, &status);
    return status.state;
}

guint
logged(const char *text)
{
    g_auto(GStrv) parts = NULL;

    g_mutex_lock(&calls.lock);
    parts = g_strsplit(calls.log->str, text, -1);
    g_mutex_unlock(&calls.lock);
    return g_strv_length(parts) - 1;
}

void
letLook(void)
{
    g_mutex_lock(&calls.lock);
    calls.hangs = FALSE;
    g_cond_broadcast(&calls.changed);
    g_mutex_unlock(&calls.lock);
}

void
jobsInit(void)
{
    root = geteuid() == 0;
    g_assert_cmpint(virInitialize(), ==, 0);
    calls.log = g_string_new(NULL);

    /* Root's records have one place: root becomes another user. */
    if (root)
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
    top = filesNewDir();
    g_setenv("XDG_RUNTIME_DIR", top, TRUE);
    records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(records, top));
}

void
jobsClear(void)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
    filesRemove(top);
    g_free(top);
    g_free(records);
    g_string_free(calls.log, TRUE);
}
