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
 * before it switches over, up to 99 times as long as the ring takes to fill.
 *
 * Threads: one at a time.
 */
#pragma once

#include "actuator/vcpu_shares.h"

/* A limited vCPU that dirties nothing at all for so long, ms, though it did before, has
 * come to a stop: three of QEMU's measurements. */
#define CONVERGE_DIRTY_LIMIT_STALL_MS 3000

typedef struct _convergeDirtyLimit convergeDirtyLimit;
struct _convergeDirtyLimit {
    unsigned int throttle;  /* %, in force */
    gboolean stands;        /* there may be limits of ours in QEMU */
    gint64 askedMs;         /* when QEMU was last asked for the rates... */
    gint64 aliveMs;         /* ...and all limited vCPUs were last seen to dirty memory */
};

/* Whether QEMU has such limits, and nobody else has set one. */
gboolean convergeDirtyLimitCheck(const convergeMonitor *monitor, GError **error);

/* Limits all vCPUs; 0 cancels.  Says nothing to QEMU where nothing changes.
 * @shares: known.  @nowMs: on the clock of the samples.  After a failure some vCPUs may
 * carry the new limit: cancel. */
gboolean convergeDirtyLimitSet(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                               const convergeVcpuShares *shares, unsigned int throttle,
                               gint64 nowMs, GError **error);

/* Takes all limits back, if there may be any.  Idempotent. */
gboolean convergeDirtyLimitCancel(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  GError **error);

/* Whether a vCPU has come to a stop under its limit.  Asks QEMU once a second; without an
 * answer, nothing is known and it is FALSE. */
gboolean convergeDirtyLimitStalls(convergeDirtyLimit *limit, const convergeMonitor *monitor,
                                  const convergeVcpuShares *shares, gint64 nowMs);
