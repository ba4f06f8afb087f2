/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtqemud.c: the module in a daemon whose jobs act, and in one that it is not made for
 *
 * A program of this name, since the module is inert in others.  Behind the wrappers stands
 * fakelibvirt.h, and behind that the QEMU of fakeqemu.h, whose only vCPU is this process.
 * Records, journals and the host's configuration are in a directory of the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fakeqemu.h"
#include "../files.h"
#include "fakelibvirt.h"
#include "module/libvirt_next.h"
#include "module/rights.h"
#include "policy/policy_conf.h"
#include "qemu_migration_converge.h"
#include "undo/undo_file.h"

#define LIVE VIR_MIGRATE_LIVE
#define P2P (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER)
#define AUTO VIR_MIGRATE_AUTO_CONVERGE

/* A policy under which the loop changes something of the guest in its first turn. */
#define ACTS "adaptive,actuator=qemu,initial-downtime=50ms"

static struct {
    char *top;
    char *records;
    char *conf;         /* stands for the host's configuration */
    char *max;          /* the file with the quota of the vCPU */
} host;

/* --- Files --- */

int
open(const char *path,
     int flags,
     ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    return openat(AT_FDCWD, g_str_equal(path, CONVERGE_POLICY_CONF) ? host.conf : path, flags, mode);
}

static char *
readAll(const char *path)
{
    GString *text = g_string_new(NULL);
    char buffer[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gssize got;

    while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
        g_string_append_len(text, buffer, got);
    if (fd >= 0)
        close(fd);
    return g_string_free(text, fd < 0);
}

gboolean
g_file_get_contents(const char *path,
                    char **text,
                    gsize *length,
                    GError **error)
{
    g_autofree char *cgroup = g_strdup_printf("/proc/%d/cgroup", (int)getpid());

    if (g_str_equal(path, cgroup))
        *text = g_strdup("0::/qemu-7-guest.libvirt-qemu/vcpu0\n");
    else if (g_str_equal(path, "/proc/self/mountinfo"))
        *text = g_strdup_printf("30 1 0:1 / %s rw - cgroup2 none rw\n", host.top);
    else
        *text = readAll(path);
    if (!*text) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s", path);
        errno = ENOENT;
        return FALSE;
    }
    if (length)
        *length = strlen(*text);
    return TRUE;
}

/* --- What the daemon writes into its log --- */

static FILE *realStderr;
static char *logText;
static size_t logLength;

static void
startLog(void)
{
    realStderr = stderr;
    g_assert_nonnull(stderr = open_memstream(&logText, &logLength));
}

/* free() */
static char *
endLog(void)
{
    fclose(stderr);
    stderr = realStderr;
    return g_steal_pointer(&logText);
}

static guint
countLines(const char *text)
{
    guint n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* --- Calls --- */

/* A loop acts with the daemon's identity. */
static int
monitorCommand(virDomainPtr dom,
               const char *cmd,
               char **result,
               unsigned int flags)
{
    g_assert_true(fakeIsDaemon());
    return fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags);
}

static void
reset(fakeOutcome outcome)
{
    virResetLastError();
    fake = (fakeLibvirt) {
        .outcome = outcome, .iteration = 2, .monitor = monitorCommand,
        .setDowntime = fakeDaemon.setMaxDowntime,
    };
    qemu = fakeQemuPristine;
    qemu.ring = FALSE;
    qemu.thread = getpid();
}

static void
setString(virTypedParameterPtr param,
          const char *name,
          const char *value)
{
    *param = (virTypedParameter) { .type = VIR_TYPED_PARAM_STRING };
    g_strlcpy(param->field, name, sizeof(param->field));
    param->value.s = (char *)value;
}

static void
setInt(virTypedParameterPtr param,
       const char *name,
       int value)
{
    *param = (virTypedParameter) { .type = VIR_TYPED_PARAM_INT };
    g_strlcpy(param->field, name, sizeof(param->field));
    param->value.i = value;
}

static int
performWith(virTypedParameterPtr params,
            int nparams,
            unsigned int flags)
{
    return virDomainMigratePerform3Params(fakeDomain(), "qemu:///system", params, nparams,
                                          NULL, 0, NULL, NULL, flags);
}

static int
perform(const char *policy,
        unsigned int flags)
{
    virTypedParameter param;

    setString(&param, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, policy);
    return performWith(&param, policy ? 1 : 0, flags);
}

