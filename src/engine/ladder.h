/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.h: the limits of a policy, and the fallback when one is hit
 *
 * The fallback is a ladder of rungs: post-copy, suspend, abort.  Each is tried at most once.
 *
 * Pure.
 */
#pragma once

#include "engine/control_state.h"
#include "engine/stall.h"

typedef struct _convergeLadder convergeLadder;
struct _convergeLadder {
    guint64 leastBytes;          /* the least that was left at the end of a pass; 0: none has ended */
    unsigned int nStalledPasses; /* passes since then */
    convergeStall stall;         /* the same by time */
    unsigned int nHopelessLooks; /* looks in a row that found no useful plan */
    unsigned int rung;           /* the next one */
    gboolean fallbackTaken;      /* a rung was taken: there is nothing more to decide */
    gint64 suspendedMs;          /* when the rung suspend was taken; 0: it was not, or the guest runs again */
    gint64 promisedMs;           /* how long the pause should take from then on */
    unsigned int nResumed;       /* pauses that took too long */
    unsigned int nTaken;         /* rungs up to the last one that was taken, if only once */
    gint64 takenMs;              /* when that one was taken first; 0: none was, or it failed */
};

/* This many looks in a row must find no useful plan before the guest counts as hopeless.  One look is
 * enough if no plan helps even the plausible guest that dirties least.  What counts as a look here is
 * the end of a pass, and with a throttle method that acts at once any news. */
#define CONVERGE_HOPELESS_LOOKS 2

/* When a pass ends: counts passes with and without progress. */
void convergeLadderNotePass(convergeLadder *ladder, const convergeControlState *state,
                            const convergeModel *model);

/* At every look, after the outlook of @state was set: counts the looks without a useful plan. */
void convergeLadderNoteLook(convergeLadder *ladder, const convergeControlState *state,
                            const convergeModel *model, convergeNews news);

/* Whether the rung that was taken last has not ended the migration in the time that the policy gives
 * it, so that the next one is due. */
gboolean convergeLadderNextIsDue(const convergeLadder *ladder, const convergeControlState *state,
                                 const convergeModel *model);

/* Takes the next rung if a limit is hit.  Writes at most two decisions, a rung that is skipped and
 * the one that is taken, and returns their number. */
unsigned int convergeLadderDecide(convergeLadder *ladder, const convergeControlState *state,
                                  const convergeModel *model, convergeNews news,
                                  convergeDecision *decisions);

/* From when the rung suspend was taken: lets the guest run again if the pause takes much longer than
 * was foretold, or longer than the policy allows.  The rung may be taken again once the link is
 * alive.  After the third such pause the next rung is due instead.  A guest that somebody else has
 * let run is not watched any more.  If the next rung is due, aborts, or else lets the guest run so
 * that it can be taken.  Returns the number of decisions. */
unsigned int convergeLadderWatchPause(convergeLadder *ladder, convergeControlState *state,
                                      const convergeModel *model, convergeDecision *decisions);

/* The guest could not be let run again, as when next to nothing is left to send: the pause goes on, and
 * is watched from now on as if it had just begun. */
void convergeLadderResumeFailed(convergeLadder *ladder, const convergeModel *model);

/* The last rung decided could not be taken: the next one is due. */
void convergeLadderRungFailed(convergeLadder *ladder, convergeVerb verb);
