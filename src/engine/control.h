/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h: from model and policy to decisions
 *
 * Pure, like the model: no clock, I/O, lock or log.
 *
 * The adaptive law predicts every candidate (throttle x allowed pause) to the
 * end and takes the one that loses the fewest guest seconds,
 *
 *     lost = integral of throttle dt + pause,
 *
 * ties going to the shorter migration.  Nothing is done during the bulk pass:
 * throttling there buys nothing while the dirty set is already saturated.
 *
 * A guest with phases may have a valley taken or waited for instead (phases.h).
 *
 * When a limit of the policy is hit, its fallback ladder (ladder.c) is climbed, each
 * rung once.
 */
#pragma once

#include "engine/decision.h"
#include "engine/phases.h"
#include "policy/policy.h"

/* The field's old question: what kind of guest is this? */
typedef enum {
    CONVERGE_CLASS_UNKNOWN,
    CONVERGE_CLASS_CONVERGES,   /* by itself */
    CONVERGE_CLASS_MIDDLE,      /* with throttle */
    CONVERGE_CLASS_BEYOND,      /* not with any allowed throttle and pause */
    CONVERGE_CLASS_LAST
} convergeClass;

const char *convergeClassName(convergeClass class_);

/* What a pause costs beside sending memory: stop, device state, libvirt's round
 * trip at pre-switchover, start at the destination.  In the lab -15..25 ms: what is left is
 * rarely as much as QEMU's limit allows. */
#define CONVERGE_PAUSE_OVERHEAD_MS 15

/* So many looks in a row must find no way that is worth it; one, where not even the guest
 * that dirties least of all that may be would have one.  A look is a bitmap sync, and with an
 * actuator that acts at once a dirty-rate probe too. */
#define CONVERGE_BEYOND_LOOKS 2

typedef struct _convergeControl convergeControl;
struct _convergeControl {
    /* Set before the first decision: */
    const convergePolicy *policy;   /* not owned */
    convergeThrottleMethod actuator;  /* AUTO counts as QEMU */
    convergePostcopy postcopy;      /* whether that rung can be taken */

    gint64 ceilingMs;               /* allowed pause set from outside; 0: none */
    gboolean ceilingSet;            /* ...since the last decision */

    gboolean started;               /* the start decisions were made */
    gboolean primed;                /* QEMU throttles at its very next trigger */
    convergePlan plan;              /* in force */
    convergePrediction prediction;  /* of .plan; .converges FALSE while unknown */
    convergePrediction outlook;     /* of the best plan at the last look */
    convergeClass class_;
    gboolean throttled;             /* we did so once at least */
    gboolean inVain;                /* no throttle helps: there is none */
    gboolean chosen;                /* the adaptive law has looked at all */
    unsigned int doubts;            /* looks in a row that found a better plan */

    convergePhases phases;
    gboolean waiting;               /* for the end, in a valley or until one comes */
    gint64 waitUntilMs;             /* so long at most, once and for all; 0: not yet decided */

    guint64 leastBytes;             /* least left right after a sync; 0: none yet */
    unsigned int stalled;           /* passes since then */
    unsigned int strongest;         /* syncs in a row that found the strongest throttle in force */
    unsigned int disbelieved;       /* times that they have overruled prediction */
    unsigned int beyond;            /* looks in a row that found no way worth it */
    unsigned int rung;              /* next one of the ladder */
    gboolean fallbackTaken;            /* a rung was taken: nothing more to decide */
};

/* What the policy says. */
static inline gint64
convergeControlGet(const convergeControl *control,
                   convergeField field)
{
    return convergePolicyGet(control->policy, field);
}

static inline gboolean
convergeControlLawIs(const convergeControl *control,
                     convergeThrottleLaw law)
{
    return convergeControlGet(control, CONVERGE_FIELD_THROTTLE) == law;
}

#define CONVERGE_DECISIONS_MAX 3

/* Looks at a model that was just updated with @news; writes what is to be done
 * now, in order, and returns how many. */
unsigned int convergeControlDecide(convergeControl *control,
                                   const convergeModel *model,
                                   convergeNews news,
                                   convergeDecision decisions[CONVERGE_DECISIONS_MAX]);

/* Whether a throttle is in force as soon as it is stated, and can be lifted again: not so
 * QEMU's own. */
gboolean convergeControlIsImmediate(const convergeControl *control);

/* The rung that was decided last could not be taken: the next one is due. */
void convergeControlRungFailed(convergeControl *control);
