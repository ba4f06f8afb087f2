/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probes.h: when the next dirty-rate probe is due
 *
 * Pure.  All times are ms on the clock of the samples.
 */
#pragma once

#include "engine/model.h"

typedef struct _convergeProbes convergeProbes;
struct _convergeProbes {
    guint64 lastId; /* last finished probe */
    gint64 dueMs;   /* the next one; -1: one is under way, or probes do not work */
    gint64 endMs;   /* when the one under way should end */
};

/* No probe is ever due. */
void convergeProbesGiveUp(convergeProbes *probes);

/* Takes the newest sample: once a probe has ended, schedules the next one. */
void convergeProbesNote(convergeProbes *probes, const convergeModel *model);

/* The throttle has changed: unless a probe is under way, the next one is due at once. */
void convergeProbesHurry(convergeProbes *probes, gint64 nowMs);

/* Whether a probe should start now.
 *
 * @spareEnd: none may be under way when the bulk pass ends */
gboolean convergeProbesAreDue(const convergeProbes *probes, const convergeModel *model,
                              gboolean spareEnd);

void convergeProbesNoteStart(convergeProbes *probes, gint64 nowMs);

/* In how many ms the next sample is due while memory moves: at most CONVERGE_SAMPLE_SLOWEST_MS. */
gint64 convergeProbesNextSample(const convergeProbes *probes, const convergeModel *model);