static int
performOld(unsigned long flags)
{
    return virDomainMigratePerform3(fakeDomain(), NULL, NULL, 0, NULL, NULL, "qemu:///system",
                                    NULL, flags, NULL, 0);
}

static int
confirm(gboolean cancelled)
{
    return virDomainMigrateConfirm3Params(fakeDomain(), NULL, 0, NULL, 0, LIVE, cancelled);
}

/* Of the job statistics; NULL: there is no such text.  g_free() */
static char *
getStat(const char *name,
        gboolean completed)
{
    virTypedParameterPtr params = NULL;
    const char *value = NULL;
    int nparams = 0;
    char *copy;
    int type;

    g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams,
                                         completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0), ==, 0);
    virTypedParamsGetString(params, nparams, name, &value);
    copy = g_strdup(value);
    virTypedParamsFree(params, nparams);
    return copy;
}

static gboolean
statsKnowPolicy(gboolean completed)
{
    g_autofree char *policy = getStat(QEMU_MIGRATION_CONVERGE_STAT_POLICY, completed);

    return policy != NULL;
}

static gboolean
hasRecord(void)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(host.records, FAKE_UUID);

    return record != NULL;
}

/* The loop has taken two more turns. */
static void
awaitTurns(void)
{
    gint looks = g_atomic_int_get(&fake.looks);

    while (g_atomic_int_get(&fake.looks) < looks + 3)
        g_usleep(1000);
}

static void
untilItActs(void)
{
    while (qemu.params[CONVERGE_PARAM_DOWNTIME] != 50)
        g_usleep(1000);
    awaitTurns();
    g_assert_true(hasRecord());
}

static void
untilItAborts(void)
{
    while (g_atomic_int_get(&fake.aborts) == 0)
        g_usleep(1000);
    awaitTurns();
}

static void
untilItSuspends(void)
{
    while (g_atomic_int_get(&fake.suspends) == 0)
        g_usleep(1000);
    awaitTurns();
}

static void
untilPostcopy(void)
{
    while (g_atomic_int_get(&fake.postcopies) == 0)
        g_usleep(1000);
    awaitTurns();
}

static void
neverBegins(void)
{
    g_assert_not_reached();
}

/* --- Other programs, and what children get --- */

/* virtproxyd runs the same code: there the module forwards, and does nothing else. */
static int
runAsProxy(void)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type;

    reset(FAKE_FAILS);
    g_assert_cmpint(perform("no-such-preset", LIVE), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    g_assert_true(fake.hasPolicyParam);
    g_assert_cmpuint(fake.flags, ==, LIVE);
    g_assert_cmpint(performOld(LIVE), ==, -1);
    g_assert_cmpint(confirm(FALSE), ==, -1);
    g_assert_cmpint(virDomainMigrateConfirm3(fakeDomain(), NULL, 0, LIVE, FALSE), ==, -1);
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 7, 0), ==, 0);
    g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams, 0), ==, 0);
    g_assert_cmpint(nparams, ==, 1);
    virTypedParamsFree(params, nparams);

    fake.outcome = FAKE_SUCCEEDS;
    free(virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL, LIVE | AUTO));
    g_assert_cmpuint(fake.flags, ==, LIVE | AUTO);
    return EXIT_SUCCESS;
}

/* Runs this program under a name and with a library preloaded, which is left in its environment
 * or not.  What it writes is thrown away. */
static gboolean
runAs(const char *name,
      const char *mode)
{
    char *argv[] = { (char *)"/proc/self/exe", (char *)name, (char *)mode, NULL };
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LD_PRELOAD", "virtqemud", TRUE);
    int status = -1;

    argv[0] = self;
    return g_spawn_sync(NULL, argv, environment, G_SPAWN_FILE_AND_ARGV_ZERO |
                        G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL) && status == 0;
}

static struct {
    gboolean proxy, proxyEnvironment, environment;
} seen;

static void
testOtherProgram(void)
{
    g_assert_true(seen.proxy);
    g_assert_true(seen.proxyEnvironment);
}

/* QEMU and every helper of the daemon would load the module, too. */
static void
testEnvironment(void)
{
    g_assert_true(seen.environment);
}

/* --- Parameters --- */

