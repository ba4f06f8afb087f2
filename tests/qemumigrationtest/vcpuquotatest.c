/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpuquotatest.c: CPU quotas of vCPU threads, on trees of plain files
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "throttle/vcpu_quota.h"

#define TID 4711
#define TID2 4712

/* A machine: proc/, and a directory that stands for /sys/fs/cgroup. */
typedef struct _tree tree;
struct _tree {
    char *top;
    GString *mounts;
};

G_GNUC_PRINTF(3, 4)
static void
put(const tree *t,
    const char *name,
    const char *format,
    ...)
{
    g_autofree char *path = g_build_filename(t->top, name, NULL);
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    filesPut(path, text);
}

static void
assertFile(const tree *t,
           const char *name,
           const char *expected)
{
    g_autofree char *path = g_build_filename(t->top, name, NULL);

    filesAssert(path, expected);
}

static void
treeInit(tree *t)
{
    t->top = filesNewDir();
    t->mounts = g_string_new("21 1 0:20 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n"
                             "\n");
}

static void
treeClear(tree *t)
{
    filesRemove(t->top);
    g_free(t->top);
    g_string_free(t->mounts, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(tree, treeClear)

/* Mounts @root of a hierarchy at cgroup/@name. */
static void
mount(tree *t,
      const char *root,
      const char *name,
      const char *type,
      const char *options)
{
    g_string_append_printf(t->mounts, "32 31 0:29 %s %s/cgroup/%s rw,relatime shared:7 - %s none %s\n",
                           root, t->top, name, type, options);
    put(t, "proc/self/mountinfo", "%s", t->mounts->str);
}

#define GUEST "machine/qemu-1-busy.libvirt-qemu"

static void
group1(const tree *t,
       const char *group,
       int quota,
       int period,
       pid_t thread)
{
    g_autofree char *file = g_strdup_printf("cgroup/cpu/%s/tasks", group);
    g_autofree char *quotaFile = g_strdup_printf("cgroup/cpu/%s/cpu.cfs_quota_us", group);
    g_autofree char *periodFile = g_strdup_printf("cgroup/cpu/%s/cpu.cfs_period_us", group);

    put(t, file, "17\n%d\n", (int)thread);
    put(t, quotaFile, "%d\n", quota);
    put(t, periodFile, "%d\n", period);
}

/* Version 1 as on Debian 11, two vCPUs, the first with a @quota. */
static void
makeV1(tree *t,
       int quota)
{
    mount(t, "/", "memory", "cgroup", "rw,memory");
    mount(t, "/", "cpu", "cgroup", "rw,cpu,cpuacct");
    group1(t, GUEST, -1, 100000, 1);
    group1(t, GUEST "/vcpu0", quota, 100000, TID);
    group1(t, GUEST "/vcpu1", -1, 100000, TID2);
    put(t, "proc/4711/cgroup", "9:memory:/elsewhere\n4:cpuacct,cpu:/" GUEST "/vcpu0\n0::/\n");
    put(t, "proc/4712/cgroup", "4:cpuacct,cpu:/" GUEST "/vcpu1\n0::/\n");
}

/* Version 2 as systemd and libvirt name it; mountinfo escapes the backslash. */
#define SCOPE "machine.slice/machine-qemu\\x2d1\\x2dbusy.scope"

static void
makeV2(tree *t,
       const char *max)
{
    mount(t, "/", "", "cgroup2", "rw,nsdelegate");
    put(t, "cgroup/" SCOPE "/libvirt/cpu.max", "max 100000\n");
    put(t, "cgroup/" SCOPE "/libvirt/vcpu0/cgroup.threads", "%d\n", TID);
    put(t, "cgroup/" SCOPE "/libvirt/vcpu0/cpu.max", "%s\n", max);
    put(t, "proc/4711/cgroup", "0::/" SCOPE "/libvirt/vcpu0\n");
}

static convergeVcpuQuota *
openQuota(const tree *t,
          gsize n)
{
    static const pid_t threads[] = { TID, TID2 };
    g_autofree char *proc = g_build_filename(t->top, "proc", NULL);
    g_autoptr(GError) error = NULL;
    convergeVcpuQuota *quota = convergeVcpuQuotaNewAt(proc, threads, n, &error);

    g_assert_no_error(error);
    g_assert_nonnull(quota);
    return quota;
}

static void
assertRefused(const tree *t,
              gsize n,
              const char *why)
{
    static const pid_t threads[] = { TID, TID2 };
    g_autofree char *proc = g_build_filename(t->top, "proc", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(convergeVcpuQuotaNewAt(proc, threads, n, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, why));
}

static void
set(convergeVcpuQuota *quota,
    gsize index,
    unsigned int throttle)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(convergeVcpuQuotaSet(quota, index, throttle, &error));
    g_assert_no_error(error);
}

static double
ratio1(const tree *t,
       const char *group)
{
    g_autofree char *quotaFile = g_build_filename(t->top, "cgroup/cpu", group, "cpu.cfs_quota_us", NULL);
    g_autofree char *periodFile = g_build_filename(t->top, "cgroup/cpu", group, "cpu.cfs_period_us", NULL);
    g_autofree char *quota = NULL;
    g_autofree char *period = NULL;

    g_assert_true(g_file_get_contents(quotaFile, &quota, NULL, NULL));
    g_assert_true(g_file_get_contents(periodFile, &period, NULL, NULL));
    g_assert_cmpfloat(g_ascii_strtod(quota, NULL), >=, 1000);
    g_assert_cmpfloat(g_ascii_strtod(period, NULL), >=, 1000);
    g_assert_cmpfloat(g_ascii_strtod(period, NULL), <=, 1000000);
    return g_ascii_strtod(quota, NULL) / g_ascii_strtod(period, NULL);
}

static void
testV1(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;
    unsigned int throttle;

    treeInit(&t);
    makeV1(&t, -1);
    quota = openQuota(&t, 2);
    g_assert_cmpuint(convergeVcpuQuotaCount(quota), ==, 2);
    g_assert_cmpint(convergeVcpuQuotaGroup(quota, 0)->capUs, ==, 1000000);
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "-1");

    for (throttle = 1; throttle <= CONVERGE_VCPU_QUOTA_MAX; throttle++) {
        set(quota, 0, throttle);
        g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), (100 - throttle) / 100.0, 0.001);
    }
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu1/cpu.cfs_quota_us", "-1");

    g_assert_true(convergeVcpuQuotaSetAll(quota, 80, NULL));
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.2, 0.001);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu1"), 0.2, 0.001);
    set(quota, 1, 0);
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu1/cpu.cfs_quota_us", "-1");
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu1/cpu.cfs_period_us", "100000");

    set(quota, 0, 1000);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.01, 0.001);

    g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "-1");
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "100000");
    assertFile(&t, "cgroup/cpu/" GUEST "/cpu.cfs_quota_us", "-1");
}

