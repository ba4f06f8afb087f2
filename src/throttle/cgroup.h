/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup.h: the CPU quota of a cgroup, in the files of both versions
 *
 * For the files see the kernel's Documentation/scheduler/sched-bwc.rst and
 * admin-guide/cgroup-v2.rst.  No state; any thread.  Functions return 0 or an errno.
 */
#pragma once

#include <glib.h>

/* No limit: -1 in cpu.cfs_quota_us of cgroup version 1, "max" in cpu.max of version 2. */
#define CONVERGE_CGROUP_NO_QUOTA G_GINT64_CONSTANT(-1)

/* The kernel's limits of a period, min_cfs_quota_period and max_cfs_quota_period; the former also
 * limits the quota (kernel/sched/core.c). */
#define CONVERGE_CGROUP_SHORTEST_US G_GINT64_CONSTANT(1000)
#define CONVERGE_CGROUP_LONGEST_US CONVERGE_CGROUP_SECOND_US
#define CONVERGE_CGROUP_SECOND_US G_GINT64_CONSTANT(1000000)

typedef struct _convergeCpuQuota convergeCpuQuota;
struct _convergeCpuQuota {
    gint64 quotaUs;  /* or CONVERGE_CGROUP_NO_QUOTA... */
    gint64 periodUs; /* ...in each period of this length */
};

typedef struct _convergeCgroup convergeCgroup;
struct _convergeCgroup {
    const char *filesystem;
    const char *threads; /* the file that lists a group's threads */
    const char *quota;   /* the file to which a quota is written */
    int (*read)(const char *directory, convergeCpuQuota *now);
    /* @now: the present quota; only what differs is written */
    int (*write)(const char *directory, const convergeCpuQuota *now,
                 const convergeCpuQuota *next);
};

/* [FALSE]: version 1, [TRUE]: version 2, the unified one. */
extern const convergeCgroup convergeCgroups[2];

/* Sets @text to the content of a file, to be freed with g_free(). */
int convergeCgroupReadFile(const char *directory, const char *name, char **text);
