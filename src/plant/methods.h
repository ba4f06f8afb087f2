/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods.h: what others do about convergence, on the same plant
 *
 * A method is a row: QEMU's (or another hypervisor's) own law in numbers, what an
 * orchestrator above it does in numbers and, where those are not enough, a small step
 * function; or a policy of ours, which the engine runs.
 *
 * Threads: rows are constant; runs share nothing.
 */
#pragma once

#include "engine/loop.h"
#include "plant/plant.h"

typedef struct _convergeMethod convergeMethod;

/* One row that an oVirt schedule has: when so many passes were of no avail. */
typedef struct _convergeMethodAction convergeMethodAction;
struct _convergeMethodAction {
    gint64 limit;               /* passes */
    convergeVerb verb;          /* LAST: end of the schedule */
    gint64 downtimeMs;          /* DOWNTIME only */
};

/* What runs above QEMU. */
typedef struct _convergeMethodRun convergeMethodRun;

struct _convergeMethod {
    const char *name;
    const char *summary;        /* one line */
    const char *policy;         /* the engine runs it; NULL: all of the below does */

    convergePlantLaw law;
    gint64 pollMs;              /* how often step is called */
    void (*step)(convergeMethodRun *run);
    gint64 maxDowntimeMs;       /* parameters of the steps, as far as they have them... */
    gint64 stepMs;              /* ...between rises */
    unsigned int steps;         /* rises */
    gint64 timeoutMsPerGiB;     /* of guest memory; 0: none */
    convergeVerb timeoutVerb;
    const convergeMethodAction *schedule;
};

extern const convergeMethod convergeMethods[];
extern const gsize convergeMethodCount;

/* NULL: there is none; all presets of ours are methods, too, where no row has that name. */
const convergeMethod *convergeMethodFind(const char *name);

/* Called at each look that the method takes at the migration, and at the end. */
typedef void (*convergeMethodTrace)(void *opaque, const convergePlant *plant,
                                    const convergeSample *sample, const char *said);

typedef struct _convergeMethodOptions convergeMethodOptions;
struct _convergeMethodOptions {
    gint64 giveUpMs;            /* of virtual time */
    gint64 downtimeMs;          /* pause that the operator allows, in place of QEMU's 300 ms;
                                 * 0: that, and methods with limits of their own keep them */
    convergeMethodTrace trace;  /* may be NULL... */
    void *opaque;               /* ...and is called with this */
    const char *journalDir;     /* the engine's journal goes there; NULL: nowhere */
};

/* What a run came to. */
typedef struct _convergeMethodOutcome convergeMethodOutcome;
struct _convergeMethodOutcome {
    convergePlantResult result;
    gboolean engine;            /* .status was filled in */
    convergeStatus status;
};

/* One migration under @method, to its end or to giveUpMs. */
void convergeMethodRunOne(const convergeMethod *method, const convergePlantConfig *config,
                          const convergeMethodOptions *options, convergeMethodOutcome *outcome);

/* ...and under @policy, by the engine, whatever the operator's pause. */
void convergeMethodRunPolicy(const convergePolicy *policy, const convergePlantConfig *config,
                             const convergeMethodOptions *options,
                             convergeMethodOutcome *outcome);

/* What to measure methods against on this guest: no method is faster than sending all of
 * its memory once; and a constant throttle from the end of that on, chosen by who knows the
 * guest, loses so little with a pause of @downtimeMs.  A throttle that changes may lose less. */
typedef struct _convergeMethodFloor convergeMethodFloor;
struct _convergeMethodFloor {
    gint64 totalMs;
    gboolean converges;         /* with some throttle... */
    double lostMs;              /* ...and what that loses */
    unsigned int throttle;      /* %, of that */
};

convergeMethodFloor convergeMethodFindFloor(const convergePlantConfig *config, gint64 downtimeMs,
                                            gint64 giveUpMs);
