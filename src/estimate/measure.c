/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure.c: measures how a running guest dirties its memory
 */
#include <stdlib.h>

#include <glib/gi18n-lib.h>
#include <libxml/xpath.h>

#include "estimate/measure_quick.h"
#include "qemu/libvirt_calls.h"
#include "qemu_migration_converge.h"
#include "throttle/throttle.h"
#include "util/xml.h"

/* The statistics of the last job, which others may still want to read. */
#define COMPLETED (VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED)

/* QEMU's limits on the length of one measurement, seconds. */
#define SHORTEST 1
#define LONGEST 60

/* Each round has this many short measurements, then one that takes this fraction of the whole
 * time, so that two rounds fit. */
#define SHORT_ONES 2
#define LONG_PART 3

/* How long QEMU's result may take after the end of a measurement. */
#define PATIENCE_US (20 * G_USEC_PER_SEC)

#define POLL_US (50 * 1000)

/* Above what libvirt's remote protocol carries. */
#define DOMAIN_XML_MAX (16 * 1024 * 1024)

/* Resident memory of a QEMU process besides guest memory: 39 MiB in the lab (Debian 12,
 * QEMU 7.2), more with more devices. */
#define QEMU_OWN (40 * CONVERGE_MIB)
#define QEMU_OWN_MOST (128 * CONVERGE_MIB)

/* What resident memory may grow by itself while it is measured. */
#define GROWTH_FACTOR 1.01
#define GROWTH_BYTES (4 * CONVERGE_MIB)

typedef struct {
    virDomainPtr dom;
    convergeMeasured *measured;
    unsigned int seconds; /* for which it measures */
    gint64 startUs, endUs;
    convergeMeasureProgress progress;
    void *opaque;
} measureRun;

/* Whether @mibps is a limit; libvirt has two values for "no limit". */
static gboolean
isLimited(unsigned long mibps)
{
    return mibps > 0 && mibps < (unsigned long)(G_MAXINT64 >> 20);
}

static double
lastMigration(virDomainPtr dom)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    unsigned long long processed = 0, elapsed = 0, setup = 0;

    if (virDomainGetJobStats(dom, &type, &params, &nparams, COMPLETED) < 0)
        return 0;

    virTypedParamsGetInt(params, nparams, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_JOB_MEMORY_PROCESSED, &processed);
    virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_JOB_TIME_ELAPSED, &elapsed);
    virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_JOB_SETUP_TIME, &setup);
    virTypedParamsFree(params, nparams);

    if ((operation != VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN &&
         operation != VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT) ||
        elapsed <= setup)
        return 0;
    return (double)processed * 1000 / (double)(elapsed - setup);
}

gboolean
convergeMeasureLink(virDomainPtr dom,
                    double *bandwidth,
                    convergeLinkSource *source,
                    GError **error)
{
    unsigned long mibps = 0;

    if (virDomainMigrateGetMaxSpeed(dom, &mibps, 0) == 0 && isLimited(mibps)) {
        *bandwidth = (double)mibps * CONVERGE_MIB;
        *source = CONVERGE_LINK_LIMIT;
        return TRUE;
    }

    if ((*bandwidth = lastMigration(dom)) > 0) {
        *source = CONVERGE_LINK_LAST;
        return TRUE;
    }

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("the bandwidth of the link is unknown, since domain '%1$s' has neither a speed "
                  "limit nor a completed migration; state it with --bandwidth, in MiB/s"),
                virDomainGetName(dom));
    return FALSE;
}

/* The statistic @name of the current job or, with @completed, of the last one, or NULL. */
static char *
jobString(virDomainPtr dom,
          gboolean completed,
          const char *name)
{
    unsigned int flags = completed ? COMPLETED : 0;
    virTypedParameterPtr params = NULL;
    const char *value = NULL;
    char *result = NULL;
    int nparams = 0;
    int type;

    if (virDomainGetJobStats(dom, &type, &params, &nparams, flags) == 0 &&
        virTypedParamsGetString(params, nparams, name, &value) == 1)
        result = g_strdup(value);
    virTypedParamsFree(params, nparams);
    return result;
}

convergeThrottleMethod
convergeMeasureThrottleMethod(virDomainPtr dom)
{
    g_autofree char *module = jobString(dom, FALSE, QEMU_MIGRATION_CONVERGE_STAT_MODULE);
    g_autofree char *last = jobString(dom, TRUE, QEMU_MIGRATION_CONVERGE_STAT_ACTUATOR);
    convergeThrottleMethod method;

    if (!module)
        return CONVERGE_METHOD_QEMU;
    return last && convergeThrottleMethodFind(last, &method) ? method : CONVERGE_METHOD_BEST;
}

