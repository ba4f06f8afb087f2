/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: the plans that a policy allows, and the best of them
 *
 * A plan is a throttle and an allowed pause.  Part of the control, and as pure.
 */
#pragma once

#include "engine/control.h"

/* The strongest throttle that the policy allows, and the strongest that is no trial for the
 * guest, %. */
unsigned int convergePlanHighestThrottle(const convergeControl *control);
unsigned int convergePlanGentleThrottle(const convergeControl *control);

/* The highest downtime-limit under @throttle that keeps the real pause, overhead included,
 * under what the policy and anybody outside allow; and where it starts; ms. */
gint64 convergePlanHighestDowntime(const convergeControl *control, unsigned int throttle);
gint64 convergePlanLowestDowntime(const convergeControl *control, unsigned int throttle);

/* What can be had from the actuator. */
convergePlan convergePlanMake(const convergeControl *control, unsigned int throttle,
                              gint64 downtimeMs);

/* A plan that misses the deadline is as good as one that never ends. */
convergePrediction convergePlanPredict(const convergeControl *control,
                                       const convergeModel *model, const convergePlan *plan);
convergePrediction convergePlanPredictFor(const convergeControl *control,
                                          const convergeModel *model,
                                          const convergeGuest *guest, double bandwidth,
                                          const convergePlan *plan);

/* How wrong @prediction may be: half of what lies between the worst and the best that guest
 * and link may be. */
void convergePlanAddError(const convergeModel *model, const convergePlan *plan,
                          convergePrediction *prediction);

/* The candidate that loses the guest least, and what class that makes the guest. */
convergeClass convergePlanChoose(const convergeControl *control, const convergeModel *model,
                                 convergePlan *plan, convergePrediction *prediction);

/* The strongest plan, for what dirties least of all that this guest may be. */
convergePrediction convergePlanPredictLeast(const convergeControl *control,
                                            const convergeModel *model);
