/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup.h: the CPU quota of a cgroup, in the files of both versions
 *
 * What the files take: the kernel's Documentation/scheduler/sched-bwc.rst and
 * admin-guide/cgroup-v2.rst.  No state; any thread.  Functions return 0 or an errno.
 */
#pragma once

#include <glib.h>

/* No limit: cpu.cfs_quota_us -1 of cgroup version 1, cpu.max "max" of version 2. */
#define CONVERGE_CGROUP_NO_QUOTA G_GINT64_CONSTANT(-1)

/* The kernel's limits: min_cfs_quota_period and max_cfs_quota_period, for the quota the
 * former alone (kernel/sched/core.c). */
#define CONVERGE_CGROUP_SHORTEST_US G_GINT64_CONSTANT(1000)
#define CONVERGE_CGROUP_LONGEST_US CONVERGE_CGROUP_SECOND_US
#define CONVERGE_CGROUP_SECOND_US G_GINT64_CONSTANT(1000000)

typedef struct _convergeCpuQuota convergeCpuQuota;
struct _convergeCpuQuota {
    gint64 quotaUs;     /* or CONVERGE_CGROUP_NO_QUOTA... */
    gint64 periodUs;    /* ...in each period of this length */
};

typedef struct _convergeCgroup convergeCgroup;
struct _convergeCgroup {
    const char *filesystem;
    const char *threads;        /* the file that lists a group's threads */
    const char *quota;          /* the file that a quota is written to */
    int (*read)(const char *directory, convergeCpuQuota *now);
    /* @now: what is there; only what differs is written */
    int (*write)(const char *directory, const convergeCpuQuota *now,
                 const convergeCpuQuota *next);
};

/* Indexed by whether it is version 2, the unified one. */
extern const convergeCgroup convergeCgroups[2];

/* @text: all of the file; g_free() */
int convergeCgroupReadFile(const char *directory, const char *name, char **text);
