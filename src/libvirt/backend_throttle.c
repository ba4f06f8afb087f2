/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_throttle.c: what slows a real guest down, and the record of it
 */
#include <glib/gi18n-lib.h>

#include "libvirt/backend_libvirt_priv.h"

/* The thread ids of all vCPUs, and in .cpus their indexes; NULL with @error set. */
static GArray *
vcpuThreads(convergeBackendLibvirt *backend,
            GError **error)
{
    g_autoptr(JsonNode) reply = convergeQmpRun(&backend->monitor, "query-cpus-fast", NULL, error);
    g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(pid_t));
    JsonArray *cpus;
    guint i;

    if (!reply)
        return NULL;

    g_array_set_size(backend->cpus, 0);
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
        g_array_append_val(backend->cpus, id);
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
startRecord(convergeBackendLibvirt *backend,
            pid_t thread,
            GError **error)
{
    virDomainPtr dom = backend->monitor.dom;
    g_autofree char *dir = convergeUndoRecordDefaultDir();
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    virDomainGetUUIDString(dom, uuid);
    backend->record = convergeUndoRecordNew(dir, uuid,
                                             backend->name ? backend->name : virDomainGetName(dom),
                                             thread, error);
    return backend->record != NULL;
}

/* Changes nothing.  Errors say why there is no quota to be had. */
static gboolean
findQuota(convergeBackendLibvirt *backend,
          const GArray *threads,
          GError **error)
{

    g_autoptr(convergeVcpuQuota) quota = convergeVcpuQuotaNew(&g_array_index(threads, pid_t, 0),
                                                              threads->len, error);
    int id;
    gsize i;

    if (!quota)
        return FALSE;

    id = backend->monitor.libvirt->getId(backend->monitor.dom);

    for (i = 0; i < convergeVcpuQuotaCount(quota); i++) {
        const convergeVcpuGroup *group = convergeVcpuQuotaGroup(quota, i);

        if (convergeVcpuGroupIsOf(group, id))
            continue;
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the cgroup '%1$s' of a thread that QEMU tells is not of this guest"),
                    group->directory);
        return FALSE;
    }

    convergeUndoRecordSetGroups(backend->record, quota);
    g_mutex_lock(&backend->quotaLock);
    backend->quota = g_steal_pointer(&quota);
    g_mutex_unlock(&backend->quotaLock);
    return TRUE;
}

/* What only a process on the host of the guest can do, and has to: without a record nothing
 * of the guest is changed, CONVERGE_ERROR_RECORD.
 *
 * @quotaError: why there is no quota to be had, if one is wanted */
static gboolean
lookAtHost(convergeBackendLibvirt *backend,
           gboolean wantsQuota,
           GError **quotaError,
           GError **error)
{
    g_autoptr(GArray) threads = NULL;
    g_autoptr(GError) cause = NULL;

    if (!backend->monitor.libvirt->onHost) {
        g_set_error(quotaError, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the vCPUs' cgroups are out of a client's reach"));
        return TRUE;
    }

    if (!(threads = vcpuThreads(backend, &cause)) ||
        !startRecord(backend, g_array_index(threads, pid_t, 0), &cause)) {
        g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_RECORD, cause->message);
        return FALSE;
    }

    if (wantsQuota)
        findQuota(backend, threads, quotaError);
    return convergeUndoSave(&backend->disk, backend->record, error);
}

convergeThrottleMethod
convergeThrottleChoose(void *opaque,
                       convergeThrottleMethod wanted,
                       char **why,
                       GError **error)
{
    convergeBackendLibvirt *backend = opaque;
    const convergeMonitor *monitor = &backend->monitor;
    g_autoptr(GError) quotaError = NULL;
    g_autoptr(GError) limitError = NULL;
    gboolean wantsLimit = wanted == CONVERGE_METHOD_DIRTY_LIMIT;
    gboolean wantsQuota = wanted != CONVERGE_METHOD_QEMU;

    if (!lookAtHost(backend, wantsQuota, &quotaError, error))
        return CONVERGE_METHOD_QEMU;

    /* Refused without a dirty ring: then all vCPUs are slowed down alike. */
    if ((backend->quota || wantsLimit) &&
        convergeVcpuSharesStart(&backend->shares, monitor, convergeBackendLibvirtNow(backend),
                                &limitError) &&
        wantsLimit && convergeDirtyLimitCheck(monitor, &limitError)) {
        *why = g_strdup(_("the limit of each vCPU's dirty rate, as the policy says"));
        return backend->chosen = CONVERGE_METHOD_DIRTY_LIMIT;
    }

    if (backend->quota) {
        *why = wantsLimit ?
            g_strdup_printf(_("the CPU quota of the vCPUs: %1$s"), limitError->message) :
            g_strdup(_("the CPU quota of the vCPUs, which acts at once"));
        return backend->chosen = CONVERGE_METHOD_VCPU_QUOTA;
    }

    if (wantsQuota)
        *why = g_strdup_printf(_("QEMU's own throttle: %1$s"),
                               (wantsLimit ? limitError : quotaError)->message);
    else
        *why = g_strdup(_("QEMU's own throttle, as the policy says"));
    return CONVERGE_METHOD_QEMU;
}

/* What others have set meanwhile is recorded before it is changed. */
static gboolean
adoptQuota(convergeBackendLibvirt *backend,
           GError **error)
{
    gboolean adopted;

    g_mutex_lock(&backend->quotaLock);
    adopted = convergeVcpuQuotaAdopt(backend->quota, &backend->quotaUnsaved, error);
    g_mutex_unlock(&backend->quotaLock);
    if (!adopted)
        return FALSE;
    if (!backend->quotaUnsaved)
        return TRUE;

    convergeUndoRecordSetGroups(backend->record, backend->quota);
    if (!convergeUndoSave(&backend->disk, backend->record, error))
        return FALSE;
    backend->quotaUnsaved = FALSE;
    return TRUE;
}