/* The parameter is removed even where it is wrong, and then the call is refused. */
static void
testWrongParameter(void)
{
    virTypedParameter params[3];
    int i;

    setString(&params[0], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, "adaptive");
    setString(&params[1], "destination_name", "x");
    for (i = 0; i < 2; i++) {
        if (i == 0)
            setInt(&params[2], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, 1);
        else
            setString(&params[2], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, "suspend");

        reset(FAKE_SUCCEEDS);
        fake.during = neverBegins;
        g_assert_cmpint(performWith(params, 3, LIVE), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_assert_nonnull(strstr(fakeErrorText(), "stated once"));
        g_assert_false(fake.hasPolicyParam);

        reset(FAKE_SUCCEEDS);
        g_assert_cmpint(performWith(&params[2], 1, LIVE), ==, i == 0 ? -1 : 0);
        g_assert_false(fake.hasPolicyParam);
        g_assert_cmpint(confirm(TRUE), ==, 0);
    }
}

/* At the destination the parameter is only in the way. */
static void
testDestination(void)
{
    virTypedParameter param;

    setString(&param, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, "no-such-preset");
    reset(FAKE_SUCCEEDS);
    fake.hasPolicyParam = TRUE;
    g_assert_cmpint(virDomainMigratePrepare3Params(NULL, &param, 1, NULL, 0, NULL, NULL, NULL, LIVE), ==, 0);
    g_assert_false(fake.hasPolicyParam);
    fake.hasPolicyParam = TRUE;
    g_assert_cmpint(virDomainMigratePrepareTunnel3Params(NULL, NULL, &param, 1, NULL, 0, NULL, NULL, LIVE), ==, 0);
    g_assert_false(fake.hasPolicyParam);
    fake.hasPolicyParam = TRUE;
    g_assert_null(virDomainMigrateFinish3Params(NULL, &param, 1, NULL, 0, NULL, NULL, LIVE, 0));
    g_assert_false(fake.hasPolicyParam);
    g_assert_cmpstr(param.value.s, ==, "no-such-preset");
}

/* QEMU's capability is there where the policy throttles, and is not where nobody does: neither
 * the policy nor whoever has stated how QEMU throttles. */
static void
testFlags(void)
{
    static const struct {
        const char *policy;
        const char *stated;     /* a parameter of QEMU's throttle, or NULL */
        unsigned int flags;
        unsigned int seen;
    } rows[] = {
        { "adaptive", NULL, LIVE, LIVE | AUTO },
        { "adaptive", NULL, LIVE | AUTO, LIVE | AUTO },
        { "adaptive,throttle=none", NULL, LIVE, LIVE },
        { "adaptive,throttle=none", NULL, LIVE | AUTO, LIVE },
        { "adaptive,throttle=none", VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, LIVE | AUTO, LIVE | AUTO },
        { "adaptive,throttle=none", VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, LIVE | AUTO, LIVE | AUTO },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        virTypedParameter params[2];

        setString(&params[0], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, rows[i].policy);
        setInt(&params[1], rows[i].stated ? rows[i].stated : "", 20);
        reset(FAKE_FAILS);
        g_test_message("row %zu", i);
        g_assert_cmpint(performWith(params, rows[i].stated ? 2 : 1, rows[i].flags), ==, -1);
        g_assert_cmpuint(fake.flags, ==, rows[i].seen);
    }

    /* The older call has no parameters, but domains have policies. */
    reset(FAKE_FAILS);
    fake.metadata = "<policy when='always'/>";
    g_assert_cmpint(performOld(LIVE), ==, -1);
    g_assert_cmpuint(fake.flags, ==, LIVE | AUTO);
    fake.metadata = "<policy when='always'><throttle>none</throttle></policy>";
    g_assert_cmpint(performOld(LIVE | AUTO), ==, -1);
    g_assert_cmpuint(fake.flags, ==, LIVE);
}

/* The calls without parameters, too, tell how a migration ends. */
static void
testOldCalls(void)
{
    gboolean cancelled;

    reset(FAKE_FAILS);
    fake.during = untilItActs;
    filesPut(host.conf, "[default]\nactuator = qemu\ninitial-downtime = 50ms\n");
    g_assert_cmpint(performOld(LIVE | AUTO), ==, -1);
    g_assert_cmpint(fake.looks, >, 0);
    g_assert_false(statsKnowPolicy(FALSE));
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    g_assert_false(hasRecord());

    for (cancelled = FALSE; cancelled <= TRUE; cancelled++) {
        reset(FAKE_SUCCEEDS);
        fake.during = untilItActs;
        g_assert_cmpint(performOld(LIVE | AUTO), ==, 0);
        g_assert_true(statsKnowPolicy(FALSE));
        g_assert_true(hasRecord());
        g_assert_cmpint(virDomainMigrateConfirm3(fakeDomain(), NULL, 0, LIVE, cancelled), ==, 0);
        g_assert_true(statsKnowPolicy(TRUE) == !cancelled);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, cancelled ? 300 : 50);
        g_assert_false(hasRecord());
    }

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(performOld(P2P | AUTO), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
    g_assert_false(hasRecord());
    filesRemove(host.conf);
}

/* --- How a migration ends --- */

/* What the policy has changed goes back when the migration has failed, and is libvirt's and the
 * destination's when it has not. */
static void
testEnds(void)
{
    reset(FAKE_FAILS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, -1);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    g_assert_false(hasRecord());
    g_assert_false(statsKnowPolicy(FALSE));

    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
    g_assert_false(hasRecord());
    g_assert_true(statsKnowPolicy(TRUE));
}

/* A client that has gone confirms nothing: what its migration has left goes back when the next
 * one begins, whether a policy applies to that or not. */
static void
testNeverConfirmed(void)
{
    const char *const next[] = { "adaptive,throttle=none,downtime=fixed", NULL };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(next); i++) {
        reset(FAKE_SUCCEEDS);
        fake.during = untilItActs;
        g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
        g_assert_true(statsKnowPolicy(TRUE));

        fake.outcome = FAKE_FAILS;
        fake.during = next[i] ? awaitTurns : NULL;
        g_assert_cmpint(perform(next[i], LIVE), ==, -1);
        while (qemu.params[CONVERGE_PARAM_DOWNTIME] != 300 || hasRecord())
            g_usleep(1000);
        g_assert_false(statsKnowPolicy(TRUE));
    }
}

