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

/* --- law_adaptive.c: the plan that costs the guest least ---
 *
 * At each look convergePlanChoose() finds the plan with the lowest expected cost.  Leaving the plan
 * in force for it takes evidence: it must cost clearly less, in two looks in a row, but for the
 * first throttle.  The bulk pass runs unthrottled: a throttle gains nothing while the guest
 * dirties all of its working set anyway.  For a guest with phases the law may use a valley, or
 * wait for one, instead (phases.h).
 *
 * A plan is a promise: the end by a certain time.  Passes that make progress put that off.  If the
 * time comes without the end, the longest allowed downtime is tried, and then the guest is released.
 * It runs free for 3 times as long as it was throttled, from the second time on for 6 times as long;
 * after the first time only until it calms down.  So the guest loses a small part of its time to
 * throttles that do not help, whatever the model believes. */

typedef struct _convergeLawAdaptive convergeLawAdaptive;
struct _convergeLawAdaptive {
    gboolean hasLooked;        /* at least once */
    unsigned int nBetterLooks; /* looks in a row that found a better plan */
    gint64 heldMs;             /* since when it is throttled, however strongly, or runs free */
    guint64 heldPass;          /* passes that had ended when the first throttle since then came into force, or when
                                * a longer downtime was allowed after that */
    guint64 leastBytes;        /* the least that was left at the end of a pass since then; 0: none has ended */
    gint64 leastMs;            /* when that had fallen last; 0: it has not */
    guint64 forcePass;         /* passes that had ended when its throttle came into force */
    gint64 promisedMs;         /* when the plan in force should have brought the end; 0: it has promised none */
    gint64 freeUntilMs;        /* the guest runs free until then */
    unsigned int nVain;        /* throttles that were given up, since they did not bring the end */
    gboolean cut;              /* released since the link carries next to nothing */
    convergePhases phases;
    gboolean waiting;   /* in a valley or for one, instead of throttling */
    gint64 waitUntilMs; /* the end of the longest wait, decided once; 0: not yet */
};

/* When a pass ends, after the ladder. */
void convergeLawAdaptiveNotePass(convergeLawAdaptive *law, const convergeControlState *state,
                                 const convergeLadder *ladder, const convergeModel *model);

/* In every turn: releases a guest whose throttle is not allowed any more, gains nothing since the link
 * is dead, or has not kept its promise.  Returns the number of decisions. */
unsigned int convergeLawAdaptiveGuard(convergeLawAdaptive *law, convergeControlState *state,
                                      const convergeLadder *ladder, const convergeModel *model,
                                      convergeDecision *decisions);

/* Whether the link has come back since the guest was released for it, which calls for a look. */
gboolean convergeLawAdaptiveLinkIsBack(convergeLawAdaptive *law, const convergeModel *model);

/* Between two looks: predicts the plan in force anew. */
void convergeLawAdaptiveRefresh(const convergeLawAdaptive *law, convergeControlState *state,
                                const convergeModel *model);

/* At every look.  Returns the number of decisions.
 *
 * @choice: the best plan by what is known now */
unsigned int convergeLawAdaptiveDecide(convergeLawAdaptive *law, convergeControlState *state,
                                       const convergeModel *model, const convergeChoice *choice,
                                       convergeDecision *decisions);
