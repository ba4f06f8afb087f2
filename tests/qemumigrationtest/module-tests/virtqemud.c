/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtqemud.c: the module in a daemon whose jobs act, and in one that it is not made for
 *
 * A program of this name, since the module is inert in others.
 */
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fakeqemu.h"
#include "../files.h"
#include "../procfake.h"
#include "daemon.h"
#include "qemu_migration_converge.h"
#include "undo/undo_file.h"

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
    return g_spawn_sync(NULL, argv, environment, G_SPAWN_FILE_AND_ARGV_ZERO | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL) &&
        status == 0;
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
        g_assert_nonnull(strstr(fakeErrorText(), "occur only once"));
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

/* QEMU's capability is there where the policy throttles and may send commands, or where the caller has stated how QEMU
 * throttles, and is not there otherwise. */
static void
testFlags(void)
{
    static const struct {
        const char *policy;
        const char *stated; /* a parameter of QEMU's throttle, or NULL */
        unsigned int flags;
        unsigned int seen;
    } rows[] = {
        { "adaptive", NULL, LIVE, LIVE | AUTO },
        { "adaptive", NULL, LIVE | AUTO, LIVE | AUTO },
        { "adaptive,qmp=no", NULL, LIVE | AUTO, LIVE },
        { "adaptive,throttle=none", NULL, LIVE, LIVE },
        { "adaptive,throttle=none", NULL, LIVE | AUTO, LIVE },
        /* The policy is the domain's: the call may not state both. */
        { NULL, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, LIVE | AUTO, LIVE | AUTO },
        { NULL, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, LIVE | AUTO, LIVE | AUTO },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        virTypedParameter param;

        if (rows[i].policy)
            setString(&param, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, rows[i].policy);
        else
            setInt(&param, rows[i].stated, 20);
        reset(FAKE_FAILS);
        if (!rows[i].policy)
            fake.metadata = "<policy><throttle>none</throttle></policy>";
        g_test_message("row %zu", i);
        g_assert_cmpint(performWith(&param, 1, rows[i].flags), ==, -1);
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

    /* A caller whom libvirt refuses changes nothing. */
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
                                            "\"period-us\":100000,\"cap-us\":1000000}]",
                                            group);
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
        /* Root no more, for good: a process that could be again may not look into itself, which
         * a leak detector does at the exit. */
        g_assert_cmpint(setresuid(geteuid(), geteuid(), geteuid()), ==, 0);
        prctl(PR_SET_DUMPABLE, 1);
        writeRecord(getppid());
        exit(0);
    }
    assertExited(child);
    filesAssert(host.max, "max 100000");
    g_assert_true(hasRecord());
}

static void
leaveRecord(void)
{
    pid_t child;

    fflush(stdout);
    if ((child = fork()) == 0) {
        writeRecord(getppid());
        _exit(0);
    }
    assertExited(child);
    filesAssert(host.max, "1000 100000");
}

/* What a daemon that was killed has left is put back before a new migration changes anything. */
static void
testInterrupted(void)
{
    leaveRecord();
    reset(FAKE_FAILS);
    fake.during = awaitTurns;
    g_assert_cmpint(perform("adaptive,throttle=none,downtime=fixed", P2P), ==, -1);
    filesAssert(host.max, "max 100000");
}

/* The main loop's first turn is the first sign that the daemon is up: what another one has left
 * is put back. */
static void
testStart(void)
{
    g_autofree char *text = NULL;

    leaveRecord();
    g_assert_cmpint(virEventRunDefaultImpl(), ==, 0);
    do {
        g_usleep(1000);
        g_free(text);
        text = procFakeRead(host.max);
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

    /* Root's records have one place: root becomes another user. */
    if (root) {
        g_assert_cmpint(setresuid(65534, 65534, 0), ==, 0);
        top = filesNewDir();
        g_setenv("XDG_RUNTIME_DIR", top, TRUE);
        g_setenv("XDG_STATE_HOME", top, TRUE);
    } else {
        top = g_strdup(g_getenv("VIRT_CONVERGE_TEST"));
    }
    host.top = top;
    procFakeTop = host.top;
    procFakeGuest = "guest";
    host.records = convergeUndoFileDefaultDir();
    g_assert_true(g_str_has_prefix(host.records, host.top));
    host.conf = g_build_filename(host.top, "virt-converge.conf", NULL);
    host.max = g_build_filename(host.top, "qemu-7-guest.libvirt-qemu/vcpu0/cpu.max", NULL);
    threads = g_build_filename(host.top, "qemu-7-guest.libvirt-qemu/vcpu0/cgroup.threads", NULL);
    filesPut(threads, thread);

    /* A process is forked while it has no other thread. */
    g_test_add_func("/daemon/unload", testUnload);
    g_test_add_func("/daemon/other-program", testOtherProgram);
    g_test_add_func("/daemon/environment", testEnvironment);
    g_test_add_func("/daemon/wrong-parameter", testWrongParameter);
    g_test_add_func("/daemon/destination", testDestination);
    g_test_add_func("/daemon/flags", testFlags);
    g_test_add_func("/daemon/old-calls", testOldCalls);
    g_test_add_func("/daemon/stats", testStats);
    g_test_add_func("/daemon/downtime", testDowntime);
    g_test_add_func("/daemon/guests-own-id", testGuestsOwnId);
    g_test_add_func("/daemon/interrupted", testInterrupted);
    addOutgoingTests();
    addPickTests();
    addKeeperTests();
    /* Leaves a thread that tries to connect for a minute. */
    g_test_add_func("/start/recovery", testStart);
    status = g_test_run();
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);

    filesRemove(host.top);
    g_free(host.records);
    g_free(host.conf);
    g_free(host.max);
    return status;
}