static void
testV2(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;

    treeInit(&t);
    makeV2(&t, "max 50000");
    quota = openQuota(&t, 1);
    g_assert_true(convergeVcpuQuotaGroup(quota, 0)->unified);

    set(quota, 0, 99);
    assertFile(&t, "cgroup/" SCOPE "/libvirt/vcpu0/cpu.max", "1000 100000");
    set(quota, 0, 0);
    assertFile(&t, "cgroup/" SCOPE "/libvirt/vcpu0/cpu.max", "max 50000");
}

/* A throttle leaves a part of the operator's quota, wherever that is set. */
static void
testOperatorQuota(void)
{
    static const struct {
        int own;      /* of 100 ms */
        int domain;   /* of 100 ms */
        double share; /* of a CPU */
    } rows[] = {
        { 40000, -1, 0.4 },
        { -1, 30000, 0.3 },
        { 40000, 30000, 0.3 },
        { 20000, 400000, 0.2 },
        { 300000, -1, 1 },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(tree) t = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;
        g_autofree char *own = g_strdup_printf("%d", rows[i].own);
        unsigned int throttle;

        treeInit(&t);
        makeV1(&t, rows[i].own);
        group1(&t, GUEST, rows[i].domain, 100000, 1);
        quota = openQuota(&t, 1);
        for (throttle = 1; throttle <= CONVERGE_VCPU_QUOTA_MAX; throttle++) {
            double ratio;

            set(quota, 0, throttle);
            ratio = ratio1(&t, GUEST "/vcpu0");
            g_assert_cmpfloat_with_epsilon(ratio, rows[i].share * (100 - throttle) / 100, 0.001);
            g_assert_cmpfloat(ratio, <=, rows[i].share);
        }
        set(quota, 0, 0);
        assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", own);
        assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "100000");
    }
}

