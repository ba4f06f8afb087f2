/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle.c: the table of throttle methods, and the throttler of one guest
 */
#include <glib/gi18n-lib.h>

#include "throttle/throttle_priv.h"
#include "throttle/throttle_qemu.h"

/* In the order of convergeThrottleMethod, without designators: an enumerator without a row does not
 * compile. */
const convergeThrottle *const convergeThrottles[] = {
    NULL, /* AUTO */
    &convergeThrottleQemu,
    &convergeThrottleQuota,
    &convergeThrottleDirtyLimit,
};
G_STATIC_ASSERT(G_N_ELEMENTS(convergeThrottles) == CONVERGE_METHOD_LAST);

convergeThrottler *
convergeThrottlerNew(const convergeThrottlerOptions *options)
{
    convergeThrottler *throttler = g_new0(convergeThrottler, 1);

    throttler->options = *options;
    throttler->states[CONVERGE_METHOD_QEMU] = convergeThrottleQemu.open(throttler, NULL);
    g_mutex_init(&throttler->lock);
    return throttler;
}

void
convergeThrottlerFree(convergeThrottler *throttler)
{
    gsize i;

    if (!throttler)
        return;
    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (throttler->states[i])
            convergeThrottles[i]->close(throttler->states[i]);
    }
    convergeVcpuSharesClear(&throttler->shares);
    g_mutex_clear(&throttler->lock);
    g_free(throttler->news);
    g_free(throttler);
}

gboolean
convergeThrottlerWriteDown(const convergeThrottler *throttler,
                           const char *member,
                           JsonNode *value,
                           GError **error)
{
    g_autoptr(JsonNode) node = value;

    return !throttler->options.keep ||
        throttler->options.keep(throttler->options.opaque, member, node, error);
}

/* --- Choosing --- */

/* QEMU measures this only for a guest with a dirty ring. */
gboolean
convergeThrottlerMeasure(convergeThrottler *throttler,
                         GError **error)
{
    return throttler->shares.startMs > 0 || throttler->shares.rates ||
        convergeVcpuSharesStart(&throttler->shares, throttler->options.monitor,
                                throttler->nowMs, error);
}

gboolean
convergeThrottlerIsMeasuring(const convergeThrottler *throttler)
{
    return throttler->shares.startMs > 0;
}

static gboolean
openMethod(convergeThrottler *throttler,
           const convergeThrottle *method,
           GError **error)
{
    gpointer state;

    if (throttler->states[method->traits.method])
        return TRUE;
    if (method->needsHost && !throttler->cpus) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("a client cannot access the cgroups of the vCPUs"));
        return FALSE;
    }
    if (!(state = method->open(throttler, error)))
        return FALSE;

    g_mutex_lock(&throttler->lock);
    throttler->states[method->traits.method] = state;
    g_mutex_unlock(&throttler->lock);
    return TRUE;
}

/* The first method that the guest has, from @method on along .next. */
static const convergeThrottle *
firstOpen(const convergeThrottler *throttler,
          convergeThrottleMethod method)
{
    while (!throttler->states[method])
        method = convergeThrottles[method]->next;
    return convergeThrottles[method];
}

const convergeThrottle *
convergeThrottlerChoose(convergeThrottler *throttler,
                        convergeThrottleMethod wanted,
                        const convergeQemuCpus *cpus,
                        gint64 nowMs,
                        char **why)
{
    convergeThrottleMethod first = wanted == CONVERGE_METHOD_AUTO ? CONVERGE_METHOD_BEST : wanted;
    g_autoptr(GError) refusal = NULL;
    convergeThrottleMethod i;

    throttler->cpus = cpus;
    throttler->nowMs = nowMs;
    for (i = first; i != CONVERGE_METHOD_AUTO; i = convergeThrottles[i]->next)
        openMethod(throttler, convergeThrottles[i], refusal ? NULL : &refusal);

    throttler->method = firstOpen(throttler, first);
    if (throttler->method == convergeThrottles[first])
        *why = g_strdup(_(throttler->method->chosen));
    else
        *why = g_strdup_printf(_(throttler->method->instead), refusal->message);
    return throttler->method;
}

const convergeThrottle *
convergeThrottlerMethod(const convergeThrottler *throttler)
{
    return throttler->method;
}

/* --- Throttling --- */

void
convergeThrottlerNote(convergeThrottler *throttler,
                      gint64 nowMs,
                      gboolean paused,
                      unsigned int qemuThrottle)
{
    throttler->nowMs = nowMs;
    throttler->paused = paused;
    throttler->qemuThrottle = qemuThrottle;
}

unsigned int
convergeThrottlerInForce(const convergeThrottler *throttler)
{
    const convergeThrottle *method = throttler->method;
    unsigned int own = method && method->inForce ?
        method->inForce(throttler->states[method->traits.method]) :
        0;

    return MAX(throttler->qemuThrottle, own);
}

