/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.h: the limits of a policy, and the fallback when one is hit
 *
 * Part of the control, and as pure.
 */
#pragma once

#include "engine/control.h"

/* Keeps count of passes with and without progress; to be called at every sync. */
void convergeLadderNoteSync(convergeControl *control, const convergeModel *model);

/* Whether @prediction is of no use to the guest: it does not converge, or loses half as much
 * again as to stop the guest now and send what is dirty. */
gboolean convergeLadderIsHopeless(const convergeModel *model,
                                  const convergePrediction *prediction);

/* Climbs the ladder if a limit is hit; writes at most two decisions (a rung that is
 * skipped, and the one that is taken) and returns how many. */
unsigned int convergeLadderDecide(convergeControl *control, const convergeModel *model,
                                  convergeNews news, convergeDecision *decisions);
