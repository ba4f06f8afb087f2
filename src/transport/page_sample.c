/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page_sample.c: what can be saved of a guest's memory, by a sample of its pages
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include <glib/gi18n-lib.h>

#include "transport/page_sample.h"

/* Fewer say nothing about how much they differ. */
#define RUNS_LEAST 5

/* Of the time, the share that a codec may take: zlib takes five times as long for the same pages, and half as
 * many pages tell its ratio well enough. */
static const double shares[] = {
    [CONVERGE_CODEC_ZLIB] = 0.3,
    [CONVERGE_CODEC_ZSTD] = 1.0,
};
G_STATIC_ASSERT(G_N_ELEMENTS(shares) == CONVERGE_CODEC_LAST);

/* The golden ratio: multiples of it, without their whole parts, spread evenly however many they are. */
#define SPREAD 0.6180339887498949

/* Sums over runs, for a mean and its error. */
typedef struct {
    double n, x, y, xx, xy, yy;
} runSums;

typedef struct {
    const convergePageSource *source;
    guint8 *pages;
    convergeCompressor *compressors[CONVERGE_CODEC_LAST];
    runSums packed[CONVERGE_CODEC_LAST]; /* x: bytes of memory, y: on the wire */
    convergeCompressed took[CONVERGE_CODEC_LAST];
    runSums zero; /* x: pages that are known, y: pages that are zero */
    gsize runs;
} sampling;

static double
cpuSeconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
add(runSums *sums,
    double x,
    double y)
{
    sums->n++;
    sums->x += x;
    sums->y += y;
    sums->xx += x * x;
    sums->xy += x * y;
    sums->yy += y * y;
}

/* The ratio y / x of the sums, and half of the width of its range: two standard errors of a ratio
 * estimator, and more for a small number. */
static double
quotient(const runSums *sums,
         double *half)
{
    double f = sums->y / sums->x;
    double squares = MAX(sums->yy - 2 * f * sums->xy + f * f * sums->xx, 0);

    *half = (2 + 4 / (sums->n - 1)) * sqrt(squares * sums->n / (sums->n - 1)) / sums->x;
    return f;
}

static gboolean
isZero(const guint8 *page)
{
    return page[0] == 0 && memcmp(page, page + 1, CONVERGE_PAGE - 1) == 0;
}

/* Compresses @bytes with each codec that has not used up its share. */
static gboolean
compressRun(sampling *sample,
            gsize bytes,
            double spent,
            GError **error)
{
    gsize i;

    for (i = 0; i < CONVERGE_CODEC_LAST; i++) {
        convergeCompressed *took = &sample->took[i];
        convergeCompressed one;

        if (!sample->compressors[i] || took->packSeconds + took->unpackSeconds > shares[i] * spent)
            continue;
        if (!convergeCompressorTry(sample->compressors[i], sample->pages, bytes, &one, error))
            return FALSE;

        /* The first takes longer, since memory is new. */
        if (sample->packed[i].n == 1)
            *took = (convergeCompressed) { 0 };
        add(&sample->packed[i], one.in, one.out);
        took->in += one.in;
        took->packSeconds += one.packSeconds;
        took->unpackSeconds += one.unpackSeconds;
    }
    return TRUE;
}

static gboolean
takeRun(sampling *sample,
        guint64 run,
        double spent,
        GError **error)
{
    convergePageState states[CONVERGE_RUN_PAGES];
    gsize known = 0;
    gsize zero = 0;
    gsize kept = 0;
    gsize i;

    if (!sample->source->read(sample->source->opaque, run, sample->pages, states, error))
        return FALSE;

    /* QEMU sends no zero page to a compressor. */
    for (i = 0; i < CONVERGE_RUN_PAGES; i++) {
        const guint8 *page = sample->pages + i * CONVERGE_PAGE;

        known += states[i] != CONVERGE_PAGE_HIDDEN;
        if (states[i] == CONVERGE_PAGE_ABSENT || (states[i] == CONVERGE_PAGE_READ && isZero(page)))
            zero++;
        else if (states[i] == CONVERGE_PAGE_READ)
            memmove(sample->pages + kept++ * CONVERGE_PAGE, page, CONVERGE_PAGE);
    }
    if (known > 0)
        add(&sample->zero, (double)known, (double)zero);
    return kept == 0 || compressRun(sample, kept * CONVERGE_PAGE, spent, error);
}

