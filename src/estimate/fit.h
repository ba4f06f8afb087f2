/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit.h: working set and write rate of a guest that is not being migrated
 *
 * QEMU measures dirtying by hashing a random sample of pages twice, or by counting all
 * of them.  Of n sampled pages, the number that changed is binomial, with the share that
 * the model of engine/model.h dirties in that time:
 *
 *     D(t) / memory = W (1 - exp(-r t / W)) / memory
 *
 * The pair (W, r) with the least deviance from all measurements is the fit, and the
 * pairs whose deviance is not significantly more are what it may be as well.  Pure.
 */
#pragma once

#include "engine/model.h"

/* Pages that QEMU samples of each GiB (DIRTYRATE_DEFAULT_SAMPLE_PAGES in
 * migration/dirtyrate.h; libvirt's call has no say in it). */
#define CONVERGE_SAMPLED_PER_GIB 512

/* QEMU measures no block of guest memory that is smaller (MIN_RAMBLOCK_SIZE there). */
#define CONVERGE_SAMPLED_LEAST (G_GUINT64_CONSTANT(128) << 20)

/* A number, and between what it lies. */
typedef struct _convergeRange convergeRange;
struct _convergeRange {
    double value, low, high;
};

/* One pair that may be what the guest does. */
typedef struct _convergeDirtying convergeDirtying;
struct _convergeDirtying {
    double workingSet;          /* bytes */
    double writeRate;           /* bytes/s at full speed */
};

/* The likeliest pair, and those with the least and greatest of each. */
#define CONVERGE_FIT_CORNERS 5

typedef struct _convergeSampledFit convergeSampledFit;
struct _convergeSampledFit {
    convergeRange workingSet;
    convergeRange writeRate;
    gboolean setOpen;           /* W may be anything above .workingSet.low... */
    gboolean rateOpen;          /* ...r above .writeRate.low: the guest rewrites its whole
                                 * working set within the shortest measurement */
    gboolean quiet;             /* no page was seen to change */
    double scatter;             /* deviance per degree of freedom, >= 1; far above 1 the
                                 * guest is not one working set at one rate */
    convergeDirtying corner[CONVERGE_FIT_CORNERS];  /* [0]: the likeliest */
};

/* @seen: what was measured without any throttle, @n >= 1 of them; @memory: of the guest,
 * bytes; @pages: looked at in each measurement, see convergeFitPages() */
void convergeFitDirtying(const convergeObservation *seen, gsize n, double memory,
                         double pages, convergeSampledFit *fit);

/* Pages that QEMU looks at: a sample, or (@exact) all of 4 KiB. */
double convergeFitPages(double memory, gboolean exact);

/* What was dirtied in @seconds at QEMU's rate of @mibps, which it cuts off to a whole
 * number. */
convergeObservation convergeFitObservation(double seconds, guint64 mibps);
