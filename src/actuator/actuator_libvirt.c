/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_libvirt.c: samples and verbs of a real migration
 */
#include <glib/gi18n-lib.h>

#include "actuator/actuator_libvirt.h"
#include "actuator/dirty_limit.h"
#include "actuator/dirty_probe.h"
#include "actuator/qemu_params.h"
#include "actuator/undo_bounded.h"
#include "actuator/vcpu_shares.h"

/* The longest downtime-limit that QEMU accepts, ms (qapi/migration.json). */
#define DOWNTIME_UNBOUNDED 2000000

struct _convergeActuatorLibvirt {
    convergeMonitor monitor;
    convergeQemuParams params;
    convergeDirtyProbe probe;
    convergeSample last;            /* newest active one */
    gint64 startUs;
    convergeUndoRecord *record;     /* NULL: there is none, as in a client */
    convergeUndoDisk disk;          /* that it is on */
    convergeThrottleActuator chosen;
    char *changed;                  /* why, since anybody was told; NULL: nothing is new */
    unsigned int throttle;          /* %, to be in force at once whenever the guest runs */
    unsigned int qemuThrottle;      /* %, QEMU's own, at the last sample */
    GMutex quotaLock;               /* guards the quotas in .quota, across files of cgroups alone */
    convergeVcpuQuota *quota;       /* NULL: there is none */
    gboolean quotaUnsaved;          /* the record does not have its newest originals */
    GError *endError;               /* what failed at the end, for restore to tell; or NULL */
    GArray *cpus;                   /* gint64, QEMU's index of each of its vCPUs */
    convergeVcpuShares shares;
    convergeDirtyLimit limit;
    gboolean probeWaits;            /* for the shares: QEMU measures one thing at a time */
    gint cancelled;                 /* atomic, set under .quotaLock: libvirt's job of this migration is over */
    gboolean lateSuspend;           /* ...when it let us pause the guest */
};

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

static gboolean
isCancelled(convergeActuatorLibvirt *actuator)
{
    return g_atomic_int_get(&actuator->cancelled);
}

gint64
convergeActuatorLibvirtNow(const convergeActuatorLibvirt *actuator)
{
    return (g_get_monotonic_time() - actuator->startUs) / 1000;
}

/* --- What throttles at once --- */

/* The thread ids of all vCPUs, and in .cpus their indexes; NULL with @error set. */
static GArray *
vcpuThreads(convergeActuatorLibvirt *actuator,
            GError **error)
{
    g_autoptr(JsonNode) reply = convergeQmpRun(&actuator->monitor, "query-cpus-fast", NULL, error);
    g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pid_t));
    JsonArray *cpus;
    guint i;

    if (!reply)
        return NULL;

    g_array_set_size(actuator->cpus, 0);
    cpus = JSON_NODE_HOLDS_ARRAY(reply) ? json_node_get_array(reply) : NULL;
    for (i = 0; cpus && i < json_array_get_length(cpus); i++) {
        JsonNode *cpu = json_array_get_element(cpus, i);
        JsonObject *object = JSON_NODE_HOLDS_OBJECT(cpu) ? json_node_get_object(cpu) : NULL;
        pid_t thread = 0;
        gint64 id = -1;

        if (object) {
            thread = (pid_t)json_object_get_int_member_with_default(object, "thread-id", 0);
            id = json_object_get_int_member_with_default(object, "cpu-index", -1);
        }
        if (thread <= 0)
            break;
        g_array_append_val(threads, thread);
        g_array_append_val(actuator->cpus, id);
    }

    if (!cpus || threads->len == 0 || i < json_array_get_length(cpus)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU does not tell the threads of its vCPUs"));
        return NULL;
    }
    return g_steal_pointer(&threads);
}

