/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * phases.h: whether the guest alternates between phases, and when it will write less
 *
 * The model knows one steady guest and treats phases as noise.  Here each dirty-rate probe is
 * put into a peak or a valley, by its relation to the bandwidth.  A change from one to the
 * other is an edge; four edges show a period twice.  A guest without phases has no edges.
 *
 * Pure, like the model.
 */
#pragma once

#include "engine/predict.h"

typedef enum {
    CONVERGE_PHASE_UNKNOWN, /* no probe yet */
    CONVERGE_PHASE_VALLEY,
    CONVERGE_PHASE_PEAK,
    CONVERGE_PHASE_LAST
} convergePhase;

/* As many as it takes to see a period twice. */
#define CONVERGE_PHASES_EDGES 4

typedef struct _convergePhases convergePhases;
struct _convergePhases {
    convergePhase now;
    double rate[CONVERGE_PHASE_LAST]; /* dirty rate at full speed in each phase, bytes/s */
    unsigned int probes;              /* number of probes in the present phase */
    gint64 probedMs;                  /* the last probe */
    unsigned int nedges;
    gint64 edgeMs[CONVERGE_PHASES_EDGES]; /* newest last */
};

/* Takes the probe with which @model has just been updated. */
void convergePhasesNote(convergePhases *phases, const convergeModel *model);

/* The present valley, or the next one. */
typedef struct _convergeValley convergeValley;
struct _convergeValley {
    gint64 inMs;   /* from now until it begins; 0: it has begun */
    gint64 leftMs; /* from then, or from now, until it ends */
};

/* Returns FALSE if no valley is known. */
gboolean convergePhasesFindValley(const convergePhases *phases, const convergeModel *model,
                                  convergeValley *valley);

/* Follows @plan to the end in @valley, which was found by convergePhasesFindValley().  Counts what
 * is dirtied before the valley begins, and assumes that the valley lasts until the end. */
convergePrediction convergePhasesPredict(const convergePhases *phases,
                                         const convergeModel *model,
                                         const convergeValley *valley,
                                         const convergePlan *plan);
