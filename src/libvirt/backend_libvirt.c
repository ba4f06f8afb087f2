/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_libvirt.c: samples and verbs of a real migration
 */
#include <glib/gi18n-lib.h>

#include "libvirt/backend_libvirt_priv.h"
#include "libvirt/job_sample.h"

/* The longest downtime-limit that QEMU accepts, ms (qapi/migration.json). */
#define DOWNTIME_UNBOUNDED 2000000

convergeBackendLibvirt *
convergeBackendLibvirtNew(const convergeLibvirt *libvirt,
                           gboolean callerThrottle)
{
    convergeBackendLibvirt *backend = g_new0(convergeBackendLibvirt, 1);

    backend->monitor.libvirt = libvirt;
    backend->chosen = CONVERGE_METHOD_QEMU;
    backend->cpus = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_mutex_init(&backend->quotaLock);
    convergeQemuParamsInit(&backend->params, callerThrottle);
    backend->startUs = g_get_monotonic_time();
    return backend;
}

void
convergeBackendLibvirtFree(convergeBackendLibvirt *backend)
{
    if (!backend)
        return;
    convergeVcpuQuotaFree(backend->quota);
    g_mutex_clear(&backend->quotaLock);
    convergeVcpuSharesClear(&backend->shares);
    convergeDirtyLimitClear(&backend->limit);
    convergeUndoRecordFree(backend->record);
    convergeUndoDiskClear(&backend->disk);
    g_array_unref(backend->cpus);
    g_clear_error(&backend->endError);
    g_free(backend->changed);
    g_free(backend);
}

void
convergeBackendLibvirtSetDomain(convergeBackendLibvirt *backend,
                                 virDomainPtr dom)
{
    backend->monitor.dom = dom;
}

void
convergeBackendLibvirtSetName(convergeBackendLibvirt *backend,
                               const char *name)
{
    backend->name = name;
}

/* The loop may be waiting for a QEMU that does not answer, which is no reason to keep its
 * guest throttled. */
void
convergeBackendLibvirtCancel(convergeBackendLibvirt *backend)
{
    g_mutex_lock(&backend->quotaLock);
    g_atomic_int_set(&backend->cancelled, TRUE);
    if (backend->quota)
        convergeVcpuQuotaRestore(backend->quota, NULL);
    g_mutex_unlock(&backend->quotaLock);
}

gint64
convergeBackendLibvirtNow(const convergeBackendLibvirt *backend)
{
    return (g_get_monotonic_time() - backend->startUs) / 1000;
}

void
convergeBackendLibvirtEnd(convergeBackendLibvirt *backend)
{
    g_clear_error(&backend->endError);
    convergeThrottleRestoreQuota(backend, &backend->endError);
    convergeQemuParamsEnd(&backend->params);
}

void
convergeBackendLibvirtForget(convergeBackendLibvirt *backend)
{
    if (backend->record)
        convergeUndoRemove(&backend->disk, backend->record, NULL);
}

/* --- Verbs --- */

static gboolean
reportFailure(convergeVerb verb,
              GError **error)
{
    convergeErrorSetLibvirt(error, convergeVerbName(verb));
    return FALSE;
}

static gboolean
setDowntime(convergeBackendLibvirt *backend,
            gint64 ms,
            GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;
    gint64 values[CONVERGE_PARAM_LAST];
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = i == CONVERGE_PARAM_DOWNTIME ? ms : CONVERGE_PARAM_ABSENT;
    if (!convergeThrottleRecordParams(backend, values, error))
        return FALSE;

    if (monitor->libvirt->setMaxDowntime(monitor->dom, (unsigned long long)ms, 0) < 0)
        return reportFailure(CONVERGE_VERB_DOWNTIME, error);
    backend->params.written[CONVERGE_PARAM_DOWNTIME] = ms;
    return TRUE;
}

/* With the limit out of the way QEMU does not finish the pass first, and sends what was
 * dirtied meanwhile once instead of twice. */
static gboolean
suspend(convergeBackendLibvirt *backend,
        GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (monitor->libvirt->suspend(monitor->dom) < 0)
        return reportFailure(CONVERGE_VERB_SUSPEND, error);

    /* libvirt kept the call waiting until the migration was over. */
    backend->lateSuspend = convergeBackendIsCancelled(backend);
    if (!backend->lateSuspend)
        setDowntime(backend, DOWNTIME_UNBOUNDED, NULL);
    return TRUE;
}

/* Throttles, or lets go. */
static gboolean
throttle(convergeBackendLibvirt *backend,
         const convergeDecision *decision,
         GError **error)
{
    if (backend->chosen != CONVERGE_METHOD_QEMU && decision->verb != CONVERGE_VERB_STEP) {
        backend->throttle = decision->throttle;
        if (!convergeThrottleApply(backend, error))
            return FALSE;
        if (decision->verb == CONVERGE_VERB_THROTTLE)
            return TRUE;
    }
    return convergeThrottleSetParams(backend, decision, error);
}

