/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: the plans that are allowed, and the best of them
 *
 * A plan is a throttle and an allowed downtime.  Pure, like the model: no clock, I/O, lock or log.
 */
#pragma once

#include "engine/model.h"
#include "engine/throttle_traits.h"

/* The field's old question: what kind of guest is this? */
typedef enum {
    CONVERGE_CLASS_UNKNOWN,
    CONVERGE_CLASS_CONVERGES,   /* without a throttle */
    CONVERGE_CLASS_MIDDLE,      /* with a throttle */
    CONVERGE_CLASS_BEYOND,      /* with no allowed throttle and downtime */
    CONVERGE_CLASS_LAST
} convergeClass;

const char *convergeClassName(convergeClass class_);

/* What the downtime costs beside sending memory, ms: the stop, device state, libvirt's round trip
 * at pre-switchover, the start at the destination.  In the lab it came out -15..25 ms: what is
 * left is rarely as much as QEMU's limit allows. */
#define CONVERGE_PAUSE_OVERHEAD_MS 15

/* What policy, throttle method and others allow a plan to be: a plain value, made once a turn. */
typedef struct _convergePlanLimits convergePlanLimits;
struct _convergePlanLimits {
    const convergeThrottleTraits *throttle; /* of the method in use */
    unsigned int latency;       /* passes that end before a throttle is in force */
    unsigned int highestThrottle;   /* %; 0: the policy's law does not plan throttles */
    gboolean ownSteps;          /* that law has steps of its own, which may yet converge */
    gboolean adaptiveDowntime;  /* the policy has the downtime planned... */
    gboolean fixedDowntime;     /* ...or fixed */
    gint64 initialDowntimeMs;
    gint64 maxDowntimeMs;
    gint64 ceilingMs;           /* set from outside; 0: none */
    gint64 deadlineMs;          /* from the start of the migration; 0: none */
};

/* The best plan by what is known, what it is predicted to lead to, and what class that makes the
 * guest. */
typedef struct _convergeChoice convergeChoice;
struct _convergeChoice {
    convergePlan plan;
    convergePrediction prediction;
    convergeClass class_;
};

/* The strongest allowed throttle that is still gentle, %. */
unsigned int convergePlanGentleThrottle(const convergePlanLimits *limits);

/* The highest downtime-limit under @throttle % that keeps the real downtime, overhead included,
 * within the limits; and the one to start with; ms. */
gint64 convergePlanHighestDowntime(const convergePlanLimits *limits, unsigned int throttle);
gint64 convergePlanLowestDowntime(const convergePlanLimits *limits, unsigned int throttle);

/* A plan as the throttle method can carry it out. */
convergePlan convergePlanMake(const convergePlanLimits *limits, unsigned int throttle,
                              gint64 downtimeMs);

/* The plan with the strongest throttle and the longest downtime. */
convergePlan convergePlanStrongest(const convergePlanLimits *limits);

/* Predicts the end of @plan.  A plan that misses the deadline counts as one that never ends. */
convergePrediction convergePlanPredict(const convergePlanLimits *limits,
                                       const convergeModel *model, const convergePlan *plan);

/* The same for @guest instead of the likeliest one. */
convergePrediction convergePlanPredictFor(const convergePlanLimits *limits,
                                          const convergeModel *model,
                                          const convergeGuest *guest, const convergePlan *plan);

/* Adds how wrong @prediction may be: half of what lies between the worst and the best that guest
 * and link may be. */
void convergePlanAddError(const convergeModel *model, const convergePlan *plan,
                          convergePrediction *prediction);

/* The candidate that loses the guest least. */
convergeChoice convergePlanChoose(const convergePlanLimits *limits, const convergeModel *model);
