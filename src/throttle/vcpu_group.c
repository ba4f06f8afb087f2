/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_group.c: the cgroup that libvirt has made for a vCPU thread
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "throttle/vcpu_group.h"

/* Whether this is libvirt's group of exactly one vCPU: no other thread may be slowed down. */
static gboolean
isVcpuGroup(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    guint64 number;

    return g_str_has_prefix(name, "vcpu") &&
        g_ascii_string_to_unsigned(name + strlen("vcpu"), 10, 0, G_MAXUINT, &number, NULL);
}

gboolean
convergeVcpuGroupIsValid(const convergeVcpuGroup *group)
{
    return g_path_is_absolute(group->directory) && !strstr(group->directory, "/../") &&
        isVcpuGroup(group->directory) &&
        (group->quotaUs == CONVERGE_CGROUP_NO_QUOTA ||
         group->quotaUs >= CONVERGE_CGROUP_SHORTEST_US) &&
        group->periodUs >= CONVERGE_CGROUP_SHORTEST_US &&
        group->periodUs <= CONVERGE_CGROUP_LONGEST_US &&
        group->capUs >= 1 && group->capUs <= CONVERGE_CGROUP_SECOND_US;
}

/* The group's name is "qemu-ID-NAME.libvirt-qemu" or, under systemd,
 * "machine-qemu\\x2dID\\x2dNAME.scope".  A daemon of another user than root puts the user's name
 * before the id. */
gboolean
convergeVcpuGroupIsOf(const convergeVcpuGroup *group,
                      int domainId)
{
    g_autofree char *ofRoot = g_strdup_printf("qemu-%d-", domainId);
    g_autofree char *ofUser = g_strdup_printf("qemu-%s-%d-", g_get_user_name(), domainId);
    g_auto(GStrv) hyphens = g_strsplit(group->directory, "\\x2d", -1);
    g_autofree char *plain = g_strjoinv("-", hyphens);
    g_auto(GStrv) parts = g_strsplit(plain, "/", -1);
    gsize i;

    for (i = 0; parts[i]; i++) {
        const char *name = parts[i];

        if (g_str_has_prefix(name, "machine-"))
            name += strlen("machine-");
        if (g_str_has_prefix(name, ofRoot) || g_str_has_prefix(name, ofUser))
            return TRUE;
    }
    return FALSE;
}

gboolean
convergeVcpuGroupReport(const convergeVcpuGroup *group,
                        int err,
                        GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("cannot set the CPU quota of '%1$s': %2$s"),
                group->directory, g_strerror(err));
    return FALSE;
}

static gboolean
hasWord(const char *list,
        const char *separators,
        const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(list, separators, -1);

    return g_strv_contains((const char *const *)words, word);
}

/* The path of the thread's group in the hierarchy with the cpu controller, from /proc/TID/cgroup.
 * A hybrid host has both versions; the controller is in one of them. */
static char *
groupOfThread(const char *proc,
              pid_t thread,
              gboolean *unified,
              GError **error)
{
    g_autofree char *name = g_strdup_printf("%d/cgroup", (int)thread);
    g_autofree char *text = NULL;
    g_autofree char *path = NULL;
    g_auto(GStrv) lines = NULL;
    int err = convergeCgroupReadFile(proc, name, &text);
    gsize i;

    if (err) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the cgroups of thread %1$d: %2$s"),
                    (int)thread, g_strerror(err));
        return NULL;
    }

    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], ":", 3); /* id:controllers:path */

        if (g_strv_length(parts) != 3)
            continue;
        if (hasWord(parts[1], ",", "cpu")) {
            *unified = FALSE;
            return g_steal_pointer(&parts[2]);
        }
        if (g_str_equal(parts[0], "0")) {
            *unified = TRUE;
            g_free(path);
            path = g_steal_pointer(&parts[2]);
        }
    }

    if (!path)
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("thread %1$d is in no cgroup with the cpu controller"), (int)thread);
    return g_steal_pointer(&path);
}

/* The part of @path below @root, both absolute in one hierarchy; NULL: @path is not below. */
static const char *
below(const char *path,
      const char *root)
{
    gsize length = g_str_equal(root, "/") ? 0 : strlen(root);

    if (strncmp(path, root, length) != 0 || path[length] != '/')
        return NULL;
    return path + length;
}

/* The directory of the group at @path, if @line of mountinfo is a mount of the hierarchy that
 * shows the group; otherwise NULL. */
