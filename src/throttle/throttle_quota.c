/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_quota.c: the CPU quota of the vCPUs' cgroups as a throttle method
 *
 * The quotas themselves are in vcpu_quota.c.
 */
#include <glib/gi18n-lib.h>

#include "throttle/kept_quota.h"
#include "throttle/throttle_priv.h"

typedef struct _quotaState quotaState;
struct _quotaState {
    convergeThrottler *throttler;
    convergeVcpuQuota *quota; /* guarded by the throttler's lock */
    gboolean unkept;          /* the newest originals are not yet in the record */
};

static void
closeQuota(gpointer opaque)
{
    quotaState *state = opaque;

    convergeVcpuQuotaFree(state->quota);
    g_free(state);
}

/* QEMU names the threads, and may have been taken over by its guest. */
static gboolean
areOfGuest(const convergeVcpuQuota *quota,
           const convergeMonitor *monitor,
           GError **error)
{
    int id = monitor->libvirt->getId(monitor->dom);
    gsize i;

    for (i = 0; i < convergeVcpuQuotaCount(quota); i++) {
        const convergeVcpuGroup *group = convergeVcpuQuotaGroup(quota, i);

        if (convergeVcpuGroupIsOf(group, id))
            continue;
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU named a thread whose cgroup '%1$s' does not belong to this guest"),
                    group->directory);
        return FALSE;
    }
    return TRUE;
}

static gpointer
openQuota(convergeThrottler *throttler,
          GError **error)
{
    const GArray *threads = throttler->cpus->threads;
    g_autoptr(convergeVcpuQuota) quota = convergeVcpuQuotaNew(&g_array_index(threads, pid_t, 0),
                                                              threads->len, error);
    quotaState *state;

    if (!quota || !areOfGuest(quota, throttler->options.monitor, error))
        return NULL;

    /* Without the measurement all vCPUs are slowed down alike. */
    convergeThrottlerMeasure(throttler, NULL);

    state = g_new0(quotaState, 1);
    state->throttler = throttler;
    state->quota = g_steal_pointer(&quota);
    state->unkept = TRUE;
    return state;
}

/* Takes over what others have set meanwhile, and writes that down before anything is changed. */
static gboolean
adopt(quotaState *state,
      GError **error)
{
    convergeThrottler *throttler = state->throttler;
    gboolean adopted;

    g_mutex_lock(&throttler->lock);
    adopted = convergeVcpuQuotaAdopt(state->quota, &state->unkept, error);
    g_mutex_unlock(&throttler->lock);
    if (!adopted)
        return FALSE;

    if (state->unkept &&
        !convergeThrottlerWriteDown(throttler, CONVERGE_KEPT_QUOTA,
                                    convergeKeptQuotaToJson(state->quota), error))
        return FALSE;
    state->unkept = FALSE;
    return TRUE;
}

/* Lifts the throttle while the guest stands still: the threads of its vCPUs have a part in the
 * switchover, which must not be delayed. */
static gboolean
setQuota(gpointer opaque,
         unsigned int percent,
         GError **error)
{
    quotaState *state = opaque;
    convergeThrottler *throttler = state->throttler;
    gboolean ret;

    if (throttler->paused)
        percent = 0;
    if (percent > 0 && !adopt(state, error))
        return FALSE;

    g_mutex_lock(&throttler->lock);
    ret = convergeVcpuSharesSetQuota(&throttler->shares, state->quota, throttler->cpus->indexes,
                                     throttler->cancelled ? 0 : percent, error);
    g_mutex_unlock(&throttler->lock);
    return ret;
}

static gboolean
restoreQuota(gpointer opaque,
             GError **error)
{
    quotaState *state = opaque;
    gboolean ret;

    g_mutex_lock(&state->throttler->lock);
    ret = convergeVcpuQuotaRestore(state->quota, error);
    g_mutex_unlock(&state->throttler->lock);
    return ret;
}

/* Called with the throttler's lock held. */
static void
cancelQuota(gpointer opaque)
{
    quotaState *state = opaque;

    convergeVcpuQuotaRestore(state->quota, NULL);
}

static unsigned int
quotaInForce(const void *opaque)
{
    const quotaState *state = opaque;

    return state->throttler->percent;
}

static char *
explainQuota(const void *opaque)
{
    const quotaState *state = opaque;

    return convergeVcpuSharesExplain(&state->throttler->shares);
}

/* A vCPU stands still for a tick of 4 ms * p / (1 - p) at a time.  It delays the switchover by half
 * of what a stop by itself takes (vcpu_quota.c: 20, 38, 124 ms at 90, 95, 99 %), since the link
 * still has something to send while QEMU waits. */
const convergeThrottle convergeThrottleQuota = {
    .traits = {
        .method = CONVERGE_METHOD_VCPU_QUOTA,
        .immediate = TRUE,
        .gentle = 97,
        .waitMs = 0.5,
    },
    .slows = CONVERGE_SLOWS_VCPUS,
    .needsHost = TRUE,
    .outlives = TRUE,
    .next = CONVERGE_METHOD_QEMU,
    .chosen = N_("the CPU quota of the vCPUs slows the guest down, and acts at once"),
    .instead = N_("the CPU quota of the vCPUs slows the guest down, because of this: %1$s"),
    .fromNowOn = N_("from now on the CPU quota of the vCPUs slows the guest down, because of this: %1$s"),
    .open = openQuota,
    .close = closeQuota,
    .set = setQuota,
    .poll = setQuota,
    .restore = restoreQuota,
    .cancel = cancelQuota,
    .inForce = quotaInForce,
    .explain = explainQuota,
    .member = CONVERGE_KEPT_QUOTA,
    .counted = N_("CPU quotas of vCPUs: %1$u"),
    .isKept = convergeKeptQuotaIsKept,
    .putBack = convergeKeptQuotaPutBack,
};
