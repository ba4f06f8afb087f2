/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_quota.h: slow vCPU threads down by the CPU quota of their cgroups
 *
 * libvirt makes a group "vcpuN" for every vCPU thread of a guest if it has the cpu
 * controller.  The quota (CFS bandwidth) of these groups is written directly, since
 * libvirt's own call, virDomainSetSchedulerParameters(), waits for the migration to end.
 * So this is for processes that may write to these groups: the daemon of the source
 * host, not a client.
 *
 * Unlike QEMU's throttle, a quota acts at once, on one vCPU or all, up or down.
 * Throttle @t leaves a vCPU the part (1 - t/100) of what it may use otherwise: one
 * CPU, or less if the operator has set a quota on the vCPU's group or a group above.
 * If the vCPU shares a quota above with others, it cannot use all of that quota; then a
 * throttle that leaves it more than its share has no effect.
 *
 * The cost: QEMU waits for a stopped vCPU before it switches over, which adds a mean of
 * 7 ms to the downtime under 80 %, 38 ms under 95 % and 124 ms under 99 % (vcpu_quota.c).
 * Putting the original back lets all vCPUs run at once.
 *
 * Every value written is derived from the original (convergeVcpuGroup) and the throttle
 * alone.  So a process that knows only the original, such as the daemon after a crash, can
 * tell this program's values from the operator's.
 *
 * Others may write to the same files at any time: virsh schedinfo, a hook script, a
 * management daemon.  Quota and period are put back separately: a value that this program
 * has written goes back to the original, a value that others have set stays.
 *
 * Threads: one at a time for each object.  Errors are CONVERGE_ERROR_IO, with the file or
 * thread in the message.
 */
#pragma once

#include "throttle/vcpu_group.h"

/* The strongest throttle, %: a stronger one would need a quota below the kernel's minimum. */
#define CONVERGE_VCPU_QUOTA_MAX 99

/* Puts quota and period back to the originals in @group, each if it has a value that can be
 * derived from @group; needs nothing else, such as after a crash.  If the group is gone, with its
 * guest, that is no error.  Makes no libvirt call.
 *
 * If a group above now has a tighter quota than the original, the kernel may refuse the original.
 * Then the group is left without a quota of its own, and @error is set. */
gboolean convergeVcpuGroupRestore(const convergeVcpuGroup *group, GError **error);

typedef struct _convergeVcpuQuota convergeVcpuQuota;

/* Finds the groups of @n vCPU threads, given by their thread ids; changes nothing.
 * Returns NULL with @error set if a thread cannot be throttled in this way: no cpu controller,
 * no group of its own as libvirt makes it, not writable... */
convergeVcpuQuota *convergeVcpuQuotaNew(const pid_t *threads, gsize n, GError **error);

/* The same for tests, with another directory than /proc. */
convergeVcpuQuota *convergeVcpuQuotaNewAt(const char *proc, const pid_t *threads, gsize n,
                                          GError **error);

/* Puts nothing back. */
void convergeVcpuQuotaFree(convergeVcpuQuota *quota);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeVcpuQuota, convergeVcpuQuotaFree)

/* The number of vCPUs, and the group of each with its original, for the record of what has to be
 * undone; the group is owned by @quota.  @index: as in the array given to convergeVcpuQuotaNew() */
gsize convergeVcpuQuotaCount(const convergeVcpuQuota *quota);
const convergeVcpuGroup *convergeVcpuQuotaGroup(const convergeVcpuQuota *quota, gsize index);

/* Takes over what others have set since the last write.  In each group where others have written, a
 * quota or period of theirs becomes the original, and one written by @quota goes back to its
 * original at once.  To be called before a throttle is set; convergeVcpuQuotaSet() then writes the
 * throttle anew in these groups.  Goes on after a failure, and reports the first.
 * @changed: set to TRUE, never to FALSE, if an original has changed: then the record must be
 *           saved before anything else is written */
gboolean convergeVcpuQuotaAdopt(convergeVcpuQuota *quota, gboolean *changed, GError **error);

/* Throttles vCPU @index by @throttle %, 0..CONVERGE_VCPU_QUOTA_MAX (more counts as the
 * maximum); 0 puts the original back.  In force on return, except for a vCPU whose quota others
 * have set since convergeVcpuQuotaAdopt(): their quota stays until it is adopted.  Writes only if
 * something changes, since every write of a quota lets the vCPU run before it has waited for what
 * it overran.  After a failure the vCPU has the old quota, the new one, or something between;
 * call again or restore. */
gboolean convergeVcpuQuotaSet(convergeVcpuQuota *quota, gsize index, unsigned int throttle,
                              GError **error);

/* The same for all vCPUs; goes on after a failure, and reports the first. */
gboolean convergeVcpuQuotaSetAll(convergeVcpuQuota *quota, unsigned int throttle, GError **error);

/* Puts back quota and period of every vCPU, each if it has the value that @quota has written
 * last; errors as convergeVcpuGroupRestore().  Goes on after a failure, and reports the first.
 * Idempotent. */
gboolean convergeVcpuQuotaRestore(convergeVcpuQuota *quota, GError **error);