static gint hangs;              /* atomic: QEMU does not answer */
static gint impatient;          /* atomic: whatever waits for a time does not wait */

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 -
        (g_atomic_int_get(&impatient) ? 60 * G_USEC_PER_SEC : 0);
}

static int
hangingMonitor(virDomainPtr dom,
               const char *cmd,
               char **result,
               unsigned int flags)
{
    while (g_atomic_int_get(&hangs))
        g_usleep(1000);
    return fakeDaemon.qemuMonitorCommand(dom, cmd, result, flags);
}

static void
hangAtTheEnd(void)
{
    g_atomic_int_set(&hangs, TRUE);
    g_atomic_int_set(&impatient, TRUE);
}

/* The loop that looks now would be that of this call. */
static void
seeNoLooks(void)
{
    gint looks = g_atomic_int_get(&fake.looks);

    g_usleep(100000);
    g_assert_cmpint(g_atomic_int_get(&fake.looks), ==, looks);
    g_atomic_int_set(&hangs, FALSE);
    awaitTurns();
}

static void
standAside(void)
{
    g_autofree char *state = NULL;

    do {
        g_free(state);
        awaitTurns();
        state = getStat(QEMU_MIGRATION_CONVERGE_STAT_STATE, FALSE);
    } while (g_strcmp0(state, "standing-aside") != 0);
    g_atomic_int_set(&impatient, FALSE);
}

/* A job whose QEMU does not answer is left to itself; the next one of the guest waits until it
 * has put everything back, and stands aside where that takes too long. */
static void
testLeaving(void)
{
    int patient;

    for (patient = 1; patient >= 0; patient--) {
        reset(FAKE_FAILS);
        fake.monitor = hangingMonitor;
        fake.during = untilItActs;
        fake.after = hangAtTheEnd;
        g_assert_cmpint(perform(ACTS, P2P), ==, -1);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
        g_assert_false(statsKnowPolicy(FALSE));

        g_atomic_int_set(&impatient, !patient);
        fake.during = patient ? seeNoLooks : standAside;
        fake.after = NULL;
        g_assert_cmpint(perform("adaptive,throttle=none,downtime=fixed", P2P), ==, -1);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, patient ? 300 : 50);

        g_atomic_int_set(&hangs, FALSE);
        while (hasRecord())
            g_usleep(1000);
        g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 300);
    }
}

