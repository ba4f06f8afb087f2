/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_quota.c: slow vCPU threads down by the CPU quota of their cgroups
 *
 * Where a thread is: cgroups(7), proc(5).  What the files take: the kernel's
 * Documentation/scheduler/sched-bwc.rst and admin-guide/cgroup-v2.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/vcpu_quota.h"

#define SECOND_US G_GINT64_CONSTANT(1000000)

/* The kernel's limits: min_cfs_quota_period and max_cfs_quota_period, for the quota the
 * former alone (kernel/sched/core.c). */
#define SHORTEST_US G_GINT64_CONSTANT(1000)
#define LONGEST_US SECOND_US

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

typedef struct _bandwidth bandwidth;
struct _bandwidth {
    gint64 quotaUs;     /* or CONVERGE_VCPU_QUOTA_NONE */
    gint64 periodUs;
};

typedef struct _vcpu vcpu;
struct _vcpu {
    convergeVcpuGroup group;
    gint throttle;      /* in force, %; UNKNOWN after a failure */
};
#define UNKNOWN (-1)

struct _convergeVcpuQuota {
    GArray *vcpus;      /* of vcpu */
};

/* libvirt's group of exactly one vCPU: anything else would slow down what must not be. */
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
        (group->quotaUs == CONVERGE_VCPU_QUOTA_NONE || group->quotaUs >= SHORTEST_US) &&
        group->periodUs >= SHORTEST_US && group->periodUs <= LONGEST_US &&
        group->capUs >= 1 && group->capUs <= SECOND_US;
}

/* --- Files; these return 0 or an errno --- */

static int
readFile(const char *directory,
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
    /* Takes all of it or nothing. */
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
    int ret = readFile(directory, name, &text);

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

/* --- The two versions --- */

static int
read1(const char *directory,
      bandwidth *now)
{
    int ret = readNumber(directory, "cpu.cfs_quota_us", &now->quotaUs);

    return ret ? ret : readNumber(directory, "cpu.cfs_period_us", &now->periodUs);
}

/* One file at a time, and the kernel refuses (EINVAL) a moment in which the group may
 * use more than the one above: what lowers the ratio goes first. */
static int
write1(const char *directory,
       const bandwidth *now,
       const bandwidth *next)
{
    gboolean quotaFirst = next->quotaUs == CONVERGE_VCPU_QUOTA_NONE ||
        (now->quotaUs != CONVERGE_VCPU_QUOTA_NONE && next->quotaUs < now->quotaUs);
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
      bandwidth *now)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;
    int ret = readFile(directory, "cpu.max", &text);

    if (ret)
        return ret;

    words = g_strsplit(g_strstrip(text), " ", -1);
    if (g_strv_length(words) != 2)
        return EINVAL;
    now->quotaUs = CONVERGE_VCPU_QUOTA_NONE;
    if (!g_str_equal(words[0], "max") &&
        !g_ascii_string_to_signed(words[0], 10, 0, G_MAXINT64, &now->quotaUs, NULL))
        return EINVAL;
    return g_ascii_string_to_signed(words[1], 10, 0, G_MAXINT64, &now->periodUs, NULL) ? 0 : EINVAL;
}

static int
write2(const char *directory,
       const bandwidth *now,
       const bandwidth *next)
{
    g_autofree char *quota = NULL;
    g_autofree char *text = NULL;

    if (next->quotaUs == now->quotaUs && next->periodUs == now->periodUs)
        return 0;

    if (next->quotaUs != CONVERGE_VCPU_QUOTA_NONE)
        quota = g_strdup_printf("%" G_GINT64_FORMAT, next->quotaUs);
    text = g_strdup_printf("%s %" G_GINT64_FORMAT, quota ? quota : "max", next->periodUs);
    return writeFile(directory, "cpu.max", text);
}

