/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c: reading untrusted JSON, and writing JSON
 */
#include <string.h>

#include "util/json.h"

/* Checks the nesting by counting the brackets outside strings, matched or not. */
static gboolean
isShallow(const char *text)
{
    gboolean quoted = FALSE;
    int depth = 0;

    for (; *text; text++) {
        if (quoted) {
            if (*text == '\\' && text[1])
                text++;
            else if (*text == '"')
                quoted = FALSE;
        } else if (*text == '"') {
            quoted = TRUE;
        } else if (strchr("[{", *text)) {
            if (++depth > CONVERGE_JSON_DEPTH)
                return FALSE;
        } else if (strchr("]}", *text)) {
            depth--;
        }
    }
    return TRUE;
}

JsonNode *
convergeJSONRead(const char *text)
{
    return isShallow(text) ? json_from_string(text, NULL) : NULL;
}

gboolean
convergeJSONGetNumber(JsonNode *node,
                      gboolean boolean,
                      gint64 *value)
{
    if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != (boolean ? G_TYPE_BOOLEAN : G_TYPE_INT64))
        return FALSE;

    *value = boolean ? json_node_get_boolean(node) : json_node_get_int(node);
    return TRUE;
}

gboolean
convergeJSONGetInt(JsonObject *object,
                   const char *member,
                   gint64 min,
                   gint64 max,
                   gint64 *value)
{
    return convergeJSONGetNumber(json_object_get_member(object, member), FALSE, value) &&
        *value >= min && *value <= max;
}

const char *
convergeJSONGetString(JsonObject *object,
                      const char *member)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING ?
        json_node_get_string(node) :
        NULL;
}

gboolean
convergeJSONEach(JsonObject *object,
                 const char *member,
                 convergeJSONFunc func,
                 gpointer opaque)
{
    JsonNode *node = json_object_get_member(object, member);
    JsonArray *array;
    guint i;

    if (!node)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return FALSE;

    array = json_node_get_array(node);
    for (i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);

        if (!JSON_NODE_HOLDS_OBJECT(element) || !func(json_node_get_object(element), opaque))
            return FALSE;
    }
    return TRUE;
}

char *
convergeJSONWrite(JsonObject *object,
                  gboolean pretty)
{
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(root, object);
    return json_to_string(root, pretty);
}

JsonNode *
convergeJSONSealArray(JsonArray *array)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);

    json_node_take_array(node, array);
    json_node_seal(node);
    return node;
}
