/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control_state.h: the plan in force, and what it depends on
 *
 * Only the last two functions below change the plan; each makes the decision that carries the
 * change out.  Pure.
 */
#pragma once

#include "engine/decision.h"
#include "engine/plan.h"
#include "policy/policy.h"

typedef struct _convergeControlState convergeControlState;
struct _convergeControlState {
    /* Set by the loop: */
    const convergePolicy *policy;           /* not owned */
    const convergeThrottleTraits *throttle; /* of the method that the backend uses, not owned */
    convergePostcopy postcopy;              /* whether the rung post-copy can be taken */
    gint64 overheadMs;                      /* the part of the downtime in which no memory is sent */
    gint64 ceilingMs;                       /* the highest downtime allowed from outside; 0: no limit */

    gint64 turnMs;                   /* the last turn */
    double saved;                    /* of the model, in this turn */
    double limitSaved;               /* in the turn in which the downtime was set last */
    gint64 hardMs;                   /* time so far under a throttle of hard-throttle or more */
    convergePlanLimits limits;       /* of this turn */
    gboolean primed;                 /* a throttle of QEMU's takes one bitmap sync to act, not two */
    gboolean hasThrottled;           /* at least once */
    guint64 waitPass;                /* passes that had ended when it was last decided to wait for the end of one */
    convergeDowntimeUse downtimeUse; /* less has shown not to suffice */
    gboolean hasRefuted;             /* throttles up to .refuted have shown not to converge */
    unsigned int refuted;            /* % */
    convergePlan plan;               /* in force */
    convergePrediction prediction;   /* of .plan; .converges FALSE while unknown */
    convergeClass class_;            /* of the newest assessment */
    convergePrediction outlook;      /* of the best plan that it found */
};

/* The value of a field of the policy. */
static inline gint64
convergeControlGet(const convergeControlState *state,
                   convergeField field)
{
    return convergePolicyGet(state->policy, field);
}

static inline gboolean
convergeControlLawIs(const convergeControlState *state,
                     convergeThrottleLaw law)
{
    return convergeControlGet(state, CONVERGE_FIELD_THROTTLE) == law;
}

/* Sets .limits and .saved for this turn. */
void convergeControlResolve(convergeControlState *state, const convergeModel *model);

/* The highest downtime-limit under the throttle in force, ms. */
gint64 convergeControlHighestDowntime(const convergeControlState *state);

/* Each writes one decision and returns 1.  A throttle of 0 % lets the guest go, as far as the
 * method can. */
unsigned int convergeControlSetDowntime(convergeControlState *state, gint64 downtimeMs,
                                        convergeReason reason, convergeDecision *decision);
unsigned int convergeControlSetThrottle(convergeControlState *state, unsigned int throttle,
                                        convergeReason reason, convergeDecision *decision);
