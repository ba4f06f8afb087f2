/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * laws.h: how throttle and downtime are decided, one file for each law
 *
 * Each Decide function writes what is to be done now and returns the number of decisions, which is
 * 0 if the policy has another law.  Pure.
 */
#pragma once

#include "engine/ladder.h"
#include "engine/phases.h"

/* --- law_ramp.c: the downtime rises by time or by passes --- */

unsigned int convergeLawRampDecide(convergeControlState *state, const convergeModel *model,
                                   convergeDecision *decisions);

/* --- law_progressive.c: a throttle step after every bad pass --- */

unsigned int convergeLawProgressiveDecide(convergeControlState *state, const convergeModel *model,
                                          convergeNews news, convergeDecision *decisions);

/* --- law_adaptive.c: the plan that loses the guest least ---
 *
 * Every candidate, a throttle with an allowed downtime, is predicted to the end, and the one that
 * loses the fewest guest seconds is taken,
 *
 *     lost = integral of throttle dt + downtime,
 *
 * with ties going to the shorter migration.  The bulk pass runs unthrottled: a throttle gains
 * nothing while the guest dirties all of its working set anyway.  For a guest with phases the law
 * may use a valley, or wait for one, instead (phases.h). */

typedef struct _convergeLawAdaptive convergeLawAdaptive;
struct _convergeLawAdaptive {
    gboolean hasLooked;        /* at least once */
    gboolean inVain;           /* no throttle helps, so the guest runs free */
    unsigned int nBetterLooks; /* looks in a row that found a better plan */
    unsigned int nStuck;       /* how often lack of progress has overruled the prediction */
    convergePhases phases;
    gboolean waiting;   /* in a valley or for one, instead of throttling */
    gint64 waitUntilMs; /* the end of the longest wait, decided once; 0: not yet */
};

/* At every bitmap sync, after the ladder. */
void convergeLawAdaptiveNoteSync(convergeLawAdaptive *law, const convergeLadder *ladder);

/* Between two looks: predicts the plan in force anew. */
void convergeLawAdaptiveRefresh(const convergeLawAdaptive *law, convergeControlState *state,
                                const convergeModel *model);

/* At every look.  @choice: the best plan by what is known now. */
unsigned int convergeLawAdaptiveDecide(convergeLawAdaptive *law, convergeControlState *state,
                                       const convergeLadder *ladder, const convergeModel *model,
                                       convergeNews news, const convergeChoice *choice,
                                       convergeDecision *decisions);
