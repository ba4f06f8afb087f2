/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h: from model and policy to decisions
 *
 * Includes and calls go one way: plan <- control_state <- ladder <- laws <- control.  Pure, like
 * the model: no clock, I/O, lock or log.
 */
#pragma once

#include "engine/laws.h"

typedef struct _convergeControl convergeControl;
struct _convergeControl {
    convergeControlState state; /* the members of the loop are set before the first decision */
    convergeLadder ladder;
    convergeLawAdaptive adaptive;
    gboolean started;    /* the start decisions were made */
    gboolean ceilingSet; /* .state.ceilingMs has changed since the last decision */
};

#define CONVERGE_DECISIONS_MAX 3

/* To be called after the model was updated with @news.  Writes what is to be done now, in order,
 * and returns the number of decisions. */
unsigned int convergeControlDecide(convergeControl *control,
                                   const convergeModel *model,
                                   convergeNews news,
                                   convergeDecision decisions[CONVERGE_DECISIONS_MAX]);

/* The allowed downtime was set to @ms from outside: no decision goes above that from now on. */
void convergeControlSetCeiling(convergeControl *control, gint64 ms);