static char *
directoryInMount(const char *line,
                 gboolean unified,
                 const char *path)
{
    enum { ROOT = 3,
           MOUNT_POINT = 4,
           OPTIONAL = 6 };
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char *root = NULL;
    g_autofree char *mountPoint = NULL;
    const char *rest;
    gsize count = g_strv_length(words);
    gsize dash;

    for (dash = OPTIONAL; dash < count && !g_str_equal(words[dash], "-"); dash++)
        ;

    /* Behind the dash: type, source, options of the file system. */
    if (dash + 3 >= count || !g_str_equal(words[dash + 1], convergeCgroups[unified].filesystem) ||
        (!unified && !hasWord(words[dash + 3], ",", "cpu")))
        return NULL;

    root = g_strcompress(words[ROOT]);
    if (!(rest = below(path, root)))
        return NULL;

    mountPoint = g_strcompress(words[MOUNT_POINT]);
    return g_strconcat(mountPoint, rest, NULL);
}

static gboolean
holdsThread(const char *directory,
            gboolean unified,
            pid_t thread)
{
    g_autofree char *id = g_strdup_printf("%d", (int)thread);
    g_autofree char *text = NULL;

    return convergeCgroupReadFile(directory, convergeCgroups[unified].threads, &text) == 0 &&
        hasWord(text, "\n", id);
}

/* The directory of the group at @path.  A later mount may hide an earlier one, so that only the
 * list of threads tells whether a directory is the group's. */
static char *
findDirectory(const char *mounts,
              gboolean unified,
              const char *path,
              pid_t thread)
{
    g_auto(GStrv) lines = g_strsplit(mounts, "\n", -1);
    gsize i;

    for (i = g_strv_length(lines); i-- > 0;) {
        g_autofree char *directory = directoryInMount(lines[i], unified, path);

        if (directory && holdsThread(directory, unified, thread))
            return g_steal_pointer(&directory);
    }
    return NULL;
}

/* What the groups from @directory up allow.  Every group but the root has a quota file. */
static gint64
capUs(const char *directory,
      gboolean unified)
{
    g_autofree char *group = g_strdup(directory);
    gint64 cap = CONVERGE_CGROUP_SECOND_US;
    convergeCpuQuota now;

    while (strlen(group) > 1 && convergeCgroups[unified].read(group, &now) == 0) {
        char *parent = g_path_get_dirname(group);

        if (now.quotaUs > 0 && now.quotaUs < now.periodUs)
            cap = MIN(cap, (gint64)((double)now.quotaUs * CONVERGE_CGROUP_SECOND_US / now.periodUs));
        g_free(group);
        group = parent;
    }
    return MAX(cap, 1);
}

void
convergeVcpuGroupSetOriginal(convergeVcpuGroup *group,
                             const convergeCpuQuota *original)
{
    group->quotaUs = original->quotaUs;
    group->periodUs = original->periodUs;
    group->capUs = capUs(group->directory, group->unified);
}

gboolean
convergeVcpuGroupFind(convergeVcpuGroup *group,
                      const char *proc,
                      const char *mounts,
                      pid_t thread,
                      GError **error)
{
    g_autofree char *path = groupOfThread(proc, thread, &group->unified, error);
    g_autofree char *file = NULL;
    convergeCpuQuota now;
    int err;
    int fd;

    if (!path)
        return FALSE;

    if (!isVcpuGroup(path)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("thread %1$d has no cgroup of its own, but is in '%2$s'"),
                    (int)thread, path);
        return FALSE;
    }

    if (!(group->directory = findDirectory(mounts, group->unified, path, thread))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the cgroup '%1$s' of thread %2$d is not mounted here"), path, (int)thread);
        return FALSE;
    }

    if ((err = convergeCgroups[group->unified].read(group->directory, &now))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the cgroup '%1$s' has no CPU quota: %2$s"),
                    group->directory, g_strerror(err));
        return FALSE;
    }
    convergeVcpuGroupSetOriginal(group, &now);

    /* Check by opening the file: access() always allows root. */
    file = g_build_filename(group->directory, convergeCgroups[group->unified].quota, NULL);
    if ((fd = open(file, O_WRONLY | O_CLOEXEC)) < 0)
        return convergeVcpuGroupReport(group, errno, error);
    close(fd);
    return TRUE;
}
