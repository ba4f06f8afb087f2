/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty_limit.h: slow vCPUs down by QEMU's limit of each one's dirty rate
 *
 * set-vcpu-dirty-limit, since QEMU 7.1, for guests with KVM's dirty ring.  A vCPU sleeps
 * whenever its ring is full, so that only those that write are slowed down.  Throttle @t
 * leaves a vCPU the part (1 - t/100) of the rate that vcpu_shares.h measured before, at
 * least 1 MiB/s, since QEMU takes 0 as no limit.
 *
 * It is coarse: QEMU adjusts once a second and is content within 25 MiB/s
 * (softmmu/dirtylimit.c).  And a vCPU that sleeps cannot be stopped: QEMU waits for it
 * before it switches over, up to 99 times as long as the ring takes to fill.  The smaller
 * the ring, the better.  Of a guest that dirties 350 MiB/s by the ring's count, the part of
 * its speed that was left, what QEMU said of its rate, and how long QMP "stop" took, the
 * longest of 8 (KVM of Linux 6.18):
 *
 *     QEMU   ring    limit 200              limit 100              limit 30 MiB/s
 *     7.2     4096   0.68  220  0.0 s       0.34  120  0.0 s       0.15   55  0.0 s
 *     7.2    65536   0.77  255  0.0 s       0.73  255  0.0 s       0.73  255  0.0 s
 *     10.0   65536   0.67  255  0.5 s       0.23  255  6.0 s       0.09  255  not measured
 *
 * A ring of 65536 pages holds 256 MiB, one second of what was asked for or more, so that
 * QEMU's measurement over a second sees a full ring or none.
 *
 * Threads: one at a time.
 */
#pragma once

#include "throttle/vcpu_shares.h"

/* A limited vCPU that dirties nothing at all for so long, ms, though it did before, has
 * come to a stop: three of QEMU's measurements. */
#define CONVERGE_DIRTY_LIMIT_STALL_MS 3000

typedef struct _convergeDirtyLimit convergeDirtyLimit;
struct _convergeDirtyLimit {
    unsigned int throttle;  /* %, in force */
    GHashTable *ours;       /* cpu-index to the limits that may be ours, or NULL: there are none */
    gint64 askedMs;         /* when QEMU was last asked for the rates... */
    gint64 aliveMs;         /* ...and all limited vCPUs were last seen to dirty memory */
};

/* Says nothing to QEMU. */
void convergeDirtyLimitClear(convergeDirtyLimit *limit);

/* Whether QEMU has such limits, and nobody else has set one. */
gboolean convergeDirtyLimitCheck(const convergeMonitor *monitor, GError **error);

/* Limits all vCPUs; 0 cancels.  Says nothing to QEMU where nothing changes.
 * @shares: known.  @nowMs: on the clock of the samples.  After a failure some vCPUs may
 * carry the new limit: cancel. */
gboolean convergeDirtyLimitSet(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                               const convergeVcpuShares *shares, unsigned int throttle,
                               gint64 nowMs, GError **error);

/* Takes back each limit that is the one last set, if there may be any; a limit that somebody
 * else has set meanwhile stays.  Goes on after a failure, and reports the first.
 * Idempotent. */
gboolean convergeDirtyLimitCancel(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  GError **error);

/* By a record: takes back each limit that can be derived from @rates, which is as
 * convergeVcpuShares has them.  Otherwise as convergeDirtyLimitCancel().
 * @count: the number of limits that were cancelled is added */
gboolean convergeDirtyLimitCancelDerived(const convergeMonitor *monitor, GHashTable *rates,
                                         guint *count, GError **error);

/* Whether a vCPU has come to a stop under its limit.  Asks QEMU once a second; without an
 * answer, nothing is known and it is FALSE. */
gboolean convergeDirtyLimitStalls(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  const convergeVcpuShares *shares, gint64 nowMs);
