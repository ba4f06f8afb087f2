/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * throttle.h: the throttle methods, one row each, and the throttler of one guest
 *
 * A throttle method is a means of slowing a guest's vCPUs down: QEMU's own CPU throttle, the CPU
 * quota of the vCPUs' cgroups, QEMU's limit of each vCPU's dirty rate.  convergeThrottles[] has a
 * row for each.  Whatever is particular to a method is in its row, or in the file that defines the
 * row.  A new method takes a value of convergeThrottleMethod and its word (policy/), a file here
 * that defines the row, and a line in throttle.c; the compiler and throttletest.c name what is
 * missing.
 *
 * A convergeThrottler throttles one guest: it knows which methods the guest has, the one in use,
 * and the wanted throttle.
 *
 * Threads: one at a time for each throttler, except for convergeThrottlerCancel().
 */
#pragma once

#include <json-glib/json-glib.h>

#include "engine/decision.h"
#include "engine/throttle_traits.h"
#include "qemu/cpus.h"

typedef struct _convergeThrottler convergeThrottler;

/* How a method slows a guest down, for the simulator. */
typedef enum {
    CONVERGE_SLOWS_BY_TRIGGER, /* by QEMU's parameters, which act at a later bitmap sync */
    CONVERGE_SLOWS_VCPUS,      /* all vCPUs alike, at once */
    CONVERGE_SLOWS_WRITERS,    /* the vCPUs that dirty memory, at once */
    CONVERGE_SLOWS_LAST
} convergeSlows;

/* A row.  The state that the functions take is what the method knows about one guest; it is NULL if
 * the guest does not have the method. */
typedef struct _convergeThrottle convergeThrottle;
struct _convergeThrottle {
    convergeThrottleTraits traits;
    convergeSlows slows;
    gboolean needsHost;          /* works only in a process on the guest's host that may write to
                                  * the guest's cgroups: a daemon, not a client */
    gboolean outlives;           /* the throttle stays in force after QEMU's migration has ended */
    gboolean asksQemu;           /* uses QMP commands, and so has to wait for QEMU */
    gboolean givesWay;           /* after a failure the next method takes over */
    convergeThrottleMethod next; /* the method that takes over; AUTO: none */

    /* Why the method is in use: whole translatable sentences without a period.  In the last two,
     * %1$s is the reason why an earlier method is not used; both are NULL if this method never
     * takes over. */
    const char *chosen;
    const char *instead;
    const char *fromNowOn;

    /* Checks whether the guest has the method, and changes nothing.  Returns a state, to be
     * freed by .close, or NULL with @error set. */
    gpointer (*open)(convergeThrottler *throttler, GError **error);
    void (*close)(gpointer state);

    /* Throttles by @percent, 0..99; 0 lifts the throttle.  A method that acts on files does not
     * throttle while the guest is paused or the throttler cancelled, see throttle_priv.h.  Calls
     * convergeThrottlerWriteDown() before anything is changed. */
    gboolean (*set)(gpointer state, unsigned int percent, GError **error);

    /* Keeps @percent in force, see convergeBackendOps.poll.  NULL: nothing has to be kept, since
     * the method does not act at once. */
    gboolean (*poll)(gpointer state, unsigned int percent, GError **error);

    /* Puts back what .set has changed, unless others have changed it since.  May be called
     * again. */
    gboolean (*restore)(gpointer state, GError **error);

    /* The part of .restore that needs neither QEMU nor libvirt.  May be called from any thread, at
     * any time, with the throttler's lock held.  NULL: there is no such part, since the method asks
     * QEMU. */
    void (*cancel)(gpointer state);

    /* The throttle in force now, %; NULL: QEMU's job statistics have it, since the method does not
     * act at once. */
    unsigned int (*inForce)(const void *state);

    /* Which vCPUs are slowed down, once that has been measured: one translated sentence without a
     * period, to be freed with g_free().  NULL: always all alike. */
    char *(*explain)(const void *state);

    /* The last four are about what has to be undone if this process is killed: members of the guest's
     * record, which .set and .poll write down by convergeThrottlerWriteDown().
     *
     * .member is the name of an array with an element for each value, .counted the text for its
     * length, translatable, with the number as %1$u.
     *
     * .isKept checks whether the members of this method are valid; they may be missing.  .putBack
     * undoes what they hold, and leaves alone each value that others have changed since.  A row
     * without .asksQemu gets no @monitor.
     *
     * @callerThrottle: a migration is under way whose caller has stated cpu-throttle-initial or
     *                  -increment, which libvirt puts back
     * @count: the number of values that were changed is added */
    const char *member;
    const char *counted;
    gboolean (*isKept)(JsonObject *kept);
    gboolean (*putBack)(JsonObject *kept, const convergeMonitor *monitor, gboolean callerThrottle,
                        guint *count, GError **error);
};

