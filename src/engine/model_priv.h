/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model_priv.h: the parts of an update of the model
 */
#pragma once

#include "engine/model.h"

/* Guest memory sent as pages since the start of the migration, bytes.  What was dirtied again and
 * sent again counts again. */
static inline double
modelPages(const convergeSample *sample)
{
    return (double)sample->normalBytes + (double)sample->compressedBytes;
}

/* The same, with what was found to be zero. */
static inline double
modelWorkedOff(const convergeSample *sample)
{
    return modelPages(sample) + (double)sample->constantBytes;
}

/* --- model.c --- */

/* Adds an observation to @list, the oldest of which goes if it is full; see convergeObservation. */
void modelObserve(convergeObservations *list, double seconds, double throttle, double bytes,
                  double pending);

/* --- model_link.c --- */

/* Guest memory, bytes, that @wire bytes on the link stand for, in which @pages bytes of pages were
 * counted. */
double modelMemory(double wire, double pages);

/* Begins a bandwidth window at @sample. */
void modelLinkStart(convergeModel *model, const convergeSample *sample);

/* Takes @sample, and ends the window if that is long enough. */
void modelLinkUpdate(convergeModel *model, const convergeSample *sample);

/* --- model_pass.c --- */

/* Takes the first sample. */
void modelPassStart(convergeModel *model, const convergeSample *sample);

/* Takes the sample that shows one or more bitmap syncs, with .last still the one before it.
 * Returns TRUE if a pass has ended. */
gboolean modelPassNoteSync(convergeModel *model, const convergeSample *sample);
