/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_limit.c: slow vCPUs down by QEMU's limit of the dirty rate of each
 */
#include <glib/gi18n-lib.h>

#include "throttle/dirty_limit.h"

/* QEMU measures the rates once a second (DIRTYLIMIT_CALC_TIME_MS). */
#define ASK_MS 1000

/* Returns the limits in force, an array of objects to be unreferenced, or NULL with @error set. */
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
                    _("a limit of the vCPUs' dirty rate is already set"));
        return FALSE;
    }
    return TRUE;
}

/* The limit for a vCPU whose measured rate is @rate; both in MiB/s. */
static gint64
limitFor(gint64 rate,
         unsigned int throttle)
{
    return (gint64)MAX((guint64)rate * (100 - MIN(throttle, 100)) / 100, 1);
}

/* The limit of one vCPU, MiB/s.  The two differ after a failure: either may be in force. */
typedef struct _vcpuLimit vcpuLimit;
struct _vcpuLimit {
    gint64 known; /* the last one that QEMU has accepted */
    gint64 asked; /* the last one that was sent */
};

static vcpuLimit *
limitsOf(convergeDirtyLimit *limit,
         gint64 cpuIndex)
{
    vcpuLimit *one;

    if (!limit->written)
        limit->written = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    if (!(one = g_hash_table_lookup(limit->written, &cpuIndex))) {
        one = g_new0(vcpuLimit, 1);
        g_hash_table_insert(limit->written, g_memdup2(&cpuIndex, sizeof(cpuIndex)), one);
    }
    return one;
}

static gboolean
setOne(convergeDirtyLimit *limit,
       const convergeMonitor *monitor,
       gint64 cpuIndex,
       gint64 rate,
       GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;
    vcpuLimit *one = limitsOf(limit, cpuIndex);

    one->asked = rate;
    json_object_set_int_member(arguments, "cpu-index", cpuIndex);
    json_object_set_int_member(arguments, "dirty-rate", rate);
    if (!(reply = convergeQmpRunObject(monitor, "set-vcpu-dirty-limit", arguments, error)))
        return FALSE;
    one->known = rate;
    return TRUE;
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

    if (!limit->written)
        limit->askedMs = limit->aliveMs = nowMs;
    g_hash_table_iter_init(&iter, shares->rates);
    while (g_hash_table_iter_next(&iter, &id, &rate)) {
        if (!setOne(limit, monitor, *(gint64 *)id, limitFor(*(gint64 *)rate, throttle), error))
            return FALSE;
    }
    limit->throttle = throttle;
    return TRUE;
}

/* --- Putting back --- */

typedef gboolean (*isWrittenFunc)(GHashTable *table, gint64 cpuIndex, gint64 rate);

static gboolean
isLast(GHashTable *table,
       gint64 cpuIndex,
       gint64 rate)
{
    const vcpuLimit *one = g_hash_table_lookup(table, &cpuIndex);

    return one && (rate == one->known || rate == one->asked);
}

static gboolean
isDerived(GHashTable *table,
          gint64 cpuIndex,
          gint64 rate)
{
    const gint64 *measured = g_hash_table_lookup(table, &cpuIndex);
    unsigned int throttle;

    for (throttle = 1; measured && throttle <= 100; throttle++) {
        if (rate == limitFor(*measured, throttle))
            return TRUE;
    }
    return FALSE;
}

/* @cpuIndex < 0: of all vCPUs */
static gboolean
cancel(const convergeMonitor *monitor,
       gint64 cpuIndex,
       GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonObject) reply = NULL;

    if (cpuIndex >= 0)
        json_object_set_int_member(arguments, "cpu-index", cpuIndex);
    reply = convergeQmpRunObject(monitor, "cancel-vcpu-dirty-limit", arguments, error);
    return reply != NULL;
}

/* The cpu-index, gint64, of each limit in force that this program has written. */
static GArray *
listWritten(JsonArray *inForce,
            isWrittenFunc isWritten,
            GHashTable *table)
{
    GArray *written = g_array_new(FALSE, FALSE, sizeof(gint64));
    guint i;

    for (i = 0; i < json_array_get_length(inForce); i++) {
        JsonNode *node = json_array_get_element(inForce, i);
        JsonObject *vcpu = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        gint64 cpuIndex;

        if (!vcpu)
            continue;
        cpuIndex = json_object_get_int_member_with_default(vcpu, "cpu-index", -1);
        if (cpuIndex >= 0 &&
            isWritten(table, cpuIndex, json_object_get_int_member_with_default(vcpu, "limit-rate", -1)))
            g_array_append_val(written, cpuIndex);
    }
    return written;
}

/* @count: the number of limits that were cancelled is added */
static gboolean
cancelWritten(const convergeMonitor *monitor,
              isWrittenFunc isWritten,
              GHashTable *table,
              guint *count,
              GError **error)
{
    g_autoptr(JsonArray) inForce = query(monitor, error);
    g_autoptr(GArray) written = NULL;
    gboolean ret = TRUE;
    guint i;

    if (!inForce)
        return FALSE;

    written = listWritten(inForce, isWritten, table);
    if (written->len > 0 && written->len == json_array_get_length(inForce)) {
        ret = cancel(monitor, -1, error);
        *count += ret ? written->len : 0;
        return ret;
    }
    for (i = 0; i < written->len; i++) {
        if (cancel(monitor, g_array_index(written, gint64, i), ret ? error : NULL))
            ++*count;
        else
            ret = FALSE;
    }
    return ret;
}

void
convergeDirtyLimitClear(convergeDirtyLimit *limit)
{
    g_clear_pointer(&limit->written, g_hash_table_unref);
    limit->throttle = 0;
}

gboolean
convergeDirtyLimitCancel(convergeDirtyLimit *limit,
                         const convergeMonitor *monitor,
                         GError **error)
{
    guint count = 0;

    if (limit->written && !cancelWritten(monitor, isLast, limit->written, &count, error))
        return FALSE;
    convergeDirtyLimitClear(limit);
    return TRUE;
}

gboolean
convergeDirtyLimitCancelDerived(const convergeMonitor *monitor,
                                GHashTable *rates,
                                guint *count,
                                GError **error)
{
    return cancelWritten(monitor, isDerived, rates, count, error);
}

gboolean
convergeDirtyLimitCancelAll(const convergeMonitor *monitor,
                            GError **error)
{
    return cancel(monitor, -1, error);
}

/* --- Watching --- */

/* Whether a vCPU with a limit dirtied memory before, but does not now. */
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

    if (!limit->written || nowMs - limit->askedMs < ASK_MS)
        return FALSE;

    limit->askedMs = nowMs;
    limits = query(monitor, NULL);
    for (i = 0; limits && i < json_array_get_length(limits) && !stopped; i++)
        stopped = hasStopped(json_array_get_element(limits, i), shares);

    if (!stopped)
        limit->aliveMs = nowMs;
    return nowMs - limit->aliveMs >= CONVERGE_DIRTY_LIMIT_STALL_MS;
}
