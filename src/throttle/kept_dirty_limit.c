/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_dirty_limit.c: the dirty rates of the vCPUs as a member of the guest's record
 */
#include "throttle/kept_dirty_limit.h"
#include "util/json.h"

/* MiB/s; a hundred times as much must not overflow. */
#define RATE_MAX (G_MAXINT64 / 100)

JsonNode *
convergeKeptDirtyLimitToJson(GHashTable *rates)
{
    JsonArray *array = json_array_new();
    GHashTableIter iter;
    gpointer cpuIndex, rate;

    g_hash_table_iter_init(&iter, rates);
    while (g_hash_table_iter_next(&iter, &cpuIndex, &rate)) {
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "cpu-index", *(gint64 *)cpuIndex);
        json_object_set_int_member(object, "rate", *(gint64 *)rate);
        json_array_add_object_element(array, object);
    }
    return convergeJSONSealArray(array);
}

static gboolean
addRate(JsonObject *object,
        gpointer rates)
{
    gint64 cpuIndex;
    gint64 rate;

    if (!convergeJSONGetInt(object, "cpu-index", 0, G_MAXINT32, &cpuIndex) ||
        !convergeJSONGetInt(object, "rate", 0, RATE_MAX, &rate))
        return FALSE;
    g_hash_table_insert(rates, g_memdup2(&cpuIndex, sizeof(cpuIndex)),
                        g_memdup2(&rate, sizeof(rate)));
    return TRUE;
}

/* Returns NULL if the member is invalid. */
static GHashTable *
ratesFromJson(JsonObject *kept)
{
    g_autoptr(GHashTable) rates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);

    return convergeJSONEach(kept, CONVERGE_KEPT_DIRTY_LIMIT, addRate, rates) ?
        g_steal_pointer(&rates) :
        NULL;
}

gboolean
convergeKeptDirtyLimitIsKept(JsonObject *kept)
{
    g_autoptr(GHashTable) rates = ratesFromJson(kept);

    return rates != NULL;
}

gboolean
convergeKeptDirtyLimitPutBack(JsonObject *kept,
                              const convergeMonitor *monitor,
                              gboolean callerThrottle G_GNUC_UNUSED,
                              guint *count,
                              GError **error)
{
    g_autoptr(GHashTable) rates = ratesFromJson(kept);
    gint64 any;

    /* Version 0.1.0 writes down only that there are limits. */
    if (!json_object_has_member(kept, CONVERGE_KEPT_DIRTY_LIMIT) &&
        convergeJSONGetNumber(json_object_get_member(kept, "dirty-limit"), TRUE, &any) && any)
        return convergeDirtyLimitCancelAll(monitor, error);

    return !rates || g_hash_table_size(rates) == 0 ||
        convergeDirtyLimitCancelDerived(monitor, rates, count, error);
}
