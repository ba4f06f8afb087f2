/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * procfake.c: what /proc tells of this process, which stands for QEMU and its only vCPU
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "procfake.h"

char *procFakeTop;
const char *procFakeGuest;

char *
procFakeRead(const char *path)
{
    GString *text = g_string_new(NULL);
    char buffer[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gssize got;

    while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
        g_string_append_len(text, buffer, got);
    if (fd >= 0)
        close(fd);
    return g_string_free(text, fd < 0);
}

gboolean
g_file_get_contents(const char *path,
                    char **text,
                    gsize *length,
                    GError **error)
{
    g_autofree char *cgroup = g_strdup_printf("/proc/%d/cgroup", (int)getpid());

    if (g_str_equal(path, cgroup))
        *text = g_strdup_printf("0::/qemu-7-%s.libvirt-qemu/vcpu0\n", procFakeGuest);
    else if (g_str_equal(path, "/proc/self/mountinfo"))
        *text = g_strdup_printf("30 1 0:1 / %s rw - cgroup2 none rw\n", procFakeTop);
    else
        *text = procFakeRead(path);
    if (!*text) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s", path);
        errno = ENOENT;
        return FALSE;
    }
    if (length)
        *length = strlen(*text);
    return TRUE;
}
