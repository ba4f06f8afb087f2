/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quotarestoretest.c: CPU quotas to which others write meanwhile, and a kernel that refuses
 *
 * Each test runs on trees of plain files of both cgroup versions.  What the kernel would refuse
 * is refused in write(), which is defined here.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actuator/vcpu_quota.h"

#define TID 4711
#define KEEP G_MININT64         /* nobody else writes this value */

/* One vCPU, in vm/vcpu0. */
typedef struct _host host;
struct _host {
    char *top;
    gboolean unified;
    convergeBandwidth held;     /* what the kernel holds for the vCPU */
    double above;               /* CPUs that the group above may use; version 1 refuses more */
    int failing;                /* this write of the files of the vCPU fails, from 1; 0: none */
    int writes;
};

static host *current;

/* --- The kernel --- */

/* By somebody who is not asked whether the kernel takes it. */
static void
putText(const char *top,
        const char *name,
        const char *text)
{
    g_autofree char *path = g_build_filename(top, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);

    host *kernel = current;

    current = NULL;
    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_remove(path);
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
    current = kernel;
}

static char *
format(const host *h,
       const convergeBandwidth *value,
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
         const convergeBandwidth *value)
{
    static const char *const names[][2] = {
        [FALSE] = { "cpu.cfs_quota_us", "cpu.cfs_period_us" }, [TRUE] = { "cpu.max", NULL },
    };
    int i;

    for (i = 0; i < 2 && names[h->unified][i]; i++) {
        g_autofree char *name = g_build_filename("vm", group, names[h->unified][i], NULL);
        g_autofree char *text = format(h, value, i == 1);

        putText(h->top, name, text);
    }
}

/* What the file would hold after @text was written to it. */
static convergeBandwidth
parse(const host *h,
      const char *path,
      const char *text)
{
    convergeBandwidth next = h->held;
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
          const convergeBandwidth *next)
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
    convergeBandwidth next;
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

static void
hostInit(host *h,
         gboolean unified,
         gint64 quotaUs,
         gint64 periodUs)
{
    const convergeBandwidth none = { CONVERGE_CGROUP_NO_QUOTA, 100000 };
    g_autofree char *mounts = NULL;

    *h = (host) { .unified = unified, .above = 1000, .held = { quotaUs, periodUs } };
    h->top = g_dir_make_tmp("quotarestoretest-XXXXXX", NULL);
    g_assert_nonnull(h->top);
    mounts = g_strdup_printf("30 1 0:1 / %s rw - %s none rw,cpu\n", h->top, unified ? "cgroup2" : "cgroup");
    putText(h->top, "self/mountinfo", mounts);
    putText(h->top, "4711/cgroup", unified ? "0::/vm/vcpu0\n" : "4:cpu:/vm/vcpu0\n");
    putText(h->top, unified ? "vm/vcpu0/cgroup.threads" : "vm/vcpu0/tasks", "4711\n");
    putGroup(h, ".", &none);
    putGroup(h, "vcpu0", &h->held);
    current = h;
}

static void
removeTree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        removeTree(child);
    }
    g_remove(path);
}

static void
hostClear(host *h)
{
    current = NULL;
    removeTree(h->top);
    g_free(h->top);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(host, hostClear)

/* Somebody else writes. */
static void
meddle(host *h,
       gint64 quotaUs,
       gint64 periodUs)
{
    if (quotaUs != KEEP)
        h->held.quotaUs = quotaUs;
    if (periodUs != KEEP)
        h->held.periodUs = periodUs;
    putGroup(h, "vcpu0", &h->held);
}

/* What is there, by the files. */
static void
assertThere(const host *h,
            gint64 quotaUs,
            gint64 periodUs)
{
    g_autofree char *directory = g_build_filename(h->top, "vm/vcpu0", NULL);
    convergeBandwidth now;

    g_assert_cmpint(convergeCgroups[h->unified].read(directory, &now), ==, 0);
    g_assert_cmpint(now.quotaUs, ==, quotaUs);
    g_assert_cmpint(now.periodUs, ==, periodUs);
}

static void
assertShare(const host *h,
            double share)
{
    g_assert_cmpfloat_with_epsilon((double)h->held.quotaUs / h->held.periodUs, share, 0.001);
}

static convergeVcpuQuota *
openQuota(const host *h)
{
    const pid_t thread = TID;
    g_autoptr(GError) error = NULL;
    convergeVcpuQuota *quota = convergeVcpuQuotaNewAt(h->top, &thread, 1, &error);

    g_assert_no_error(error);
    return quota;
}

static void
set(convergeVcpuQuota *quota,
    unsigned int throttle)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(convergeVcpuQuotaSetAll(quota, throttle, &error));
    g_assert_no_error(error);
}

static gboolean
adopt(convergeVcpuQuota *quota)
{
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE;

    g_assert_true(convergeVcpuQuotaAdopt(quota, &changed, &error));
    g_assert_no_error(error);
    return changed;
}

/* --- Tests --- */

