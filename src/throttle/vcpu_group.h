/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_group.h: the cgroup that libvirt has made for a vCPU thread
 *
 * See cgroups(7) and proc(5).  No state; any thread.  Errors are CONVERGE_ERROR_IO.
 */
#pragma once

#include <sys/types.h>

#include "throttle/cgroup.h"
#include "util/error.h"

/* The group of one vCPU thread, and the quota that the group has without a throttle. */
typedef struct _convergeVcpuGroup convergeVcpuGroup;
struct _convergeVcpuGroup {
    char *directory;  /* absolute, ends in /vcpuN */
    gboolean unified; /* cgroup version 2 */
    gint64 quotaUs;   /* the group's own quota, or CONVERGE_CGROUP_NO_QUOTA... */
    gint64 periodUs;  /* ...in each period of this length */
    gint64 capUs;     /* what the vCPU may use of each second: the least of one CPU, the
                       * group's own quota and the quotas of the groups above; 1..1000000 */
};

/* Whether the fields are in range and the directory can be that of a vCPU's group; to check what
 * was read from a file. */
gboolean convergeVcpuGroupIsValid(const convergeVcpuGroup *group);

/* Fills @group with the group of @thread; changes nothing.
 * @proc: the directory /proc
 * @mounts: the text of self/mountinfo in @proc
 * Returns FALSE with @error set if the thread has no group of its own, or one whose quota cannot be
 * changed. */
gboolean convergeVcpuGroupFind(convergeVcpuGroup *group, const char *proc, const char *mounts,
                               pid_t thread, GError **error);

/* Makes @original, which is in force in the group now, the quota to be put back, and computes capUs
 * anew from the group and those above. */
void convergeVcpuGroupSetOriginal(convergeVcpuGroup *group, const convergeCpuQuota *original);

/* Whether the group belongs to the guest with that id on this host, by the name that libvirt has
 * given the guest's groups.  QEMU, which names the threads of its vCPUs, may have been taken over
 * by its guest. */
gboolean convergeVcpuGroupIsOf(const convergeVcpuGroup *group, int domainId);

/* Sets @error: the group's quota cannot be set, because of @err, an errno.  Returns FALSE. */
gboolean convergeVcpuGroupReport(const convergeVcpuGroup *group, int err, GError **error);
