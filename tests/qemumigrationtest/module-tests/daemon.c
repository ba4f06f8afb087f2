/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.c: what the tests of the program virtqemud share
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../fakeqemu.h"
#include "../procfake.h"
#include "daemon.h"
#include "engine/journal.h"
#include "policy/policy_conf.h"
#include "qemu_migration_converge.h"
#include "undo/undo_file.h"

daemonHost host;

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

/* --- What the daemon writes into its log --- */

static FILE *realStderr;
static char *logText;
static size_t logLength;

void
startLog(void)
{
    realStderr = stderr;
    g_assert_nonnull(stderr = open_memstream(&logText, &logLength));
}

char *
endLog(void)
{
    fclose(stderr);
    stderr = realStderr;
    return g_steal_pointer(&logText);
}

/* --- The clock --- */

gint impatient;

gint64
g_get_monotonic_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 -
        (g_atomic_int_get(&impatient) ? 60 * G_USEC_PER_SEC : 0);
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

void
reset(fakeOutcome outcome)
{
    virResetLastError();
    fake = (fakeLibvirt) {
        .outcome = outcome,
        .iteration = 2,
        .monitor = monitorCommand,
        .setDowntime = fakeDaemon.setMaxDowntime,
    };
    qemu = fakeQemuPristine;
    qemu.ring = FALSE;
    qemu.thread = getpid();
}

void
setString(virTypedParameterPtr param,
          const char *name,
          const char *value)
{
    *param = (virTypedParameter) { .type = VIR_TYPED_PARAM_STRING };
    g_strlcpy(param->field, name, sizeof(param->field));
    param->value.s = (char *)value;
}

void
setInt(virTypedParameterPtr param,
       const char *name,
       int value)
{
    *param = (virTypedParameter) { .type = VIR_TYPED_PARAM_INT };
    g_strlcpy(param->field, name, sizeof(param->field));
    param->value.i = value;
}

int
performWith(virTypedParameterPtr params,
            int nparams,
            unsigned int flags)
{
    return virDomainMigratePerform3Params(fakeDomain(), "qemu:///system", params, nparams,
                                          NULL, 0, NULL, NULL, flags);
}

int
perform(const char *policy,
        unsigned int flags)
{
    virTypedParameter param;

    setString(&param, QEMU_MIGRATION_CONVERGE_PARAM_POLICY, policy);
    return performWith(&param, policy ? 1 : 0, flags);
}

int
performTo(const char *uri,
          const char *policy,
          unsigned int flags)
{
    virTypedParameter params[2];

    setString(&params[0], QEMU_MIGRATION_CONVERGE_PARAM_POLICY, policy);
    setString(&params[1], VIR_MIGRATE_PARAM_URI, uri);
    return virDomainMigratePerform3Params(fakeDomain(), flags & VIR_MIGRATE_PEER2PEER ? uri : NULL,
                                          params, flags & VIR_MIGRATE_PEER2PEER ? 1 : 2,
                                          NULL, 0, NULL, NULL, flags);
}

int
performOld(unsigned long flags)
{
    return virDomainMigratePerform3(fakeDomain(), NULL, NULL, 0, NULL, NULL, "qemu:///system",
                                    NULL, flags, NULL, 0);
}

int
confirm(gboolean cancelled)
{
    return virDomainMigrateConfirm3Params(fakeDomain(), NULL, 0, NULL, 0, LIVE, cancelled);
}

char *
getStat(const char *name,
        gboolean completed)
{
    virTypedParameterPtr params = NULL;
    const char *value = NULL;
    int nparams = 0;
    char *copy;
    int type;

    g_assert_cmpint(virDomainGetJobStats(fakeDomain(), &type, &params, &nparams,
                                         completed ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0),
                    ==, 0);
    virTypedParamsGetString(params, nparams, name, &value);
    copy = g_strdup(value);
    virTypedParamsFree(params, nparams);
    return copy;
}

gboolean
statsKnowPolicy(gboolean completed)
{
    g_autofree char *policy = getStat(QEMU_MIGRATION_CONVERGE_STAT_POLICY, completed);
    g_autofree char *state = getStat(QEMU_MIGRATION_CONVERGE_STAT_STATE, completed);

    return policy && g_strcmp0(state, "failed") != 0;
}

gboolean
hasRecord(void)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoFileLoad(host.records, FAKE_UUID);

    return record != NULL;
}

void
awaitTurns(void)
{
    gint looks = g_atomic_int_get(&fake.looks);

    while (g_atomic_int_get(&fake.looks) < looks + 3)
        g_usleep(1000);
}

void
untilItActs(void)
{
    while (qemu.params[CONVERGE_PARAM_DOWNTIME] != 50)
        g_usleep(1000);
    awaitTurns();
    g_assert_true(hasRecord());
}

void
untilItSuspends(void)
{
    while (g_atomic_int_get(&fake.suspends) == 0)
        g_usleep(1000);
    awaitTurns();
}

void
neverBegins(void)
{
    g_assert_not_reached();
}

gboolean
journalHas(const char *text)
{
    g_autofree char *name = getStat(QEMU_MIGRATION_CONVERGE_PREFIX "journal", TRUE);
    g_autofree char *dir = convergeJournalDefaultDir();
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *journal = NULL;

    g_assert_true(g_str_has_prefix(path, host.top));
    g_assert_true(g_file_get_contents(path, &journal, NULL, NULL));
    return strstr(journal, text) != NULL;
}