/* Less than a hundredth of a CPU is left, which is the least that the kernel supports. */
static void
testTinyQuota(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;

    treeInit(&t);
    makeV1(&t, 1000);
    quota = openQuota(&t, 1);
    set(quota, 0, 50);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.005, 0.0001);
    set(quota, 0, 99);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.001, 0.0001);
}

/* The controller is in version 1 although there is a version 2. */
static void
testHybrid(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;

    treeInit(&t);
    makeV2(&t, "max 100000");
    mount(&t, "/", "unified", "cgroup2", "rw");
    makeV1(&t, -1);
    put(&t, "proc/4711/cgroup", "0::/" SCOPE "/libvirt/vcpu0\n4:cpu:/" GUEST "/vcpu0\n");
    quota = openQuota(&t, 1);
    g_assert_false(convergeVcpuQuotaGroup(quota, 0)->unified);
    set(quota, 0, 50);
    assertFile(&t, "cgroup/" SCOPE "/libvirt/vcpu0/cpu.max", "max 100000");
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.5, 0.001);
}

/* A part of the hierarchy is bind-mounted over its top, as in a container; there are also a hidden
 * mount of all of the hierarchy, and a mount of something else. */
static void
testMounts(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;

    treeInit(&t);
    mount(&t, "/..", "cpu", "cgroup", "rw,cpu");
    makeV1(&t, -1);
    mount(&t, "/machine", "with\\040blank", "cgroup", "rw,cpu");
    mount(&t, "/mach", "cpu", "cgroup", "rw,cpu");
    put(&t, "proc/4712/cgroup", "4:cpu:/machine/guest/vcpu1\n");
    put(&t, "cgroup/with blank/guest/vcpu1/tasks", "%d\n", TID2);
    put(&t, "cgroup/with blank/guest/vcpu1/cpu.cfs_quota_us", "-1\n");
    put(&t, "cgroup/with blank/guest/vcpu1/cpu.cfs_period_us", "100000\n");
    quota = openQuota(&t, 2);
    g_assert_true(g_str_has_suffix(convergeVcpuQuotaGroup(quota, 0)->directory, "cpu/" GUEST "/vcpu0"));
    g_assert_true(g_str_has_suffix(convergeVcpuQuotaGroup(quota, 1)->directory, "with blank/guest/vcpu1"));
}