/* Begins the record of what is to be undone if this process is killed. */
static gboolean
startRecord(convergeActuatorLibvirt *actuator,
            pid_t thread,
            GError **error)
{
    virDomainPtr dom = actuator->monitor.dom;
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    virDomainGetUUIDString(dom, uuid);
    actuator->record = convergeUndoRecordNew(dir, uuid, virDomainGetName(dom), thread, error);
    return actuator->record != NULL;
}

/* Changes nothing.  Errors say why there is no quota to be had. */
static gboolean
findQuota(convergeActuatorLibvirt *actuator,
          const GArray *threads,
          GError **error)
{

    convergeVcpuQuota *quota = convergeVcpuQuotaNew(&g_array_index(threads, pid_t, 0),
                                                    threads->len, error);

    if (!quota)
        return FALSE;

    convergeUndoRecordSetGroups(actuator->record, quota);
    g_mutex_lock(&actuator->quotaLock);
    actuator->quota = quota;
    g_mutex_unlock(&actuator->quotaLock);
    return TRUE;
}

/* What only a process on the host of the guest can do, and has to: without a record nothing
 * of the guest is changed, CONVERGE_ERROR_RECORD.
 *
 * @quotaError: why there is no quota to be had, if one is wanted */
static gboolean
lookAtHost(convergeActuatorLibvirt *actuator,
           gboolean wantsQuota,
           GError **quotaError,
           GError **error)
{
    g_autoptr(GArray) threads = NULL;
    g_autoptr(GError) cause = NULL;

    if (!actuator->monitor.libvirt->onHost) {
        g_set_error(quotaError, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the vCPUs' cgroups are out of a client's reach"));
        return TRUE;
    }

    if (!(threads = vcpuThreads(actuator, &cause)) ||
        !startRecord(actuator, g_array_index(threads, pid_t, 0), &cause)) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD, cause->message);
        return FALSE;
    }

    if (wantsQuota)
        findQuota(actuator, threads, quotaError);
    return convergeUndoSave(&actuator->disk, actuator->record, error);
}

static convergeThrottleActuator
choose(void *opaque,
       convergeThrottleActuator wanted,
       char **why,
       GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeMonitor *monitor = &actuator->monitor;
    g_autoptr(GError) quotaError = NULL;
    g_autoptr(GError) limitError = NULL;
    gboolean wantsLimit = wanted == CONVERGE_ACTUATOR_DIRTY_LIMIT;
    gboolean wantsQuota = wanted != CONVERGE_ACTUATOR_QEMU;

    if (!lookAtHost(actuator, wantsQuota, &quotaError, error))
        return CONVERGE_ACTUATOR_QEMU;

    /* Refused without a dirty ring: then all vCPUs are slowed down alike. */
    if ((actuator->quota || wantsLimit) &&
        convergeVcpuSharesStart(&actuator->shares, monitor, convergeActuatorLibvirtNow(actuator),
                                &limitError) &&
        wantsLimit && convergeDirtyLimitCheck(monitor, &limitError)) {
        *why = g_strdup(_("the limit of each vCPU's dirty rate, as the policy says"));
        return actuator->chosen = CONVERGE_ACTUATOR_DIRTY_LIMIT;
    }

    if (actuator->quota) {
        *why = wantsLimit ?
            g_strdup_printf(_("the CPU quota of the vCPUs: %1$s"), limitError->message) :
            g_strdup(_("the CPU quota of the vCPUs, which acts at once"));
        return actuator->chosen = CONVERGE_ACTUATOR_VCPU_QUOTA;
    }

    if (wantsQuota)
        *why = g_strdup_printf(_("QEMU's own throttle: %1$s"),
                               (wantsLimit ? limitError : quotaError)->message);
    else
        *why = g_strdup(_("QEMU's own throttle, as the policy says"));
    return CONVERGE_ACTUATOR_QEMU;
}

