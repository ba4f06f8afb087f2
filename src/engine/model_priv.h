/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model_priv.h: the parts of an update of the model
 */
#pragma once

#include "engine/model.h"

/* Guest memory that needs no sending any more, since it was sent or found to be zero, bytes. */
static inline double
modelWorkedOff(const convergeSample *sample)
{
    return (double)sample->normalBytes + (double)sample->constantBytes +
        (double)sample->compressedBytes;
}

/* --- model.c --- */

/* Adds an observation to @list, the oldest of which goes if it is full; see convergeObservation. */
void modelObserve(convergeObservations *list, double seconds, double throttle, double bytes,
                  double pending);

/* --- model_link.c --- */

void modelLinkStart(convergeModel *model, const convergeSample *sample);
void modelLinkUpdate(convergeModel *model, const convergeSample *sample);

/* --- model_pass.c --- */

void modelPassStart(convergeModel *model, const convergeSample *sample);

/* Takes the sample that shows one or more bitmap syncs, with .last still the one before it.
 * Returns TRUE if a pass has ended. */
gboolean modelPassNoteSync(convergeModel *model, const convergeSample *sample);