/* Indexed by convergeVcpuGroup.unified. */
static const struct {
    const char *filesystem;
    const char *threads;        /* the file that lists a group's threads */
    const char *quota;          /* the file that a quota is written to */
    int (*read)(const char *directory, bandwidth *now);
    int (*write)(const char *directory, const bandwidth *now, const bandwidth *next);
} versions[] = {
    [FALSE] = { "cgroup", "tasks", "cpu.cfs_quota_us", read1, write1 },
    [TRUE] = { "cgroup2", "cgroup.threads", "cpu.max", read2, write2 },
};

/* --- Bandwidths --- */

static bandwidth
original(const convergeVcpuGroup *group)
{
    return (bandwidth) { .quotaUs = group->quotaUs, .periodUs = group->periodUs };
}

/* Rounded so that it is never more than what was there. */
static bandwidth
throttled(const convergeVcpuGroup *group,
          gint throttle)
{
    gint64 shareUs = MAX(group->capUs * (100 - throttle) / 100, 1);     /* of a second */
    bandwidth ret;

    if (throttle == 0)
        return original(group);

    ret.periodUs = (SHORTEST_US * SECOND_US + shareUs - 1) / shareUs;
    ret.periodUs = CLAMP(ret.periodUs, PERIOD_US, LONGEST_US);
    ret.quotaUs = MAX(ret.periodUs * shareUs / SECOND_US, SHORTEST_US);
    return ret;
}

/* The parts one by one: a process can be killed between two writes. */
static gboolean
isOurs(const convergeVcpuGroup *group,
       const bandwidth *now)
{
    gboolean quota = FALSE;
    gboolean period = FALSE;
    gint throttle;

    for (throttle = 0; throttle <= CONVERGE_VCPU_QUOTA_MAX; throttle++) {
        bandwidth ours = throttled(group, throttle);

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

static gboolean
report(const convergeVcpuGroup *group,
       int err,
       GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                _("cannot set the CPU quota of '%1$s': %2$s"),
                group->directory, g_strerror(err));
    return FALSE;
}

gboolean
convergeVcpuGroupRestore(const convergeVcpuGroup *group,
                         GError **error)
{
    bandwidth next = original(group);
    bandwidth now;
    int err = versions[group->unified].read(group->directory, &now);

    if (err == 0 && isOurs(group, &now))
        err = versions[group->unified].write(group->directory, &now, &next);

    return err == 0 || isGone(err) || report(group, err, error);
}

/* --- Where a thread is --- */

static gboolean
hasWord(const char *list,
        const char *separators,
        const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(list, separators, -1);

    return g_strv_contains((const char *const *)words, word);
}

/* The thread's group in the hierarchy with the cpu controller, as /proc/TID/cgroup has
 * it.  A hybrid host has both versions; the controller is in one of them. */
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
    int err = readFile(proc, name, &text);
    gsize i;

    if (err) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot read the cgroups of thread %1$d: %2$s"),
                    (int)thread, g_strerror(err));
        return NULL;
    }

    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], ":", 3);     /* id:controllers:path */

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

/* The part of @path below @root, both from the top of one hierarchy; NULL: not below. */
static const char *
below(const char *path,
      const char *root)
{
    gsize length = g_str_equal(root, "/") ? 0 : strlen(root);

    if (strncmp(path, root, length) != 0 || path[length] != '/')
        return NULL;
    return path + length;
}

/* If this line of mountinfo is a mount of the hierarchy that shows the group at @path:
 * where (@top), and the group's directory. */
static char *
directoryInMount(const char *line,
                 gboolean unified,
                 const char *path,
                 char **top)
{
    enum { ROOT = 3, MOUNT_POINT = 4, OPTIONAL = 6 };
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char *root = NULL;
    const char *rest;
    gsize count = g_strv_length(words);
    gsize dash;

    for (dash = OPTIONAL; dash < count && !g_str_equal(words[dash], "-"); dash++)
        ;

    /* Behind the dash: type, source, options of the file system. */
    if (dash + 3 >= count || !g_str_equal(words[dash + 1], versions[unified].filesystem) ||
        (!unified && !hasWord(words[dash + 3], ",", "cpu")))
        return NULL;

    root = g_strcompress(words[ROOT]);
    if (!(rest = below(path, root)))
        return NULL;

    *top = g_strcompress(words[MOUNT_POINT]);
    return g_strconcat(*top, rest, NULL);
}