/* What others have set meanwhile is recorded before it is changed. */
static gboolean
adoptQuota(convergeActuatorLibvirt *actuator,
           GError **error)
{
    gboolean adopted;

    g_mutex_lock(&actuator->quotaLock);
    adopted = convergeVcpuQuotaAdopt(actuator->quota, &actuator->quotaUnsaved, error);
    g_mutex_unlock(&actuator->quotaLock);
    if (!adopted)
        return FALSE;
    if (!actuator->quotaUnsaved)
        return TRUE;

    convergeUndoRecordSetGroups(actuator->record, actuator->quota);
    if (!convergeUndoSave(&actuator->disk, actuator->record, error))
        return FALSE;
    actuator->quotaUnsaved = FALSE;
    return TRUE;
}

/* A guest that stands still is not to be held back on its way to the destination: the
 * threads of its vCPUs have a part in handing it over. */
static gboolean
applyQuota(convergeActuatorLibvirt *actuator,
           GError **error)
{
    unsigned int percent = actuator->last.paused ? 0 : actuator->throttle;
    gboolean ret;

    if (percent > 0 && !adoptQuota(actuator, error))
        return FALSE;

    g_mutex_lock(&actuator->quotaLock);
    ret = convergeVcpuSharesSetQuota(&actuator->shares, actuator->quota, actuator->cpus,
                                     isCancelled(actuator) ? 0 : percent, error);
    g_mutex_unlock(&actuator->quotaLock);
    return ret;
}

static gboolean
restoreQuota(convergeActuatorLibvirt *actuator,
             GError **error)
{
    gboolean ret;

    if (!actuator->quota)
        return TRUE;

    g_mutex_lock(&actuator->quotaLock);
    ret = convergeVcpuQuotaRestore(actuator->quota, error);
    g_mutex_unlock(&actuator->quotaLock);
    return ret;
}

/* Before the parameters of QEMU are set: without a record they are not.  A client has none,
 * as the manual says. */
static gboolean
recordParams(convergeActuatorLibvirt *actuator,
             const gint64 values[CONVERGE_PARAM_LAST],
             GError **error)
{
    gsize i;

    if (!actuator->record)
        return TRUE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != CONVERGE_PARAM_ABSENT && !convergeQemuParamsIsCallers(&actuator->params, i))
            convergeUndoRecordSetParam(actuator->record, convergeParamName(i),
                                       convergeParamIsBoolean(i),
                                       actuator->params.original[i], values[i]);
    }
    return convergeUndoSave(&actuator->disk, actuator->record, error);
}

static gboolean
setParams(convergeActuatorLibvirt *actuator,
          const convergeDecision *decision,
          GError **error)
{
    gint64 values[CONVERGE_PARAM_LAST];

    convergeQemuParamsFor(&actuator->params, decision, values);
    return recordParams(actuator, values, error) &&
        convergeQemuParamsWrite(&actuator->params, &actuator->monitor, values, error);
}

/* Takes dirty limits back, and goes on without. */
static gboolean
leaveLimit(convergeActuatorLibvirt *actuator,
           const char *why,
           GError **error)
{
    convergeDecision decision = { .verb = CONVERGE_VERB_THROTTLE, .throttle = actuator->throttle };
    gboolean gone;

    actuator->chosen = actuator->quota ? CONVERGE_ACTUATOR_VCPU_QUOTA : CONVERGE_ACTUATOR_QEMU;
    g_free(actuator->changed);
    actuator->changed = g_strdup_printf(actuator->quota ?
                                        _("the CPU quota of the vCPUs from now on: %1$s") :
                                        _("QEMU's own throttle from now on: %1$s"), why);

    gone = convergeDirtyLimitCancel(&actuator->limit, &actuator->monitor, error);
    if (actuator->quota)
        return applyQuota(actuator, gone ? error : NULL) && gone;

    actuator->throttle = 0;
    return (decision.throttle == 0 || setParams(actuator, &decision, gone ? error : NULL)) && gone;
}