/* Quota and period, each by itself: in the process that wrote them, and by a record. */
static void
testEachByItself(void)
{
    static const struct {
        gint64 quota, period;                   /* before */
        gint64 otherQuota, otherPeriod;         /* written by somebody else while throttled */
        gint64 leftQuota, leftPeriod;
    } rows[] = {
        { -1, 100000, KEEP, KEEP, -1, 100000 },
        { -1, 100000, 50000, KEEP, 50000, 100000 },
        { -1, 100000, KEEP, 60000, -1, 60000 },
        { -1, 100000, 70000, 140000, 70000, 140000 },
        { 40000, 200000, 60000, KEEP, 60000, 200000 },
        { 40000, 200000, -1, KEEP, -1, 200000 },
        { 40000, 200000, KEEP, 400000, 40000, 400000 },
        { 40000, 200000, -1, 60000, -1, 60000 },
    };
    gsize i;
    int way;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (way = 0; way < 4; way++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            g_autoptr(GError) error = NULL;

            g_test_message("row %zu, way %d", i, way);
            hostInit(&h, way % 2, rows[i].quota, rows[i].period);
            quota = openQuota(&h);
            set(quota, 30);
            meddle(&h, rows[i].otherQuota, rows[i].otherPeriod);
            g_assert_true(way / 2 ? convergeVcpuGroupRestore(convergeVcpuQuotaGroup(quota, 0), &error) :
                          convergeVcpuQuotaRestore(quota, &error));
            g_assert_no_error(error);
            assertThere(&h, rows[i].leftQuota, rows[i].leftPeriod);
        }
    }
}

/* Where somebody else has set both, nothing is written. */
static void
testNothingOurs(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        int writes;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 80);
        meddle(&h, 77777, 55555);
        writes = h.writes;
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        g_assert_true(convergeVcpuGroupRestore(convergeVcpuQuotaGroup(quota, 0), NULL));
        g_assert_cmpint(h.writes, ==, writes);
        assertThere(&h, 77777, 55555);
    }
}

/* In the process that wrote it, a value is ours if it is the one written last, not any that
 * we might have written. */
static void
testLastOne(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 50);
        set(quota, 80);
        meddle(&h, 10000, KEEP);        /* 50 % of 20 ms, as the first throttle was */
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        assertThere(&h, 10000, 100000);
    }
}

/* Any single write may fail: what is left of both throttles is ours. */
static void
testFailedWrite(void)
{
    int way, failing;

    for (way = 0; way < 2; way++) {
        for (failing = 1; failing <= 5; failing++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;

            hostInit(&h, way, 60000, 100000);
            quota = openQuota(&h);
            h.failing = failing;
            convergeVcpuQuotaSetAll(quota, 97, NULL);
            convergeVcpuQuotaSetAll(quota, 40, NULL);
            convergeVcpuQuotaSetAll(quota, 99, NULL);
            h.failing = 0;
            g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
            assertThere(&h, 60000, 100000);
        }
    }
}

/* The kernel never sees a moment in which the vCPU may use more than the group above. */
static void
testOrder(void)
{
    static const convergeBandwidth before[] = {
        { -1, 100000 }, { 100000, 100000 }, { 2000, 2000 }, { 1000000, 1000000 }, { 900000, 1000000 },
    };
    static const unsigned int course[] = { 50, 99, 1, 97, 80, 99, 0, 98 };
    gsize i, j;

    for (i = 0; i < G_N_ELEMENTS(before); i++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, FALSE, before[i].quotaUs, before[i].periodUs);
        h.above = 1;
        quota = openQuota(&h);
        for (j = 0; j < G_N_ELEMENTS(course); j++) {
            set(quota, course[j]);
            g_assert_false(adopt(quota));
        }
        set(quota, 0);
        assertThere(&h, before[i].quotaUs, before[i].periodUs);
    }
}

/* The period that somebody else has set makes the quota of before larger than what the group
 * above allows: that is said, and the throttle goes all the same. */