static gboolean
holdsThread(const char *directory,
            gboolean unified,
            pid_t thread)
{
    g_autofree char *id = g_strdup_printf("%d", (int)thread);
    g_autofree char *text = NULL;

    return readFile(directory, versions[unified].threads, &text) == 0 && hasWord(text, "\n", id);
}

/* The directory of @path; a mount may be hidden by a later one, or show something else
 * in its place, so that only the thread itself tells. */
static char *
findDirectory(const char *mounts,
              gboolean unified,
              const char *path,
              pid_t thread,
              char **top)
{
    g_auto(GStrv) lines = g_strsplit(mounts, "\n", -1);
    gsize i;

    for (i = g_strv_length(lines); i-- > 0;) {
        g_autofree char *mountPoint = NULL;
        g_autofree char *directory = directoryInMount(lines[i], unified, path, &mountPoint);

        if (directory && holdsThread(directory, unified, thread)) {
            *top = g_steal_pointer(&mountPoint);
            return g_steal_pointer(&directory);
        }
    }
    return NULL;
}

static gint64
capUs(const char *directory,
      gboolean unified,
      const char *top)
{
    g_autofree char *group = g_strdup(directory);
    gint64 cap = SECOND_US;
    bandwidth now;

    /* The topmost group has no quota. */
    while (strlen(group) > strlen(top)) {
        char *parent = g_path_get_dirname(group);

        if (versions[unified].read(group, &now) == 0 &&
            now.quotaUs > 0 && now.quotaUs < now.periodUs)
            cap = MIN(cap, (gint64)((double)now.quotaUs * SECOND_US / now.periodUs));
        g_free(group);
        group = parent;
    }
    return MAX(cap, 1);
}

static gboolean
findGroup(convergeVcpuGroup *group,
          const char *proc,
          const char *mounts,
          pid_t thread,
          GError **error)
{
    g_autofree char *path = groupOfThread(proc, thread, &group->unified, error);
    g_autofree char *top = NULL;
    g_autofree char *file = NULL;
    bandwidth now;
    int err;
    int fd;

    if (!path)
        return FALSE;

    if (!isVcpuGroup(path)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("thread %1$d has no cgroup of its own as libvirt makes it, but is in '%2$s'"),
                    (int)thread, path);
        return FALSE;
    }

    if (!(group->directory = findDirectory(mounts, group->unified, path, thread, &top))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the cgroup '%1$s' of thread %2$d is not mounted here"), path, (int)thread);
        return FALSE;
    }

    if ((err = versions[group->unified].read(group->directory, &now))) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("the cgroup '%1$s' has no CPU quota: %2$s"),
                    group->directory, g_strerror(err));
        return FALSE;
    }
    group->quotaUs = now.quotaUs;
    group->periodUs = now.periodUs;
    group->capUs = capUs(group->directory, group->unified, top);

    /* Opening is the one question that root, too, gets the right answer to. */
    file = g_build_filename(group->directory, versions[group->unified].quota, NULL);
    if ((fd = open(file, O_WRONLY | O_CLOEXEC)) < 0)
        return report(group, errno, error);
    close(fd);
    return TRUE;
}

/* --- The object --- */

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
    int err = readFile(proc, "self/mountinfo", &mounts);
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
        if (!findGroup(&cpu->group, proc, mounts, threads[i], error))
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
    bandwidth next = throttled(&cpu->group, wanted);
    bandwidth now;
    int err;

    if (wanted == before)
        return TRUE;

    cpu->throttle = UNKNOWN;
    if (wanted == 0) {
        if (!convergeVcpuGroupRestore(&cpu->group, error))
            return FALSE;
    } else {
        if ((err = versions[cpu->group.unified].read(cpu->group.directory, &now)) ||
            (err = versions[cpu->group.unified].write(cpu->group.directory, &now, &next)))
            return report(&cpu->group, err, error);
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
