/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpus.c: the vCPUs of a guest, as QEMU or the kernel lists them
 */
#include <glib/gi18n-lib.h>

#include <stdio.h>

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

static convergeQemuCpus *
newCpus(void)
{
    convergeQemuCpus *cpus = g_new0(convergeQemuCpus, 1);

    cpus->threads = g_array_new(FALSE, FALSE, sizeof(pid_t));
    cpus->indexes = g_array_new(FALSE, FALSE, sizeof(gint64));
    return cpus;
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
    g_autoptr(convergeQemuCpus) cpus = newCpus();
    JsonArray *list;
    guint i;

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

/* Adds the thread if it is named as QEMU names those of vCPUs: "CPU 3/KVM". */
static void
addThread(convergeQemuCpus *cpus,
          const char *tasks,
          const char *task)
{
    g_autofree char *path = g_build_filename(tasks, task, "comm", NULL);
    g_autofree char *name = NULL;
    gint64 number = g_ascii_strtoll(task, NULL, 10);
    pid_t thread = (pid_t)number;
    unsigned int index;
    gint64 index64;
    char accel;

    if (number <= 0 || number > G_MAXINT32 || !g_file_get_contents(path, &name, NULL, NULL) ||
        sscanf(name, "CPU %u/%c", &index, &accel) != 2)
        return;
    index64 = index;
    g_array_append_val(cpus->threads, thread);
    g_array_append_val(cpus->indexes, index64);
}

convergeQemuCpus *
convergeQemuCpusFind(const char *proc,
                     const char *pidFile,
                     GError **error)
{
    g_autoptr(convergeQemuCpus) cpus = newCpus();
    g_autofree char *pid = NULL;
    g_autofree char *tasks = NULL;
    g_autoptr(GDir) dir = NULL;
    const char *task;

    if (g_file_get_contents(pidFile, &pid, NULL, NULL)) {
        tasks = g_build_filename(proc, g_strstrip(pid), "task", NULL);
        dir = g_dir_open(tasks, 0, NULL);
    }
    while (dir && (task = g_dir_read_name(dir)))
        addThread(cpus, tasks, task);

    if (cpus->threads->len == 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("no threads of vCPUs are found for the process that '%1$s' names"), pidFile);
        return NULL;
    }
    return g_steal_pointer(&cpus);
}

convergeQemuCpus *
convergeQemuCpusList(const convergeMonitor *monitor,
                     const char *name,
                     GError **error)
{
    g_autofree char *pidFile = NULL;

    if (!monitor->silent)
        return convergeQemuCpusQuery(monitor, error);

    pidFile = g_strconcat(LIBVIRT_RUN_DIR "/qemu/", name, ".pid", NULL);
    return convergeQemuCpusFind("/proc", pidFile, error);
}
