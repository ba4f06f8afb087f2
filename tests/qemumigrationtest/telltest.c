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

/* The statistics of fullStatus.  Users parse these names, types and values. */
typedef struct _expectedStat expectedStat;
struct _expectedStat {
    const char *name;
    int type;
    const char *text;
    unsigned long long number;
};

static const expectedStat everyStat[] = {
    { "auto_converge.module", VIR_TYPED_PARAM_STRING, PACKAGE_VERSION, 0 },
    { "auto_converge.policy", VIR_TYPED_PARAM_STRING, "adaptive", 0 },
    { "auto_converge.state", VIR_TYPED_PARAM_STRING, "throttling", 0 },
    { "auto_converge.class", VIR_TYPED_PARAM_STRING, "middle", 0 },
    { "auto_converge.reason", VIR_TYPED_PARAM_STRING, "because", 0 },
    { "auto_converge.next", VIR_TYPED_PARAM_STRING, "switch over", 0 },
    { "auto_converge.progress", VIR_TYPED_PARAM_INT, NULL, 42 },
    { "auto_converge.journal", VIR_TYPED_PARAM_STRING, "guest-1.jsonl", 0 },
    { "auto_converge.actuator", VIR_TYPED_PARAM_STRING, "vcpu-quota", 0 },
    { "auto_converge.throttle_target", VIR_TYPED_PARAM_INT, NULL, 60 },
    { "auto_converge.downtime_limit", VIR_TYPED_PARAM_ULLONG, NULL, 300 },
    { "auto_converge.bandwidth", VIR_TYPED_PARAM_ULLONG, NULL, 101 },
    { "auto_converge.saved", VIR_TYPED_PARAM_INT, NULL, 67 },
    { "auto_converge.dirty_rate", VIR_TYPED_PARAM_ULLONG, NULL, 13 },
    { "auto_converge.working_set", VIR_TYPED_PARAM_ULLONG, NULL, 1003 },
    { "auto_converge.predicted_remaining", VIR_TYPED_PARAM_ULLONG, NULL, 5000000000ULL },
    { "auto_converge.predicted_error", VIR_TYPED_PARAM_ULLONG, NULL, 21 },
    { "auto_converge.predicted_downtime", VIR_TYPED_PARAM_ULLONG, NULL, 22 },
    { "auto_converge.predicted_lost", VIR_TYPED_PARAM_ULLONG, NULL, 23 },
};

static const convergeThrottleTraits quota = { .method = CONVERGE_METHOD_VCPU_QUOTA };

static const convergeStatus fullStatus = {
    .state = CONVERGE_STATE_THROTTLING,
    .class_ = CONVERGE_CLASS_MIDDLE,
    .reason = "because",
    .next = "switch over",
    .progress = 42,
    .journal = "guest-1.jsonl",
    .throttle = &quota,
    .throttleTarget = 60,
    .downtimeMs = 300,
    .bandwidth = 101.2,
    .saved = 0.667,
    .dirtyRate = 12.6,
    .workingSet = 1003,
    .prediction = {
        .converges = TRUE,
        .remainingMs = 5000000000,
        .errorMs = 21,
        .pauseMs = 22,
        .lostMs = 23,
    },
};

static void
checkStat(const virTypedParameter *param,
          const expectedStat *expected)
{
    g_assert_cmpstr(param->field, ==, expected->name);
    g_assert_cmpint(param->type, ==, expected->type);
    if (param->type == VIR_TYPED_PARAM_STRING)
        g_assert_cmpstr(param->value.s, ==, expected->text);
    else if (param->type == VIR_TYPED_PARAM_INT)
        g_assert_cmpint(param->value.i, ==, expected->number);
    else
        g_assert_cmpuint(param->value.ul, ==, expected->number);
}

/* The module's statistics follow libvirt's own, which do not change. */
static void
testStats(void)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    gsize i;

    virTypedParamsAddInt(&params, &nparams, &maxparams, "operation", 5);
    virTypedParamsAddString(&params, &nparams, &maxparams, "errmsg", "none");
    convergeJobStatsAppend(&params, &nparams, &fullStatus, "adaptive");

    checkStat(&params[0], &(expectedStat) { "operation", VIR_TYPED_PARAM_INT, NULL, 5 });
    checkStat(&params[1], &(expectedStat) { "errmsg", VIR_TYPED_PARAM_STRING, "none", 0 });
    for (i = 0; i < G_N_ELEMENTS(everyStat); i++) {
        if (2 + (int)i == nparams)
            g_error("'%s' is not published", everyStat[i].name);
        checkStat(&params[2 + i], &everyStat[i]);
    }
    if (nparams > 2 + (int)i)
        g_error("everyStat does not have '%s'", params[2 + i].field);
    virTypedParamsFree(params, nparams);
}

/* All statistics of @status are there, except those in @missing, which ends with NULL. */
static void
checkMissing(const convergeStatus *status,
             const char *const *missing)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    gsize i;

    convergeJobStatsAppend(&params, &nparams, status, "adaptive");
    for (i = 0; i < G_N_ELEMENTS(everyStat); i++) {
        const char *name = everyStat[i].name + strlen(QEMU_MIGRATION_CONVERGE_PREFIX);
        gboolean there = virTypedParamsGet(params, nparams, everyStat[i].name) != NULL;

        if (there == g_strv_contains(missing, name))
            g_error("'%s' is %s", name, there ? "there" : "missing");
    }
    virTypedParamsFree(params, nparams);
}

