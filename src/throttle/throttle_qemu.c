/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_qemu.c: QEMU's own CPU throttle as a throttle method
 */
#include <glib/gi18n-lib.h>

#include "throttle/kept_params.h"
#include "throttle/throttle_priv.h"
#include "throttle/throttle_qemu.h"

#define ABSENT CONVERGE_PARAM_ABSENT

/* From any throttle to max-cpu-throttle in one step. */
#define SET_POINT_INCREMENT 99

typedef struct _qemuState qemuState;
struct _qemuState {
    convergeThrottler *throttler;
    convergeQemuParams params;
    convergeKeptParams *kept;
};

static gpointer
openQemu(convergeThrottler *throttler,
         GError **error G_GNUC_UNUSED)
{
    qemuState *state = g_new0(qemuState, 1);

    state->throttler = throttler;
    convergeQemuParamsInit(&state->params, throttler->options.callerThrottle);
    state->kept = convergeKeptParamsNew();
    return state;
}

static void
closeQemu(gpointer opaque)
{
    qemuState *state = opaque;

    convergeKeptParamsFree(state->kept);
    g_free(state);
}

void
convergeThrottleQemuMap(const convergeDecision *decision,
                        gint64 increment,
                        gint64 leastMax,
                        gint64 values[CONVERGE_PARAM_LAST])
{
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = ABSENT;

    switch (decision->verb) {
    case CONVERGE_VERB_STEP:
        values[CONVERGE_PARAM_INITIAL] = decision->throttle;
        values[CONVERGE_PARAM_INCREMENT] = decision->increment;
        values[CONVERGE_PARAM_MAX] = decision->maxThrottle;
        values[CONVERGE_PARAM_THRESHOLD] = decision->threshold;
        values[CONVERGE_PARAM_TAILSLOW] = decision->tailslow;
        break;

    case CONVERGE_VERB_THROTTLE:
        values[CONVERGE_PARAM_INITIAL] = MAX(decision->throttle, 1);
        values[CONVERGE_PARAM_INCREMENT] = SET_POINT_INCREMENT;
        values[CONVERGE_PARAM_MAX] = decision->throttle;
        values[CONVERGE_PARAM_THRESHOLD] = 1;
        values[CONVERGE_PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_PRIME:
    case CONVERGE_VERB_HOLD:
        /* QEMU acts at the second bad pass.  With PRIME it counts the bulk pass as bad, so that a
         * set-point that is set during the next pass is in force right after that pass.  With HOLD
         * it counts only passes that dirty more than they send, and acts by the smallest step.  If
         * it throttles already, it has to act once more, to come down as far as it can. */
        values[CONVERGE_PARAM_INITIAL] = 1;
        values[CONVERGE_PARAM_INCREMENT] = 1;
        values[CONVERGE_PARAM_MAX] = CONVERGE_THROTTLE_QEMU_LEAST;
        values[CONVERGE_PARAM_THRESHOLD] = decision->verb == CONVERGE_VERB_PRIME ||
                increment == SET_POINT_INCREMENT ?
            1 :
            100;
        values[CONVERGE_PARAM_TAILSLOW] = FALSE;
        break;

    case CONVERGE_VERB_DOWNTIME: /* libvirt has calls for these */
    case CONVERGE_VERB_POSTCOPY:
    case CONVERGE_VERB_SUSPEND:
    case CONVERGE_VERB_ABORT:
    case CONVERGE_VERB_SKIP:
    case CONVERGE_VERB_RESUME:
    case CONVERGE_VERB_LAST:
    default:
        break;
    }

    if (values[CONVERGE_PARAM_MAX] != ABSENT)
        values[CONVERGE_PARAM_MAX] = MAX(values[CONVERGE_PARAM_MAX], leastMax);
}

/* max-cpu-throttle never goes below the cpu-throttle-initial that libvirt will put back: that is
 * QEMU's default, unless the operator has set more before the migration. */
static gint64
leastMax(const convergeQemuParams *params)
{
    if (params->callerThrottle)
        return CONVERGE_THROTTLE_QEMU_LEAST;
    return MAX(CONVERGE_THROTTLE_QEMU_LEAST, params->original[CONVERGE_PARAM_INITIAL]);
}

/* Writes down all but what libvirt puts back itself. */
static gboolean
keep(qemuState *state,
     const gint64 values[CONVERGE_PARAM_LAST],
     GError **error)
{
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (values[i] != ABSENT && !convergeQemuParamsIsCallers(&state->params, i))
            convergeKeptParamsSet(state->kept, convergeQemuParamName(i),
                                  convergeQemuParamIsBoolean(i), state->params.original[i],
                                  values[i]);
    }
    return convergeThrottlerWriteDown(state->throttler, CONVERGE_KEPT_PARAMS,
                                      convergeKeptParamsToJson(state->kept), error);
}