static gboolean
takeRuns(sampling *sample,
         double beginSeconds,
         double cpuMost,
         GError **error)
{
    gsize most = (gsize)MIN(sample->source->runs, MIN(sample->source->runsMost, CONVERGE_RUNS_MOST));
    double longest = 0;
    double spent = 0;

    for (sample->runs = 0; sample->runs < most && spent + longest < cpuMost; sample->runs++) {
        double place = fmod((double)(sample->runs + 1) * SPREAD, 1);
        guint64 run = MIN((guint64)(place * (double)sample->source->runs), sample->source->runs - 1);
        double before = spent;

        if (!takeRun(sample, run, spent, error))
            return FALSE;
        spent = cpuSeconds() - beginSeconds;
        longest = MAX(longest, spent - before);
    }
    return TRUE;
}

static void
judgeCodec(const sampling *sample,
           convergeCodec codec,
           convergeCompressible *result)
{
    const convergeCompressed *took = &sample->took[codec];
    double half, f;

    if (sample->packed[codec].n < RUNS_LEAST)
        return;

    f = quotient(&sample->packed[codec], &half);
    result->runs = (gsize)sample->packed[codec].n;
    result->ratio = (convergeRange) { 1 / f, 1 / (f + half), 1 / MAX(f - half, f / 10) };
    result->packSpeed = took->in / MAX(took->packSeconds, 1e-9);
    result->unpackSpeed = took->in / MAX(took->unpackSeconds, 1e-9);
}

/* If all runs are alike, one in 3 / n may still be different. */
static void
judge(const sampling *sample,
      convergePageSample *result)
{
    double half;
    double zero = quotient(&sample->zero, &half);
    gsize i;

    half = MAX(half, 3 / sample->zero.n);
    result->runs = sample->runs;
    result->zero = (convergeRange) { zero, MAX(zero - half, 0), MIN(zero + half, 1) };
    for (i = 0; i < CONVERGE_CODEC_LAST; i++)
        judgeCodec(sample, i, &result->codecs[i]);
}

gboolean
convergePageSampleTake(const convergePageSource *source,
                       const int levels[CONVERGE_CODEC_LAST],
                       double cpuMost,
                       convergePageSample *result,
                       GError **error)
{
    sampling sample = { .source = source };
    double beginSeconds = cpuSeconds();
    gboolean ret = TRUE;
    gsize i;

    *result = (convergePageSample) { 0 };
    sample.pages = g_malloc(CONVERGE_RUN_BYTES);
    for (i = 0; i < CONVERGE_CODEC_LAST && ret; i++) {
        result->codecs[i].level = levels[i];
        if (levels[i] > 0)
            ret = (sample.compressors[i] = convergeCompressorNew(i, levels[i], error)) != NULL;
    }

    ret = ret && takeRuns(&sample, beginSeconds, cpuMost, error);
    if (ret && sample.zero.n < RUNS_LEAST) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("too little of the guest's memory can be read without changing anything"));
        ret = FALSE;
    }
    if (ret)
        judge(&sample, result);

    for (i = 0; i < CONVERGE_CODEC_LAST; i++)
        convergeCompressorFree(sample.compressors[i]);
    explicit_bzero(sample.pages, CONVERGE_RUN_BYTES);
    g_free(sample.pages);
    result->cpuSeconds = cpuSeconds() - beginSeconds;
    return ret;
}