/* Puts back what the method in use has changed, and goes on with the next one. */
static gboolean
giveWay(convergeThrottler *throttler,
        const char *why,
        GError **error)
{
    const convergeThrottle *old = throttler->method;
    unsigned int percent = throttler->percent;
    gboolean gone;
    gpointer state;

    throttler->method = firstOpen(throttler, old->next);
    state = throttler->states[throttler->method->traits.method];
    g_free(throttler->news);
    throttler->news = g_strdup_printf(_(throttler->method->fromNowOn), why);

    gone = old->restore(throttler->states[old->traits.method], error);
    if (!throttler->method->inForce)
        throttler->percent = 0;
    return (percent == 0 || throttler->method->set(state, percent, gone ? error : NULL)) && gone;
}

/* Runs .set or .poll of the method in use. */
static gboolean
runVerb(convergeThrottler *throttler,
        gboolean (*verb)(gpointer state, unsigned int percent, GError **error),
        GError **error)
{
    const convergeThrottle *method = throttler->method;
    g_autoptr(GError) refusal = NULL;

    if (verb(throttler->states[method->traits.method], throttler->percent, &refusal))
        return TRUE;
    if (method->givesWay)
        return giveWay(throttler, refusal->message, error);

    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

/* Besides what the method in use does, QEMU's own throttle is kept from acting, unless it is the
 * one to act. */
gboolean
convergeThrottlerApply(convergeThrottler *throttler,
                       const convergeDecision *decision,
                       GError **error)
{
    if (throttler->method && throttler->method->inForce && decision->verb != CONVERGE_VERB_STEP) {
        throttler->percent = decision->throttle;
        if (!runVerb(throttler, throttler->method->set, error))
            return FALSE;
        if (decision->verb == CONVERGE_VERB_THROTTLE)
            return TRUE;
    }
    return convergeThrottleQemuApply(throttler->states[CONVERGE_METHOD_QEMU], decision, error);
}

gboolean
convergeThrottlerPoll(convergeThrottler *throttler,
                      char **why,
                      GError **error)
{
    const convergeThrottle *method = throttler->method;
    gboolean ret;

    if (!method)
        return TRUE;

    if (convergeVcpuSharesCollect(&throttler->shares, throttler->options.monitor,
                                  throttler->nowMs, throttler->paused) &&
        method->explain)
        throttler->news = method->explain(throttler->states[method->traits.method]);
    ret = !method->poll || runVerb(throttler, method->poll, error);
    *why = g_steal_pointer(&throttler->news);
    return ret;
}

gboolean
convergeThrottlerExpectDowntime(convergeThrottler *throttler,
                                gint64 downtimeMs,
                                GError **error)
{
    return convergeThrottleQemuExpectDowntime(throttler->states[CONVERGE_METHOD_QEMU],
                                              downtimeMs, error);
}

void
convergeThrottlerNoteDowntime(convergeThrottler *throttler,
                              gint64 downtimeMs)
{
    convergeThrottleQemuNoteDowntime(throttler->states[CONVERGE_METHOD_QEMU], downtimeMs);
}

gboolean
convergeThrottlerLimitBandwidth(convergeThrottler *throttler,
                                gint64 bps,
                                GError **error)
{
    return convergeThrottleQemuLimitBandwidth(throttler->states[CONVERGE_METHOD_QEMU], bps, error);
}

/* --- Putting back --- */

gboolean
convergeThrottlerNeedsQemu(const convergeThrottler *throttler)
{
    gsize i;

    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (throttler->states[i] && convergeThrottles[i]->outlives &&
            convergeThrottles[i]->asksQemu)
            return TRUE;
    }
    return FALSE;
}

/* Restores the methods that ask QEMU, or the others.  The caller begins with the others, since QEMU
 * may keep it waiting. */
static gboolean
restoreMethods(convergeThrottler *throttler,
               gboolean asksQemu,
               gboolean all,
               GError **error)
{
    gboolean ret = TRUE;
    gsize i;

    /* Throttles first, QEMU's parameters last. */
    for (i = CONVERGE_METHOD_LAST; i-- > 0;) {
        const convergeThrottle *method = convergeThrottles[i];

        if (throttler->states[i] && method->asksQemu == asksQemu && (all || method->outlives))
            ret = method->restore(throttler->states[i], ret ? error : NULL) && ret;
    }
    return ret;
}

gboolean
convergeThrottlerRelease(convergeThrottler *throttler,
                         gboolean qemu,
                         GError **error)
{
    gboolean ret = restoreMethods(throttler, FALSE, FALSE, error);

    return (!qemu || restoreMethods(throttler, TRUE, FALSE, ret ? error : NULL)) && ret;
}

gboolean
convergeThrottlerRestore(convergeThrottler *throttler,
                         GError **error)
{
    gboolean ret;

    throttler->percent = 0;
    ret = restoreMethods(throttler, FALSE, TRUE, error);
    return restoreMethods(throttler, TRUE, TRUE, ret ? error : NULL) && ret;
}

void
convergeThrottlerEnd(convergeThrottler *throttler)
{
    convergeThrottleQemuEnd(throttler->states[CONVERGE_METHOD_QEMU]);
}

void
convergeThrottlerCancel(convergeThrottler *throttler)
{
    gsize i;

    g_mutex_lock(&throttler->lock);
    throttler->cancelled = TRUE;
    for (i = 0; i < CONVERGE_METHOD_LAST; i++) {
        if (throttler->states[i] && convergeThrottles[i]->cancel)
            convergeThrottles[i]->cancel(throttler->states[i]);
    }
    g_mutex_unlock(&throttler->lock);
}
