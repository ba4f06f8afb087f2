/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp.c: QMP commands and replies
 */
#include <glib/gi18n-lib.h>
#include <stdlib.h>

#include "qemu/qmp.h"
#include "util/json.h"

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

static void
setBroken(GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("QEMU sent an invalid reply"));
}

JsonNode *
convergeQmpParse(const char *reply,
                 GError **error)
{
    g_autoptr(JsonNode) root = convergeJSONRead(reply ? reply : "");
    const char *what = NULL;
    JsonObject *top, *failure;
    JsonNode *result;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        setBroken(error);
        return NULL;
    }

    top = json_node_get_object(root);
    if ((result = json_object_get_member(top, "return")) &&
        (JSON_NODE_HOLDS_OBJECT(result) || JSON_NODE_HOLDS_ARRAY(result)))
        return json_node_copy(result);

    if ((failure = objectMember(top, "error")))
        what = json_object_get_string_member_with_default(failure, "desc", NULL);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                _("QEMU refused a command: %1$s"), what ? what : "?");
    return NULL;
}

JsonNode *
convergeQmpRun(const convergeMonitor *monitor,
               const char *name,
               JsonObject *arguments,
               GError **error)
{
    g_autofree char *command = convergeQmpCommand(name, arguments);
    char *reply = NULL;
    JsonNode *result;

    if (monitor->silent) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("the converge policy allows no monitor commands"));
        return NULL;
    }
    if (monitor->libvirt->qemuMonitorCommand(monitor->dom, command, &reply, 0) < 0) {
        convergeLibvirtSetError(error, _("the monitor command failed"));
        return NULL;
    }

    result = convergeQmpParse(reply, error);
    free(reply);
    return result;
}

JsonObject *
convergeQmpRunObject(const convergeMonitor *monitor,
                     const char *name,
                     JsonObject *arguments,
                     GError **error)
{
    g_autoptr(JsonNode) result = convergeQmpRun(monitor, name, arguments, error);

    if (result && JSON_NODE_HOLDS_OBJECT(result))
        return json_object_ref(json_node_get_object(result));
    if (result)
        setBroken(error);
    return NULL;
}
