/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * undo_record_json.c: what is in the file of a record
 */
#include <json-glib/json-glib.h>

#include "undo/undo_record_json.h"
#include "util/json.h"

#define VERSION 1

/* --- Writing --- */

static void
buildProcess(JsonBuilder *builder,
             const char *member,
             pid_t pid,
             guint64 start)
{
    json_builder_set_member_name(builder, member);
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "pid");
    json_builder_add_int_value(builder, pid);
    json_builder_set_member_name(builder, "start");
    json_builder_add_int_value(builder, (gint64)start);
    json_builder_end_object(builder);
}

static void
buildGroup(JsonBuilder *builder,
           const convergeVcpuGroup *group)
{
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "directory");
    json_builder_add_string_value(builder, group->directory);
    json_builder_set_member_name(builder, "unified");
    json_builder_add_boolean_value(builder, group->unified);
    json_builder_set_member_name(builder, "quota-us");
    json_builder_add_int_value(builder, group->quotaUs);
    json_builder_set_member_name(builder, "period-us");
    json_builder_add_int_value(builder, group->periodUs);
    json_builder_set_member_name(builder, "cap-us");
    json_builder_add_int_value(builder, group->capUs);
    json_builder_end_object(builder);
}

static void
buildValue(JsonBuilder *builder,
           const convergeUndoParam *param,
           gint64 value)
{
    if (param->boolean)
        json_builder_add_boolean_value(builder, value != 0);
    else
        json_builder_add_int_value(builder, value);
}

static void
buildParam(JsonBuilder *builder,
           const convergeUndoParam *param)
{
    guint i;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "name");
    json_builder_add_string_value(builder, param->name);
    json_builder_set_member_name(builder, "original");
    buildValue(builder, param, param->original);
    json_builder_set_member_name(builder, "written");
    json_builder_begin_array(builder);
    for (i = 0; i < param->written->len; i++)
        buildValue(builder, param, g_array_index(param->written, gint64, i));
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void
buildDirtyRates(JsonBuilder *builder,
                GHashTable *rates)
{
    GHashTableIter iter;
    gpointer cpuIndex, rate;

    json_builder_begin_array(builder);
    g_hash_table_iter_init(&iter, rates);
    while (g_hash_table_iter_next(&iter, &cpuIndex, &rate)) {
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "cpu-index");
        json_builder_add_int_value(builder, *(gint64 *)cpuIndex);
        json_builder_set_member_name(builder, "rate");
        json_builder_add_int_value(builder, *(gint64 *)rate);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

char *
convergeUndoRecordFormat(const convergeUndoRecord *record)
{
    g_autoptr(JsonBuilder) builder = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;
    guint i;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "version");
    json_builder_add_int_value(builder, VERSION);
    json_builder_set_member_name(builder, "uuid");
    json_builder_add_string_value(builder, record->uuid);
    json_builder_set_member_name(builder, "name");
    json_builder_add_string_value(builder, record->name);
    buildProcess(builder, "writer", record->writer, record->writerStart);
    buildProcess(builder, "qemu", record->qemu, record->qemuStart);

    json_builder_set_member_name(builder, "dirty-limit");
    json_builder_add_boolean_value(builder, record->dirtyRates || record->anyDirtyLimit);
    if (record->dirtyRates) {
        json_builder_set_member_name(builder, "dirty-limits");
        buildDirtyRates(builder, record->dirtyRates);
    }

    json_builder_set_member_name(builder, "groups");
    json_builder_begin_array(builder);
    for (i = 0; i < record->groups->len; i++)
        buildGroup(builder, g_ptr_array_index(record->groups, i));
    json_builder_end_array(builder);

    json_builder_set_member_name(builder, "parameters");
    json_builder_begin_array(builder);
    for (i = 0; i < record->params->len; i++)
        buildParam(builder, g_ptr_array_index(record->params, i));
    json_builder_end_array(builder);
    json_builder_end_object(builder);

    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

/* --- Reading --- */

/* An array member, which must hold nothing but objects and not be missing. */
static JsonArray *
arrayMember(JsonObject *object,
            const char *member)
{
    JsonNode *node = json_object_get_member(object, member);
    JsonArray *array;
    guint i;

    if (!node || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    array = json_node_get_array(node);
    for (i = 0; i < json_array_get_length(array); i++) {
        if (!JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, i)))
            return NULL;
    }
    return array;
}

/* A boolean or integer as a number. */
static gboolean
getValue(JsonNode *node,
         gboolean boolean,
         gint64 *value)
{
    if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != (boolean ? G_TYPE_BOOLEAN : G_TYPE_INT64))
        return FALSE;

    *value = boolean ? json_node_get_boolean(node) : json_node_get_int(node);
    return TRUE;
}

static gboolean
getInt(JsonObject *object,
       const char *member,
       gint64 min,
       gint64 max,
       gint64 *value)
{
    return getValue(json_object_get_member(object, member), FALSE, value) &&
        *value >= min && *value <= max;
}

static const char *
getString(JsonObject *object,
          const char *member)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
        json_node_get_string(node) : NULL;
}

