/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit.h: working set and write rate of a guest that is not being migrated
 *
 * QEMU measures the dirty rate by hashing a random sample of pages twice, or by counting all
 * dirtied pages.  The number of changed pages among n sampled ones is binomial, with the
 * share that the model of engine/model.h dirties in that time:
 *
 *     D(t) / memory = W (1 - exp(-r t / W)) / memory
 *
 * The fit is the pair (W, r) with the least deviance from all measurements.  All pairs whose
 * deviance is not significantly greater are possible as well.  This code is pure.
 */
#pragma once

#include "engine/model.h"
#include "util/range.h"

/* Pages that QEMU samples in each GiB (DIRTYRATE_DEFAULT_SAMPLE_PAGES in
 * migration/dirtyrate.h; libvirt cannot change it). */
#define CONVERGE_SAMPLED_PER_GIB 512

/* QEMU samples no block of guest memory smaller than this (MIN_RAMBLOCK_SIZE there). */
#define CONVERGE_SAMPLED_LEAST (G_GUINT64_CONSTANT(128) << 20)

/* One possible pair (W, r). */
typedef struct _convergeDirtying convergeDirtying;
struct _convergeDirtying {
    double workingSet; /* bytes */
    double writeRate;  /* bytes/s at full speed */
};

/* The likeliest pair, and those with the least and greatest W and r. */
#define CONVERGE_FIT_CORNERS 5

typedef struct _convergeSampledFit convergeSampledFit;
struct _convergeSampledFit {
    convergeRange workingSet;
    convergeRange writeRate;
    gboolean setOpen;                              /* W may be anything above .workingSet.low */
    gboolean rateOpen;                             /* r may be anything above .writeRate.low: the guest rewrites
                                                    * its whole working set within the shortest measurement */
    gboolean quiet;                                /* no sampled page has changed */
    double scatter;                                /* deviance per degree of freedom, >= 1; if far above 1, the
                                                    * guest does not write to one working set at one rate */
    convergeDirtying corner[CONVERGE_FIT_CORNERS]; /* [0]: the likeliest */
};

/* Fits a pair (W, r) to measurements.
 *
 * @seen: @n >= 1 measurements of the guest at full speed
 * @memory: of the guest, bytes
 * @setMost: no working set is larger, as far as is known, bytes; @memory: nothing is known.  More counts
 *           if more was seen
 * @pages: sampled in each measurement, see convergeFitPages() */
void convergeFitDirtying(const convergeObservation *seen, gsize n, double memory, double setMost,
                         double pages, convergeSampledFit *fit);

/* Number of pages that QEMU examines: a sample, or with @exact all pages of 4 KiB. */
double convergeFitPages(double memory, gboolean exact);

/* The observation for a measurement of @seconds for which QEMU reports the truncated rate
 * @mibps, in MiB/s. */
convergeObservation convergeFitObservation(double seconds, guint64 mibps);
