/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_shares.h: which of a guest's vCPUs dirty memory, measured by QEMU over one second
 *
 * calc-dirty-rate in its mode dirty-ring, for guests with KVM's dirty ring; QEMU refuses it
 * for others.  QEMU counts the entries of each vCPU's ring.  A page that is written again
 * after the ring was emptied counts again, so that the rates are higher than those of
 * dirty_probe.h, which counts a page once.  They can be compared only with each other and with
 * the limits of dirty_limit.h, which count in the same way.
 *
 * During a migration the dirty log is on already; this adds one synchronisation of it.
 *
 * QEMU makes one measurement at a time, of this kind or of dirty_probe.h's.  Threads: one at a
 * time.
 */
#pragma once

#include "qemu/qmp.h"
#include "throttle/vcpu_quota.h"

/* A vCPU that dirties less than this part of the sum, %, is not slowed down. */
#define CONVERGE_VCPU_SHARES_LEAST 5

typedef struct _convergeVcpuShares convergeVcpuShares;
struct _convergeVcpuShares {
    gint64 startMs;    /* of the measurement; 0: none is under way */
    GHashTable *rates; /* of each vCPU, MiB/s, by QEMU's cpu-index; NULL: not known */
    guint64 sum;       /* MiB/s */
};

void convergeVcpuSharesClear(convergeVcpuShares *shares);

/* Starts the measurement, once.  @nowMs: on the clock of the samples */
gboolean convergeVcpuSharesStart(convergeVcpuShares *shares, const convergeMonitor *monitor,
                                 gint64 nowMs, GError **error);

/* Checks whether the measurement has finished.  Returns TRUE once when it has, with or without a
 * result.
 * @spoilt: the guest has stood still meanwhile, so that there is no result */
gboolean convergeVcpuSharesCollect(convergeVcpuShares *shares, const convergeMonitor *monitor,
                                   gint64 nowMs, gboolean spoilt);

/* Whether there is a result, in which at least one vCPU has dirtied memory. */
gboolean convergeVcpuSharesKnown(const convergeVcpuShares *shares);

/* The rate of vCPU @cpuIndex, MiB/s; 0 if it is not known. */
guint64 convergeVcpuSharesRate(const convergeVcpuShares *shares, gint64 cpuIndex);

/* Throttles the vCPUs that dirty at least CONVERGE_VCPU_SHARES_LEAST % of the sum, and lifts the
 * throttle of the others.  A vCPU that was not measured is throttled too; so are all of them if
 * the shares are not known.
 * @cpus: QEMU's cpu-index, gint64, of each vCPU of @quota
 * @throttle: %, 0..CONVERGE_VCPU_QUOTA_MAX
 * Errors as convergeVcpuQuotaSetAll(). */
gboolean convergeVcpuSharesSetQuota(const convergeVcpuShares *shares, convergeVcpuQuota *quota,
                                    const GArray *cpus, unsigned int throttle, GError **error);

/* Which vCPUs are slowed down: one translated sentence without a period.  Free with g_free(). */
char *convergeVcpuSharesExplain(const convergeVcpuShares *shares);
