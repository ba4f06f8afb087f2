/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_priv.h: the inside of a throttler, for the rows of the table
 */
#pragma once

#include "throttle/throttle.h"
#include "throttle/vcpu_shares.h"

struct _convergeThrottler {
    convergeThrottlerOptions options;
    const convergeQemuCpus *cpus;   /* NULL: this process is not on the guest's host */
    convergeVcpuShares shares;
    gint64 nowMs;               /* as of the newest sample, like the next two */
    gboolean paused;
    unsigned int qemuThrottle;  /* %, QEMU's own */
    const convergeThrottle *method; /* in use; NULL: none was chosen yet */
    unsigned int percent;       /* wanted of a method other than QEMU's own */
    char *news;                 /* what convergeThrottlerPoll() has to tell, or NULL */

    GMutex lock;                /* guards all below and the quotas that states point to; held
                                 * across files of cgroups alone */
    gpointer states[CONVERGE_METHOD_LAST];
    gboolean cancelled;         /* nothing is to be throttled any more */
};

/* Rows, each in the file of its name. */
extern const convergeThrottle convergeThrottleQemu;
extern const convergeThrottle convergeThrottleQuota;
extern const convergeThrottle convergeThrottleDirtyLimit;

/* Starts measuring which vCPUs dirty memory, once.  FALSE with @error set: this guest cannot
 * tell. */
gboolean convergeThrottlerMeasure(convergeThrottler *throttler, GError **error);

/* Calls .keep of the options, if there is one.  Takes @value. */
gboolean convergeThrottlerWriteDown(const convergeThrottler *throttler, const char *member,
                                    JsonNode *value, GError **error);
