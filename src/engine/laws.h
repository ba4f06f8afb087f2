/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * laws.h: how throttle and downtime are decided, one file for each law
 *
 * Each .Decide function writes what is to be done now and returns how many decisions that is; 0
 * also where the policy has another law.  Pure.
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
 * with ties going to the shorter migration.  Nothing is done during the bulk pass: throttling there
 * gains nothing while the dirty set is saturated anyway.  For a guest with phases a valley may be
 * taken or waited for instead (phases.h). */

typedef struct _convergeLawAdaptive convergeLawAdaptive;
struct _convergeLawAdaptive {
    gboolean hasLooked;         /* at least once */
    gboolean inVain;            /* no throttle helps: the guest has none */
    unsigned int nBetterLooks;  /* looks in a row that found a better plan */
    unsigned int nStuck;        /* times that lack of progress has overruled prediction */
    convergePhases phases;
    gboolean waiting;           /* for the end, in a valley or until one comes */
    gint64 waitUntilMs;         /* the longest wait, decided once; 0: not yet */
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
