/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_libvirt.c: samples and verbs of a real migration
 */
#include <glib/gi18n-lib.h>

#include "actuator/actuator_libvirt_priv.h"

/* The longest downtime-limit that QEMU accepts, ms (qapi/migration.json). */
#define DOWNTIME_UNBOUNDED 2000000

convergeActuatorLibvirt *
convergeActuatorLibvirtNew(const convergeLibvirt *libvirt,
                           gboolean callerThrottle)
{
    convergeActuatorLibvirt *actuator = g_new0(convergeActuatorLibvirt, 1);

    actuator->monitor.libvirt = libvirt;
    actuator->chosen = CONVERGE_ACTUATOR_QEMU;
    actuator->cpus = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_mutex_init(&actuator->quotaLock);
    convergeQemuParamsInit(&actuator->params, callerThrottle);
    actuator->startUs = g_get_monotonic_time();
    return actuator;
}

void
convergeActuatorLibvirtFree(convergeActuatorLibvirt *actuator)
{
    if (!actuator)
        return;
    convergeVcpuQuotaFree(actuator->quota);
    g_mutex_clear(&actuator->quotaLock);
    convergeVcpuSharesClear(&actuator->shares);
    convergeDirtyLimitClear(&actuator->limit);
    convergeUndoRecordFree(actuator->record);
    convergeUndoDiskClear(&actuator->disk);
    g_array_unref(actuator->cpus);
    g_clear_error(&actuator->endError);
    g_free(actuator->changed);
    g_free(actuator);
}

void
convergeActuatorLibvirtSetDomain(convergeActuatorLibvirt *actuator,
                                 virDomainPtr dom)
{
    actuator->monitor.dom = dom;
}

void
convergeActuatorLibvirtSetName(convergeActuatorLibvirt *actuator,
                               const char *name)
{
    actuator->name = name;
}

/* The loop may be waiting for a QEMU that does not answer, which is no reason to keep its
 * guest throttled. */
void
convergeActuatorLibvirtCancel(convergeActuatorLibvirt *actuator)
{
    g_mutex_lock(&actuator->quotaLock);
    g_atomic_int_set(&actuator->cancelled, TRUE);
    if (actuator->quota)
        convergeVcpuQuotaRestore(actuator->quota, NULL);
    g_mutex_unlock(&actuator->quotaLock);
}

gint64
convergeActuatorLibvirtNow(const convergeActuatorLibvirt *actuator)
{
    return (g_get_monotonic_time() - actuator->startUs) / 1000;
}

void
convergeActuatorLibvirtEnd(convergeActuatorLibvirt *actuator)
{
    g_clear_error(&actuator->endError);
    convergeThrottleRestoreQuota(actuator, &actuator->endError);
    convergeQemuParamsEnd(&actuator->params);
}

