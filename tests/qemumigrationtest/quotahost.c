/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotahost.c: a host with one vCPU, whose cgroup is made of plain files
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "quotahost.h"

static host *current;

/* --- The kernel --- */

void
hostPutText(const char *top,
            const char *name,
            const char *text)
{
    g_autofree char *path = g_build_filename(top, name, NULL);
    host *kernel = current;

    current = NULL;
    filesPut(path, text);
    current = kernel;
}

static char *
format(const host *h,
       const convergeCpuQuota *value,
       gboolean period)
{
    g_autofree char *quota = g_strdup_printf("%" G_GINT64_FORMAT, value->quotaUs);

    if (!h->unified)
        return g_strdup_printf("%" G_GINT64_FORMAT, period ? value->periodUs : value->quotaUs);
    return g_strdup_printf("%s %" G_GINT64_FORMAT,
                           value->quotaUs == CONVERGE_CGROUP_NO_QUOTA ? "max" : quota, value->periodUs);
}

static void
putGroup(const host *h,
         const char *group,
         const convergeCpuQuota *value)
{
    static const char *const names[][2] = {
        [FALSE] = { "cpu.cfs_quota_us", "cpu.cfs_period_us" },
        [TRUE] = { "cpu.max", NULL },
    };
    int i;

    for (i = 0; i < 2 && names[h->unified][i]; i++) {
        g_autofree char *name = g_build_filename("vm", group, names[h->unified][i], NULL);
        g_autofree char *text = format(h, value, i == 1);

        hostPutText(h->top, name, text);
    }
}

/* The quota after @text was written to the file. */
static convergeCpuQuota
parse(const host *h,
      const char *path,
      const char *text)
{
    convergeCpuQuota next = h->held;
    const char *blank = strchr(text, ' ');

    if (g_str_has_suffix(path, "cpu.cfs_period_us"))
        next.periodUs = g_ascii_strtoll(text, NULL, 10);
    else
        next.quotaUs = g_str_has_prefix(text, "max") ? -1 : g_ascii_strtoll(text, NULL, 10);
    if (h->unified && blank)
        next.periodUs = g_ascii_strtoll(blank, NULL, 10);
    return next;
}

static gboolean
isRefused(const host *h,
          const convergeCpuQuota *next)
{
    if (next->periodUs < CONVERGE_CGROUP_SHORTEST_US || next->periodUs > CONVERGE_CGROUP_LONGEST_US)
        return TRUE;
    if (next->quotaUs == CONVERGE_CGROUP_NO_QUOTA)
        return FALSE;
    return next->quotaUs < CONVERGE_CGROUP_SHORTEST_US ||
        (!h->unified && (double)next->quotaUs / next->periodUs > h->above);
}

ssize_t
write(int fd,
      const void *text,
      size_t length)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *path = g_file_read_link(link, NULL);
    g_autofree char *string = g_strndup(text, length);
    g_autofree char *before = NULL;
    convergeCpuQuota next;
    int err = 0;

    if (!current || !path || !strstr(path, "/vcpu0/cpu."))
        return syscall(SYS_write, fd, text, length);

    next = parse(current, path, string);
    if (++current->writes == current->failing)
        err = EIO;
    else if (isRefused(current, &next))
        err = EINVAL;

    if (err) {
        before = format(current, &current->held, g_str_has_suffix(path, "period_us"));
        g_assert_cmpint(syscall(SYS_write, fd, before, strlen(before)), >, 0);
        errno = err;
        return -1;
    }
    current->held = next;
    return syscall(SYS_write, fd, text, length);
}

/* --- The host --- */

void
hostInit(host *h,
         gboolean unified,
         gint64 quotaUs,
         gint64 periodUs)
{
    const convergeCpuQuota none = { CONVERGE_CGROUP_NO_QUOTA, 100000 };
    g_autofree char *mounts = NULL;

    *h = (host) { .unified = unified, .above = 1000, .held = { quotaUs, periodUs } };
    h->top = filesNewDir();
    mounts = g_strdup_printf("30 1 0:1 / %s rw - %s none rw,cpu\n", h->top, unified ? "cgroup2" : "cgroup");
    hostPutText(h->top, "self/mountinfo", mounts);
    hostPutText(h->top, "4711/cgroup", unified ? "0::/vm/vcpu0\n" : "4:cpu:/vm/vcpu0\n");
    hostPutText(h->top, unified ? "vm/vcpu0/cgroup.threads" : "vm/vcpu0/tasks", "4711\n");
    putGroup(h, ".", &none);
    putGroup(h, "vcpu0", &h->held);
    current = h;
}

void
hostClear(host *h)
{
    current = NULL;
    filesRemove(h->top);
    g_free(h->top);
}

void
hostMeddle(host *h,
           gint64 quotaUs,
           gint64 periodUs)
{
    if (quotaUs != KEEP)
        h->held.quotaUs = quotaUs;
    if (periodUs != KEEP)
        h->held.periodUs = periodUs;
    putGroup(h, "vcpu0", &h->held);
}

void
hostAssertThere(const host *h,
                gint64 quotaUs,
                gint64 periodUs)
{
    g_autofree char *directory = g_build_filename(h->top, "vm/vcpu0", NULL);
    convergeCpuQuota now;

    g_assert_cmpint(convergeCgroups[h->unified].read(directory, &now), ==, 0);
    g_assert_cmpint(now.quotaUs, ==, quotaUs);
    g_assert_cmpint(now.periodUs, ==, periodUs);
}

void
hostAssertShare(const host *h,
                double share)
{
    g_assert_cmpfloat_with_epsilon((double)h->held.quotaUs / h->held.periodUs, share, 0.001);
}
