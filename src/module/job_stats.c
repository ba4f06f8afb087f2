/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_stats.c: our fields in virDomainGetJobStats()
 */
#include "module/job_stats.h"
#include "engine/status_table.h"
#include "qemu_migration_converge.h"
#include "util/text.h"

static void
append(virTypedParameterPtr *params,
       int *nparams,
       const convergeStat *stat,
       const convergeStatus *status,
       const char *policy)
{
    g_autofree char *name = g_strconcat(QEMU_MIGRATION_CONVERGE_PREFIX, stat->name, NULL);
    const char *text = stat->text ? stat->text(status, policy) : NULL;
    gint64 number = stat->number ? stat->number(status) : CONVERGE_STAT_UNKNOWN;
    g_autofree char *escaped = NULL;
    int maxparams = *nparams;

    if (!text && number < 0)
        return;

    switch (stat->type) {
    case CONVERGE_STAT_STRING:
        escaped = convergeTextEscape(text);
        virTypedParamsAddString(params, nparams, &maxparams, name, escaped);
        break;
    case CONVERGE_STAT_INT:
        virTypedParamsAddInt(params, nparams, &maxparams, name, number);
        break;
    case CONVERGE_STAT_ULLONG:
        virTypedParamsAddULLong(params, nparams, &maxparams, name, number);
        break;
    case CONVERGE_STAT_LAST:
    default:
        break;
    }
}

void
convergeJobStatsAppend(virTypedParameterPtr *params,
                       int *nparams,
                       const convergeStatus *status,
                       const char *policy)
{
    gsize i;

    for (i = 0; i < convergeStatCount; i++) {
        if (status || convergeStats[i].always)
            append(params, nparams, &convergeStats[i], status, policy);
    }
}
