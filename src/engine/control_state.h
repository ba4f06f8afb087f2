/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control_state.h: the course that a migration is on
 *
 * What the loop has told the controller, the plan in force and what is predicted of it.  The plan
 * is changed by the two functions below alone, each of which makes the decision that carries the
 * change out.  Pure.
 */
#pragma once

#include "engine/decision.h"
#include "engine/plan.h"
#include "policy/policy.h"

typedef struct _convergeControlState convergeControlState;
struct _convergeControlState {
    /* Set by the loop: */
    const convergePolicy *policy;   /* not owned */
    const convergeThrottleTraits *throttle; /* of the method that the backend uses, not owned */
    convergePostcopy postcopy;      /* whether that rung of the fallback can be taken */
    gint64 ceilingMs;               /* allowed downtime that was set from outside; 0: none */

    convergePlanLimits limits;      /* of this turn */
    gboolean primed;                /* QEMU throttles at its very next trigger */
    gboolean hasThrottled;          /* at least once */
    convergePlan plan;              /* in force */
    convergePrediction prediction;  /* of .plan; .converges FALSE while unknown */
    convergeClass class_;           /* of the newest assessment */
    convergePrediction outlook;     /* of its best plan */
};

/* What the policy has. */
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

/* Makes .limits of this turn. */
void convergeControlResolve(convergeControlState *state);

/* The highest downtime-limit under the throttle in force, ms. */
gint64 convergeControlHighestDowntime(const convergeControlState *state);

/* Each writes one decision and returns 1.  A throttle of 0 % lets the guest go, as far as the
 * method can. */
unsigned int convergeControlSetDowntime(convergeControlState *state, gint64 downtimeMs,
                                        convergeReason reason, convergeDecision *decision);
unsigned int convergeControlSetThrottle(convergeControlState *state, unsigned int throttle,
                                        convergeReason reason, convergeDecision *decision);