/* Huge pages do not count as resident. */
static gboolean
hasHugePages(virDomainPtr dom)
{
    char *text = virDomainGetXMLDesc(dom, 0);
    g_autoptr(xmlDoc) doc = text ? convergeXMLRead(text, DOMAIN_XML_MAX, NULL) : NULL;
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found = NULL;
    gboolean result;

    if (context)
        found = xmlXPathEvalExpression((const xmlChar *)"/domain/memoryBacking/hugepages", context);
    result = found && !xmlXPathNodeSetIsEmpty(found->nodesetval);

    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    free(text);
    return result;
}

static void
measureUsed(virDomainPtr dom,
            convergeMeasured *measured)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    double memory = measured->memory;
    double resident = 0;
    int n = virDomainMemoryStats(dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    int i;

    for (i = 0; i < n; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS)
            resident = (double)stats[i].val * 1024;
    }

    measured->usedKnown = resident > 0 && !hasHugePages(dom);
    measured->used = (convergeRange) { memory, memory, memory };
    if (measured->usedKnown)
        measured->used = (convergeRange) { CLAMP(resident - QEMU_OWN, 0, memory),
                                           CLAMP(resident - QEMU_OWN_MOST, 0, memory),
                                           MIN(resident, memory) };
}

/* A guest that writes only to memory that it has written to before becomes no more resident, and then its
 * working set is within what is resident.  A little comes and goes. */
static void
boundSet(virDomainPtr dom,
         convergeMeasured *measured)
{
    double before = measured->used.value;

    measureUsed(dom, measured);
    measured->setMost = measured->memory;
    if (measured->usedKnown && measured->used.value < before * GROWTH_FACTOR + GROWTH_BYTES)
        measured->setMost = measured->used.high;
}

gboolean
convergeMeasureHasJob(virDomainPtr dom)
{
    virTypedParameterPtr params = NULL;
    int type = VIR_DOMAIN_JOB_NONE;
    int nparams = 0;

    if (virDomainGetJobStats(dom, &type, &params, &nparams, 0) < 0)
        return FALSE;
    virTypedParamsFree(params, nparams);
    return type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED;
}

static gboolean
measureMemory(virDomainPtr dom,
              convergeMeasured *measured,
              GError **error)
{
    virDomainInfo info;

    if (measured->exact && convergeMeasureHasJob(dom)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("domain '%1$s' is being migrated, saved or backed up, and an exact measurement would "
                      "make QEMU send memory again; measure without --exact"),
                    virDomainGetName(dom));
        return FALSE;
    }

    if (virDomainGetInfo(dom, &info) < 0) {
        convergeLibvirtSetError(error, "virDomainGetInfo");
        return FALSE;
    }

    if (info.state != VIR_DOMAIN_RUNNING && info.state != VIR_DOMAIN_BLOCKED) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("domain '%1$s' is not running, so there is nothing to measure"),
                    virDomainGetName(dom));
        return FALSE;
    }

    measured->memory = (double)info.maxMem * 1024;
    measureUsed(dom, measured);
    return TRUE;
}

/* Whether QEMU can measure the guest by sampling, unless it is to count all pages. */
static gboolean
checkSize(virDomainPtr dom,
          const convergeMeasured *measured,
          GError **error)
{
    if (measured->exact || measured->memory >= (double)CONVERGE_SAMPLED_LEAST)
        return TRUE;

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("domain '%1$s' has less than %2$d MiB of memory, which QEMU cannot sample; "
                  "measure with --exact"),
                virDomainGetName(dom), (int)(CONVERGE_SAMPLED_LEAST >> 20));
    return FALSE;
}

/* Sleeps until @untilUs and reports the progress. */
static void
passTime(const measureRun *run,
         gint64 untilUs)
{
    gint64 now;

    while ((now = g_get_monotonic_time()) < untilUs) {
        run->progress(MIN((double)(now - run->startUs) / (double)(run->endUs - run->startUs), 1),
                      run->seconds, run->opaque);
        g_usleep((gulong)MIN(untilUs - now, G_USEC_PER_SEC / 5));
    }
}

/* @status: state of the measurement; -1: this QEMU cannot measure */
static gboolean
readRate(virDomainPtr dom,
         int *status,
         long long *mibps,
         GError **error)
{
    virDomainPtr doms[] = { dom, NULL };
    virDomainStatsRecordPtr *records = NULL;
    int n = virDomainListGetStats(doms, VIR_DOMAIN_STATS_DIRTYRATE, &records, 0);

    *status = -1;
    *mibps = 0;
    if (n < 0) {
        convergeLibvirtSetError(error, "virDomainListGetStats");
        return FALSE;
    }

    if (n > 0) {
        virTypedParamsGetInt(records[0]->params, records[0]->nparams, "dirtyrate.calc_status",
                             status);
        virTypedParamsGetLLong(records[0]->params, records[0]->nparams,
                               "dirtyrate.megabytes_per_second", mibps);
    }
    virDomainStatsRecordListFree(records);
    return TRUE;
}

