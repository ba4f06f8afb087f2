/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend.h: the edge of the engine, samples in and verbs out
 *
 * The loop cannot tell which implementation it drives: a real migration over libvirt
 * (libvirt/backend_libvirt.c) or the simulated one (plant/).
 *
 * Reading only reads: .sample changes nothing of the guest.  Everything that does is a verb, which
 * the loop calls and whose error reaches it.
 *
 * Threads: all calls come from the loop's thread.
 */
#pragma once

#include "engine/decision.h"
#include "engine/throttle_traits.h"

typedef struct _convergeBackendOps convergeBackendOps;
struct _convergeBackendOps {
    /* Fills in the sample; .active is FALSE while no migration is under way.  Returns FALSE only
     * if nothing could be read. */
    gboolean (*sample)(void *opaque, convergeSample *sample, GError **error);

    /* Picks the throttle method, once, before the first decision.
     *
     * @wanted: the policy's choice; another method is used if the guest does not have it
     * @why: one translated sentence without a period, to be freed with g_free()
     *
     * Returns NULL with @error set if nothing may be done to this guest. */
    const convergeThrottleTraits *(*choose)(void *opaque, convergeThrottleMethod wanted,
                                            char **why, GError **error);

    /* Keeps the throttle that was decided last in force.  Called after each sample of a running
     * migration, since others write to the same files, a paused guest must not be throttled, and
     * a method may give way to another one.  NULL: nothing has to be kept.
     *
     * @throttle: set to the traits of the method in use now
     * @why: what is new about the method, as in .choose; NULL: nothing */
    gboolean (*poll)(void *opaque, const convergeThrottleTraits **throttle, char **why,
                     GError **error);

    /* Carries out a decision, all or nothing. */
    gboolean (*apply)(void *opaque, const convergeDecision *decision, GError **error);

    /* Starts measuring the guest's dirty rate over one second; the result comes with a later
     * sample.  NULL: the backend cannot measure it. */
    gboolean (*probe)(void *opaque, GError **error);

    /* After a sample that shows the migration to have ended in QEMU: stops slowing vCPUs down,
     * without delaying a guest that is being handed over.  May be called again.  NULL: every
     * throttle ends with the migration. */
    gboolean (*release)(void *opaque, GError **error);

    /* Puts back everything that the verbs have changed.  May be called again. */
    gboolean (*restore)(void *opaque, GError **error);
};

typedef struct _convergeBackend convergeBackend;
struct _convergeBackend {
    const convergeBackendOps *ops;
    void *opaque;
};
