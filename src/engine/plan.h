/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: the plans that are allowed, and the best of them
 *
 * A plan is a throttle, the passes to wait before it, and an allowed downtime; see predict.h.
 * Pure, like the model: no clock, I/O, lock or log.
 */
#pragma once

#include "engine/predict.h"
#include "engine/throttle_traits.h"

/* What kind of guest it is, by what it takes to converge. */
typedef enum {
    CONVERGE_CLASS_UNKNOWN,
    CONVERGE_CLASS_CONVERGES, /* without a throttle */
    CONVERGE_CLASS_MIDDLE,    /* with a throttle */
    CONVERGE_CLASS_BEYOND,    /* with no allowed throttle and downtime */
    CONVERGE_CLASS_LAST
} convergeClass;

const char *convergeClassName(convergeClass class_);

/* The part of the downtime in which no memory is sent, ms: the stop, device state, libvirt's round
 * trip at pre-switchover, the start at the destination.  This much is assumed where it is not
 * known.  Measured in the lab: -15..25 ms, since what is left is rarely as much as QEMU's limit
 * allows. */
#define CONVERGE_PAUSE_OVERHEAD_MS 15

/* How much of the allowed downtime is used for memory: less by what else a switchover costs, by the wait
 * for a throttled vCPU and by a margin for what varies; without the wait and the margin; or all. */
typedef enum {
    CONVERGE_DOWNTIME_SAFE,
    CONVERGE_DOWNTIME_TIGHT,
    CONVERGE_DOWNTIME_FULL
} convergeDowntimeUse;

/* What policy, throttle method and a ceiling from outside allow: a plain value, made once a
 * turn. */
typedef struct _convergePlanLimits convergePlanLimits;
struct _convergePlanLimits {
    const convergeThrottleTraits *throttle; /* of the method in use */
    unsigned int latency;                   /* bitmap syncs until a throttle of QEMU's is in force */
    unsigned int highestThrottle;           /* %; 0: throttles are not planned */
    gboolean ownSteps;                      /* the policy's law takes throttle steps that no plan knows of */
    gboolean adaptiveDowntime;              /* the policy wants the downtime planned... */
    gboolean fixedDowntime;                 /* ...or fixed */
    convergeDowntimeUse downtimeUse;
    gboolean waits; /* it was decided in this pass to wait for its end */
    gint64 initialDowntimeMs;
    gint64 maxDowntimeMs;
    gint64 ceilingMs;          /* set from outside; 0: none */
    gint64 overheadMs;         /* the part of the downtime in which no memory is sent */
    gint64 deadlineMs;         /* from the start of the migration; 0: none */
    gint64 lostLeftMs;         /* guest time that may still be lost; 1: none; 0: any */
    unsigned int hardThrottle; /* %, from here on a throttle may be in force for no longer than... */
    gint64 hardLeftMs;         /* ...this; 1: no time is left; 0: any time */
    int refuted;               /* %, throttles up to this one have shown not to converge; -1: none has */
};

/* The best plan, what is predicted of it, and the class of guest that follows. */
typedef struct _convergeChoice convergeChoice;
struct _convergeChoice {
    convergePlan plan;
    convergePrediction prediction;
    convergeClass class_;
    double cost;                /* expected, ms; see convergePlanChoose() */
    gboolean trial;             /* not the likeliest guest converges under .plan, but a plausible one does */
    convergePrediction current; /* of the plan in force */
    double currentCost;         /* of the plan in force */
};

/* The strongest allowed throttle that is still gentle, %. */
unsigned int convergePlanGentleThrottle(const convergePlanLimits *limits);

/* In ms: the highest downtime-limit that keeps the real downtime, with its overhead, within the
 * limits under @throttle %; and the downtime-limit to start with. */
gint64 convergePlanHighestDowntime(const convergePlanLimits *limits, unsigned int throttle);
gint64 convergePlanLowestDowntime(const convergePlanLimits *limits, unsigned int throttle);

/* A plan as the throttle method can carry it out. */
convergePlan convergePlanMake(const convergePlanLimits *limits, unsigned int throttle,
                              gint64 downtimeMs);

/* The plan with the strongest throttle and the longest downtime. */
convergePlan convergePlanStrongest(const convergePlanLimits *limits);

/* Predicts the end of @plan.  A plan counts as one that never ends if it misses the deadline, if it
 * loses more guest time or throttles hard for longer than is left, or if its throttle is refuted. */
convergePrediction convergePlanPredict(const convergePlanLimits *limits,
                                       const convergeModel *model, const convergePlan *plan);

/* The same for @guest instead of the likeliest one. */
convergePrediction convergePlanPredictFor(const convergePlanLimits *limits,
                                          const convergeModel *model,
                                          const convergeGuest *guest, const convergePlan *plan);

/* Sets .errorMs and the intervals of @prediction, which is that of @plan, from the range between the
 * best and the worst plausible guest and link.  Does nothing if it does not converge. */
void convergePlanAddError(const convergeModel *model, const convergePlan *plan,
                          convergePrediction *prediction);

/* The same from predictions for the @best and the @worst case that are plausible. */
void convergePlanAddRange(const convergePrediction *best, const convergePrediction *worst,
                          convergePrediction *prediction);

/* The candidate with the lowest expected cost, among those that converge if there is one.
 *
 * A candidate is a throttle, the number of passes to wait before it, and an allowed downtime.  It
 * is predicted to the end for the likeliest guest and for the plausible ones that dirty least and
 * most.  The cost for each is the guest time lost, and a share of the time taken.  What goes beyond
 * QEMU's own auto-converge counts once more: the time by which the migration ends later, and the
 * guest time that it loses in addition.  A plan that does not converge costs what is lost, and a
 * greater share of the time taken, until that is seen, and then what the best plan costs.  A throttle
 * that is not gentle is taken only if nothing gentler converges, or if it costs much less.
 *
 * In the first passes a candidate that waits for the end of the pass is preferred to a throttle at once, if
 * it costs and takes a little more at most, and passes shrink, or stock would lose less with the guest that
 * dirties least.  Once that was chosen it goes on until the end of the pass.
 *
 * If no candidate converges for the likeliest guest, but one does for the guest that dirties least,
 * the cheapest of those is tried: only a throttle can show which guest it is.
 *
 * @current: the plan in force */
convergeChoice convergePlanChoose(const convergePlanLimits *limits, const convergeModel *model,
                                  const convergePlan *current);
