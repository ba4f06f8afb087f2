/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle.h: the throttle methods, one row each, and what throttles one guest
 *
 * A throttle method is a means of slowing a guest's vCPUs down: QEMU's own CPU throttle, the CPU
 * quota of the vCPUs' cgroups, QEMU's limit of each vCPU's dirty rate.  convergeThrottles[] has a
 * row for each; whatever is particular to a method is in its row or in the file that defines it.
 * To add one: a value of convergeThrottleMethod and its word (policy/), one file here that defines
 * the row, and its line in throttle.c.  The compiler and throttletest.c name what is missing.
 *
 * A convergeThrottler is what throttles one guest of this libvirt: the methods that the guest has,
 * the one in use, and the throttle that is wanted.
 *
 * Threads: one at a time for each throttler, but for convergeThrottlerCancel().
 */
#pragma once

#include <json-glib/json-glib.h>

#include "engine/decision.h"
#include "engine/throttle_traits.h"
#include "qemu/cpus.h"

typedef struct _convergeThrottler convergeThrottler;

/* How a method slows a guest down, for the simulator. */
typedef enum {
    CONVERGE_SLOWS_BY_TRIGGER,  /* by QEMU's parameters, which act at a later bitmap sync */
    CONVERGE_SLOWS_VCPUS,       /* all vCPUs alike, at once */
    CONVERGE_SLOWS_WRITERS,     /* the vCPUs that dirty memory, at once */
    CONVERGE_SLOWS_LAST
} convergeSlows;

/* A row.  A state is what a method knows of one guest; NULL: the guest does not have the
 * method. */
typedef struct _convergeThrottle convergeThrottle;
struct _convergeThrottle {
    convergeThrottleTraits traits;
    convergeSlows slows;
    gboolean needsHost;         /* takes a process on the guest's host that may write to its
                                 * cgroups: a daemon, not a client */
    gboolean outlives;          /* a throttle stays when QEMU's migration has ended */
    gboolean asksQemu;          /* takes QMP commands, so that it has to wait for QEMU */
    gboolean givesWay;          /* a failure is no trouble, since the next method takes over */
    convergeThrottleMethod next;    /* what takes the place of this one; AUTO: nothing */

    /* Why the method is in use: whole translatable sentences without a period.  The last two
     * have the reason against an earlier method as %1$s; NULL where there is none. */
    const char *chosen;
    const char *instead;
    const char *fromNowOn;

    /* Whether the guest has the method, without changing anything of the guest; a state, or NULL
     * with @error set.  The state is freed by .close. */
    gpointer (*open)(convergeThrottler *throttler, GError **error);
    void (*close)(gpointer state);

    /* Throttles by @percent, 0..99; 0: not at all. */
    gboolean (*set)(gpointer state, unsigned int percent, GError **error);

    /* Keeps @percent in force, see convergeBackendOps.poll.  NULL: nothing has to be kept. */
    gboolean (*poll)(gpointer state, unsigned int percent, GError **error);

    /* Puts back what .set has changed, unless somebody else has changed it since.  May be called
     * again. */
    gboolean (*restore)(gpointer state, GError **error);

    /* The part of .restore that takes neither QEMU nor libvirt.  Any thread, at any time; .set
     * and .poll throttle no more afterwards.  NULL: there is no such part. */
    void (*cancel)(gpointer state);

    /* %, in force now; NULL: QEMU's job statistics have it. */
    unsigned int (*inForce)(const void *state);

    /* Which vCPUs are slowed down, once that has been measured: one translated sentence without a
     * period, to be freed with g_free().  NULL: all alike, always. */
    char *(*explain)(const void *state);

    /* What has to be undone if this process is killed, as members of the guest's record, which
     * .set and .poll have written down by convergeThrottlerKeep().
     *
     * .isKept: whether the members of this method, which may be missing, are such as this program
     * writes them.  .putBack: undoes what they hold; each value that somebody else has set since
     * stays.  A row without .asksQemu gets no @monitor.
     *
     * @callerThrottle: a migration is under way whose caller has stated cpu-throttle-initial or
     *                  -increment, which libvirt puts back
     * @count: how many values were changed is added */
    gboolean (*isKept)(JsonObject *kept);
    gboolean (*putBack)(JsonObject *kept, const convergeMonitor *monitor, gboolean callerThrottle,
                        guint *count, GError **error);
};