static gboolean
getProcess(JsonObject *object,
           const char *member,
           pid_t *pid,
           guint64 *start)
{
    JsonNode *node = json_object_get_member(object, member);
    gint64 number;
    gint64 time;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node) ||
        !getInt(json_node_get_object(node), "pid", 1, G_MAXINT32, &number) ||
        !getInt(json_node_get_object(node), "start", 1, G_MAXINT64, &time))
        return FALSE;

    *pid = (pid_t)number;
    *start = (guint64)time;
    return TRUE;
}

static gboolean
getGroup(JsonObject *object,
         convergeUndoRecord *record)
{
    const char *directory = getString(object, "directory");
    convergeVcpuGroup group = { 0 };
    gint64 unified;

    if (!directory || !getValue(json_object_get_member(object, "unified"), TRUE, &unified) ||
        !getInt(object, "quota-us", G_MININT64, G_MAXINT64, &group.quotaUs) ||
        !getInt(object, "period-us", G_MININT64, G_MAXINT64, &group.periodUs) ||
        !getInt(object, "cap-us", G_MININT64, G_MAXINT64, &group.capUs))
        return FALSE;

    group.directory = (char *)directory;
    group.unified = unified != 0;
    if (!convergeVcpuGroupIsValid(&group))
        return FALSE;

    convergeUndoRecordAddGroup(record, &group);
    return TRUE;
}

static gboolean
getParam(JsonObject *object,
         convergeUndoRecord *record)
{
    const char *name = getString(object, "name");
    JsonNode *original = json_object_get_member(object, "original");
    JsonNode *written = json_object_get_member(object, "written");
    gboolean boolean;
    convergeUndoParam *param;
    JsonArray *array;
    gint64 value;
    guint i;

    if (!name || !convergeUndoRecordIsName(name) || !original || !written ||
        !JSON_NODE_HOLDS_ARRAY(written))
        return FALSE;

    boolean = JSON_NODE_HOLDS_VALUE(original) &&
        json_node_get_value_type(original) == G_TYPE_BOOLEAN;
    if (!getValue(original, boolean, &value))
        return FALSE;

    param = convergeUndoRecordAddParam(record, name, boolean, value);
    array = json_node_get_array(written);
    for (i = 0; i < json_array_get_length(array); i++) {
        if (!getValue(json_array_get_element(array, i), boolean, &value))
            return FALSE;
        convergeUndoParamAddValue(param, value);
    }
    return TRUE;
}

/* Both members may be missing. */
static gboolean
getDirtyLimits(JsonObject *top,
               convergeUndoRecord *record)
{
    JsonNode *flag = json_object_get_member(top, "dirty-limit");
    JsonArray *array = arrayMember(top, "dirty-limits");
    gint64 any = FALSE;
    guint i;

    if ((flag && !getValue(flag, TRUE, &any)) ||
        (!array && json_object_has_member(top, "dirty-limits")))
        return FALSE;
    if (!array) {
        record->anyDirtyLimit = any != 0;
        return TRUE;
    }

    record->dirtyRates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (i = 0; i < json_array_get_length(array); i++) {
        JsonObject *vcpu = json_array_get_object_element(array, i);
        gint64 cpuIndex;
        gint64 rate;

        if (!getInt(vcpu, "cpu-index", 0, G_MAXINT32, &cpuIndex) ||
            !getInt(vcpu, "rate", 0, G_MAXINT64 / 100, &rate))
            return FALSE;
        g_hash_table_insert(record->dirtyRates, g_memdup2(&cpuIndex, sizeof(cpuIndex)),
                            g_memdup2(&rate, sizeof(rate)));
    }
    return TRUE;
}

convergeUndoRecord *
convergeUndoRecordParse(const char *dir,
                        const char *uuid,
                        const char *text)
{
    g_autoptr(convergeUndoRecord) record = convergeUndoRecordNewEmpty(dir, uuid);
    g_autoptr(JsonNode) root = convergeJSONRead(text);
    JsonObject *top;
    JsonArray *groups;
    JsonArray *params;
    gint64 version;
    guint i;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;

    top = json_node_get_object(root);
    record->name = g_strdup(getString(top, "name"));
    groups = arrayMember(top, "groups");
    params = arrayMember(top, "parameters");
    if (!getInt(top, "version", VERSION, VERSION, &version) || !record->name || !groups || !params ||
        g_strcmp0(getString(top, "uuid"), uuid) != 0 ||
        !getProcess(top, "writer", &record->writer, &record->writerStart) ||
        !getProcess(top, "qemu", &record->qemu, &record->qemuStart) ||
        !getDirtyLimits(top, record))
        return NULL;

    for (i = 0; i < json_array_get_length(groups); i++) {
        if (!getGroup(json_array_get_object_element(groups, i), record))
            return NULL;
    }
    for (i = 0; i < json_array_get_length(params); i++) {
        if (!getParam(json_array_get_object_element(params, i), record))
            return NULL;
    }
    return g_steal_pointer(&record);
}