/* Another migration that has begun makes the finished one forgotten. */
static void
testForgotten(void)
{
    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform("adaptive", P2P), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
    fake.outcome = FAKE_BUSY;
    g_assert_cmpint(perform(NULL, P2P), ==, -1);
    g_assert_true(statsKnowPolicy(TRUE));
    fake.outcome = FAKE_FAILS;
    g_assert_cmpint(perform(NULL, P2P), ==, -1);
    g_assert_false(statsKnowPolicy(TRUE));
}

static void
isStillPending(void)
{
    g_usleep(50000);            /* long enough for most of what is wrong to happen */
    g_assert_true(statsKnowPolicy(FALSE));
    g_assert_true(hasRecord());
}

/* To resume post-copy is no new migration: the first one still waits for its Confirm, and a
 * policy has no part in it. */
static void
testResume(void)
{
    reset(FAKE_SUCCEEDS);
    fake.during = untilItActs;
    g_assert_cmpint(perform(ACTS, LIVE), ==, 0);
    g_assert_true(statsKnowPolicy(FALSE));

    fake.during = isStillPending;
    g_assert_cmpint(perform("no-such-preset", LIVE | VIR_MIGRATE_POSTCOPY_RESUME), ==, 0);
    g_assert_cmpuint(fake.flags, ==, LIVE | VIR_MIGRATE_POSTCOPY_RESUME);
    g_assert_true(statsKnowPolicy(FALSE));
    g_assert_cmpint(confirm(FALSE), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
}

/* A migration that the policy has ended does not look as if somebody else had. */
static void
testExplained(void)
{
    static const struct {
        const char *policy;
        void (*during)(void);
        int code;
        const char *text;
    } rows[] = {
        { "adaptive,passes=1,fallback=abort", untilItAborts, VIR_ERR_OPERATION_ABORTED, "operation aborted: " },
        { "suspend", untilItSuspends, VIR_ERR_OPERATION_FAILED, "the migration failed (" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        reset(FAKE_FAILS);
        fake.during = rows[i].during;
        g_assert_cmpint(perform(rows[i].policy, P2P), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, rows[i].code);
        g_assert_true(g_str_has_prefix(fakeErrorText(), rows[i].text));
        g_assert_nonnull(strstr(fakeErrorText(), "the call asks for it"));

        reset(FAKE_SUCCEEDS);
        fake.during = rows[i].during;
        g_assert_cmpint(perform(rows[i].policy, P2P), ==, 0);
        g_assert_null(strstr(fakeErrorText(), "the call asks for it"));
    }
}

/* Post-copy is no reason for a failure. */
static void
testPostcopyExplainsNothing(void)
{
    reset(FAKE_FAILS);
    fake.during = untilPostcopy;
    g_assert_cmpint(perform("post-copy", P2P | VIR_MIGRATE_POSTCOPY), ==, -1);
    g_assert_cmpstr(fakeErrorText(), ==, "the migration failed");
}

/* --- Who is refused, and what is told --- */

/* A policy is for live migrations. */
static void
testNotLive(void)
{
    static const unsigned int flags[] = { 0, LIVE | VIR_MIGRATE_OFFLINE };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(flags); i++) {
        reset(FAKE_SUCCEEDS);
        fake.during = neverBegins;
        g_assert_cmpint(perform("adaptive", flags[i]), ==, -1);
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_assert_nonnull(strstr(fakeErrorText(), "VIR_MIGRATE_LIVE"));

        reset(FAKE_SUCCEEDS);
        fake.metadata = "<policy when='always'/>";
        g_assert_cmpint(perform(NULL, flags[i]), ==, 0);
        g_assert_cmpuint(fake.flags, ==, flags[i]);
        g_assert_false(statsKnowPolicy(FALSE));
    }
}

/* A mistake in the domain's metadata is no reason to refuse whoever has asked for nothing; the
 * log has it, once for Begin and Perform together. */
static void
testAskedForNothing(void)
{
    g_autofree char *log = NULL;
    char *xml;

    reset(FAKE_SUCCEEDS);
    fake.metadata = "<policy preset='no-such-preset'/>";
    startLog();
    xml = virDomainMigrateBegin3Params(fakeDomain(), NULL, 0, NULL, NULL, LIVE);
    g_assert_nonnull(xml);
    free(xml);
    g_assert_cmpint(perform(NULL, LIVE), ==, 0);
    log = endLog();
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OK);
    g_assert_cmpuint(countLines(log), ==, 1);
    g_assert_nonnull(strstr(log, "guest goes on as stock: "));
    g_assert_cmpuint(fake.flags, ==, LIVE);

    g_assert_cmpint(perform(NULL, LIVE | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

/* What is in a file of the host is for the log; the client learns which file, and which field. */
static void
testHostsMistake(void)
{
    static const struct {
        const char *conf;
        const char *secret;
        const char *field;      /* NULL: none is to blame */
    } rows[] = {
        { "[default]\npassword-of-someone\n", "password-of-someone", NULL },
        { "[default]\nstall = password-of-someone\n", "password-of-someone", "'stall'" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *log = NULL;

        reset(FAKE_SUCCEEDS);
        fake.during = neverBegins;
        filesPut(host.conf, rows[i].conf);
        startLog();
        g_assert_cmpint(perform("adaptive", LIVE), ==, -1);
        log = endLog();
        g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_INVALID_ARG);
        g_test_message("%s %s", fakeErrorText(), log);
        g_assert_nonnull(strstr(fakeErrorText(), CONVERGE_POLICY_CONF));
        g_assert_null(strstr(fakeErrorText(), rows[i].secret));
        if (rows[i].field)
            g_assert_nonnull(strstr(fakeErrorText(), rows[i].field));
        g_assert_nonnull(strstr(log, rows[i].secret));
    }
    filesRemove(host.conf);
}

/* An error that libvirt does not take goes to the log. */
static void
testErrorIsNotLost(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_SUCCEEDS);
    fake.refuses = TRUE;
    startLog();
    g_assert_cmpint(perform("no-such-preset", LIVE), ==, -1);
    log = endLog();
    g_assert_nonnull(strstr(log, "error: invalid argument: "));
}

/* The domain's metadata and the host's configuration are read with the daemon's identity, and the
 * caller's right to nothing else grows over it.  The guest's name is libvirt's, not the
 * caller's. */
static void
testIdentity(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_FAILS);
    fake.metadata = "<policy><passes>1</passes><fallback>suspend</fallback></policy>";
    startLog();
    g_assert_cmpint(perform(NULL, LIVE | AUTO), ==, -1);
    log = endLog();
    g_assert_true(fake.readAsDaemon);
    g_assert_false(fakeIsDaemon());
    g_assert_nonnull(strstr(log, "guest: field 'fallback' of the domain's policy is limited to 'continue'"));
    g_assert_null(strstr(log, "forged"));
}

/* Only what the call itself asks for takes rights of the caller: not what the host's
 * configuration or the domain's metadata says. */
static void
testOthersWord(void)
{
    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    filesPut(host.conf, "[default]\npreset = suspend\n");
    fake.during = untilItSuspends;
    g_assert_cmpint(perform(NULL, P2P | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    filesRemove(host.conf);

    reset(FAKE_FAILS);
    fake.denied = "virDomainMigrateSetMaxDowntimeEnsureACL";
    fake.metadata = "<policy><initial-downtime>50ms</initial-downtime></policy>";
    fake.during = awaitTurns;
    g_assert_cmpint(perform(NULL, P2P | AUTO), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    /* Nor does a rung that the call does not ask for. */
    reset(FAKE_FAILS);
    fake.denied = "virDomainAbortJobEnsureACL";
    fake.during = untilItSuspends;
    g_assert_cmpint(perform("suspend", P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OPERATION_FAILED);

    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    fake.during = neverBegins;
    g_assert_cmpint(perform("suspend", P2P), ==, -1);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_ACCESS_DENIED);
}

/* The answer to a check of rights is an error of its own, not libvirt's last one. */
static void
testNoErrorLeft(void)
{
    g_autoptr(convergePolicy) policy = convergePolicyParse("suspend", NULL);
    g_autoptr(GError) error = NULL;

    reset(FAKE_FAILS);
    fake.denied = "virDomainSuspendEnsureACL";
    g_assert_false(convergeRightsCheck(policy, NULL, NULL, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_RIGHTS);
    g_assert_cmpint(fakeErrorCode(), ==, VIR_ERR_OK);
}

/* Where libvirt does not tell when its job begins, nothing is done, and the log has it. */
static void
testNeverBegins(void)
{
    g_autofree char *log = NULL;

    reset(FAKE_SUCCEEDS);
    fake.silent = TRUE;
    startLog();
    g_assert_cmpint(perform(ACTS, P2P), ==, 0);
    log = endLog();
    g_assert_nonnull(strstr(log, "guest went on as stock"));
    g_assert_cmpint(fake.looks, ==, 0);
    g_assert_false(statsKnowPolicy(TRUE));
}

/* --- Statistics and downtime --- */

/* Statistics of a job of another kind know no policy, and none are added to those that libvirt
 * could not get. */
static void
testStats(void)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type;

    reset(FAKE_SUCCEEDS);
    g_assert_cmpint(perform("adaptive", P2P), ==, 0);
    g_assert_true(statsKnowPolicy(TRUE));
    fake.operation = VIR_DOMAIN_JOB_OPERATION_SAVE;
    g_assert_false(statsKnowPolicy(TRUE));
    fake.operation = 0;
    g_assert_true(statsKnowPolicy(TRUE));

    fake.refuses = TRUE;
    g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams, 0), ==, -1);
    g_assert_null(params);
    g_assert_cmpint(nparams, ==, 0);
}

static void
setDowntimes(void)
{
    untilItActs();

    /* Never above what the policy takes. */
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 7000, 0), ==, 0);
    g_assert_cmpuint(fake.downtime, ==, 50);
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), G_MAXUINT64, 0), ==, 0);
    g_assert_cmpuint(fake.downtime, ==, 50);

    /* Whoever libvirt does not let has no say. */
    fake.refuses = TRUE;
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 20, 0), ==, -1);
    awaitTurns();
    awaitTurns();
    g_assert_cmpint(qemu.params[CONVERGE_PARAM_DOWNTIME], ==, 50);
    fake.refuses = FALSE;
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 20, 0), ==, 0);
    g_assert_cmpuint(fake.downtime, ==, 20);
    qemu.params[CONVERGE_PARAM_DOWNTIME] = 50;
    while (qemu.params[CONVERGE_PARAM_DOWNTIME] != 20)
        g_usleep(1000);
}