/* A guest that stands still is not to be held back on its way to the destination: the
 * threads of its vCPUs have a part in handing it over. */
static gboolean
applyQuota(convergeBackendLibvirt *backend,
           GError **error)
{
    unsigned int percent = backend->last.paused ? 0 : backend->throttle;
    gboolean ret;

    if (percent > 0 && !adoptQuota(backend, error))
        return FALSE;

    g_mutex_lock(&backend->quotaLock);
    ret = convergeVcpuSharesSetQuota(&backend->shares, backend->quota, backend->cpus,
                                     convergeBackendIsCancelled(backend) ? 0 : percent, error);
    g_mutex_unlock(&backend->quotaLock);
    return ret;
}

gboolean
convergeThrottleRestoreQuota(convergeBackendLibvirt *backend,
                             GError **error)
{
    gboolean ret;

    if (!backend->quota)
        return TRUE;

    g_mutex_lock(&backend->quotaLock);
    ret = convergeVcpuQuotaRestore(backend->quota, error);
    g_mutex_unlock(&backend->quotaLock);
    return ret;
}

/* Before the parameters of QEMU are set: without a record they are not.  A client has none,
 * as the manual says. */
gboolean
convergeThrottleRecordParams(convergeBackendLibvirt *backend,
                             const gint64 values[CONVERGE_PARAM_LAST],
                             GError **error)
{
    gsize i;

    if (!backend->record)
        return TRUE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != CONVERGE_PARAM_ABSENT && !convergeQemuParamsIsCallers(&backend->params, i))
            convergeUndoRecordSetParam(backend->record, convergeQemuParamName(i),
                                       convergeQemuParamIsBoolean(i),
                                       backend->params.original[i], values[i]);
    }
    return convergeUndoSave(&backend->disk, backend->record, error);
}

gboolean
convergeThrottleSetParams(convergeBackendLibvirt *backend,
                          const convergeDecision *decision,
                          GError **error)
{
    gint64 values[CONVERGE_PARAM_LAST];

    convergeQemuParamsFor(&backend->params, decision, values);
    return convergeThrottleRecordParams(backend, values, error) &&
        convergeQemuParamsWrite(&backend->params, &backend->monitor, values, error);
}

/* Takes dirty limits back, and goes on without. */
static gboolean
leaveLimit(convergeBackendLibvirt *backend,
           const char *why,
           GError **error)
{
    convergeDecision decision = { .verb = CONVERGE_VERB_THROTTLE, .throttle = backend->throttle };
    gboolean gone;

    backend->chosen = backend->quota ? CONVERGE_METHOD_VCPU_QUOTA : CONVERGE_METHOD_QEMU;
    g_free(backend->changed);
    backend->changed = g_strdup_printf(backend->quota ?
                                        _("the CPU quota of the vCPUs from now on: %1$s") :
                                        _("QEMU's own throttle from now on: %1$s"), why);

    gone = convergeDirtyLimitCancel(&backend->limit, &backend->monitor, error);
    if (backend->quota)
        return applyQuota(backend, gone ? error : NULL) && gone;

    backend->throttle = 0;
    return (decision.throttle == 0 || convergeThrottleSetParams(backend, &decision, gone ? error : NULL)) && gone;
}

static gboolean
applyLimit(convergeBackendLibvirt *backend,
           GError **error)
{
    const convergeMonitor *monitor = &backend->monitor;
    gint64 nowMs = convergeBackendLibvirtNow(backend);
    g_autoptr(GError) refusal = NULL;

    if (backend->shares.startMs > 0)
        return TRUE;            /* not measured yet */
    if (!convergeVcpuSharesKnown(&backend->shares))
        return leaveLimit(backend, _("QEMU could not tell which vCPUs dirty memory"), error);
    if (backend->throttle > 0 && backend->record && !backend->record->dirtyRates) {
        convergeUndoRecordSetDirtyRates(backend->record, backend->shares.rates);
        if (!convergeUndoSave(&backend->disk, backend->record, &refusal))
            return leaveLimit(backend, refusal->message, error);
    }
    if (!convergeDirtyLimitSet(&backend->limit, monitor, &backend->shares, backend->throttle,
                               nowMs, &refusal))
        return leaveLimit(backend, refusal->message, error);
    if (!backend->last.paused &&
        convergeDirtyLimitStalls(&backend->limit, monitor, &backend->shares, nowMs))
        return leaveLimit(backend, _("the guest came to a stop under a limit of its dirty rate"), error);
    return TRUE;
}

gboolean
convergeThrottleApply(convergeBackendLibvirt *backend,
                      GError **error)
{
    if (backend->chosen == CONVERGE_METHOD_DIRTY_LIMIT)
        return applyLimit(backend, error);
    return backend->chosen != CONVERGE_METHOD_VCPU_QUOTA || applyQuota(backend, error);
}

/* %, of what acts at once */
static unsigned int
throttleInForce(const convergeBackendLibvirt *backend)
{
    return backend->chosen == CONVERGE_METHOD_DIRTY_LIMIT ? backend->limit.throttle :
        backend->throttle;
}

/* %, of all together */
unsigned int
convergeThrottleInForce(const convergeBackendLibvirt *backend)
{
    return MAX(backend->qemuThrottle, throttleInForce(backend));
}

convergeThrottleMethod
convergeThrottleReview(void *opaque,
                       char **why)
{
    convergeBackendLibvirt *backend = opaque;

    *why = g_steal_pointer(&backend->changed);
    return backend->chosen;
}