void
convergeActuatorLibvirtForget(convergeActuatorLibvirt *actuator)
{
    if (actuator->record)
        convergeUndoRemove(&actuator->disk, actuator->record, NULL);
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
setDowntime(convergeActuatorLibvirt *actuator,
            gint64 ms,
            GError **error)
{
    const convergeMonitor *monitor = &actuator->monitor;
    gint64 values[CONVERGE_PARAM_LAST];
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = i == CONVERGE_PARAM_DOWNTIME ? ms : CONVERGE_PARAM_ABSENT;
    if (!convergeThrottleRecordParams(actuator, values, error))
        return FALSE;

    if (monitor->libvirt->setMaxDowntime(monitor->dom, (unsigned long long)ms, 0) < 0)
        return reportFailure(CONVERGE_VERB_DOWNTIME, error);
    actuator->params.written[CONVERGE_PARAM_DOWNTIME] = ms;
    return TRUE;
}

/* With the limit out of the way QEMU does not finish the pass first, and sends what was
 * dirtied meanwhile once instead of twice. */
static gboolean
suspend(convergeActuatorLibvirt *actuator,
        GError **error)
{
    const convergeMonitor *monitor = &actuator->monitor;

    if (monitor->libvirt->suspend(monitor->dom) < 0)
        return reportFailure(CONVERGE_VERB_SUSPEND, error);

    /* libvirt kept the call waiting until the migration was over. */
    actuator->lateSuspend = convergeActuatorIsCancelled(actuator);
    if (!actuator->lateSuspend)
        setDowntime(actuator, DOWNTIME_UNBOUNDED, NULL);
    return TRUE;
}

/* Throttles, or lets go. */
static gboolean
throttle(convergeActuatorLibvirt *actuator,
         const convergeDecision *decision,
         GError **error)
{
    if (actuator->chosen != CONVERGE_ACTUATOR_QEMU && decision->verb != CONVERGE_VERB_STEP) {
        actuator->throttle = decision->throttle;
        if (!convergeThrottleApply(actuator, error))
            return FALSE;
        if (decision->verb == CONVERGE_VERB_THROTTLE)
            return TRUE;
    }
    return convergeThrottleSetParams(actuator, decision, error);
}

static gboolean
applyDecision(void *opaque,
              const convergeDecision *decision,
              GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeLibvirt *libvirt = actuator->monitor.libvirt;
    virDomainPtr dom = actuator->monitor.dom;

    if (convergeActuatorIsCancelled(actuator)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_LIBVIRT, _("the migration is over"));
        return FALSE;
    }
    if (!convergeQemuParamsRemember(&actuator->params, &actuator->monitor, error))
        return FALSE;

    switch (decision->verb) {
    case CONVERGE_VERB_HOLD:
    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_STEP:
    case CONVERGE_VERB_THROTTLE:
        return throttle(actuator, decision, error);
    case CONVERGE_VERB_DOWNTIME:
        return setDowntime(actuator, decision->downtimeMs, error);
    case CONVERGE_VERB_SUSPEND:
        return suspend(actuator, error);
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
resumeLate(convergeActuatorLibvirt *actuator,
           GError **error)
{
    const convergeMonitor *monitor = &actuator->monitor;

    if (!actuator->lateSuspend)
        return TRUE;
    if (monitor->libvirt->resume(monitor->dom) < 0)
        return reportFailure(CONVERGE_VERB_SUSPEND, error);
    actuator->lateSuspend = FALSE;
    return TRUE;
}

/* QEMU's own throttle ends with its migration. */
static void
release(void *opaque)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeMonitor *monitor = &actuator->monitor;
    int state = VIR_DOMAIN_NOSTATE;
    int reason;

    convergeThrottleRestoreQuota(actuator, NULL);

    /* QEMU is left alone while it may be handing the guest over. */
    if (actuator->limit.ours && !convergeActuatorIsCancelled(actuator) &&
        monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_RUNNING)
        convergeDirtyLimitCancel(&actuator->limit, monitor, NULL);
}

static gboolean
restore(void *opaque,
        GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    g_autoptr(GError) throttleError = NULL;
    gboolean given;

    actuator->throttle = 0;
    given = convergeThrottleRestoreQuota(actuator, &throttleError);
    given = convergeDirtyLimitCancel(&actuator->limit, &actuator->monitor,
                                     given ? &throttleError : NULL) && given;
    given = resumeLate(actuator, given ? &throttleError : NULL) && given;

    if (!convergeQemuParamsRestore(&actuator->params, &actuator->monitor, error)) {
        if (!actuator->record || convergeUndoRecordQemuLives(actuator->record))
            return FALSE;
        /* With QEMU gone there is nothing to put back. */
        g_clear_error(error);
        return convergeUndoRemove(&actuator->disk, actuator->record, error);
    }
    if (!given) {
        g_propagate_error(error, g_steal_pointer(&throttleError));
        return FALSE;
    }
    if (actuator->record)
        convergeUndoRemove(&actuator->disk, actuator->record, NULL);
    if (actuator->endError) {
        g_propagate_error(error, g_steal_pointer(&actuator->endError));
        return FALSE;
    }
    return TRUE;
}

/* --- Samples --- */

static gboolean
startProbe(void *opaque,
           GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;

    if ((actuator->probeWaits = actuator->shares.startMs > 0))
        return TRUE;
    if (!convergeDirtyProbeStart(&actuator->probe, &actuator->monitor,
                                 actuator->last.totalBytes, convergeThrottleInForce(actuator), error))
        return FALSE;

    actuator->probe.startMs = convergeActuatorLibvirtNow(actuator);
    return TRUE;
}

/* The first measurement, of who dirties memory. */
static void
collectShares(convergeActuatorLibvirt *actuator)
{
    const convergeSample *now = &actuator->last;

    if (!convergeVcpuSharesCollect(&actuator->shares, &actuator->monitor, now->timeMs, now->paused))
        return;
    if (actuator->chosen == CONVERGE_ACTUATOR_VCPU_QUOTA)
        actuator->changed = convergeVcpuSharesExplain(&actuator->shares);
    if (actuator->probeWaits)
        startProbe(actuator, NULL);
}

static gboolean
takeSample(void *opaque,
           convergeSample *sample,
           GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeMonitor *monitor = &actuator->monitor;
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    /* What is there now may be of somebody else's migration. */
    if (convergeActuatorIsCancelled(actuator)) {
        sample->timeMs = convergeActuatorLibvirtNow(actuator);
        return TRUE;
    }
    if (monitor->libvirt->getJobStats(monitor->dom, &type, &params, &nparams, 0) < 0) {
        convergeErrorSetLibvirt(error, _("reading the job statistics failed"));
        return FALSE;
    }
    convergeSampleFromJobStats(sample, type, params, nparams);
    virTypedParamsFree(params, nparams);
    sample->timeMs = convergeActuatorLibvirtNow(actuator);

    if (!sample->active)
        return TRUE;

    if (monitor->libvirt->getState(monitor->dom, &state, &reason, 0) == 0 &&
        state == VIR_DOMAIN_PAUSED) {
        sample->paused = TRUE;
        sample->postcopy = reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
            reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
    }

    actuator->qemuThrottle = sample->throttle;
    sample->throttle = convergeThrottleInForce(actuator);
    convergeDirtyProbeCollect(&actuator->probe, monitor, sample);
    actuator->last = *sample;
    collectShares(actuator);
    convergeThrottleApply(actuator, NULL);
    return TRUE;
}

const convergeActuatorOps convergeActuatorLibvirtOps = {
    .choose = convergeThrottleChoose,
    .review = convergeThrottleReview,
    .sample = takeSample,
    .apply = applyDecision,
    .probe = startProbe,
    .release = release,
    .restore = restore,
};