/* By convergeThrottleMethod, CONVERGE_METHOD_LAST rows; NULL for AUTO. */
extern const convergeThrottle *const convergeThrottles[];

/* The method that AUTO tries first. */
#define CONVERGE_METHOD_BEST CONVERGE_METHOD_VCPU_QUOTA

/* Writes down what has to be undone if this process is killed; called before anything is changed.
 * @value becomes @member of the guest's record; a reference to it is taken.  Returns FALSE with
 * @error set if nothing may be changed. */
typedef gboolean (*convergeThrottlerKeep)(void *opaque, const char *member, JsonNode *value,
                                          GError **error);

typedef struct _convergeThrottlerOptions convergeThrottlerOptions;
struct _convergeThrottlerOptions {
    const convergeMonitor *monitor; /* of the guest; must outlive the throttler */
    gboolean callerThrottle;        /* the caller has stated auto_converge.initial or .increment, which
                                     * libvirt sets and puts back itself */
    convergeThrottlerKeep keep;     /* NULL: no record is kept, as in a client */
    void *opaque;                   /* for .keep */
};

/* Sends nothing to QEMU. */
convergeThrottler *convergeThrottlerNew(const convergeThrottlerOptions *options);
void convergeThrottlerFree(convergeThrottler *throttler); /* puts nothing back */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(convergeThrottler, convergeThrottlerFree)

/* Picks the method, see convergeBackendOps.choose.
 *
 * @cpus: must outlive the throttler; NULL: this process is not on the guest's host
 * @nowMs: on the clock of the samples, as in the next function */
const convergeThrottle *convergeThrottlerChoose(convergeThrottler *throttler,
                                                convergeThrottleMethod wanted,
                                                const convergeQemuCpus *cpus, gint64 nowMs,
                                                char **why);

/* Takes what a sample shows; to be called before each verb.
 *
 * @paused: no vCPU runs
 * @qemuThrottle: QEMU's own throttle, % */
void convergeThrottlerNote(convergeThrottler *throttler, gint64 nowMs, gboolean paused,
                           unsigned int qemuThrottle);

/* Carries out HOLD, PRIME, STEP or THROTTLE. */
gboolean convergeThrottlerApply(convergeThrottler *throttler, const convergeDecision *decision,
                                GError **error);

/* Keeps the throttle in force.  The method may change: @why as in convergeBackendOps.poll. */
gboolean convergeThrottlerPoll(convergeThrottler *throttler, char **why, GError **error);

/* Whether QEMU is measuring which vCPUs dirty memory; meanwhile it can measure nothing else. */
gboolean convergeThrottlerIsMeasuring(const convergeThrottler *throttler);

/* To be called before libvirt sets downtime-limit: writes the limit down, so that it is put back
 * with QEMU's other parameters. */
gboolean convergeThrottlerExpectDowntime(convergeThrottler *throttler, gint64 downtimeMs,
                                         GError **error);

/* libvirt has set it. */
void convergeThrottlerNoteDowntime(convergeThrottler *throttler, gint64 downtimeMs);

/* Limits what the migration may send to @bps bytes/s, or to less if somebody else has set that.  To be
 * called while memory moves, again and again: a value that others set meanwhile is the new ceiling.  It
 * is put back with QEMU's other parameters. */
gboolean convergeThrottlerLimitBandwidth(convergeThrottler *throttler, gint64 bps, GError **error);

/* Whether the guest has a method whose throttle outlives the migration and takes QEMU to put
 * back. */
gboolean convergeThrottlerNeedsQemu(const convergeThrottler *throttler);

/* Puts back the throttles that outlive the migration.
 *
 * @qemu: FALSE: only by methods that do not ask QEMU */
gboolean convergeThrottlerRelease(convergeThrottler *throttler, gboolean qemu, GError **error);

/* The migration call has returned: from now on convergeThrottlerRestore() leaves alone what
 * libvirt puts back itself. */
void convergeThrottlerEnd(convergeThrottler *throttler);

/* Puts everything back.  Goes on after a failure, and reports the first. */
gboolean convergeThrottlerRestore(convergeThrottler *throttler, GError **error);

/* libvirt's job is over: puts back at once what needs neither QEMU nor libvirt, and throttles no
 * more.  May be called from any thread. */
void convergeThrottlerCancel(convergeThrottler *throttler);

/* The method in use; NULL: not chosen yet. */
const convergeThrottle *convergeThrottlerMethod(const convergeThrottler *throttler);

/* The throttle in force, %: the strongest of all methods. */
unsigned int convergeThrottlerInForce(const convergeThrottler *throttler);
