/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pagesampletest.c: what a sample of pages says of memory that is known
 */
#include <string.h>

#include "transport/page_sample.h"

#define RUNS 4096

/* Memory of which some runs are never touched, hidden, zero, text, and the rest random bytes, in parts of
 * @period runs. */
typedef struct {
    guint absent, hidden, zero, text, random;
    guint trouble; /* the read of this number fails; 0: none does */
    guint reads;
} memory;

/* Bytes that no compressor makes anything of, or eight letters; the same for the same @seed. */
static void
fill(guint64 seed,
     guint8 *page,
     gboolean text)
{
    gsize i, j;

    for (i = 0; i < CONVERGE_PAGE; i += sizeof(seed)) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        for (j = 0; j < sizeof(seed); j++) {
            guint8 byte = (guint8)(seed >> (8 * j));

            page[i + j] = text ? (guint8)('a' + (byte & 7)) : byte;
        }
    }
}

static gboolean
readRun(gpointer opaque,
        guint64 run,
        guint8 *pages,
        convergePageState states[CONVERGE_RUN_PAGES],
        GError **error)
{
    memory *guest = opaque;
    guint period = guest->absent + guest->hidden + guest->zero + guest->text + guest->random;
    g_autoptr(GRand) dice = g_rand_new_with_seed((guint32)run);
    guint kind = (guint)g_rand_int_range(dice, 0, (gint32)period);
    gsize i;

    g_assert_cmpuint(run, <, RUNS);
    if (++guest->reads == guest->trouble) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO, "trouble");
        return FALSE;
    }

    /* What is not read must not be looked at. */
    memset(pages, 'x', CONVERGE_RUN_BYTES);
    for (i = 0; i < CONVERGE_RUN_PAGES; i++) {
        guint8 *page = pages + i * CONVERGE_PAGE;

        states[i] = kind < guest->absent         ? CONVERGE_PAGE_ABSENT :
            kind < guest->absent + guest->hidden ? CONVERGE_PAGE_HIDDEN :
                                                   CONVERGE_PAGE_READ;
        if (kind < guest->absent + guest->hidden)
            continue;
        if (kind < guest->absent + guest->hidden + guest->zero)
            memset(page, 0, CONVERGE_PAGE);
        else
            fill((run * CONVERGE_RUN_PAGES + i + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15), page, kind < period - guest->random);
    }
    return TRUE;
}

static convergePageSample
take(memory *guest,
     gsize runsMost)
{
    const convergePageSource source = { RUNS, runsMost, readRun, guest };
    const int levels[] = { [CONVERGE_CODEC_ZLIB] = 1, [CONVERGE_CODEC_ZSTD] = 1 };
    g_autoptr(GError) error = NULL;
    convergePageSample sample;

    convergePageSampleTake(&source, levels, 60, &sample, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sample.runs, ==, guest->reads);
    return sample;
}

static void
assertIn(const convergeRange *range,
         double value)
{
    g_assert_cmpfloat(range->low, <=, value);
    g_assert_cmpfloat(range->high, >=, value);
    g_assert_cmpfloat(range->low, <=, range->value);
    g_assert_cmpfloat(range->high, >=, range->value);
}

/* The ratio of one run of each kind alone. */
static double
ratioOf(gboolean text)
{
    memory guest = { .text = text, .random = !text };

    return take(&guest, 20).codecs[CONVERGE_CODEC_ZSTD].ratio.value;
}

