/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * telltest.c: what the module tells the log, the client and the job statistics
 */
#include <math.h>
#include <string.h>

#include "module/job_stats.h"
#include "module/libvirt_next.h"
#include "qemu_migration_converge.h"

#define HOSTILE "x\n2026-11-26 00:00:00.000+0000: 1: error : forged \x1b[31m\xff"
#define HARMLESS "x\\x0a2026-11-26 00:00:00.000+0000: 1: error : forged \\x1b[31m\\xff"

static void
testLog(void)
{
    if (g_test_subprocess()) {
        convergeDaemonLog("%s goes on as stock", HOSTILE);
        return;
    }

    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*: virt-converge: x\\x0a2026*\\x1b?31m\\xff goes on as stock\n");
    g_test_trap_assert_stderr_unmatched("*\n*forged*");
}

static void
testError(void)
{
    convergeDaemonSetError(VIR_ERR_INVALID_ARG, HOSTILE);
    g_assert_cmpstr(virGetLastErrorMessage(), ==, HARMLESS);
    virResetLastError();
}

static const char *
getString(virTypedParameterPtr params,
          int nparams,
          const char *name)
{
    const char *value = NULL;

    g_assert_cmpint(virTypedParamsGetString(params, nparams, name, &value), ==, 1);
    return value;
}

static unsigned long long
getNumber(virTypedParameterPtr params,
          int nparams,
          const char *name)
{
    unsigned long long value = 0;

    g_assert_cmpint(virTypedParamsGetULLong(params, nparams, name, &value), ==, 1);
    return value;
}

static void
testStats(void)
{
    convergeStatus status = {
        .state = CONVERGE_STATE_THROTTLING,
        .bandwidth = INFINITY,
        .dirtyRate = 12.6,
        .workingSet = 1e300,
        .reason = HOSTILE,
    };
    virTypedParameterPtr params = NULL;
    int nparams = 0;

    convergeJobStatsAppend(&params, &nparams, &status, HOSTILE);
    g_assert_cmpstr(getString(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_MODULE), ==,
                    PACKAGE_VERSION);
    g_assert_cmpstr(getString(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_REASON), ==, HARMLESS);
    g_assert_cmpstr(getString(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_POLICY), ==, HARMLESS);
    g_assert_cmpuint(getNumber(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_BANDWIDTH), ==,
                     G_MAXINT64);
    g_assert_cmpuint(getNumber(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_DIRTY_RATE), ==, 13);
    g_assert_cmpuint(getNumber(params, nparams, QEMU_MIGRATION_CONVERGE_STAT_WORKING_SET), ==,
                     G_MAXINT64);
    virTypedParamsFree(params, nparams);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/tell/log", testLog);
    g_test_add_func("/tell/error", testError);
    g_test_add_func("/tell/stats", testStats);

    return g_test_run();
}
