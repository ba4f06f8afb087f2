/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * law_adaptive_priv.h: what the two files of the adaptive law share: law_adaptive.c chooses plans,
 * law_promise.c gives them up
 */
#pragma once

#include "engine/laws.h"

/* How many times the time that a throttle gets is doubled, since those before it were in vain. */
unsigned int lawPatience(const convergeLawAdaptive *law);

/* By when the plan of @prediction promises the end, ms on the clock of the samples. */
gint64 lawPromise(const convergeLawAdaptive *law, const convergeModel *model, const convergePrediction *prediction);

/* Whether the throttle in force brings the end nearer: the least that passes under it have left has
 * fallen lately. */
gboolean lawMakesProgress(const convergeLawAdaptive *law, const convergeModel *model);

/* Lets the guest go.  Returns the number of decisions. */
unsigned int lawRelease(convergeLawAdaptive *law, convergeControlState *state, const convergeModel *model,
                        convergeReason reason, convergeDecision *decisions);

/* The plan in force has not brought the end.  First comes a longer downtime.  If that does not help, this
 * throttle and weaker ones count as refuted, unless no stronger one is left, and the guest runs free for
 * a while.  Returns the number of decisions. */
unsigned int lawRevokePlan(convergeLawAdaptive *law, convergeControlState *state, const convergeModel *model,
                           convergeReason reason, convergeDecision *decisions);