static gboolean
applyDecision(void *opaque,
              const convergeDecision *decision,
              GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeLibvirt *libvirt = backend->monitor.libvirt;
    virDomainPtr dom = backend->monitor.dom;

    if (convergeBackendIsCancelled(backend)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the migration is over"));
        return FALSE;
    }
    if (!convergeQemuParamsRemember(&backend->params, &backend->monitor, error))
        return FALSE;

    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_STEP:
    case CONVERGE_VERB_THROTTLE:
        return throttle(backend, decision, error);
    case CONVERGE_VERB_DOWNTIME:
        return setDowntime(backend, decision->downtimeMs, error);
    case CONVERGE_VERB_SUSPEND:
        return suspend(backend, error);
    case CONVERGE_VERB_POSTCOPY:
        return libvirt->startPostCopy(dom, 0) == 0 || reportFailure(decision->verb, error);
    case CONVERGE_VERB_ABORT:
        return libvirt->abortJob(dom) == 0 || reportFailure(decision->verb, error);
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_LAST:
    default:
        return TRUE;
    }
}

/* libvirt lets a guest run again that was paused during its migration, but not one that is
 * paused thereafter. */
static gboolean
resumeLate(convergeBackendLibvirt *backend,
           GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;

    if (!backend->lateSuspend)
        return TRUE;
    if (monitor->libvirt->resume(monitor->dom) < 0)
        return reportFailure(CONVERGE_VERB_SUSPEND, error);
    backend->lateSuspend = FALSE;
    return TRUE;
}

/* QEMU's own throttle ends with its migration. */
static void
release(void *opaque)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeMonitor *monitor = &backend->monitor;
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    convergeThrottleRestoreQuota(backend, NULL);

    /* QEMU is left alone while it may be handing the guest over. */
    if (backend->limit.ours && !convergeBackendIsCancelled(backend) &&
        monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_RUNNING)
        convergeDirtyLimitCancel(&backend->limit, monitor, NULL);
}

static gboolean
restore(void *opaque,
        GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    g_autoptr(GError) throttleError = NULL;
    gboolean given;

    backend->throttle = 0;
    given = convergeThrottleRestoreQuota(backend, &throttleError);
    given = convergeDirtyLimitCancel(&backend->limit, &backend->monitor,
                                     given ? &throttleError : NULL) && given;
    given = resumeLate(backend, given ? &throttleError : NULL) && given;

    if (!convergeQemuParamsRestore(&backend->params, &backend->monitor, error)) {
        if (!backend->record || convergeUndoRecordQemuLives(backend->record))
            return FALSE;
        /* With QEMU gone there is nothing to put back. */
        g_clear_error(error);
        return convergeUndoRemove(&backend->disk, backend->record, error);
    }
    if (!given) {
        g_propagate_error(error, g_steal_pointer(&throttleError));
        return FALSE;
    }
    if (backend->record)
        convergeUndoRemove(&backend->disk, backend->record, NULL);
    if (backend->endError) {
        g_propagate_error(error, g_steal_pointer(&backend->endError));
        return FALSE;
    }
    return TRUE;
}

/* --- Samples --- */

static gboolean
startProbe(void *opaque,
           GError **error)
{
    convergeBackendLibvirt *backend = opaque;

    if ((backend->probeWaits = backend->shares.startMs > 0))
        return TRUE;
    if (!convergeDirtyProbeStart(&backend->probe, &backend->monitor,
                                 backend->last.totalBytes, convergeThrottleInForce(backend), error))
        return FALSE;

    backend->probe.startMs = convergeBackendLibvirtNow(backend);
    return TRUE;
}

/* The first measurement, of who dirties memory. */
static void
collectShares(convergeBackendLibvirt *backend)
{
    const convergeSample *now = &backend->last;

    if (!convergeVcpuSharesCollect(&backend->shares, &backend->monitor, now->timeMs, now->paused))
        return;
    if (backend->chosen == CONVERGE_METHOD_VCPU_QUOTA)
        backend->changed = convergeVcpuSharesExplain(&backend->shares);
    if (backend->probeWaits)
        startProbe(backend, NULL);
}

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeMonitor *monitor = &backend->monitor;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    /* What is there now may be of somebody else's migration. */
    if (convergeBackendIsCancelled(backend)) {
        sample->timeMs = convergeBackendLibvirtNow(backend);
        return TRUE;
    }
    if (monitor->libvirt->getJobStats(monitor->dom, &type, &params, &nparams, 0) < 0) {
        convergeErrorSetLibvirt(error, _("reading the job statistics failed"));
        return FALSE;
    }
    convergeSampleFromJobStats(sample, type, params, nparams);
    virTypedParamsFree(params, nparams);
    sample->timeMs = convergeBackendLibvirtNow(backend);

    if (!sample->active)
        return TRUE;

    if (monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_PAUSED) {
        sample->paused = TRUE;
        sample->postcopy = reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
            reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
    }

    backend->qemuThrottle = sample->throttle;
    sample->throttle = convergeThrottleInForce(backend);
    convergeDirtyProbeCollect(&backend->probe, monitor, sample);
    backend->last = *sample;
    collectShares(backend);
    convergeThrottleApply(backend, NULL);
    return TRUE;
}

const convergeBackendOps convergeBackendLibvirtOps = {
    .choose = convergeThrottleChoose,
    .review = convergeThrottleReview,
    .sample = takeSample,
    .apply = applyDecision,
    .probe = startProbe,
    .release = release,
    .restore = restore,
};
