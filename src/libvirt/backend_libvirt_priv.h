/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend_libvirt_priv.h: between the two files that make up the backend over libvirt
 *
 * Threads: the loop's, but for convergeBackendLibvirtCancel(), see .quotaLock.
 */
#pragma once

#include "libvirt/backend_libvirt.h"
#include "qemu/dirty_probe.h"
#include "qemu/qemu_params.h"
#include "throttle/dirty_limit.h"
#include "throttle/vcpu_shares.h"
#include "undo/undo_bounded.h"

struct _convergeBackendLibvirt {
    convergeMonitor monitor;
    const char *name;               /* of the guest, or NULL */
    convergeQemuParams params;
    convergeDirtyProbe probe;
    convergeSample last;            /* newest active one */
    gint64 startUs;
    convergeUndoRecord *record;     /* NULL: there is none, as in a client */
    convergeUndoDisk disk;          /* that it is on */
    convergeThrottleMethod chosen;
    char *changed;                  /* why, since anybody was told; NULL: nothing is new */
    unsigned int throttle;          /* %, to be in force at once whenever the guest runs */
    unsigned int qemuThrottle;      /* %, QEMU's own, at the last sample */
    GMutex quotaLock;               /* guards the quotas in .quota, across files of cgroups alone */
    convergeVcpuQuota *quota;       /* NULL: there is none */
    gboolean quotaUnsaved;          /* the record does not have its newest originals */
    GError *endError;               /* what failed at the end, for restore to tell; or NULL */
    GArray *cpus;                   /* gint64, QEMU's index of each of its vCPUs */
    convergeVcpuShares shares;
    convergeDirtyLimit limit;
    gboolean probeWaits;            /* for the shares: QEMU measures one thing at a time */
    gint cancelled;                 /* atomic, set under .quotaLock: libvirt's job of this migration is over */
    gboolean lateSuspend;           /* ...when it let us pause the guest */
};

static inline gboolean
convergeBackendIsCancelled(convergeBackendLibvirt *backend)
{
    return g_atomic_int_get(&backend->cancelled);
}

/* convergeBackendOps.choose and .review */
convergeThrottleMethod convergeThrottleChoose(void *opaque, convergeThrottleMethod wanted,
                                                char **why, GError **error);
convergeThrottleMethod convergeThrottleReview(void *opaque, char **why);

/* Makes .throttle true, as far as it is something that acts at once.  To be called anew with
 * every sample: others write to the same files, and a guest that is paused is let go. */
gboolean convergeThrottleApply(convergeBackendLibvirt *backend, GError **error);

/* Gives the vCPUs their quotas back. */
gboolean convergeThrottleRestoreQuota(convergeBackendLibvirt *backend, GError **error);

/* What HOLD, PRIME, STEP or THROTTLE is in QEMU's parameters, recorded and set. */
gboolean convergeThrottleSetParams(convergeBackendLibvirt *backend,
                                   const convergeDecision *decision, GError **error);

/* Records that @values are about to be set; ABSENT: not.  Where that fails, CONVERGE_ERROR_RECORD,
 * they must not be. */
gboolean convergeThrottleRecordParams(convergeBackendLibvirt *backend,
                                      const gint64 values[CONVERGE_PARAM_LAST], GError **error);

/* %, of everything that slows the guest down now. */
unsigned int convergeThrottleInForce(const convergeBackendLibvirt *backend);