static void
testRefused(void)
{
    static const struct {
        const char *name; /* what is different */
        const char *content;
        const char *why;
    } rows[] = {
        { "proc/4711/cgroup", "4:cpu:/" GUEST "/emulator\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "4:cpu:/" GUEST "/vcpu\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "4:cpu:/" GUEST "/vcpu0x\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "4:cpu:/\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "0::/user.slice/session.scope\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "4:memory:/" GUEST "/vcpu0\n", "in no cgroup with the cpu controller" },
        { "proc/4711/cgroup", "4:cpuset:/" GUEST "/vcpu0\n", "in no cgroup with the cpu controller" },
        { "proc/4711/cgroup", "", "in no cgroup with the cpu controller" },
        { "proc/4711/cgroup", "\n:\n::\ncpu\n", "in no cgroup with the cpu controller" },
        { "proc/4711/cgroup", "4:cpu:/" GUEST "/vcpu1\n", "not mounted here" },
        { "proc/4711/cgroup", "4:cpu:/" GUEST "/vcpu0 (deleted)\n", "no cgroup of its own" },
        { "proc/4711/cgroup", "0::/" GUEST "/vcpu0\n", "not mounted here" },
        { "proc/self/mountinfo", "garbage\n- - -\n1 2 3 4 5 6 -\n", "not mounted here" },
        { "cgroup/cpu/" GUEST "/vcpu0/tasks", "47110\n", "not mounted here" },
        { "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "many\n", "has no CPU quota" },
        { "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "", "has no CPU quota" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(tree) t = { 0 };

        treeInit(&t);
        makeV1(&t, -1);
        put(&t, rows[i].name, "%s", rows[i].content);
        assertRefused(&t, 1, rows[i].why);
    }
}

static void
testRefusedAll(void)
{
    g_auto(tree) t = { 0 };
    g_autofree char *cgroup = NULL;

    treeInit(&t);
    assertRefused(&t, 1, "cannot find the cgroups of 1 vCPUs");
    makeV1(&t, -1);
    assertRefused(&t, 0, "cannot find the cgroups of 0 vCPUs");

    /* One of two threads is refused, and so are two threads in one group. */
    put(&t, "proc/4712/cgroup", "4:cpu:/" GUEST "/emulator\n");
    assertRefused(&t, 2, "thread 4712");
    put(&t, "proc/4712/cgroup", "4:cpu:/" GUEST "/vcpu0\n");
    put(&t, "cgroup/cpu/" GUEST "/vcpu0/tasks", "4711\n4712\n");
    assertRefused(&t, 2, "share");

    cgroup = g_build_filename(t.top, "proc/4711/cgroup", NULL);
    g_assert_cmpint(g_remove(cgroup), ==, 0);
    assertRefused(&t, 1, "thread 4711");
}

/* In version 2, groups may lack the controller, or hold something invalid. */
static void
testRefusedV2(void)
{
    static const char *const contents[] = { NULL, "", "max\n", "1000 x\n", "x 1000\n", "1000 100000 7\n", "-1 100000" };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_auto(tree) t = { 0 };
        g_autofree char *max = NULL;

        treeInit(&t);
        makeV2(&t, contents[i] ? contents[i] : "");
        max = g_build_filename(t.top, "cgroup/" SCOPE "/libvirt/vcpu0/cpu.max", NULL);
        if (!contents[i])
            g_assert_cmpint(g_remove(max), ==, 0);
        assertRefused(&t, 1, "has no CPU quota");
    }
}

/* Permissions do not bind root: drop root. */
static void
testNotWritable(void)
{
    g_auto(tree) t = { 0 };
    g_autofree char *file = NULL;
    gboolean root = geteuid() == 0;

    treeInit(&t);
    makeV1(&t, -1);
    file = g_build_filename(t.top, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", NULL);
    g_assert_cmpint(g_chmod(t.top, 0755), ==, 0);
    g_assert_cmpint(g_chmod(file, 0444), ==, 0);
    if (root)
        g_assert_cmpint(seteuid(65534), ==, 0);
    assertRefused(&t, 1, g_strerror(EACCES));
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
}

/* The guest ends while it is throttled. */
static void
testVanished(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *machine = NULL;

    treeInit(&t);
    makeV1(&t, -1);
    quota = openQuota(&t, 2);
    set(quota, 0, 50);
    machine = g_build_filename(t.top, "cgroup/cpu/machine", NULL);
    filesRemove(machine);

    g_assert_false(convergeVcpuQuotaSetAll(quota, 90, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_clear_error(&error);
    g_assert_true(convergeVcpuQuotaRestore(quota, &error));
    g_assert_no_error(error);
}

/* A failure with one vCPU does not keep the others from being throttled, or restored. */
static void
testOneFails(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;
    g_autoptr(GError) error = NULL;

    treeInit(&t);
    makeV1(&t, -1);
    quota = openQuota(&t, 2);
    put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "strange");
    g_assert_false(convergeVcpuQuotaSetAll(quota, 50, &error));
    g_assert_nonnull(strstr(error->message, "vcpu0"));
    g_clear_error(&error);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu1"), 0.5, 0.001);
    g_assert_false(convergeVcpuQuotaRestore(quota, &error));
    g_assert_nonnull(error);
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu1/cpu.cfs_quota_us", "-1");

    /* Later the vCPU can be throttled again. */
    put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "100000");
    set(quota, 0, 50);
    g_assert_cmpfloat_with_epsilon(ratio1(&t, GUEST "/vcpu0"), 0.5, 0.001);
    g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "-1");
}

/* Nothing is written if nothing changes. */
static void
testIdempotent(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;

    treeInit(&t);
    makeV1(&t, -1);
    quota = openQuota(&t, 1);
    set(quota, 0, 0);
    set(quota, 0, 50);
    put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "1234567");
    set(quota, 0, 50);
    assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "1234567");
}