static void
testRefused(void)
{
    int way;

    for (way = 0; way < 2; way++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autoptr(GError) error = NULL;
        const convergeVcpuGroup *group;

        hostInit(&h, FALSE, 50000, 100000);
        h.above = 1;
        quota = openQuota(&h);
        group = convergeVcpuQuotaGroup(quota, 0);
        set(quota, 80);
        meddle(&h, KEEP, 10000);

        g_assert_false(way ? convergeVcpuGroupRestore(group, &error) :
                       convergeVcpuQuotaRestore(quota, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_assert_nonnull(strstr(error->message, "50000"));
        assertThere(&h, -1, 10000);

        /* Said once: nothing of ours is left. */
        g_assert_true(way ? convergeVcpuGroupRestore(group, NULL) : convergeVcpuQuotaRestore(quota, NULL));
        assertThere(&h, -1, 10000);
    }
}

/* What somebody else has set meanwhile is what the next throttle takes its part of, and what
 * is given back. */
static void
testAdopt(void)
{
    static const struct {
        gint64 quota, period;
        gint64 otherQuota, otherPeriod;
        gint64 wantedQuota, wantedPeriod;       /* from now on */
        gint64 capUs;
    } rows[] = {
        { -1, 100000, 50000, KEEP, 50000, 100000, 500000 },
        { -1, 100000, KEEP, 50000, -1, 50000, 1000000 },
        { -1, 100000, 60000, 200000, 60000, 200000, 300000 },
        { 50000, 100000, -1, KEEP, -1, 100000, 1000000 },
        { 50000, 100000, KEEP, 200000, 50000, 200000, 250000 },
    };
    gsize i;
    int unified;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unified = 0; unified < 2; unified++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            const convergeVcpuGroup *group;

            g_test_message("row %zu, version %d", i, unified + 1);
            hostInit(&h, unified, rows[i].quota, rows[i].period);
            quota = openQuota(&h);
            group = convergeVcpuQuotaGroup(quota, 0);
            g_assert_false(adopt(quota));
            set(quota, 30);
            g_assert_false(adopt(quota));

            meddle(&h, rows[i].otherQuota, rows[i].otherPeriod);
            g_assert_true(adopt(quota));
            g_assert_cmpint(group->quotaUs, ==, rows[i].wantedQuota);
            g_assert_cmpint(group->periodUs, ==, rows[i].wantedPeriod);
            g_assert_cmpint(group->capUs, ==, rows[i].capUs);
            g_assert_false(adopt(quota));

            /* A daemon that is killed here leaves what a record of now explains. */
            assertThere(&h, rows[i].wantedQuota, rows[i].wantedPeriod);

            set(quota, 30);
            assertShare(&h, 0.7 * (double)rows[i].capUs / 1000000);
            set(quota, 0);
            assertThere(&h, rows[i].wantedQuota, rows[i].wantedPeriod);
        }
    }
}

/* A management daemon writes the same quota every second. */
static void
testReconciler(void)
{
    static const gint64 wanted[] = { 50000, -1 };
    gsize i;
    int unified, second;

    for (i = 0; i < G_N_ELEMENTS(wanted); i++) {
        for (unified = 0; unified < 2; unified++) {
            g_auto(host) h = { 0 };
            g_autoptr(convergeVcpuQuota) quota = NULL;
            double share = wanted[i] > 0 ? 0.5 : 1;

            hostInit(&h, unified, -1, 100000);
            quota = openQuota(&h);
            set(quota, 80);
            for (second = 0; second < 20; second++) {
                meddle(&h, wanted[i], KEEP);
                g_assert_true(adopt(quota) == (wanted[i] > 0 && second == 0));
                set(quota, second % 4 < 2 ? 80 : 90);
                assertShare(&h, share * (second % 4 < 2 ? 0.2 : 0.1));
            }
            g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
            assertThere(&h, wanted[i], 100000);
        }
    }
}

/* A hook script writes after we have looked and before we write. */
static void
testRace(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        g_assert_false(adopt(quota));
        meddle(&h, 50000, KEEP);
        set(quota, 80);
        assertThere(&h, 50000, 100000);
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        assertThere(&h, 50000, 100000);

        g_assert_true(adopt(quota));
        set(quota, 80);
        assertShare(&h, 0.1);
        g_assert_false(adopt(quota));
        meddle(&h, 30000, KEEP);
        set(quota, 90);
        g_assert_cmpint(h.held.quotaUs, ==, 30000);
        g_assert_true(adopt(quota));
        set(quota, 90);
        assertShare(&h, 0.03);
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        assertThere(&h, 30000, 100000);
    }
}

/* Files that cannot be read, or hold what no kernel would, are not adopted. */
static void
testNotAdopted(void)
{
    int unified;

    for (unified = 0; unified < 2; unified++) {
        g_auto(host) h = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autoptr(GError) error = NULL;
        gboolean changed = FALSE;

        hostInit(&h, unified, -1, 100000);
        quota = openQuota(&h);
        set(quota, 80);
        meddle(&h, 7, KEEP);
        g_assert_false(convergeVcpuQuotaAdopt(quota, &changed, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_clear_error(&error);

        putText(h.top, unified ? "vm/vcpu0/cpu.max" : "vm/vcpu0/cpu.cfs_quota_us", "strange");
        g_assert_false(convergeVcpuQuotaAdopt(quota, &changed, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_assert_false(changed);
        g_assert_cmpint(convergeVcpuQuotaGroup(quota, 0)->quotaUs, ==, -1);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quotarestore/each-by-itself", testEachByItself);
    g_test_add_func("/quotarestore/nothing-ours", testNothingOurs);
    g_test_add_func("/quotarestore/last-one", testLastOne);
    g_test_add_func("/quotarestore/failed-write", testFailedWrite);
    g_test_add_func("/quotarestore/order", testOrder);
    g_test_add_func("/quotarestore/refused", testRefused);
    g_test_add_func("/quotarestore/adopt", testAdopt);
    g_test_add_func("/quotarestore/reconciler", testReconciler);
    g_test_add_func("/quotarestore/race", testRace);
    g_test_add_func("/quotarestore/not-adopted", testNotAdopted);
    return g_test_run();
}
