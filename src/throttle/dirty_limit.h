/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_limit.h: slow vCPUs down by QEMU's limit of the dirty rate of each
 *
 * set-vcpu-dirty-limit, since QEMU 7.1, for guests with KVM's dirty ring.  A vCPU sleeps
 * whenever its ring is full, so that only vCPUs that write are slowed down.  Throttle @t
 * leaves a vCPU the part (1 - t/100) of the rate that vcpu_shares.h has measured, and at
 * least 1 MiB/s, since 0 means no limit to QEMU.
 *
 * The limit is coarse: QEMU adjusts once a second, and tolerates 25 MiB/s
 * (softmmu/dirtylimit.c).  And a sleeping vCPU cannot be stopped: QEMU waits for it before
 * it switches over, up to 99 times as long as the ring takes to fill.  The smaller the
 * ring, the better.  For a guest that dirties 350 MiB/s by the ring's count, the table has
 * the part of its speed that was left, the rate that QEMU reported, MiB/s, and how long
 * QMP "stop" took, the longest of 8 (KVM of Linux 6.18):
 *
 *     QEMU   ring    limit 200              limit 100              limit 30 MiB/s
 *     7.2     4096   0.68  220  0.0 s       0.34  120  0.0 s       0.15   55  0.0 s
 *     7.2    65536   0.77  255  0.0 s       0.73  255  0.0 s       0.73  255  0.0 s
 *     10.0   65536   0.67  255  0.5 s       0.23  255  6.0 s       0.09  255  not measured
 *
 * A ring of 65536 pages holds 256 MiB, which is what these limits allow in a second or
 * more, so that QEMU's measurement over a second sees a full ring or none.
 *
 * Threads: one at a time.
 */
#pragma once

#include "throttle/vcpu_shares.h"

/* A limited vCPU that dirtied memory before has come to a stop if it dirties nothing for this
 * long, ms: three of QEMU's measurements. */
#define CONVERGE_DIRTY_LIMIT_STALL_MS 3000

typedef struct _convergeDirtyLimit convergeDirtyLimit;
struct _convergeDirtyLimit {
    unsigned int throttle; /* %, in force */
    GHashTable *written;   /* cpu-index to the limits that were set; NULL: none */
    gint64 askedMs;        /* when QEMU was last asked for the rates */
    gint64 aliveMs;        /* when all limited vCPUs were last seen to dirty memory */
};

/* Sends nothing to QEMU. */
void convergeDirtyLimitClear(convergeDirtyLimit *limit);

/* Whether QEMU has such limits, and none is set yet. */
gboolean convergeDirtyLimitCheck(const convergeMonitor *monitor, GError **error);

/* Limits all vCPUs; 0 cancels the limits.  Sends nothing if nothing changes.  After a failure some
 * vCPUs may have the new limit: cancel then.
 * @shares: must be known
 * @nowMs: on the clock of the samples */
gboolean convergeDirtyLimitSet(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                               const convergeVcpuShares *shares, unsigned int throttle,
                               gint64 nowMs, GError **error);

/* Cancels each limit that still has the value last set; a limit that others have set meanwhile
 * stays.  Goes on after a failure, and reports the first.  Idempotent. */
gboolean convergeDirtyLimitCancel(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  GError **error);

/* The same after a crash: cancels each limit that can be derived from @rates.
 * @rates: as in convergeVcpuShares
 * @count: the number of limits that were cancelled is added */
gboolean convergeDirtyLimitCancelDerived(const convergeMonitor *monitor, GHashTable *rates,
                                         guint *count, GError **error);

/* Cancels all limits. */
gboolean convergeDirtyLimitCancelAll(const convergeMonitor *monitor, GError **error);

/* Whether a vCPU has come to a stop under its limit.  Asks QEMU once a second; FALSE if QEMU does
 * not answer. */
gboolean convergeDirtyLimitStalls(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  const convergeVcpuShares *shares, gint64 nowMs);
