/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * phases.h: whether the guest writes more and less by turns, and when it will write less
 *
 * The model takes the guest to be one, and its phases to be noise.  Here each dirty-rate
 * probe is of a peak or of a valley, by what the link carries, and where one turns into the
 * other is an edge.  Four edges are a period that has been seen twice.  A guest without
 * phases has no edges, and nothing here is said of it.
 *
 * Pure, as the model is.
 */
#pragma once

#include "engine/model.h"

typedef enum {
    CONVERGE_PHASE_UNKNOWN,     /* no probe yet */
    CONVERGE_PHASE_VALLEY,
    CONVERGE_PHASE_PEAK,
    CONVERGE_PHASE_LAST
} convergePhase;

/* What it takes to see a period twice. */
#define CONVERGE_PHASES_EDGES 4

typedef struct _convergePhases convergePhases;
struct _convergePhases {
    convergePhase now;
    double rate[CONVERGE_PHASE_LAST];   /* what the guest dirties at full speed, bytes/s */
    unsigned int probes;        /* in the phase that it is in */
    gint64 probedMs;            /* the last one */
    unsigned int nedges;
    gint64 edgeMs[CONVERGE_PHASES_EDGES];   /* newest last */
};

/* Takes a probe that @model has just been updated with. */
void convergePhasesNote(convergePhases *phases, const convergeModel *model);

/* What is known of the valley that is, or of the one that comes next. */
typedef struct _convergeValley convergeValley;
struct _convergeValley {
    gint64 inMs;                /* from now until it begins; 0: it has */
    gint64 leftMs;              /* from then until it ends */
};

/* FALSE: there is none, as far as is known. */
gboolean convergePhasesFindValley(const convergePhases *phases, const convergeModel *model,
                                  convergeValley *valley);

/* Follows @plan to the end in @valley; what was dirtied before it counts, that it ends does
 * not.  Before the first edge there is no valley to follow it in. */
convergePrediction convergePhasesPredict(const convergePhases *phases,
                                         const convergeModel *model,
                                         const convergeValley *valley,
                                         const convergePlan *plan);
