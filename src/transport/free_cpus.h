/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * free_cpus.h: how many processors of a host have nothing to do
 *
 * From two looks at what all of them have done since the host was started.  The guest that is going to be
 * migrated is busy with its own work as before, so its processors do not count.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/* Time between two looks: shorter ones see too few of the kernel's ticks. */
#define CONVERGE_FREE_CPUS_MS 200

/* What the processors have done, in seconds. */
typedef struct _convergeCpuTimes convergeCpuTimes;
struct _convergeCpuTimes {
    double idle;
    double wall; /* on any clock that does not jump */
};

/* Parses /proc/stat, of @ticks a second, at @wall.  Returns FALSE if it cannot be parsed. */
gboolean convergeCpuTimesParse(const char *stat, double ticks, double wall, convergeCpuTimes *times);

/* Asks this host, or that of @conn.  Returns FALSE if that is not known; no error is raised. */
gboolean convergeCpuTimesHere(convergeCpuTimes *times);
gboolean convergeCpuTimesOf(virConnectPtr conn, convergeCpuTimes *times);

/* Processors that were free between two looks, at least 0. */
double convergeFreeCpus(const convergeCpuTimes *before, const convergeCpuTimes *after);
