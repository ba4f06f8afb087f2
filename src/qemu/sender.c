/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sender.c: QEMU's threads that send a migration
 */
#include "qemu/sender.h"

/* How the names begin: of QEMU before 9.1, and since; the first of each sends everything but what the
 * others, of multifd, do. */
static const char *const names[] = { "live_migration", "multifdsend_", "mig/src/main", "mig/src/send_" };

static gboolean
isSender(const char *name)
{
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_has_prefix(name, names[i]))
            return TRUE;
    }
    return FALSE;
}

/* The first number of schedstat is the time on a processor, ns. */
static gint64
ranUs(const char *tasks,
      const char *task)
{
    g_autofree char *namePath = g_build_filename(tasks, task, "comm", NULL);
    g_autofree char *timePath = g_build_filename(tasks, task, "schedstat", NULL);
    g_autofree char *name = NULL;
    g_autofree char *time = NULL;

    if (!g_file_get_contents(namePath, &name, NULL, NULL) || !isSender(name) ||
        !g_file_get_contents(timePath, &time, NULL, NULL))
        return -1;
    return g_ascii_strtoll(time, NULL, 10) / 1000;
}

gint64
convergeSenderBusyUs(const char *proc,
                     const char *pidFile)
{
    g_autofree char *pid = NULL;
    g_autofree char *tasks = NULL;
    g_autoptr(GDir) dir = NULL;
    const char *task;
    gint64 most = -1;

    if (!g_file_get_contents(pidFile, &pid, NULL, NULL))
        return -1;

    tasks = g_build_filename(proc, g_strstrip(pid), "task", NULL);
    dir = g_dir_open(tasks, 0, NULL);
    while (dir && (task = g_dir_read_name(dir)))
        most = MAX(most, ranUs(tasks, task));
    return most;
}

gint64
convergeSenderOfGuestUs(const char *name)
{
    g_autofree char *pidFile = g_strconcat(LIBVIRT_RUN_DIR "/qemu/", name, ".pid", NULL);

    return convergeSenderBusyUs("/proc", pidFile);
}
