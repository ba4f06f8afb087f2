/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend.h: the two edges of the engine, samples in and verbs out
 *
 * The loop cannot tell which implementation it drives: a real migration over
 * libvirt (backend_libvirt.c) or the simulated one (plant/).
 *
 * Threads: all calls come from the loop's thread.
 */
#pragma once

#include "engine/decision.h"
#include "policy/policy.h"

typedef struct _convergeBackendOps convergeBackendOps;
struct _convergeBackendOps {
    /* Fills in the sample; .active FALSE when there is (as yet, or
     * any more) no migration.  FALSE only when nothing could be learnt. */
    gboolean (*sample)(void *opaque, convergeSample *sample, GError **error);

    /* Picks what slows the vCPUs down, before the first verb; @wanted as the policy has
     * it.  Never AUTO.  @why: one translated sentence without a period, g_free().  With
     * @error set nothing may be done to this guest.  NULL: it is always QEMU's own
     * throttle. */
    convergeThrottleMethod (*choose)(void *opaque, convergeThrottleMethod wanted,
                                       char **why, GError **error);

    /* After a sample: what slows the vCPUs down now, which may have given way to something
     * else.  @why: what is new in it, as above; NULL: nothing.  NULL: it stays as chosen. */
    convergeThrottleMethod (*review)(void *opaque, char **why);

    /* Does what a decision says. All or nothing. */
    gboolean (*apply)(void *opaque, const convergeDecision *decision, GError **error);

    /* Starts measuring the guest's dirtying over one second; the result comes with
     * a later sample.  NULL: there is no such source. */
    gboolean (*probe)(void *opaque, GError **error);

    /* After a sample without a migration, of one that there was: no vCPU is slowed down, until
     * there is a migration again.  Never delays a guest that has left.  Idempotent.  NULL: the
     * throttle ends with the migration. */
    void (*release)(void *opaque);

    /* Takes back everything that apply did and that still stands. Idempotent. */
    gboolean (*restore)(void *opaque, GError **error);
};

typedef struct _convergeBackend convergeBackend;
struct _convergeBackend {
    const convergeBackendOps *ops;
    void *opaque;
};
