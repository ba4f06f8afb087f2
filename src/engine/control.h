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
    convergeControlState state; /* its first members are to be set before the first decision */
    convergeLadder ladder;
    convergeLawAdaptive adaptive;
    gboolean started;           /* the start decisions were made */
    gboolean ceilingSet;        /* from outside, since the last decision */
};

#define CONVERGE_DECISIONS_MAX 3

/* Looks at a model that was just updated with @news; writes what is to be done now, in order, and
 * returns how many decisions that is. */
unsigned int convergeControlDecide(convergeControl *control,
                                   const convergeModel *model,
                                   convergeNews news,
                                   convergeDecision decisions[CONVERGE_DECISIONS_MAX]);

/* A downtime of @ms was allowed from outside, which is a ceiling from now on. */
void convergeControlSetCeiling(convergeControl *control, gint64 ms);