/* By convergeThrottleMethod; NULL for AUTO. */
extern const convergeThrottle *const convergeThrottles[CONVERGE_METHOD_LAST];

/* What AUTO tries first. */
#define CONVERGE_METHOD_BEST CONVERGE_METHOD_VCPU_QUOTA

/* Writes down, before it is done, what has to be undone if this process is killed: @value is a
 * member of the guest's record, a reference to it is taken.  FALSE with @error set: nothing may
 * be changed. */
typedef gboolean (*convergeThrottlerKeep)(void *opaque, const char *member, JsonNode *value,
                                          GError **error);

typedef struct _convergeThrottlerOptions convergeThrottlerOptions;
struct _convergeThrottlerOptions {
    const convergeMonitor *monitor; /* of the guest; must outlive the throttler */
    gboolean callerThrottle;    /* the caller has stated auto_converge.initial or .increment, which
                                 * libvirt sets and puts back itself */
    convergeThrottlerKeep keep; /* NULL: no record is kept, as in a client */
    void *opaque;               /* for .keep */
};

/* Changes nothing, and asks nothing. */
convergeThrottler *convergeThrottlerNew(const convergeThrottlerOptions *options);
void convergeThrottlerFree(convergeThrottler *throttler);   /* puts nothing back */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeThrottler, convergeThrottlerFree)

/* Picks the method, see convergeBackendOps.choose.
 *
 * @cpus: must outlive the throttler; NULL: this process is not on the guest's host
 * @nowMs: on the clock of the samples, also below */
const convergeThrottle *convergeThrottlerChoose(convergeThrottler *throttler,
                                                convergeThrottleMethod wanted,
                                                const convergeQemuCpus *cpus, gint64 nowMs,
                                                char **why);

/* Tells of a sample, before any verb: @paused: no vCPU runs; @qemuThrottle: QEMU's own throttle,
 * in %. */
void convergeThrottlerNote(convergeThrottler *throttler, gint64 nowMs, gboolean paused,
                           unsigned int qemuThrottle);

/* HOLD, PRIME, STEP or THROTTLE. */
gboolean convergeThrottlerApply(convergeThrottler *throttler, const convergeDecision *decision,
                                GError **error);

/* Keeps the throttle in force.  The method may change: @why as in convergeBackendOps.poll. */
gboolean convergeThrottlerPoll(convergeThrottler *throttler, char **why, GError **error);

/* QEMU is measuring which vCPUs dirty memory, and can measure nothing else. */
gboolean convergeThrottlerIsMeasuring(const convergeThrottler *throttler);

/* libvirt is about to set downtime-limit, which is put back with QEMU's other parameters: writes
 * that down. */
gboolean convergeThrottlerExpectDowntime(convergeThrottler *throttler, gint64 downtimeMs,
                                         GError **error);

/* Puts back what outlives the migration.
 *
 * @qemu: FALSE: leaves alone what asks QEMU */
gboolean convergeThrottlerRelease(convergeThrottler *throttler, gboolean qemu, GError **error);

/* The migration call has returned: convergeThrottlerRestore() leaves alone from now on what
 * libvirt puts back itself. */
void convergeThrottlerEnd(convergeThrottler *throttler);

/* Puts everything back.  Goes on after a failure, and reports the first. */
gboolean convergeThrottlerRestore(convergeThrottler *throttler, GError **error);

/* libvirt's job is over: puts back at once what takes neither QEMU nor libvirt, and throttles no
 * more.  Any thread. */
void convergeThrottlerCancel(convergeThrottler *throttler);

/* The method in use; NULL: none was chosen. */
const convergeThrottle *convergeThrottlerMethod(const convergeThrottler *throttler);

/* %, of all methods together. */
unsigned int convergeThrottlerInForce(const convergeThrottler *throttler);
