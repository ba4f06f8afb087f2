/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job_sample.c: libvirt's job statistics as a sample
 */
#include "libvirt/job_sample.h"
#include "util/number.h"

/* Longer does control never take from one host to the other, unless their clocks differ. */
#define CONTROL_MOST_MS 200

/* A value of 0..@most; 0 if it is absent. */
static guint64
getNumber(virTypedParameterPtr params,
          int nparams,
          const char *name,
          guint64 most)
{
    unsigned long long value = 0;

    if (virTypedParamsGetULLong(params, nparams, name, &value) < 0)
        return 0;
    return MIN(value, most);
}

static guint64
getBytes(virTypedParameterPtr params,
         int nparams,
         const char *name)
{
    return getNumber(params, nparams, name, CONVERGE_BYTES_MOST);
}

/* A number of pages, converted to bytes. */
static guint64
getPages(virTypedParameterPtr params,
         int nparams,
         const char *name,
         guint64 pageSize)
{
    return pageSize * getNumber(params, nparams, name, CONVERGE_BYTES_MOST / MAX(pageSize, 1));
}

void
convergeSampleFromJobStats(convergeSample *sample,
                           int type,
                           virTypedParameterPtr params,
                           int nparams)
{
    guint64 pageSize = getBytes(params, nparams, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    int throttle = 0;

    if (virTypedParamsGetInt(params, nparams, VIR_DOMAIN_JOB_OPERATION, &operation) < 0)
        operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    if (virTypedParamsGetInt(params, nparams, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                             &throttle) < 0)
        throttle = 0;

    sample->totalBytes = getBytes(params, nparams, VIR_DOMAIN_JOB_MEMORY_TOTAL);
    sample->remainingBytes = getBytes(params, nparams, VIR_DOMAIN_JOB_MEMORY_REMAINING);
    sample->processedBytes = getBytes(params, nparams, VIR_DOMAIN_JOB_MEMORY_PROCESSED);
    sample->normalBytes = getBytes(params, nparams, VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES);
    sample->constantBytes = getPages(params, nparams, VIR_DOMAIN_JOB_MEMORY_CONSTANT, pageSize);
    sample->compressedBytes = getPages(params, nparams, VIR_DOMAIN_JOB_COMPRESSION_PAGES, pageSize);
    sample->dirtyBps = getPages(params, nparams, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, pageSize);
    sample->iteration = getNumber(params, nparams, VIR_DOMAIN_JOB_MEMORY_ITERATION,
                                  CONVERGE_COUNT_MOST);
    sample->throttle = CLAMP(throttle, 0, 99);

    /* While libvirt negotiates with the destination and QEMU sets up, memory_total is 0,
     * and QEMU does not have the parameters of this migration yet. */
    sample->active = operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT &&
        (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) &&
        sample->totalBytes > 0 && sample->iteration > 0;
}

/* The destination's clock may differ from the source's.  One of libvirt's two figures has that
 * difference in it, the other one lacks the time in which control went over. */
gint64
convergeDowntimeFromJobStats(virTypedParameterPtr params,
                             int nparams)
{
    gint64 whole = (gint64)getNumber(params, nparams, VIR_DOMAIN_JOB_DOWNTIME, G_MAXINT32);
    gint64 net = (gint64)getNumber(params, nparams, VIR_DOMAIN_JOB_DOWNTIME_NET, G_MAXINT32);

    if (net == 0 || (whole >= net && whole - net <= CONTROL_MOST_MS))
        return whole;
    return net;
}