/* A value that is not known is left out; it is not published as 0. */
static void
testUnknown(void)
{
    static const char *const always[] = { "module", "policy", "state", "class", "throttle_target" };
    const convergeStatus nothing = { 0 };
    convergeStatus status = fullStatus;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int i;

    convergeJobStatsAppend(&params, &nparams, &nothing, "adaptive");
    for (i = 0; i < nparams; i++) {
        const char *name = params[i].field + strlen(QEMU_MIGRATION_CONVERGE_PREFIX);

        if (i >= (int)G_N_ELEMENTS(always) || !g_str_equal(name, always[i]))
            g_error("'%s' is published before it is known", name);
    }
    virTypedParamsFree(params, nparams);

    checkMissing(&status, (const char *const[]) { NULL });

    status.reason[0] = '\0';
    checkMissing(&status, (const char *const[]) { "reason", NULL });

    status = fullStatus;
    status.next[0] = '\0';
    checkMissing(&status, (const char *const[]) { "next", NULL });

    status = fullStatus;
    status.progress = 0;
    checkMissing(&status, (const char *const[]) { "progress", NULL });

    status.state = CONVERGE_STATE_DONE;
    checkMissing(&status, (const char *const[]) { "next", NULL });

    status = fullStatus;
    status.journal[0] = '\0';
    checkMissing(&status, (const char *const[]) { "journal", NULL });

    status = fullStatus;
    status.throttle = NULL;
    checkMissing(&status, (const char *const[]) { "actuator", NULL });

    status = fullStatus;
    status.throttleTarget = 0;
    status.dirtyRate = 0;
    checkMissing(&status, (const char *const[]) { NULL });

    status = fullStatus;
    status.downtimeMs = 0;
    checkMissing(&status, (const char *const[]) { "downtime_limit", NULL });

    status = fullStatus;
    status.bandwidth = 0;
    checkMissing(&status, (const char *const[]) { "bandwidth", "saved", NULL });

    status = fullStatus;
    status.workingSet = 0;
    checkMissing(&status, (const char *const[]) { "working_set", "dirty_rate", NULL });

    status = fullStatus;
    status.prediction.errorMs = 0;
    checkMissing(&status, (const char *const[]) { "predicted_error", NULL });

    status = fullStatus;
    status.prediction.converges = FALSE;
    checkMissing(&status, (const char *const[]) { "predicted_remaining", "predicted_error", "predicted_downtime", "predicted_lost", NULL });
}

/* A journal that can no longer be written is "unrecorded", although it has a name. */
static void
testUnrecorded(void)
{
    convergeStatus status = fullStatus;
    virTypedParameterPtr params = NULL;
    const char *journal = NULL;
    int nparams = 0;

    status.unjournaled = TRUE;
    convergeJobStatsAppend(&params, &nparams, &status, "adaptive");
    g_assert_cmpint(virTypedParamsGetString(params, nparams, "auto_converge.journal", &journal),
                    ==, 1);
    g_assert_cmpstr(journal, ==, "unrecorded");
    virTypedParamsFree(params, nparams);
}

/* Where no policy controls a migration, only the module's version is published. */
static void
testNoStatus(void)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;

    convergeJobStatsAppend(&params, &nparams, NULL, NULL);
    g_assert_cmpint(nparams, ==, 1);
    checkStat(&params[0], &everyStat[0]);
    virTypedParamsFree(params, nparams);
}

static const virTypedParameter *
getStat(virTypedParameterPtr params,
        int nparams,
        const char *name)
{
    const virTypedParameter *param = virTypedParamsGet(params, nparams, name);

    g_assert_nonnull(param);
    return param;
}

/* Text from others is escaped, and numbers that do not fit are bounded. */
static void
testHostile(void)
{
    static const char *const texts[] = {
        "auto_converge.policy",
        "auto_converge.reason",
        "auto_converge.journal",
    };
    static const char *const numbers[] = {
        "auto_converge.bandwidth",
        "auto_converge.working_set",
    };
    convergeStatus status = fullStatus;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    gsize i;

    g_strlcpy(status.reason, HOSTILE, sizeof(status.reason));
    g_strlcpy(status.journal, HOSTILE, sizeof(status.journal));
    status.bandwidth = INFINITY;
    status.workingSet = 1e300;

    convergeJobStatsAppend(&params, &nparams, &status, HOSTILE);
    for (i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_cmpstr(getStat(params, nparams, texts[i])->value.s, ==, HARMLESS);
    for (i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_assert_cmpuint(getStat(params, nparams, numbers[i])->value.ul, ==, G_MAXINT64);
    virTypedParamsFree(params, nparams);
}

/* Where libvirt has no check of a right, nobody has the right. */
static void
testNoSuchRight(void)
{
    g_assert_false(convergeNextEnsureACL("virDomainNoSuchCallEnsureACL", NULL, NULL));
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add_func("/tell/log", testLog);
    g_test_add_func("/tell/error", testError);
    g_test_add_func("/tell/no-such-right", testNoSuchRight);
    g_test_add_func("/tell/stats", testStats);
    g_test_add_func("/tell/stats/unknown", testUnknown);
    g_test_add_func("/tell/stats/unrecorded", testUnrecorded);
    g_test_add_func("/tell/stats/no-status", testNoStatus);
    g_test_add_func("/tell/stats/hostile", testHostile);

    return g_test_run();
}
