/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actuator_throttle.c: what slows a real guest down, and the record of it
 */
#include <glib/gi18n-lib.h>

#include "actuator/actuator_libvirt_priv.h"

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
            gint64 number = json_object_get_int_member_with_default(object, "thread-id", 0);

            thread = number > 0 && number <= G_MAXINT32 ? (pid_t)number : 0;
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
    actuator->record = convergeUndoRecordNew(dir, uuid,
                                             actuator->name ? actuator->name : virDomainGetName(dom),
                                             thread, error);
    return actuator->record != NULL;
}

/* Changes nothing.  Errors say why there is no quota to be had. */
static gboolean
findQuota(convergeActuatorLibvirt *actuator,
          const GArray *threads,
          GError **error)
{

    g_autoptr(convergeVcpuQuota) quota = convergeVcpuQuotaNew(&g_array_index(threads, pid_t, 0),
                                                              threads->len, error);
    int id;
    gsize i;

    if (!quota)
        return FALSE;

    id = actuator->monitor.libvirt->getId(actuator->monitor.dom);

    for (i = 0; i < convergeVcpuQuotaCount(quota); i++) {
        const convergeVcpuGroup *group = convergeVcpuQuotaGroup(quota, i);

        if (convergeVcpuGroupIsOf(group, id))
            continue;
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the cgroup '%1$s' of a thread that QEMU tells is not of this guest"),
                    group->directory);
        return FALSE;
    }

    convergeUndoRecordSetGroups(actuator->record, quota);
    g_mutex_lock(&actuator->quotaLock);
    actuator->quota = g_steal_pointer(&quota);
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

convergeThrottleActuator
convergeThrottleChoose(void *opaque,
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
                                     convergeActuatorIsCancelled(actuator) ? 0 : percent, error);
    g_mutex_unlock(&actuator->quotaLock);
    return ret;
}

gboolean
convergeThrottleRestoreQuota(convergeActuatorLibvirt *actuator,
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
gboolean
convergeThrottleRecordParams(convergeActuatorLibvirt *actuator,
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

gboolean
convergeThrottleSetParams(convergeActuatorLibvirt *actuator,
                          const convergeDecision *decision,
                          GError **error)
{
    gint64 values[CONVERGE_PARAM_LAST];

    convergeQemuParamsFor(&actuator->params, decision, values);
    return convergeThrottleRecordParams(actuator, values, error) &&
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
    return (decision.throttle == 0 || convergeThrottleSetParams(actuator, &decision, gone ? error : NULL)) && gone;
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

gboolean
convergeThrottleApply(convergeActuatorLibvirt *actuator,
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
unsigned int
convergeThrottleInForce(const convergeActuatorLibvirt *actuator)
{
    return MAX(actuator->qemuThrottle, throttleInForce(actuator));
}

convergeThrottleActuator
convergeThrottleReview(void *opaque,
                       char **why)
{
    convergeActuatorLibvirt *actuator = opaque;

    *why = g_steal_pointer(&actuator->changed);
    return actuator->chosen;
}
