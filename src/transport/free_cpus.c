/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * free_cpus.c: how many processors of a host have nothing to do
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "transport/free_cpus.h"

#define STAT "/proc/stat"

static double
wallSeconds(void)
{
    return (double)g_get_monotonic_time() / G_USEC_PER_SEC;
}

gboolean
convergeCpuTimesParse(const char *stat,
                      double ticks,
                      double wall,
                      convergeCpuTimes *times)
{
    unsigned long long idle, waiting;

    /* Of "cpu", the sum of all: user, nice, system, idle, iowait. */
    if (!g_str_has_prefix(stat, "cpu ") ||
        sscanf(stat, "cpu %*u %*u %*u %llu %llu", &idle, &waiting) != 2)
        return FALSE;
    *times = (convergeCpuTimes) { (double)(idle + waiting) / ticks, wall };
    return TRUE;
}

gboolean
convergeCpuTimesHere(convergeCpuTimes *times)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(STAT, &text, NULL, NULL) &&
        convergeCpuTimesParse(text, (double)sysconf(_SC_CLK_TCK), wallSeconds(), times);
}

gboolean
convergeCpuTimesOf(virConnectPtr conn,
                   convergeCpuTimes *times)
{
    g_autofree virNodeCPUStatsPtr stats = NULL;
    unsigned long long ns = 0;
    gboolean known = FALSE;
    int n = 0;
    int i;

    if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, NULL, &n, 0) < 0 || n <= 0) {
        virResetLastError();
        return FALSE;
    }
    stats = g_new0(virNodeCPUStats, n);
    if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, stats, &n, 0) < 0) {
        virResetLastError();
        return FALSE;
    }

    for (i = 0; i < n; i++) {
        gboolean idle = g_str_equal(stats[i].field, VIR_NODE_CPU_STATS_IDLE);

        known |= idle;
        if (idle || g_str_equal(stats[i].field, VIR_NODE_CPU_STATS_IOWAIT))
            ns += stats[i].value;
    }
    *times = (convergeCpuTimes) { (double)ns * 1e-9, wallSeconds() };
    return known;
}

double
convergeFreeCpus(const convergeCpuTimes *before,
                 const convergeCpuTimes *after)
{
    double wall = after->wall - before->wall;

    return wall > 0 ? MAX((after->idle - before->idle) / wall, 0) : 0;
}