/* A quota that others have set meanwhile stays; what a killed process left half written is put
 * back. */
static void
testWhoseIsIt(void)
{
    static const struct {
        const char *quota; /* NULL: not changed by others */
        const char *period;
        gboolean putBack;
    } rows[] = {
        { NULL, NULL, TRUE },
        { "-1", NULL, TRUE },
        { NULL, "100000", TRUE },
        { "777777", "100000", FALSE },
        { "777777", NULL, FALSE },
        { NULL, "333", FALSE },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(tree) t = { 0 };
        g_autoptr(convergeVcpuQuota) quota = NULL;

        treeInit(&t);
        makeV1(&t, -1);
        quota = openQuota(&t, 1);
        set(quota, 0, 90);
        if (rows[i].quota)
            put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "%s", rows[i].quota);
        if (rows[i].period)
            put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us", "%s", rows[i].period);
        g_assert_true(convergeVcpuQuotaRestore(quota, NULL));
        if (rows[i].putBack || rows[i].quota)
            assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us",
                       rows[i].putBack ? "-1" : rows[i].quota);
        if (rows[i].putBack || rows[i].period)
            assertFile(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_period_us",
                       rows[i].putBack ? "100000" : rows[i].period);
    }
}

/* A file that can be read and not written, and no other obstacle. */
static void
testReadOnlyFile(void)
{
    g_auto(tree) t = { 0 };
    g_autofree char *file = NULL;
    gboolean root = geteuid() == 0;

    if (root)
        g_assert_cmpint(seteuid(65534), ==, 0);
    treeInit(&t);
    makeV1(&t, -1);
    file = g_build_filename(t.top, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", NULL);
    g_assert_cmpint(g_chmod(file, 0444), ==, 0);
    assertRefused(&t, 1, "cannot set the CPU quota");
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
}

/* What cannot be read of one vCPU keeps nothing of another from being adopted. */
static void
testAdoptGoesOn(void)
{
    g_auto(tree) t = { 0 };
    g_autoptr(convergeVcpuQuota) quota = NULL;
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE;

    treeInit(&t);
    makeV1(&t, -1);
    quota = openQuota(&t, 2);
    put(&t, "cgroup/cpu/" GUEST "/vcpu0/cpu.cfs_quota_us", "strange");
    put(&t, "cgroup/cpu/" GUEST "/vcpu1/cpu.cfs_quota_us", "50000");
    g_assert_false(convergeVcpuQuotaAdopt(quota, &changed, &error));
    g_assert_nonnull(strstr(error->message, "vcpu0"));
    g_assert_true(changed);
    g_assert_cmpint(convergeVcpuQuotaGroup(quota, 1)->quotaUs, ==, 50000);
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vcpuquota/v1", testV1);
    g_test_add_func("/vcpuquota/v2", testV2);
    g_test_add_func("/vcpuquota/hybrid", testHybrid);
    g_test_add_func("/vcpuquota/mounts", testMounts);
    g_test_add_func("/vcpuquota/operator-quota", testOperatorQuota);
    g_test_add_func("/vcpuquota/tiny-quota", testTinyQuota);
    g_test_add_func("/vcpuquota/refused", testRefused);
    g_test_add_func("/vcpuquota/refused-all", testRefusedAll);
    g_test_add_func("/vcpuquota/refused-v2", testRefusedV2);
    g_test_add_func("/vcpuquota/not-writable", testNotWritable);
    g_test_add_func("/vcpuquota/vanished", testVanished);
    g_test_add_func("/vcpuquota/one-fails", testOneFails);
    g_test_add_func("/vcpuquota/idempotent", testIdempotent);
    g_test_add_func("/vcpuquota/whose-is-it", testWhoseIsIt);
    g_test_add_func("/vcpuquota/read-only-file", testReadOnlyFile);
    g_test_add_func("/vcpuquota/adopt-goes-on", testAdoptGoesOn);
    return g_test_run();
}
