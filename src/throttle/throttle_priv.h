/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle_priv.h: the inside of a throttler, for the rows of the table
 */
#pragma once

#include "throttle/throttle.h"
#include "throttle/vcpu_shares.h"

struct _convergeThrottler {
    convergeThrottlerOptions options;
    const convergeQemuCpus *cpus; /* NULL: this process is not on the guest's host */
    convergeVcpuShares shares;
    gint64 nowMs; /* as of the newest sample, like the next two */
    gboolean paused;
    unsigned int qemuThrottle;      /* %, QEMU's own */
    const convergeThrottle *method; /* in use; NULL: not chosen yet */
    unsigned int percent;           /* wanted of a method other than QEMU's own */
    char *news;                     /* what convergeThrottlerPoll() has to tell, or NULL */

    GMutex lock; /* guards all below, and the quotas that .states point to; held
                  * while files of cgroups are read and written, and nothing else */
    gpointer states[CONVERGE_METHOD_LAST];
    gboolean cancelled; /* throttles no more */
};

/* Rows, each in the file of its name. */
extern const convergeThrottle convergeThrottleQemu;
extern const convergeThrottle convergeThrottleQuota;
extern const convergeThrottle convergeThrottleDirtyLimit;

/* Starts measuring which vCPUs dirty memory, once.  Returns FALSE with @error set if QEMU cannot
 * measure that for this guest. */
gboolean convergeThrottlerMeasure(convergeThrottler *throttler, GError **error);

/* Calls .keep of the options, if there is one.  Takes @value. */
gboolean convergeThrottlerWriteDown(const convergeThrottler *throttler, const char *member,
                                    JsonNode *value, GError **error);
