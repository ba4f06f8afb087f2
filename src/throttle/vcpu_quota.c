/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_quota.c: slow vCPU threads down by the CPU quota of their cgroups
 */
#include <errno.h>
#include <glib/gi18n-lib.h>

#include "throttle/vcpu_quota.h"

/* The shortest period.  The kernel stops a thread only at a tick, and takes what the thread
 * overran off the periods that follow.  So stops last about tick x throttle /
 * (100 - throttle) however short the period is, and with a quota below a tick they get
 * longer, not shorter.  QEMU has to wait for a stopped vCPU before it switches over.
 *
 * Longest stop of a busy loop in 3 s, and how long QMP "stop" of a busy guest took, mean
 * and longest of 16, all in ms (Linux 6.18, tick 4 ms; KVM, QEMU 7.2; unthrottled, "stop"
 * takes 1.5 and 5):
 *
 *     period    50 %          80 %          90 %          95 %           99 %
 *      10 ms    12   2   11   28  10   16   68  24   41
 *      20 ms    14   5   13   24   7   16   37  20   38   136  38   75
 *      50 ms    28   4   21   44  10   28   48  26   50    97  46  101
 *     100 ms    50   3    7   84  20   56   93  48   84   101  44   86   396 124  335
 *
 * In all of these, the part of a CPU that the loop got is within 0.004 of what it should
 * be; with a period of 2 ms it was 0.38 instead of 0.5. */
#define PERIOD_US G_GINT64_CONSTANT(20000)

typedef struct _vcpu vcpu;
struct _vcpu {
    convergeVcpuGroup group;
    gint throttle; /* in force, %; UNKNOWN after a failure, or if others have written */
    /* A quota or period in one of these was written by this program.  The two differ after
     * a failed write: each file may hold the old value or the new one. */
    convergeCpuQuota written[2];
};
#define UNKNOWN (-1)

struct _convergeVcpuQuota {
    GArray *vcpus; /* of vcpu */
};

static convergeCpuQuota
original(const convergeVcpuGroup *group)
{
    return (convergeCpuQuota) { .quotaUs = group->quotaUs, .periodUs = group->periodUs };
}

/* The quota for @throttle %, rounded down so that it never exceeds the original. */
static convergeCpuQuota
throttled(const convergeVcpuGroup *group,
          gint throttle)
{
    gint64 shareUs = MAX(group->capUs * (100 - throttle) / 100, 1); /* of a second */
    convergeCpuQuota ret;

    if (throttle == 0)
        return original(group);

    ret.periodUs = (CONVERGE_CGROUP_SHORTEST_US * CONVERGE_CGROUP_SECOND_US + shareUs - 1) /
        shareUs;
    ret.periodUs = CLAMP(ret.periodUs, PERIOD_US, CONVERGE_CGROUP_LONGEST_US);
    ret.quotaUs = MAX(ret.periodUs * shareUs / CONVERGE_CGROUP_SECOND_US,
                      CONVERGE_CGROUP_SHORTEST_US);
    return ret;
}

static gboolean
isGone(int err)
{
    return err == ENOENT || err == ENODEV;
}

/* After the kernel has refused a larger share than that of a group above (version 1): leaves the
 * group without a quota of its own, since the group above limits the vCPU anyway. */
static gboolean
lift(const convergeVcpuGroup *group,
     const convergeCpuQuota *refused,
     GError **error)
{
    const convergeCgroup *cgroup = &convergeCgroups[group->unified];
    convergeCpuQuota next = { .quotaUs = CONVERGE_CGROUP_NO_QUOTA, .periodUs = refused->periodUs };
    convergeCpuQuota now;

    if (cgroup->read(group->directory, &now) || cgroup->write(group->directory, &now, &next))
        return convergeVcpuGroupReport(group, EINVAL, error);

    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("the kernel refused a CPU quota of %1$lld us in each %2$lld us for '%3$s', which has no quota of its own now"),
                (long long)refused->quotaUs, (long long)refused->periodUs, group->directory);
    return FALSE;
}

/* Puts quota and period back to the original, each if it is in one of the @n pairs of @written.
 *
 * @after: set to what is in force then */
static gboolean
restoreValues(const convergeVcpuGroup *group,
              const convergeCpuQuota *written,
              gsize n,
              convergeCpuQuota *after,
              GError **error)
{
    const convergeCgroup *cgroup = &convergeCgroups[group->unified];
    convergeCpuQuota now = { 0 };
    int err = cgroup->read(group->directory, &now);
    gsize i;

    *after = err ? original(group) : now;
    for (i = 0; i < n; i++) {
        if (now.quotaUs == written[i].quotaUs)
            after->quotaUs = group->quotaUs;
        if (now.periodUs == written[i].periodUs)
            after->periodUs = group->periodUs;
    }

    if (err == 0 && (err = cgroup->write(group->directory, &now, after)) == EINVAL)
        return lift(group, after, error);
    return err == 0 || isGone(err) || convergeVcpuGroupReport(group, err, error);
}

