/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_quota.c: slow vCPU threads down by the CPU quota of their cgroups
 */
#include <errno.h>
#include <glib/gi18n-lib.h>

#include "actuator/vcpu_quota.h"

/* Shortest period.  A thread is stopped at a tick only, and what it overran is taken off
 * the periods that follow; so stops last about tick x throttle / (100 - throttle) however
 * short the period is, and with a quota below a tick they get longer, not shorter.  A vCPU
 * that is stopped delays whoever waits for it: QEMU, before it switches over.
 *
 * Longest stop of a busy loop in 3 s, and how long QMP "stop" of a busy guest took, mean
 * and longest of 16, all in ms (Linux 6.18, tick 4 ms; KVM, QEMU 7.2; unthrottled "stop"
 * takes 1.5 and 5):
 *
 *     period    50 %          80 %          90 %          95 %           99 %
 *      10 ms    12   2   11   28  10   16   68  24   41
 *      20 ms    14   5   13   24   7   16   37  20   38   136  38   75
 *      50 ms    28   4   21   44  10   28   48  26   50    97  46  101
 *     100 ms    50   3    7   84  20   56   93  48   84   101  44   86   396 124  335
 *
 * The part of a CPU that the loop had is within 0.004 of what was asked for in all of
 * these; with a period of 2 ms it was 0.38 instead of 0.5. */
#define PERIOD_US G_GINT64_CONSTANT(20000)

typedef struct _vcpu vcpu;
struct _vcpu {
    convergeVcpuGroup group;
    gint throttle;      /* in force, %; UNKNOWN after a failure */
};
#define UNKNOWN (-1)

struct _convergeVcpuQuota {
    GArray *vcpus;      /* of vcpu */
};

static convergeBandwidth
original(const convergeVcpuGroup *group)
{
    return (convergeBandwidth) { .quotaUs = group->quotaUs, .periodUs = group->periodUs };
}

/* Rounded so that it is never more than what was there. */
static convergeBandwidth
throttled(const convergeVcpuGroup *group,
          gint throttle)
{
    gint64 shareUs = MAX(group->capUs * (100 - throttle) / 100, 1);     /* of a second */
    convergeBandwidth ret;

    if (throttle == 0)
        return original(group);

    ret.periodUs = (CONVERGE_CGROUP_SHORTEST_US * CONVERGE_CGROUP_SECOND_US + shareUs - 1) /
        shareUs;
    ret.periodUs = CLAMP(ret.periodUs, PERIOD_US, CONVERGE_CGROUP_LONGEST_US);
    ret.quotaUs = MAX(ret.periodUs * shareUs / CONVERGE_CGROUP_SECOND_US,
                      CONVERGE_CGROUP_SHORTEST_US);
    return ret;
}

/* The parts one by one: a process can be killed between two writes. */
static gboolean
isOurs(const convergeVcpuGroup *group,
       const convergeBandwidth *now)
{
    gboolean quota = FALSE;
    gboolean period = FALSE;
    gint throttle;

    for (throttle = 0; throttle <= CONVERGE_VCPU_QUOTA_MAX; throttle++) {
        convergeBandwidth ours = throttled(group, throttle);

        quota = quota || now->quotaUs == ours.quotaUs;
        period = period || now->periodUs == ours.periodUs;
    }
    return quota && period;
}

static gboolean
isGone(int err)
{
    return err == ENOENT || err == ENODEV;
}

gboolean
convergeVcpuGroupRestore(const convergeVcpuGroup *group,
                         GError **error)
{
    convergeBandwidth next = original(group);
    convergeBandwidth now;
    int err = convergeCgroups[group->unified].read(group->directory, &now);

    if (err == 0 && isOurs(group, &now))
        err = convergeCgroups[group->unified].write(group->directory, &now, &next);

    return err == 0 || isGone(err) || convergeVcpuGroupReport(group, err, error);
}

static void
clearVcpu(gpointer data)
{
    vcpu *cpu = data;

    g_free(cpu->group.directory);
}

convergeVcpuQuota *
convergeVcpuQuotaNewAt(const char *proc,
                       const pid_t *threads,
                       gsize n,
                       GError **error)
{
    g_autoptr(convergeVcpuQuota) quota = g_new0(convergeVcpuQuota, 1);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *mounts = NULL;
    int err = convergeCgroupReadFile(proc, "self/mountinfo", &mounts);
    gsize i;

    quota->vcpus = g_array_new(FALSE, TRUE, sizeof(vcpu));
    g_array_set_clear_func(quota->vcpus, clearVcpu);

    if (err || n == 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot find the cgroups of %1$zu vCPUs: %2$s"), n, g_strerror(err ? err : ESRCH));
        return NULL;
    }

    for (i = 0; i < n; i++) {
        vcpu *cpu;

        g_array_set_size(quota->vcpus, (guint)i + 1);
        cpu = &g_array_index(quota->vcpus, vcpu, i);
        if (!convergeVcpuGroupFind(&cpu->group, proc, mounts, threads[i], error))
            return NULL;

        if (!g_hash_table_add(seen, cpu->group.directory)) {
            g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                        _("two vCPUs share the cgroup '%1$s'"), cpu->group.directory);
            return NULL;
        }
    }

    return g_steal_pointer(&quota);
}

convergeVcpuQuota *
convergeVcpuQuotaNew(const pid_t *threads,
                     gsize n,
                     GError **error)
{
    return convergeVcpuQuotaNewAt("/proc", threads, n, error);
}

void
convergeVcpuQuotaFree(convergeVcpuQuota *quota)
{
    if (!quota)
        return;

    g_array_unref(quota->vcpus);
    g_free(quota);
}

gsize
convergeVcpuQuotaCount(const convergeVcpuQuota *quota)
{
    return quota->vcpus->len;
}

const convergeVcpuGroup *
convergeVcpuQuotaGroup(const convergeVcpuQuota *quota,
                       gsize index)
{
    return &g_array_index(quota->vcpus, vcpu, index).group;
}

gboolean
convergeVcpuQuotaSet(convergeVcpuQuota *quota,
                     gsize index,
                     unsigned int throttle,
                     GError **error)
{
    vcpu *cpu = &g_array_index(quota->vcpus, vcpu, index);
    gint wanted = (gint)MIN(throttle, CONVERGE_VCPU_QUOTA_MAX);
    gint before = cpu->throttle;
    convergeBandwidth next = throttled(&cpu->group, wanted);
    convergeBandwidth now;
    int err;

    if (wanted == before)
        return TRUE;

    cpu->throttle = UNKNOWN;
    if (wanted == 0) {
        if (!convergeVcpuGroupRestore(&cpu->group, error))
            return FALSE;
    } else {
        if ((err = convergeCgroups[cpu->group.unified].read(cpu->group.directory, &now)) ||
            (err = convergeCgroups[cpu->group.unified].write(cpu->group.directory, &now, &next)))
            return convergeVcpuGroupReport(&cpu->group, err, error);
    }

    cpu->throttle = wanted;
    return TRUE;
}

gboolean
convergeVcpuQuotaSetAll(convergeVcpuQuota *quota,
                        unsigned int throttle,
                        GError **error)
{
    gboolean ret = TRUE;
    gsize i;

    for (i = 0; i < quota->vcpus->len; i++)
        ret = convergeVcpuQuotaSet(quota, i, throttle, ret ? error : NULL) && ret;
    return ret;
}

gboolean
convergeVcpuQuotaRestore(convergeVcpuQuota *quota,
                         GError **error)
{
    return convergeVcpuQuotaSetAll(quota, 0, error);
}
