/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * methods.h: other software's methods of convergence, run on the plant for comparison
 *
 * A method is a row.  It has the numbers of QEMU's (or another hypervisor's) own law, and the
 * numbers of the orchestrator that controls it.  A step function adds what numbers cannot
 * express.  A row can instead name one of our policies, which the engine runs.
 *
 * Threads: rows are constant; runs share nothing.
 */
#pragma once

#include "engine/loop.h"
#include "plant/plant.h"

typedef struct _convergeMethod convergeMethod;

/* One row of an oVirt schedule: what is done after a number of passes. */
typedef struct _convergeMethodAction convergeMethodAction;
struct _convergeMethodAction {
    gint64 limit;      /* in passes */
    convergeVerb verb; /* LAST: end of the schedule */
    gint64 downtimeMs; /* for DOWNTIME only */
};

/* The state of one run of a method. */
typedef struct _convergeMethodRun convergeMethodRun;

struct _convergeMethod {
    const char *name;
    const char *summary; /* one line, to be translated */
    const char *policy;  /* for the engine, in text form, valid; NULL: the members below apply */

    convergePlantLaw law;
    gint64 pollMs; /* how often step is called */
    void (*step)(convergeMethodRun *run);
    gint64 maxDowntimeMs;   /* last downtime limit, for steps that raise it */
    gint64 stepMs;          /* between two rises */
    gboolean ownDowntime;   /* its downtime limits are part of the method: the operator's
                             * limit does not replace them */
    unsigned int steps;     /* number of rises */
    gint64 timeoutMsPerGiB; /* for each GiB of guest memory; 0: no timeout */
    convergeVerb timeoutVerb;
    const convergeMethodAction *schedule;
};

extern const convergeMethod convergeMethods[];
extern const gsize convergeMethodCount;

/* The method of that name, or NULL.  Our presets are methods, too, unless a row has the name. */
const convergeMethod *convergeMethodFind(const char *name);

/* Called whenever the method takes a sample, and at the end.
 *
 * @said: what the method has done, or NULL */
typedef void (*convergeMethodTrace)(void *opaque, const convergePlant *plant,
                                    const convergeSample *sample, const char *said);

/* Called after each turn of the engine's loop.
 *
 * @nowMs: virtual time */
typedef void (*convergeMethodTurn)(void *opaque, const convergePlant *plant,
                                   const convergeStatus *status, gint64 nowMs);

typedef struct _convergeMethodOptions convergeMethodOptions;
struct _convergeMethodOptions {
    gint64 giveUpMs;           /* in virtual time */
    gint64 downtimeMs;         /* operator's downtime limit, 1 to 2,000,000; beyond that, the
                                * nearest of both; 0: that of the method */
    convergeMethodTrace trace; /* may be NULL */
    convergeMethodTurn turn;   /* may be NULL; other methods than the engine's ignore it */
    void *opaque;              /* for trace and turn */
    gint64 overheadMs;         /* what the engine knows of the downtime besides memory; 0: nothing */
    const char *journalDir;    /* directory for the engine's journal; NULL: no journal */
};

/* The outcome of a run. */
typedef struct _convergeMethodOutcome convergeMethodOutcome;
struct _convergeMethodOutcome {
    convergePlantResult result;
    gboolean ownDowntime; /* the method has a downtime limit of its own, and did not take the
                           * operator's */
    gboolean engine;      /* the engine ran, and .status is filled in */
    convergeStatus status;
};

/* Runs one migration under @method, to its end or to giveUpMs.  A policy that states no
 * downtime limit takes the operator's. */
void convergeMethodRunOne(const convergeMethod *method, const convergePlantConfig *config,
                          const convergeMethodOptions *options, convergeMethodOutcome *outcome);

/* Runs one migration under @policy with the engine; ignores the operator's downtime limit. */
void convergeMethodRunPolicy(const convergePolicy *policy, const convergePlantConfig *config,
                             const convergeMethodOptions *options,
                             convergeMethodOutcome *outcome);

/* What methods are measured against on this guest.  No method is faster than sending all memory
 * once.  The best constant throttle, in force from the end of the bulk pass on and chosen with
 * full knowledge of the guest, is no bound: a throttle that begins later, that changes, or
 * another downtime may lose less. */
typedef struct _convergeMethodFloor convergeMethodFloor;
struct _convergeMethodFloor {
    gint64 totalMs;        /* for sending all memory once */
    gboolean converges;    /* with some constant throttle */
    double lostMs;         /* guest milliseconds lost with the best constant throttle */
    unsigned int throttle; /* %, that throttle */
};

convergeMethodFloor convergeMethodFindFloor(const convergePlantConfig *config, gint64 downtimeMs,
                                            gint64 giveUpMs);