static void
testDowntime(void)
{
    reset(FAKE_FAILS);
    fake.during = setDowntimes;
    g_assert_cmpint(perform(ACTS, P2P), ==, -1);

    /* Without a job it is as libvirt has it. */
    g_assert_cmpint(virDomainMigrateSetMaxDowntime(fakeDomain(), 7000, 0), ==, 0);
    g_assert_cmpuint(fake.downtime, ==, 7000);
}

/* --- The daemon's own --- */

static char *method;

static void
untilItThrottles(void)
{
    do {
        g_free(method);
        awaitTurns();
        method = getStat(QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR, FALSE);
    } while (!method);
}

/* A guest's cgroups are found by its id on this host, whatever the caller's domain has for it. */
static void
testGuestsOwnId(void)
{
    reset(FAKE_FAILS);
    filesPut(host.max, "max 100000");
    fake.during = untilItThrottles;
    g_assert_cmpint(perform("adaptive", P2P), ==, -1);
    g_assert_cmpstr(method, ==, "vcpu-quota");
    filesAssert(host.max, "max 100000");
    g_clear_pointer(&method, g_free);
}

/* Throttled, as a record of this process has it. */
static void
writeRecord(pid_t guest)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNew(host.records, FAKE_UUID, "guest", guest, NULL);
    g_autofree char *group = g_path_get_dirname(host.max);
    g_autofree char *text = g_strdup_printf("[{\"directory\":\"%s\",\"unified\":true,\"quota-us\":-1,"
                                            "\"period-us\":100000,\"cap-us\":1000000}]", group);
    g_autoptr(JsonNode) groups = json_from_string(text, NULL);

    g_assert_nonnull(record);
    convergeUndoRecordKeep(record, "groups", groups);
    g_assert_true(convergeUndoFileSave(record, NULL));
    filesPut(host.max, "1000 100000");
}

