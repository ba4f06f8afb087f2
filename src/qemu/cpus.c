/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpus.c: the vCPUs of a guest, as QEMU lists them
 */
#include <glib/gi18n-lib.h>

#include "qemu/cpus.h"

void
convergeQemuCpusFree(convergeQemuCpus *cpus)
{
    if (!cpus)
        return;
    g_array_unref(cpus->threads);
    g_array_unref(cpus->indexes);
    g_free(cpus);
}

static gboolean
addCpu(convergeQemuCpus *cpus,
       JsonNode *node)
{
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    gint64 number = object ? json_object_get_int_member_with_default(object, "thread-id", 0) : 0;
    gint64 index = object ? json_object_get_int_member_with_default(object, "cpu-index", -1) : -1;
    pid_t thread = (pid_t)number;

    if (number <= 0 || number > G_MAXINT32)
        return FALSE;
    g_array_append_val(cpus->threads, thread);
    g_array_append_val(cpus->indexes, index);
    return TRUE;
}

convergeQemuCpus *
convergeQemuCpusQuery(const convergeMonitor *monitor,
                      GError **error)
{
    g_autoptr(JsonNode) reply = convergeQmpRun(monitor, "query-cpus-fast", NULL, error);
    g_autoptr(convergeQemuCpus) cpus = g_new0(convergeQemuCpus, 1);
    JsonArray *list;
    guint i;

    cpus->threads = g_array_new(FALSE, FALSE, sizeof(pid_t));
    cpus->indexes = g_array_new(FALSE, FALSE, sizeof(gint64));
    if (!reply)
        return NULL;

    list = JSON_NODE_HOLDS_ARRAY(reply) ? json_node_get_array(reply) : NULL;
    for (i = 0; list && i < json_array_get_length(list); i++) {
        if (!addCpu(cpus, json_array_get_element(list, i)))
            break;
    }

    if (!list || i == 0 || i < json_array_get_length(list)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU,
                    _("QEMU does not list the threads of its vCPUs"));
        return NULL;
    }
    return g_steal_pointer(&cpus);
}
