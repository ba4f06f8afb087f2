/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp.c: QMP commands and replies as text
 */
#include <glib/gi18n-lib.h>

#include "actuator/qmp.h"

char *
convergeQmpCommand(const char *name,
                   JsonObject *arguments)
{
    g_autoptr(JsonObject) command = json_object_new();
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);

    json_object_set_string_member(command, "execute", name);
    if (arguments)
        json_object_set_object_member(command, "arguments", json_object_ref(arguments));
    json_node_set_object(root, command);
    return json_to_string(root, FALSE);
}

/* An object member of an object, or NULL if it is missing or of another type. */
static JsonObject *
objectMember(JsonObject *object,
             const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonObject *
convergeQmpParse(const char *reply,
                 GError **error)
{
    g_autoptr(JsonNode) root = json_from_string(reply ? reply : "", NULL);
    const char *what = NULL;
    JsonObject *top;
    JsonObject *inner;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU's reply is not a JSON object"));
        return NULL;
    }

    top = json_node_get_object(root);
    if ((inner = objectMember(top, "return")))
        return json_object_ref(inner);

    if ((inner = objectMember(top, "error")))
        what = json_object_get_string_member_with_default(inner, "desc", NULL);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("QEMU refused a command: %1$s"), what ? what : "?");
    return NULL;
}