static void
testKnown(void)
{
    static const memory rows[] = {
        { .text = 1 },
        { .random = 1 },
        { .absent = 1, .random = 1 },
        { .zero = 1, .random = 1 },
        { .zero = 2, .absent = 1, .text = 1 },
        { .hidden = 3, .text = 1, .zero = 1 },
        { .text = 2, .random = 1 },
        { .absent = 1, .text = 1, .random = 8 },
    };
    double text = ratioOf(TRUE);
    double random = ratioOf(FALSE);
    gsize i;

    g_assert_cmpfloat(text, >, 2.3);
    g_assert_cmpfloat_with_epsilon(random, 1, 0.01);
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        memory guest = rows[i];
        convergePageSample sample = take(&guest, CONVERGE_RUNS_MOST);
        double known = guest.absent + guest.zero + guest.text + guest.random;
        double full = guest.text + guest.random;
        const convergeCompressible *zstd = &sample.codecs[CONVERGE_CODEC_ZSTD];

        g_test_message("row %" G_GSIZE_FORMAT ": zero %.3f (%.3f..%.3f), ratio %.3f (%.3f..%.3f)", i, sample.zero.value,
                       sample.zero.low, sample.zero.high, zstd->ratio.value, zstd->ratio.low, zstd->ratio.high);
        assertIn(&sample.zero, (guest.absent + guest.zero) / known);
        g_assert_cmpfloat(sample.zero.high - sample.zero.low, <, 0.15);
        g_assert_cmpfloat(sample.zero.high - sample.zero.low, >, 0.005);
        assertIn(&(convergeRange) { zstd->ratio.value, zstd->ratio.low * 0.99, zstd->ratio.high * 1.01 },
                 full / (guest.text / text + guest.random / random));
        g_assert_cmpfloat(zstd->ratio.high / zstd->ratio.low, <, 1.3);
        g_assert_cmpuint(zstd->runs, >, 50);
        g_assert_cmpuint(sample.codecs[CONVERGE_CODEC_ZLIB].runs, >=, 5);
        g_assert_cmpuint(sample.codecs[CONVERGE_CODEC_ZLIB].runs, <=, zstd->runs);
        g_assert_cmpfloat(zstd->packSpeed, >, 1e6);
        g_assert_cmpfloat(zstd->unpackSpeed, >, 1e6);
    }
}

/* The fewer runs, the wider the range, and it holds the truth in most cases. */
static void
testErrors(void)
{
    double text = ratioOf(TRUE);
    double truth = 2 / (1 / text + 1);
    double width = 0;
    gsize most;

    for (most = 8; most <= 128; most *= 4) {
        memory guest = { .text = 1, .random = 1 };
        const convergePageSample sample = take(&guest, most);
        const convergeRange *ratio = &sample.codecs[CONVERGE_CODEC_ZSTD].ratio;

        assertIn(ratio, truth);
        if (width > 0)
            g_assert_cmpfloat(ratio->high - ratio->low, <, width);
        width = ratio->high - ratio->low;
    }
}

/* A codec of level 0 is not tried, and no time is no runs. */
static void
testBounds(void)
{
    memory guest = { .text = 1 };
    const convergePageSource source = { RUNS, CONVERGE_RUNS_MOST, readRun, &guest };
    const int levels[] = { [CONVERGE_CODEC_ZLIB] = 0, [CONVERGE_CODEC_ZSTD] = 3 };
    g_autoptr(GError) error = NULL;
    convergePageSample sample;

    g_assert_true(convergePageSampleTake(&source, levels, 60, &sample, NULL));
    g_assert_cmpuint(sample.codecs[CONVERGE_CODEC_ZLIB].runs, ==, 0);
    g_assert_cmpuint(sample.codecs[CONVERGE_CODEC_ZSTD].runs, ==, CONVERGE_RUNS_MOST);
    g_assert_cmpint(sample.codecs[CONVERGE_CODEC_ZSTD].level, ==, 3);

    guest.reads = 0;
    g_assert_false(convergePageSampleTake(&source, levels, 0, &sample, &error));
    g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
    g_assert_cmpuint(guest.reads, ==, 0);

    /* Whatever a run takes, there are fewer when there is less time. */
    g_assert_true(convergePageSampleTake(&source, levels, sample.cpuSeconds + 0.02, &sample, NULL));
    g_assert_cmpuint(sample.runs, <, CONVERGE_RUNS_MOST);
}

static void
testTrouble(void)
{
    static const struct {
        memory guest;
        const char *message;
    } rows[] = {
        { { .text = 1, .trouble = 1 }, "trouble" },
        { { .text = 1, .trouble = 9 }, "trouble" },
        { { .hidden = 1 }, "too little of the guest's memory can be read without changing anything" },
    };
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        memory guest = rows[i].guest;
        const convergePageSource source = { RUNS, 50, readRun, &guest };
        const int levels[CONVERGE_CODEC_LAST] = { 1, 1 };
        g_autoptr(GError) error = NULL;
        convergePageSample sample;

        g_assert_false(convergePageSampleTake(&source, levels, 60, &sample, &error));
        g_assert_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

int
main(int argc,
     char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page-sample/known", testKnown);
    g_test_add_func("/page-sample/errors", testErrors);
    g_test_add_func("/page-sample/bounds", testBounds);
    g_test_add_func("/page-sample/trouble", testTrouble);
    return g_test_run();
}
