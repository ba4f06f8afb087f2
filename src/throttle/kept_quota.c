/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_quota.c: the CPU quotas of the vCPUs as a member of the guest's record
 */
#include "throttle/kept_quota.h"
#include "util/json.h"

static JsonObject *
groupToJson(const convergeVcpuGroup *group)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "directory", group->directory);
    json_object_set_boolean_member(object, "unified", group->unified);
    json_object_set_int_member(object, "quota-us", group->quotaUs);
    json_object_set_int_member(object, "period-us", group->periodUs);
    json_object_set_int_member(object, "cap-us", group->capUs);
    return object;
}

JsonNode *
convergeKeptQuotaToJson(const convergeVcpuQuota *quota)
{
    JsonArray *array = json_array_new();
    gsize i;

    for (i = 0; i < convergeVcpuQuotaCount(quota); i++)
        json_array_add_object_element(array, groupToJson(convergeVcpuQuotaGroup(quota, i)));
    return convergeJSONSealArray(array);
}

/* @group: its directory is borrowed from @object */
static gboolean
groupFromJson(JsonObject *object,
              convergeVcpuGroup *group)
{
    gint64 unified;

    *group = (convergeVcpuGroup) { .directory = (char *)convergeJSONGetString(object, "directory") };
    if (!group->directory ||
        !convergeJSONGetNumber(json_object_get_member(object, "unified"), TRUE, &unified) ||
        !convergeJSONGetInt(object, "quota-us", G_MININT64, G_MAXINT64, &group->quotaUs) ||
        !convergeJSONGetInt(object, "period-us", G_MININT64, G_MAXINT64, &group->periodUs) ||
        !convergeJSONGetInt(object, "cap-us", G_MININT64, G_MAXINT64, &group->capUs))
        return FALSE;

    group->unified = unified != 0;
    return convergeVcpuGroupIsValid(group);
}

static gboolean
isGroup(JsonObject *object,
        gpointer opaque G_GNUC_UNUSED)
{
    convergeVcpuGroup group;

    return groupFromJson(object, &group);
}

gboolean
convergeKeptQuotaIsKept(JsonObject *kept)
{
    return convergeJSONEach(kept, CONVERGE_KEPT_QUOTA, isGroup, NULL);
}

typedef struct _putBackState putBackState;
struct _putBackState {
    guint count;
    GError *error; /* the first failure */
};

static gboolean
putBackGroup(JsonObject *object,
             gpointer opaque)
{
    putBackState *state = opaque;
    convergeVcpuGroup group;

    if (groupFromJson(object, &group) &&
        convergeVcpuGroupRestore(&group, state->error ? NULL : &state->error))
        state->count++;
    return TRUE;
}

gboolean
convergeKeptQuotaPutBack(JsonObject *kept,
                         const convergeMonitor *monitor G_GNUC_UNUSED,
                         gboolean callerThrottle G_GNUC_UNUSED,
                         guint *count,
                         GError **error)
{
    putBackState state = { 0, NULL };

    convergeJSONEach(kept, CONVERGE_KEPT_QUOTA, putBackGroup, &state);
    *count += state.count;
    if (!state.error)
        return TRUE;
    g_propagate_error(error, state.error);
    return FALSE;
}
