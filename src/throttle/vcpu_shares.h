/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu_shares.h: which of a guest's vCPUs dirty memory, measured by QEMU over one second
 *
 * calc-dirty-rate in its mode dirty-ring, for guests with KVM's dirty ring; QEMU refuses it
 * for others.  It counts the entries of each vCPU's ring.  A page that is written again
 * after the ring was emptied counts again, so the rates are no less than those of
 * dirty_probe.h, which counts a page once: compare them with each other and with
 * dirty_limit.h, which counts alike, and with nothing else.
 *
 * During a migration the dirty log is on already; this adds one synchronisation of it.
 *
 * QEMU makes one measurement at a time, of this kind or the other.  Threads: one at a time.
 */
#pragma once

#include "qemu/qmp.h"
#include "throttle/vcpu_quota.h"

/* A vCPU that dirties less than this part of the sum, %, is not worth slowing down. */
#define CONVERGE_VCPU_SHARES_LEAST 5

typedef struct _convergeVcpuShares convergeVcpuShares;
struct _convergeVcpuShares {
    gint64 startMs;     /* of the measurement; 0: none is under way */
    GHashTable *rates;  /* of each vCPU, MiB/s, by QEMU's cpu-index; NULL: not known */
    guint64 sum;        /* MiB/s */
};

void convergeVcpuSharesClear(convergeVcpuShares *shares);

/* Starts the measurement, once.  @nowMs: on the clock of the samples */
gboolean convergeVcpuSharesStart(convergeVcpuShares *shares, const convergeMonitor *monitor,
                                 gint64 nowMs, GError **error);

/* Looks whether it has finished.  TRUE once: when it has, be it without a result.
 * @spoilt: the guest has stood still meanwhile; there will be no result */
gboolean convergeVcpuSharesCollect(convergeVcpuShares *shares, const convergeMonitor *monitor,
                                   gint64 nowMs, gboolean spoilt);

/* Whether there is a result by which vCPUs can be told apart: somebody dirtied something. */
gboolean convergeVcpuSharesKnown(const convergeVcpuShares *shares);

/* MiB/s of vCPU @cpuIndex; 0 also where it is not known. */
guint64 convergeVcpuSharesRate(const convergeVcpuShares *shares, gint64 cpuIndex);

/* Throttles by @throttle %, 0..CONVERGE_VCPU_QUOTA_MAX, those that dirty at least
 * CONVERGE_VCPU_SHARES_LEAST % of the sum, and leaves the others what they had; all alike
 * if the shares are not known, and one that was not measured in any case.
 * @cpus: QEMU's cpu-index, gint64, of each vCPU of @quota
 * Errors as convergeVcpuQuotaSetAll(). */
gboolean convergeVcpuSharesSetQuota(const convergeVcpuShares *shares, convergeVcpuQuota *quota,
                                    const GArray *cpus, unsigned int throttle, GError **error);

/* One translated sentence without a period on who is slowed down; g_free(). */
char *convergeVcpuSharesExplain(const convergeVcpuShares *shares);
