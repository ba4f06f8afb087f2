/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_dirty_limit.c: QEMU's limit of each vCPU's dirty rate as a throttle method
 *
 * The limits themselves are in dirty_limit.c.
 */
#include <glib/gi18n-lib.h>

#include "throttle/dirty_limit.h"
#include "throttle/kept_dirty_limit.h"
#include "throttle/throttle_priv.h"

typedef struct _limitState limitState;
struct _limitState {
    convergeThrottler *throttler;
    convergeDirtyLimit limit;
    gboolean kept; /* the rates that limits derive from are in the record */
};

static void
closeLimit(gpointer opaque)
{
    limitState *state = opaque;

    convergeDirtyLimitClear(&state->limit);
    g_free(state);
}

static gpointer
openLimit(convergeThrottler *throttler,
          GError **error)
{
    limitState *state;

    if (!convergeThrottlerMeasure(throttler, error) ||
        !convergeDirtyLimitCheck(throttler->options.monitor, error))
        return NULL;

    state = g_new0(limitState, 1);
    state->throttler = throttler;
    return state;
}

static gboolean
keep(limitState *state,
     GError **error)
{
    const convergeThrottler *throttler = state->throttler;

    state->kept = state->kept ||
        convergeThrottlerWriteDown(throttler, CONVERGE_KEPT_DIRTY_LIMIT,
                                   convergeKeptDirtyLimitToJson(throttler->shares.rates), error);
    return state->kept;
}

static gboolean
setLimit(gpointer opaque,
         unsigned int percent,
         GError **error)
{
    limitState *state = opaque;
    const convergeThrottler *throttler = state->throttler;
    const convergeMonitor *monitor = throttler->options.monitor;

    if (convergeThrottlerIsMeasuring(throttler))
        return TRUE;
    if (!convergeVcpuSharesKnown(&throttler->shares)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU could not measure which vCPUs dirty memory"));
        return FALSE;
    }
    if ((percent > 0 && !keep(state, error)) ||
        !convergeDirtyLimitSet(&state->limit, monitor, &throttler->shares, percent,
                               throttler->nowMs, error))
        return FALSE;
    if (!throttler->paused &&
        convergeDirtyLimitStalls(&state->limit, monitor, &throttler->shares, throttler->nowMs)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the guest came to a stop under the limit of its dirty rate"));
        return FALSE;
    }
    return TRUE;
}

static gboolean
restoreLimit(gpointer opaque,
             GError **error)
{
    limitState *state = opaque;

    return convergeDirtyLimitCancel(&state->limit, state->throttler->options.monitor, error);
}

static unsigned int
limitInForce(const void *opaque)
{
    const limitState *state = opaque;

    return state->limit.throttle;
}

const convergeThrottle convergeThrottleDirtyLimit = {
    .traits = {
        .method = CONVERGE_METHOD_DIRTY_LIMIT,
        .immediate = TRUE,
        .gentle = 95,
        .waitMs = 0.5,
    },
    .slows = CONVERGE_SLOWS_WRITERS,
    .outlives = TRUE,
    .asksQemu = TRUE,
    .givesWay = TRUE,
    .next = CONVERGE_METHOD_VCPU_QUOTA,
    .chosen = N_("a limit of each vCPU's dirty rate slows the guest down, as the policy asks"),
    .open = openLimit,
    .close = closeLimit,
    .set = setLimit,
    .poll = setLimit,
    .restore = restoreLimit,
    .inForce = limitInForce,
    .member = CONVERGE_KEPT_DIRTY_LIMIT,
    .counted = N_("dirty limits of vCPUs: %1$u"),
    .isKept = convergeKeptDirtyLimitIsKept,
    .putBack = convergeKeptDirtyLimitPutBack,
};
