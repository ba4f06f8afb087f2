/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tally.h: what a migration has come to so far, for its record in the history
 *
 * Pure, like the model.
 */
#pragma once

#include "engine/decision.h"

/* From this throttle on a guest counts as held, %. */
#define CONVERGE_TALLY_HELD 90

/* A value: copy it freely.  All 0 before the first sample. */
typedef struct _convergeTally convergeTally;
struct _convergeTally {
    gboolean begun;                 /* memory has moved */
    gint64 totalMs;                 /* since the first sample */
    guint64 passes;                 /* that have ended */
    guint64 bytes;                  /* sent */
    gint64 throttledMs;             /* guest time lost to throttles: integral of throttle dt */
    unsigned int strongestThrottle; /* %, in force */
    gint64 strongestMs;             /* how long that was in force */
    gint64 heldMs;                  /* how long CONVERGE_TALLY_HELD or more were in force */
    gint64 downtimePredictedMs;     /* the newest prediction; 0: there is none */

    /* The first decision that came with a prediction, or that took a rung of the fallback without
     * one.  The prediction counts from the first sample, the downtime excepted. */
    gboolean planned;
    gint64 planAtMs; /* since the first sample */
    char plan[512];  /* translated */
    convergePrediction planPrediction;
};

/* After the model was updated with a new sample. */
void convergeTallyNote(convergeTally *tally, const convergeModel *model, const convergeSample *before,
                       const convergePrediction *prediction);

/* After a decision.  @text: translated */
void convergeTallyDecide(convergeTally *tally, const convergeModel *model,
                         const convergeDecision *decision, const char *text);

/* The migration call returned at @nowMs on the clock of the samples. */
void convergeTallyEnd(convergeTally *tally, const convergeModel *model, gint64 nowMs);
