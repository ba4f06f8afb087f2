/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page_sample.h: what can be saved of a guest's memory, by a sample of its pages
 *
 * Memory is divided into runs of neighbouring pages.  From each of many equal parts of memory one run is
 * taken, in an order that spreads any number of them over all memory, until there are enough or
 * the processor time is used up.  A run is one observation: neighbours are alike, and what
 * differs is one run from another.  All ranges hold the true value in about 19 of 20 samples.
 *
 * No byte of the guest's is kept: the buffers are overwritten.
 */
#pragma once

#include "transport/compress.h"
#include "util/range.h"

#define CONVERGE_PAGE 4096
#define CONVERGE_RUN_PAGES 16
#define CONVERGE_RUN_BYTES (CONVERGE_RUN_PAGES * CONVERGE_PAGE)

/* More runs than that say nothing more of use. */
#define CONVERGE_RUNS_MOST 512

/* What is known about a page. */
typedef enum {
    CONVERGE_PAGE_READ,
    CONVERGE_PAGE_ABSENT, /* the guest has never written to it: it is zero */
    CONVERGE_PAGE_HIDDEN  /* to read it would change something; it does not count */
} convergePageState;

/* Where pages come from. */
typedef struct _convergePageSource convergePageSource;
struct _convergePageSource {
    guint64 runs;   /* of the guest's memory */
    gsize runsMost; /* of which no more are read */
    /* Sets the state of each page of @run, and reads those that are CONVERGE_PAGE_READ to their places in @pages.
     * Returns FALSE with @error set if the source fails. */
    gboolean (*read)(gpointer opaque, guint64 run, guint8 *pages, convergePageState states[CONVERGE_RUN_PAGES],
                     GError **error);
    gpointer opaque;
};

/* What one compressor makes of the pages that are not zero. */
typedef struct _convergeCompressible convergeCompressible;
struct _convergeCompressible {
    gsize runs; /* that were compressed; 0: the rest is not known */
    int level;
    convergeRange ratio; /* bytes of memory for each byte on the wire */
    double packSpeed;    /* bytes of memory that one thread compresses in a second */
    double unpackSpeed;  /* the same for a thread that decompresses, on this machine */
};

typedef struct _convergePageSample convergePageSample;
struct _convergePageSample {
    gsize runs;
    convergeRange zero; /* share of pages that are zero, 0..1 */
    convergeCompressible codecs[CONVERGE_CODEC_LAST];
    double cpuSeconds; /* that it has taken */
};

/* Takes a sample.
 *
 * @levels: of each codec; 0: is not tried
 * @cpuMost: processor time that it may take, seconds
 *
 * Returns FALSE with @error set if the source fails or too few pages can be read. */
gboolean convergePageSampleTake(const convergePageSource *source, const int levels[CONVERGE_CODEC_LAST],
                                double cpuMost, convergePageSample *sample, GError **error);
