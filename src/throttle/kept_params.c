/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept_params.c: QEMU's migration parameters as a member of the guest's record
 */
#include <string.h>

#include "throttle/kept_params.h"
#include "util/json.h"
#include "util/text.h"

struct _convergeKeptParams {
    GArray *undos; /* of convergeQemuParamUndo; the newest of .written is the last */
};

convergeKeptParams *
convergeKeptParamsNew(void)
{
    convergeKeptParams *params = g_new(convergeKeptParams, 1);

    params->undos = g_array_new(FALSE, FALSE, sizeof(convergeQemuParamUndo));
    return params;
}

void
convergeKeptParamsFree(convergeKeptParams *params)
{
    if (!params)
        return;

    g_array_unref(params->undos);
    g_free(params);
}

static convergeQemuParamUndo *
undoAt(const convergeKeptParams *params,
       guint index)
{
    return &g_array_index(params->undos, convergeQemuParamUndo, index);
}

static convergeQemuParamUndo *
addParam(convergeKeptParams *params,
         const char *name,
         gboolean boolean,
         gint64 original)
{
    const convergeQemuParamUndo undo = { .name = name, .boolean = boolean, .original = original };

    g_array_append_val(params->undos, undo);
    return undoAt(params, params->undos->len - 1);
}

/* Adds @value as the newest.  It replaces an equal one or, if there is no room, the oldest. */
static void
addValue(convergeQemuParamUndo *undo,
         gint64 value)
{
    gsize old;

    for (old = 0; old < undo->n && undo->written[old] != value; old++)
        ;
    if (old == CONVERGE_PARAM_VALUES)
        old = 0;
    if (old < undo->n)
        memmove(&undo->written[old], &undo->written[old + 1], (--undo->n - old) * sizeof(gint64));
    undo->written[undo->n++] = value;
}

void
convergeKeptParamsSet(convergeKeptParams *params,
                      const char *name,
                      gboolean boolean,
                      gint64 original,
                      gint64 value)
{
    guint i;

    for (i = 0; i < params->undos->len && !g_str_equal(undoAt(params, i)->name, name); i++)
        ;
    addValue(i < params->undos->len ? undoAt(params, i) : addParam(params, name, boolean, original),
             value);
}

/* --- JSON --- */

static JsonNode *
valueToJson(gboolean boolean,
            gint64 value)
{
    JsonNode *node = json_node_alloc();

    return boolean ? json_node_init_boolean(node, value != 0) : json_node_init_int(node, value);
}

static JsonObject *
paramToJson(const convergeQemuParamUndo *undo)
{
    JsonObject *object = json_object_new();
    JsonArray *written = json_array_new();
    gsize i;

    for (i = 0; i < undo->n; i++)
        json_array_add_element(written, valueToJson(undo->boolean, undo->written[i]));
    json_object_set_string_member(object, "name", undo->name);
    json_object_set_member(object, "original", valueToJson(undo->boolean, undo->original));
    json_object_set_array_member(object, "written", written);
    return object;
}

JsonNode *
convergeKeptParamsToJson(const convergeKeptParams *params)
{
    JsonArray *array = json_array_new();
    guint i;

    for (i = 0; i < params->undos->len; i++)
        json_array_add_object_element(array, paramToJson(undoAt(params, i)));
    return convergeJSONSealArray(array);
}

static gboolean
paramFromJson(JsonObject *object,
              gpointer params)
{
    const char *name = convergeJSONGetString(object, "name");
    JsonNode *original = json_object_get_member(object, "original");
    JsonNode *written = json_object_get_member(object, "written");
    gint64 value;
    gboolean boolean = convergeJSONGetNumber(original, TRUE, &value);
    convergeQemuParamUndo *undo;
    guint i;

    if (!name || !convergeTextIsName(name) ||
        (!boolean && !convergeJSONGetNumber(original, FALSE, &value)) ||
        !written || !JSON_NODE_HOLDS_ARRAY(written))
        return FALSE;

    undo = addParam(params, name, boolean, value);
    for (i = 0; i < json_array_get_length(json_node_get_array(written)); i++) {
        if (!convergeJSONGetNumber(json_array_get_element(json_node_get_array(written), i), boolean,
                                   &value))
            return FALSE;
        addValue(undo, value);
    }
    return TRUE;
}

/* Returns parameters with names borrowed from @kept, or NULL if the member is invalid. */
static convergeKeptParams *
paramsFromJson(JsonObject *kept)
{
    g_autoptr(convergeKeptParams) params = convergeKeptParamsNew();

    return convergeJSONEach(kept, CONVERGE_KEPT_PARAMS, paramFromJson, params) ?
        g_steal_pointer(&params) :
        NULL;
}

gboolean
convergeKeptParamsIsKept(JsonObject *kept)
{
    g_autoptr(convergeKeptParams) params = paramsFromJson(kept);

    return params != NULL;
}

/* --- Putting back --- */

gboolean
convergeKeptParamsPutBack(JsonObject *kept,
                          const convergeMonitor *monitor,
                          gboolean callerThrottle,
                          guint *count,
                          GError **error)
{
    const char *const callers[] = {
        convergeQemuParamName(CONVERGE_PARAM_INITIAL),
        convergeQemuParamName(CONVERGE_PARAM_INCREMENT),
        NULL
    };
    g_autoptr(convergeKeptParams) params = paramsFromJson(kept);
    guint changed = 0;
    gboolean ret;
    guint i;

    if (!params)
        return TRUE;

    for (i = params->undos->len; callerThrottle && i-- > 0;) {
        if (g_strv_contains(callers, undoAt(params, i)->name))
            g_array_remove_index(params->undos, i);
    }
    ret = convergeQemuParamsPutBack(monitor, (const void *)params->undos->data, params->undos->len,
                                    &changed, error);
    *count += changed;
    return ret;
}
