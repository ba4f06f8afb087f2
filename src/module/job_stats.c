/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_stats.c: our fields in virDomainGetJobStats()
 */
#include "module/job_stats.h"
#include "qemu_migration_converge.h"
#include "util/number.h"
#include "util/text.h"

typedef struct _convergeStat convergeStat;
struct _convergeStat {
    const char *name;
    int type;                   /* VIR_TYPED_PARAM_* */
    gboolean known;             /* there is something to tell */
    const char *string;
    guint64 number;
};

static void
appendString(virTypedParameterPtr *params,
             int *nparams,
             int *maxparams,
             const char *name,
             const char *string)
{
    g_autofree char *escaped = convergeTextEscape(string);

    virTypedParamsAddString(params, nparams, maxparams, name, escaped);
}

static void
append(virTypedParameterPtr *params,
       int *nparams,
       const convergeStat *stats,
       gsize nstats)
{
    int maxparams = *nparams;
    gsize i;

    for (i = 0; i < nstats; i++) {
        const convergeStat *stat = &stats[i];

        if (!stat->known)
            continue;
        if (stat->type == VIR_TYPED_PARAM_STRING)
            appendString(params, nparams, &maxparams, stat->name, stat->string);
        else if (stat->type == VIR_TYPED_PARAM_INT)
            virTypedParamsAddInt(params, nparams, &maxparams, stat->name, stat->number);
        else
            virTypedParamsAddULLong(params, nparams, &maxparams, stat->name, stat->number);
    }
}

void
convergeJobStatsAppend(virTypedParameterPtr *params,
                       int *nparams,
                       const convergeStatus *status,
                       const char *policy)
{
    const convergeStat module[] = {
        { QEMU_MIGRATION_CONVERGE_STAT_MODULE, VIR_TYPED_PARAM_STRING, TRUE, PACKAGE_VERSION, 0 },
    };

    append(params, nparams, module, G_N_ELEMENTS(module));

    if (status) {
        const convergePrediction *prediction = &status->prediction;
        const convergeStat stats[] = {
            { QEMU_MIGRATION_CONVERGE_STAT_POLICY, VIR_TYPED_PARAM_STRING,
              TRUE, policy, 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_STATE, VIR_TYPED_PARAM_STRING,
              TRUE, convergeStateName(status->state), 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_CLASS, VIR_TYPED_PARAM_STRING,
              TRUE, convergeClassName(status->class_), 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_REASON, VIR_TYPED_PARAM_STRING,
              status->reason[0] != '\0', status->reason, 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_JOURNAL, VIR_TYPED_PARAM_STRING,
              status->unjournaled || status->journal[0] != '\0',
              status->unjournaled ? "unrecorded" : status->journal, 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR, VIR_TYPED_PARAM_STRING,
              status->actuator != CONVERGE_METHOD_AUTO,
              convergeThrottleMethodName(status->actuator), 0 },
            { QEMU_MIGRATION_CONVERGE_STAT_THROTTLE, VIR_TYPED_PARAM_INT,
              TRUE, NULL, status->throttleTarget },
            { QEMU_MIGRATION_CONVERGE_STAT_DOWNTIME, VIR_TYPED_PARAM_ULLONG,
              status->downtimeMs > 0, NULL, status->downtimeMs },
            { QEMU_MIGRATION_CONVERGE_STAT_BANDWIDTH, VIR_TYPED_PARAM_ULLONG,
              status->bandwidth > 0, NULL, convergeRound(status->bandwidth) },
            { QEMU_MIGRATION_CONVERGE_STAT_DIRTY_RATE, VIR_TYPED_PARAM_ULLONG,
              status->workingSet > 0, NULL, convergeRound(status->dirtyRate) },
            { QEMU_MIGRATION_CONVERGE_STAT_WORKING_SET, VIR_TYPED_PARAM_ULLONG,
              status->workingSet > 0, NULL, convergeRound(status->workingSet) },
            { QEMU_MIGRATION_CONVERGE_STAT_REMAINING, VIR_TYPED_PARAM_ULLONG,
              prediction->converges, NULL, prediction->remainingMs },
            { QEMU_MIGRATION_CONVERGE_STAT_ERROR, VIR_TYPED_PARAM_ULLONG,
              prediction->converges && prediction->errorMs > 0, NULL, prediction->errorMs },
            { QEMU_MIGRATION_CONVERGE_STAT_PAUSE, VIR_TYPED_PARAM_ULLONG,
              prediction->converges, NULL, prediction->pauseMs },
            { QEMU_MIGRATION_CONVERGE_STAT_LOST, VIR_TYPED_PARAM_ULLONG,
              prediction->converges, NULL, prediction->lostMs },
        };

        append(params, nparams, stats, G_N_ELEMENTS(stats));
    }
}