/* Waits for a measurement of another client, or of one that was interrupted: QEMU runs one at
 * a time. */
static gboolean
waitForOther(const measureRun *run,
             GError **error)
{
    gint64 giveUpUs = g_get_monotonic_time() + LONGEST * G_USEC_PER_SEC + PATIENCE_US;
    long long mibps;
    int status;

    while (TRUE) {
        if (!readRate(run->dom, &status, &mibps, error))
            return FALSE;
        /* If that measurement does not end, starting the next one will fail. */
        if (status != VIR_DOMAIN_DIRTYRATE_MEASURING || g_get_monotonic_time() > giveUpUs)
            return TRUE;
        g_usleep(POLL_US);
    }
}

static gboolean
measureOnce(const measureRun *run,
            int seconds,
            GError **error)
{
    unsigned int mode = run->measured->exact ? VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP :
                                               VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING;
    gint64 dueUs = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    convergeObservation seen;
    long long mibps;
    int status;

    if (virDomainStartDirtyRateCalc(run->dom, seconds, mode) < 0) {
        convergeLibvirtSetError(error, "virDomainStartDirtyRateCalc");
        return FALSE;
    }

    passTime(run, dueUs);
    while (TRUE) {
        if (!readRate(run->dom, &status, &mibps, error))
            return FALSE;
        if (status == VIR_DOMAIN_DIRTYRATE_MEASURED && mibps >= 0)
            break;
        if (status < 0 || g_get_monotonic_time() > dueUs + PATIENCE_US) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                        _("QEMU did not report the dirty rate of domain '%1$s'"),
                        virDomainGetName(run->dom));
            return FALSE;
        }
        passTime(run, g_get_monotonic_time() + POLL_US);
    }

    seen = convergeFitObservation(seconds, (guint64)mibps);
    g_array_append_val(run->measured->seen, seen);
    return TRUE;
}

/* Alternates between short measurements and longer ones. */
static gboolean
measureLong(measureRun *run,
            GError **error)
{
    int longer = CLAMP((int)run->seconds / LONG_PART, SHORTEST + 1, LONGEST);
    unsigned int turn;

    run->startUs = g_get_monotonic_time();
    run->endUs = run->startUs + run->seconds * G_USEC_PER_SEC;
    for (turn = 0;; turn++) {
        int next = turn % (SHORT_ONES + 1) == SHORT_ONES ? longer : SHORTEST;
        gint64 leftUs = run->endUs - g_get_monotonic_time();

        if (leftUs < next * G_USEC_PER_SEC)
            next = SHORTEST;
        /* Take at least one of each length, however slow QEMU is. */
        if (leftUs < next * G_USEC_PER_SEC && turn > SHORT_ONES)
            break;
        if (turn == SHORT_ONES)
            next = longer;
        if (!measureOnce(run, next, error))
            return FALSE;
    }
    run->progress(1, run->seconds, run->opaque);
    return TRUE;
}

convergeMeasured *
convergeMeasureGuest(virDomainPtr dom,
                     unsigned int seconds,
                     gboolean exact,
                     convergeMeasureProgress progress,
                     void *opaque,
                     GError **error)
{
    g_autoptr(convergeMeasured) measured = g_new0(convergeMeasured, 1);
    measureRun run = {
        .dom = dom,
        .measured = measured,
        .seconds = seconds > 0 ? seconds : CONVERGE_MEASURE_DEFAULT,
        .progress = progress,
        .opaque = opaque,
    };

    measured->exact = exact;
    measured->seen = g_array_new(FALSE, FALSE, sizeof(convergeObservation));
    if (!measureMemory(dom, measured, error) || !waitForOther(&run, error))
        return NULL;

    if (!(seconds == 0 && !convergeMeasureHasJob(dom) && convergeMeasureQuick(dom, measured, progress, opaque)) &&
        (!checkSize(dom, measured, error) || !measureLong(&run, error)))
        return NULL;
    boundSet(dom, measured);
    return g_steal_pointer(&measured);
}

void
convergeMeasuredFree(convergeMeasured *measured)
{
    if (!measured)
        return;

    g_clear_pointer(&measured->seen, g_array_unref);
    g_free(measured);
}