static gboolean
applyLimit(convergeActuatorLibvirt *actuator,
           GError **error)
{
    const convergeMonitor *monitor = &actuator->monitor;
    gint64 nowMs = convergeActuatorLibvirtNow(actuator);
    g_autoptr(GError) refusal = NULL;

    if (actuator->shares.startMs > 0)
        return TRUE;            /* not measured yet */
    if (!convergeVcpuSharesKnown(&actuator->shares))
        return leaveLimit(actuator, _("QEMU could not tell which vCPUs dirty memory"), error);
    if (actuator->throttle > 0 && actuator->record && !actuator->record->dirtyRates) {
        convergeUndoRecordSetDirtyRates(actuator->record, actuator->shares.rates);
        if (!convergeUndoSave(&actuator->disk, actuator->record, &refusal))
            return leaveLimit(actuator, refusal->message, error);
    }
    if (!convergeDirtyLimitSet(&actuator->limit, monitor, &actuator->shares, actuator->throttle,
                               nowMs, &refusal))
        return leaveLimit(actuator, refusal->message, error);
    if (!actuator->last.paused &&
        convergeDirtyLimitStalls(&actuator->limit, monitor, &actuator->shares, nowMs))
        return leaveLimit(actuator, _("the guest came to a stop under a limit of its dirty rate"), error);
    return TRUE;
}

static gboolean
applyThrottle(convergeActuatorLibvirt *actuator,
              GError **error)
{
    if (actuator->chosen == CONVERGE_ACTUATOR_DIRTY_LIMIT)
        return applyLimit(actuator, error);
    return actuator->chosen != CONVERGE_ACTUATOR_VCPU_QUOTA || applyQuota(actuator, error);
}

/* %, of what acts at once */
static unsigned int
throttleInForce(const convergeActuatorLibvirt *actuator)
{
    return actuator->chosen == CONVERGE_ACTUATOR_DIRTY_LIMIT ? actuator->limit.throttle :
        actuator->throttle;
}

/* %, of all together */
static unsigned int
allThrottle(const convergeActuatorLibvirt *actuator)
{
    return MAX(actuator->qemuThrottle, throttleInForce(actuator));
}

static convergeThrottleActuator
review(void *opaque,
       char **why)
{
    convergeActuatorLibvirt *actuator = opaque;

    *why = g_steal_pointer(&actuator->changed);
    return actuator->chosen;
}

void
convergeActuatorLibvirtEnd(convergeActuatorLibvirt *actuator)
{
    g_clear_error(&actuator->endError);
    restoreQuota(actuator, &actuator->endError);
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
    if (!recordParams(actuator, values, error))
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
    actuator->lateSuspend = isCancelled(actuator);
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
        if (!applyThrottle(actuator, error))
            return FALSE;
        if (decision->verb == CONVERGE_VERB_THROTTLE)
            return TRUE;
    }
    return setParams(actuator, decision, error);
}

static gboolean
applyDecision(void *opaque,
              const convergeDecision *decision,
              GError **error)
{
    convergeActuatorLibvirt *actuator = opaque;
    const convergeLibvirt *libvirt = actuator->monitor.libvirt;
    virDomainPtr dom = actuator->monitor.dom;

    if (isCancelled(actuator)) {
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

    restoreQuota(actuator, NULL);

    /* QEMU is left alone while it may be handing the guest over. */
    if (actuator->limit.ours && !isCancelled(actuator) &&
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
    given = restoreQuota(actuator, &throttleError);
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
                                 actuator->last.totalBytes, allThrottle(actuator), error))
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
    if (isCancelled(actuator)) {
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
    sample->throttle = allThrottle(actuator);
    convergeDirtyProbeCollect(&actuator->probe, monitor, sample);
    actuator->last = *sample;
    collectShares(actuator);
    applyThrottle(actuator, NULL);
    return TRUE;
}

const convergeActuatorOps convergeActuatorLibvirtOps = {
    .choose = choose,
    .review = review,
    .sample = takeSample,
    .apply = applyDecision,
    .probe = startProbe,
    .release = release,
    .restore = restore,
};