gboolean
convergeVcpuGroupRestore(const convergeVcpuGroup *group,
                         GError **error)
{
    convergeCpuQuota written[CONVERGE_VCPU_QUOTA_MAX + 1];
    convergeCpuQuota after;
    gint throttle;

    for (throttle = 0; throttle <= CONVERGE_VCPU_QUOTA_MAX; throttle++)
        written[throttle] = throttled(group, throttle);
    return restoreValues(group, written, G_N_ELEMENTS(written), &after, error);
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

        cpu->written[0] = cpu->written[1] = original(&cpu->group);
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

/* Whether quota and period are in the @n pairs, not necessarily both in the same. */
static gboolean
holdsOnly(const convergeCpuQuota *now,
          const convergeCpuQuota *pairs,
          gsize n)
{
    gboolean quota = FALSE;
    gboolean period = FALSE;
    gsize i;

    for (i = 0; i < n; i++) {
        quota = quota || now->quotaUs == pairs[i].quotaUs;
        period = period || now->periodUs == pairs[i].periodUs;
    }
    return quota && period;
}

/* Whether nothing has to be adopted first. */
static gboolean
isKnown(const vcpu *cpu,
        const convergeCpuQuota *now)
{
    const convergeCpuQuota known[] = { cpu->written[0], cpu->written[1], original(&cpu->group) };

    return holdsOnly(now, known, G_N_ELEMENTS(known));
}

/* Puts back first what this program has written, so that the group never holds a value that neither
 * the old record nor the new one explains. */
static gboolean
adoptOne(vcpu *cpu,
         gboolean *changed,
         GError **error)
{
    convergeVcpuGroup next = cpu->group;
    convergeCpuQuota now;
    int err = convergeCgroups[next.unified].read(next.directory, &now);

    if (err)
        return convergeVcpuGroupReport(&next, err, error);
    if (holdsOnly(&now, cpu->written, G_N_ELEMENTS(cpu->written)))
        return TRUE;

    cpu->throttle = UNKNOWN;
    if (isKnown(cpu, &now))
        return TRUE;

    if (!restoreValues(&cpu->group, cpu->written, G_N_ELEMENTS(cpu->written), &now, error))
        return FALSE;
    convergeVcpuGroupSetOriginal(&next, &now);
    if (!convergeVcpuGroupIsValid(&next))
        return convergeVcpuGroupReport(&next, ERANGE, error);

    cpu->group = next;
    cpu->written[0] = cpu->written[1] = now;
    *changed = TRUE;
    return TRUE;
}

gboolean
convergeVcpuQuotaAdopt(convergeVcpuQuota *quota,
                       gboolean *changed,
                       GError **error)
{
    gboolean ret = TRUE;
    guint i;

    for (i = 0; i < quota->vcpus->len; i++)
        ret = adoptOne(&g_array_index(quota->vcpus, vcpu, i), changed, ret ? error : NULL) && ret;
    return ret;
}

/* A value that others have just written stays until it is adopted. */
static gboolean
throttleOne(vcpu *cpu,
            gint throttle,
            GError **error)
{
    const convergeCgroup *cgroup = &convergeCgroups[cpu->group.unified];
    convergeCpuQuota next = throttled(&cpu->group, throttle);
    convergeCpuQuota now;
    int err = cgroup->read(cpu->group.directory, &now);

    if (err)
        return convergeVcpuGroupReport(&cpu->group, err, error);
    if (!isKnown(cpu, &now))
        return TRUE;

    cpu->written[0] = now;
    cpu->written[1] = next;
    if ((err = cgroup->write(cpu->group.directory, &now, &next)))
        return convergeVcpuGroupReport(&cpu->group, err, error);

    cpu->written[0] = next;
    cpu->throttle = throttle;
    return TRUE;
}

static gboolean
releaseOne(vcpu *cpu,
           GError **error)
{
    convergeCpuQuota after;

    if (!restoreValues(&cpu->group, cpu->written, G_N_ELEMENTS(cpu->written), &after, error))
        return FALSE;

    cpu->written[0] = cpu->written[1] = original(&cpu->group);
    cpu->throttle = 0;
    return TRUE;
}

gboolean
convergeVcpuQuotaSet(convergeVcpuQuota *quota,
                     gsize index,
                     unsigned int throttle,
                     GError **error)
{
    vcpu *cpu = &g_array_index(quota->vcpus, vcpu, index);
    gint wanted = (gint)MIN(throttle, CONVERGE_VCPU_QUOTA_MAX);

    if (wanted == cpu->throttle)
        return TRUE;

    cpu->throttle = UNKNOWN;
    return wanted == 0 ? releaseOne(cpu, error) : throttleOne(cpu, wanted, error);
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