static void
assertExited(pid_t child)
{
    int status;

    g_assert_cmpint(child, >, 0);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
}

/* A daemon that ends in mid-migration gives the vCPUs their quotas back; the record stays. */
static void
testUnload(void)
{
    pid_t child;

    fflush(stdout);
    if ((child = fork()) == 0) {
        writeRecord(getppid());
        exit(0);
    }
    assertExited(child);
    filesAssert(host.max, "max 100000");
    g_assert_true(hasRecord());
}

/* The main loop's first turn is the first sign that the daemon is up: what another one has left
 * is put back. */
static void
testStart(void)
{
    g_autofree char *text = NULL;
    pid_t child;

    fflush(stdout);
    if ((child = fork()) == 0) {
        writeRecord(getppid());
        _exit(0);
    }
    assertExited(child);
    filesAssert(host.max, "1000 100000");

    g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    do {
        g_usleep(1000);
        g_free(text);
        text = readAll(host.max);
    } while (!text || !g_str_has_prefix(text, "max"));
}

int
main(int argc,
     char **argv)
{
    gboolean root = geteuid() == 0;
    g_autofree char *threads = NULL;
    g_autofree char *thread = g_strdup_printf("%d\n", (int)getpid());
    g_autofree char *top = NULL;
    int status;

    if (argc > 1 && g_str_equal(argv[1], "--proxy"))
        return runAsProxy();
    if (argc > 1 && g_str_equal(argv[1], "--environment"))
        return g_getenv("LD_PRELOAD") ? EXIT_FAILURE : EXIT_SUCCESS;

    /* The module has looked for its directories by now, unless it was root's. */
    if (!root && !g_getenv("VIRT_CONVERGE_TEST")) {
        top = filesNewDir();
        g_setenv("VIRT_CONVERGE_TEST", top, TRUE);
        g_setenv("XDG_RUNTIME_DIR", top, TRUE);
        g_setenv("XDG_STATE_HOME", top, TRUE);
        execv("/proc/self/exe", argv);
        return EXIT_FAILURE;
    }

    g_test_init(&argc, &argv, NULL);
    seen.proxy = runAs("virtproxyd", "--proxy");
    seen.proxyEnvironment = !runAs("virtproxyd", "--environment");
    seen.environment = runAs("virtqemud", "--environment");

    /* Root's records have one place: root becomes somebody else. */
    if (root) {
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
        top = filesNewDir();
        g_setenv("XDG_RUNTIME_DIR", top, TRUE);
        g_setenv("XDG_STATE_HOME", top, TRUE);
    } else {
        top = g_strdup(g_getenv("VIRT_CONVERGE_TEST"));
    }
    host.top = top;
    host.records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(host.records, host.top));
    host.conf = g_build_filename(host.top, "virt-converge.conf", NULL);
    host.max = g_build_filename(host.top, "qemu-7-guest.libvirt-qemu/vcpu0/cpu.max", NULL);
    threads = g_build_filename(host.top, "qemu-7-guest.libvirt-qemu/vcpu0/cgroup.threads", NULL);
    filesPut(threads, thread);

    g_test_add_func("/daemon/other-program", testOtherProgram);
    g_test_add_func("/daemon/environment", testEnvironment);
    g_test_add_func("/daemon/wrong-parameter", testWrongParameter);
    g_test_add_func("/daemon/destination", testDestination);
    g_test_add_func("/daemon/flags", testFlags);
    g_test_add_func("/daemon/old-calls", testOldCalls);
    g_test_add_func("/daemon/ends", testEnds);
    g_test_add_func("/daemon/never-confirmed", testNeverConfirmed);
    g_test_add_func("/daemon/leaving", testLeaving);
    g_test_add_func("/daemon/forgotten", testForgotten);
    g_test_add_func("/daemon/resume", testResume);
    g_test_add_func("/daemon/explained", testExplained);
    g_test_add_func("/daemon/postcopy-explains-nothing", testPostcopyExplainsNothing);
    g_test_add_func("/daemon/not-live", testNotLive);
    g_test_add_func("/daemon/asked-for-nothing", testAskedForNothing);
    g_test_add_func("/daemon/hosts-mistake", testHostsMistake);
    g_test_add_func("/daemon/error-is-not-lost", testErrorIsNotLost);
    g_test_add_func("/daemon/identity", testIdentity);
    g_test_add_func("/daemon/others-word", testOthersWord);
    g_test_add_func("/daemon/no-error-left", testNoErrorLeft);
    g_test_add_func("/daemon/never-begins", testNeverBegins);
    g_test_add_func("/daemon/stats", testStats);
    g_test_add_func("/daemon/downtime", testDowntime);
    g_test_add_func("/daemon/guests-own-id", testGuestsOwnId);
    g_test_add_func("/daemon/unload", testUnload);
    g_test_add_func("/daemon/start", testStart);
    status = g_test_run();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    filesRemove(host.top);
    g_free(host.records);
    g_free(host.conf);
    g_free(host.max);
    return status;
}
