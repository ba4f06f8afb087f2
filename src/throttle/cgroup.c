/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup.c: the CPU quota of a cgroup, in the files of both versions
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "throttle/cgroup.h"

int
convergeCgroupReadFile(const char *directory,
                       const char *name,
                       char **text)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autoptr(GError) error = NULL;

    errno = 0;
    if (g_file_get_contents(path, text, NULL, &error))
        return 0;
    return errno ? errno : EIO;
}

static int
writeFile(const char *directory,
          const char *name,
          const char *text)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    int ret = 0;

    if (fd < 0)
        return errno;
    /* The kernel takes all of it or nothing. */
    if (write(fd, text, strlen(text)) < 0)
        ret = errno;
    close(fd);
    return ret;
}

static int
readNumber(const char *directory,
           const char *name,
           gint64 *value)
{
    g_autofree char *text = NULL;
    int ret = convergeCgroupReadFile(directory, name, &text);

    if (ret)
        return ret;
    return g_ascii_string_to_signed(g_strstrip(text), 10, -1, G_MAXINT64, value, NULL) ? 0 : EINVAL;
}

static int
writeNumber(const char *directory,
            const char *name,
            gint64 value)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

    return writeFile(directory, name, text);
}

static int
read1(const char *directory,
      convergeCpuQuota *now)
{
    int ret = readNumber(directory, "cpu.cfs_quota_us", &now->quotaUs);

    return ret ? ret : readNumber(directory, "cpu.cfs_period_us", &now->periodUs);
}

/* The files are written one after the other.  What lowers the ratio goes first, since the kernel
 * refuses (EINVAL) a ratio that is larger than that of the group above, even for a moment. */
static int
write1(const char *directory,
       const convergeCpuQuota *now,
       const convergeCpuQuota *next)
{
    gboolean quotaFirst = next->quotaUs == CONVERGE_CGROUP_NO_QUOTA ||
        (now->quotaUs != CONVERGE_CGROUP_NO_QUOTA && next->quotaUs < now->quotaUs);
    int ret = 0;
    int i;

    for (i = 0; i < 2 && ret == 0; i++) {
        if ((i == 0) == quotaFirst) {
            if (next->quotaUs != now->quotaUs)
                ret = writeNumber(directory, "cpu.cfs_quota_us", next->quotaUs);
        } else if (next->periodUs != now->periodUs) {
            ret = writeNumber(directory, "cpu.cfs_period_us", next->periodUs);
        }
    }
    return ret;
}

static int
read2(const char *directory,
      convergeCpuQuota *now)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;
    int ret = convergeCgroupReadFile(directory, "cpu.max", &text);

    if (ret)
        return ret;

    words = g_strsplit(g_strstrip(text), " ", -1);
    if (g_strv_length(words) != 2)
        return EINVAL;
    now->quotaUs = CONVERGE_CGROUP_NO_QUOTA;
    if (!g_str_equal(words[0], "max") &&
        !g_ascii_string_to_signed(words[0], 10, 0, G_MAXINT64, &now->quotaUs, NULL))
        return EINVAL;
    return g_ascii_string_to_signed(words[1], 10, 0, G_MAXINT64, &now->periodUs, NULL) ? 0 : EINVAL;
}

static int
write2(const char *directory,
       const convergeCpuQuota *now,
       const convergeCpuQuota *next)
{
    g_autofree char *quota = NULL;
    g_autofree char *text = NULL;

    if (next->quotaUs == now->quotaUs && next->periodUs == now->periodUs)
        return 0;

    if (next->quotaUs != CONVERGE_CGROUP_NO_QUOTA)
        quota = g_strdup_printf("%" G_GINT64_FORMAT, next->quotaUs);
    text = g_strdup_printf("%s %" G_GINT64_FORMAT, quota ? quota : "max", next->periodUs);
    return writeFile(directory, "cpu.max", text);
}

const convergeCgroup convergeCgroups[2] = {
    [FALSE] = { "cgroup", "tasks", "cpu.cfs_quota_us", read1, write1 },
    [TRUE] = { "cgroup2", "cgroup.threads", "cpu.max", read2, write2 },
};
