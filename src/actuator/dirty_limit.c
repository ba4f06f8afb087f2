/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_limit.c: slow vCPUs down by QEMU's limit of each one's dirty rate
 */
#include <glib/gi18n-lib.h>

#include "actuator/dirty_limit.h"

/* QEMU measures the rates once a second (DIRTYLIMIT_CALC_TIME_MS). */
#define ASK_MS 1000

/* The limits in force: an array of objects.  To be unreferenced; NULL with @error set. */
static JsonArray *
query(const convergeMonitor *monitor,
      GError **error)
{
    g_autoptr(JsonNode) reply = convergeQmpRun(monitor, "query-vcpu-dirty-limit", NULL, error);

    if (!reply)
        return NULL;
    return JSON_NODE_HOLDS_ARRAY(reply) ? json_node_dup_array(reply) : json_array_new();
}

gboolean
convergeDirtyLimitCheck(const convergeMonitor *monitor,
                        GError **error)
{
    g_autoptr(JsonArray) limits = query(monitor, error);

    if (!limits)
        return FALSE;
    if (json_array_get_length(limits) > 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("somebody else limits the dirty rate of the vCPUs"));
        return FALSE;
    }
    return TRUE;
}

static gboolean
setOne(const convergeMonitor *monitor,
       gint64 cpuIndex,
       guint64 rate,
       unsigned int throttle,
       GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;
    guint64 limit = MAX(rate * (100 - MIN(throttle, 100)) / 100, 1);

    json_object_set_int_member(arguments, "cpu-index", cpuIndex);
    json_object_set_int_member(arguments, "dirty-rate", (gint64)MIN(limit, G_MAXINT64));
    return (reply = convergeQmpRunObject(monitor, "set-vcpu-dirty-limit", arguments, error)) != NULL;
}

gboolean
convergeDirtyLimitSet(convergeDirtyLimit *limit,
                      const convergeMonitor *monitor,
                      const convergeVcpuShares *shares,
                      unsigned int throttle,
                      gint64 nowMs,
                      GError **error)
{
    GHashTableIter iter;
    gpointer id, rate;

    if (throttle == 0)
        return convergeDirtyLimitCancel(limit, monitor, error);
    if (throttle == limit->throttle)
        return TRUE;

    if (!limit->stands)
        limit->askedMs = limit->aliveMs = nowMs;
    limit->stands = TRUE;
    g_hash_table_iter_init(&iter, shares->rates);
    while (g_hash_table_iter_next(&iter, &id, &rate)) {
        if (!setOne(monitor, *(gint64 *)id, (guint64)*(gint64 *)rate, throttle, error))
            return FALSE;
    }
    limit->throttle = throttle;
    return TRUE;
}

gboolean
convergeDirtyLimitCancel(convergeDirtyLimit *limit,
                         const convergeMonitor *monitor,
                         GError **error)
{
    g_autoptr(JsonObject) reply = NULL;

    if (!limit->stands)
        return TRUE;
    if (!(reply = convergeQmpRunObject(monitor, "cancel-vcpu-dirty-limit", NULL, error)))
        return FALSE;
    limit->stands = FALSE;
    limit->throttle = 0;
    return TRUE;
}

/* One that has a limit, dirtied memory before, and does not now. */
static gboolean
hasStopped(JsonNode *node,
           const convergeVcpuShares *shares)
{
    JsonObject *vcpu = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

    return vcpu &&
        convergeVcpuSharesRate(shares, json_object_get_int_member_with_default(vcpu, "cpu-index", -1)) > 0 &&
        json_object_get_int_member_with_default(vcpu, "current-rate", -1) == 0;
}

gboolean
convergeDirtyLimitStalls(convergeDirtyLimit *limit,
                         const convergeMonitor *monitor,
                         const convergeVcpuShares *shares,
                         gint64 nowMs)
{
    g_autoptr(JsonArray) limits = NULL;
    gboolean stopped = FALSE;
    guint i;

    if (!limit->stands || nowMs - limit->askedMs < ASK_MS)
        return FALSE;

    limit->askedMs = nowMs;
    limits = query(monitor, NULL);
    for (i = 0; limits && i < json_array_get_length(limits) && !stopped; i++)
        stopped = hasStopped(json_array_get_element(limits, i), shares);

    if (!stopped)
        limit->aliveMs = nowMs;
    return nowMs - limit->aliveMs >= CONVERGE_DIRTY_LIMIT_STALL_MS;
}