gboolean
convergeThrottleQemuApply(gpointer opaque,
                          const convergeDecision *decision,
                          GError **error)
{
    qemuState *state = opaque;
    convergeQemuParams *params = &state->params;
    const convergeMonitor *monitor = state->throttler->options.monitor;
    gint64 values[CONVERGE_PARAM_LAST];
    gsize i;

    /* The migration runs without auto-converge, so that there is nothing to hold. */
    if (monitor->silent && (decision->verb == CONVERGE_VERB_HOLD || decision->verb == CONVERGE_VERB_PRIME))
        return TRUE;
    if (!convergeQemuParamsRemember(params, monitor, error))
        return FALSE;

    convergeThrottleQemuMap(decision, params->written[CONVERGE_PARAM_INCREMENT],
                            leastMax(params), values);
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        if (params->original[i] == ABSENT)
            values[i] = ABSENT;
    }
    return keep(state, values, error) && convergeQemuParamsWrite(params, monitor, values, error);
}

gboolean
convergeThrottleQemuExpectDowntime(gpointer opaque,
                                   gint64 downtimeMs,
                                   GError **error)
{
    qemuState *state = opaque;
    gint64 values[CONVERGE_PARAM_LAST];
    gsize i;

    /* libvirt puts downtime-limit back itself after a failure. */
    if (state->throttler->options.monitor->silent)
        return TRUE;
    if (!convergeQemuParamsRemember(&state->params, state->throttler->options.monitor, error))
        return FALSE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = i == CONVERGE_PARAM_DOWNTIME ? downtimeMs : ABSENT;
    if (!keep(state, values, error))
        return FALSE;

    state->params.asked[CONVERGE_PARAM_DOWNTIME] = downtimeMs;
    return TRUE;
}

void
convergeThrottleQemuNoteDowntime(gpointer opaque,
                                 gint64 downtimeMs)
{
    qemuState *state = opaque;

    if (!state->throttler->options.monitor->silent)
        state->params.written[CONVERGE_PARAM_DOWNTIME] = downtimeMs;
}

gboolean
convergeThrottleQemuLimitBandwidth(gpointer opaque,
                                   gint64 bps,
                                   GError **error)
{
    qemuState *state = opaque;
    convergeQemuParams *params = &state->params;
    const convergeMonitor *monitor = state->throttler->options.monitor;
    gint64 values[CONVERGE_PARAM_LAST];
    gint64 ceiling, now;
    gsize i;

    if (!convergeQemuParamsRemember(params, monitor, error) ||
        !convergeQemuParamsFollow(params, monitor, CONVERGE_PARAM_BANDWIDTH, &now, error))
        return FALSE;

    ceiling = params->original[CONVERGE_PARAM_BANDWIDTH];
    if (ceiling > 0) /* 0 is no bound */
        bps = MIN(bps, ceiling);
    if (now == ABSENT || now == bps)
        return TRUE;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++)
        values[i] = i == CONVERGE_PARAM_BANDWIDTH ? bps : ABSENT;
    return keep(state, values, error) && convergeQemuParamsWrite(params, monitor, values, error);
}

static gboolean
setQemu(gpointer opaque,
        unsigned int percent,
        GError **error)
{
    const convergeDecision decision = {
        .verb = percent > 0 ? CONVERGE_VERB_THROTTLE : CONVERGE_VERB_HOLD,
        .throttle = percent,
    };

    return convergeThrottleQemuApply(opaque, &decision, error);
}

static gboolean
restoreQemu(gpointer opaque,
            GError **error)
{
    qemuState *state = opaque;

    return convergeQemuParamsRestore(&state->params, state->throttler->options.monitor, error);
}

void
convergeThrottleQemuEnd(gpointer opaque)
{
    qemuState *state = opaque;

    convergeQemuParamsEnd(&state->params);
}

/* A vCPU stands still for 10 ms * p / (1 - p) at a time, which is more than 190 ms above 95 %.  At
 * 95 %, the lab measured downtimes of 14..57 ms more than downtime-limit. */
const convergeThrottle convergeThrottleQemu = {
    .traits = {
        .method = CONVERGE_METHOD_QEMU,
        .least = CONVERGE_THROTTLE_QEMU_LEAST,
        .gentle = 95,
        .waitMs = 1.0,
    },
    .slows = CONVERGE_SLOWS_BY_TRIGGER,
    .asksQemu = TRUE,
    .next = CONVERGE_METHOD_AUTO,
    .chosen = N_("QEMU's own throttle slows the guest down, as the policy asks"),
    .instead = N_("QEMU's own throttle slows the guest down, because of this: %1$s"),
    .fromNowOn = N_("from now on QEMU's own throttle slows the guest down, because of this: %1$s"),
    .open = openQemu,
    .close = closeQemu,
    .set = setQemu,
    .restore = restoreQemu,
    .member = CONVERGE_KEPT_PARAMS,
    .counted = N_("parameters of QEMU: %1$u"),
    .isKept = convergeKeptParamsIsKept,
    .putBack = convergeKeptParamsPutBack,
};
