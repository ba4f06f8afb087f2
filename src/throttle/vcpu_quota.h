/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_quota.h: slow vCPU threads down by the CPU quota of their cgroups
 *
 * libvirt makes a group "vcpuN" for every vCPU thread of a guest whenever it has the
 * cpu controller.  The quota (CFS bandwidth) of these is written directly: libvirt's
 * own call, virDomainSetSchedulerParameters(), waits for the migration to end.  So
 * this is for processes that see these groups and may write to them: the daemon of
 * the source host, not a client.
 *
 * Unlike QEMU's throttle it acts at once, on one vCPU or all, and up or down.
 * Throttle @t leaves a vCPU the part (1 - t/100) of what it may use otherwise: one
 * CPU, or less where the operator has set a quota on the vCPU or on anything above.
 * A quota above may be shared with others, so that a vCPU cannot use all of it; a throttle
 * that leaves more than the vCPU has then is without effect.
 *
 * The cost: QEMU waits for a stopped vCPU before it switches over, which adds a mean of
 * 7 ms to the pause under 80 %, 38 ms under 95 % and 124 ms under 99 % (vcpu_quota.c).  To
 * put back what was there lets all vCPUs run at once.
 *
 * Whatever is written is derived from what was there (convergeVcpuGroup) and the
 * throttle alone, so that a process that knows only the former, such as the daemon
 * after a crash, can tell our values from the operator's.
 *
 * Others may write to the same files at any time: virsh schedinfo, a hook script, a
 * management daemon.  Quota and period are judged each by itself: one that is still ours
 * goes back to what it was, one that somebody else has set stays.
 *
 * Threads: no state of its own but in the objects; one thread at a time each.
 * Errors are CONVERGE_ERROR_IO, with the file or thread in the message.
 */
#pragma once

#include "throttle/vcpu_group.h"

/* More throttle than that leaves less than a quota can say. */
#define CONVERGE_VCPU_QUOTA_MAX 99

/* By a record alone: gives back quota and period, each if it is a value that can be derived
 * from @group.  A group that is gone, with its guest, is no error.  Makes no libvirt call.
 * Where a group above has become tighter than what is to be put back, the kernel may refuse
 * it: then the group is left without a quota of its own, and that is the error. */
gboolean convergeVcpuGroupRestore(const convergeVcpuGroup *group, GError **error);

typedef struct _convergeVcpuQuota convergeVcpuQuota;

/* Finds the groups of @n vCPU threads, given by their thread ids; changes nothing.
 * NULL with @error: not all of them can be throttled in this way, and why (no cpu
 * controller, not in a group of its own as libvirt makes it, not writable...). */
convergeVcpuQuota *convergeVcpuQuotaNew(const pid_t *threads, gsize n, GError **error);

/* For tests: with another directory than /proc. */
convergeVcpuQuota *convergeVcpuQuotaNewAt(const char *proc, const pid_t *threads, gsize n,
                                          GError **error);

/* Puts nothing back. */
void convergeVcpuQuotaFree(convergeVcpuQuota *quota);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeVcpuQuota, convergeVcpuQuotaFree)

/* How many vCPUs there are, and what was there before; borrowed, for the record of what
 * has to be undone.  @index as in the array given to convergeVcpuQuotaNew(). */
gsize convergeVcpuQuotaCount(const convergeVcpuQuota *quota);
const convergeVcpuGroup *convergeVcpuQuotaGroup(const convergeVcpuQuota *quota, gsize index);

/* Looks what others have set since the last write.  A quota or period that is neither ours
 * nor the original becomes the original of that vCPU, one that is still ours keeps its
 * original and goes back to it at once.  To be called before a throttle is set; where
 * somebody else wrote, convergeVcpuQuotaSet() then writes the throttle anew.
 * @changed: set to TRUE, never to FALSE, if an original is another one: then the record
 * must be saved before anything else is written.  Goes on after a failure, and reports the
 * first. */
gboolean convergeVcpuQuotaAdopt(convergeVcpuQuota *quota, gboolean *changed, GError **error);

/* Throttles vCPU @index by @throttle %, 0..CONVERGE_VCPU_QUOTA_MAX (what is above counts
 * as that); 0 puts back what was there.  In force on return, except for a vCPU on which
 * somebody else has set something since convergeVcpuQuotaAdopt(): that stays until it has
 * been adopted.  Writes only where something changes: every write of a quota lets the vCPU
 * off its debt.  After a failure that vCPU carries the old quota, the new one, or
 * something between; to call again or to restore is right in any case. */
gboolean convergeVcpuQuotaSet(convergeVcpuQuota *quota, gsize index, unsigned int throttle,
                              GError **error);

/* The same for all; goes on after a failure, and reports the first. */
gboolean convergeVcpuQuotaSetAll(convergeVcpuQuota *quota, unsigned int throttle, GError **error);

/* Gives back quota and period of every vCPU, each if it is what this object has written
 * last; errors as convergeVcpuGroupRestore().  Goes on after a failure, and reports the
 * first.  Idempotent. */
gboolean convergeVcpuQuotaRestore(convergeVcpuQuota *quota, GError **error);
