/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeguest.c: a guest with a QEMU that is a process, and the backend that acts on it
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fakeguest.h"
#include "files.h"
#include "undo/undo_file.h"

/* --- What stands for libvirt and the clock --- */

guestCalls calls;
gint64 shiftMs;
char *records;
pid_t child;

static char *top;
static gboolean root;

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
    g_strlcpy(uuid, GUEST_UUID, VIR_UUID_STRING_BUFLEN);
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
    if (calls.downtimeFails && !calls.downtimeLands)
        return -1;
    if (fakeDaemon.setMaxDowntime(dom, ms, flags) < 0)
        return -1;
    return calls.downtimeFails ? -1 : 0;
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

const convergeLibvirt daemonCalls = { .caller = "daemon", .onHost = TRUE, CALLS };
const convergeLibvirt clientCalls = { .caller = "client", CALLS };
const convergeMonitor monitor = { &clientCalls, NULL };

gboolean
comesBefore(const char *first,
            const char *second)
{
    const char *one = strstr(calls.course->str, first);
    const char *two = strstr(calls.course->str, second);

    return one && (!two || one < two);
}

/* --- The guest --- */

static void
startQemu(void)
{
    const pid_t test = getpid();

    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child > 0)
        return;
    /* A test that fails leaves no process behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == test)
        pause();
    _exit(0);
}

void
killQemu(void)
{
    if (child > 0) {
        g_assert_cmpint(kill(child, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    }
    child = 0;
}

void
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

gboolean
say(convergeBackendLibvirt *backend,
    convergeVerb verb,
    unsigned int throttle,
    GError **error)
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

    return convergeBackendLibvirtOps.apply(backend, &decision, error);
}

const convergeThrottleTraits *
choose(convergeBackendLibvirt *backend,
       convergeThrottleMethod wanted,
       GError **error)
{
    g_autofree char *why = NULL;

    return convergeBackendLibvirtOps.choose(backend, wanted, &why, error);
}

convergeThrottleMethod
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

convergeBackendLibvirt *
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

void
guestsInit(void)
{
    root = geteuid() == 0;
    calls.course = g_string_new(NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    /* Root's records have one place, and root may write anywhere: root becomes another user. */
    if (root)
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
    top = filesNewDir();
    g_setenv("XDG_RUNTIME_DIR", top, TRUE);
    records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(records, top));
}

void
guestsClear(void)
{
    killQemu();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
    filesRemove(top);
    g_free(top);
    g_free(records);
    g_string_free(calls.course, TRUE);
}
